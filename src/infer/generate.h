// Generation as a state machine: requests go in, step() makes one call of the model, events come out. Batches
// are continuous: a request starts as soon as another ends.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "infer/event.h"
#include "infer/sampler.h"
#include "infer/sampling_params.h"
#include "infer/step_model.h"
#include "infer/stop.h"
#include "text/tokenizer.h"

namespace swift::infer {

struct GeneratorOptions {
  std::vector<int32_t> eos_token_ids;
  int64_t max_batch_size = 1;
  // Prompts longer than this are computed in parts of this many tokens, counted from the prompt's start, so
  // that the parts do not depend on the batch.
  int64_t prefill_chunk = 2048;
  // New prompt parts join a model call while its tokens stay below this.
  int64_t max_batched_tokens = 8192;
  std::function<double()> now;  // seconds; default: a monotonic clock
};

// Tokens computed and the time it took. The time of a call that did both is shared out by tokens.
struct Throughput {
  int64_t prefill_tokens = 0;
  int64_t decode_tokens = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

class Generator {
 public:
  // The model and the tokenizer must outlive it. Throws base::Error(usage) for a max_batch_size below 1.
  Generator(StepModel& model, const text::Tokenizer& tokenizer, GeneratorOptions options);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator();

  // Throws base::Error(usage) for parameters out of range, base::Error(data) for a prompt that is empty,
  // holds a token the model lacks, or leaves no room for an answer; the generator is then unchanged.
  void add(Request request);
  // One model call: a token for every request whose prompt is computed, a part of the prompt for the others.
  std::vector<Event> step();
  // Ends every request with `interrupted` and what it has; those that never ran have nothing.
  std::vector<Event> interrupt();

  bool idle() const { return running_.empty() && waiting_.empty(); }
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }
  const Throughput& throughput() const { return throughput_; }

 private:
  struct Running;
  void admit();
  std::vector<Running*> schedule(std::vector<Step>& steps);
  Event accept(Running& request, std::span<const float> logits);
  Event finish(Running& request, Event event, FinishReason reason);
  std::unordered_set<int32_t> stop_tokens(const SamplingParams& params) const;
  void close_finished();

  StepModel& model_;
  const text::Tokenizer& tokenizer_;
  GeneratorOptions options_;
  std::deque<Request> waiting_;
  std::list<Running> running_;  // in order of arrival
  SamplingScratch scratch_;
  Throughput throughput_;
};

// Steps until idle or until a signal asks to stop (base::stop_signal), then interrupts. Returns that signal
// or 0.
int run_to_end(Generator& generator, const std::function<void(const Event&)>& on_event);

}  // namespace swift::infer
