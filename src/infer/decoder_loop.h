// Decoding on a device without the host: each pass takes the tokens that the one before it drew. A pass of
// one shape is queued once piece by piece and from then on as a whole (a CUDA graph).
#pragma once
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "infer/step_model.h"
#include "model/decoder.h"
#include "ops/device_ops.h"

namespace swift::infer {

class DecoderLoop {
 public:
  // Both must outlive it. Null where the device, the cache or the model does not take it. graphs false: each
  // pass is queued piece by piece.
  static std::unique_ptr<DecoderLoop> make(const model::Decoder& decoder, ops::KvCache& cache,
                                           int64_t max_positions, bool graphs = true);

  // Shapes that are kept, since each holds memory of its own: the one unused longest makes room.
  static constexpr size_t kMostShapes = 8;

  // steps: one token each, with the model's own adapter; blocks cover `count` tokens. Returns what is drawn,
  // (count, steps), an ops::DrawRule each, with what they ask for; a negative number ends what a sequence
  // has. Waits once.
  ops::DrawnTokens run(std::span<const Step> steps, std::span<const ops::DrawRule> rules, int64_t count);

 private:
  // Passes of one shape.
  struct Shape {
    int64_t longest = 0;  // positions that they reach at most
    ops::DecodeState state;
    std::unique_ptr<ops::TokenDraws> draws;
    at::Tensor words;    // (rows, ops::drawn_words()) int32 of the last pass
    at::Tensor history;  // (passes, rows, words) int32
    bool ran = false;
    uint64_t used = 0;  // by which run last
    std::unique_ptr<ops::DeviceGraph> graph;
  };

  DecoderLoop(const model::Decoder& decoder, ops::KvCache& cache, const ops::DeviceOps& device,
              int64_t max_positions, bool graphs);
  Shape& shape_of(int64_t rows, int64_t longest, int32_t told);
  void fill(const Shape& shape, std::span<const Step> steps) const;
  void pass(const Shape& shape);
  bool capture(Shape& shape);
  void advance(Shape& shape);

  const model::Decoder& decoder_;
  ops::KvCache& cache_;
  const ops::DeviceOps& device_;
  bool graphs_;
  model::RopeTable rope_;  // of all positions, where the weights lie
  // By rows, longest and ops::told_tokens().
  std::map<std::tuple<int64_t, int64_t, int32_t>, Shape> shapes_;
  uint64_t runs_ = 0;
};

}  // namespace swift::infer
