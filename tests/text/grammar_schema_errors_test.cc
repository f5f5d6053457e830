#include <catch2/catch.hpp>

#include "grammar_fixture.h"

using namespace swift;
using namespace swift::text;

namespace {

std::string refusal(const base::Json& schema) {
  try {
    compile_json_schema(schema);
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::usage);
    return error.message();
  }
  return "nothing was refused";
}

std::string refusal(const std::string& schema) {
  return refusal(base::parse_json(schema, "schema"));
}

}  // namespace

TEST_CASE("a schema that has no grammar is refused with its keyword and JSON pointer") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"properties": {"x": {"unevaluatedItems": false}}})",
       "unsupported keyword 'unevaluatedItems' at /properties/x"},
      {R"({"items": {"not": {"type": "null"}}})", "unsupported keyword 'not' at /items"},
      {R"({"if": {}})", "unsupported keyword 'if' at the root of the schema"},
      {R"({"properties": {"a/b~": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}}})",
       "unsupported keyword 'uniqueItems' at /properties/a~1b~0"},
      {R"({"type": "text"})", "'type' must be null, boolean"},
      {R"({"type": "string", "minLength": -1})",
       "'minLength' must be a whole number of at least 0 at /minLength"},
      {R"({"properties": []})", "'properties' must be an object of schemas at /properties"},
      {R"({"properties": {"a": 1}})", "a schema must be an object or a boolean at /properties/a"},
      {R"({"anyOf": []})", "a list of schemas is expected at /anyOf"},
      {R"({"multipleOf": 0.1})", "'multipleOf' is supported only for whole numbers"},
      {R"({"$ref": "#/$defs/no"})", "'$ref' to '#/$defs/no', which the schema does not have"},
      {R"({"$ref": "other.json"})", "'$ref' to 'other.json' is not supported"},
      {R"({"$ref": "#"})", "leads back to itself"},
      {R"({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"})",
       "leads back to itself"},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})",
       "'oneOf' whose branches 0 and 1 may both hold is not supported at /oneOf"},
      {R"~({"type": "string", "pattern": "a(?=b)"})~", "invalid regex at character 2: lookahead"},
      {R"({"type": "object", "patternProperties": {"^a": {}, "b$": {}}})", "may match the same name"},
      {R"({"type": "object", "minProperties": 3})", "'minProperties'"},
      {"false", "allows nothing"},
      {R"({"type": "integer", "minimum": 3, "maximum": 2})", "allows nothing"},
      {R"({"type": "string", "enum": [1]})", "allows nothing"},
      {R"({"$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}},
           "$ref": "#/$defs/a"})",
       "allows nothing"},
  };
  for (const auto& [schema, message] : cases) {
    INFO(schema);
    CHECK_THAT(refusal(schema), Catch::Contains(message));
  }
  CHECK_THAT(refusal(base::Json(1)), Catch::Contains("a schema must be an object or a boolean"));
}

TEST_CASE("schemas made to exhaust the server are refused within the limits") {
  std::vector<std::string> schemas = {
      R"({"type": "array", "minItems": 1000000000})",
      R"({"type": "array", "items": {"type": "string"}, "maxItems": 100000000})",
      R"({"type": "string", "minLength": 1e300})",
      R"~({"type": "string", "pattern": "^(a|b)*a(a|b){30}$"})~",
      R"({"type": "string", "pattern": "^[a-z]{0,3000}$", "minLength": 2000, "maxLength": 1000000})",
      R"({"type": "object", "maxProperties": 1000000000})",
  };
  std::string nested = "true";
  for (int i = 0; i < 1000; ++i) nested = R"({"items": )" + nested + "}";
  schemas.push_back(nested);
  std::string doubling =
      R"({"$ref": "#/$defs/d20", "$defs": {"d0": {"anyOf": [{"type": "null"}, {"minimum": 1}]})";
  for (int i = 1; i <= 20; ++i) {
    const std::string before = R"({"$ref": "#/$defs/d)" + std::to_string(i - 1) + R"("})";
    doubling += R"(, "d)" + std::to_string(i) + R"(": {"anyOf": [)" + before + "," + before + "]}";
  }
  schemas.push_back(doubling + "}}");
  for (const std::string& schema : schemas) {
    INFO(schema.substr(0, 100));
    const std::string message = refusal(schema);
    CHECK((message.find("the grammar is too large") != std::string::npos ||
           message.find("combinations of alternatives") != std::string::npos));
  }
}

TEST_CASE("large but honest schemas compile") {
  base::Json large = {{"type", "object"}, {"properties", base::Json::object()}};
  for (int i = 0; i < 300; ++i)
    large["properties"]["field" + std::to_string(i)] = {{"type", i % 2 ? "string" : "integer"},
                                                        {"maxLength", 200}};
  CHECK(golden::fits(compile_json_schema(large), R"({"field0": 1, "field299": "x"})"));
  base::Json values = base::Json::array();
  for (int i = 0; i < 2000; ++i) values.push_back("value " + std::to_string(i * 7919));
  CHECK(golden::fits(compile_json_schema({{"enum", values}}), "\"value 7919\""));
  const auto text = compile_json_schema({{"type", "string"}, {"maxLength", 20000}});
  CHECK(golden::fits(text, "\"" + std::string(3000, 'x') + "\""));
}
