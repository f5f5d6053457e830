#include "text/jinja/symbols.h"

#include "text/jinja/walk.h"

namespace swift::text::jinja {

std::optional<Symbols::Ref> Symbols::find(const std::string& name) const {
  for (const Symbols* scope = this; scope; scope = scope->parent_) {
    if (const auto found = scope->refs_.find(name); found != scope->refs_.end()) return found->second;
  }
  return std::nullopt;
}

int Symbols::define(const std::string& name, Source source) {
  const auto [at, is_new] = slots_->try_emplace(name, function_.function->slots);
  if (is_new) ++function_.function->slots;
  refs_[name] = Ref{function_.level, at->second};
  loads_[name] = source;
  return at->second;
}

void Symbols::load(const std::string& name) {
  if (!find(name)) define(name, {Source::Kind::variables});
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (refs_.count(name)) return;
  const std::optional<Ref> outer = parent_ ? parent_->find(name) : std::nullopt;
  if (outer) {
    define(name, {Source::Kind::outer, *outer});
  } else {
    define(name, {Source::Kind::nothing});
  }
}

int Symbols::declare_parameter(const std::string& name) {
  stores_.insert(name);
  return define(name, {Source::Kind::parameter});
}

void Symbols::merge(const std::vector<Symbols>& branches) {
  std::set<std::string> stored;
  for (const Symbols& branch : branches) stored.insert(branch.stores_.begin(), branch.stores_.end());
  for (const std::string& name : stores_) stored.erase(name);
  for (const Symbols& branch : branches) {
    for (const auto& [name, ref] : branch.refs_) refs_[name] = ref;
    for (const auto& [name, source] : branch.loads_) loads_[name] = source;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // What only some branches assign has its value from before the if.
  for (const std::string& name : stored) {
    const std::optional<Ref> outer = parent_ ? parent_->find(name) : std::nullopt;
    loads_[name] = outer ? Source{Source::Kind::outer, *outer} : Source{Source::Kind::variables};
  }
}

Slot Symbols::slot(const std::string& name) const {
  const std::optional<Ref> ref = find(name);
  if (!ref) return Slot{};
  return Slot{function_.level - ref->level, ref->index};
}

Scope Symbols::scope() const {
  Scope scope;
  for (const auto& [name, source] : loads_) {
    if (source.kind == Source::Kind::parameter) continue;
    Load load;
    load.slot = refs_.at(name).index;
    load.name = name;
    if (source.kind == Source::Kind::variables) load.source = Load::Source::variables;
    if (source.kind == Source::Kind::outer) {
      load.source = Load::Source::outer;
      load.outer = Slot{function_.level - source.outer.level, source.outer.index};
    }
    scope.push_back(std::move(load));
  }
  return scope;
}

void collect(const Expr* expr, Symbols& symbols) {
  if (!expr) return;
  if (expr->kind == Expr::Kind::name) {
    symbols.load(static_cast<const NameExpr*>(expr)->name);
    return;
  }
  for_each_child(*expr, [&symbols](const Expr* child) { collect(child, symbols); });
}

void collect_target(const Expr& target, Symbols& symbols, bool as_parameters) {
  if (target.kind == Expr::Kind::name) {
    const std::string& name = static_cast<const NameExpr&>(target).name;
    if (as_parameters) {
      symbols.declare_parameter(name);
    } else {
      symbols.store(name);
    }
  } else if (target.kind == Expr::Kind::attribute_target) {
    symbols.load(static_cast<const AttributeTarget&>(target).name);
  } else {
    for (const ExprPtr& item : static_cast<const ItemsExpr&>(target).items) {
      collect_target(*item, symbols, as_parameters);
    }
  }
}

namespace {

void collect_if(const IfStmt& node, Symbols& symbols) {
  collect(node.branches.front().first.get(), symbols);
  std::vector<Symbols> branches;
  for (size_t i = 0; i < node.branches.size(); ++i) {
    Symbols branch = symbols;
    // The first condition was followed outside; the others belong to their branch.
    if (i > 0) collect(node.branches[i].first.get(), branch);
    collect(node.branches[i].second, branch);
    branches.push_back(std::move(branch));
  }
  Symbols otherwise = symbols;
  collect(node.otherwise, otherwise);
  branches.push_back(std::move(otherwise));
  symbols.merge(branches);
}

void collect(const Stmt& node, Symbols& symbols) {
  switch (node.kind) {
    case Stmt::Kind::output:
      for (const auto& piece : static_cast<const OutputStmt&>(node).pieces)
        collect(piece.expr.get(), symbols);
      return;
    case Stmt::Kind::set:
      collect(static_cast<const SetStmt&>(node).value.get(), symbols);
      collect_target(*static_cast<const SetStmt&>(node).target, symbols, false);
      return;
    case Stmt::Kind::set_block:
      collect_target(*static_cast<const SetBlockStmt&>(node).target, symbols, false);
      return;
    case Stmt::Kind::for_loop:
      collect(static_cast<const ForStmt&>(node).items.get(), symbols);
      return;
    case Stmt::Kind::if_chain:
      collect_if(static_cast<const IfStmt&>(node), symbols);
      return;
    case Stmt::Kind::macro:
      symbols.store(static_cast<const MacroStmt&>(node).function.name);
      return;
    case Stmt::Kind::call_block:
      collect(static_cast<const CallBlockStmt&>(node).call.get(), symbols);
      return;
    case Stmt::Kind::filter_block:
      collect(static_cast<const FilterBlockStmt&>(node).filter.get(), symbols);
      return;
    case Stmt::Kind::with:
      for (const ExprPtr& value : static_cast<const WithStmt&>(node).values) collect(value.get(), symbols);
      return;
    default:
      return;
  }
}

}  // namespace

void collect(const Block& block, Symbols& symbols) {
  for (const auto& node : block) collect(*node, symbols);
}

}  // namespace swift::text::jinja
