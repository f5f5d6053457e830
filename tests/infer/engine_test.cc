#include "infer/engine.h"

#include <csignal>

#include "base/error.h"
#include "base/signals.h"
#include "collect.h"

using namespace swift;
using namespace swift::infer;
using fake::Answer;
using fake::Answers;
using fake::bytes;
using fake::tokenizer;

namespace {

Answer answer_one(fake::Model& model, const std::string& prompt, const SamplingParams& params) {
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  engine.add({.id = 5, .prompt = bytes(prompt), .params = params});
  Answers answers;
  CHECK(run_to_end(engine, std::ref(answers)) == 0);
  CHECK(engine.pool().used() == 0);
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

TEST_CASE("the time of a mixed call is shared out by tokens") {
  fake::Model model(fake::answering("?", "abc"));
  double now = 0;
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}, .now = [&now] { return now += 4; }});
  engine.add({.id = 0, .prompt = bytes("ab?"), .params = {.temperature = 0}});
  engine.step();
  engine.add({.id = 1, .prompt = bytes("ab?"), .params = {.temperature = 0}});
  engine.step();
  CHECK(engine.throughput().prefill_seconds == Approx(4 + 3));
  CHECK(engine.throughput().decode_seconds == Approx(1));
}

TEST_CASE("interrupting ends every request with what it has") {
  fake::Model model(fake::answering("?", "abcdefgh"));
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = 1}});
  engine.add({.id = 0, .prompt = bytes("?"), .params = {.temperature = 0}});
  engine.add({.id = 1, .prompt = bytes("?"), .params = {.temperature = 0}});
  Answers answers;
  for (int i = 0; i < 3; ++i) {
    for (const Event& event : engine.step()) answers(event);
  }
  for (const Event& event : engine.interrupt()) answers(event);
  CHECK(engine.idle());
  CHECK(engine.pool().used() == 0);
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
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  engine.add({.id = 0, .prompt = bytes("?"), .params = {.temperature = 0}});
  Answers answers;
  CHECK(run_to_end(engine, std::ref(answers)) == SIGTERM);
  base::clear_stop_signal();
  CHECK(answers.by_id.at(0).text == "ab");
  CHECK(answers.by_id.at(0).finish_reason == FinishReason::interrupted);
}

TEST_CASE("prompts the model cannot take are refused and leave the engine usable") {
  fake::Model model(fake::answering("?", "ok"), 8);
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  const auto code_of = [&](Request request) {
    try {
      engine.add(std::move(request));
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
  CHECK(engine.idle());
  CHECK(code_of({.prompt = bytes("12345?"), .params = {.temperature = 0}}) == base::ExitCode::ok);
  Answers answers;
  run_to_end(engine, std::ref(answers));
  CHECK(answers.by_id.at(0).text == "ok");
  CHECK_THROWS_AS(Engine(model, tokenizer(), {.scheduler = {.max_num_seqs = 0}}), base::Error);
}
