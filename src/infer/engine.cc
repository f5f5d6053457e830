#include "infer/engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "base/signals.h"

namespace swift::infer {

using base::cat;
using base::Error;
using base::ExitCode;

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::interrupted:
      return "interrupted";
    case FinishReason::failed:
      break;
  }
  return "failed";
}

Engine::Engine(StepModel& model, const text::Tokenizer& tokenizer, EngineOptions options,
               std::unique_ptr<Drafter> drafter)
    : model_(model),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      drafter_(std::move(drafter)),
      scheduler_(options_.scheduler, model.blocks(), model.block_tokens()) {
  const auto at_least_1 = [](const char* name, int64_t value) {
    if (value < 1) throw Error(ExitCode::usage, cat(name, ": ", value, " is below 1"));
  };
  at_least_1("max_num_seqs", options_.scheduler.max_num_seqs);
  at_least_1("max_num_batched_tokens", options_.scheduler.max_num_batched_tokens);
  if (drafter_) at_least_1("num_speculative_tokens", options_.speculation.tokens);
  if (!options_.now) {
    options_.now = [] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    };
  }
}

Engine::~Engine() = default;

int64_t Engine::capacity() const {
  return std::min(model_.max_positions(), model_.blocks() * model_.block_tokens());
}

void Engine::add(Request request) {
  check(request);
  const int32_t adapter = adapter_index(request.adapter);
  const int64_t room = capacity() - static_cast<int64_t>(request.prompt.size());
  auto sequence = std::make_unique<Sequence>(std::move(request), tokenizer_, options_.eos_token_ids, room);
  sequence->adapter = adapter;
  if (adapter >= 0) ++adapters_[adapter].users;
  scheduler_.add(std::move(sequence));
}

// Asks for guesses where a pass would compute one token for a few sequences only.
void Engine::draft() {
  if (!drafter_) return;
  std::vector<DraftQuery> queries;
  for (const auto& sequence : scheduler_.running()) {
    sequence->draft.clear();
    if (sequence->pending() != 1 || sequence->completion.tokens() == 0) continue;
    const int64_t most = std::min(
        {options_.speculation.tokens, sequence->completion.left() - 1, capacity() - sequence->length()});
    if (most < 1) continue;
    queries.push_back({.id = sequence->request.id,
                       .tokens = sequence->tokens,
                       .sampler = &sequence->completion.sampler(),
                       .most = most,
                       .draft = &sequence->draft});
  }
  if (queries.empty() || static_cast<int64_t>(queries.size()) > options_.speculation.most_seqs) return;
  try {
    drafter_->propose(queries);
  } catch (const std::exception&) {
    // Guesses only save time: without them the answers are the same.
    for (const DraftQuery& query : queries) query.draft->clear();
    drafter_.reset();
  }
}

Engine::Batch Engine::prepare(const std::vector<Scheduled>& scheduled) const {
  Batch batch;
  int64_t total = 0;
  for (const Scheduled& item : scheduled) total += item.tokens;
  batch.tokens.reserve(static_cast<size_t>(total));  // the steps point into it
  const int64_t size = model_.block_tokens();
  for (const auto& [sequence, tokens] : scheduled) {
    const size_t begin = batch.tokens.size();
    const int64_t known = std::min(tokens, sequence->pending());
    const auto first = sequence->tokens.begin() + sequence->computed;
    batch.tokens.insert(batch.tokens.end(), first, first + known);
    batch.tokens.insert(batch.tokens.end(), sequence->draft.begin(),
                        sequence->draft.begin() + (tokens - known));
    const int64_t end = sequence->computed + tokens;
    int64_t logits = end >= sequence->length() ? 1 + tokens - known : 0;
    if (sequence->wants_prompt_logprobs()) logits = tokens;
    batch.steps.push_back(
        {.tokens = std::span(batch.tokens).subspan(begin),
         .start = sequence->computed,
         .blocks = std::span(sequence->blocks).first(static_cast<size_t>((end + size - 1) / size)),
         .adapter = sequence->adapter,
         .logits = logits});
  }
  return batch;
}

