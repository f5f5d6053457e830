// A constraint on what comes behind an answer's reasoning.
#pragma once
#include <memory>

#include "text/grammar/token_matcher.h"
#include "text/tokenizer.h"

namespace swift::infer::server {

// Lets an answer begin with <think>…</think> and blanks behind it, free of the constraint, and holds the rest
// to `inner`. open: the prompt ended with <think>. Without the tokens <think> and </think> in the vocabulary
// it is `inner` itself. The tokenizer must outlive it.
std::shared_ptr<const text::TokenMatcher> behind_reasoning(std::shared_ptr<const text::TokenMatcher> inner,
                                                           const text::Tokenizer& tokenizer,
                                                           int64_t vocab_size, bool open);

}  // namespace swift::infer::server
