// The tokens of a vocabulary as a trie of their bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace swift::text {

// Immutable; built once per tokenizer and shared between threads. Special tokens and tokens without bytes are
// not in the trie, so no grammar ever allows them.
class Vocabulary {
 public:
  // tokens[i]: bytes of token i; empty ones are left out.
  explicit Vocabulary(std::vector<std::string> tokens);
  static std::shared_ptr<const Vocabulary> of(const Tokenizer& tokenizer);

  // Nodes in preorder; node 0 is the root. The tokens that end at node i are sorted_tokens() from first_token
  // of node i to that of node i + 1.
  struct Node {
    uint32_t after;        // the node that follows the subtree
    uint32_t first_token;  // index into sorted_tokens()
    uint16_t depth;        // bytes from the root
    uint8_t byte;          // on the edge to this node
  };
  size_t node_count() const { return nodes_.size() - 1; }
  const Node& node(size_t i) const { return nodes_[i]; }  // i == node_count(): the end
  const std::vector<int32_t>& sorted_tokens() const { return sorted_; }
  size_t longest() const { return longest_; }  // bytes of the longest token

  size_t size() const { return tokens_.size(); }  // 1 + the largest id
  size_t words() const { return (size() + 63) / 64; }
  // Empty for ids that are not in the trie.
  std::string_view bytes(int32_t token) const;

 private:
  std::vector<std::string> tokens_;
  std::vector<int32_t> sorted_;
  std::vector<Node> nodes_;
  size_t longest_ = 0;
};

}  // namespace swift::text
