// The parsed template. Names are bound to slots of the function that owns them (see binder.h), so rendering
// looks up nothing by name except the variables passed in.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/filters.h"
#include "text/jinja/tests.h"
#include "text/jinja/value.h"

namespace swift::text::jinja {

// A variable: `hops` functions outwards, then its index there.
struct Slot {
  int hops = 0;
  int index = -1;
};

struct Expr {
  enum class Kind : uint8_t {
    constant,
    name,
    attribute_target,
    tuple,
    list,
    dict,
    unary,
    binary,
    logic,
    comparison,
    concat,
    attribute,
    subscript,
    slice,
    call,
    filter,
    test,
    conditional,
  };
  Expr(Kind k, int at) : kind(k), line(at) {}
  virtual ~Expr() = default;
  Kind kind;
  int line;
  int depth = 1;
};
using ExprPtr = std::unique_ptr<Expr>;

struct ConstantExpr : Expr {
  ConstantExpr(int at, Value v) : Expr(Kind::constant, at), value(std::move(v)) {}
  Value value;
};

struct NameExpr : Expr {
  NameExpr(int at, std::string n) : Expr(Kind::name, at), name(std::move(n)) {}
  std::string name;
  Slot slot;
};

// ns.attribute as the target of a set.
struct AttributeTarget : Expr {
  AttributeTarget(int at, std::string n, std::string a)
      : Expr(Kind::attribute_target, at), name(std::move(n)), attribute(std::move(a)) {}
  std::string name, attribute;
  Slot slot;
};

struct ItemsExpr : Expr {  // tuple, list, concat
  using Expr::Expr;
  std::vector<ExprPtr> items;
};

struct DictExpr : Expr {
  explicit DictExpr(int at) : Expr(Kind::dict, at) {}
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};

enum class Op : uint8_t {
  add,
  sub,
  mul,
  div,
  floordiv,
  mod,
  pow,
  neg,
  pos,
  not_,
  and_,
  or_,
  eq,
  ne,
  gt,
  ge,
  lt,
  le,
  in,
  not_in
};

struct UnaryExpr : Expr {
  UnaryExpr(int at, Op o) : Expr(Kind::unary, at), op(o) {}
  Op op;
  ExprPtr operand;
};

struct BinaryExpr : Expr {  // arithmetic and logic
  BinaryExpr(Kind k, int at, Op o) : Expr(k, at), op(o) {}
  Op op;
  ExprPtr left, right;
};

struct ComparisonExpr : Expr {  // a < b <= c …
  explicit ComparisonExpr(int at) : Expr(Kind::comparison, at) {}
  ExprPtr first;
  std::vector<std::pair<Op, ExprPtr>> rest;
};

struct AttributeExpr : Expr {
  AttributeExpr(int at, std::string n) : Expr(Kind::attribute, at), name(std::move(n)) {}
  ExprPtr object;
  std::string name;
};

struct SubscriptExpr : Expr {
  explicit SubscriptExpr(int at) : Expr(Kind::subscript, at) {}
  ExprPtr object, index;
};

struct SliceExpr : Expr {  // only as the index of a subscript; parts may be null
  explicit SliceExpr(int at) : Expr(Kind::slice, at) {}
  ExprPtr start, stop, step;
};

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, double_star;
};

struct CallExpr : Expr {
  explicit CallExpr(int at) : Expr(Kind::call, at) {}
  ExprPtr callee;
  Arguments arguments;
};

struct FilterExpr : Expr {
  FilterExpr(int at, std::string n) : Expr(Kind::filter, at), name(std::move(n)) {}
  ExprPtr subject;  // null in a filter block: the captured text
  std::string name;
  FilterFn function = nullptr;  // null for an unknown name
  Arguments arguments;
};

struct TestExpr : Expr {
  TestExpr(int at, std::string n) : Expr(Kind::test, at), name(std::move(n)) {}
  ExprPtr subject;
  std::string name;
  TestFn function = nullptr;
  Arguments arguments;
};

struct ConditionalExpr : Expr {
  explicit ConditionalExpr(int at) : Expr(Kind::conditional, at) {}
  ExprPtr test, then, otherwise;  // otherwise may be null
};

// What a variable holds when its scope begins.
struct Load {
  enum class Source : uint8_t { variables, outer, nothing };
  int slot = 0;
  Source source = Source::nothing;
  std::string name;  // of the template variable
  Slot outer;
};
using Scope = std::vector<Load>;

struct Stmt {
  enum class Kind : uint8_t {
    output,
    set,
    set_block,
    for_loop,
    if_chain,
    macro,
    call_block,
    filter_block,
    with,
    scope,
    break_loop,
    continue_loop,
  };
  Stmt(Kind k, int at) : kind(k), line(at) {}
  virtual ~Stmt() = default;
  Kind kind;
  int line;
};
using Block = std::vector<std::unique_ptr<Stmt>>;

struct OutputStmt : Stmt {
  explicit OutputStmt(int at) : Stmt(Kind::output, at) {}
  struct Piece {
    std::string text;
    ExprPtr expr;  // null for text
  };
  std::vector<Piece> pieces;
};

struct SetStmt : Stmt {
  explicit SetStmt(int at) : Stmt(Kind::set, at) {}
  ExprPtr target, value;
};

struct SetBlockStmt : Stmt {
  explicit SetBlockStmt(int at) : Stmt(Kind::set_block, at) {}
  ExprPtr target, filter;  // filter may be null
  Block body;
  Scope scope;
};

struct ForStmt : Stmt {
  explicit ForStmt(int at) : Stmt(Kind::for_loop, at) {}
  ExprPtr target, items;
  ExprPtr test_target, test;  // of `for … if`: the test has variables of its own; null without a test
  Block body, otherwise;
  Scope scope, otherwise_scope, test_scope;
  int loop_slot = -1;  // of the variable `loop`, when the body uses it
};

struct IfStmt : Stmt {
  explicit IfStmt(int at) : Stmt(Kind::if_chain, at) {}
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};

// A function of its own: a macro, the body of a call block, or the whole template.
struct Function {
  std::string name;  // empty for call blocks
  int line = 1;
  std::vector<std::unique_ptr<NameExpr>> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Block body;
  Scope scope;
  int slots = 0;
  bool captured = false;  // its variables may outlive it or be part of a cycle
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;  // special variables the body uses
};

struct MacroStmt : Stmt {
  explicit MacroStmt(int at) : Stmt(Kind::macro, at) {}
  Function function;
  Slot slot;
};

struct CallBlockStmt : Stmt {
  explicit CallBlockStmt(int at) : Stmt(Kind::call_block, at) {}
  Function function;
  ExprPtr call;
};

struct FilterBlockStmt : Stmt {
  explicit FilterBlockStmt(int at) : Stmt(Kind::filter_block, at) {}
  ExprPtr filter;
  Block body;
  Scope scope;
};

struct WithStmt : Stmt {
  explicit WithStmt(int at) : Stmt(Kind::with, at) {}
  std::vector<ExprPtr> targets, values;
  Block body;
  Scope scope;
};

struct ScopeStmt : Stmt {  // {% generation %}
  explicit ScopeStmt(int at) : Stmt(Kind::scope, at) {}
  Block body;
  Scope scope;
};

}  // namespace swift::text::jinja
