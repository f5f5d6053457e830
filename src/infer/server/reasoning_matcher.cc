#include "infer/server/reasoning_matcher.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace swift::infer::server {
namespace {

class BehindReasoning : public text::TokenMatcher {
 public:
  enum class Part { start, inside, behind };
  // What is the same for all clones.
  struct Tokens {
    std::optional<int32_t> open;  // none where the prompt holds it already
    int32_t close = 0;
    std::vector<int32_t> blanks;     // tokens of line breaks and spaces
    std::vector<int32_t> forbidden;  // inside: special tokens, as they would end the answer
    int64_t vocab = 0;
  };

  BehindReasoning(std::unique_ptr<TokenMatcher> inner, std::shared_ptr<const Tokens> tokens, Part part)
      : inner_(std::move(inner)), tokens_(std::move(tokens)), part_(part) {}

  std::unique_ptr<TokenMatcher> clone() const override {
    auto copy = std::make_unique<BehindReasoning>(inner_->clone(), tokens_, part_);
    copy->constrained_ = constrained_;
    return copy;
  }

  void allowed(std::span<uint64_t> words) override {
    if (part_ == Part::inside) {
      std::fill(words.begin(), words.end(), ~uint64_t{0});
      for (const int32_t id : tokens_->forbidden) clear(words, id);
      if (tokens_->vocab % 64 != 0) words.back() &= (uint64_t{1} << (tokens_->vocab % 64)) - 1;
      return;
    }
    inner_->allowed(words);
    if (part_ == Part::start && tokens_->open) set(words, *tokens_->open);
    if (part_ == Part::behind && !constrained_) {
      for (const int32_t id : tokens_->blanks) set(words, id);
    }
  }

  bool may_end() const override { return part_ != Part::inside && inner_->may_end(); }

  bool accept(int32_t token) override {
    if (part_ == Part::inside) {
      if (token == tokens_->close) part_ = Part::behind;
      return true;
    }
    if (part_ == Part::start && tokens_->open && token == *tokens_->open) {
      part_ = Part::inside;
      return true;
    }
    const auto& blanks = tokens_->blanks;
    const bool blank = std::find(blanks.begin(), blanks.end(), token) != blanks.end();
    if (part_ == Part::behind && !constrained_ && blank) return true;
    if (!inner_->accept(token)) return false;
    part_ = Part::behind;
    constrained_ = true;
    return true;
  }

 private:
  static void set(std::span<uint64_t> words, int32_t id) {
    words[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  static void clear(std::span<uint64_t> words, int32_t id) {
    words[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (id % 64));
  }

  std::unique_ptr<TokenMatcher> inner_;
  std::shared_ptr<const Tokens> tokens_;
  Part part_;
  bool constrained_ = false;  // `inner` has taken a token
};

}  // namespace

std::shared_ptr<const text::TokenMatcher> behind_reasoning(std::shared_ptr<const text::TokenMatcher> inner,
                                                           const text::Tokenizer& tokenizer,
                                                           int64_t vocab_size, bool open) {
  const auto begin = tokenizer.id_of("<think>");
  const auto end = tokenizer.id_of("</think>");
  if (!begin || !end) return inner;
  auto tokens = std::make_shared<BehindReasoning::Tokens>();
  if (!open) tokens->open = *begin;
  tokens->close = *end;
  tokens->vocab = vocab_size;
  for (const char* blank : {"\n", "\n\n", " "}) {
    const auto ids = tokenizer.encode(blank);
    if (ids.size() == 1) tokens->blanks.push_back(ids[0]);
  }
  const auto known = static_cast<int64_t>(tokenizer.vocab_size());
  for (int64_t id = 0; id < vocab_size; ++id) {
    const bool special = id >= known || tokenizer.is_special(static_cast<int32_t>(id));
    if (special && id != *end && id != *begin) tokens->forbidden.push_back(static_cast<int32_t>(id));
  }
  const auto part = open ? BehindReasoning::Part::inside : BehindReasoning::Part::start;
  return std::make_shared<BehindReasoning>(inner->clone(), std::move(tokens), part);
}

}  // namespace swift::infer::server
