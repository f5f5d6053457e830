#include "infer/generate.h"

#include <csignal>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/signals.h"
#include "fake_model.h"

using namespace swift;
using namespace swift::infer;
using fake::bytes;

namespace {

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<PositionLogprobs> logprobs;
  std::optional<FinishReason> finish_reason;
  Usage usage;
};

// Collects the events of every request; a text must be complete characters at any moment.
struct Answers {
  std::map<uint64_t, Answer> by_id;
  void operator()(const Event& event) {
    Answer& answer = by_id[event.id];
    REQUIRE_FALSE(answer.finish_reason.has_value());
    REQUIRE_NOTHROW(base::Json(event.text).dump());  // throws for half a character
    answer.text += event.text;
    answer.tokens.insert(answer.tokens.end(), event.token_ids.begin(), event.token_ids.end());
    answer.logprobs.insert(answer.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    answer.finish_reason = event.finish_reason;
    answer.usage = event.usage;
  }
};

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = fake::byte_tokenizer();
  return value;
}

Answer answer_one(fake::Model& model, const std::string& prompt, const SamplingParams& params) {
  Generator generator(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  generator.add({.id = 5, .prompt = bytes(prompt), .params = params});
  Answers answers;
  CHECK(run_to_end(generator, std::ref(answers)) == 0);
  CHECK(model.open_sequences() == 0);
  REQUIRE(answers.by_id.size() == 1);
  return answers.by_id.at(5);
}

}  // namespace

TEST_CASE("an answer ends at the end of sequence, whose token counts but has no text") {
  fake::Model model(fake::answering("?", "yes"));
  const Answer answer = answer_one(model, "well?", {.temperature = 0});
  CHECK(answer.text == "yes");
  CHECK(answer.tokens == std::vector<int32_t>{'y', 'e', 's', fake::kEnd});
  CHECK(answer.finish_reason == FinishReason::stop);
  CHECK(answer.usage.prompt_tokens == 5);
  CHECK(answer.usage.completion_tokens == 4);
  CHECK(answer.usage.total_tokens() == 9);
}

TEST_CASE("max_new_tokens and the context end an answer with length") {
  fake::Model model(fake::answering("?", "a long answer"), 12);
  const Answer limited = answer_one(model, "well?", {.temperature = 0, .max_new_tokens = 3});
  CHECK(limited.text == "a l");
  CHECK(limited.finish_reason == FinishReason::length);
  const Answer full = answer_one(model, "well?", {.temperature = 0, .max_new_tokens = 100});
  CHECK(full.text == "a long ");
  CHECK(full.finish_reason == FinishReason::length);
  CHECK(answer_one(model, "well?", {.temperature = 0}).text == "a long ");
}

TEST_CASE("ignore_eos generates exactly max_new_tokens") {
  fake::Model model(fake::answering("?", "no"));
  const Answer answer = answer_one(model, "ok?", {.temperature = 0, .max_new_tokens = 7, .ignore_eos = true});
  CHECK(answer.tokens.size() == 7);
  CHECK(answer.finish_reason == FinishReason::length);
  CHECK(answer.text == "no");
}

TEST_CASE("characters of several tokens and stop strings come out whole") {
  fake::Model model(fake::answering("?", "größer als 3 € STOP nie"));
  const Answer answer = answer_one(model, "?", {.temperature = 0, .stop = {" STOP", "§"}});
  CHECK(answer.text == "größer als 3 €");
  CHECK(answer.finish_reason == FinishReason::stop);
}

TEST_CASE("text held back for a stop string that never came is shown at the end") {
  fake::Model model(fake::answering("?", "a ST"));
  CHECK(answer_one(model, "?", {.temperature = 0, .stop = {"STOP"}}).text == "a ST");
}

TEST_CASE("a stop string that is a special token ends the answer though it has no text") {
  fake::Model model([](const auto& sequence, std::span<float> logits) {
    logits[sequence.size() < 4 ? 'x' : static_cast<size_t>(fake::kStart)] = 9;
  });
  const Answer answer =
      answer_one(model, "?", {.temperature = 0, .max_new_tokens = 50, .stop = {"<|im_start|>"}});
  CHECK(answer.text == "xxx");
  CHECK(answer.finish_reason == FinishReason::stop);
}

