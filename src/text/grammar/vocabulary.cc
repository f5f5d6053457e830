#include "text/grammar/vocabulary.h"

#include <algorithm>

namespace swift::text {

namespace {

constexpr size_t longest_token = 4096;  // longer ones are left out: depths are 16 bits wide

size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + std::min(a.size(), b.size()), b.begin()).first - a.begin());
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].size() > longest_token) tokens_[i].clear();
    if (!tokens_[i].empty()) sorted_.push_back(static_cast<int32_t>(i));
    longest_ = std::max(longest_, tokens_[i].size());
  }
  std::sort(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) {
    const int order = tokens_[a].compare(tokens_[b]);
    return order != 0 ? order < 0 : a < b;
  });
  nodes_.push_back({0, 0, 0, 0});
  std::vector<uint32_t> path{0};  // node at each depth of the token before
  std::string_view before;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back())
      nodes_[path.back()].after = static_cast<uint32_t>(nodes_.size());
  };
  for (size_t i = 0; i < sorted_.size(); ++i) {
    const std::string_view token = tokens_[sorted_[i]];
    close(common_prefix(before, token));
    for (size_t depth = path.size(); depth <= token.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(i), static_cast<uint16_t>(depth),
                        static_cast<uint8_t>(token[depth - 1])});
    }
    before = token;
  }
  close(0);
  nodes_[0].after = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({0, static_cast<uint32_t>(sorted_.size()), 0, 0});
}

std::shared_ptr<const Vocabulary> Vocabulary::of(const Tokenizer& tokenizer) {
  std::vector<std::string> tokens(tokenizer.vocab_size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!tokenizer.is_special(id)) tokens[i] = tokenizer.bytes_of(id);
  }
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

std::string_view Vocabulary::bytes(int32_t token) const {
  if (token < 0 || static_cast<size_t>(token) >= tokens_.size()) return {};
  return tokens_[static_cast<size_t>(token)];
}

}  // namespace swift::text
