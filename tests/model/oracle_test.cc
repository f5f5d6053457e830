// What we write, read by PEFT and transformers themselves. Hidden from the default run (label slow): it needs
// a Python with the oracles of tests/golden, named by SWIFT_ORACLE_PYTHON.
#include "oracle.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "golden.h"
#include "model/adapter.h"
#include "model/load.h"
#include "model/value_head.h"

using namespace swift;
using tests::golden;
using tests::run;
namespace fs = std::filesystem;

namespace {

fs::path fresh(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

}  // namespace

TEST_CASE("PEFT loads our adapters and transformers our merged models, with the same logits", "[.][slow]") {
  const char* python = std::getenv("SWIFT_ORACLE_PYTHON");
  if (python == nullptr) {
    WARN("skipped: SWIFT_ORACLE_PYTHON names no Python with peft and transformers");
    return;
  }
  for (const auto& entry : fs::directory_iterator(golden("peft"))) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename();
    CAPTURE(name);
    const fs::path base = golden("models") / name.substr(0, name.find('_'));
    model::Decoder decoder = model::load_decoder(base, std::nullopt);
    const model::LoraSettings settings = model::load_adapter(decoder, entry.path());
    const fs::path adapter = fresh("swift-oracle-adapter");
    model::save_adapter(decoder, settings, base.string(), adapter);
    const std::string logits = (entry.path() / "golden.safetensors").string();
    CHECK(run({python, golden("check_adapter.py").string(), "--model", base.string(), "--adapter",
               adapter.string(), "--logits", logits, "--ids-key", "ids", "--logits-key", "logits_adapter"}) ==
          0);
    model::merge_adapter(decoder);
    if (!settings.modules_to_save.empty())
      decoder.spec.tied_embeddings = decoder.lm_head.is_same(decoder.embed_tokens);
    const fs::path merged = fresh("swift-oracle-merged");
    model::save_model(decoder, base, merged);
    CHECK(run({python, golden("check_merged.py").string(), "--model", merged.string(), "--logits", logits,
               "--ids-key", "ids", "--logits-key", "logits_merged"}) == 0);
  }
}

TEST_CASE("PEFT and transformers load our reward models, with the same scores", "[.][slow]") {
  const char* python = std::getenv("SWIFT_ORACLE_PYTHON");
  if (python == nullptr) {
    WARN("skipped: SWIFT_ORACLE_PYTHON names no Python with peft and transformers");
    return;
  }
  const std::string check = golden("check_reward.py").string();
  const fs::path full = golden("reward") / "full", base = golden("models") / "qwen3";
  const model::Decoder whole = model::load_decoder(full, std::nullopt);
  const fs::path saved = fresh("swift-oracle-reward");
  model::save_model(whole, full, saved);
  CHECK(run({python, check, "--model", saved.string(), "--scores", (full / "golden.safetensors").string()}) ==
        0);
  const fs::path given = golden("reward") / "adapter";
  model::Decoder decoder = model::load_decoder(base, std::nullopt);
  const model::LoraSettings settings = model::load_adapter(decoder, given);
  const fs::path adapter = fresh("swift-oracle-reward-adapter");
  model::save_adapter(decoder, settings, base.string(), adapter);
  CHECK(run({python, check, "--model", base.string(), "--adapter", adapter.string(), "--scores",
             (given / "golden.safetensors").string()}) == 0);
}
