// Mixtures of experts through export: experts that saw too few tokens, files with fused experts.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "../model/golden.h"
#include "base/file.h"
#include "model/load.h"
#include "ops/int4_weight.h"
#include "quant/export.h"

using namespace swift;
using tests::golden;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-quant-experts-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path / "out"); }
  ~Folder() { fs::remove_all(path); }
};

// What is written to stderr meanwhile.
std::string said_by(const fs::path& file, const std::function<void()>& f) {
  std::fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  std::FILE* to = std::fopen(file.c_str(), "w");
  dup2(fileno(to), STDERR_FILENO);
  f();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept), std::fclose(to);
  return base::read_file(file);
}

fs::path moe() {
  return golden("models/qwen3_moe");
}

quant::ExportReport run(model::Decoder& decoder, quant::Method method, const Folder& folder,
                        std::optional<model::TensorFiles> files = {}, int64_t batch = 2) {
  quant::ExportJob job{decoder, {}};
  job.settings.method = method;
  job.settings.form = {.kind = Kind::gptq, .bits = 4, .group = 16, .sym = false, .v2 = true};
  job.settings.batch = batch;
  job.files = std::move(files);
  job.source = job.text = moe();
  job.work = folder.path / "work";
  at::manual_seed(4);
  for (int64_t i = 0; i < 8; ++i)
    job.calibration.sequences.push_back(tests::to_ids(at::randint(128, {64}, at::kInt)));
  job.held_out.sequences = job.calibration.sequences;
  return quant::export_quantized(job, folder.path / "out");
}

// The model with a first feature that is large for every token, by which the router of block 0 never chooses
// expert 1.
model::Decoder without_expert() {
  model::Decoder decoder = model::load_decoder(moe(), std::nullopt);
  decoder.embed_tokens = decoder.embed_tokens.clone();
  decoder.embed_tokens.select(1, 0).fill_(100);
  model::Block& block = decoder.blocks[0];
  const double sign = block.post_attention_norm[0].item<double>() < 0 ? -1 : 1;
  block.router = block.router.clone();
  block.router[1].zero_();
  block.router[1][0] = -1000 * sign;
  return decoder;
}

}  // namespace

TEST_CASE("an expert that calibration hardly reaches is rounded to nearest, and named") {
  const std::string name = "model.layers.0.mlp.experts.1.";
  for (const auto method : {quant::Method::gptq, quant::Method::awq}) {
    CAPTURE(static_cast<int>(method));
    const Folder folder;
    model::Decoder decoder = without_expert();
    const at::Tensor up = decoder.blocks[0].experts[1].up.weight.clone();
    quant::ExportReport report;
    const std::string said = said_by(folder.path / "log", [&] { report = run(decoder, method, folder); });
    for (const char* part : {"gate_proj", "up_proj", "down_proj"})
      CHECK(said.find(name + part + " saw 0 ") != std::string::npos);
    CHECK(said.find("its weights are rounded to nearest") != std::string::npos);
    int64_t starved = 0;
    for (const auto& linear : report.linears) {
      const bool own = linear.name.starts_with(name);
      CAPTURE(linear.name, linear.tokens);
      if (own) CHECK(linear.starved);
      CHECK(linear.starved == (static_cast<double>(linear.tokens) < quant::kStarvedShare * 8 * 64));
      starved += own;
    }
    CHECK(starved == 3);
    const model::Decoder packed = model::load_decoder(folder.path / "out", std::nullopt);
    CHECK(tests::logits_of(packed, {5, 17, 99}).isfinite().all().item<bool>());
    if (method == quant::Method::awq) continue;  // its weights were scaled before
    const auto& weight = dynamic_cast<const ops::Int4Weight&>(*packed.blocks[0].experts[1].up.quantized);
    const quant::GridSettings grid{.bits = 4, .group = 16, .sym = false};
    const auto nearest = quant::find_grid(up.to(at::kFloat), grid);
    const at::Tensor codes = quant::to_codes(up.to(at::kFloat), nearest, grid.max_code());
    CHECK(ops::unpack_bits(weight.stored().codes, 4, up.size(1)).equal(codes.to(at::kByte)));
  }
}

TEST_CASE("files whose experts are fused give the same bytes") {
  const Folder source;
  for (const auto& entry : fs::directory_iterator(moe())) fs::copy(entry.path(), source.path);
  const auto plain = model::TensorFiles::from_directory(moe());
  const auto fused = model::TensorFiles::from_file(moe() / "fused.safetensors");
  model::NamedTensors tensors;
  for (const std::string& name : plain.names()) {
    if (name.find("layers.0.mlp.experts") == std::string::npos) tensors.emplace_back(name, plain.get(name));
  }
  for (const std::string& name : fused.names()) tensors.emplace_back(name, fused.get(name));
  const fs::path folder = source.path / "fused";
  fs::create_directories(folder);
  fs::copy(moe() / "config.json", folder);
  model::save_safetensors(folder / "model.safetensors", tensors);
  std::vector<std::string> written;
  for (const fs::path& from : {moe(), folder}) {
    const fs::path out = source.path / "out";
    fs::remove_all(out), fs::remove_all(source.path / "work"), fs::create_directories(out);
    model::Decoder decoder = model::load_decoder(from, std::nullopt);
    run(decoder, quant::Method::gptq, source, model::TensorFiles::from_directory(from));
    written.push_back(base::read_file(out / "model.safetensors"));
  }
  CHECK(written[0] == written[1]);
}

TEST_CASE("sequences that pass the model together are quantized as one by one") {
  for (const auto method : {quant::Method::gptq, quant::Method::awq}) {
    CAPTURE(static_cast<int>(method));
    std::vector<quant::ExportReport> reports;
    for (const int64_t batch : {1, 5}) {
      const Folder folder;
      model::Decoder decoder = model::load_decoder(moe(), std::nullopt);
      reports.push_back(run(decoder, method, folder, {}, batch));
    }
    REQUIRE(reports[0].linears.size() == reports[1].linears.size());
    for (size_t i = 0; i < reports[0].linears.size(); ++i) {
      CAPTURE(reports[0].linears[i].name);
      CHECK(reports[0].linears[i].tokens == reports[1].linears[i].tokens);
      CHECK(reports[1].linears[i].error == Approx(reports[0].linears[i].error).epsilon(0.02));
    }
    CHECK(quant::perplexity(reports[1].losses_after) ==
          Approx(quant::perplexity(reports[0].losses_after)).epsilon(1e-3));
  }
}
