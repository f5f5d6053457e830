// Whole GGUF files against those of llama.cpp's own converter and quantizer (tests/golden/gguf_models.py),
// and models and tokenizers that it cannot run.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <set>

#include "../model/golden.h"
#include "base/error.h"
#include "gguf_reader.h"
#include "model/load.h"
#include "quant/gguf/export.h"

using namespace swift;
namespace fs = std::filesystem;
namespace gguf = quant::gguf;
using base::Json;
using tests::golden;

namespace {

// A model directory with what the exporter reads of it.
struct Model {
  explicit Model(const fs::path& folder)
      : decoder(model::load_decoder(folder, std::nullopt)),
        text(text::load_model_text(folder, std::nullopt)),
        file(text::TokenizerFile::read(folder / "tokenizer.json")),
        special(text::special_tokens(folder)),
        config(model::HfConfig::read(folder).json()) {}

  gguf::TokenizerSource source() const { return {file, text, special, config, decoder.embed_tokens.size(0)}; }

  model::Decoder decoder;
  text::ModelText text;
  text::TokenizerFile file;
  Json special, config;
};

tests::GgufFile written(const Model& from, gguf::FileType type) {
  const fs::path file = fs::temp_directory_path() / ("swift-gguf-" + std::to_string(getpid()) + ".gguf");
  gguf::write_model(file, from.decoder, from.source(), "name", type);
  tests::GgufFile found(file);
  fs::remove(file);
  return found;
}

fs::path folder_of(const std::string& name) {
  return name == "demo" ? fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base" : golden("gguf") / name;
}

// What the converter makes up or gets elsewhere: names and sizes in words; scores, which it has only from
// tokenizer.model.
bool compared(const std::string& key) {
  static const std::set<std::string> kNot = {"general.name", "general.size_label", "tokenizer.ggml.scores"};
  return !kNot.contains(key);
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("a GGUF file has the keys and the bytes that llama.cpp's own tools write") {
  const std::string name = GENERATE("llama", "qwen2", "qwen3_moe", "demo");
  const Model from(folder_of(name));
  const Json expected = base::read_json(golden("gguf/" + name + ".json"), base::ExitCode::data);
  for (const gguf::FileType type : {gguf::FileType::f16, gguf::FileType::bf16, gguf::FileType::q8_0,
                                    gguf::FileType::q4_0, gguf::FileType::q4_k_m}) {
    CAPTURE(name, gguf::name_of(type));
    tests::GgufFile found = written(from, type);
    if (name == "llama") {
      // The converter knows the unknown token only of SentencePiece's own file; it has the type 2.
      Json& kind = found.metadata["tokenizer.ggml.token_type"][0];
      CHECK(kind == 2);
      kind = 3;
    }
    CHECK(found.magic == "GGUF");
    CHECK(found.version == 3);
    CHECK(found.aligned);
    CHECK(found.complete);
    const Json& golden = expected.at(gguf::name_of(type));
    for (const auto& [key, value] : golden.at("metadata").items()) {
      CAPTURE(key);
      if (compared(key)) CHECK(tests::shortened(found.metadata.value(key, Json())) == value);
    }
    CHECK(found.tensors.size() == golden.at("tensors").size());
    for (const auto& [key, value] : golden.at("tensors").items()) {
      CAPTURE(key);
      REQUIRE(found.tensors.contains(key));
      const tests::GgufTensor& tensor = found.tensors.at(key);
      CHECK(Json(tensor.shape) == value.at("shape"));
      CHECK(tensor.type == value.at("type").get<std::string>());
      CHECK(base::fnv1a_hex(tensor.bytes) == value.at("fnv1a").get<std::string>());
    }
  }
}

TEST_CASE("a model that llama.cpp has no graph for is refused, naming what it lacks") {
  const auto refusal = [](const std::string& name, const std::function<void(model::ModelSpec&)>& change) {
    model::ModelSpec spec = model::load_decoder(golden("models") / name, std::nullopt).spec;
    change(spec);
    return message_of([&] { gguf::architecture_of(spec); });
  };
  CHECK(refusal("llama_bias", [](auto&) {}).empty());
  CHECK_THAT(refusal("qwen3", [](auto& spec) { spec.attention.o_bias = true; }), Contains("o_proj"));
  CHECK_THAT(refusal("qwen3", [](auto& spec) { spec.rope.type = model::RopeSpec::Type::llama3; }),
             Contains("llama3"));
  CHECK_THAT(refusal("qwen3", [](auto& spec) { spec.architecture = "OtherForCausalLM"; }),
             Contains("no such architecture"));
  CHECK_THAT(refusal("qwen3", [](auto& spec) { spec.scores = 1; }), Contains("reward model"));
  CHECK_THAT(refusal("qwen3_moe", [](auto&) {}), Contains("layer 1 has no experts"));
  CHECK_THAT(refusal("qwen3_moe",
                     [](auto& spec) {
                       spec.moe.sparse.assign(spec.moe.sparse.size(), true);
                       spec.moe.norm_topk_prob = false;
                     }),
             Contains("norm_topk_prob"));
}

TEST_CASE("a tokenizer that llama.cpp would not follow is refused") {
  const auto refusal = [](const std::string& name, const std::function<void(Model&)>& change) {
    Model from(golden("gguf") / name);
    change(from);
    gguf::Metadata metadata;
    return message_of([&] { gguf::describe_tokenizer(from.source(), metadata); });
  };
  CHECK(refusal("qwen2", [](auto&) {}).empty());
  CHECK_THAT(refusal("qwen2",
                     [](Model& from) {
                       from.file.rest["pre_tokenizer"]["pretokenizers"][0] = {{"type", "Digits"},
                                                                              {"individual_digits", false}};
                     }),
             Contains("pre_tokenizer"));
  CHECK_THAT(refusal("qwen2",
                     [](Model& from) {
                       from.file.rest["normalizer"] = {{"type", "NFKC"}};
                     }),
             Contains("NFKC"));
  CHECK_THAT(
      refusal("qwen2",
              [](Model& from) { from.decoder.embed_tokens = from.decoder.embed_tokens.narrow(0, 0, 302); }),
      Contains("no row in the embeddings of 302"));
  CHECK_THAT(refusal("llama", [](Model& from) { from.file.merges.pop_back(); }), Contains("merge"));
  CHECK_THAT(refusal("llama", [](Model& from) { from.file.rest["normalizer"] = nullptr; }),
             Contains("U+2581"));
}

TEST_CASE("a weight that is not finite, or too large for fp16, is refused by name") {
  Model from(folder_of("qwen2"));
  from.decoder.blocks[1].up.weight = from.decoder.blocks[1].up.weight.clone();
  from.decoder.blocks[1].up.weight[3][5] = 1e5;
  CHECK_THAT(message_of([&] { written(from, gguf::FileType::f16); }), Contains("blk.1.ffn_up.weight"));
  CHECK(message_of([&] { written(from, gguf::FileType::q8_0); }).empty());
  from.decoder.blocks[1].up.weight[3][5] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(message_of([&] { written(from, gguf::FileType::q8_0); }), Contains("not finite"));
}