TEST_CASE("a token beyond the tokenizer has no text") {
  fake::Model model([](const auto& sequence, std::span<float> logits) {
    logits[sequence.size() % 2 == 0 ? 'x' : static_cast<size_t>(fake::kPadding)] = 9;
  });
  CHECK(answer_one(model, "?", {.temperature = 0, .max_new_tokens = 4}).text == "xx");
}

TEST_CASE("log-probabilities come with every token") {
  fake::Model model(fake::scrambled());
  const Answer answer = answer_one(
      model, "?",
      {.temperature = 0, .max_new_tokens = 5, .ignore_eos = true, .logprobs = true, .top_logprobs = 2});
  REQUIRE(answer.logprobs.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(answer.logprobs[i].chosen.token_id == answer.tokens[i]);
    REQUIRE(answer.logprobs[i].top.size() == 2);
    CHECK(answer.logprobs[i].top[0].token_id == answer.tokens[i]);
    CHECK(answer.logprobs[i].top[0].logprob == answer.logprobs[i].chosen.logprob);
    CHECK(answer.logprobs[i].top[1].logprob <= answer.logprobs[i].top[0].logprob);
  }
}

TEST_CASE("a sampled answer does not depend on the batch or on how prompts are cut") {
  std::vector<std::map<uint64_t, Answer>> runs;
  for (const auto& [batch, chunk] : {std::pair<int64_t, int64_t>{1, 2048}, {3, 2048}, {8, 4}}) {
    fake::Model model(fake::scrambled());
    Generator generator(model, tokenizer(),
                        {.eos_token_ids = {fake::kEnd}, .max_batch_size = batch, .prefill_chunk = chunk});
    for (uint64_t i = 0; i < 8; ++i) {
      SamplingParams params{.temperature = 0.8, .top_p = 0.9, .repetition_penalty = 1.1};
      params.max_new_tokens = 5 + static_cast<int64_t>(i * 3 % 7);
      generator.add({i, bytes("prompt number " + std::to_string(i)), params, i});
    }
    Answers answers;
    // Texts are random bytes here, so compare tokens, not characters.
    while (!generator.idle()) {
      for (Event& event : generator.step()) {
        event.text.clear();
        answers(event);
      }
      CHECK(static_cast<int64_t>(generator.running()) <= batch);
    }
    CHECK(model.open_sequences() == 0);
    runs.push_back(answers.by_id);
  }
  for (uint64_t i = 0; i < 8; ++i) {
    CHECK(runs[0].at(i).tokens == runs[1].at(i).tokens);
    CHECK(runs[0].at(i).tokens == runs[2].at(i).tokens);
    CHECK(runs[0].at(i).finish_reason == runs[1].at(i).finish_reason);
  }
}

TEST_CASE("one call decodes the running requests and starts the next") {
  fake::Model model(fake::answering("?", "abc"));
  Generator generator(model, tokenizer(),
                      {.eos_token_ids = {fake::kEnd}, .max_batch_size = 2, .prefill_chunk = 4});
  generator.add({.id = 0, .prompt = bytes("12?"), .params = {.temperature = 0}});
  generator.add({.id = 1, .prompt = bytes("123456?"), .params = {.temperature = 0}});
  generator.add({.id = 2, .prompt = bytes("1?"), .params = {.temperature = 0}});
  CHECK(generator.waiting() == 3);
  Answers answers;
  run_to_end(generator, std::ref(answers));
  using Calls = std::vector<std::vector<size_t>>;
  // Request 0 decodes beside both parts of 1's prompt; 2 starts when 0 is done.
  CHECK(model.calls == Calls{{3, 4}, {1, 3}, {1, 1}, {1, 1}, {1, 2}, {1}, {1}, {1}});
  for (const auto& [id, answer] : answers.by_id) CHECK(answer.text == "abc");
  CHECK(generator.throughput().prefill_tokens == 12);
  CHECK(generator.throughput().decode_tokens == 9);
}

TEST_CASE("prompt parts wait when a call has enough tokens, and a long one still goes ahead") {
  fake::Model model(fake::answering("?", "abcdef"));
  Generator generator(model, tokenizer(),
                      {.eos_token_ids = {fake::kEnd}, .max_batch_size = 3, .max_batched_tokens = 6});
  for (const char* prompt : {"12345678?", "1234?", "123?"}) {
    generator.add(
        {.id = static_cast<uint64_t>(prompt[3]), .prompt = bytes(prompt), .params = {.temperature = 0}});
  }
  CHECK_THROWS_AS(generator.add({.prompt = {}, .params = {}}), base::Error);
  generator.step();
  generator.step();
  generator.step();
  using Calls = std::vector<std::vector<size_t>>;
  CHECK(model.calls == Calls{{9}, {1, 5}, {1, 1, 4}});
  generator.interrupt();
  CHECK(model.open_sequences() == 0);
}

