#include "text/jinja/callables.h"

#include "text/jinja/runtime.h"

namespace swift::text::jinja {

std::string Method::repr() const {
  if (self.is(Kind::none)) return "<function " + name + ">";
  return "<built-in method " + name + " of " + type_name(self) + " object>";
}

Value bind_method(std::string_view name, const Value& self, MethodFn function) {
  auto method = std::make_shared<Method>();
  method->name = name;
  method->self = self;
  method->function = function;
  method->depth = deeper(self.depth());
  return Value::of(Kind::callable, std::move(method));
}

Parameters::Parameters(std::string_view function, const Args& args,
                       std::initializer_list<std::string_view> names, size_t required)
    : function_(function) {
  const std::string title = std::string(function) + "()";
  if (args.positional.size() > names.size()) {
    throw Fault(title + " takes at most " + std::to_string(names.size()) + " argument(s) (" +
                std::to_string(args.positional.size()) + " given)");
  }
  for (size_t i = 0; i < args.positional.size(); ++i) values_[i] = &args.positional[i];
  for (const auto& [name, value] : args.named) {
    size_t i = 0;
    while (i < names.size() && names.begin()[i] != name) ++i;
    if (i == names.size()) throw Fault(title + " got an unexpected keyword argument '" + name + "'");
    if (values_[i]) throw Fault(title + " got multiple values for argument '" + name + "'");
    values_[i] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!values_[i]) throw Fault(title + " misses the argument '" + std::string(names.begin()[i]) + "'");
  }
}

int64_t Parameters::integer(size_t i, int64_t otherwise) const {
  return values_[i] ? index_of(*values_[i]) : otherwise;
}

bool Parameters::boolean(size_t i, bool otherwise) const {
  return values_[i] ? truthy(*values_[i]) : otherwise;
}

bool Parameters::flag(size_t i, bool otherwise) const {
  return values_[i] ? index_of(*values_[i]) != 0 : otherwise;
}

const std::string& Parameters::text(size_t i) const {
  return text_of(*values_[i], "argument " + std::to_string(i + 1) + " of " + std::string(function_) + "()");
}

int64_t index_of(const Value& value) {
  if (value.is_integral()) return value.as_int();
  if (value.is(Kind::undefined)) throw Fault(value.as<Undefined>().message);
  throw Fault(std::string("'") + type_name(value) + "' object cannot be interpreted as an integer");
}

const std::string& text_of(const Value& value, std::string_view what) {
  if (value.is(Kind::string)) return value.as_text();
  if (value.is(Kind::undefined)) throw Fault(value.as<Undefined>().message);
  throw Fault(std::string(what) + " must be str, not " + type_name(value));
}

}  // namespace swift::text::jinja
