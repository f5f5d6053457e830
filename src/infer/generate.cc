#include "infer/generate.h"

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

struct Generator::Running {
  Running(Request given, const text::Tokenizer& tokenizer, std::unordered_set<int32_t> stop_token_ids,
          int64_t context)
      : request(std::move(given)),
        sampler(request.params, request.prompt, request.stream),
        decoder(tokenizer),
        stops(request.params.stop),
        stop_tokens(std::move(stop_token_ids)) {
    const int64_t room = context - static_cast<int64_t>(request.prompt.size());
    max_new_tokens = std::min(room, request.params.max_new_tokens.value_or(room));
  }
  bool prefilled() const { return computed >= static_cast<int64_t>(request.prompt.size()); }
  Usage usage() const { return {static_cast<int64_t>(request.prompt.size()), generated, 0}; }

  Request request;
  Sampler sampler;
  text::StreamDecoder decoder;
  StopMatcher stops;
  std::unordered_set<int32_t> stop_tokens;
  int64_t max_new_tokens = 0;
  int64_t sequence = -1;
  int64_t computed = 0;   // prompt tokens the model has seen
  int64_t generated = 0;  // tokens
  int32_t last_token = 0;
  bool finished = false;
};

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

Generator::Generator(StepModel& model, const text::Tokenizer& tokenizer, GeneratorOptions options)
    : model_(model), tokenizer_(tokenizer), options_(std::move(options)) {
  if (options_.max_batch_size < 1) {
    throw Error(ExitCode::usage, cat("max_batch_size: ", options_.max_batch_size, " is below 1"));
  }
  if (!options_.now) {
    options_.now = [] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    };
  }
}

Generator::~Generator() {
  for (const Running& request : running_) model_.close(request.sequence);
}

void Generator::add(Request request) {
  validate(request.params);
  const auto tokens = static_cast<int64_t>(request.prompt.size());
  if (tokens == 0) throw Error(ExitCode::data, "the prompt is empty");
  if (tokens >= model_.max_positions()) {
    throw Error(ExitCode::data,
                cat("the prompt has ", tokens,
                    " tokens, which leaves no room for an answer in the model's context of ",
                    model_.max_positions(), " tokens"),
                {}, "shorten the prompt");
  }
  for (const int32_t id : request.prompt) {
    if (id >= 0 && id < model_.vocab_size()) continue;
    throw Error(
        ExitCode::data,
        cat("the prompt holds token ", id, ", the model's vocabulary has ", model_.vocab_size(), " tokens"),
        {}, "tokenizer.json and the weights belong to different models");
  }
  waiting_.push_back(std::move(request));
}

// End-of-sequence ids, and stop strings that are one special token: those never show up in the text.
std::unordered_set<int32_t> Generator::stop_tokens(const SamplingParams& params) const {
  std::unordered_set<int32_t> ids;
  if (!params.ignore_eos) ids.insert(options_.eos_token_ids.begin(), options_.eos_token_ids.end());
  for (const std::string& stop : params.stop) {
    const auto id = tokenizer_.id_of(stop);
    if (id && tokenizer_.is_special(*id)) ids.insert(*id);
  }
  return ids;
}

void Generator::admit() {
  while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < options_.max_batch_size) {
    auto stop_ids = stop_tokens(waiting_.front().params);
    const int64_t sequence = model_.open();
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    running_.emplace_back(std::move(request), tokenizer_, std::move(stop_ids), model_.max_positions());
    running_.back().sequence = sequence;
  }
}

