// The inference engine as a state machine: requests go in, step() makes one call of the model, events come
// out. Batches are continuous, prompts share cached prefixes. What a request gets depends on the request
// alone, never on what else runs. Not thread-safe: EngineService is the engine for several threads.
#pragma once
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "infer/drafter.h"
#include "infer/event.h"
#include "infer/scheduler.h"
#include "infer/service.h"
#include "infer/step_model.h"
#include "text/tokenizer.h"

namespace swift::infer {

struct SpeculationOptions {
  int64_t tokens = 4;     // guessed for each sequence at most
  int64_t most_seqs = 8;  // none when more sequences decode: then a forward pass has work enough
};

struct EngineOptions {
  std::vector<int32_t> eos_token_ids;
  SchedulerOptions scheduler;
  SpeculationOptions speculation;  // used when there is a drafter
  std::function<double()> now;     // seconds; default: a monotonic clock
};

// Tokens computed and the time it took. The time of a call that did both is shared out by tokens.
struct Throughput {
  int64_t prefill_tokens = 0;
  int64_t decode_tokens = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

class Engine {
 public:
  // The model and the tokenizer must outlive it. Throws base::Error(usage) for limits below 1.
  Engine(StepModel& model, const text::Tokenizer& tokenizer, EngineOptions options,
         std::unique_ptr<Drafter> drafter = nullptr);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Throws base::Error(usage) for parameters out of range, base::Error(data) for a prompt that is empty,
  // holds a token the model lacks, or leaves no room for an answer. Depends on what never changes: safe on
  // any thread.
  void check(const Request& request) const;
  // Throws as check() does, and base::Error(usage) for an unknown adapter; the engine is then unchanged.
  void add(Request request);
  // One model call: tokens for requests whose prompt is computed, parts of prompts for others. A request that
  // fails, or all of the call when the model fails, end with `failed`; the others go on.
  std::vector<Event> step();
  // What made requests of the last step fail, or null.
  std::exception_ptr failure() const { return failure_; }
  // Ends a request with `interrupted`; none when there is no such request.
  std::optional<Event> cancel(uint64_t id);
  // Ends every request with `interrupted` and what it has; those that never ran have nothing.
  std::vector<Event> interrupt();

  // To be called when the model's weights have changed.
  void reset_prefix_cache() { scheduler_.reset_prefix_cache(); }
  // Mean of the last hidden states of each prompt, one model call each. Throws as add() does.
  std::vector<std::vector<float>> embed(const std::vector<std::vector<int32_t>>& prompts,
                                        const std::string& adapter = {});

  // Throws base::Error(usage) for a name that is taken, and what the model throws.
  void load_adapter(const std::string& name, const std::filesystem::path& directory);
  // False when there is none. Requests that use it finish first.
  bool unload_adapter(const std::string& name);

  bool idle() const { return running() + waiting() == 0; }
  size_t running() const { return scheduler_.running().size(); }
  size_t waiting() const { return scheduler_.waiting(); }
  const Throughput& throughput() const { return throughput_; }
  EngineStats stats() const;
  const BlockPool& pool() const { return scheduler_.pool(); }

 private:
  // Tokens of all steps of one model call in one buffer, which the steps point into.
  struct Batch {
    std::vector<int32_t> tokens;
    std::vector<Step> steps;
  };
  // answer: tokens it must leave room for.
  void check_prompt(const std::vector<int32_t>& prompt, int64_t answer) const;
  void draft();
  // On a model that draws: makes room for tokens that a pass may go on with by itself.
  void plan_ahead();
  // Whether the model may choose the tokens of all of these.
  bool can_draw(const std::vector<Scheduled>& scheduled) const;
  // compute() there. Each sequence goes on for as many tokens as all have room for.
  int64_t draw(std::vector<Scheduled> scheduled, std::vector<Event>& events);
  // Column `row` of what was drawn for `rows` sequences. used: counts the tokens taken.
  Event take_drawn(Sequence& sequence, const ops::DrawnTokens& drawn, size_t row, size_t rows, int64_t& used);
  Event begin_event(Sequence& sequence);
  void end_event(Sequence& sequence, Event& event);
  Batch prepare(const std::vector<Scheduled>& scheduled) const;
  void take_logits(const Scheduled& item, const Step& step, std::span<const float> logits,
                   std::vector<Event>& events);
  void take_prompt_logprobs(Sequence& sequence, const Step& step, std::span<const float> logits);
  Event extend(Sequence& sequence, std::span<const float> logits, int64_t guesses);
  Event fail(const Sequence& sequence, const std::string& message);
  Event close(Sequence& sequence, FinishReason reason);
  void let_go(std::unique_ptr<Sequence> sequence);
  // Returns how many of the tokens computed are of no use: guesses that were wrong.
  int64_t compute(const std::vector<Scheduled>& scheduled, std::vector<Event>& events);
  int64_t capacity() const;
  int32_t adapter_index(const std::string& name) const;  // -1 for no name

  struct LoadedAdapter {
    int64_t users = 0;
    bool leaving = false;
  };

  StepModel& model_;
  const text::Tokenizer& tokenizer_;
  EngineOptions options_;
  std::unique_ptr<Drafter> drafter_;
  Scheduler scheduler_;
  std::map<std::string, int32_t> adapter_names_;
  std::map<int32_t, LoadedAdapter> adapters_;  // by the model's index
  SamplingScratch scratch_;
  Throughput throughput_;
  EngineStats totals_;  // the counts since the start that the engine keeps itself
  std::exception_ptr failure_;
};

// Steps until idle or until a signal asks to stop (base::stop_signal), then interrupts. Returns that signal
// or 0. Throws what made a request fail, when its last event is out.
int run_to_end(Engine& engine, const std::function<void(const Event&)>& on_event);

}  // namespace swift::infer
