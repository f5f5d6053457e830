// What a server asks of an engine, from any thread. The engine behind it runs on a thread of its own; tests
// put a fake one here.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "infer/event.h"

namespace swift::infer {

enum class Admission { accepted, queue_full, stopping };

// How many tokens the passes had: counts by size, the last of those beyond the largest bound.
struct PassTokens {
  static constexpr std::array<int64_t, 15> kBounds = {1,   2,   4,    8,    16,   32,   64,   128,
                                                      256, 512, 1024, 2048, 4096, 8192, 16384};
  std::array<uint64_t, kBounds.size() + 1> counts{};
  uint64_t sum = 0;
  void add(int64_t tokens) {
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), tokens);
    ++counts[static_cast<size_t>(bound - kBounds.begin())];
    sum += static_cast<uint64_t>(tokens);
  }
};

// Of the engine now, and since it started. Times are seconds.
struct EngineStats {
  int64_t running = 0;
  int64_t waiting = 0;
  int64_t blocks = 0;  // of the key/value cache
  int64_t blocks_used = 0;
  uint64_t prompt_tokens = 0;
  uint64_t generation_tokens = 0;
  uint64_t prefix_queries = 0;  // prompt tokens looked up
  uint64_t prefix_hits = 0;     // and found
  uint64_t preemptions = 0;
  uint64_t steps = 0;
  PassTokens pass_tokens;
  uint64_t drafts = 0;    // passes in which a sequence had guesses
  uint64_t drafted = 0;   // tokens proposed by speculation
  uint64_t accepted = 0;  // and kept
};

struct Adapter {
  std::string name;
  std::filesystem::path path;
};

class Service {
 public:
  using Sink = std::function<void(const Event&)>;
  virtual ~Service() = default;

  // Gives the request an id of its own and queues it. Its events go to `sink`, on the engine's thread, in
  // order, until one has a finish_reason; the sink must return quickly. Throws base::Error(usage) for
  // parameters out of range or an unknown adapter, base::Error(data) for a prompt that cannot be answered.
  virtual Admission submit(Request request, Sink sink, uint64_t& id) = 0;
  // Ends a request within one step, with `interrupted`; nothing for an id that is not there.
  virtual void cancel(uint64_t id) = 0;
  virtual EngineStats stats() const = 0;
  // Mean of the last hidden states of each prompt, of length 1 (hidden). adapter: as in Request. Throws as
  // submit() does.
  virtual std::vector<std::vector<float>> embed(const std::vector<std::vector<int32_t>>& prompts,
                                                const std::string& adapter) = 0;

  virtual std::vector<Adapter> adapters() const = 0;
  // Throws base::Error(model) for an adapter that cannot be loaded or belongs to another base,
  // base::Error(usage) for a name that is taken.
  virtual void load_adapter(const Adapter& adapter) = 0;
  // False when there is none of that name. Requests that use it finish first.
  virtual bool unload_adapter(const std::string& name) = 0;

  // Requests that it can hold at once, running or waiting: more can never be accepted.
  virtual int64_t max_requests() const = 0;
  virtual int64_t max_positions() const = 0;
  virtual int64_t vocab_size() const = 0;
};

}  // namespace swift::infer
