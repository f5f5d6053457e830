// Whole models: scaling keeps the logits, every method and form is written and read again, an interrupted run
// goes on.
#include "quant/export.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "base/error.h"
#include "model/load.h"
#include "ops/int4_weight.h"
#include "quant/awq_block.h"
#include "quant/input_stats.h"

using namespace swift;
using tests::golden;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

const std::vector<int32_t> kIds = {5, 17, 99, 3, 64, 2, 120};

model::Decoder load(const std::string& name) {
  return model::load_decoder(golden("models") / name, std::nullopt);
}

std::vector<std::vector<int32_t>> random_sequences(int64_t count, int64_t length, uint64_t seed) {
  at::manual_seed(seed);
  std::vector<std::vector<int32_t>> found;
  for (int64_t i = 0; i < count; ++i) found.push_back(tests::to_ids(at::randint(128, {length}, at::kInt)));
  return found;
}

quant::Settings settings_for(quant::Method method, Kind kind, bool sym) {
  quant::Settings settings;
  settings.method = method;
  settings.form = {.kind = kind, .bits = 4, .group = 32, .sym = sym};
  settings.batch = 3;
  return settings;
}

// A directory of its own, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-quant-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path / "out"); }
  ~Folder() { fs::remove_all(path); }
};

quant::ExportReport run(const std::string& name, const quant::Settings& settings, const Folder& folder,
                        std::function<void(int64_t)> after_block = {}) {
  model::Decoder decoder = load(name);
  quant::ExportJob job{decoder, settings};
  job.source = job.text = golden("models") / name;
  job.work = folder.path / "work";
  job.identity = "test";
  if (settings.calibrates()) job.calibration.sequences = random_sequences(8, 64, 4);
  job.held_out.sequences = random_sequences(2, 64, 5);
  job.progress = [&](int64_t done, int64_t, double) {
    if (after_block) after_block(done);
  };
  return quant::export_quantized(job, folder.path / "out");
}

at::Tensor random_scale(int64_t size) {
  return at::exp(at::randn({size}) * 0.7);
}

}  // namespace

TEST_CASE("scaling a block keeps the logits, with grouped queries, biases and a router") {
  for (const std::string name : {"qwen3", "llama_bias", "qwen2", "qwen3_moe"}) {
    CAPTURE(name);
    model::Decoder decoder = load(name);
    const at::Tensor before = tests::logits_of(decoder, kIds);
    at::manual_seed(7);
    for (model::Block& block : decoder.blocks) {
      quant::BlockScales scales;
      scales.attention = quant::exact_for(block.input_norm, random_scale(decoder.spec.hidden));
      scales.mlp = quant::exact_for(block.post_attention_norm, random_scale(decoder.spec.hidden));
      scales.values = random_scale(decoder.spec.attention.kv_heads * decoder.spec.attention.head_dim);
      for (size_t e = 0; e < std::max<size_t>(1, block.experts.size()); ++e) {
        const auto& down = block.experts.empty() ? block.down : block.experts[e].down;
        scales.downs.push_back(random_scale(down.weight.size(1)));
      }
      quant::scale_block(block, decoder.spec.attention, scales);
    }
    CHECK((tests::logits_of(decoder, kIds) - before).abs().max().item<double>() <
          1e-4 * before.abs().max().item<double>());
  }
}

