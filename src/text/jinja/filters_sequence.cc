#include <algorithm>

#include "text/jinja/filter_groups.h"
#include "text/jinja/iterate.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

Value list(Runtime& rt, const Value& subject, Args& args) {
  Parameters("list", args, {});
  return make_list(rt, to_vector(rt, subject));
}

Value first(Runtime& rt, const Value& subject, Args& args) {
  Parameters("first", args, {});
  Value item;
  return iterate(rt, subject)->next(rt, item) ? item : make_undefined("No first item, sequence was empty.");
}

Value last(Runtime& rt, const Value& subject, Args& args) {
  Parameters("last", args, {});
  const auto items = reverse_iterate(rt, subject);
  if (!items) throw Fault(std::string("'") + type_name(subject) + "' object is not reversible");
  Value item;
  return items->next(rt, item) ? item : make_undefined("No last item, sequence was empty.");
}

Value join(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("join", args, {"d", "attribute"});
  const std::string separator = p.has(0) ? to_text(rt, p[0]) : "";
  std::string out;
  const auto items = iterate(rt, subject);
  Value item;
  for (bool begun = false; items->next(rt, item); begun = true) {
    if (begun) out += separator;
    append_text(rt, p.given(1) ? attribute_path(rt, item, p[1]) : item, out);
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
  return make_text(rt, std::move(out));
}

Value reverse(Runtime& rt, const Value& subject, Args& args) {
  Parameters("reverse", args, {});
  if (subject.is(Kind::string)) {
    std::u32string points;
    for (size_t at = 0; at < subject.as_text().size();) points += decode_utf8(subject.as_text(), at);
    std::string out;
    for (auto c = points.rbegin(); c != points.rend(); ++c) append_utf8(out, *c);
    return make_text(rt, std::move(out), subject.is_markup());
  }
  if (const auto items = reverse_iterate(rt, subject)) return make_iterator_value(rt, items, subject.depth());
  if (!iterable(subject)) throw Fault("argument must be iterable");
  std::vector<Value> items = to_vector(rt, subject);
  std::reverse(items.begin(), items.end());
  return make_list(rt, std::move(items));
}

// Makes the items when the first one is asked for, so that errors come as late as from a Python generator.
template <class Make>
struct LateIterator : Iterator {
  explicit LateIterator(Make m) : make(std::move(m)) {}
  bool next(Runtime& rt, Value& out) override {
    const DepthGuard guard(rt);
    if (!items) items = iterate_items(make(rt));
    return items->next(rt, out);
  }
  Make make;
  std::shared_ptr<Iterator> items;
};

template <class Make>
Value late(Runtime& rt, int depth, Make make) {
  return make_iterator_value(rt, std::make_shared<LateIterator<Make>>(std::move(make)), depth);
}

Value items(Runtime& rt, const Value& subject, Args& args) {
  Parameters("items", args, {});
  return late(rt, subject.depth() + 1, [subject](Runtime& run) {
    std::vector<Value> out;
    if (subject.is(Kind::undefined)) return out;
    if (!subject.is(Kind::dict)) throw Fault("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : subject.as<Dict>().entries) out.push_back(make_tuple(run, {key, value}));
    return out;
  });
}

Value batch(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("batch", args, {"linecount", "fill_with"}, 1);
  const Value count = p[0];
  const Value fill = p.has(1) ? p[1] : Value::none();
  return late(rt, std::max(subject.depth(), fill.depth()) + 1, [subject, count, fill](Runtime& run) {
    std::vector<Value> out, row;
    const auto source = iterate(run, subject);
    Value item;
    while (source->next(run, item)) {
      if (count.is_number() && static_cast<double>(row.size()) == count.as_real()) {
        out.push_back(make_list(run, std::move(row)));
        row.clear();
      }
      row.push_back(item);
    }
    if (row.empty()) return out;
    if (!fill.is(Kind::none)) {
      const int64_t wanted = index_of(count);
      if (wanted > kMaxRange) throw Fault("batch rows of more than 100000 items are not supported");
      while (static_cast<int64_t>(row.size()) < wanted) row.push_back(fill);
    }
    out.push_back(make_list(run, std::move(row)));
    return out;
  });
}

Value slice(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("slice", args, {"slices", "fill_with"}, 1);
  const Value count = p[0];
  const Value fill = p.has(1) ? p[1] : Value::none();
  return late(rt, std::max(subject.depth(), fill.depth()) + 1, [subject, count, fill](Runtime& run) {
    const std::vector<Value> all = to_vector(run, subject);
    const int64_t slices = index_of(count);
    if (slices == 0) throw Fault("integer division or modulo by zero");
    if (slices > kMaxRange) throw Fault("more than 100000 slices are not supported");
    std::vector<Value> out;
    const auto size = static_cast<int64_t>(all.size());
    auto from = all.begin();
    for (int64_t i = 0; i < slices; ++i) {
      const bool extra = i < size % slices;
      const auto to = from + size / slices + (extra ? 1 : 0);
      std::vector<Value> part(from, to);
      if (!fill.is(Kind::none) && !extra) part.push_back(fill);
      out.push_back(make_list(run, std::move(part)));
      from = to;
    }
    return out;
  });
}

}  // namespace

std::span<const NamedFilter> sequence_filters() {
  static constexpr NamedFilter kFilters[] = {
      {"list", list},       {"first", first}, {"last", last},   {"join", join},
      {"reverse", reverse}, {"items", items}, {"batch", batch}, {"slice", slice},
  };
  return kFilters;
}

}  // namespace swift::text::jinja
