// YAML (and so JSON) read into a tree with the place of every node. Untrusted input: size, depth and the
// number of nodes after aliases are bounded, duplicate keys are faults.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "config/report.h"

namespace swift::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;      // scalar
  bool plain = true;     // scalar: written without quotes
  base::Location where;  // columns count characters
  int length = 1;        // characters of a scalar on its first line
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

constexpr size_t kYamlMaxBytes = 1 << 20;
constexpr int kYamlMaxDepth = 32;
constexpr size_t kYamlMaxNodes = 20'000;

// One document; an empty text is null. Syntax faults, duplicate keys, anchors inside themselves, several
// documents and exceeded bounds are added to the report, and the tree is then partial.
YamlNode parse_yaml(const std::string& text, const std::string& file, Report& report);

// Scalars typed by YAML's core schema: plain null, true, 1, 1.5; everything quoted is a string.
base::Json to_json(const YamlNode& node);

}  // namespace swift::config
