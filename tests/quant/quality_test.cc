// What is lost on the demo model, against AutoAWQ's own quantizer (tests/golden/awq_demo.py) and rounding to
// nearest.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "../model/golden.h"
#include "model/load.h"
#include "quant/export.h"
#include "text/model_text.h"

using namespace swift;
using tests::golden;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

const model::TensorFiles& files() {
  static const auto loaded = model::TensorFiles::from_file(golden("awq_demo.safetensors"));
  return loaded;
}

using Sequences = std::vector<std::vector<int32_t>>;

Sequences sequences(const std::string& name) {
  Sequences found;
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

struct GridForm {
  int64_t bits, group;
  bool sym;
};

quant::ExportReport quantized(const Folder& folder, quant::Method method, const GridForm& grid,
                              const Sequences& calibration, const Sequences& held_out,
                              std::optional<at::ScalarType> type) {
  model::Decoder decoder = model::load_decoder(demo(), type);
  quant::ExportJob job{decoder, {}};
  job.settings.method = method;
  job.settings.form = {
      .kind = Kind::gptq, .bits = grid.bits, .group = grid.group, .sym = grid.sym, .v2 = true};
  job.source = job.text = demo();
  job.work = folder.path / "work";
  if (job.settings.calibrates()) job.calibration.sequences = calibration;
  job.held_out.sequences = held_out;
  return quant::export_quantized(job, folder.path / "out");
}

constexpr int64_t kLength = 512, kCalibration = 64, kHeldOut = 128;

// The corpus that the demo model was trained on, cut into sequences from `first` on.
Sequences corpus(int64_t first, int64_t count) {
  static const Sequences samples = [] {
    const auto text = text::load_model_text(demo(), std::nullopt);
    Sequences found;
    std::ifstream lines(fs::path(SWIFT_SOURCE_DIR) / "assets/demo/corpus.jsonl");
    int64_t tokens = 0;
    for (std::string line; tokens < (kCalibration + kHeldOut + 1) * kLength && std::getline(lines, line);) {
      found.push_back(text.tokenizer.encode(base::Json::parse(line).at("text").get<std::string>()));
      found.back().push_back(text.eos_token_ids.front());
      tokens += static_cast<int64_t>(found.back().size());
    }
    return found;
  }();
  return quant::cut_sequences(samples, kLength, count, first);
}

// Of the held-out sequences behind quantization in groups of 64, in the model's own type.
std::vector<double> losses(quant::Method method, int64_t bits, bool sym) {
  const Folder folder;
  quantized(folder, method, {bits, 64, sym}, corpus(0, kCalibration), {}, std::nullopt);
  const model::Decoder decoder = model::load_decoder(folder.path / "out", std::nullopt);
  quant::Calibration held_out{corpus(kCalibration, kHeldOut), {}};
  quant::embed(decoder, held_out);
  for (int64_t i = 0; i < decoder.spec.layers; ++i) quant::run_block(decoder, i, held_out, 8);
  return quant::sequence_losses(decoder, held_out);
}

// Whether the perplexity is below that of rounding to nearest by more than chance: twice the standard error.
void check_below(const std::vector<double>& nearest, const std::vector<double>& found) {
  const double error = quant::paired_error(nearest, found);
  const double gain = std::log(quant::perplexity(nearest) / quant::perplexity(found));
  CAPTURE(gain, error);
  CHECK(nearest.size() == kHeldOut);
  CHECK(gain > 2 * error);
}

}  // namespace

TEST_CASE("AWQ loses no more than AutoAWQ, up to 0.3 %, on the same calibration tokens") {
  for (const int64_t group : {32, 64}) {
    CAPTURE(group);
    const Folder folder;
    const auto report = quantized(folder, quant::Method::awq, {4, group, false}, sequences("calibration"),
                                  sequences("held_out"), at::kFloat);
    CHECK(quant::perplexity(report.losses_before) ==
          Approx(files().get("before").item<double>()).epsilon(1e-5));
    CHECK(quant::perplexity(report.losses_after) <
          1.003 * files().get("after." + std::to_string(group)).item<double>());
  }
}

// The other cells, and both models of docs/quantization.md, take minutes: bench/quantization_quality.py.
TEST_CASE("AWQ and GPTQ have a lower perplexity than rounding to nearest on equal grids") {
  using quant::Method;
  check_below(losses(Method::rtn, 3, false), losses(Method::gptq, 3, false));
  check_below(losses(Method::rtn, 4, true), losses(Method::gptq, 4, true));
  const auto nearest = losses(Method::rtn, 4, false);
  check_below(nearest, losses(Method::gptq, 4, false));
  check_below(nearest, losses(Method::awq, 4, false));
}
