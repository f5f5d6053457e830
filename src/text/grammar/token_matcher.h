// What an answer may still become: a language over bytes, seen through the tokens of one vocabulary.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

namespace swift::text {

// State of one answer. Not shared between answers: clone() before the first token.
class TokenMatcher {
 public:
  virtual ~TokenMatcher() = default;
  virtual std::unique_ptr<TokenMatcher> clone() const = 0;
  // Sets the bit of every token that may come next, bit i % 64 of word i / 64, and clears the others. words:
  // (vocab + 63) / 64. Tokens that end an answer are not among them: may_end() speaks for those.
  virtual void allowed(std::span<uint64_t> words) = 0;
  // Whether what has been accepted is complete.
  virtual bool may_end() const = 0;
  // Takes the token; false when it may not come next, and the state is then unchanged.
  virtual bool accept(int32_t token) = 0;
};

}  // namespace swift::text
