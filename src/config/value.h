// A value as written, before its field's type is known, and its assignment to the field.
#pragma once
#include <string>
#include <vector>

#include "config/field.h"
#include "config/report.h"
#include "config/yaml.h"

namespace swift::config {

struct RawText {
  std::string text;
  Origin origin;
  int length = 1;
  bool plain = true;  // YAML without quotes; flags and environment always
};

struct RawValue {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::vector<RawText> items;  // scalar: one
  base::Json map;
  Origin origin;  // where the value stands
  int length = 1;
};

// The value of a YAML node; elements of a list must be scalars. `origin` replaces the places of the nodes
// when the YAML came from a flag.
RawValue raw_value(const YamlNode& node, Report& report, const std::string& key,
                   const Origin* origin = nullptr);

// Converts, checks the limits and stores. Faults go to the report, and the field then keeps its old value.
// Returns whether it was stored.
bool assign(const Field& field, const RawValue& raw, Report& report);

// "key: " for values in files; nothing for flags and environment, whose name stands in front already.
std::string prefix(const Origin& origin, std::string_view key);

}  // namespace swift::config
