// Which variables a scope reads and writes, and where they come from: the rules of jinja2's identifier
// tracking. A scope that assigns a name has a variable of its own, which begins as a copy of the outer one.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "text/jinja/ast.h"

namespace swift::text::jinja {

// A function while its variables are numbered.
struct FunctionScope {
  Function* function = nullptr;
  int level = 0;
};

class Symbols {
 public:
  Symbols(const Symbols* parent, FunctionScope function)
      : parent_(parent), function_(function), slots_(std::make_shared<std::map<std::string, int>>()) {}

  void load(const std::string& name);
  void store(const std::string& name);
  int declare_parameter(const std::string& name);  // the slot
  // After the branches of an if were followed on copies of this.
  void merge(const std::vector<Symbols>& branches);
  // The variable as code in this scope reaches it.
  Slot slot(const std::string& name) const;
  Scope scope() const;
  const FunctionScope& function() const { return function_; }

 private:
  struct Ref {
    int level;
    int index;
  };
  struct Source {
    enum class Kind : uint8_t { parameter, variables, outer, nothing } kind = Kind::parameter;
    Ref outer{};
  };
  std::optional<Ref> find(const std::string& name) const;
  int define(const std::string& name, Source source);

  const Symbols* parent_;
  FunctionScope function_;
  std::shared_ptr<std::map<std::string, int>> slots_;  // shared with the copies for branches
  std::map<std::string, Ref> refs_;
  std::map<std::string, Source> loads_;
  std::set<std::string> stores_;
};

// Follow a block, statement or expression and record what it reads and writes in this scope; scopes inside
// are followed only as far as they are evaluated in this one.
void collect(const Block& block, Symbols& symbols);
void collect(const Expr* expr, Symbols& symbols);
// Names assigned by a target; as_parameters for loop variables.
void collect_target(const Expr& target, Symbols& symbols, bool as_parameters);

// Which of the names a block reads before assigning them, scopes inside included.
std::set<std::string> undeclared(const Block& block, std::set<std::string> names);

}  // namespace swift::text::jinja
