#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "base/rng.h"
#include "grammar_fixture.h"

using namespace swift;
using namespace swift::text;
using golden::fits;

namespace {

std::shared_ptr<const Grammar> compiled(const std::string& schema, const SchemaOptions& options = {}) {
  return compile_json_schema(base::parse_json(schema, "schema"), options);
}

base::Json schema_cases() {
  return base::read_json(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/json_schema.json")["cases"];
}

}  // namespace

TEST_CASE("a schema's grammar has the instances that jsonschema calls valid, and no others") {
  SchemaOptions options;
  options.open = true;
  for (const bool indented : {false, true}) {
    options.indented = indented;
    for (const base::Json& entry : schema_cases()) {
      const auto grammar = compile_json_schema(entry["schema"], options);
      for (const base::Json& text : entry["valid"]) {
        INFO(entry["schema"].dump() << " must take " << text);
        CHECK(fits(grammar, text.get<std::string>()));
      }
      for (const base::Json& text : entry["invalid"]) {
        INFO(entry["schema"].dump() << " must not take " << text);
        CHECK_FALSE(fits(grammar, text.get<std::string>()));
      }
    }
  }
}

TEST_CASE("texts that were generated once, and that jsonschema found valid, still fit") {
  SchemaOptions options;
  options.open = true;
  options.indented = true;
  const base::Json schemas = schema_cases();
  std::ifstream lines(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/json_schema_generated.jsonl");
  std::map<size_t, std::shared_ptr<const Grammar>> grammars;
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const base::Json entry = base::parse_json(line, "json_schema_generated.jsonl");
    const auto id = entry["case"].get<size_t>();
    if (!grammars.contains(id)) grammars[id] = compile_json_schema(schemas[id]["schema"], options);
    INFO(schemas[id]["schema"].dump() << " must take " << entry["text"]);
    CHECK(fits(grammars[id], entry["text"].get<std::string>()));
  }
  CHECK(count > 200);
}

TEST_CASE("objects that list their properties are closed unless they are asked to be open") {
  const std::string schema = R"({"properties": {"a": {"type": "integer"}}})";
  CHECK(fits(compiled(schema), R"({"a": 1})"));
  CHECK_FALSE(fits(compiled(schema), R"({"b": 1})"));
  CHECK_FALSE(fits(compiled(schema), "1"));
  SchemaOptions open;
  open.open = true;
  CHECK(fits(compiled(schema, open), R"({"b": 1})"));
  CHECK(fits(compiled(schema, open), "1"));
  // What allOf adds is listed too.
  const auto merged = compiled(R"({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})");
  CHECK(fits(merged, R"({"a": 1, "b": 2})"));
  CHECK_FALSE(fits(merged, R"({"a": 1, "b": 2, "c": 3})"));
}

TEST_CASE("properties come in the order of the schema, and one blank may follow a comma or a colon") {
  const auto grammar =
      compiled(R"({"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "null"}}})");
  CHECK(fits(grammar, R"({"b":null,"a":null})"));
  CHECK(fits(grammar, R"({"b": null, "a": null})"));
  CHECK_FALSE(fits(grammar, R"({"a":null,"b":null})"));
  CHECK_FALSE(fits(grammar, R"({"b":  null})"));
  CHECK_FALSE(fits(grammar, R"({ "b":null})"));
  SchemaOptions indented;
  indented.indented = true;
  const auto wide = compiled(
      R"({"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "null"}}})", indented);
  CHECK(fits(wide, "{\n  \"b\": null,\n  \"a\": null\n}"));
  CHECK_FALSE(fits(wide, "{\n\n  \"b\": null}"));
}

TEST_CASE("strings are valid JSON and valid UTF-8") {
  const auto grammar = compiled(R"({"type": "string"})");
  for (const char* text :
       {"\"\"", "\"\\n\\u00e9\\/\"", "\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", "\"\x7f\""}) {
    INFO(text);
    CHECK(fits(grammar, text));
  }
  for (const char* text : {"\"\n\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\xC3\"",
                           "\"\xED\xA0\x80\"", "\"\xC0\x80\"", "\"\xF4\x90\x80\x80\"", "\"", "\"a\"b"}) {
    INFO(text);
    CHECK_FALSE(fits(grammar, text));
  }
}

TEST_CASE("an additional property cannot be a listed one in disguise") {
  SchemaOptions open;
  open.open = true;
  const auto grammar = compiled(R"({"type": "object", "properties": {"a": {"type": "integer"}}})", open);
  CHECK_FALSE(fits(grammar, R"({"a": "x"})"));
  CHECK_FALSE(fits(grammar, R"({"\u0061": "x"})"));
  CHECK(fits(grammar, R"({"aa": "x"})"));
}

TEST_CASE("numbers have no exponent that a double could not hold") {
  const auto number = compile_json_schema({{"type", "number"}});
  for (const char* text : {"1e22", "-2.5E+99", "7e-320", "0e0"}) CHECK(fits(number, text));
  for (const char* text : {"1e705", "1e+100", "1e", "1e-", "1e-1000"}) CHECK_FALSE(fits(number, text));
}

TEST_CASE("json_object takes any object and nothing else") {
  const auto grammar = compile_json_object();
  CHECK(fits(grammar, R"({"a": [1, {"b": null}], "c": -1.5e+3})"));
  CHECK(fits(grammar, "{}"));
  CHECK_FALSE(fits(grammar, "[]"));
  CHECK_FALSE(fits(grammar, R"({"a": 01})"));
  CHECK_FALSE(fits(grammar, R"({"a": 1,})"));
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += R"({"a":)";
  deep += "1" + std::string(300, '}');
  CHECK(fits(grammar, deep));
}

TEST_CASE("what the masks allow always leads to the end of a value") {
  const base::Stream stream(3, base::Purpose::sampling);
  uint64_t at = 0;
  for (const base::Json& entry : schema_cases()) {
    const auto grammar = compile_json_schema(entry["schema"]);
    const auto state = matcher(grammar, golden::byte_vocabulary());
    std::vector<uint64_t> words(golden::byte_vocabulary()->words());
    std::string text;
    for (int step = 0; step < 60; ++step) {
      state->allowed(words);
      std::vector<int32_t> tokens;
      for (int32_t t = 0; t < 256; ++t) {
        if (golden::is_allowed(words, t)) tokens.push_back(t);
      }
      INFO(entry["schema"].dump() << " after " << text);
      REQUIRE((state->may_end() || !tokens.empty()));
      if (tokens.empty()) break;
      const int32_t token = tokens[stream.bits(at++) % tokens.size()];
      REQUIRE(state->accept(token));
      text.push_back(static_cast<char>(token));
    }
  }
}
