// Languages that an answer can be held to, compiled once and shared by any number of answers.
//
// Everything becomes one form: rules, each a finite automaton over bytes that may call other rules (a
// pushdown automaton). Outputs are whole texts of the language in UTF-8; nothing comes before or after them.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/grammar/budget.h"
#include "text/grammar/token_matcher.h"
#include "text/grammar/vocabulary.h"

namespace swift::text {

namespace grammar {
struct Program;
class Machine;
}  // namespace grammar

// Immutable to its users; safe to use from several threads at once.
class Grammar {
 public:
  explicit Grammar(grammar::Program program);
  ~Grammar();
  const grammar::Program& program() const { return *program_; }
  // What masks have been found for this vocabulary; made on first use, shared by all matchers of the two.
  std::shared_ptr<grammar::Machine> machine(const std::shared_ptr<const Vocabulary>& vocabulary) const;

 private:
  struct Machines;
  std::shared_ptr<const grammar::Program> program_;
  std::unique_ptr<Machines> machines_;
};

// How a schema is read.
struct SchemaOptions {
  // As JSON Schema says: an object may have more properties than those listed unless additionalProperties
  // forbids it, and a keyword of one type says nothing about the others. Otherwise objects that list
  // properties are closed, and keywords of one type imply it when `type` is missing (as in OpenAI's strict
  // mode).
  bool open = false;
  // Also admits line breaks with up to 32 blanks of indentation where JSON allows whitespace.
  bool indented = false;
};

// Every compile_* throws base::Error(usage): malformed input with its place, an unsupported keyword with its
// JSON pointer, a language without any text, or a passed limit.

// JSON values that are valid under the schema (drafts 6 to 2020-12), written compactly: at most one blank
// after ':' and ',', properties in the order of the schema and then the others. Keywords: schema_compiler.h.
std::shared_ptr<const Grammar> compile_json_schema(const base::Json& schema,
                                                   const SchemaOptions& options = {},
                                                   const CompileLimits& limits = {});
// Any JSON object.
std::shared_ptr<const Grammar> compile_json_object(const CompileLimits& limits = {});
// Texts that the pattern matches whole. Syntax: regex.h.
std::shared_ptr<const Grammar> compile_regex(std::string_view pattern, const CompileLimits& limits = {});
// One of the texts.
std::shared_ptr<const Grammar> compile_choice(const std::vector<std::string>& choices,
                                              const CompileLimits& limits = {});
// A grammar as llama.cpp writes it (GBNF); the language is that of the rule `root`. Syntax: gbnf.cc.
std::shared_ptr<const Grammar> compile_grammar(std::string_view text, const CompileLimits& limits = {});

// A fresh matcher. The grammar and the vocabulary live as long as it does.
std::unique_ptr<TokenMatcher> matcher(std::shared_ptr<const Grammar> grammar,
                                      std::shared_ptr<const Vocabulary> vocabulary);

}  // namespace swift::text
