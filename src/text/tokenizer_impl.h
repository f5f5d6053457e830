// The stages behind Tokenizer, and the memory that its calls borrow.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_decoder.h"

namespace swift::text {

// What one encode() needs; reused so that a call allocates only its result.
struct EncodeScratch {
  RegexScratch regex;
  BpeScratch bpe;
  Words words;
  std::vector<Segment> raw;
  std::vector<Segment> normalized;
  std::string normalized_text;
};

struct Tokenizer::Impl {
  // Throws Error(model).
  explicit Impl(TokenizerFile file);

  void encode_text(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const;
  // The token's text before the decoder; empty for an id that is not used.
  std::string_view text_of(TokenId id) const;
  bool is_special(TokenId id) const;

  // One scratch per call that runs at the same time.
  std::unique_ptr<EncodeScratch> borrow() const;
  void give_back(std::unique_ptr<EncodeScratch> scratch) const;

  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  AddedTokens added;
  std::unique_ptr<Bpe> model;
  Decoder decoder;
  size_t vocab_size = 0;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<EncodeScratch>> idle_;
};

}  // namespace swift::text
