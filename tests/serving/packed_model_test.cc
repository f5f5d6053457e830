// Packed checkpoints in the engine: they answer as their dequantized twins, whatever the batch, and from the
// file that keeps their weights in order.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "engine_fixture.h"
#include "model/layout_cache.h"
#include "ops/code_panels.h"
#include "ops/int4_weight.h"
#include "ops/int8_weight.h"

using namespace swift;
using namespace swift::tests;
namespace fs = std::filesystem;

namespace {

const char* const kPacked[] = {"qwen3_awq", "qwen3_gptq"};

model::Decoder packed(const fs::path& directory, at::ScalarType type = at::kFloat,
                      const model::ReadyWeights& ready = {}) {
  return model::load_decoder(directory, type, std::nullopt, ready);
}

// Every packed linear becomes what its codes stand for.
void dequantize(model::Decoder& decoder) {
  for (model::LinearLayer* linear : decoder.linears()) {
    if (linear->quantized) linear->set_weight(linear->full_weight());
  }
}

// Linears rounded to E4M3 in blocks of 32, or to 8-bit rows.
model::Decoder in_eight_bits(bool fp8, at::ScalarType type) {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", type);
  for (model::LinearLayer* linear : decoder.linears()) {
    const at::Tensor w = linear->weight;
    if (!fp8) {
      linear->keep_quantized(c10::make_intrusive<ops::Int8Weight>(w, w.size(1), type));
      continue;
    }
    const at::Tensor factors = at::full({(w.size(0) + 31) / 32, (w.size(1) + 31) / 32}, 0.01);
    const at::Tensor codes = (w.to(at::kFloat) / 0.01).clamp(-448, 448).to(at::kFloat8_e4m3fn);
    linear->keep_quantized(c10::make_intrusive<ops::Fp8Weight>(codes, factors, 32, type));
  }
  return decoder;
}

std::vector<std::vector<int32_t>> answers(model::Decoder decoder, const model::ServingForm& form = {},
                                          int64_t at_once = 4) {
  infer::DecoderModel model(std::move(decoder), cache_of(2048), nullptr, form);
  infer::Engine engine(model, infer::fake::tokenizer(), {.scheduler = {.max_num_seqs = at_once}});
  for (uint64_t i = 0; i < 4; ++i) {
    infer::SamplingParams params{.temperature = 0};
    params.max_new_tokens = 24;
    params.ignore_eos = true;
    engine.add({.id = i,
                .prompt = prompt_of(9 + static_cast<int64_t>(i) * 7, static_cast<int64_t>(i)),
                .params = params});
  }
  std::vector<std::vector<int32_t>> tokens;
  for (const auto& [id, answer] : infer::fake::answer_all(engine)) tokens.push_back(answer.tokens);
  return tokens;
}

at::Tensor logits(model::Decoder decoder, const model::ServingForm& form = {}) {
  infer::DecoderModel model(std::move(decoder), cache_of(256), nullptr, form);
  const std::vector<int32_t> ids = prompt_of(40, 3), blocks = {0};
  const auto values = model.forward(std::vector<infer::Step>{{ids, 0, blocks, -1, 40}});
  return at::from_blob(const_cast<float*>(values.data()), {40, model.vocab_size()}).clone();
}

double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// A copy of a golden model that files can be added to.
fs::path copy_of(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / ("swift-packed-" + std::to_string(getpid()) + "-" + name);
  fs::remove_all(path);
  fs::copy(golden("models") / name, path);
  return path;
}

model::ServingForm cached_form(const fs::path& directory, const std::string& purpose = "test") {
  return {.int8_head = true, .cache = std::make_shared<model::LayoutCache>(directory, purpose)};
}

// Answers with a cache; says whether its file was used.
std::vector<std::vector<int32_t>> cached_answers(const fs::path& directory, bool& used,
                                                 const std::string& purpose = "test") {
  const model::ServingForm form = cached_form(directory, purpose);
  const auto ready = [&](const std::string& module, at::IntArrayRef sizes, at::ScalarType compute) {
    return form.cache->find(module, sizes, compute);
  };
  model::Decoder decoder = packed(directory, at::kFloat, ready);
  const std::vector<std::vector<int32_t>> result = answers(std::move(decoder), form);
  used = !form.cache->missing();
  return result;
}

}  // namespace

