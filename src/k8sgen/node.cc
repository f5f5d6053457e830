#include "k8sgen/node.h"

#include <algorithm>

namespace swift::k8sgen {

Node Node::list(std::vector<Node> items) {
  Node node(Kind::list);
  node.items_ = std::move(items);
  return node;
}

Node Node::map() {
  return Node(Kind::map);
}

Node& Node::set(std::string_view key, Node value) {
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  if (found != keys_.end()) {
    items_[static_cast<size_t>(found - keys_.begin())] = std::move(value);
  } else {
    keys_.emplace_back(key);
    items_.push_back(std::move(value));
  }
  return *this;
}

Node& Node::set_if(bool wanted, std::string_view key, Node value) {
  return wanted ? set(key, std::move(value)) : *this;
}

Node& Node::erase(std::string_view key) {
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  if (found == keys_.end()) return *this;
  items_.erase(items_.begin() + (found - keys_.begin()));
  keys_.erase(found);
  return *this;
}

Node& Node::add(Node item) {
  items_.push_back(std::move(item));
  return *this;
}

Node& Node::extend(const Node& other) {
  for (size_t i = 0; i < other.items_.size(); ++i) {
    if (kind_ == Kind::map)
      set(other.keys_[i], other.items_[i]);
    else
      items_.push_back(other.items_[i]);
  }
  return *this;
}

const Node* Node::find(std::string_view key) const {
  const auto found = std::find(keys_.begin(), keys_.end(), key);
  return found == keys_.end() ? nullptr : &items_[static_cast<size_t>(found - keys_.begin())];
}

const Node* Node::at(std::string_view path) const {
  const Node* node = this;
  while (node != nullptr && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    node = node->find(path.substr(0, dot));
    path.remove_prefix(std::min(path.size(), dot + 1));
  }
  return node;
}

std::string Node::text_at(std::string_view path) const {
  const Node* node = at(path);
  return node != nullptr && node->is_text() ? node->text() : std::string();
}

Node Node::from(std::string setting) && {
  setting_ = std::move(setting);
  return std::move(*this);
}

bool Node::operator==(const Node& other) const {
  return kind_ == other.kind_ && boolean_ == other.boolean_ && integer_ == other.integer_ &&
         text_ == other.text_ && keys_ == other.keys_ && items_ == other.items_;
}

Node map(std::initializer_list<std::pair<const char*, Node>> entries) {
  Node node = Node::map();
  for (const auto& [key, value] : entries) node.set(key, value);
  return node;
}

Node list(std::initializer_list<Node> items) {
  return Node::list(items);
}

}  // namespace swift::k8sgen
