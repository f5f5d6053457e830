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

infer::DecoderModel model_of(const std::filesystem::path& directory, at::Device device,
                             ops::KvKind kind = ops::KvKind::model) {
  model::Decoder decoder = model::load_decoder(directory, std::nullopt);
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
  for (const char* name : {"qwen3_bf16", "qwen3", "llama", "qwen3_moe"}) {
    for (const auto kind : {ops::KvKind::model, ops::KvKind::int8}) {
      CAPTURE(name, kind);
      infer::DecoderModel there = model_of(golden("models") / name, host_device(), kind);
      infer::DecoderModel here = model_of(golden("models") / name, at::kCPU, kind);
      const bool narrow = std::string(name) == "qwen3_bf16";
      CHECK(relative(answers(there), answers(here)) < (narrow                      ? 0.02
                                                       : kind == ops::KvKind::int8 ? 1e-3
                                                                                   : 1e-4));
    }
  }
}
