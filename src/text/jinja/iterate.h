// Python's iteration protocol over template values.
#pragma once
#include <optional>
#include <vector>

#include "text/jinja/value.h"

namespace swift::text::jinja {

bool iterable(const Value& value);
// iter(value). Throws Fault "'int' object is not iterable".
std::shared_ptr<Iterator> iterate(Runtime& rt, const Value& value);
// list(value).
std::vector<Value> to_vector(Runtime& rt, const Value& value);
// len(value), or nothing for values without a length.
std::optional<int64_t> length_of(Runtime& rt, const Value& value);
// reversed(value): nullptr when the value cannot be reversed.
std::shared_ptr<Iterator> reverse_iterate(Runtime& rt, const Value& value);
// The items of a range, list, tuple or string by index (not negative, in range).
Value item_at(Runtime& rt, const Value& sequence, int64_t index);
// An iterator over items that exist already.
std::shared_ptr<Iterator> iterate_items(std::vector<Value> items);

}  // namespace swift::text::jinja