// Every request that decodes, then prompt parts while they fit; at least one request goes ahead.
std::vector<Generator::Running*> Generator::schedule(std::vector<Step>& steps) {
  std::vector<Running*> scheduled;
  int64_t tokens = 0;
  for (Running& request : running_) {
    if (!request.prefilled()) continue;
    steps.push_back({request.sequence, {&request.last_token, 1}});
    scheduled.push_back(&request);
    ++tokens;
  }
  for (Running& request : running_) {
    if (request.prefilled()) continue;
    const std::span<const int32_t> prompt(request.request.prompt);
    const auto rest = prompt.subspan(static_cast<size_t>(request.computed));
    const auto part = rest.first(std::min(rest.size(), static_cast<size_t>(options_.prefill_chunk)));
    if (!steps.empty() && tokens + static_cast<int64_t>(part.size()) > options_.max_batched_tokens) break;
    steps.push_back({request.sequence, part});
    scheduled.push_back(&request);
    tokens += static_cast<int64_t>(part.size());
  }
  return scheduled;
}

std::vector<Event> Generator::step() {
  std::vector<Event> events;
  admit();
  if (running_.empty()) return events;
  const double begin = options_.now();
  std::vector<Step> steps;
  const std::vector<Running*> scheduled = schedule(steps);
  const std::span<const float> logits = model_.forward(steps);
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  int64_t prefill = 0;
  int64_t decode = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    Running& request = *scheduled[i];
    const auto tokens = static_cast<int64_t>(steps[i].tokens.size());
    (request.prefilled() ? decode : prefill) += tokens;
    if (!request.prefilled()) request.computed += tokens;
    if (request.prefilled()) events.push_back(accept(request, logits.subspan(i * vocab, vocab)));
  }
  close_finished();
  const double seconds = options_.now() - begin;
  const double prefill_share = static_cast<double>(prefill) / static_cast<double>(prefill + decode);
  throughput_.prefill_tokens += prefill;
  throughput_.decode_tokens += decode;
  throughput_.prefill_seconds += seconds * prefill_share;
  throughput_.decode_seconds += seconds * (1 - prefill_share);
  return events;
}

Event Generator::accept(Running& request, std::span<const float> logits) {
  const SamplingParams& params = request.sampler.params();
  const int32_t token = request.sampler.next(logits, scratch_);
  request.last_token = token;
  ++request.generated;
  Event event{.id = request.request.id, .token_ids = {token}, .usage = request.usage()};
  if (params.logprobs) event.logprobs.push_back(position_logprobs(logits, token, params.top_logprobs));
  if (request.stop_tokens.contains(token)) return finish(request, std::move(event), FinishReason::stop);
  // Rows of the output head beyond the tokenizer are padding: they have no text.
  if (static_cast<size_t>(token) < tokenizer_.vocab_size()) {
    event.text = request.stops.push(request.decoder.push(token));
  }
  if (request.stops.matched()) return finish(request, std::move(event), FinishReason::stop);
  if (request.generated >= request.max_new_tokens)
    return finish(request, std::move(event), FinishReason::length);
  return event;
}

Event Generator::finish(Running& request, Event event, FinishReason reason) {
  event.text += request.stops.push(request.decoder.finish());
  event.text += request.stops.finish();
  // The bytes held back for a character can still complete a stop string.
  event.finish_reason = request.stops.matched() ? FinishReason::stop : reason;
  request.finished = true;
  return event;
}

void Generator::close_finished() {
  for (const Running& request : running_) {
    if (request.finished) model_.close(request.sequence);
  }
  running_.remove_if([](const Running& request) { return request.finished; });
}

std::vector<Event> Generator::interrupt() {
  std::vector<Event> events;
  for (Running& request : running_) {
    Event event{.id = request.request.id, .usage = request.usage()};
    events.push_back(finish(request, std::move(event), FinishReason::interrupted));
  }
  for (const Request& request : waiting_) {
    events.push_back({.id = request.id,
                      .finish_reason = FinishReason::interrupted,
                      .usage = {static_cast<int64_t>(request.prompt.size()), 0, 0}});
  }
  waiting_.clear();
  close_finished();
  return events;
}

int run_to_end(Generator& generator, const std::function<void(const Event&)>& on_event) {
  while (!generator.idle()) {
    const int signal = base::stop_signal();
    for (const Event& event : signal != 0 ? generator.interrupt() : generator.step()) on_event(event);
    if (signal != 0) return signal;
  }
  return 0;
}

}  // namespace swift::infer
