// A schema as a list of alternatives, each one conjunction of facts: references followed, allOf merged, anyOf
// and oneOf multiplied out.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "text/grammar/facts.h"
#include "text/grammar/grammar.h"

namespace swift::text::grammar {

class Alternatives {
 public:
  // All are kept by reference.
  Alternatives(const base::Json& root, const SchemaOptions& options, Budget& budget);

  // Throws base::Error(usage): unsupported or malformed keywords, references that lead nowhere or to
  // themselves, oneOf whose branches may hold at once, too many combinations.
  std::vector<Facts> read(const Subschema& schema);

  // Types a value may have, and what additional properties must be, by the options.
  unsigned types(const Facts& facts) const;
  Subschema additional(const Facts& facts) const;

  // Whether surely no value fits both. depth: how many levels of properties and items are looked into.
  bool disjoint(const Facts& a, const Facts& b, int depth);
  bool disjoint(const Subschema& a, const Subschema& b, int depth);
  // Whether the value fits; none when it is not known here (objects and arrays with constraints).
  std::optional<bool> fits(const base::Json& value, const Facts& facts);

  Budget& budget() { return budget_; }
  const SchemaOptions& options() const { return options_; }

 private:
  std::vector<Facts> read(const base::Json& schema, const std::string& pointer, int depth);
  std::vector<Facts> branches(const base::Json& list, const std::string& pointer, int depth);
  std::vector<Facts> product(const std::vector<Facts>& a, const std::vector<Facts>& b);
  // The base with each branch; refused unless the branches exclude each other.
  std::vector<Facts> one_of_branches(const std::vector<Facts>& base, const base::Json& list,
                                     const std::string& pointer, int depth);
  const base::Json& referenced(const base::Json& reference, const std::string& pointer,
                               std::string& target) const;

  const base::Json& root_;
  const SchemaOptions& options_;
  Budget& budget_;
  std::set<std::string> following_;  // references on the way to what is being read
};

}  // namespace swift::text::grammar
