#include <fstream>

#include "infer/decoder_model.h"
#include "infer/engine.h"
#include "models.h"
#include "text/tokenizer.h"

namespace swift::gpu_bench {
namespace {

// Ids of the vocabulary as words, without merges: what the engine turns drawn tokens into text with.
text::Tokenizer word_tokenizer(int64_t vocab) {
  base::Json words = base::Json::object();
  for (int64_t id = 0; id < vocab; ++id) words["w" + std::to_string(id)] = id;
  const base::Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  const base::Json tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", base::Json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", byte_level},
      {"post_processor", nullptr},
      {"decoder", byte_level},
      {"model", {{"type", "BPE"}, {"vocab", words}, {"merges", base::Json::array()}}}};
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "tokenizer.json") << tokenizer.dump();
  return text::Tokenizer::load(folder.path());
}

void run_round(infer::Engine& engine, const DecodeCase& decode, uint64_t first_id) {
  infer::SamplingParams params;
  params.temperature = 0, params.max_new_tokens = decode.answer, params.ignore_eos = true;
  for (int64_t i = 0; i < decode.sequences; ++i) {
    std::vector<int32_t> prompt;
    for (int64_t t = 0; t < decode.prompt; ++t)
      prompt.push_back(static_cast<int32_t>((t * 31 + i * 97 + static_cast<int64_t>(first_id)) % 90 + 5));
    engine.add({.id = first_id + static_cast<uint64_t>(i), .prompt = std::move(prompt), .params = params});
  }
  while (!engine.idle()) engine.step();
  if (const auto failure = engine.failure()) std::rethrow_exception(failure);
}

// Weights, each once, and the keys and values of all sequences in the middle of their answers.
double bytes_of(const DecodeCase& decode) {
  const ModelSize& size = decode.size;
  const double q = static_cast<double>(size.heads * size.head_dim),
               kv = static_cast<double>(size.kv_heads * size.head_dim);
  const auto hidden = static_cast<double>(size.hidden);
  const double linears = static_cast<double>(size.layers) * hidden *
                         (2 * q + 2 * kv + 3 * static_cast<double>(size.intermediate));
  // A code of 4 bits, and a scale of 16 and a zero point of 16 bits as the kernels keep them, for 128.
  const double each = decode.int4 ? 0.5 + 4.0 / 128 : 2;
  const double tokens = static_cast<double>(decode.sequences) *
                        (static_cast<double>(decode.prompt) + static_cast<double>(decode.answer) / 2);
  return linears * each + hidden * static_cast<double>(size.vocab) * 2 +
         tokens * static_cast<double>(size.layers) * 2 * kv * 2;
}

}  // namespace

Row measure_decode(const DecodeCase& decode, at::Device device) {
  const auto streams = std::to_string(decode.sequences);
  Row row{.kernel = "decode",
          .what = std::string(decode.size.name) + (decode.int4 ? " W4" : " bf16") + ", " + streams +
                  (decode.sequences == 1 ? " sequence, " : " sequences, ") + std::to_string(decode.prompt) +
                  " + " + std::to_string(decode.answer) + " tokens",
          .bytes = bytes_of(decode),
          .tokens = static_cast<double>(decode.sequences),
          .targets = {{Measure::tokens_rate, decode.target}}};
  const text::Tokenizer tokenizer = word_tokenizer(decode.size.vocab);
  const int64_t room = decode.sequences * (decode.prompt + decode.answer + 64);
  infer::DecoderModel model(random_model(decode.size, device, decode.int4), {.most_tokens = room});
  infer::EngineOptions options;
  options.scheduler.max_num_seqs = decode.sequences;
  options.scheduler.max_num_batched_tokens = 8192;
  infer::Engine engine(model, tokenizer, options);
  run_round(engine, decode, 0);
  const infer::Throughput before = engine.throughput();
  run_round(engine, decode, 100000);
  const infer::Throughput after = engine.throughput();
  const auto tokens = static_cast<double>(after.decode_tokens - before.decode_tokens);
  if (tokens > 0)
    row.seconds =
        (after.decode_seconds - before.decode_seconds) / tokens * static_cast<double>(decode.sequences);
  return row;
}

}  // namespace swift::gpu_bench
