// The ordered tree of a manifest: texts, integers, booleans, lists and maps. There is no null: an absent
// value is an absent key. A node remembers the setting that governs it, so that a fault is shown where the
// user wrote it.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace swift::k8sgen {

class Node {
 public:
  enum class Kind { text, integer, boolean, list, map };

  Node(std::string value) : kind_(Kind::text), text_(std::move(value)) {}
  Node(std::string_view value) : Node(std::string(value)) {}
  Node(const char* value) : Node(std::string(value)) {}
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Node(T value)
      : kind_(Kind::integer), integer_(value) {}
  template <class T>
  requires std::is_same_v<T, bool> Node(T value) : kind_(Kind::boolean), boolean_(value) {}
  static Node list(std::vector<Node> items = {});
  static Node map();

  Kind kind() const { return kind_; }
  bool is_text() const { return kind_ == Kind::text; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_map() const { return kind_ == Kind::map; }
  const std::string& text() const { return text_; }
  int64_t integer() const { return integer_; }
  bool boolean() const { return boolean_; }
  // Elements of a list, values of a map; keys() runs beside them for a map.
  const std::vector<Node>& items() const { return items_; }
  const std::vector<std::string>& keys() const { return keys_; }
  bool empty() const { return items_.empty(); }

  // Adds a key, or replaces its value in place.
  Node& set(std::string_view key, Node value);
  Node& set_if(bool wanted, std::string_view key, Node value);
  Node& erase(std::string_view key);
  Node& add(Node item);
  // Adds every key of a map, or every element of a list.
  Node& extend(const Node& other);

  // The value under a key, or null.
  const Node* find(std::string_view key) const;
  // The value under a dotted path of plain keys ("spec.template.spec"), or null.
  const Node* at(std::string_view path) const;
  // The text at a path; empty when it is absent or no text.
  std::string text_at(std::string_view path) const;

  // JSON pointer of the governing setting within the task file ("/deploy/train/schedule"), or empty.
  const std::string& setting() const { return setting_; }
  Node from(std::string setting) &&;

  bool operator==(const Node& other) const;

 private:
  explicit Node(Kind kind) : kind_(kind) {}
  Kind kind_;
  bool boolean_ = false;
  int64_t integer_ = 0;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<Node> items_;
  std::string setting_;
};

Node map(std::initializer_list<std::pair<const char*, Node>> entries);
Node list(std::initializer_list<Node> items);

// One Kubernetes object: its tree, why it is there and the setting (JSON pointer) that asks for it.
struct Object {
  Node root;
  std::string why;
  std::string setting;

  std::string kind() const { return root.text_at("kind"); }
  std::string name() const { return root.text_at("metadata.name"); }
};

}  // namespace swift::k8sgen
