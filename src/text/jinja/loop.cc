#include "text/jinja/loop.h"

#include "text/jinja/callables.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

struct LoopIterator : Iterator {
  explicit LoopIterator(Value value) : loop(std::move(value)) {}
  bool next(Runtime& rt, Value& out) override {
    const DepthGuard guard(rt);
    Value item;
    if (!loop.as<Loop>().advance(rt, item)) return false;
    out = make_tuple(rt, {item, loop});
    return true;
  }
  Value loop;
};

Value cycle(Runtime&, const Value& self, Args& args) {
  if (args.positional.empty()) throw Fault("no items for cycling given");
  if (!args.named.empty()) throw Fault("cycle() takes no keyword arguments");
  const auto position = static_cast<size_t>(self.as<Loop>().index0);
  return args.positional[position % args.positional.size()];
}

Value has_changed(Runtime& rt, const Value& self, Args& args) {
  if (!args.named.empty()) throw Fault("changed() takes no keyword arguments");
  return Value::boolean(self.as<Loop>().changed(rt, self, std::move(args.positional)));
}

}  // namespace

Loop::Loop(Runtime& rt, const Value& source, std::shared_ptr<Iterator> items) : iterator(std::move(items)) {
  depth = deeper(std::max<int>(source.depth(), iterator->depth));
  if (!source.is(Kind::missing) && !source.is(Kind::loop)) known_length = length_of(rt, source);
}

bool Loop::peek(Runtime& rt) {
  if (!after.is(Kind::missing)) return true;
  Value item;
  if (!iterator->next(rt, item)) return false;
  after = std::move(item);
  return true;
}

bool Loop::advance(Runtime& rt, Value& out) {
  if (!peek(rt)) return false;
  ++index0;
  before = std::move(current);
  current = std::move(after);
  after = Value();
  out = current;
  return true;
}

int64_t Loop::length(Runtime& rt) {
  if (known_length) return *known_length;
  std::vector<Value> rest;
  Value item;
  while (iterator->next(rt, item)) {
    rt.allocate(sizeof(Value));
    rest.push_back(item);
  }
  known_length = static_cast<int64_t>(rest.size()) + index0 + 1 + (after.is(Kind::missing) ? 0 : 1);
  iterator = iterate_items(std::move(rest));
  return *known_length;
}

bool Loop::last(Runtime& rt) {
  return !peek(rt);
}

bool Loop::changed(Runtime& rt, const Value& self, std::vector<Value> values) {
  Value now = make_tuple(rt, std::move(values));
  if (!last_changed.is(Kind::missing) && equal(rt, last_changed, now)) return false;
  if (last_changed.is(Kind::missing)) rt.keep(self.object());
  last_changed = std::move(now);
  return true;
}

Value Loop::attribute(Runtime& rt, const Value& self, std::string_view name) {
  if (name == "index") return Value::integer(index0 + 1);
  if (name == "index0") return Value::integer(index0);
  if (name == "first") return Value::boolean(index0 == 0);
  if (name == "last") return Value::boolean(last(rt));
  if (name == "length") return Value::integer(length(rt));
  if (name == "revindex") return Value::integer(length(rt) - index0);
  if (name == "revindex0") return Value::integer(length(rt) - index0 - 1);
  if (name == "depth") return Value::integer(1);
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem")
    return before.is(Kind::missing) ? make_undefined("there is no previous item") : before;
  if (name == "nextitem") return peek(rt) ? after : make_undefined("there is no next item");
  if (name == "cycle") return bind_method("cycle", self, cycle);
  if (name == "changed") return bind_method("changed", self, has_changed);
  return Value();
}

std::shared_ptr<Iterator> loop_iterator(const Value& loop) {
  auto iterator = std::make_shared<LoopIterator>(loop);
  iterator->depth = deeper(loop.depth());
  return iterator;
}

}  // namespace swift::text::jinja
