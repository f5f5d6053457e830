// What a device needs to go on by itself: from a drawn token to the next pass without the host.
#pragma once
#include <functional>
#include <memory>
#include <span>

#include "ops/draw_rule.h"
#include "ops/torch.h"

namespace swift::ops {

// Sequences that decode, one token each. On the device; rows past the sequences are padding: length 0, slot
// -1.
struct DecodeState {
  at::Tensor ids;        // (rows) int64, the tokens to compute
  at::Tensor positions;  // (rows) int64, theirs
  at::Tensor slots;      // (rows) int64, kv_cache.h: page · kBlockTokens + offset
  at::Tensor lengths;    // (rows) int32, positions in the cache with this token
  at::Tensor tables;     // (rows, pages) int32
  at::Tensor drawn;      // (rows) int32, what advance() takes
};

// The rules of a batch's rows on a device, and room for the choice.
class TokenDraws {
 public:
  virtual ~TokenDraws() = default;
  // Rules of the first rows; the others draw the most likely token. Queued without waiting.
  virtual void set(std::span<const DrawRule> rules) = 0;
  // logits (rows, vocab) fp32, dense, to drawn (rows) int32: a token, kNotFinite or kNothingLeft. What a row
  // draws enters its penalties, and its index counts up.
  virtual void draw(const at::Tensor& logits, const at::Tensor& drawn) = 0;
  // After draw(): the words of draw_rule.h that the last rules ask for, (rows, drawn_words()) int32.
  virtual at::Tensor words(const at::Tensor& logits, const at::Tensor& drawn) const = 0;
  // Whether the last rules need nothing that lies elsewhere each time: then draw() may be part of a graph.
  virtual bool is_fixed() const = 0;
};

// Work that was queued once and is queued again as a whole, on the same memory.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void replay() = 0;
};

class DeviceDecode {
 public:
  virtual ~DeviceDecode() = default;
  virtual std::unique_ptr<TokenDraws> token_draws(int64_t rows, int64_t vocab,
                                                  const at::TensorOptions& options) const = 0;
  // The drawn tokens become the next ones to compute: ids, positions, lengths and slots move on. Rows of
  // padding stay.
  virtual void advance(const DecodeState& state) const = 0;
  // Records `work`, which must have run before, without running it. Everything that it reads from elsewhere
  // must stay where it is.
  virtual std::unique_ptr<DeviceGraph> capture(const std::function<void()>& work) const = 0;
};

}  // namespace swift::ops
