#include "infer/server/constraint_compiler.h"

#include <deque>
#include <mutex>
#include <utility>

#include "infer/server/api_error.h"
#include "text/grammar/grammar.h"

namespace swift::infer::server {
namespace {

using GrammarPtr = std::shared_ptr<const text::Grammar>;

constexpr size_t kKept = 64;

struct Cache {
  std::shared_ptr<const text::Vocabulary> vocabulary;
  std::mutex mutex;
  std::deque<std::pair<std::string, GrammarPtr>> grammars;  // newest first

  GrammarPtr find(const std::string& key) {
    const std::lock_guard lock(mutex);
    for (const auto& [known, grammar] : grammars) {
      if (known == key) return grammar;
    }
    return nullptr;
  }
  void keep(const std::string& key, const GrammarPtr& grammar) {
    const std::lock_guard lock(mutex);
    grammars.emplace_front(key, grammar);
    if (grammars.size() > kKept) grammars.pop_back();
  }
};

GrammarPtr compiled(const Constraint& constraint) {
  switch (constraint.kind) {
    case Constraint::Kind::json_schema:
      return text::compile_json_schema(constraint.value, {.indented = true});
    case Constraint::Kind::json_object:
      return text::compile_json_object();
    case Constraint::Kind::regex:
      return text::compile_regex(constraint.value.get<std::string>());
    case Constraint::Kind::choice:
      return text::compile_choice(constraint.value.get<std::vector<std::string>>());
    default:
      return text::compile_grammar(constraint.value.get<std::string>());
  }
}

}  // namespace

GrammarCompiler grammar_compiler(const text::Tokenizer& tokenizer) {
  auto cache = std::make_shared<Cache>();
  cache->vocabulary = text::Vocabulary::of(tokenizer);
  return [cache](const Constraint& constraint) -> std::shared_ptr<const text::TokenMatcher> {
    const std::string key = std::to_string(static_cast<int>(constraint.kind)) + dump(constraint.value);
    GrammarPtr grammar = cache->find(key);
    if (!grammar) {
      grammar = compiled(constraint);
      cache->keep(key, grammar);
    }
    return text::matcher(grammar, cache->vocabulary);
  };
}

}  // namespace swift::infer::server
