// The `loop` variable of a for loop: position, neighbours and length, read from the iterator on demand.
#pragma once
#include <optional>

#include "text/jinja/value.h"

namespace swift::text::jinja {

struct Loop : Object {
  Loop(Runtime& rt, const Value& source, std::shared_ptr<Iterator> items);
  bool advance(Runtime& rt, Value& out);  // false at the end
  int64_t length(Runtime& rt);            // of a generator: reads the rest
  bool last(Runtime& rt);
  // An attribute of the loop; a missing Value when there is none of this name.
  Value attribute(Runtime& rt, const Value& self, std::string_view name);
  bool changed(Runtime& rt, const Value& self, std::vector<Value> values);
  void release() override { last_changed = Value(); }

  int64_t index0 = -1;

 private:
  bool peek(Runtime& rt);
  std::shared_ptr<Iterator> iterator;
  std::optional<int64_t> known_length;
  Value before, current, after;  // missing where there is none
  Value last_changed;
};

// A loop is its own iterator: taking items from it advances it.
std::shared_ptr<Iterator> loop_iterator(const Value& loop);

}  // namespace swift::text::jinja
