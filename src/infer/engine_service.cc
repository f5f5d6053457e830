#include "infer/engine_service.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <utility>

#include "base/error.h"
#include "base/format.h"

namespace swift::infer {

using base::cat;
using base::Error;
using base::ExitCode;

EngineService::EngineService(StepModel& model, const text::Tokenizer& tokenizer, EngineOptions options,
                             const ServiceOptions& limits, std::unique_ptr<Drafter> drafter)
    : model_(model),
      max_running_(options.scheduler.max_num_seqs),
      engine_(model, tokenizer, std::move(options), std::move(drafter)),
      limits_(limits) {
  stats_ = engine_.stats();
  thread_ = std::thread([this] { run(); });
}

EngineService::~EngineService() {
  stop(0);
}

void EngineService::run() {
  std::deque<Task> tasks;
  bool running = true;
  while (running) {
    running = take_tasks(tasks);
    for (const Task& task : tasks) {
      try {
        task(engine_);
      } catch (const std::exception&) {
        // Tasks whose caller waits catch by themselves; of the others nobody asks.
      }
    }
    if (running && !engine_.idle()) step();
    publish();
  }
  deliver(engine_.interrupt());
  publish();
}

// Sleeps while there is nothing to do. False when the thread is to end; the last tasks are then there all the
// same, because callers wait for their results and requests for their last event.
bool EngineService::take_tasks(std::deque<Task>& tasks) {
  tasks.clear();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return ending_ || !tasks_.empty() || !engine_.idle(); });
  tasks.swap(tasks_);
  taken_ = std::exchange(queued_, 0);
  idle_ = tasks.empty() && engine_.idle();
  return !ending_;
}

void EngineService::step() {
  std::vector<Event> events;
  try {
    events = engine_.step();
  } catch (const std::exception& error) {
    // Not one request's fault: none of them can go on.
    events = engine_.interrupt();
    for (Event& event : events) {
      event.finish_reason = FinishReason::failed;
      event.error = error.what();
    }
  }
  publish();  // who sees the events sees what they did to the counts
  deliver(events);
}

void EngineService::deliver(const std::vector<Event>& events) {
  for (const Event& event : events) {
    const auto sink = sinks_.find(event.id);
    if (sink == sinks_.end()) continue;
    try {
      sink->second(event);
    } catch (const std::exception&) {
      // A receiver that fails is as good as gone; the engine must go on.
    }
    if (event.finish_reason) sinks_.erase(sink);
  }
}

void EngineService::publish() {
  const EngineStats stats = engine_.stats();
  const std::scoped_lock lock(mutex_);
  stats_ = stats;
  taken_ = 0;
  idle_ = engine_.idle();
  if (idle_ && tasks_.empty()) drained_.notify_all();
}

void EngineService::post(Task task) {
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) throw Error(ExitCode::temporary, "the engine is stopping");
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

// Runs the task on the engine's thread and waits for it; throws what it throws.
void EngineService::call(Task task) {
  std::promise<void> done;
  post([&](Engine& engine) {
    try {
      task(engine);
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

Admission EngineService::submit(Request request, Sink sink, uint64_t& id) {
  engine_.check(request);
  {
    const std::scoped_lock lock(mutex_);
    if (!request.adapter.empty() && !adapters_.contains(request.adapter)) {
      throw Error(ExitCode::usage, cat("there is no adapter '", request.adapter, "'"));
    }
    if (stopping_) return Admission::stopping;
    if (queue_is_full()) return Admission::queue_full;
    id = request.id = next_id_++;
    ++queued_;
    idle_ = false;
    // A task must be copyable; the request is moved out of it once.
    auto held = std::make_shared<Request>(std::move(request));
    tasks_.push_back([this, held, sink = std::move(sink)](Engine& engine) {
      const uint64_t own = held->id;
      sinks_[own] = sink;
      try {
        engine.add(std::move(*held));
      } catch (const std::exception& error) {
        deliver({Event{.id = own, .finish_reason = FinishReason::failed, .error = error.what()}});
      }
    });
  }
  wake_.notify_one();
  return Admission::accepted;
}

// Requests that the engine has not seen yet may find a place in the batch, unless others wait for one
// already.
bool EngineService::queue_is_full() const {
  const int64_t coming = queued_ + taken_;
  const int64_t places = stats_.waiting > 0 ? 0 : max_running_ - stats_.running;
  return stats_.waiting + coming >= limits_.max_waiting + std::max<int64_t>(0, places);
}

void EngineService::cancel(uint64_t id) {
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) return;  // which interrupts everything
    tasks_.push_back([this, id](Engine& engine) {
      if (const auto event = engine.cancel(id)) deliver({*event});
    });
  }
  wake_.notify_one();
}

EngineStats EngineService::stats() const {
  const std::scoped_lock lock(mutex_);
  EngineStats stats = stats_;
  stats.waiting += queued_ + taken_;
  return stats;
}

std::vector<std::vector<float>> EngineService::embed(const std::vector<std::vector<int32_t>>& prompts,
                                                     const std::string& adapter) {
  std::vector<std::vector<float>> results;
  // One prompt between two steps, so that answers go on meanwhile.
  for (const std::vector<int32_t>& prompt : prompts) {
    call([&](Engine& engine) { results.push_back(engine.embed({prompt}, adapter).front()); });
  }
  for (std::vector<float>& embedding : results) {
    double square = 0;
    for (const float value : embedding) square += static_cast<double>(value) * static_cast<double>(value);
    const auto scale = static_cast<float>(square > 0 ? 1 / std::sqrt(square) : 0);
    for (float& value : embedding) value *= scale;
  }
  return results;
}

std::vector<Adapter> EngineService::adapters() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Adapter> result;
  for (const auto& [name, adapter] : adapters_) result.push_back(adapter);
  return result;
}

void EngineService::load_adapter(const Adapter& adapter) {
  call([&](Engine& engine) {
    engine.load_adapter(adapter.name, adapter.path);
    const std::scoped_lock lock(mutex_);
    adapters_[adapter.name] = adapter;
  });
}

bool EngineService::unload_adapter(const std::string& name) {
  {
    // From here on no request asks for it; those before it are tasks before this one.
    const std::scoped_lock lock(mutex_);
    if (ending_ || adapters_.erase(name) == 0) return false;
    tasks_.push_back([name](Engine& engine) { engine.unload_adapter(name); });
  }
  wake_.notify_one();
  return true;
}

void EngineService::reset_prefix_cache() {
  call([](Engine& engine) { engine.reset_prefix_cache(); });
}

void EngineService::stop(double grace_seconds) {
  const std::scoped_lock only(stop_mutex_);
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    const auto grace = std::chrono::duration<double>(grace_seconds);
    drained_.wait_for(lock, grace, [this] { return idle_ && tasks_.empty(); });
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace swift::infer
