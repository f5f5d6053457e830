#include "data/preferences.h"

#include <catch2/catch.hpp>

#include "byte_tokenizer.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::base::Json;

namespace {

constexpr const char* kChatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

Encoder encoder(int64_t max_length = 0) {
  EncodeOptions options;
  options.loss_scale = "last_round";
  options.eos_token_ids = {257};
  options.max_length = max_length;
  return {byte_tokenizer({"<s>", "</s>", "<|im_start|>", "<|im_end|>"}),
          swift::text::ChatTemplate::from_source(kChatml, {}, "test.jinja"), options};
}

Row row(const std::string& json) {
  return to_row({Json::parse(json), {"d.jsonl", 7}}, {});
}

std::string joined(const Json& messages) {
  std::string text;
  for (const Json& m : messages)
    text += m["role"].get<std::string>() + ":" + m["content"].get<std::string>() + "|";
  return text;
}

std::string error_of(const std::string& json, PreferenceKind kind = PreferenceKind::pair) {
  try {
    encode_preference(row(json), encoder(), kind);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK(error.where().str() == "d.jsonl:7");
    return error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every form of a pair gives the conversation with the rejected answer") {
  const std::string chosen =
      R"("messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}])";
  const std::string want = "user:Q|assistant:B|";
  CHECK(joined(row("{" + chosen + R"(, "rejected_response": "B"})").rejected) == want);
  CHECK(joined(row("{" + chosen + R"(, "rejected_response": [{"role": "assistant", "content": "B"}]})")
                   .rejected) == want);
  CHECK(
      joined(
          row("{" + chosen +
              R"(, "rejected_messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]})")
              .rejected) == want);
  CHECK(joined(row(R"({"query": "Q", "response": "A", "rejected_response": "B", "system": "S"})").rejected) ==
        "system:S|" + want);
  CHECK(joined(row(R"({"prompt": "Q", "chosen": "A", "rejected": "B"})").rejected) == want);
  const std::string implicit =
      R"({"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}],
          "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]})";
  CHECK(joined(row(implicit).messages) == "user:Q|assistant:A|");
  CHECK(joined(row(implicit).rejected) == want);
  const std::string rounds =
      R"({"query": "Q2", "history": [["Q1", "A1"]], "response": "A", "rejected_response": "B"})";
  CHECK(joined(row(rounds).rejected) == "user:Q1|assistant:A1|user:Q2|assistant:B|");
  CHECK(row("{" + chosen + "}").rejected.is_null());
}

TEST_CASE("labels and margins are read, in the spellings of JSON and CSV") {
  const std::string base = R"({"query": "Q", "response": "A", )";
  CHECK(row(base + R"("label": true})").label == true);
  CHECK(row(base + R"("label": 0})").label == false);
  CHECK(row(base + R"("label": "False"})").label == false);
  CHECK_FALSE(row(base + R"("label": "maybe"})").label.has_value());
  CHECK(row(base + R"("margin": 1.5})").margin == 1.5);
  CHECK(error_of(base + R"("rejected_response": "B", "margin": "much"})").find("margin") !=
        std::string::npos);
}

TEST_CASE("rows that teach nothing are refused at their place") {
  const std::string base = R"({"query": "Q", "response": "A")";
  CHECK(error_of(base + "}") == "the row has no rejected answer");
  CHECK(error_of(base + R"(, "rejected_response": "A"})") ==
        "the chosen and the rejected answer are the same");
  CHECK(error_of(base + R"(, "rejected_response": ""})") == "the rejected side has an empty answer");
  CHECK(error_of(R"({"query": "Q", "response": "", "rejected_response": "B"})") ==
        "the chosen side has an empty answer");
  CHECK(error_of(base + R"(, "rejected_response": 7})").find("neither text nor") != std::string::npos);
  CHECK(error_of(base + "}", PreferenceKind::labelled).find("'label'") != std::string::npos);
  CHECK(error_of(base + R"(, "label": 2})", PreferenceKind::labelled).find("'label'") != std::string::npos);
  CHECK(error_of(base + R"(, "label": false})", PreferenceKind::labelled) == "no error");
}

TEST_CASE("what two answers share ends where their tokens or their labels part") {
  const auto pair =
      encode_preference(row(R"({"query": "Q", "response": "same A", "rejected_response": "same B"})"),
                        encoder(), PreferenceKind::pair);
  REQUIRE(pair);
  const int64_t shared = shared_tokens(pair->chosen, pair->rejected);
  const auto at = [](const Sample& s, int64_t i) { return s.input_ids[static_cast<size_t>(i)]; };
  CHECK(at(pair->chosen, shared) == at(pair->rejected, shared));
  CHECK(at(pair->chosen, shared + 1) == 'A');
  CHECK(at(pair->rejected, shared + 1) == 'B');
  Sample a, b;
  a.input_ids = b.input_ids = {1, 2, 3, 4}, a.labels = {-100, -100, 3, 4}, b.labels = {-100, -100, -100, 4};
  CHECK(shared_tokens(a, b) == 1);
  b.input_ids = {9}, b.labels = {-100};
  CHECK(shared_tokens(a, b) == 0);
}

TEST_CASE("a pair with an answer above max_length is dropped, and all of them are an error") {
  const Row one = row(R"({"query": "Q", "response": "a long answer", "rejected_response": "B"})");
  CHECK_FALSE(encode_preference(one, encoder(30), PreferenceKind::pair).has_value());
  const Scratch scratch("pairs");
  DatasetOptions options;
  options.train = {scratch.file("p.jsonl", R"({"query": "Q", "response": "A", "rejected_response": "A"})"
                                           "\n"
                                           R"({"query": "Q", "response": "A", "rejected_response": "B"})"
                                           "\n")};
  CHECK(load_preferences(options, encoder(), PreferenceKind::pair).train.size() == 1);
  options.load.strict = true;
  CHECK_THROWS_AS(load_preferences(options, encoder(), PreferenceKind::pair), Error);
  options.load.strict = false;
  CHECK_THROWS_AS(load_preferences(options, encoder(5), PreferenceKind::pair), Error);
}

TEST_CASE("the hash of preference data follows every part of it") {
  Preference one;
  one.chosen.input_ids = {1, 2}, one.chosen.labels = {-100, 2};
  const std::string before = contents_hash({one});
  CHECK(contents_hash({one}) == before);
  one.good = false;
  CHECK(contents_hash({one}) != before);
  one.good = true, one.margin = 1;
  CHECK(contents_hash({one}) != before);
  CHECK(contents_hash({one, one}) != contents_hash({one}));
}
