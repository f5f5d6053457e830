// What is trained under every real chat template; tests/golden/labels.json says where its values come from.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "byte_tokenizer.h"
#include "data/encode.h"
#include "data/inspect.h"

using namespace swift::data;
using swift::base::Json;
using swift::text::ChatTemplate;
using swift::text::Tokenizer;
namespace fs = std::filesystem;

namespace {

// The trained stretches of a sample, decoded.
std::vector<std::string> trained_texts(const Sample& sample, const Tokenizer& tokenizer) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < sample.labels.size();) {
    std::vector<int32_t> run;
    for (; i < sample.labels.size() && sample.labels[i] != kIgnore; ++i) run.push_back(sample.labels[i]);
    if (run.empty())
      ++i;
    else
      texts.push_back(tokenizer.decode(run));
  }
  return texts;
}

}  // namespace

TEST_CASE("every real template trains exactly the assistant's turns") {
  const fs::path folder = fs::path(SWIFT_SOURCE_DIR).parent_path() / "shared/data/chat_templates";
  if (!fs::exists(folder)) {
    WARN("skipped: no shared/data/chat_templates beside the project");
    return;
  }
  const Json golden = swift::base::read_json(fs::path(SWIFT_SOURCE_DIR) / "tests/golden/labels.json");
  for (const Json& one : golden["cases"]) {
    const std::string name = one["template"].get<std::string>();
    INFO(name << ": " << one["case"].get<std::string>());
    const Tokenizer tokenizer = byte_tokenizer(one["added_tokens"].get<std::vector<std::string>>());
    const auto source = swift::base::read_file(folder / (name + ".jinja"));
    EncodeOptions options;
    options.eos_token_ids = {*tokenizer.id_of(one["special_tokens"]["eos_token"].get<std::string>())};
    const Encoder encoder(tokenizer, ChatTemplate::from_source(source, one["special_tokens"], name), options);
    Row row;
    row.messages = one["messages"];
    row.tools = one["tools"];
    const Sample sample = encoder.encode(row);
    CHECK(trained_texts(sample, tokenizer) == one["trained"].get<std::vector<std::string>>());
    CHECK_NOTHROW(inspect(std::vector<Sample>{sample}, tokenizer, {false, encoder.end_ids(), std::nullopt}));
  }
}

TEST_CASE("every real template gives a training sample its inference prompt") {
  const fs::path folder = fs::path(SWIFT_SOURCE_DIR).parent_path() / "shared/data/chat_templates";
  if (!fs::exists(folder)) {
    WARN("skipped: no shared/data/chat_templates beside the project");
    return;
  }
  // Templates whose generation prompt opens thoughts that a finished turn without thoughts does not have.
  const std::set<std::string> opens_thoughts = {"CohereForAI-c4ai-command-r7b-12-2024-tool_use",
                                                "Qwen-QwQ-32B", "deepseek-ai-DeepSeek-R1-Distill-Llama-8B"};
  const Json golden = swift::base::read_json(fs::path(SWIFT_SOURCE_DIR) / "tests/golden/labels.json");
  for (const Json& one : golden["cases"]) {
    const std::string name = one["template"].get<std::string>();
    if (one["case"] != "two turns" || opens_thoughts.contains(name)) continue;
    INFO(name);
    const Tokenizer tokenizer = byte_tokenizer(one["added_tokens"].get<std::vector<std::string>>());
    const auto source = swift::base::read_file(folder / (name + ".jinja"));
    EncodeOptions options;
    options.loss_scale = "last_round";
    const Encoder encoder(tokenizer, ChatTemplate::from_source(source, one["special_tokens"], name), options);
    Row row;
    row.messages = one["messages"];
    const Sample sample = encoder.encode(row);
    const std::vector<int32_t> prompt = encoder.encode_prompt(row);
    const auto first =
        std::find_if(sample.labels.begin(), sample.labels.end(), [](int32_t l) { return l != kIgnore; });
    CHECK(std::vector<int32_t>(sample.input_ids.begin(),
                               sample.input_ids.begin() + (first - sample.labels.begin())) == prompt);
  }
}
