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

fs::path demo() {
  return fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-quality-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path / "out"); }
  ~Folder() { fs::remove_all(path); }
};

quant::ExportReport quantized(const Folder& folder, quant::Method method, int64_t bits, int64_t group,
                              bool sym) {
  model::Decoder decoder = model::load_decoder(demo(), at::kFloat);
  quant::ExportJob job{decoder, {}};
  job.settings.method = method;
  job.settings.form = {.kind = Kind::gptq, .bits = bits, .group = group, .sym = sym, .v2 = true};
  job.source = job.text = demo();
  job.work = folder.path / "work";
  if (job.settings.calibrates()) job.calibration.sequences = sequences("calibration");
  job.held_out.sequences = sequences("held_out");
  return quant::export_quantized(job, folder.path / "out");
}

at::Tensor log_probs(const fs::path& model) {
  const model::Decoder decoder = model::load_decoder(model, at::kFloat);
  std::vector<at::Tensor> parts;
  for (const auto& sequence : sequences("held_out"))
    parts.push_back(at::log_softmax(tests::logits_of(decoder, sequence), -1));
  return at::cat(parts, 0);
}

// Mean divergence of the next token's distribution from the whole model's. It is not perplexity, by
// which AWQ is behind rounding on this model (docs/quantization.md).
double divergence(quant::Method method, int64_t bits, bool sym) {
  static const at::Tensor whole = log_probs(demo());
  const Folder folder;
  quantized(folder, method, bits, 64, sym);
  const at::Tensor found = log_probs(folder.path / "out");
  return (whole.exp() * (whole - found)).sum(-1).mean().item<double>();
}

}  // namespace

TEST_CASE("AWQ loses no more than AutoAWQ, up to 0.3 %, on the same calibration tokens") {
  for (const int64_t group : {32, 64}) {
    CAPTURE(group);
    const Folder folder;
    const auto report = quantized(folder, quant::Method::awq, 4, group, false);
    CHECK(quant::perplexity(report.losses_before) ==
          Approx(files().get("before").item<double>()).epsilon(1e-5));
    CHECK(quant::perplexity(report.losses_after) <
          1.003 * files().get("after." + std::to_string(group)).item<double>());
  }
}

TEST_CASE("AWQ and GPTQ stay closer to the whole model than rounding to nearest, at equal bits and groups") {
  using quant::Method;
  for (const int64_t bits : {3, 4}) {
    CAPTURE(bits);
    const double nearest = divergence(Method::rtn, bits, false);
    CHECK(divergence(Method::awq, bits, false) < nearest);
    CHECK(divergence(Method::gptq, bits, false) < nearest);
    CHECK(divergence(Method::gptq, bits, true) < divergence(Method::rtn, bits, true));
  }
}
