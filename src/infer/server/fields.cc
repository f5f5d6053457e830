#include "infer/server/fields.h"

#include <cmath>

#include "base/format.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

constexpr int kMaxNesting = 256;

// Deepest nesting of brackets outside of strings; parsed JSON is walked recursively, so it must stay small.
int nesting(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

std::optional<int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) > 9e15) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace

std::string_view type_word(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_float:
      return "a decimal";
    default:
      return "an integer";
  }
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object()) {
    throw ApiError(
        400,
        cat("Invalid type for '", path_, "': expected an object, but got ", type_word(object), " instead."),
        path_);
  }
}

std::string Fields::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Fields::fail(std::string_view key, const std::string& message) const {
  throw ApiError(400, message, path_of(key));
}

void Fields::wrong_type(std::string_view key, std::string_view expected, const Json& value) const {
  fail(key, cat("Invalid type for '", path_of(key), "': expected ", expected, ", but got ", type_word(value),
                " instead."));
}

const Json* Fields::find(std::string_view key) {
  known_.emplace(key);
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& Fields::require(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) fail(key, cat("Missing required parameter: '", path_of(key), "'."));
  return *value;
}

std::optional<bool> Fields::boolean(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong_type(key, "a boolean", *value);
  return value->get<bool>();
}

std::optional<int64_t> Fields::integer(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value);
  if (!number) wrong_type(key, "an integer", *value);
  return number;
}

std::optional<double> Fields::number(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) wrong_type(key, "a number", *value);
  return value->get<double>();
}

std::optional<std::string> Fields::text(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong_type(key, "a string", *value);
  return value->get<std::string>();
}

const Json* Fields::array(std::string_view key) {
  const Json* value = find(key);
  if (value != nullptr && !value->is_array()) wrong_type(key, "an array", *value);
  return value;
}

const Json* Fields::object(std::string_view key) {
  const Json* value = find(key);
  if (value != nullptr && !value->is_object()) wrong_type(key, "an object", *value);
  return value;
}

std::vector<std::string> Fields::texts(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array()) wrong_type(key, "a string or an array of strings", *value);
  std::vector<std::string> out;
  for (const Json& item : *value) {
    if (!item.is_string()) wrong_type(key, "an array of strings", item);
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<int32_t> Fields::token_ids(std::string_view key) {
  const Json* value = array(key);
  std::vector<int32_t> out;
  if (value == nullptr) return out;
  for (const Json& item : *value) {
    const auto id = as_integer(item);
    if (!id || *id < 0 || *id > INT32_MAX) wrong_type(key, "an array of token ids", item);
    out.push_back(static_cast<int32_t>(*id));
  }
  return out;
}

void Fields::ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) known_.emplace(key);
}

std::vector<std::string> Fields::unknown() const {
  std::vector<std::string> out;
  for (const auto& item : object_.items()) {
    if (known_.find(item.key()) == known_.end()) out.push_back(item.key());
  }
  return out;
}

Json parse_body(const std::string& body) {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw ApiError(400, "The request has no body; expected a JSON object.");
  }
  if (nesting(body) > kMaxNesting) {
    throw ApiError(400, cat("The body nests deeper than ", kMaxNesting, " levels."));
  }
  if (!base::is_utf8(body)) throw ApiError(400, "The body is not valid UTF-8.");
  Json json;
  try {
    json = Json::parse(body);
  } catch (const Json::exception& error) {
    const std::string what = error.what();
    const size_t at = what.find("] ");
    throw ApiError(400,
                   "The body is not valid JSON: " + (at == std::string::npos ? what : what.substr(at + 2)));
  }
  if (!json.is_object()) {
    throw ApiError(400, cat("The body must be a JSON object, but is ", type_word(json), "."));
  }
  return json;
}

}  // namespace swift::infer::server
