// The engine on a thread of its own, for callers on any thread. The thread sleeps when there is nothing to
// do.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "infer/engine.h"
#include "infer/service.h"

namespace swift::infer {

struct ServiceOptions {
  int64_t max_waiting = 1024;  // requests that find no place in the batch
};

class EngineService : public Service {
 public:
  // The model and the tokenizer must outlive it; the model is used on the engine's thread alone, but for its
  // sizes. Throws as Engine does.
  EngineService(StepModel& model, const text::Tokenizer& tokenizer, EngineOptions options,
                const ServiceOptions& limits = {}, std::unique_ptr<Drafter> drafter = nullptr);
  // Ends what still runs with `interrupted`.
  ~EngineService() override;

  Admission submit(Request request, Sink sink, uint64_t& id) override;
  void cancel(uint64_t id) override;
  EngineStats stats() const override;
  std::vector<std::vector<float>> embed(const std::vector<std::vector<int32_t>>& prompts,
                                        const std::string& adapter) override;
  std::vector<Adapter> adapters() const override;
  void load_adapter(const Adapter& adapter) override;
  bool unload_adapter(const std::string& name) override;
  int64_t max_requests() const override { return max_running_ + limits_.max_waiting; }
  int64_t max_positions() const override { return model_.max_positions(); }
  int64_t vocab_size() const override { return model_.vocab_size(); }

  void reset_prefix_cache();
  // Takes no more requests, waits up to `grace_seconds` for those there are, ends the others with
  // `interrupted` and the thread with them. A second call does nothing.
  void stop(double grace_seconds);

 private:
  using Task = std::function<void(Engine&)>;
  void run();
  bool take_tasks(std::deque<Task>& tasks);
  void step();
  void deliver(const std::vector<Event>& events);
  void publish();
  void post(Task task);
  void call(Task task);
  bool queue_is_full() const;  // under the mutex

  StepModel& model_;
  int64_t max_running_;
  Engine engine_;  // of the engine's thread, but for check()
  ServiceOptions limits_;
  std::unordered_map<uint64_t, Sink> sinks_;  // of the engine's thread

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // the engine's thread: there is a task, or an end
  std::condition_variable drained_;  // stop(): nothing runs any more
  std::deque<Task> tasks_;           // in order of arrival
  std::map<std::string, Adapter> adapters_;
  EngineStats stats_;
  int64_t queued_ = 0;  // requests among the tasks
  int64_t taken_ = 0;   // requests among the tasks that the thread has taken but not yet counted
  uint64_t next_id_ = 1;
  bool stopping_ = false;  // no more requests
  bool ending_ = false;    // the thread is to end
  bool idle_ = true;
  std::mutex stop_mutex_;  // one stop() at a time
  std::thread thread_;
};

}  // namespace swift::infer