TEST_CASE("every method and form is written as a model that loads packed and has the reported perplexity") {
  using quant::Method;
  struct Case {
    std::string model;
    quant::Settings settings;
  };
  std::vector<Case> cases = {{"qwen3", settings_for(Method::gptq, Kind::gptq, true)},
                             {"qwen2", settings_for(Method::gptq, Kind::gptq, false)},
                             {"llama_bias", settings_for(Method::gptq, Kind::compressed, false)},
                             {"qwen3_moe", settings_for(Method::gptq, Kind::gptq, true)},
                             {"qwen3", settings_for(Method::awq, Kind::awq, false)},
                             {"llama_bias", settings_for(Method::awq, Kind::awq, false)},
                             {"qwen3_moe", settings_for(Method::awq, Kind::awq, false)},
                             {"qwen3_bf16", settings_for(Method::awq, Kind::compressed, false)},
                             {"qwen3", settings_for(Method::rtn, Kind::gptq, true)},
                             {"qwen3", settings_for(Method::fp8, Kind::fp8, true)}};
  cases[1].settings.order = quant::ActOrder::group, cases[1].settings.form.act_order = true;
  cases[2].settings.true_sequential = false;
  cases[3].settings.form.v2 = true;
  for (Case& c : cases) {
    if (c.model == "qwen3_moe") c.settings.form.group = 16;  // as wide as an expert's inputs of down
  }
  for (const Case& c : cases) {
    CAPTURE(c.model, static_cast<int>(c.settings.method), static_cast<int>(c.settings.form.kind));
    const Folder folder;
    const auto report = run(c.model, c.settings, folder);
    CHECK(report.bytes_after < report.bytes_before);
    CHECK(quant::perplexity(report.losses_after) > 1);
    const model::Decoder packed = model::load_decoder(folder.path / "out", std::nullopt);
    REQUIRE(packed.blocks[0].q.quantized);
    CHECK(report.linears.size() == const_cast<model::Decoder&>(packed).linears().size());
    quant::Calibration data;
    data.sequences = random_sequences(2, 64, 5);
    quant::embed(packed, data);
    for (int64_t i = 0; i < packed.spec.layers; ++i) quant::run_block(packed, i, data, 2);
    CHECK(quant::perplexity(quant::sequence_losses(packed, data)) ==
          Approx(quant::perplexity(report.losses_after)).epsilon(0.01));
  }
}

TEST_CASE("an interrupted run goes on and writes the same bytes") {
  for (const auto method : {quant::Method::gptq, quant::Method::awq}) {
    const auto settings = settings_for(method, method == quant::Method::awq ? Kind::awq : Kind::gptq,
                                       method != quant::Method::awq);
    const Folder folder;
    run("qwen3", settings, folder);
    const std::string whole = base::read_file(folder.path / "out" / "model.safetensors");
    fs::remove_all(folder.path / "work");
    const auto stop = [](int64_t done) {
      if (done == 1) throw std::runtime_error("stop");
    };
    CHECK_THROWS_WITH(run("qwen3", settings, folder, stop), "stop");
    int64_t blocks = 0;
    run("qwen3", settings, folder, [&](int64_t) { ++blocks; });
    CHECK(blocks == 1);
    CHECK(base::read_file(folder.path / "out" / "model.safetensors") == whole);
  }
}

TEST_CASE("the reported error of each linear is below that of rounding to nearest") {
  const Folder folder;
  const auto settings = settings_for(quant::Method::gptq, Kind::gptq, true);
  const auto report = run("qwen3", settings, folder);
  for (const auto& linear : report.linears) {
    CAPTURE(linear.name);
    CHECK(linear.error > 0);
    CHECK(linear.error < 0.1);
    CHECK(linear.tokens == 8 * 64);
  }
  // Nothing before these was rounded: their inputs are those of the whole model.
  model::Decoder decoder = load("qwen3");
  quant::InputStats stats;
  decoder.blocks[0].q.on_input = [&](const at::Tensor& x) { stats.add(x); };
  quant::Calibration data;
  data.sequences = random_sequences(8, 64, 4);
  quant::embed(decoder, data), quant::run_block(decoder, 0, data, 2);
  REQUIRE(stats.tokens() == 8 * 64);
  for (const model::LinearLayer* linear :
       {&decoder.blocks[0].q, &decoder.blocks[0].k, &decoder.blocks[0].v}) {
    CAPTURE(linear->name);
    const quant::GridSettings grid{.bits = 4, .group = 32, .sym = true};
    const at::Tensor nearest = quant::rounded(linear->weight, quant::find_grid(linear->weight, grid), 15);
    const auto own = std::find_if(report.linears.begin(), report.linears.end(),
                                  [&](const auto& l) { return l.name == linear->name; });
    REQUIRE(own != report.linears.end());
    CHECK(own->error < quant::output_error(linear->weight, nearest, stats.gram()));
  }
}

