// What is lost on the demo model, against AutoAWQ's own quantizer (tests/golden/awq_demo.py) and rounding to
// nearest.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "model/load.h"
#include "quant/export.h"

using namespace swift;
using tests::golden;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

const model::TensorFiles& files() {
  static const auto loaded = model::TensorFiles::from_file(golden("awq_demo.safetensors"));
  return loaded;
}

std::vector<std::vector<int32_t>> sequences(const std::string& name) {
  std::vector<std::vector<int32_t>> found;
  const at::Tensor rows = files().get(name);
  for (int64_t i = 0; i < rows.size(0); ++i) found.push_back(tests::to_ids(rows[i]));
  return found;
}

quant::ExportReport quantized(quant::Method method, int64_t bits, int64_t group, bool sym) {
  const fs::path demo = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base",
                 folder = fs::temp_directory_path() / ("swift-quality-" + std::to_string(getpid()));
  fs::remove_all(folder), fs::create_directories(folder / "out");
  model::Decoder decoder = model::load_decoder(demo, at::kFloat);
  quant::ExportJob job{decoder, {}};
  job.settings.method = method;
  job.settings.form = {.kind = Kind::gptq, .bits = bits, .group = group, .sym = sym, .v2 = true};
  job.source = job.text = demo;
  job.work = folder / "work";
  if (job.settings.calibrates()) job.calibration.sequences = sequences("calibration");
  job.held_out.sequences = sequences("held_out");
  const auto report = quant::export_quantized(job, folder / "out");
  fs::remove_all(folder);
  return report;
}

}  // namespace

TEST_CASE("AWQ loses no more than AutoAWQ, up to 0.3 %, on the same calibration tokens") {
  for (const int64_t group : {32, 64}) {
    CAPTURE(group);
    const auto report = quantized(quant::Method::awq, 4, group, false);
    CHECK(report.perplexity_before == Approx(files().get("before").item<double>()).epsilon(1e-5));
    CHECK(report.perplexity_after < 1.003 * files().get("after." + std::to_string(group)).item<double>());
  }
}

TEST_CASE("AWQ and GPTQ lose no more than rounding to nearest at equal bits, groups and zero points") {
  using quant::Method;
  const std::pair<int64_t, int64_t> sizes[] = {{4, 64}, {3, 64}};
  for (const auto& [bits, group] : sizes) {
    CAPTURE(bits, group);
    const double nearest = quantized(Method::rtn, bits, group, false).perplexity_after;
    CHECK(quantized(Method::awq, bits, group, false).perplexity_after <= nearest);
    CHECK(quantized(Method::gptq, bits, group, false).perplexity_after <= nearest);
    CHECK(quantized(Method::gptq, bits, group, true).perplexity_after <=
          quantized(Method::rtn, bits, group, true).perplexity_after);
  }
}
