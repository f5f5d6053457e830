// The compiler of constraints that a server has unless a test brings another.
#pragma once
#include "infer/server/options.h"
#include "text/tokenizer.h"

namespace swift::infer::server {

// Compiles with text/grammar.h for this vocabulary and keeps the last grammars. JSON may be indented.
GrammarCompiler grammar_compiler(const text::Tokenizer& tokenizer);

}  // namespace swift::infer::server
