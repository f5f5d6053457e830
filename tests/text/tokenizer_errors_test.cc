#include <catch2/catch.hpp>

#include "tokenizer_golden.h"

using namespace swift;
using namespace swift::text;

namespace {

// The smallest valid file; each test breaks one thing.
base::Json small() {
  return base::Json::parse(R"({
    "version": "1.0", "added_tokens": [], "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null, "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

base::Json added(int64_t id) {
  return {{"id", id}, {"content", "<x>"}, {"special", true}, {"normalized", false}};
}

// The message of the error that loading the text gives; it must name the file.
std::string message_of(const std::string& json) {
  const golden::TemporaryFile file(json);
  try {
    Tokenizer::load(file.path());
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::model);
    CHECK(error.where().file == file.path().string());
    return error.message() + " | " + error.hint();
  }
  return "loaded";
}

struct Fault {
  std::string pointer;  // what to replace
  base::Json value;
  std::string expected;  // part of the message
};

}  // namespace

TEST_CASE("tokenizer file: the small file loads and encodes") {
  const Tokenizer tokenizer = golden::load_spec(small());
  CHECK(tokenizer.encode("abba") == std::vector<TokenId>{2, 1, 0});
  CHECK(tokenizer.encode("abc") == std::vector<TokenId>{2});  // no unk_token: what is unknown is left out
  CHECK(tokenizer.encode("").empty());
}

TEST_CASE("tokenizer file: a fault is reported with the file and the key") {
  const std::vector<Fault> faults = {
      {"/model", 3, "model: expected an object"},
      {"/model/type", "Unigram", "unsupported tokenizer model \"Unigram\""},
      {"/model/type", "WordPiece", "supported: BPE"},
      {"/model/vocab", base::Json::array({base::Json::array({"a", -1.5})}), "\"vocab\" is missing"},
      {"/model/vocab/b", -1, "model.vocab[\"b\"]: id out of range"},
      {"/model/vocab/b", 5'000'000, "model.vocab[\"b\"]: id out of range"},
      {"/model/vocab/b", 18'446'744'073'709'551'615u, "model.vocab[\"b\"]: id out of range"},
      {"/model/vocab/b", "1", "model.vocab[\"b\"]: expected a token id"},
      {"/model/vocab/b", 1.5, "model.vocab[\"b\"]: expected a token id"},
      {"/model/vocab/b", base::Json::object(), "model.vocab[\"b\"]: expected a token id"},
      {"/model/merges", "a b", "\"merges\" is missing or not a list"},
      {"/model/merges/0", "a", "model.merges[0]: expected two tokens"},
      {"/model/merges/0", "a b c", "model.merges[0]: expected two tokens"},
      {"/model/merges/0", base::Json::array({"a"}), "model.merges[0]: expected two tokens"},
      {"/model/merges/0", base::Json::array({"a", "b", "a"}), "model.merges[0]: expected two tokens"},
      {"/model/merges/0", 7, "model.merges[0]: expected a string or a pair"},
      {"/model/merges/0", "a x", "merges[0]: \"x\" is not in the vocabulary"},
      {"/model/merges/0", "b a", "merges[0]: \"ba\" is not in the vocabulary"},
      {"/model/unk_token", "<unk>", "model.unk_token: \"<unk>\" is not in the vocabulary"},
      {"/model/dropout", 0.1, "model.dropout: random merges are not supported"},
      {"/model/byte_fallback", "yes", "model.byte_fallback: expected true or false"},
      {"/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix: not supported"},
      {"/added_tokens", 1, "added_tokens: expected a list"},
      {"/added_tokens", base::Json::array({1}), "added_tokens[0]: expected an object"},
      {"/added_tokens", base::Json::array({added(-1)}), "added_tokens[0].id: id out of range"},
      {"/added_tokens", base::Json::array({added(1LL << 40)}), "added_tokens[0].id: id out of range"},
      {"/added_tokens", base::Json::array({added(3), added(4)}), "stands twice"},
      {"/added_tokens", base::Json::array({base::Json{{"id", 3}}}),
       "added_tokens[0]: missing key \"content\""},
      {"/added_tokens", base::Json::array({base::Json{{"id", 3}, {"content", "ab"}}}),
       "model.vocab gives it 2"},
      {"/normalizer", base::Json{{"type", "Precompiled"}},
       "normalizer: unsupported normalizer \"Precompiled\""},
      {"/normalizer", base::Json{{"type", "Replace"}}, "normalizer: missing key \"pattern\""},
      {"/pre_tokenizer", base::Json{{"type", "Metaspace"}}, "unsupported pre_tokenizer \"Metaspace\""},
      {"/pre_tokenizer", base::Json::object(), "pre_tokenizer: missing key \"type\""},
      {"/pre_tokenizer", base::Json{{"type", "Sequence"}, {"pretokenizers", {base::Json{{"type", "Split"}}}}},
       "pre_tokenizer.pretokenizers[0]: missing key \"pattern\""},
      {"/decoder", base::Json{{"type", "WordPiece"}}, "decoder: unsupported decoder \"WordPiece\""},
  };
  for (const Fault& fault : faults) {
    base::Json spec = small();
    spec[base::Json::json_pointer(fault.pointer)] = fault.value;
    CAPTURE(fault.pointer, fault.value.dump());
    CHECK_THAT(message_of(spec.dump()), Catch::Contains(fault.expected));
  }
}

TEST_CASE("tokenizer file: an invalid or unsupported pattern is reported with the pattern") {
  for (const std::string pattern : {"(", "[a", "a{3,1}", "[a&&b]", "[a[b]]", "(?<n", "\\C", "[\\W]"}) {
    base::Json spec = small();
    spec["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    const std::string message = message_of(spec.dump());
    CAPTURE(pattern, message);
    CHECK_THAT(message, Catch::Contains("pre_tokenizer.pattern"));
    if (pattern != "[\\W]") CHECK_THAT(message, Catch::Contains(pattern));
  }
  base::Json spec = small();
  spec["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Sideways"}};
  CHECK_THAT(message_of(spec.dump()), Catch::Contains("unknown behavior \"Sideways\""));
}

TEST_CASE("tokenizer file: missing sections are reported") {
  for (const char* key : {"vocab", "merges"}) {
    base::Json spec = small();
    spec["model"].erase(key);
    CHECK_THAT(message_of(spec.dump()), Catch::Contains(std::string("\"") + key + "\" is missing"));
  }
  base::Json spec = small();
  spec.erase("model");
  CHECK_THAT(message_of(spec.dump()), Catch::Contains("missing key \"model\""));
  CHECK_THAT(message_of("[]"), Catch::Contains("expected a JSON object"));
  CHECK_THAT(message_of("3"), Catch::Contains("expected a JSON object"));
  CHECK_THROWS_AS(Tokenizer::load("/nonexistent/tokenizer.json"), base::Error);
}

TEST_CASE("tokenizer file: any truncation is an error, never a crash") {
  const std::string whole = small().dump();
  for (size_t length = 0; length < whole.size(); ++length) {
    CHECK_THAT(message_of(whole.substr(0, length)), Catch::Contains("malformed JSON"));
  }
  const golden::TemporaryFile file("{\"model\": {\n  \"vocab\": {\"a\": 0,, }}}");
  try {
    Tokenizer::load(file.path());
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.where().line == 2);
  }
}

TEST_CASE("tokenizer file: deep nesting and very many keys are errors") {
  const std::string deep(100'000, '[');
  CHECK_THAT(message_of("{\"added_tokens\": " + deep), Catch::Contains("nested deeper"));
  std::string wide = "{\"normalizer\": {";
  for (int i = 0; i < 5000; ++i) wide += "\"k" + std::to_string(i) + "\": 0, ";
  CHECK_THAT(message_of(wide + "\"type\": 1}}"), Catch::Contains("more than"));
}

TEST_CASE("tokenizer: a pattern that backtracks without end is an error, not a hang") {
  base::Json spec = small();
  spec["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+$"}}}, {"behavior", "Isolated"}};
  const Tokenizer tokenizer = golden::load_spec(spec);
  try {
    tokenizer.encode(std::string(40, 'a') + "!" + std::string(40, 'a') + "b");
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::data);
    CHECK_THAT(error.message(), Catch::Contains("(a+)+$"));
  }
  CHECK(tokenizer.encode("ab") == std::vector<TokenId>{2});  // still usable
}
