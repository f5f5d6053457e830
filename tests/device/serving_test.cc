// The decoder behind the engine's interface, on a device: its logits against the CPU's.
#include <catch2/catch.hpp>
#include <numeric>

#include "device/host_device.h"
#include "golden.h"
#include "gradcheck.h"
#include "infer/decoder_model.h"
#include "model/load.h"
#include "model/placement.h"

using namespace swift;
using tests::golden;
using tests::host_device;
using tests::relative;

namespace {

infer::DecoderModel model_of(const std::filesystem::path& directory, at::Device device, ops::KvKind kind,
                             at::ScalarType type) {
  model::Decoder decoder = model::load_decoder(directory, type);
  model::move_to(decoder, device);
  return infer::DecoderModel(std::move(decoder), {.kind = kind, .bytes = int64_t{1} << 22});
}

// Two prompts in one pass, then tokens one by one and a longer piece behind what is kept.
at::Tensor answers(infer::DecoderModel& model) {
  std::vector<int32_t> a, b;
  for (int32_t i = 0; i < 90; ++i) {
    a.push_back((3 + 7 * i + i * i) % 120 + 2);
    b.push_back((11 + 5 * i) % 120 + 2);
  }
  const std::vector<int32_t> first = {0, 1}, second = {2, 3};
  const auto step = [](const std::vector<int32_t>& ids, int64_t start, int64_t count,
                       const std::vector<int32_t>& blocks) -> infer::Step {
    return {std::span(ids).subspan(static_cast<size_t>(start), static_cast<size_t>(count)), start, blocks, -1,
            count};
  };
  std::vector<at::Tensor> logits;
  const auto pass = [&](const std::vector<infer::Step>& steps) {
    const auto values = model.forward(steps);
    const auto rows = static_cast<int64_t>(values.size()) / model.vocab_size();
    logits.push_back(at::from_blob(const_cast<float*>(values.data()), {rows, model.vocab_size()}).clone());
  };
  pass({step(a, 0, 63, first), step(b, 0, 20, second)});
  pass({step(a, 63, 1, first), step(b, 20, 1, second)});
  pass({step(a, 64, 1, first), step(b, 21, 40, second)});
  pass({step(b, 61, 9, second), step(a, 65, 1, first)});
  return at::cat(logits);
}

}  // namespace

TEST_CASE("on a device, a model answers as on the CPU, with a cache in each form") {
  struct Case {
    const char* name;
    at::ScalarType type;
  };
  for (const Case c :
       {Case{"qwen3_bf16", at::kBFloat16}, Case{"qwen3", at::kFloat}, Case{"llama", at::kHalf},
        Case{"qwen2", at::kBFloat16}, Case{"llama_bias", at::kFloat}, Case{"qwen3_moe", at::kFloat},
        Case{"qwen3_awq", at::kFloat}, Case{"qwen3_awq", at::kBFloat16}, Case{"qwen3_gptq", at::kHalf}}) {
    for (const auto kind : {ops::KvKind::model, ops::KvKind::int8}) {
      CAPTURE(c.name, c.type, kind);
      infer::DecoderModel there = model_of(golden("models") / c.name, host_device(), kind, c.type);
      infer::DecoderModel here = model_of(golden("models") / c.name, at::kCPU, kind, c.type);
      const double exact = kind == ops::KvKind::int8 ? 1e-3 : 1e-4;
      CHECK(relative(answers(there), answers(here)) < (c.type == at::kFloat ? exact : 0.03));
    }
  }
}

TEST_CASE("on a device, rows of one batch have adapters of their own") {
  infer::DecoderModel there = model_of(golden("models/qwen3"), host_device(), ops::KvKind::model, at::kFloat);
  infer::DecoderModel here = model_of(golden("models/qwen3"), at::kCPU, ops::KvKind::model, at::kFloat);
  const std::vector<int32_t> ids = {5, 6, 7, 8}, first = {0}, second = {1}, third = {2};
  std::vector<at::Tensor> results;
  for (infer::DecoderModel* model : {&there, &here}) {
    const int32_t a = model->load_adapter(golden("peft/qwen3_all_linear"));
    const int32_t b = model->load_adapter(golden("peft/qwen3_rslora"));
    const std::vector<infer::Step> steps = {
        {ids, 0, first, a, 4}, {ids, 0, second, -1, 4}, {ids, 0, third, b, 4}};
    const auto values = model->forward(steps);
    results.push_back(at::from_blob(const_cast<float*>(values.data()), {12, model->vocab_size()}).clone());
  }
  CHECK(relative(results[0], results[1]) < 1e-4);
  CHECK_FALSE(at::equal(results[0].narrow(0, 0, 4), results[0].narrow(0, 4, 4)));
}
