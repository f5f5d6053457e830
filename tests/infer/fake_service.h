// An engine that answers by script: what the tests of the server run on. Its tokens are the bytes of
// fake_model.h's tokenizer.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "infer/service.h"

namespace swift::infer::fake {

struct Script {
  std::vector<std::string> pieces;     // an event each
  std::chrono::milliseconds delay{0};  // before each piece
  FinishReason finish = FinishReason::stop;
  std::string error;
  std::string stop_string;
  bool hang = false;  // after the pieces, until it is cancelled
};

class ScriptedService : public Service {
 public:
  using Answerer = std::function<Script(const Request&)>;
  explicit ScriptedService(Answerer answer, size_t limit = 1000) : answer_(std::move(answer)), limit_(limit) {
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedService() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  Admission submit(Request request, Sink sink, uint64_t& id) override {
    if (request.prompt.empty()) throw base::Error(base::ExitCode::data, "the prompt is empty");
    const std::lock_guard lock(mutex_);
    if (stopping) return Admission::stopping;
    if (active_.size() >= limit_) return Admission::queue_full;
    id = request.id = ++last_id_;
    ++submitted;
    last_request_ = request;
    active_.push_back({.request = request, .sink = std::move(sink), .script = answer_(request)});
    active_.back().due = Clock::now() + active_.back().script.delay;
    if (request.params.matcher) active_.back().matcher = request.params.matcher->clone();
    wake_.notify_all();
    return Admission::accepted;
  }

  void cancel(uint64_t id) override {
    const std::lock_guard lock(mutex_);
    ++cancelled;
    for (Active& active : active_) {
      if (active.request.id == id) active.cancelled = true;
    }
    wake_.notify_all();
  }

  EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    return {.running = static_cast<int64_t>(active_.size()), .waiting = 3, .blocks = 10, .blocks_used = 5};
  }

  std::vector<std::vector<float>> embed(const std::vector<std::vector<int32_t>>& prompts,
                                        const std::string& adapter) override {
    std::vector<std::vector<float>> out;
    for (const auto& prompt : prompts) {
      out.push_back({static_cast<float>(prompt.size()), 0.5F,
                     adapter.empty() ? -1.0F : static_cast<float>(adapter.size()), 2.0F});
    }
    return out;
  }

  std::vector<Adapter> adapters() const override {
    const std::lock_guard lock(mutex_);
    return adapters_;
  }
  void load_adapter(const Adapter& adapter) override {
    const std::lock_guard lock(mutex_);
    for (const Adapter& known : adapters_) {
      if (known.name == adapter.name) {
        throw base::Error(base::ExitCode::usage, "the adapter '" + adapter.name + "' is already loaded");
      }
    }
    if (adapter.path == "/nowhere") throw base::Error(base::ExitCode::model, "/nowhere: no such directory");
    adapters_.push_back(adapter);
  }
  bool unload_adapter(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    return std::erase_if(adapters_, [&](const Adapter& adapter) { return adapter.name == name; }) > 0;
  }

  int64_t max_requests() const override { return static_cast<int64_t>(limit_); }
  int64_t max_positions() const override { return 4096; }
  int64_t vocab_size() const override { return 260; }

  size_t active() const {
    const std::lock_guard lock(mutex_);
    return active_.size();
  }
  Request last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }

  std::atomic<int> submitted = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<int> rejected_tokens = 0;  // that a matcher did not allow
  std::atomic<bool> stopping = false;

 private:
  using Clock = std::chrono::steady_clock;
  struct Active {
    Request request;
    Sink sink;
    Script script;
    Clock::time_point due = {};
    size_t next = 0;
    Usage usage = {};
    bool cancelled = false;
    std::unique_ptr<text::TokenMatcher> matcher = nullptr;
  };

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      const auto now = Clock::now();
      auto soonest = now + std::chrono::hours(1);
      std::vector<std::pair<Sink, Event>> out;
      for (auto it = active_.begin(); it != active_.end();) {
        bool ended = false;
        if (stop_ || it->cancelled) {
          Event event{.id = it->request.id, .finish_reason = FinishReason::interrupted, .usage = it->usage};
          out.emplace_back(it->sink, event);
          ended = true;
        } else if (it->due <= now && !(it->script.hang && it->next >= it->script.pieces.size())) {
          const Event event = step(*it);
          ended = event.finish_reason.has_value();
          out.emplace_back(it->sink, event);
          it->due = now + it->script.delay;
          soonest = now;
        } else if (!it->script.hang || it->next < it->script.pieces.size()) {
          soonest = std::min(soonest, it->due);
        }
        it = ended ? active_.erase(it) : std::next(it);
      }
      lock.unlock();
      for (const auto& [sink, event] : out) sink(event);
      out.clear();
      lock.lock();
      if (stop_ && active_.empty()) return;
      if (!stop_ && soonest > now) wake_.wait_until(lock, soonest);
    }
  }

  Event step(Active& active) {
    Event event{.id = active.request.id};
    active.usage.prompt_tokens = static_cast<int64_t>(active.request.prompt.size());
    const SamplingParams& params = active.request.params;
    const Script& script = active.script;
    const bool last = active.next + 1 >= script.pieces.size();
    if (active.next < script.pieces.size()) event.text = script.pieces[active.next];
    if (active.next == 0 && params.prompt_logprobs) {
      for (size_t i = 1; i < active.request.prompt.size(); ++i) {
        event.prompt_logprobs.push_back(position(active.request.prompt[i], *params.prompt_logprobs));
      }
    }
    ++active.next;
    const auto room = params.max_new_tokens.value_or(1 << 20) - active.usage.completion_tokens;
    const bool cut = static_cast<int64_t>(event.text.size()) > room;
    if (cut) event.text.resize(static_cast<size_t>(room));
    for (const char c : event.text) {
      const auto id = static_cast<int32_t>(static_cast<unsigned char>(c));
      event.token_ids.push_back(id);
      if (params.logprobs) event.logprobs.push_back(position(id, params.top_logprobs));
      if (active.matcher && !active.matcher->accept(id)) ++rejected_tokens;
    }
    active.usage.completion_tokens += static_cast<int64_t>(event.text.size());
    event.usage = active.usage;
    if (cut) {
      event.finish_reason = FinishReason::length;
    } else if (last && !script.hang) {
      event.finish_reason = script.finish;
      event.error = script.error;
      event.stop_string = script.stop_string;
    }
    return event;
  }

  static PositionLogprobs position(int32_t id, int64_t top) {
    PositionLogprobs out{.chosen = {id, -0.5}};
    for (int64_t i = 0; i < top; ++i) {
      out.top.push_back({static_cast<int32_t>((id + i) % 256), -0.5 - static_cast<double>(i)});
    }
    return out;
  }

  Answerer answer_;
  size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Active> active_;
  std::vector<Adapter> adapters_;
  Request last_request_;
  uint64_t last_id_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace swift::infer::fake
