#include "infer/engine_service.h"

#include <atomic>
#include <cmath>
#include <future>

#include "base/error.h"
#include "collect.h"

using namespace swift;
using namespace swift::infer;
using fake::bytes;
using fake::tokenizer;

namespace {

EngineOptions options() {
  return {.eos_token_ids = {fake::kEnd}};
}

Request greedy(const std::string& prompt, std::optional<int64_t> limit = std::nullopt) {
  return {.prompt = bytes(prompt),
          .params = {.temperature = 0, .max_new_tokens = limit, .ignore_eos = limit > 50}};
}

// One request's events, and a wait for the last.
struct Receiver {
  fake::Answers answers;
  std::promise<void> done;
  std::atomic<int> events = 0;
  Service::Sink sink() {
    return [this](const Event& event) {
      answers(event);
      ++events;
      if (event.finish_reason) done.set_value();
    };
  }
  fake::Answer wait() {
    done.get_future().wait();
    return answers.by_id.begin()->second;
  }
};

}  // namespace

TEST_CASE("requests from several threads each get their own answer") {
  fake::Model model(fake::answering("?", "a fine answer"));
  EngineService service(model, tokenizer(), options());
  std::vector<Receiver> receivers(24);
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<uint64_t> ids;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < receivers.size(); i += 4) {
        uint64_t id = 0;
        const Admission admission = service.submit(greedy(std::to_string(i) + "?"), receivers[i].sink(), id);
        const std::scoped_lock lock(mutex);
        if (admission == Admission::accepted) ids.insert(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Receiver& receiver : receivers) CHECK(receiver.wait().text == "a fine answer");
  CHECK(ids.size() == 24);
  service.stop(5);
  CHECK(service.stats().blocks_used == 0);
  CHECK(service.stats().generation_tokens == 24 * 14);
}

TEST_CASE("a request out of range, too long or for no adapter is refused at once") {
  fake::Model model(fake::answering("?", "x"), 32);
  EngineService service(model, tokenizer(), options());
  const auto code_of = [&](const Request& request) {
    uint64_t id = 0;
    try {
      service.submit(
          request, [](const Event&) {}, id);
    } catch (const base::Error& error) {
      return error.code();
    }
    return base::ExitCode::ok;
  };
  Request request = greedy("?");
  request.params.top_p = 2;
  CHECK(code_of(request) == base::ExitCode::usage);
  request = greedy("?");
  request.adapter = "none";
  CHECK(code_of(request) == base::ExitCode::usage);
  CHECK(code_of(greedy(std::string(32, 'x'))) == base::ExitCode::data);
}

TEST_CASE("cancelling ends a request, whose blocks come back") {
  fake::Model model(fake::answering("?", ""), 100000);
  EngineService service(model, tokenizer(), options());
  Receiver receiver;
  uint64_t id = 0;
  REQUIRE(service.submit(greedy("?", 15000), receiver.sink(), id) == Admission::accepted);
  while (receiver.events < 3) std::this_thread::yield();
  service.cancel(id);
  service.cancel(12345);
  const fake::Answer answer = receiver.wait();
  CHECK(answer.finish_reason == FinishReason::interrupted);
  CHECK(answer.usage.completion_tokens < 15000);
  service.stop(5);
  CHECK(service.stats().blocks_used == 0);
}

TEST_CASE("a full queue and a stopping engine take no request") {
  fake::Model model(fake::answering("?", ""), 100000);
  EngineOptions given = options();
  given.scheduler.max_num_seqs = 1;
  EngineService service(model, tokenizer(), given, {.max_waiting = 2});
  std::vector<Receiver> receivers(4);
  uint64_t id = 0;
  CHECK(service.submit(greedy("?", 15000), receivers[0].sink(), id) == Admission::accepted);
  while (receivers[0].events < 1) std::this_thread::yield();
  CHECK(service.submit(greedy("?", 3), receivers[1].sink(), id) == Admission::accepted);
  CHECK(service.submit(greedy("?", 3), receivers[2].sink(), id) == Admission::accepted);
  CHECK(service.submit(greedy("?", 3), receivers[3].sink(), id) == Admission::queue_full);
  CHECK(service.stats().waiting == 2);
  service.stop(0);
  for (size_t i = 0; i < 3; ++i) CHECK(receivers[i].wait().finish_reason == FinishReason::interrupted);
  CHECK(service.submit(greedy("?", 3), receivers[3].sink(), id) == Admission::stopping);
  CHECK_THROWS_AS(service.embed({{1}}, ""), base::Error);
}

TEST_CASE("stopping lets requests finish within the grace period") {
  fake::Model model(fake::answering("?", "all of it"));
  EngineService service(model, tokenizer(), options());
  std::vector<Receiver> receivers(5);
  for (Receiver& receiver : receivers) {
    uint64_t id = 0;
    service.submit(greedy("so?"), receiver.sink(), id);
  }
  service.stop(60);
  for (Receiver& receiver : receivers) CHECK(receiver.wait().text == "all of it");
}

TEST_CASE("a model that throws fails its requests with the message, and the next ones work") {
  fake::Model model(fake::answering("?", "ok"));
  std::atomic<bool> broken = true;
  model.on_forward = [&broken] {
    if (broken) throw std::runtime_error("the device is lost");
  };
  EngineService service(model, tokenizer(), options());
  Receiver first, second;
  uint64_t id = 0;
  service.submit(greedy("?"), first.sink(), id);
  const fake::Answer failed = first.wait();
  CHECK(failed.finish_reason == FinishReason::failed);
  CHECK(failed.error.find("the device is lost") != std::string::npos);
  broken = false;
  service.submit(greedy("?"), second.sink(), id);
  CHECK(second.wait().text == "ok");
  service.stop(60);  // what the thread counts is seen a moment after the last event
  CHECK(service.stats().blocks_used == 0);
}

TEST_CASE("adapters come and go while requests run, embeddings have length 1") {
  fake::Model model(fake::answering("?", "abc"));
  EngineService service(model, tokenizer(), options());
  service.load_adapter({"a", "path/a"});
  service.load_adapter({"b", "path/b"});
  CHECK_THROWS_AS(service.load_adapter({"a", "path/c"}), base::Error);
  CHECK_THROWS_AS(service.load_adapter({"c", ""}), base::Error);
  REQUIRE(service.adapters().size() == 2);
  CHECK(service.adapters()[1].path == "path/b");
  Receiver receiver;
  uint64_t id = 0;
  Request request = greedy("?", 40);
  request.adapter = "a";
  service.submit(request, receiver.sink(), id);
  CHECK(service.unload_adapter("a"));
  CHECK_FALSE(service.unload_adapter("a"));
  CHECK(receiver.wait().text == "`ab");
  CHECK_THROWS_AS(service.submit(request, receiver.sink(), id), base::Error);

  const auto embeddings = service.embed({{3, 4}, {1}}, "");
  REQUIRE(embeddings.size() == 2);
  for (const auto& embedding : embeddings) CHECK(std::hypot(embedding[0], embedding[1]) == Approx(1));
  CHECK(embeddings[0][1] == Approx(2 * embeddings[0][0]));
  service.stop(5);
  CHECK(model.adapters == std::set<int32_t>{1});
}
