// json.dumps of template values, as transformers' tojson filter calls it.
#pragma once
#include <optional>
#include <string>

#include "text/jinja/value.h"

namespace swift::text::jinja {

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// Throws Fault for values that JSON does not have.
std::string to_json(Runtime& rt, const Value& value, const JsonStyle& style);

// The filter: tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False).
Value filter_tojson(Runtime& rt, const Value& subject, Args& args);

}  // namespace swift::text::jinja