std::vector<Event> Engine::step() {
  std::vector<Event> events;
  failure_ = nullptr;
  const double begin = options_.now();
  draft();
  plan_ahead();
  const std::vector<Scheduled> scheduled = scheduler_.schedule();
  if (scheduled.empty()) {
    if (!idle()) throw Error(ExitCode::failure, "the engine has requests but nothing to compute");
    return events;
  }
  int64_t prefill = 0;
  int64_t decode = 0;
  for (const auto& [sequence, tokens] : scheduled) {
    if (sequence->first_pass < 0) sequence->first_pass = begin;
    const bool decodes = sequence->completion.tokens() > 0 && sequence->pending() == 1;
    (decodes ? decode : prefill) += tokens;
  }
  const int64_t unused = compute(scheduled, events);
  totals_.pass_tokens.add(prefill + decode);
  const double end = options_.now();
  for (Event& event : events) event.running_seconds = end - event.running_seconds;
  const double seconds = end - begin;
  const double share = static_cast<double>(prefill) / static_cast<double>(prefill + decode);
  throughput_.prefill_tokens += prefill;
  throughput_.decode_tokens += decode - unused;
  throughput_.prefill_seconds += seconds * share;
  throughput_.decode_seconds += seconds * (1 - share);
  return events;
}

int64_t Engine::compute(const std::vector<Scheduled>& scheduled, std::vector<Event>& events) {
  ++totals_.steps;
  if (can_draw(scheduled)) return draw(scheduled, events);
  const uint64_t wrong_before = totals_.drafted - totals_.accepted;
  const Batch batch = prepare(scheduled);
  std::span<const float> logits;
  try {
    logits = model_.forward(batch.steps);
  } catch (const std::exception& error) {
    failure_ = std::current_exception();
    for (const Scheduled& item : scheduled) events.push_back(fail(*item.sequence, error.what()));
    return 0;
  }
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  for (size_t i = 0; i < scheduled.size(); ++i) {
    const size_t rows = static_cast<size_t>(batch.steps[i].logits) * vocab;
    take_logits(scheduled[i], batch.steps[i], logits.first(rows), events);
    logits = logits.subspan(rows);
  }
  return static_cast<int64_t>(totals_.drafted - totals_.accepted - wrong_before);
}

void Engine::take_logits(const Scheduled& item, const Step& step, std::span<const float> logits,
                         std::vector<Event>& events) {
  Sequence& sequence = *item.sequence;
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  if (sequence.wants_prompt_logprobs()) take_prompt_logprobs(sequence, step, logits);
  if (sequence.computed + item.tokens < sequence.length()) {
    scheduler_.computed(sequence, sequence.computed + item.tokens);
    return;
  }
  const int64_t guesses = sequence.computed + item.tokens - sequence.length();
  events.push_back(extend(sequence, logits.last(static_cast<size_t>(guesses + 1) * vocab), guesses));
}

// The logits after prompt token i say how likely token i + 1 was.
void Engine::take_prompt_logprobs(Sequence& sequence, const Step& step, std::span<const float> logits) {
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  for (int64_t row = 0; row < step.logits; ++row) {
    const int64_t next = step.start + row + 1;
    if (next <= sequence.prompt_logprobs_done || next >= sequence.prompt_tokens) continue;
    sequence.prompt_logprobs.push_back(position_logprobs(
        logits.subspan(static_cast<size_t>(row) * vocab, vocab), sequence.tokens[static_cast<size_t>(next)],
        *sequence.request.params.prompt_logprobs));
    sequence.prompt_logprobs_done = next;
  }
}

