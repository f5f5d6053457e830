// Visiting the children of a syntax tree in source order.
#pragma once
#include "text/jinja/ast.h"

namespace swift::text::jinja {

template <class Visit>
void for_each_argument(const Arguments& args, Visit visit) {
  for (const ExprPtr& value : args.positional) visit(value.get());
  for (const auto& [name, value] : args.named) visit(value.get());
  if (args.star) visit(args.star.get());
  if (args.double_star) visit(args.double_star.get());
}

// Calls visit(const Expr*) for every direct child.
template <class Visit>
void for_each_child(const Expr& expr, Visit visit) {
  const auto some = [&visit](const ExprPtr& child) {
    if (child) visit(static_cast<const Expr*>(child.get()));
  };
  switch (expr.kind) {
    case Expr::Kind::constant:
    case Expr::Kind::name:
    case Expr::Kind::attribute_target:
      return;
    case Expr::Kind::tuple:
    case Expr::Kind::list:
    case Expr::Kind::concat:
      for (const ExprPtr& item : static_cast<const ItemsExpr&>(expr).items) some(item);
      return;
    case Expr::Kind::dict:
      for (const auto& [key, value] : static_cast<const DictExpr&>(expr).entries) {
        some(key);
        some(value);
      }
      return;
    case Expr::Kind::unary:
      some(static_cast<const UnaryExpr&>(expr).operand);
      return;
    case Expr::Kind::binary:
    case Expr::Kind::logic:
      some(static_cast<const BinaryExpr&>(expr).left);
      some(static_cast<const BinaryExpr&>(expr).right);
      return;
    case Expr::Kind::comparison:
      some(static_cast<const ComparisonExpr&>(expr).first);
      for (const auto& [op, value] : static_cast<const ComparisonExpr&>(expr).rest) some(value);
      return;
    case Expr::Kind::attribute:
      some(static_cast<const AttributeExpr&>(expr).object);
      return;
    case Expr::Kind::subscript:
      some(static_cast<const SubscriptExpr&>(expr).object);
      some(static_cast<const SubscriptExpr&>(expr).index);
      return;
    case Expr::Kind::slice:
      some(static_cast<const SliceExpr&>(expr).start);
      some(static_cast<const SliceExpr&>(expr).stop);
      some(static_cast<const SliceExpr&>(expr).step);
      return;
    case Expr::Kind::call:
      some(static_cast<const CallExpr&>(expr).callee);
      for_each_argument(static_cast<const CallExpr&>(expr).arguments, visit);
      return;
    case Expr::Kind::filter:
      some(static_cast<const FilterExpr&>(expr).subject);
      for_each_argument(static_cast<const FilterExpr&>(expr).arguments, visit);
      return;
    case Expr::Kind::test:
      some(static_cast<const TestExpr&>(expr).subject);
      for_each_argument(static_cast<const TestExpr&>(expr).arguments, visit);
      return;
    case Expr::Kind::conditional:
      some(static_cast<const ConditionalExpr&>(expr).test);
      some(static_cast<const ConditionalExpr&>(expr).then);
      some(static_cast<const ConditionalExpr&>(expr).otherwise);
      return;
  }
}

}  // namespace swift::text::jinja
