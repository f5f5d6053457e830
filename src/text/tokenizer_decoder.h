// The "decoder" of tokenizer.json: tokens back to bytes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_file.h"
#include "text/tokenizer_regex.h"

namespace swift::text {

// Characters cut from the ends of the whole text (Strip after Fuse).
struct EdgeStrip {
  std::string content;  // one character
  size_t left = 0;      // at most so many
  size_t right = 0;
};

class Decoder {
 public:
  Decoder() = default;  // tokens as written, a space between them
  // Throws Error(model) naming an unsupported kind and what is supported.
  static Decoder from_node(const Node& node);

  // The bytes that the token adds to the text.
  std::string bytes_of(std::string_view token) const;
  // Stands between two tokens: a space without a decoder, else nothing.
  std::string_view separator() const { return joined_ ? "" : " "; }
  const EdgeStrip& edges() const { return edges_; }
  bool has_edges() const { return edges_.left > 0 || edges_.right > 0; }

 private:
  enum class Kind { byte_level, replace, byte_fallback, strip };
  struct Step {
    Kind kind;
    Regex pattern;
    std::string content;
    size_t left = 0;
    size_t right = 0;
  };
  void add(const Node& node);
  void add_strip(const Node& node);

  std::vector<Step> steps_;  // each on one token
  EdgeStrip edges_;
  bool joined_ = false;
  bool fused_ = false;
};

// Length of the prefix or suffix of `text` made of `content`, at most `most` times.
size_t strip_length(std::string_view text, std::string_view content, size_t most, bool from_left);

}  // namespace swift::text