TEST_CASE("a packed checkpoint answers as the same model dequantized, alone and among others") {
  for (const char* name : kPacked) {
    CAPTURE(name);
    const fs::path directory = golden("models") / name;
    model::Decoder twin = packed(directory);
    dequantize(twin);
    // Both multiply in fp32; they add in another order.
    CHECK(relative(logits(packed(directory)), logits(twin)) < 1e-5);
    const auto want = answers(twin);
    CHECK(answers(packed(directory)) == want);
    CHECK(answers(packed(directory), {}, 1) == want);
    // In bf16 the twin's weights are rounded once more, and the packed ones are not.
    model::Decoder narrow = packed(directory, at::kBFloat16);
    dequantize(narrow);
    CHECK(relative(logits(packed(directory, at::kBFloat16)), logits(narrow)) < 0.03);
    CHECK(answers(packed(directory, at::kBFloat16), {}, 1) == answers(packed(directory, at::kBFloat16)));
  }
}

TEST_CASE("fp8 and 8-bit rows answer as the same model dequantized") {
  for (const bool fp8 : {true, false}) {
    CAPTURE(fp8);
    model::Decoder twin = in_eight_bits(fp8, at::kFloat);
    dequantize(twin);
    CHECK(relative(logits(in_eight_bits(fp8, at::kFloat)), logits(twin)) < 1e-5);
    CHECK(answers(in_eight_bits(fp8, at::kFloat)) == answers(twin));
  }
}

TEST_CASE("8-bit activations and an 8-bit head stay near, each row by itself") {
  for (const char* name : kPacked) {
    CAPTURE(name);
    const fs::path directory = golden("models") / name;
    const at::Tensor want = logits(packed(directory));
    const model::ServingForm activations{.int8_activations = true}, head{.int8_head = true};
    CHECK(relative(logits(packed(directory), activations), want) < 0.05);
    CHECK(relative(logits(packed(directory), head), want) < 0.01);
    CHECK(answers(packed(directory), activations, 1) == answers(packed(directory), activations));
  }
  CHECK_THROWS_WITH(
      logits(model::load_decoder(golden("models") / "qwen3", std::nullopt), {.int8_activations = true}),
      Catch::Contains("cpu_act: int8 is for AWQ and GPTQ weights"));
}

TEST_CASE(
    "weights that a file keeps in order give the same answers, and a file that does not fit is remade") {
  for (const char* name : kPacked) {
    CAPTURE(name);
    const fs::path directory = copy_of(name), file = directory / "swift-layout.bin";
    const auto want = answers(packed(directory), {.int8_head = true});
    bool used = true;
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    REQUIRE(fs::exists(file));
    CHECK(cached_answers(directory, used) == want);
    CHECK(used);
    CHECK(std::distance(fs::directory_iterator(directory), {}) == 4);  // nothing but the file was left
    // Made for another purpose, then of weights that were touched since.
    CHECK(cached_answers(directory, used, "other") == want);
    CHECK_FALSE(used);
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    fs::last_write_time(directory / "model.safetensors",
                        fs::last_write_time(directory / "model.safetensors") + std::chrono::seconds(1));
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    // Cut short, another file altogether, and one byte that changed.
    const auto size = fs::file_size(file);
    fs::resize_file(file, size - 40);
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    std::ofstream(file, std::ios::binary) << "not ours";
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    REQUIRE(fs::file_size(file) == size);
    std::fstream byte(file, std::ios::binary | std::ios::in | std::ios::out);
    byte.seekp(static_cast<std::streamoff>(size / 2));
    byte.put('\x5A').put('\xA5').put('\x5A');
    byte.close();
    CHECK(cached_answers(directory, used) == want);
    CHECK_FALSE(used);
    CHECK(cached_answers(directory, used) == want);
    CHECK(used);
    fs::remove_all(directory);
  }
}

TEST_CASE("where the file cannot be written the model still answers") {
  const fs::path directory = copy_of("qwen3_awq");
  const auto want = answers(packed(directory), {.int8_head = true});
  fs::create_directory(directory / "swift-layout.bin");  // root writes into read-only directories
  bool used = true;
  CHECK(cached_answers(directory, used) == want);
  CHECK_FALSE(used);
  fs::remove_all(directory);
}