TEST_CASE("modules stay whole or get settings of their own by name") {
  auto settings = settings_for(quant::Method::gptq, Kind::gptq, true);
  settings.skipped = {"o_proj"};
  settings.dynamic = {{"-:.*layers\\.0\\.mlp\\.down.*", base::Json::object()},
                      {"+:.*down.*", {{"bits", 8}, {"group_size", 96}}}};
  settings.form.varies = true;
  const Folder folder;
  run("qwen3", settings, folder);
  const auto config = model::HfConfig::read(folder.path / "out").json().at("quantization_config");
  CHECK(config.at("dynamic").contains("-:.*o_proj.*"));
  const model::Decoder packed = model::load_decoder(folder.path / "out", std::nullopt);
  CHECK_FALSE(packed.blocks[0].o.quantized);
  CHECK_FALSE(packed.blocks[0].down.quantized);
  const auto& down = dynamic_cast<const ops::Int4Weight&>(*packed.blocks[1].down.quantized).stored();
  CHECK(down.bits == 8);
  CHECK(down.group == 96);
  CHECK(dynamic_cast<const ops::Int4Weight&>(*packed.blocks[1].gate.quantized).stored().bits == 4);
}

TEST_CASE("settings that fit no module are refused before anything is computed") {
  const Folder folder;
  auto settings = settings_for(quant::Method::gptq, Kind::gptq, true);
  settings.form.group = 128;
  CHECK_THROWS_WITH(run("qwen3", settings, folder), Catch::Contains("does not divide the 64 inputs"));
  settings.form.group = 32;
  settings.dynamic = {{".*", {{"bit", 8}}}};
  CHECK_THROWS_WITH(run("qwen3", settings, folder), Catch::Contains("unknown setting 'bit'"));
  settings.dynamic = base::Json::object();
  settings.skipped = {"proj"};
  CHECK_THROWS_WITH(run("qwen3", settings, folder), Catch::Contains("nothing to quantize"));
}

TEST_CASE("calibration data that is short or always the same is refused") {
  CHECK_THROWS_WITH(quant::cut_sequences({{1, 2, 3}}, 8, 4, 0), Catch::Contains("has 3 tokens"));
  CHECK_THROWS_WITH(quant::cut_sequences({std::vector<int32_t>(64, 7)}, 8, 4, 0),
                    Catch::Contains("one token"));
  std::vector<std::vector<int32_t>> copies(4, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK_THROWS_WITH(quant::cut_sequences(copies, 8, 4, 0), Catch::Contains("all sequences are the same"));
  const auto cut = quant::cut_sequences({{1, 2, 3}, {4, 5, 6, 7}}, 2, 8, 0);
  CHECK(cut == std::vector<std::vector<int32_t>>{{1, 2}, {3, 4}, {5, 6}});
  CHECK(quant::cut_sequences({{1, 2, 3}, {4, 5, 6, 7}}, 2, 8, 1).front() == std::vector<int32_t>{3, 4});
}

TEST_CASE("inputs that are not finite are named with their linear") {
  model::Decoder decoder = load("qwen3");
  decoder.embed_tokens = decoder.embed_tokens.clone();
  decoder.embed_tokens[3].fill_(std::numeric_limits<float>::infinity());
  for (const auto method : {quant::Method::gptq, quant::Method::awq}) {
    quant::Calibration data;
    data.sequences = {{1, 2, 3, 4, 5, 6, 7, 8}};
    quant::embed(decoder, data);
    const auto settings = settings_for(method, Kind::gptq, true);
    quant::BlockJob job{decoder, 0, settings};
    const auto quantize = [&] {
      method == quant::Method::gptq ? quantize_gptq(job, data) : quantize_awq(job, data);
    };
    CHECK_THROWS_WITH(quantize(), Catch::Contains("model.layers.0.self_attn.q_proj"));
  }
}
