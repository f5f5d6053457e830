// The ends of the decoder: low-rank updates of embeddings and head, resized vocabularies, tied heads.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "golden.h"
#include "model/adapter_parts.h"
#include "model/load.h"
#include "model/vocabulary_adapter.h"

using namespace swift;
using tests::golden;
namespace fs = std::filesystem;

namespace {

fs::path fresh(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / (name + "-" + std::to_string(getpid()));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

model::Decoder load(const std::string& name) {
  return model::load_decoder(golden("models") / name, std::nullopt);
}

const std::vector<int32_t> kIds = {5, 17, 99, 3, 64, 2, 120};

double difference(const model::Decoder& a, const model::Decoder& b) {
  return (tests::logits_of(a, kIds) - tests::logits_of(b, kIds)).abs().max().item<double>();
}

void randomize(model::Decoder& decoder, const model::LoraSettings& settings) {
  at::manual_seed(3);
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings))
    tensor.add_(at::randn(tensor.sizes()), 0.05);
}

}  // namespace

TEST_CASE("all-linear leaves both ends out, all-embedding selects the embeddings, and names select either") {
  const auto selected = [](const std::vector<std::string>& targets) {
    model::Decoder decoder = load("llama");
    const auto found = model::select_targets(decoder, {.targets = targets});
    return std::tuple(found.linears.size(), found.embeddings, found.head);
  };
  const size_t all = load("llama").linears().size();
  CHECK(selected({"all-linear"}) == std::tuple(all, false, false));
  CHECK(selected({"all-embedding"}) == std::tuple(size_t{0}, true, false));
  CHECK(selected({"all-linear", "all-embedding", "lm_head"}) == std::tuple(all, true, true));
  CHECK(selected({".*(lm_head|embed_tokens)"}) == std::tuple(size_t{0}, true, true));
  CHECK_THROWS_WITH(selected({"lm_haed"}), Catch::Contains("did you mean 'lm_head'"));
  CHECK_THROWS_WITH(selected({"embed_token"}), Catch::Contains("did you mean 'embed_tokens'"));
}

TEST_CASE("fresh updates of the ends change nothing, are saved with their base weights, and merge exactly") {
  for (const char* name : {"llama", "qwen3"}) {  // qwen3's head is its embedding
    CAPTURE(name);
    const model::LoraSettings settings{.rank = 4, .targets = {"all-linear", "all-embedding", "lm_head"}};
    const model::Decoder plain = load(name);
    model::Decoder decoder = load(name);
    model::attach_lora(decoder, settings, 7);
    CHECK(decoder.embed_lora->a.abs().max().item<double>() == 0);
    CHECK(decoder.embed_lora->b.std().item<double>() == Approx(1).epsilon(0.15));
    CHECK(difference(decoder, plain) == 0);
    randomize(decoder, settings);
    CHECK(difference(decoder, plain) > 0.01);
    const fs::path saved = fresh("swift-ends");
    model::save_adapter(decoder, settings, "base", saved);
    const auto files = model::TensorFiles::from_file(saved / "adapter_model.safetensors");
    CHECK(files.get("base_model.model.lm_head.base_layer.weight").equal(plain.lm_head));
    CHECK(files.has("base_model.model.model.embed_tokens.lora_embedding_B"));
    const auto config = base::read_json(saved / "adapter_config.json");
    CHECK(config.at("target_modules").size() == 9);
    model::Decoder again = load(name);
    model::load_adapter(again, saved);
    CHECK(difference(again, decoder) == 0);
    const bool tied = again.spec.tied_embeddings;
    model::merge_adapter(again);
    CHECK(difference(again, decoder) < 1e-4);
    CHECK_FALSE(again.spec.tied_embeddings);
    CHECK(tied == (name == std::string("qwen3")));
    fs::remove_all(saved);
  }
}

TEST_CASE("the factors of the head give the logits, and gradients reach the update") {
  model::Decoder decoder = load("llama");
  const model::LoraSettings settings{.rank = 4, .targets = {"lm_head", "embed_tokens"}};
  model::attach_lora(decoder, settings, 7);
  randomize(decoder, settings);
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings)) tensor.requires_grad_(true);
  const at::Tensor h = at::randn({5, 64});
  const auto head = decoder.head_operands(h);
  CHECK(at::allclose(head.h.mm(head.w.t()), decoder.logits(h), 1e-4, 1e-4));
  const at::Tensor plain =
      h.mm((decoder.lm_head + decoder.head_lora->scale * decoder.head_lora->b.mm(decoder.head_lora->a)).t());
  const at::Tensor probe = at::randn(plain.sizes());
  const auto want =
      torch::autograd::grad({(plain * probe).sum()}, {decoder.head_lora->a, decoder.head_lora->b});
  const auto got = torch::autograd::grad({(head.h.mm(head.w.t()) * probe).sum()},
                                         {decoder.head_lora->a, decoder.head_lora->b});
  CHECK(at::allclose(got[0], want[0], 1e-3, 1e-3));
  CHECK(at::allclose(got[1], want[1], 1e-3, 1e-3));
  const at::Tensor ids = at::tensor({3, 9, 3}, at::kLong);
  const at::Tensor table =
      decoder.embed_tokens + decoder.embed_lora->scale * decoder.embed_lora->b.mm(decoder.embed_lora->a).t();
  const at::Tensor weight = at::randn({3, 64});
  const auto expected = torch::autograd::grad({(at::embedding(table, ids) * weight).sum()},
                                              {decoder.embed_lora->a, decoder.embed_lora->b});
  const auto found = torch::autograd::grad({(decoder.embed(ids) * weight).sum()},
                                           {decoder.embed_lora->a, decoder.embed_lora->b});
  CHECK(at::allclose(found[0], expected[0], 1e-4, 1e-4));
  CHECK(at::allclose(found[1], expected[1], 1e-4, 1e-4));
}

