// Weights of turns against tests/golden/loss_scale.json, and how they reach the tokens of a sample.
#include <catch2/catch.hpp>
#include <filesystem>

#include "byte_tokenizer.h"
#include "data/encode.h"
#include "data/packing.h"
#include "data/schema.h"
#include "data/truncate.h"
#include "data/turn_weights.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::Json;
using swift::text::ChatTemplate;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kAdded = {"<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"};
constexpr const char* kChatml =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

Sample encoded(const Json& record, const std::string& loss_scale) {
  EncodeOptions options;
  options.loss_scale = loss_scale;
  const auto tokenizer = byte_tokenizer(kAdded);
  options.eos_token_ids = {*tokenizer.id_of("<|im_end|>")};
  const Encoder encoder(tokenizer, ChatTemplate::from_source(kChatml, Json::object(), "chatml"), options);
  return encoder.encode(to_row({record, {"rows.jsonl", 1}}, {}));
}

// The text of the tokens that have this weight (1 without weights), 0 for those not trained.
std::string with_weight(const Sample& sample, float weight) {
  const auto tokenizer = byte_tokenizer(kAdded);
  std::vector<int32_t> ids;
  for (size_t i = 0; i < sample.input_ids.size(); ++i) {
    const float own = sample.labels[i] == kIgnore ? 0.0F : sample.weights.empty() ? 1.0F : sample.weights[i];
    if (own == weight) ids.push_back(sample.input_ids[i]);
  }
  return tokenizer.decode(ids);
}

Json dialogue(const std::string& first, const std::string& second) {
  return {{"messages",
           {{{"role", "user"}, {"content", "u"}},
            {{"role", "assistant"}, {"content", first}},
            {{"role", "user"}, {"content", "v"}},
            {{"role", "assistant"}, {"content", second}}}}};
}

}  // namespace

TEST_CASE("the weights of turns are those of the documented patterns") {
  const Json golden = swift::base::read_json(fs::path(SWIFT_SOURCE_DIR) / "tests/golden/loss_scale.json");
  REQUIRE(golden["cases"].size() > 60);
  for (const Json& one : golden["cases"]) {
    const auto text = one["text"].get<std::string>();
    const auto scale = one["loss_scale"].get<std::string>();
    INFO(scale << ": " << text);
    Json runs = Json::array();
    for (const Stretch& stretch : turn_weights(text, swift::config::parse_loss_scale(scale).parts))
      runs.push_back({stretch.end - stretch.begin, stretch.weight});
    CHECK(runs == one["runs"]);
  }
}

TEST_CASE("weighted tokens keep their ids, and weight 0 is not trained") {
  const Json row = dialogue("Action: a", "Action: b\nObservation: c");
  const Sample plain = encoded(row, "default");
  CHECK(plain.weights.empty());
  const Sample sample = encoded(row, "default+react");
  CHECK(sample.input_ids == plain.input_ids);
  REQUIRE(sample.weights.size() == sample.input_ids.size());
  CHECK(with_weight(sample, 2) == "Action: aAction: b\nObservation:");
  CHECK(with_weight(sample, 1) == "<|im_end|><|im_end|>");
  CHECK(with_weight(encoded(row, "last_round+react"), 2) == "Action: b\nObservation:");
  CHECK(with_weight(encoded(row, "all+react"), 2) == "Action: aAction: b\nObservation:");
  CHECK(with_weight(encoded(row, "all+react"), 0) == " c");
  // Only zeros and ones: the labels say it all.
  CHECK(encoded(dialogue("<think>\n\n</think>\n\nx", "y"), "ignore_empty_think").weights.empty());
}

TEST_CASE("a message's loss_scale is a factor, and its loss flag outdoes last_round") {
  Json row = dialogue("Action: a", "b<tool_call>{}</tool_call>");
  row["messages"][1]["loss_scale"] = 0.5;
  const Sample sample = encoded(row, "hermes+react");
  CHECK(with_weight(sample, 1) == "Action: ab<|im_end|>");
  CHECK(with_weight(sample, 0.5) == "<|im_end|>");
  CHECK(with_weight(sample, 2) == "<tool_call>{}</tool_call>");
  row["messages"][1]["loss"] = true;
  CHECK(with_weight(encoded(row, "last_round"), 0.5) == "Action: a<|im_end|>");
  row["messages"][1]["loss_scale"] = 0;
  CHECK(with_weight(encoded(row, "default"), 1) == "b<tool_call>{}</tool_call><|im_end|>");
  for (const Json& bad : {Json(-1), Json("2"), Json(1e9)}) {
    row["messages"][1]["loss_scale"] = bad;
    CHECK_THROWS_WITH(encoded(row, "default"), Catch::Contains("loss_scale of a message must be a number"));
  }
}

TEST_CASE("last_round trains every assistant message behind the last user message") {
  const Json row = {{"messages",
                     {{{"role", "user"}, {"content", "u"}},
                      {{"role", "assistant"}, {"content", "a"}},
                      {{"role", "user"}, {"content", "v"}},
                      {{"role", "assistant"}, {"content", "b"}},
                      {{"role", "tool"}, {"content", "t"}},
                      {{"role", "assistant"}, {"content", "c"}}}}};
  CHECK(with_weight(encoded(row, "last_round"), 1) == "b<|im_end|>c<|im_end|>");
}

TEST_CASE("weights and channels go with their tokens through truncation and packs") {
  Json record = dialogue("Action: a", "b");
  record["channel"] = "math";
  const Sample weighted = encoded(record, "react");
  CHECK(weighted.channel == "math");
  Sample plain = encoded(dialogue("x", "y"), "default");
  const std::vector<Sample> samples = {plain, weighted, plain};
  const std::vector<uint32_t> all = {0, 1, 2};
  const Pack pack = make_pack(samples, all);
  CHECK(pack.channels == std::vector<std::string>{"", "math", ""});
  REQUIRE(pack.weights.size() == pack.input_ids.size());
  size_t at = 0;
  for (const Sample& sample : samples) {
    for (size_t i = 0; i + 1 < sample.input_ids.size(); ++i)
      CHECK(pack.weights[at + i] == (sample.weights.empty() ? 1.0F : sample.weights[i + 1]));
    at += sample.input_ids.size();
  }
  const std::vector<uint32_t> without = {0, 2};
  CHECK(make_pack(samples, without).weights.empty());
  const auto left = truncate(weighted, 40, "left");
  REQUIRE(left.size() == 1);
  CHECK(left[0].weights.size() == 40);
  CHECK(left[0].channel == "math");
  CHECK(left[0].weights.back() == weighted.weights.back());
}
