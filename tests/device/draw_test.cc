// The engine on a device: tokens drawn there, replayed passes, and what of it the host waits for.
#include <catch2/catch.hpp>

#include "../infer/collect.h"
#include "device/host_device.h"
#include "golden.h"
#include "infer/decoder_model.h"
#include "infer/engine.h"
#include "model/load.h"
#include "model/placement.h"
#include "text/model_text.h"

using namespace swift;
using infer::SamplingParams;
using tests::device_traffic;
using tests::golden;
using tests::host_device;

namespace {

std::unique_ptr<infer::DecoderModel> served(const std::filesystem::path& directory) {
  model::Decoder decoder = model::load_decoder(directory, at::kBFloat16);
  model::move_to(decoder, host_device());
  return std::make_unique<infer::DecoderModel>(std::move(decoder),
                                               infer::CacheOptions{.bytes = int64_t{1} << 23});
}

// The same model, whose logits the host reads.
class ByLogits : public infer::StepModel {
 public:
  explicit ByLogits(infer::DecoderModel& model) : model_(model) {}
  int64_t vocab_size() const override { return model_.vocab_size(); }
  int64_t max_positions() const override { return model_.max_positions(); }
  int64_t block_tokens() const override { return model_.block_tokens(); }
  int64_t blocks() const override { return model_.blocks(); }
  std::span<const float> forward(std::span<const infer::Step> steps) override {
    return model_.forward(steps);
  }
  std::vector<std::vector<float>> embed(std::span<const infer::Step> steps) override {
    return model_.embed(steps);
  }
  int32_t load_adapter(const std::filesystem::path& directory) override {
    return model_.load_adapter(directory);
  }
  void unload_adapter(int32_t adapter) override { model_.unload_adapter(adapter); }

 private:
  infer::DecoderModel& model_;
};

std::vector<SamplingParams> kinds() {
  std::vector<SamplingParams> all(7);
  for (SamplingParams& params : all)
    params.temperature = 0, params.max_new_tokens = 11, params.ignore_eos = true;
  all[1].temperature = 1.0, all[1].top_k = 8;
  all[2].temperature = 0.8, all[2].top_p = 0.9;
  all[3].repetition_penalty = 1.5, all[3].frequency_penalty = 0.5;
  all[4].allowed_ids = {{5, 9, 77, 100}};
  all[5].logit_bias = {{44, 5.0}, {45, -3.0}};
  all[6].min_tokens = 4, all[6].ignore_eos = false;
  return all;
}

std::map<uint64_t, infer::fake::Answer> answers(infer::StepModel& model,
                                                const std::vector<SamplingParams>& params) {
  infer::Engine engine(model, infer::fake::tokenizer(), {.eos_token_ids = {1}});
  for (size_t i = 0; i < params.size(); ++i) {
    std::vector<int32_t> prompt;
    for (size_t t = 0; t < 5 + 30 * (i % 7); ++t)
      prompt.push_back(static_cast<int32_t>((7 * t + i) % 120 + 2));
    engine.add({.id = i, .prompt = prompt, .params = params[i], .stream = i});
  }
  return infer::fake::answer_all(engine);
}

}  // namespace

TEST_CASE("on a device, tokens drawn there are those that the host draws from the same logits") {
  for (const char* name : {"qwen3_bf16", "qwen3_moe"}) {
    const auto model = served(golden("models") / name);
    REQUIRE(model->draws());
    ByLogits by_logits(*model);
    // Together, where the masks let a call draw one token, and each alone.
    const auto together = answers(*model, kinds()), wanted = answers(by_logits, kinds());
    for (const auto& [id, answer] : wanted) {
      CAPTURE(name, id);
      CHECK(together.at(id).tokens == answer.tokens);
      CHECK(together.at(id).finish_reason == answer.finish_reason);
      CHECK(answers(*model, {kinds()[id]}).at(0).tokens == answers(by_logits, {kinds()[id]}).at(0).tokens);
    }
  }
}

