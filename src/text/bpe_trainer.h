// Learns the merges of a byte-level BPE tokenizer from text.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace swift::text {

// A complete tokenizer.json: NFC, Qwen2's word pattern (every digit a word of its own), byte-level BPE
// without unknown tokens, and the special tokens with the highest ids. Ids 0 to 255 are the bytes, then the
// merges in the order they were learned. `vocab_size` counts bytes, merges and special tokens; fewer merges
// are learned when no pair is left that occurs twice. Depends on the texts alone, not on their order: at
// every step the most frequent pair merges, of equals the one of smallest ids. Invalid UTF-8 becomes U+FFFD.
// Throws Error(usage) when vocab_size leaves no room for bytes and special tokens, or a special token is
// empty, stands twice, or is a single byte's character.
std::string train_bpe(std::span<const std::string> texts, size_t vocab_size,
                      std::span<const std::string> special_tokens);

}  // namespace swift::text
