// GPTQ's codes against IST's algorithm as AutoGPTQ runs it, AWQ's searches against AutoAWQ's
// (tests/golden/quantization.py).
#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "base/error.h"
#include "quant/awq_scale.h"
#include "quant/gptq.h"

using namespace swift;
using tests::golden;

namespace {

struct Case {
  const char* name;
  quant::GptqSettings settings;
};

quant::GptqSettings settings_of(int64_t bits, bool sym, int64_t group, quant::ActOrder order,
                                bool mse = false) {
  return {{.bits = bits, .group = group, .sym = sym, .mse = mse, .scale_type = at::kFloat}, order};
}

const model::TensorFiles& files() {
  static const auto loaded = model::TensorFiles::from_file(golden("quantization.safetensors"));
  return loaded;
}

}  // namespace

TEST_CASE("GPTQ gives IST's codes, scales and zero points in fp32") {
  using quant::ActOrder;
  const Case cases[] = {{"plain", settings_of(4, true, 64, ActOrder::none)},
                        {"asym", settings_of(4, false, 64, ActOrder::none)},
                        {"static", settings_of(4, true, 64, ActOrder::fixed)},
                        {"order", settings_of(4, false, 128, ActOrder::group)},
                        {"mse", settings_of(3, false, 64, ActOrder::none, true)},
                        {"rows", settings_of(8, true, 256, ActOrder::none)},
                        {"two", settings_of(2, false, 32, ActOrder::none)}};
  const at::Tensor weight = files().get("gptq.weight"), hessian = files().get("gptq.hessian");
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto get = [&](const std::string& part) {
      return files().get(std::string("gptq.") + c.name + "." + part);
    };
    const auto found = quant::gptq(weight, hessian, c.settings, "layer");
    CHECK(at::allclose(found.grid.scales, get("scales"), 1e-4, 1e-7));
    CHECK(found.grid.zeros.to(at::kByte).equal(get("zeros")));
    const int64_t other = found.codes.to(at::kByte).ne(get("codes")).sum().item<int64_t>();
    CHECK(other == 0);
    if (c.settings.order == ActOrder::group) CHECK(found.g_idx.equal(get("g_idx")));
  }
}

TEST_CASE("GPTQ has a smaller output error than rounding to nearest") {
  const at::Tensor weight = files().get("gptq.weight"), hessian = files().get("gptq.hessian");
  for (const auto order : {quant::ActOrder::none, quant::ActOrder::fixed, quant::ActOrder::group}) {
    const auto settings = settings_of(4, true, 64, order);
    const auto found = quant::gptq(weight, hessian, settings, "layer");
    const auto weights = quant::grouped(found.codes, found.grid, settings.grid, found.g_idx);
    const double error = quant::output_error(weight, ops::decode(weights, at::kFloat), hessian);
    const at::Tensor nearest = quant::rounded(weight, quant::find_grid(weight, settings.grid), 15);
    CHECK(error < quant::output_error(weight, nearest, hessian));
  }
}

TEST_CASE(
    "a Hessian that is not positive definite gets more damping, and values that are not finite are named") {
  const at::Tensor weight = files().get("gptq.weight");
  at::Tensor hessian = files().get("gptq.hessian").clone();
  // An eigenvalue below zero, beyond what the first damping mends.
  const auto [values, vectors] = at::linalg_eigh(hessian);
  const at::Tensor v = vectors.select(1, 0);
  hessian -= at::outer(v, v) * hessian.diagonal().mean() * 0.035;
  const auto settings = settings_of(4, true, 64, quant::ActOrder::fixed);
  CHECK(quant::gptq(weight, hessian, settings, "layer").damp == Approx(0.04).margin(0.011));
  hessian[3][3] = std::nan("");
  CHECK_THROWS_WITH(quant::gptq(weight, hessian, settings, "model.layers.0.q"),
                    Catch::Contains("model.layers.0.q: its inputs are not finite"));
}

TEST_CASE("the scales of AWQ are AutoAWQ's") {
  const at::Tensor weight = files().get("awq.weight"), x = files().get("awq.inputs");
  quant::InputStats stats;
  stats.add(x);
  quant::ScaleGroup group;
  group.weights = {weight};
  group.grids = {{.bits = 4, .group = 32, .sym = false, .scale_type = at::kFloat}};
  group.x_mean = stats.abs_mean();
  const auto found = quant::search_scale(group, true, quant::gram_loss(group.weights, stats.gram()));
  CHECK(found.loss < found.plain_loss);
  CHECK(at::allclose(found.scale, files().get("awq.scale"), 1e-4, 1e-5));
}

TEST_CASE("the clipping of AWQ is AutoAWQ's") {
  const at::Tensor scale = files().get("awq.scale");
  const at::Tensor weight = files().get("awq.weight") * scale;
  quant::InputStats stats;
  stats.add(files().get("awq.inputs") / scale);
  const auto limits = quant::search_clip(weight, stats.gram(),
                                         {.bits = 4, .group = 32, .sym = false, .scale_type = at::kFloat});
  const at::Tensor expected = files().get("awq.clip");
  // Two candidates may have the same error up to rounding.
  const int64_t same = at::isclose(limits, expected, 1e-4, 1e-6).sum().item<int64_t>();
  CHECK(same >= expected.numel() * 99 / 100);
}
