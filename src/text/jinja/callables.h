// Functions and methods written in C++ that templates call, and how they read their arguments.
#pragma once
#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "text/jinja/value.h"

namespace swift::text::jinja {

using MethodFn = Value (*)(Runtime&, const Value& self, Args& args);

// A method and the value it belongs to; `self` is none for plain functions.
struct Method : Callable {
  Value call(Runtime& rt, Args& args) override { return function(rt, self, args); }
  std::string repr() const override;
  std::string name;
  Value self = Value::none();
  MethodFn function = nullptr;
};

Value bind_method(std::string_view name, const Value& self, MethodFn function);

// Assigns the arguments of a call to named parameters, as Python does.
class Parameters {
 public:
  // The first `required` parameters must be given. Throws Fault for missing, unknown or surplus arguments.
  Parameters(std::string_view function, const Args& args, std::initializer_list<std::string_view> names,
             size_t required = 0);
  bool has(size_t i) const { return values_[i] != nullptr; }
  bool given(size_t i) const { return values_[i] && !values_[i]->is(Kind::none); }  // and not None
  const Value& operator[](size_t i) const { return *values_[i]; }
  // The parameter as this type, or the default when absent. Throws Fault for other types.
  int64_t integer(size_t i, int64_t otherwise) const;
  bool boolean(size_t i, bool otherwise) const;
  bool flag(size_t i, bool otherwise) const;  // an integer or boolean only
  const std::string& text(size_t i) const;

 private:
  std::string_view function_;
  std::array<const Value*, 6> values_{};
};

// The integer of an integral value. Throws Fault "'str' object cannot be interpreted as an integer".
int64_t index_of(const Value& value);
// The text of a string. Throws Fault "what must be str, not int".
const std::string& text_of(const Value& value, std::string_view what);

}  // namespace swift::text::jinja
