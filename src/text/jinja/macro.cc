// Calling a macro: binding its arguments as jinja2's Macro does, then running its body.
#include "text/jinja/interpreter.h"
#include "text/jinja/print.h"

namespace swift::text::jinja {
namespace {

// Removes and returns a keyword argument; missing when it was not given.
Value take_named(Args& args, const std::string& name) {
  for (size_t i = 0; i < args.named.size(); ++i) {
    if (args.named[i].first != name) continue;
    Value value = std::move(args.named[i].second);
    args.named.erase(args.named.begin() + static_cast<std::ptrdiff_t>(i));
    return value;
  }
  return Value();
}

Value named_as_dict(Runtime& rt, const Args& args) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : args.named) dict->set(rt, make_text(rt, name), value);
  return make_dict(rt, std::move(dict));
}

}  // namespace

Value Macro::call(Runtime& rt, Args& args) {
  const DepthGuard guard(rt);
  auto variables = std::make_shared<Activation>();
  rt.allocate(sizeof(Activation) + static_cast<size_t>(function.slots) * sizeof(Value));
  variables->slots.resize(static_cast<size_t>(function.slots));
  variables->outer = outer;
  if (function.captured) rt.keep(variables);
  auto& slots = variables->slots;
  const size_t count = function.parameters.size();
  const auto slot = [&](int index) -> Value& { return slots[static_cast<size_t>(index)]; };
  const std::string title = function.name.empty() ? "None" : "'" + function.name + "'";

  for (size_t i = 0; i < count; ++i) {
    Value& value = slot(function.parameters[i]->slot.index);
    value = i < args.positional.size() ? args.positional[i] : take_named(args, function.parameters[i]->name);
  }
  if (function.caller_slot >= 0) {
    Value caller = take_named(args, "caller");
    const bool absent = caller.is(Kind::missing) || caller.is(Kind::none);
    slot(function.caller_slot) = absent ? make_undefined("No caller defined") : std::move(caller);
  }
  if (function.kwargs_slot >= 0) {
    slot(function.kwargs_slot) = named_as_dict(rt, args);
  } else if (!args.named.empty()) {
    for (const auto& [name, value] : args.named) {
      if (name != "caller") continue;
      throw Fault("macro " + title +
                  " was invoked with two values for the special caller argument. This is most likely a bug.");
    }
    throw Fault("macro " + title + " takes no keyword argument '" + args.named.front().first + "'");
  }
  if (function.varargs_slot >= 0) {
    std::vector<Value> rest;
    for (size_t i = count; i < args.positional.size(); ++i) rest.push_back(args.positional[i]);
    slot(function.varargs_slot) = make_tuple(rt, std::move(rest));
  } else if (args.positional.size() > count) {
    throw Fault("macro " + title + " takes not more than " + std::to_string(count) + " argument(s)");
  }

  Interpreter interpreter(rt, variables);
  interpreter.enter(function.scope);
  const size_t first_default = count - function.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    if (!slot(function.parameters[i]->slot.index).is(Kind::missing)) continue;
    Value value = i >= first_default
                      ? interpreter.eval(*function.defaults[i - first_default])
                      : make_undefined("parameter '" + function.parameters[i]->name + "' was not provided");
    slot(function.parameters[i]->slot.index) = std::move(value);
  }
  std::string out;
  interpreter.run(function.body, out);
  return make_text(rt, std::move(out));
}

std::string Macro::repr() const {
  return function.name.empty() ? "<Macro anonymous>" : "<Macro " + repr_of_text(function.name) + ">";
}

Value Macro::attribute(std::string_view name) const {
  if (name == "name") return function.name.empty() ? Value::none() : Value::text(function.name);
  if (name == "catch_kwargs") return Value::boolean(function.kwargs_slot >= 0);
  if (name == "catch_varargs") return Value::boolean(function.varargs_slot >= 0);
  if (name == "caller") return Value::boolean(function.caller_slot >= 0);
  return Value();
}

}  // namespace swift::text::jinja
