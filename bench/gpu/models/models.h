// Whole models of random weights on a device: how fast they answer and train (the targets of docs/gpu.md).
#pragma once
#include <filesystem>

#include "model/decoder.h"
#include "report.h"

namespace swift::gpu_bench {

// A Qwen3 (hidden, layers, …) as its config.json has it.
struct ModelSize {
  const char* name;
  int64_t hidden, layers, intermediate, heads, kv_heads, head_dim, vocab;
  bool tied;  // the head is the embeddings
};
constexpr ModelSize kQwen3_06 = {"Qwen3-0.6B", 1024, 28, 3072, 16, 8, 128, 151936, true};
constexpr ModelSize kQwen3_17 = {"Qwen3-1.7B", 2048, 28, 6144, 16, 8, 128, 151936, true};
constexpr ModelSize kQwen3_4 = {"Qwen3-4B", 2560, 36, 9728, 32, 8, 128, 151936, true};
constexpr ModelSize kQwen3_8 = {"Qwen3-8B", 4096, 36, 12288, 32, 8, 128, 151936, false};

// A folder that ends with its object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Weights N(0, 0.02), norms 1, bf16 on the device. int4: the linears of the blocks as random codes of 4 bits
// in groups of 128 with zero points, where the device takes them.
model::Decoder random_model(const ModelSize& size, at::Device device, bool int4 = false);

struct DecodeCase {
  ModelSize size;
  bool int4;
  int64_t sequences, prompt, answer;  // tokens
  double target;                      // tokens a second
};
// Through the engine, greedy, after a round that is not counted. The row's time is that of a token of every
// sequence, the host's part with it.
Row measure_decode(const DecodeCase& decode, at::Device device);

struct TrainingCase {
  ModelSize size;
  int64_t packing_length, batch, accumulation, steps;
  double target;  // tokens a second
};
// LoRA of rank 16 on all linears, bf16, dropout 0.05, AdamW, packed sequences. The row's time is that of an
// optimizer step: the median of the last half of the steps.
Row measure_training(const TrainingCase& training, at::Device device);

}  // namespace swift::gpu_bench
