// object.name, object[key] and slices, with the rules of jinja2's immutable sandbox.
#pragma once
#include <string>
#include <string_view>

#include "text/jinja/callables.h"
#include "text/jinja/value.h"

namespace swift::text::jinja {

// environment.getattr: the attribute, else the item, else undefined. Throws Fault for undefined objects.
Value get_attribute(Runtime& rt, const Value& object, const std::string& name);
// environment.getitem: the item, else the attribute, else undefined. Throws Fault for undefined objects.
Value get_item(Runtime& rt, const Value& object, const Value& key);
// Only the attribute; a missing Value when Python's getattr would fail.
Value own_attribute(Runtime& rt, const Value& object, std::string_view name);
// object[start:stop:step]; absent parts are None.
Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop, const Value& step);

// value(arguments). Throws Fault when the value cannot be called.
Value call_value(Runtime& rt, const Value& callee, Args& args);

// The method of this value's type, or nullptr.
MethodFn find_method(const Value& object, std::string_view name);
MethodFn find_text_method(std::string_view name);
MethodFn find_container_method(Kind kind, std::string_view name);

}  // namespace swift::text::jinja