TEST_CASE("a wider vocabulary gets the mean of the old rows, and a tied head stays tied") {
  for (const char* name : {"llama", "qwen3"}) {
    model::Decoder decoder = load(name);
    const model::Decoder old = load(name);
    CHECK(model::vocabulary_rows(decoder, 128) == 128);
    CHECK(model::vocabulary_rows(decoder, 129) == 256);
    model::resize_vocabulary(decoder, 256);
    CHECK(decoder.spec.vocab == 256);
    CHECK(decoder.embed_tokens.narrow(0, 0, 128).equal(old.embed_tokens));
    CHECK(at::allclose(decoder.embed_tokens[200], old.embed_tokens.mean(0)));
    CHECK(decoder.lm_head.is_same(decoder.embed_tokens) == decoder.spec.tied_embeddings);
    CHECK(at::allclose(decoder.lm_head[255], old.lm_head.mean(0)));
    CHECK(at::allclose(tests::logits_of(decoder, kIds).narrow(1, 0, 128), tests::logits_of(old, kIds), 1e-5,
                       1e-5));
  }
}

TEST_CASE("new rows are trained by what the settings leave out") {
  const auto trained = [](const char* name, model::LoraSettings settings) {
    const model::Decoder decoder = load(name);
    model::train_new_rows(decoder, settings);
    return std::pair(settings.modules_to_save, settings.ensure_weight_tying);
  };
  using Names = std::vector<std::string>;
  CHECK(trained("llama", {}) == std::pair(Names{"embed_tokens", "lm_head"}, false));
  CHECK(trained("qwen3", {}) == std::pair(Names{"embed_tokens"}, true));
  CHECK(trained("llama", {.modules_to_save = {"lm_head"}}) ==
        std::pair(Names{"lm_head", "embed_tokens"}, false));
  CHECK(trained("llama", {.targets = {"q_proj", "embed_tokens"}}) == std::pair(Names{"lm_head"}, false));
  CHECK(trained("qwen3", {.targets = {"all-embedding"}}) == std::pair(Names{}, false));
}

TEST_CASE("an adapter over a wider vocabulary comes back over the narrow base, tied or not") {
  for (const char* name : {"llama", "qwen3"}) {
    CAPTURE(name);
    model::LoraSettings settings{.rank = 4, .targets = {"q_proj"}};
    model::Decoder decoder = load(name);
    model::resize_vocabulary(decoder, 256);
    model::train_new_rows(decoder, settings);
    model::attach_lora(decoder, settings, 7);
    CHECK(decoder.lm_head.is_same(decoder.embed_tokens) == decoder.spec.tied_embeddings);
    randomize(decoder, settings);
    const fs::path saved = fresh("swift-wider"), merged = fresh("swift-wider-merged");
    model::save_adapter(decoder, settings, "base", saved);
    model::Decoder again = load(name);
    const auto loaded = model::load_adapter(again, saved);
    CHECK(loaded.modules_to_save == settings.modules_to_save);
    CHECK(again.embed_tokens.size(0) == 256);
    CHECK(difference(again, decoder) == 0);
    model::merge_adapter(again);
    model::save_model(again, golden("models") / name, merged);
    CHECK(base::read_json(merged / "config.json").at("vocab_size") == 256);
    CHECK(difference(model::load_decoder(merged, std::nullopt), decoder) < 1e-4);
    fs::remove_all(saved), fs::remove_all(merged);
  }
}

TEST_CASE("what an end cannot be is refused by name") {
  model::Decoder decoder = load("llama");
  const auto attach = [&](model::LoraSettings settings) { model::attach_lora(decoder, settings, 0); };
  CHECK_THROWS_WITH(attach({.rank = 65, .targets = {"embed_tokens"}}),
                    Catch::Contains("65 does not fit model.embed_tokens"));
  CHECK_THROWS_WITH(attach({.dora = true, .targets = {"lm_head"}}),
                    Catch::Contains("use_dora and the target lm_head"));
  CHECK_THROWS_WITH(attach({.init = "pissa", .targets = {"embed_tokens"}}),
                    Catch::Contains("init_weights: pissa"));
  CHECK_THROWS_WITH(attach({.targets = {"lm_head"}, .modules_to_save = {"lm_head"}}),
                    Catch::Contains("in target_modules and in modules_to_save"));
}