// One token from each row of logits for as long as the guesses were right. Every token is chosen as it would
// be without guesses: the row's logits hold because the tokens before it were guessed right.
Event Engine::extend(Sequence& sequence, std::span<const float> logits, int64_t guesses) {
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  Event event = begin_event(sequence);
  totals_.drafts += guesses > 0;
  totals_.drafted += static_cast<uint64_t>(guesses);
  try {
    for (int64_t row = 0; row <= guesses; ++row) {
      const auto at = static_cast<size_t>(row);
      sequence.tokens.push_back(
          sequence.completion.extend(logits.subspan(at * vocab, vocab), scratch_, event));
      if (sequence.request.params.sampled_log_probs) {
        event.sampled_log_probs.push_back(model_.token_log_prob(
            logits.subspan(at * vocab, vocab), sequence.tokens.back(), sequence.request.params.temperature));
      }
      ++totals_.generation_tokens;
      totals_.accepted += row > 0;
      if (event.finish_reason || row == guesses || sequence.tokens.back() != sequence.draft[at]) break;
    }
  } catch (const std::exception& error) {
    failure_ = std::current_exception();
    event.finish_reason = FinishReason::failed;
    event.error = error.what();
  }
  end_event(sequence, event);
  return event;
}

Event Engine::begin_event(Sequence& sequence) {
  Event event{.id = sequence.request.id};
  if (sequence.completion.tokens() > 0) return event;
  event.prompt_logprobs = std::move(sequence.prompt_logprobs);
  totals_.prompt_tokens += static_cast<uint64_t>(sequence.prompt_tokens);
  return event;
}

void Engine::end_event(Sequence& sequence, Event& event) {
  sequence.draft.clear();
  scheduler_.computed(sequence, sequence.length() - 1);
  event.usage = sequence.usage();
  event.running_seconds = sequence.first_pass;  // step() makes it the time since then
  if (event.finish_reason) let_go(scheduler_.remove(sequence));
}

Event Engine::fail(const Sequence& sequence, const std::string& message) {
  Event event{.id = sequence.request.id,
              .finish_reason = FinishReason::failed,
              .error = message,
              .usage = sequence.usage(),
              .running_seconds = sequence.first_pass};
  let_go(scheduler_.remove(sequence));
  return event;
}

Event Engine::close(Sequence& sequence, FinishReason reason) {
  Event event{.id = sequence.request.id, .usage = sequence.usage()};
  sequence.completion.close(reason, event);
  return event;
}

// Ends what the engine kept for a sequence outside the scheduler.
void Engine::let_go(std::unique_ptr<Sequence> sequence) {
  if (drafter_) drafter_->forget(sequence->request.id);
  if (sequence->adapter < 0) return;
  const auto adapter = adapters_.find(sequence->adapter);
  if (--adapter->second.users > 0 || !adapter->second.leaving) return;
  adapters_.erase(adapter);
  model_.unload_adapter(sequence->adapter);
}

std::optional<Event> Engine::cancel(uint64_t id) {
  std::unique_ptr<Sequence> sequence = scheduler_.remove(id);
  if (!sequence) return std::nullopt;
  Event event = close(*sequence, FinishReason::interrupted);
  let_go(std::move(sequence));
  return event;
}

std::vector<Event> Engine::interrupt() {
  std::vector<Event> events;
  for (auto& sequence : scheduler_.take_all()) {
    events.push_back(close(*sequence, FinishReason::interrupted));
    let_go(std::move(sequence));
  }
  return events;
}

EngineStats Engine::stats() const {
  EngineStats stats = totals_;
  stats.running = static_cast<int64_t>(running());
  stats.waiting = static_cast<int64_t>(waiting());
  stats.blocks = scheduler_.pool().size();
  stats.blocks_used = scheduler_.pool().used();
  stats.prefix_queries = scheduler_.counts().prefix_queries;
  stats.prefix_hits = scheduler_.counts().prefix_hits;
  stats.preemptions = scheduler_.counts().preemptions;
  return stats;
}

int run_to_end(Engine& engine, const std::function<void(const Event&)>& on_event) {
  while (!engine.idle()) {
    const int signal = base::stop_signal();
    for (const Event& event : signal != 0 ? engine.interrupt() : engine.step()) {
      if (event.finish_reason != FinishReason::failed) on_event(event);
    }
    if (signal != 0) return signal;
    if (const std::exception_ptr failure = engine.failure()) {
      engine.interrupt();
      std::rethrow_exception(failure);
    }
  }
  return 0;
}

}  // namespace swift::infer
