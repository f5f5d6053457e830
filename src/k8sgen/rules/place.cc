#include "k8sgen/rules/place.h"

#include <fmt/format.h>

#include <algorithm>

namespace swift::k8sgen {

void Place::step(const Node* next) {
  node_ = next;
  if (node_ != nullptr && !node_->setting().empty()) setting_ = node_->setting();
}

Place Place::key(std::string_view key) const {
  Place next = *this;
  // Keys of labels and resources hold dots and slashes.
  if (key.find_first_of("./") != key.npos)
    next.path_ += fmt::format("[\"{}\"]", key);
  else
    next.path_ += fmt::format("{}{}", path_.empty() ? "" : ".", key);
  next.last_key_ = key;
  next.step(node_ != nullptr && node_->is_map() ? node_->find(key) : nullptr);
  return next;
}

Place Place::at(std::string_view path) const {
  Place next = *this;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    next = next.key(path.substr(0, dot));
    path.remove_prefix(std::min(path.size(), dot + 1));
  }
  return next;
}

std::vector<Place> Place::items() const {
  std::vector<Place> places;
  if (node_ == nullptr) return places;
  places.reserve(node_->items().size());
  if (node_->is_map()) {
    for (const std::string& name : node_->keys()) places.push_back(key(name));
  } else if (node_->is_list()) {
    for (size_t i = 0; i < node_->items().size(); ++i) {
      Place item = *this;
      item.path_ += fmt::format("[{}]", i);
      item.last_key_.clear();
      item.step(&node_->items()[i]);
      places.push_back(std::move(item));
    }
  }
  return places;
}

std::optional<int64_t> Place::integer() const {
  if (node_ == nullptr || !node_->is_integer()) return {};
  return node_->integer();
}

std::optional<bool> Place::boolean() const {
  if (node_ == nullptr || node_->kind() != Node::Kind::boolean) return {};
  return node_->boolean();
}

std::string Place::scalar() const {
  if (node_ == nullptr) return {};
  return node_->is_integer() ? std::to_string(node_->integer()) : text();
}

std::string Place::shown() const {
  if (node_ == nullptr) return "absent";
  switch (node_->kind()) {
    case Node::Kind::integer:
      return std::to_string(node_->integer());
    case Node::Kind::boolean:
      return node_->boolean() ? "true" : "false";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
    case Node::Kind::text:
      break;
  }
  const std::string& text = node_->text();
  size_t longest = 80;
  if (text.size() <= longest) return fmt::format("'{}'", text);
  // Not within a character of several bytes.
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xc0) == 0x80) --longest;
  return fmt::format("'{}…'", text.substr(0, longest));
}

void Findings::add(const Place& place, const std::string& text) {
  if (!place.setting().empty()) {
    std::string fault = place.setting() + '\n' + text;
    if (std::find(seen_.begin(), seen_.end(), fault) != seen_.end()) return;
    seen_.push_back(std::move(fault));
  }
  const Object& object = place.object();
  findings_.push_back({fmt::format("{} '{}'{}{}: {}", object.kind(), object.name(),
                                   place.path().empty() ? "" : " ", place.path(), text),
                       place.setting(), rule_});
}

}  // namespace swift::k8sgen
