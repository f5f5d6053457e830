// Peak memory of export: it grows with a block, not with the number of blocks.
#include <malloc.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "../model/golden.h"
#include "base/file.h"
#include "model/load.h"
#include "quant/export.h"

using namespace swift;
using Kind = model::PackedForm::Kind;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-quant-memory-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path), fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

constexpr int64_t kHidden = 256, kInner = 2048, kVocabulary = 128, kHead = 32, kHeads = 8;
constexpr int64_t kBlockBytes = 4 * (4 * kHidden * kHidden + 3 * kHidden * kInner);  // fp32: 7 MiB

// A random model of so many blocks.
void write_model(const fs::path& folder, int64_t layers) {
  fs::create_directories(folder);
  const base::Json config = {{"architectures", {"Qwen3ForCausalLM"}},
                             {"model_type", "qwen3"},
                             {"vocab_size", kVocabulary},
                             {"hidden_size", kHidden},
                             {"intermediate_size", kInner},
                             {"num_hidden_layers", layers},
                             {"num_attention_heads", kHeads},
                             {"num_key_value_heads", kHeads},
                             {"head_dim", kHead},
                             {"max_position_embeddings", 128},
                             {"rms_norm_eps", 1e-6},
                             {"rope_theta", 10000.0},
                             {"tie_word_embeddings", true},
                             {"hidden_act", "silu"},
                             {"dtype", "float32"}};
  base::write_file_atomic(folder / "config.json", config.dump());
  std::vector<model::LazyTensor> tensors;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& sizes) {
    tensors.push_back({name, at::kFloat, sizes,
                       [sizes] { return sizes.size() == 1 ? at::ones(sizes) : at::randn(sizes) * 0.02; }});
  };
  at::manual_seed(1);
  add("model.embed_tokens.weight", {kVocabulary, kHidden});
  for (int64_t i = 0; i < layers; ++i) {
    const std::string block = "model.layers." + std::to_string(i) + ".";
    for (const char* part : {"q_proj", "k_proj", "v_proj", "o_proj"})
      add(block + "self_attn." + part + ".weight", {kHidden, kHidden});
    for (const char* part : {"q_norm", "k_norm"}) add(block + "self_attn." + part + ".weight", {kHead});
    for (const char* part : {"gate_proj", "up_proj"})
      add(block + "mlp." + part + ".weight", {kInner, kHidden});
    add(block + "mlp.down_proj.weight", {kHidden, kInner});
    for (const char* part : {"input_layernorm", "post_attention_layernorm"})
      add(block + part + ".weight", {kHidden});
  }
  add("model.norm.weight", {kHidden});
  model::save_safetensors(folder / "model.safetensors", tensors);
}

// Of this process, in bytes: the highest since the mark was last taken back (proc(5): clear_refs), or now.
int64_t resident(const std::string& key) {
  std::ifstream lines("/proc/self/status");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}
bool take_mark_back() {
  std::ofstream file("/proc/self/clear_refs");
  return static_cast<bool>(file << "5" << std::flush);
}

// What quantization of such a model takes above what the process held before.
int64_t peak_of(quant::Method method, int64_t layers) {
  const Folder folder;
  write_model(folder.path / "model", layers);
  fs::create_directories(folder.path / "out");
  take_mark_back();
  const int64_t before = resident("VmRSS");
  model::Decoder decoder = model::load_decoder(folder.path / "model", std::nullopt);
  quant::ExportJob job{decoder, {}};
  job.settings.method = method;
  job.settings.form = {.kind = Kind::gptq, .bits = 4, .group = 64, .sym = true};
  job.files = model::TensorFiles::from_directory(folder.path / "model");
  job.source = job.text = folder.path / "model";
  job.work = folder.path / "work";
  at::manual_seed(4);
  for (int64_t i = 0; i < 4; ++i)
    job.calibration.sequences.push_back(tests::to_ids(at::randint(kVocabulary, {64}, at::kInt)));
  quant::export_quantized(job, folder.path / "out");
  return resident("VmHWM") - before;
}

}  // namespace

TEST_CASE("export holds one block of the source at a time") {
  if (!take_mark_back()) {
    WARN("skipped: /proc/self/clear_refs cannot be written here");
    return;
  }
  mallopt(M_MMAP_THRESHOLD, 1 << 16);  // what is freed goes back at once: gaps in the heap are not counted
  constexpr int64_t kFew = 4, kMany = 24;
  for (const auto method : {quant::Method::rtn, quant::Method::gptq}) {
    peak_of(method, kFew);  // the allocator's and the kernels' own memory is there from now on
    const int64_t few = peak_of(method, kFew), many = peak_of(method, kMany);
    CAPTURE(static_cast<int>(method), few, many, kBlockBytes);
    CHECK(many - few < 2 * kBlockBytes);
  }
}
