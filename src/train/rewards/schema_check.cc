#include "train/rewards/schema_check.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>

namespace swift::train::rewards {
namespace {

using base::Json;

constexpr int kDeepest = 200;  // of values and of references

constexpr std::array<std::string_view, 5> kUnknown = {
    "dependentSchemas", "dependentRequired", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef"};

bool found(const std::string& pattern, const std::string& text) {
  int fault = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &fault, &offset, nullptr),
      pcre2_code_free);
  if (code == nullptr)
    throw base::Error(base::ExitCode::usage, "reward json_schema: malformed pattern '" + pattern + "'");
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(),
                     nullptr) >= 0;
}

int64_t code_points(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "integer")
    return value.is_number_integer() ||
           (value.is_number() && std::floor(value.get<double>()) == value.get<double>());
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  return type == "null" && value.is_null();
}

class Checker {
 public:
  explicit Checker(const Json& root) : root_(root) {}

  bool valid(const Json& value, const Json& schema, int depth) const {
    if (schema.is_boolean()) return schema.get<bool>();
    if (depth > kDeepest) return false;
    if (schema.contains("$ref") && !valid(value, resolve(schema["$ref"]), depth + 1)) return false;
    return typed(value, schema) && numbers(value, schema) && text(value, schema) &&
           array(value, schema, depth) && object(value, schema, depth) && combined(value, schema, depth);
  }

 private:
  const Json& resolve(const Json& reference) const {
    const std::string text = reference.is_string() ? reference.get<std::string>() : "";
    if (text == "#") return root_;
    try {
      if (text.starts_with("#/")) return root_.at(Json::json_pointer(text.substr(1)));
    } catch (const Json::exception&) {
    }
    throw base::Error(base::ExitCode::usage, "reward json_schema: $ref '" + text + "' is not in the schema");
  }

  static bool typed(const Json& value, const Json& schema) {
    if (schema.contains("const") && value != schema["const"]) return false;
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      return false;
    if (!schema.contains("type")) return true;
    const Json& type = schema["type"];
    if (type.is_string()) return has_type(value, type.get<std::string>());
    return std::any_of(type.begin(), type.end(),
                       [&](const Json& t) { return has_type(value, t.get<std::string>()); });
  }

  static bool numbers(const Json& value, const Json& schema) {
    if (!value.is_number()) return true;
    const double v = value.get<double>();
    const auto bound = [&](const char* key, auto holds) {
      return !schema.contains(key) || !schema[key].is_number() || holds(schema[key].get<double>());
    };
    return bound("minimum", [&](double b) { return v >= b; }) &&
           bound("maximum", [&](double b) { return v <= b; }) &&
           bound("exclusiveMinimum", [&](double b) { return v > b; }) &&
           bound("exclusiveMaximum", [&](double b) { return v < b; }) && bound("multipleOf", [&](double b) {
             const double times = v / b;
             return std::abs(times - std::round(times)) < 1e-9 * std::max(1.0, std::abs(times));
           });
  }

  static bool sized(int64_t size, const Json& schema, const char* least, const char* most) {
    return (!schema.contains(least) || size >= schema[least].get<int64_t>()) &&
           (!schema.contains(most) || size <= schema[most].get<int64_t>());
  }

  static bool text(const Json& value, const Json& schema) {
    if (!value.is_string()) return true;
    const auto& text = value.get_ref<const std::string&>();
    return sized(code_points(text), schema, "minLength", "maxLength") &&
           (!schema.contains("pattern") || found(schema["pattern"].get<std::string>(), text));
  }

  bool array(const Json& value, const Json& schema, int depth) const {
    if (!value.is_array()) return true;
    if (!sized(static_cast<int64_t>(value.size()), schema, "minItems", "maxItems")) return false;
    const bool old_list = schema.contains("items") && schema["items"].is_array();
    const Json first = schema.contains("prefixItems") ? schema["prefixItems"]
                       : old_list                     ? schema["items"]
                                                      : Json::array();
    const char* rest = old_list ? "additionalItems" : "items";
    for (size_t i = 0; i < value.size(); ++i) {
      if (i < first.size() ? !valid(value[i], first[i], depth + 1)
                           : schema.contains(rest) && !valid(value[i], schema[rest], depth + 1))
        return false;
    }
    if (schema.value("uniqueItems", false)) {
      for (size_t i = 0; i < value.size(); ++i)
        if (std::find(value.begin() + static_cast<std::ptrdiff_t>(i) + 1, value.end(), value[i]) !=
            value.end())
          return false;
    }
    return !schema.contains("contains") || std::any_of(value.begin(), value.end(), [&](const Json& item) {
      return valid(item, schema["contains"], depth + 1);
    });
  }

  bool object(const Json& value, const Json& schema, int depth) const {
    if (!value.is_object()) return true;
    if (!sized(static_cast<int64_t>(value.size()), schema, "minProperties", "maxProperties")) return false;
    for (const Json& key : schema.value("required", Json::array()))
      if (!value.contains(key.get<std::string>())) return false;
    const Json named = schema.value("properties", Json::object());
    const Json patterns = schema.value("patternProperties", Json::object());
    for (const auto& [key, item] : value.items()) {
      bool known = named.contains(key);
      if (known && !valid(item, named[key], depth + 1)) return false;
      for (const auto& [pattern, inner] : patterns.items()) {
        if (!found(pattern, key)) continue;
        known = true;
        if (!valid(item, inner, depth + 1)) return false;
      }
      if (!known && schema.contains("additionalProperties") &&
          !valid(item, schema["additionalProperties"], depth + 1))
        return false;
    }
    return true;
  }

  bool combined(const Json& value, const Json& schema, int depth) const {
    const auto count = [&](const char* key) {
      return std::count_if(schema[key].begin(), schema[key].end(),
                           [&](const Json& s) { return valid(value, s, depth + 1); });
    };
    if (schema.contains("allOf") && count("allOf") != static_cast<int64_t>(schema["allOf"].size()))
      return false;
    if (schema.contains("anyOf") && count("anyOf") == 0) return false;
    if (schema.contains("oneOf") && count("oneOf") != 1) return false;
    if (schema.contains("not") && valid(value, schema["not"], depth + 1)) return false;
    if (!schema.contains("if")) return true;
    const char* branch = valid(value, schema["if"], depth + 1) ? "then" : "else";
    return !schema.contains(branch) || valid(value, schema[branch], depth + 1);
  }

  const Json& root_;
};

void require_known(const Json& schema, int depth) {
  if (schema.is_array()) {
    for (const Json& part : schema) require_known(part, depth + 1);
    return;
  }
  if (!schema.is_object() || depth > kDeepest) return;
  for (const auto& [key, part] : schema.items()) {
    if (std::find(kUnknown.begin(), kUnknown.end(), key) != kUnknown.end())
      throw base::Error(base::ExitCode::usage,
                        "reward json_schema: the keyword '" + key + "' is not supported");
    if (key != "enum" && key != "const" && key != "default" && key != "examples")
      require_known(part, depth + 1);
  }
}

}  // namespace

void require_known_schema(const Json& schema) {
  if (!schema.is_object() && !schema.is_boolean())
    throw base::Error(base::ExitCode::usage, "reward json_schema: the schema is no object");
  require_known(schema, 0);
}

bool is_valid(const Json& value, const Json& schema) {
  try {
    return Checker(schema).valid(value, schema, 0);
  } catch (const Json::exception& fault) {
    throw base::Error(base::ExitCode::usage,
                      std::string("reward json_schema: malformed schema: ") + fault.what());
  }
}

}  // namespace swift::train::rewards
