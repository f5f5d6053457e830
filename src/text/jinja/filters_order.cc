// Filters that compare items: sort, unique, min, max, dictsort, groupby.
#include <algorithm>
#include <unordered_map>

#include "text/jinja/compare.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/iterate.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

Value key_of(Runtime& rt, const Value& item, const Value& path, bool case_sensitive,
             const Value& fallback = Value()) {
  Value key = attribute_path(rt, item, path, fallback);
  return case_sensitive ? key : ignore_case(rt, key);
}

using Keyed = std::pair<Value, Value>;  // key and item

// Python's sorted(): stable, in reverse too.
std::vector<Value> sorted(Runtime& rt, std::vector<Keyed> items, bool reverse) {
  if (reverse) std::reverse(items.begin(), items.end());
  std::stable_sort(items.begin(), items.end(),
                   [&rt](const Keyed& a, const Keyed& b) { return less(rt, a.first, b.first); });
  if (reverse) std::reverse(items.begin(), items.end());
  std::vector<Value> out;
  out.reserve(items.size());
  for (Keyed& item : items) out.push_back(std::move(item.second));
  return out;
}

Value sort(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("sort", args, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> paths;
  if (p.given(2) && p[2].is(Kind::string)) {
    // Several attributes, separated by commas.
    const std::string& text = p[2].as_text();
    for (size_t from = 0; from <= text.size();) {
      const size_t comma = std::min(text.find(',', from), text.size());
      paths.push_back(Value::text(text.substr(from, comma - from)));
      from = comma + 1;
    }
  } else {
    paths.push_back(p.has(2) ? p[2] : Value::none());
  }
  std::vector<Keyed> items;
  for (Value& item : to_vector(rt, subject)) {
    std::vector<Value> keys;
    for (const Value& path : paths) keys.push_back(key_of(rt, item, path, p.boolean(1, false)));
    items.emplace_back(make_list(rt, std::move(keys)), std::move(item));
  }
  return make_list(rt, sorted(rt, std::move(items), p.flag(0, false)));
}

struct UniqueIterator : Iterator {
  bool next(Runtime& rt, Value& out) override {
    const DepthGuard guard(rt);
    if (!items) items = iterate(rt, source);
    Value item;
    while (items->next(rt, item)) {
      const Value key = key_of(rt, item, path, case_sensitive);
      const size_t hash = hash_of(rt, key);
      const auto [from, to] = seen.equal_range(hash);
      if (std::any_of(from, to, [&](const auto& other) { return equal(rt, other.second, key); })) continue;
      rt.allocate(sizeof(Value));
      seen.emplace(hash, key);
      out = item;
      return true;
    }
    return false;
  }
  Value source, path;
  bool case_sensitive = false;
  std::shared_ptr<Iterator> items;
  std::unordered_multimap<size_t, Value> seen;
};

Value unique(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("unique", args, {"case_sensitive", "attribute"});
  auto iterator = std::make_shared<UniqueIterator>();
  iterator->source = subject;
  iterator->path = p.has(1) ? p[1] : Value::none();
  iterator->case_sensitive = p.boolean(0, false);
  return make_iterator_value(rt, std::move(iterator), subject.depth());
}

template <bool Max>
Value extreme(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p(Max ? "max" : "min", args, {"case_sensitive", "attribute"});
  const Value path = p.has(1) ? p[1] : Value::none();
  const auto items = iterate(rt, subject);
  Value best, best_key, item;
  while (items->next(rt, item)) {
    Value key = key_of(rt, item, path, p.boolean(0, false));
    const bool better =
        best.is(Kind::missing) || (Max ? less(rt, best_key, key, ">") : less(rt, key, best_key));
    if (!better) continue;
    best = item;
    best_key = std::move(key);
  }
  return best.is(Kind::missing) ? make_undefined("No aggregated item, sequence was empty.") : best;
}

Value dictsort(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("dictsort", args, {"case_sensitive", "by", "reverse"});
  const bool by_value = p.has(1) && p[1].is(Kind::string) && p[1].as_text() == "value";
  if (p.has(1) && !by_value && !(p[1].is(Kind::string) && p[1].as_text() == "key")) {
    throw Fault("You can only sort by either \"key\" or \"value\"");
  }
  if (subject.is(Kind::undefined)) throw Fault(subject.as<Undefined>().message);
  if (!subject.is(Kind::dict))
    throw Fault(std::string("'") + type_name(subject) + "' object has no attribute 'items'");
  std::vector<Keyed> items;
  for (const auto& [key, value] : subject.as<Dict>().entries) {
    const Value& by = by_value ? value : key;
    items.emplace_back(p.boolean(0, false) ? by : ignore_case(rt, by), make_tuple(rt, {key, value}));
  }
  return make_list(rt, sorted(rt, std::move(items), p.flag(2, false)));
}

Value groupby(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  const Value fallback = p.has(1) ? p[1] : Value::none();
  const bool case_sensitive = p.boolean(2, false);
  std::vector<Keyed> keyed;
  for (Value& item : to_vector(rt, subject)) {
    Value key = key_of(rt, item, p[0], case_sensitive, fallback);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&rt](const Keyed& a, const Keyed& b) { return less(rt, a.first, b.first); });
  std::vector<Value> groups;
  for (size_t from = 0; from < keyed.size();) {
    size_t to = from;
    std::vector<Value> members;
    for (; to < keyed.size() && equal(rt, keyed[from].first, keyed[to].first); ++to)
      members.push_back(keyed[to].second);
    if (to == from) members.push_back(keyed[to++].second);  // a key that does not equal itself: NaN
    // The name of a group is the key of its first member as it is written there.
    Value name = case_sensitive ? keyed[from].first : attribute_path(rt, members[0], p[0], fallback);
    Value group = make_tuple(rt, {std::move(name), make_list(rt, std::move(members))});
    group.as<Sequence>().group = true;
    groups.push_back(std::move(group));
    from = to;
  }
  return make_list(rt, std::move(groups));
}

}  // namespace

std::span<const NamedFilter> order_filters() {
  static constexpr NamedFilter kFilters[] = {
      {"sort", sort},         {"unique", unique},     {"min", extreme<false>},
      {"max", extreme<true>}, {"dictsort", dictsort}, {"groupby", groupby},
  };
  return kFilters;
}

}  // namespace swift::text::jinja