TEST_CASE("the time of a mixed call is shared out by tokens") {
  fake::Model model(fake::answering("?", "abc"));
  double now = 0;
  Generator generator(model, tokenizer(), {.eos_token_ids = {fake::kEnd}, .max_batch_size = 2, .now = [&now] {
                                             return now += 4;
                                           }});
  generator.add({.id = 0, .prompt = bytes("ab?"), .params = {.temperature = 0}});
  generator.step();
  generator.add({.id = 1, .prompt = bytes("ab?"), .params = {.temperature = 0}});
  generator.step();
  CHECK(generator.throughput().prefill_seconds == Approx(4 + 3));
  CHECK(generator.throughput().decode_seconds == Approx(1));
}

TEST_CASE("interrupting ends every request with what it has") {
  fake::Model model(fake::answering("?", "abcdefgh"));
  Generator generator(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  generator.add({.id = 0, .prompt = bytes("?"), .params = {.temperature = 0}});
  generator.add({.id = 1, .prompt = bytes("?"), .params = {.temperature = 0}});
  Answers answers;
  for (int i = 0; i < 3; ++i) {
    for (const Event& event : generator.step()) answers(event);
  }
  for (const Event& event : generator.interrupt()) answers(event);
  CHECK(generator.idle());
  CHECK(model.open_sequences() == 0);
  CHECK(answers.by_id.at(0).text == "abc");
  CHECK(answers.by_id.at(0).finish_reason == FinishReason::interrupted);
  CHECK(answers.by_id.at(0).usage.completion_tokens == 3);
  CHECK(answers.by_id.at(1).text.empty());
  CHECK(answers.by_id.at(1).finish_reason == FinishReason::interrupted);
}

TEST_CASE("a signal ends the run after the model call it came in") {
  base::install_stop_handlers();
  fake::Model model(fake::answering("?", "abcdefgh"));
  model.on_forward = [&model] {
    if (model.calls.size() == 2) std::raise(SIGTERM);
  };
  Generator generator(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  generator.add({.id = 0, .prompt = bytes("?"), .params = {.temperature = 0}});
  Answers answers;
  CHECK(run_to_end(generator, std::ref(answers)) == SIGTERM);
  base::clear_stop_signal();
  CHECK(answers.by_id.at(0).text == "ab");
  CHECK(answers.by_id.at(0).finish_reason == FinishReason::interrupted);
}

TEST_CASE("prompts the model cannot take are refused and leave the generator usable") {
  fake::Model model(fake::answering("?", "ok"), 8);
  Generator generator(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  const auto code_of = [&](Request request) {
    try {
      generator.add(std::move(request));
    } catch (const base::Error& error) {
      return error.code();
    }
    return base::ExitCode::ok;
  };
  CHECK(code_of({.prompt = {}}) == base::ExitCode::data);
  CHECK(code_of({.prompt = bytes("12345678")}) == base::ExitCode::data);
  CHECK(code_of({.prompt = {-1}}) == base::ExitCode::data);
  CHECK(code_of({.prompt = {static_cast<int32_t>(fake::kVocab)}}) == base::ExitCode::data);
  CHECK(code_of({.prompt = {1}, .params = {.top_p = 7}}) == base::ExitCode::usage);
  CHECK(generator.idle());
  CHECK(code_of({.prompt = bytes("12345?"), .params = {.temperature = 0}}) == base::ExitCode::ok);
  Answers answers;
  run_to_end(generator, std::ref(answers));
  CHECK(answers.by_id.at(0).text == "ok");
  CHECK_THROWS_AS(Generator(model, tokenizer(), {.max_batch_size = 0}), base::Error);
}

TEST_CASE("sequences are closed when the model or the sampler fails") {
  fake::Model model(
      [](const auto&, std::span<float> logits) { logits[3] = std::numeric_limits<float>::quiet_NaN(); });
  {
    Generator generator(model, tokenizer(), {});
    generator.add({.prompt = {1}, .params = {}});
    CHECK_THROWS_AS(generator.step(), base::Error);
  }
  CHECK(model.open_sequences() == 0);
}
