#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"

namespace swift::text {
namespace {

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  size_t at = previous_start(text, text.size());
  return is_word(next_code_point(text, at));
}

bool starts_with_word(std::string_view text) {
  size_t at = 0;
  return !text.empty() && is_word(next_code_point(text, at));
}

// Start of the white space that ends at `end`, not before `least`.
size_t spaces_before(std::string_view text, size_t end, size_t least) {
  while (end > least) {
    const size_t start = previous_start(text, end);
    size_t at = start;
    if (!is_whitespace(next_code_point(text, at))) break;
    end = start;
  }
  return end;
}

size_t spaces_after(std::string_view text, size_t begin) {
  while (begin < text.size()) {
    size_t next = begin;
    if (!is_whitespace(next_code_point(text, next))) break;
    begin = next;
  }
  return begin;
}

AddedToken read_token(const Node& node) {
  AddedToken token;
  const Node id = node.at("id");
  const int64_t value = id.integer();
  if (value < 0 || value > kLargestTokenId) {
    id.fail("id out of range, expected 0 to " + std::to_string(kLargestTokenId));
  }
  token.id = static_cast<int32_t>(value);
  token.content = node.string("content");
  token.special = node.boolean("special", false);
  token.lstrip = node.boolean("lstrip", false);
  token.rstrip = node.boolean("rstrip", false);
  token.single_word = node.boolean("single_word", false);
  token.normalized = node.boolean("normalized", !token.special);
  return token;
}

}  // namespace

void TextTrie::add(std::string_view text, uint32_t value) {
  if (text.empty()) return;
  first_[static_cast<unsigned char>(text[0])] = true;
  uint32_t at = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    auto& children = nodes_[at].children;
    const auto place =
        std::lower_bound(children.begin(), children.end(), std::pair<unsigned char, uint32_t>(byte, 0));
    if (place != children.end() && place->first == byte) {
      at = place->second;
      continue;
    }
    const auto created = static_cast<uint32_t>(nodes_.size());
    children.insert(place, {byte, created});
    nodes_.emplace_back();
    at = created;
  }
  nodes_[at].value = value;
}

int64_t TextTrie::longest(std::string_view text, size_t at, size_t& length) const {
  int64_t found = -1;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto& children = nodes_[node].children;
    const auto place =
        std::lower_bound(children.begin(), children.end(), std::pair<unsigned char, uint32_t>(byte, 0));
    if (place == children.end() || place->first != byte) break;
    node = place->second;
    if (nodes_[node].value >= 0) {
      found = nodes_[node].value;
      length = i + 1 - at;
    }
  }
  return found;
}

AddedTokens AddedTokens::from_node(const Node& list, const Normalizer& normalizer) {
  AddedTokens added;
  RegexScratch scratch;
  for (const Node& node : list.items()) {
    AddedToken token = read_token(node);
    if (token.content.empty()) continue;
    const auto index = static_cast<uint32_t>(added.tokens_.size());
    if (!added.by_content_.emplace(token.content, index).second) {
      node.at("content").fail("\"" + token.content + "\" stands twice in added_tokens");
    }
    if (!added.by_id_.emplace(token.id, index).second) {
      node.at("id").fail("id " + std::to_string(token.id) + " stands twice in added_tokens");
    }
    std::string storage;
    token.shown = token.normalized ? normalizer.apply(token.content, storage, scratch) : token.content;
    (token.normalized ? added.normalized_ : added.raw_).add(token.shown, index);
    added.tokens_.push_back(std::move(token));
  }
  return added;
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

void AddedTokens::split(std::string_view text, const TextTrie& trie, std::vector<Segment>& out) const {
  out.clear();
  size_t done = 0;
  size_t at = trie.empty() ? text.size() : 0;
  while (at < text.size()) {
    if (!trie.starts(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    size_t length = 0;
    const int64_t index = trie.longest(text, at, length);
    if (index < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = at, end = at + length;
    at = end;
    if (token.single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
      continue;
    if (token.lstrip) begin = spaces_before(text, begin, std::min(done, begin));
    if (token.rstrip) end = spaces_after(text, end);
    if (done < begin) out.push_back({done, begin, -1});
    out.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) out.push_back({done, text.size(), -1});
}

}  // namespace swift::text