TEST_CASE("on a device, log-probabilities of tokens are those of the host, and cost no further wait") {
  const auto model = served(golden("models/qwen3_bf16"));
  ByLogits by_logits(*model);
  std::vector<SamplingParams> all(4);
  for (SamplingParams& params : all) {
    params.temperature = 0.7, params.max_new_tokens = 9, params.ignore_eos = true;
    params.repetition_penalty = 1.2;
  }
  all[1].logprobs = true;
  all[2].logprobs = true, all[2].top_logprobs = 5;
  all[3].sampled_log_probs = true, all[3].logprobs = true, all[3].top_logprobs = 2;
  const auto events_of = [&](infer::StepModel& from) {
    infer::Engine engine(from, infer::fake::tokenizer(), {.eos_token_ids = {1}});
    for (size_t i = 0; i < all.size(); ++i) {
      const std::vector<int32_t> prompt(3 + i, static_cast<int32_t>(7 + i));
      engine.add({.id = i, .prompt = prompt, .params = all[i], .stream = i});
    }
    std::map<uint64_t, infer::Event> whole;
    while (!engine.idle()) {
      for (infer::Event& event : engine.step()) {
        infer::Event& own = whole[event.id];
        own.token_ids.insert(own.token_ids.end(), event.token_ids.begin(), event.token_ids.end());
        own.logprobs.insert(own.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
        own.sampled_log_probs.insert(own.sampled_log_probs.end(), event.sampled_log_probs.begin(),
                                     event.sampled_log_probs.end());
      }
    }
    return whole;
  };
  auto there = events_of(*model), here = events_of(by_logits);
  for (auto& [id, want] : here) {
    CAPTURE(id);
    const infer::Event& got = there.at(id);
    REQUIRE(got.token_ids == want.token_ids);
    REQUIRE(got.logprobs.size() == want.logprobs.size());
    CHECK(want.logprobs.size() == (all[id].logprobs ? 9 : 0));
    for (size_t t = 0; t < want.logprobs.size(); ++t) {
      CHECK(got.logprobs[t].chosen.token_id == want.logprobs[t].chosen.token_id);
      CHECK(got.logprobs[t].chosen.logprob == Approx(want.logprobs[t].chosen.logprob).margin(1e-4));
      REQUIRE(got.logprobs[t].top.size() == want.logprobs[t].top.size());
      for (size_t i = 0; i < want.logprobs[t].top.size(); ++i) {
        CHECK(got.logprobs[t].top[i].token_id == want.logprobs[t].top[i].token_id);
        CHECK(got.logprobs[t].top[i].logprob == Approx(want.logprobs[t].top[i].logprob).margin(1e-4));
      }
    }
    REQUIRE(got.sampled_log_probs.size() == want.sampled_log_probs.size());
    for (size_t t = 0; t < want.sampled_log_probs.size(); ++t)
      CHECK(got.sampled_log_probs[t] == Approx(want.sampled_log_probs[t]).margin(1e-4));
  }
}

TEST_CASE("on a device, the host waits once for several tokens, whatever the layers and sequences",
          "[layer]") {
  const auto model = served(golden("models/qwen3_bf16"));
  const bool logprobs = GENERATE(false, true);
  infer::Engine engine(*model, infer::fake::tokenizer(), {.eos_token_ids = {1}});
  SamplingParams params;
  params.temperature = 0, params.max_new_tokens = 33, params.ignore_eos = true;
  params.logprobs = logprobs, params.top_logprobs = logprobs ? 3 : 0;
  for (uint64_t i = 0; i < 3; ++i) engine.add({.id = i, .prompt = {5, 6, 7}, .params = params});
  engine.step();  // the prompts
  engine.step();  // the first pass of its shape
  const int64_t before = device_traffic().waits;
  const auto events = engine.step();
  REQUIRE(events.size() == 3);
  CHECK(events[0].token_ids.size() == 8);
  CHECK(device_traffic().waits - before == 1);
  while (!engine.idle()) engine.step();
}

TEST_CASE("on a device, tokens after the first of a call take no memory", "[layer]") {
  const auto model = served(golden("models/qwen3_bf16"));
  const std::vector<int32_t> token = {5}, blocks = {0, 1};
  const std::vector<infer::Step> steps = {{.tokens = token, .blocks = blocks}};
  std::vector<ops::DrawRule> rules(1);
  rules[0].log_probs = GENERATE(-1, 4);
  const auto allocations = [&](int64_t count) {
    const int64_t before = device_traffic().allocations;
    CHECK(model->draw(steps, rules, count).tokens.size() == static_cast<size_t>(count));
    return device_traffic().allocations - before;
  };
  allocations(8);  // piece by piece, then as a graph that is made here
  const int64_t one = allocations(1);
  CHECK(allocations(8) == one);
  CHECK(one <= 10);  // what tells the device of the batch
}

TEST_CASE("on a device, shapes of passes that made room for others give the same tokens again") {
  const auto model = served(golden("models/qwen3_bf16"));
  SamplingParams params;
  params.temperature = 0, params.max_new_tokens = 4, params.ignore_eos = true;
  const auto drawn = [&](size_t sequences) {
    return answers(*model, std::vector<SamplingParams>(sequences, params)).at(0).tokens;
  };
  const auto want = drawn(1);
  // Ten numbers of rows, more than are kept.
  static_assert(infer::DecoderLoop::kMostShapes < 10);
  for (const size_t sequences : {2, 3, 5, 9, 17, 25, 33, 41, 49}) drawn(sequences);
  CHECK(drawn(1) == want);
}
