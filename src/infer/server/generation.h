// The engine's requests of one exchange, from their submission to the end of the answer.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "infer/server/context.h"
#include "infer/server/http/exchange.h"

namespace swift::infer::server {

struct ApiError;

// What all requests of an exchange used together.
struct Totals {
  int64_t prompt_tokens = 0;  // of each prompt once, whatever the number of its answers
  int64_t completion_tokens = 0;
  int64_t cached_tokens = 0;
};

// The form an API gives to answers. All calls come on the exchange's queue.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void begin() = 0;  // every request was accepted
  // choice: index of the answer. The totals are those so far.
  virtual void event(size_t choice, const Event& event, const Totals& totals) = 0;
  virtual void end(const Totals& totals) = 0;
  // Instead of begin(), or in the middle.
  virtual void fail(const ApiError& error) = 0;
};

struct GenerationPlan {
  std::vector<Request> prompts;  // one request for each
  size_t per_prompt = 1;         // answers of each: choice i is of prompt i / per_prompt
  std::string id;                // in log lines
  std::string_view route;        // a literal
};

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  // Submits everything, or nothing: then `answer` fails with 400, 429 or 503. When the client goes away, all
  // requests are cancelled.
  static void start(Context& context, std::shared_ptr<Exchange> exchange, GenerationPlan plan,
                    std::unique_ptr<Answer> answer);

 private:
  using Clock = std::chrono::steady_clock;
  struct Progress {
    uint64_t id = 0;
    Usage usage;
    std::optional<Clock::time_point> first, last;
    double first_pass = 0;  // seconds since the start
    bool ended = false;
    std::string reason;
  };

  Generation(Context& context, std::shared_ptr<Exchange> exchange, GenerationPlan plan,
             std::unique_ptr<Answer> answer);
  void submit();
  Request request_of(size_t choice);
  void event(size_t choice, const Event& event);
  void measure(Progress& progress, const Event& event);
  void abort();
  void fail(const ApiError& error);
  void close(Progress& progress, const std::string& reason);
  void log_line(const std::string& outcome) const;
  Totals totals() const;
  double seconds_since_start(Clock::time_point at) const;

  Context& context_;
  std::shared_ptr<Exchange> exchange_;
  GenerationPlan plan_;
  std::unique_ptr<Answer> answer_;
  std::vector<Progress> progress_;
  size_t open_ = 0;
  bool done_ = false;
  Clock::time_point start_ = Clock::now();
};

}  // namespace swift::infer::server
