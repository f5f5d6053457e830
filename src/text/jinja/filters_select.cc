// map, select, reject and their attribute forms: generators, evaluated item by item.
#include "text/jinja/filter_groups.h"
#include "text/jinja/iterate.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/tests.h"

namespace swift::text::jinja {
namespace {

int depth_of(const Value& subject, const Args& args) {
  int depth = subject.depth();
  for (const Value& value : args.positional) depth = std::max(depth, value.depth());
  for (const auto& [name, value] : args.named) depth = std::max(depth, value.depth());
  return depth;
}

// Removes and returns the first positional argument; missing when there is none.
Value take_first(Args& args) {
  if (args.positional.empty()) return Value();
  Value value = std::move(args.positional.front());
  args.positional.erase(args.positional.begin());
  return value;
}

// A generator over `source`, prepared when the first item is asked for.
struct SelectIterator : Iterator {
  bool next(Runtime& rt, Value& out) override {
    const DepthGuard guard(rt);
    if (done) return false;
    if (!items) {
      done = !truthy(source);
      if (done) return false;
      prepare(rt);
      items = iterate(rt, source);
    }
    return step(rt, out);
  }
  virtual void prepare(Runtime& rt) = 0;
  virtual bool step(Runtime& rt, Value& out) = 0;
  Value source;
  Args args;
  std::shared_ptr<Iterator> items;
  bool done = false;
};

struct MapIterator : SelectIterator {
  void prepare(Runtime& rt) override {
    if (args.positional.empty()) {
      for (const auto& [name, value] : args.named) {
        if (name == "attribute") path = value;
      }
    }
    if (!path.is(Kind::missing)) {
      for (const auto& [name, value] : args.named) {
        if (name == "default") fallback = value;
        if (name != "default" && name != "attribute")
          throw Fault("Unexpected keyword argument '" + name + "'");
      }
      return;
    }
    const Value name = take_first(args);
    if (name.is(Kind::missing)) throw Fault("map requires a filter argument");
    filter = name.is(Kind::string) ? find_filter(name.as_text()) : nullptr;
    if (!filter) throw Fault("No filter named " + short_repr(name) + ".");
    rt.step();
  }
  bool step(Runtime& rt, Value& out) override {
    Value item;
    if (!items->next(rt, item)) return false;
    if (!filter) {
      out = attribute_path(rt, item, path, fallback);
      return true;
    }
    Args copy = args;
    out = filter(rt, item, copy);
    return true;
  }
  Value path, fallback;
  FilterFn filter = nullptr;
};

struct TestIterator : SelectIterator {
  void prepare(Runtime& rt) override {
    if (by_attribute) {
      path = take_first(args);
      if (path.is(Kind::missing)) throw Fault("Missing parameter for attribute name");
    }
    const Value name = take_first(args);
    if (name.is(Kind::missing)) return;
    test = name.is(Kind::string) ? find_test(name.as_text()) : nullptr;
    if (!test) throw Fault("No test named " + short_repr(name) + ".");
    rt.step();
  }
  bool step(Runtime& rt, Value& out) override {
    Value item;
    while (items->next(rt, item)) {
      const Value subject = by_attribute ? attribute_path(rt, item, path) : item;
      bool passes = false;
      if (test) {
        Args copy = args;
        passes = test(rt, subject, copy);
      } else {
        passes = truthy(subject);
      }
      if (passes != wanted) continue;
      out = item;
      return true;
    }
    return false;
  }
  bool wanted = true;
  bool by_attribute = false;
  Value path;
  TestFn test = nullptr;
};

Value map(Runtime& rt, const Value& subject, Args& args) {
  auto iterator = std::make_shared<MapIterator>();
  const int depth = depth_of(subject, args);
  iterator->source = subject;
  iterator->args = std::move(args);
  return make_iterator_value(rt, std::move(iterator), depth);
}

template <bool Wanted, bool ByAttribute>
Value select(Runtime& rt, const Value& subject, Args& args) {
  auto iterator = std::make_shared<TestIterator>();
  const int depth = depth_of(subject, args);
  iterator->source = subject;
  iterator->args = std::move(args);
  iterator->wanted = Wanted;
  iterator->by_attribute = ByAttribute;
  return make_iterator_value(rt, std::move(iterator), depth);
}

}  // namespace

std::span<const NamedFilter> select_filters() {
  static constexpr NamedFilter kFilters[] = {
      {"map", map},
      {"select", select<true, false>},
      {"reject", select<false, false>},
      {"selectattr", select<true, true>},
      {"rejectattr", select<false, true>},
  };
  return kFilters;
}

}  // namespace swift::text::jinja
