// A cursor into an object: the node, the way to it, and the setting that governs it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "k8sgen/check.h"
#include "k8sgen/node.h"

namespace swift::k8sgen {

class Place {
 public:
  explicit Place(const Object& object)
      : object_(&object),
        node_(&object.root),
        setting_(object.root.setting().empty() ? object.setting : object.root.setting()) {}

  // The place under a key. An absent key gives a place without a node, with the setting of what is above it.
  Place key(std::string_view key) const;
  // The place under a dotted path of plain keys.
  Place at(std::string_view path) const;
  // Elements of a list or values of a map; none when the node is absent or a scalar.
  std::vector<Place> items() const;

  bool exists() const { return node_ != nullptr; }
  const Node* node() const { return node_; }
  const Object& object() const { return *object_; }
  const std::string& path() const { return path_; }
  const std::string& setting() const { return setting_; }
  // Last key of the path, when it is that of a map.
  const std::string& last_key() const { return last_key_; }

  // The text; empty when the node is absent or no text.
  std::string text() const { return node_ != nullptr && node_->is_text() ? node_->text() : std::string(); }
  std::string text(std::string_view path) const { return at(path).text(); }
  std::optional<int64_t> integer() const;
  std::optional<int64_t> integer(std::string_view path) const { return at(path).integer(); }
  std::optional<bool> boolean() const;
  std::optional<bool> boolean(std::string_view path) const { return at(path).boolean(); }
  // A scalar as a message shows it, cut when it is long.
  std::string shown() const;
  // A text, or an integer's digits; empty for all else.
  std::string scalar() const;

 private:
  const Object* object_;
  const Node* node_;
  std::string path_, last_key_, setting_;

  void step(const Node* next);
};

// What the rules found. The same fault under the same setting is kept once: a name is in many objects.
class Findings {
 public:
  // The rule that the following findings are of.
  void begin(std::string_view rule) { rule_ = rule; }
  // The message names the object and the path; `text` has the value, why it is wrong and what to do.
  void add(const Place& place, const std::string& text);
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  std::vector<Finding> findings_;
  std::vector<std::string> seen_;
  std::string_view rule_;
};

}  // namespace swift::k8sgen
