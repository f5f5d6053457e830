#include "infer/server/generation.h"

#include <algorithm>
#include <cstdio>

#include "base/format.h"
#include "base/log.h"
#include "infer/server/api_error.h"

namespace swift::infer::server {

using base::cat;

namespace {

ApiError not_admitted(Admission admission) {
  ApiError error = admission == Admission::queue_full
                       ? ApiError(429, "The server is at its limit of waiting requests. Please retry later.")
                       : ApiError(503, "The server is stopping. Please retry later.");
  error.headers.push_back({"Retry-After", "1"});
  return error;
}

// Counts the sinks that the engine holds: a server may go only when there are none.
class SinkCount {
 public:
  explicit SinkCount(std::atomic<int64_t>& count) : count_(count) { ++count_; }
  SinkCount(const SinkCount&) = delete;
  SinkCount& operator=(const SinkCount&) = delete;
  ~SinkCount() { --count_; }

 private:
  std::atomic<int64_t>& count_;
};

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

}  // namespace

void Generation::start(Context& context, std::shared_ptr<Exchange> exchange, GenerationPlan plan,
                       std::unique_ptr<Answer> answer) {
  const std::shared_ptr<Generation> made(
      new Generation(context, std::move(exchange), std::move(plan), std::move(answer)));
  made->exchange_->post([made] { made->submit(); });
}

Generation::Generation(Context& context, std::shared_ptr<Exchange> exchange, GenerationPlan plan,
                       std::unique_ptr<Answer> answer)
    : context_(context),
      exchange_(std::move(exchange)),
      plan_(std::move(plan)),
      answer_(std::move(answer)),
      progress_(plan_.prompts.size() * plan_.per_prompt) {}

// Each has its own random numbers. Copies are made one by one: a queue that is full ends them.
Request Generation::request_of(size_t choice) {
  Request& prompt = plan_.prompts[choice / plan_.per_prompt];
  const bool last = choice % plan_.per_prompt + 1 == plan_.per_prompt;
  Request request = last ? std::move(prompt) : prompt;
  request.stream = choice % plan_.per_prompt;
  return request;
}

void Generation::submit() {
  exchange_->on_disconnect([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->abort();
  });
  const int64_t most = context_.service.max_requests();
  if (static_cast<int64_t>(progress_.size()) > most) {
    return fail(ApiError(400,
                         cat("The request asks for ", progress_.size(),
                             " answers, but this server holds at most ", most, " at once."),
                         "n"));
  }
  context_.metrics.asked(static_cast<int64_t>(plan_.per_prompt),
                         plan_.prompts.front().params.max_new_tokens.value_or(0));
  for (size_t i = 0; i < progress_.size(); ++i) {
    auto count = std::make_shared<SinkCount>(context_.open_sinks);
    auto sink = [count, self = shared_from_this(), i](const Event& event) {
      self->exchange_->post([self, i, event] { self->event(i, event); });
    };
    try {
      const Admission admission = context_.service.submit(request_of(i), std::move(sink), progress_[i].id);
      if (admission != Admission::accepted) {
        context_.metrics.admission_rejected(admission == Admission::queue_full ? "queue_full" : "stopping");
        return fail(not_admitted(admission));
      }
    } catch (const std::exception& error) {
      return fail(to_api_error(error));
    }
    ++open_;
  }
  answer_->begin();
}

void Generation::event(size_t choice, const Event& event) {
  Progress& progress = progress_[choice];
  if (done_ || progress.ended) return;
  measure(progress, event);
  if (event.finish_reason == FinishReason::failed) {
    close(progress, "error");
    return fail(ApiError(500, event.error.empty() ? "The engine failed." : event.error));
  }
  if (event.finish_reason == FinishReason::interrupted) {
    close(progress, "abort");
    return fail(ApiError(503, "The server is stopping; the answer is not complete."));
  }
  if (event.finish_reason) {
    close(progress, std::string(to_string(*event.finish_reason)));
    --open_;
  }
  try {
    answer_->event(choice, event, totals());
    if (open_ > 0) return;
    done_ = true;
    answer_->end(totals());
  } catch (const std::exception& error) {
    return fail(to_api_error(error));
  }
  log_line(progress.reason);
}

void Generation::measure(Progress& progress, const Event& event) {
  const auto now = Clock::now();
  if (event.usage.prompt_tokens > 0) progress.usage = event.usage;
  if (event.token_ids.empty()) return;
  if (!progress.first) {
    progress.first = now;
    progress.first_pass = std::max(0.0, seconds_since_start(now) - event.running_seconds);
    context_.metrics.first_token(seconds_since_start(now));
  } else {
    const double between = std::chrono::duration<double>(now - *progress.last).count();
    const auto count = static_cast<double>(event.token_ids.size());
    for (size_t i = 0; i < event.token_ids.size(); ++i) context_.metrics.next_token(between / count);
  }
  progress.last = now;
}

void Generation::close(Progress& progress, const std::string& reason) {
  if (progress.ended) return;
  progress.ended = true;
  progress.reason = reason;
  context_.metrics.finished(reason, progress.usage,
                            {.first_pass = progress.first_pass,
                             .first_token = progress.first ? seconds_since_start(*progress.first) : -1,
                             .end = seconds_since_start(Clock::now())});
}

// The client is gone.
void Generation::abort() {
  if (done_) return;
  done_ = true;
  for (Progress& progress : progress_) {
    if (progress.ended || progress.id == 0) continue;
    context_.service.cancel(progress.id);
    close(progress, "abort");
  }
  log_line("aborted by the client");
}

void Generation::fail(const ApiError& error) {
  done_ = true;
  for (Progress& progress : progress_) {
    if (progress.ended || progress.id == 0) continue;
    context_.service.cancel(progress.id);
    close(progress, "abort");
  }
  answer_->fail(error);
  log_line(cat("failed with ", error.status, ": ", error.what()));
}

Totals Generation::totals() const {
  Totals sum;
  for (size_t i = 0; i < progress_.size(); ++i) {
    const Usage& usage = progress_[i].usage;
    if (i % plan_.per_prompt == 0) {
      sum.prompt_tokens += usage.prompt_tokens;
      sum.cached_tokens += usage.cached_tokens;
    }
    sum.completion_tokens += usage.completion_tokens;
  }
  return sum;
}

double Generation::seconds_since_start(Clock::time_point at) const {
  return std::chrono::duration<double>(at - start_).count();
}

void Generation::log_line(const std::string& outcome) const {
  if (!context_.options.verbose) return;
  const Totals sum = totals();
  const Progress& first = progress_.front();
  std::string line = cat("server: ", plan_.id, " ", plan_.route, " ", sum.prompt_tokens, "+",
                         sum.completion_tokens, " tokens");
  if (first.first) line += ", TTFT " + fixed(seconds_since_start(*first.first)) + " s";
  if (first.first && first.usage.completion_tokens > 1) {
    const double decode = std::chrono::duration<double>(*first.last - *first.first).count();
    line += ", ITL " + fixed(decode / static_cast<double>(first.usage.completion_tokens - 1)) + " s";
  }
  base::log::info(line + ", " + fixed(seconds_since_start(Clock::now())) + " s, " + outcome);
}

}  // namespace swift::infer::server
