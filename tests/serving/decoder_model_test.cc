// The decoder behind the engine's interface: results that depend on the tokens before alone, those of
// training, and adapters side by side.
#include "infer/decoder_model.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "../model/golden.h"
#include "model/adapter.h"
#include "model/load.h"
#include "ops/gemm.h"

using namespace swift;
using namespace swift::tests;

namespace {

std::vector<int32_t> tokens_of(int64_t count, int32_t seed) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((seed + 7 * i + i * i) % 120 + 2));
  return ids;
}

std::vector<int32_t> table(int32_t first, int64_t tokens) {
  std::vector<int32_t> blocks(static_cast<size_t>((tokens + ops::kBlockTokens - 1) / ops::kBlockTokens));
  std::iota(blocks.begin(), blocks.end(), first);
  return blocks;
}

at::Tensor logits(infer::DecoderModel& model, const std::vector<infer::Step>& steps) {
  const auto values = model.forward(steps);
  const auto rows = static_cast<int64_t>(values.size()) / model.vocab_size();
  return at::from_blob(const_cast<float*>(values.data()), {rows, model.vocab_size()}).clone();
}

infer::DecoderModel model_of(const std::string& name, ops::KvKind kind = ops::KvKind::model) {
  return infer::DecoderModel(model::load_decoder(golden("models") / name, std::nullopt),
                             {.kind = kind, .bytes = int64_t{1} << 24});
}

infer::Step part_of(const std::vector<int32_t>& ids, int64_t start, int64_t count,
                    const std::vector<int32_t>& blocks, int32_t adapter = -1) {
  return {std::span(ids).subspan(static_cast<size_t>(start), static_cast<size_t>(count)), start, blocks,
          adapter, count};
}

}  // namespace

TEST_CASE("logits do not depend on the batch or on how a prompt is cut, bit for bit") {
  for (const char* name : {"qwen3_bf16", "qwen3", "llama", "qwen3_moe"}) {
    CAPTURE(name);
    const auto a = tokens_of(100, 3), b = tokens_of(70, 11);
    const auto blocks_a = table(0, 100), blocks_b = table(8, 70);
    infer::DecoderModel whole = model_of(name), cut = model_of(name);
    const at::Tensor want = logits(whole, {part_of(a, 0, 100, blocks_a)});
    std::vector<at::Tensor> parts;
    parts.push_back(
        logits(cut, {part_of(b, 0, 60, blocks_b), part_of(a, 0, 37, blocks_a)}).narrow(0, 60, 37));
    parts.push_back(logits(cut, {part_of(a, 37, 1, blocks_a)}));
    parts.push_back(logits(cut, {part_of(a, 38, 1, blocks_a), part_of(b, 60, 9, blocks_b)}).narrow(0, 0, 1));
    parts.push_back(logits(cut, {part_of(a, 39, 61, blocks_a)}));
    CHECK(at::equal(want, at::cat(parts)));
  }
}

TEST_CASE("bf16 logits while serving are those of training, bit for bit") {
  const auto ids = tokens_of(90, 5);
  infer::DecoderModel model = model_of("qwen3_bf16");
  const model::Decoder trained = model::load_decoder(golden("models/qwen3_bf16"), std::nullopt);
  const at::Tensor served = logits(model, {part_of(ids, 0, 90, table(2, 90))}),
                   want = logits_of(trained, ids);
  // Without AVX-512 BF16 both compute on LibTorch's products, whose order of sums depends on the shape.
  if (ops::has_panel_gemm()) CHECK(at::equal(served, want));
  CHECK(((served - want).abs().max() / want.abs().max()).item<double>() < 0.02);
}

TEST_CASE("keys and values in fewer bits stay close to the model's own") {
  const auto ids = tokens_of(80, 9);
  const auto blocks = table(0, 80);
  infer::DecoderModel full = model_of("qwen3");
  const at::Tensor want = logits(full, {part_of(ids, 0, 80, blocks)});
  for (const auto kind : {ops::KvKind::bfloat16, ops::KvKind::float16, ops::KvKind::int8}) {
    CAPTURE(static_cast<int>(kind));
    infer::DecoderModel model = model_of("qwen3", kind);
    const at::Tensor got = logits(model, {part_of(ids, 0, 80, blocks)});
    CHECK(((got - want).abs().max() / want.abs().max()).item<double>() < 0.05);
  }
}

TEST_CASE("adapters in one batch answer as each does attached alone, and can be taken away") {
  const auto ids = tokens_of(40, 4);
  infer::DecoderModel model = model_of("qwen3");
  const int32_t plain = model.load_adapter(golden("peft/qwen3_all_linear"));
  const auto alone = [&](const char* adapter) {
    model::Decoder decoder = model::load_decoder(golden("models/qwen3"), std::nullopt);
    if (adapter != nullptr) model::load_adapter(decoder, golden("peft") / adapter);
    return logits_of(decoder, ids);
  };
  const auto one = table(0, 40), two = table(1, 40);
  const at::Tensor both = logits(model, {part_of(ids, 0, 40, one, plain), part_of(ids, 0, 40, two)});
  const auto near = [](const at::Tensor& got, const at::Tensor& want) {
    return ((got - want).abs().max() / want.abs().max()).item<double>() < 1e-4;
  };
  CHECK(near(both.narrow(0, 0, 40), alone("qwen3_all_linear")));
  CHECK(near(both.narrow(0, 40, 40), alone(nullptr)));
  CHECK_FALSE(near(both.narrow(0, 0, 40), both.narrow(0, 40, 40)));
  model.unload_adapter(plain);
  CHECK(near(logits(model, {part_of(ids, 0, 40, one, plain)}), alone(nullptr)));
}

TEST_CASE("an adapter that cannot share its base is refused, with the reason") {
  infer::DecoderModel model = model_of("qwen3");
  CHECK_THROWS_WITH(model.load_adapter(golden("peft/qwen3_dora")), Catch::Contains("DoRA"));
}
