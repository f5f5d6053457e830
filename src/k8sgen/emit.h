// Trees as YAML that every reader understands alike: texts double-quoted, integers and booleans plain, block
// style, two spaces, keys in the order of the tree.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "k8sgen/node.h"

namespace swift::k8sgen {

// A YAML (and JSON) double-quoted scalar; UTF-8 stands as it is, control characters are escaped.
std::string quoted(std::string_view text);

// One document with its "---".
std::string to_yaml(const Node& root);

// All documents.
std::string to_yaml(std::span<const Object> objects);

}  // namespace swift::k8sgen
