// What export writes, read by transformers itself. Hidden from the default run (label slow): it needs a
// Python with the oracles of tests/golden, named by SWIFT_ORACLE_PYTHON; check_quantized.py says which
// packages more.
#include "../model/oracle.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "../model/golden.h"
#include "model/load.h"
#include "quant/export.h"

using namespace swift;
using tests::golden;
using tests::run;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

constexpr int kSkipped = 77;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-quant-oracle-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path / "out"); }
  ~Folder() { fs::remove_all(path); }
};

// Exports the demo model, asks transformers for its logits over 64 tokens and compares them with ours.
void check(quant::Method method, const model::PackedForm& form) {
  const char* python = std::getenv("SWIFT_ORACLE_PYTHON");
  if (python == nullptr) {
    WARN("skipped: SWIFT_ORACLE_PYTHON names no Python with peft and transformers");
    return;
  }
  const fs::path demo = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
  const auto files = model::TensorFiles::from_file(golden("awq_demo.safetensors"));
  const Folder folder;
  // Scales are of the model's type; the kernels of gptqmodel hold theirs as fp16.
  model::Decoder decoder = model::load_decoder(demo, at::kHalf);
  quant::ExportJob job{decoder, {}};
  job.settings.method = method, job.settings.form = form;
  job.settings.order = form.act_order ? quant::ActOrder::group : quant::ActOrder::fixed;
  job.source = job.text = demo;
  job.work = folder.path / "work";
  if (job.settings.calibrates()) {
    const at::Tensor rows = files.get("calibration");
    for (int64_t i = 0; i < 4; ++i)
      job.calibration.sequences.push_back(tests::to_ids(rows[i].narrow(0, 0, 128)));
  }
  quant::export_quantized(job, folder.path / "out");
  const at::Tensor ids = files.get("held_out")[0].narrow(0, 0, 64).contiguous();
  const model::Decoder packed = model::load_decoder(folder.path / "out", at::kFloat);
  REQUIRE(packed.blocks[0].q.quantized);
  const fs::path logits = folder.path / "logits.safetensors";
  model::save_safetensors(logits, {{"ids", ids.to(at::kLong)},
                                   {"logits", tests::logits_of(packed, tests::to_ids(ids)).contiguous()}});
  const int code = run({python, golden("check_quantized.py").string(), "--model",
                        (folder.path / "out").string(), "--logits", logits.string()});
  if (code == kSkipped) {
    WARN("skipped: a package of check_quantized.py is missing");
  } else {
    CHECK(code == 0);
  }
}

}  // namespace

TEST_CASE("transformers loads our awq files to the same logits", "[.][slow]") {
  check(quant::Method::awq, {.kind = Kind::awq, .bits = 4, .group = 64, .sym = false});
}

TEST_CASE("transformers loads our gptq files to the same logits", "[.][slow]") {
  check(quant::Method::gptq, {.kind = Kind::gptq, .bits = 4, .group = 64, .sym = true});
  check(quant::Method::gptq, {.kind = Kind::gptq, .bits = 4, .group = 64, .sym = false, .act_order = true});
}

TEST_CASE("transformers loads our gptq_v2 files to the same logits", "[.][slow]") {
  check(quant::Method::gptq, {.kind = Kind::gptq, .bits = 4, .group = 32, .sym = false, .v2 = true});
}

TEST_CASE("transformers loads our compressed-tensors files to the same logits", "[.][slow]") {
  check(quant::Method::gptq, {.kind = Kind::compressed, .bits = 4, .group = 64, .sym = true});
  check(quant::Method::awq, {.kind = Kind::compressed, .bits = 4, .group = 64, .sym = false});
  check(quant::Method::rtn, {.kind = Kind::compressed, .bits = 8, .group = -1, .sym = true});
}

TEST_CASE("transformers loads our fp8 files to the same logits", "[.][slow]") {
  check(quant::Method::fp8, {.kind = Kind::fp8, .bits = 8, .group = 128, .sym = true});
}
