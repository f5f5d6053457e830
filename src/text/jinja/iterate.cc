#include "text/jinja/iterate.h"

#include <algorithm>

#include "text/jinja/loop.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

struct ItemsIterator : Iterator {
  explicit ItemsIterator(std::vector<Value> values) : items(std::move(values)) {}
  bool next(Runtime& rt, Value& out) override {
    rt.step();
    if (at >= items.size()) return false;
    out = items[at++];
    return true;
  }
  const char* type_name() const override { return "list_iterator"; }
  std::vector<Value> items;
  size_t at = 0;
};

// Walks a value in place; which member is used depends on its kind.
struct ValueIterator : Iterator {
  explicit ValueIterator(Value value) : source(std::move(value)) {}
  bool next(Runtime& rt, Value& out) override {
    rt.step();
    switch (source.kind()) {
      case Kind::list:
      case Kind::tuple: {
        const auto& items = source.as<Sequence>().items;
        if (at >= items.size()) return false;
        out = items[at++];
        return true;
      }
      case Kind::string: {
        const std::string& text = source.as_text();
        if (at >= text.size()) return false;
        const size_t from = at;
        decode_utf8(text, at);
        out = Value::text(text.substr(from, at - from));
        return true;
      }
      case Kind::dict:
        return entry(rt, source.as<Dict>(), View::Part::keys, out);
      case Kind::view:
        return entry(rt, source.as<View>().dict.as<Dict>(), source.as<View>().part, out);
      case Kind::range: {
        const auto& range = source.as<Range>();
        if (static_cast<int64_t>(at) >= range.size()) return false;
        out = item_at(rt, source, static_cast<int64_t>(at++));
        return true;
      }
      default:
        return false;
    }
  }
  bool entry(Runtime& rt, const Dict& dict, View::Part part, Value& out) {
    if (at >= dict.entries.size()) return false;
    const auto& [key, value] = dict.entries[at++];
    if (part == View::Part::items) {
      out = make_tuple(rt, {key, value});
    } else {
      out = part == View::Part::keys ? key : value;
    }
    return true;
  }
  const char* type_name() const override { return "iterator"; }
  Value source;
  size_t at = 0;
};

struct ReverseIterator : Iterator {
  ReverseIterator(Value value, int64_t length) : source(std::move(value)), left(length) {}
  bool next(Runtime& rt, Value& out) override {
    rt.step();
    if (left <= 0) return false;
    out = item_at(rt, source, --left);
    return true;
  }
  const char* type_name() const override { return "list_reverseiterator"; }
  Value source;
  int64_t left;
};

}  // namespace

bool iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::string:
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::view:
    case Kind::range:
    case Kind::iterator:
    case Kind::loop:
      return true;
    default:
      return false;
  }
}

std::shared_ptr<Iterator> iterate(Runtime& rt, const Value& value) {
  if (value.is(Kind::iterator)) return std::static_pointer_cast<Iterator>(value.object());
  if (value.is(Kind::loop)) return loop_iterator(value);
  if (!iterable(value)) throw Fault(std::string("'") + type_name(value) + "' object is not iterable");
  rt.step();
  auto iterator = std::make_shared<ValueIterator>(value);
  iterator->depth = deeper(value.depth());
  return iterator;
}

std::vector<Value> to_vector(Runtime& rt, const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::tuple)) {
    rt.allocate(value.as<Sequence>().items.size() * sizeof(Value));
    return value.as<Sequence>().items;
  }
  std::vector<Value> items;
  const auto iterator = iterate(rt, value);
  Value item;
  while (iterator->next(rt, item)) {
    rt.allocate(sizeof(Value));
    items.push_back(item);
  }
  return items;
}

std::optional<int64_t> length_of(Runtime& rt, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return 0;
    case Kind::string:
      rt.step(value.as_text().size() / 1024);
      return static_cast<int64_t>(count_code_points(value.as_text()));
    case Kind::list:
    case Kind::tuple:
      return static_cast<int64_t>(value.as<Sequence>().items.size());
    case Kind::dict:
      return static_cast<int64_t>(value.as<Dict>().entries.size());
    case Kind::view:
      return static_cast<int64_t>(value.as<View>().dict.as<Dict>().entries.size());
    case Kind::range:
      return value.as<Range>().size();
    case Kind::loop:
      return value.as<Loop>().length(rt);
    default:
      return std::nullopt;
  }
}

std::shared_ptr<Iterator> reverse_iterate(Runtime& rt, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return iterate_items({});
    case Kind::list:
    case Kind::tuple:
    case Kind::range: {
      auto iterator = std::make_shared<ReverseIterator>(value, *length_of(rt, value));
      iterator->depth = deeper(value.depth());
      return iterator;
    }
    case Kind::string:
    case Kind::dict:
    case Kind::view: {
      std::vector<Value> items = to_vector(rt, value);
      // Python reaches the characters of reversed markup by index, which keeps them markup.
      for (Value& item : items) {
        if (value.is_markup()) item = Value::text(item.as_text(), true);
      }
      std::reverse(items.begin(), items.end());
      auto iterator = iterate_items(std::move(items));
      iterator->depth = deeper(value.depth());
      return iterator;
    }
    default:
      return nullptr;
  }
}

Value item_at(Runtime& rt, const Value& sequence, int64_t index) {
  if (sequence.is(Kind::range)) {
    // Unsigned, because the product alone may leave the 64 bits that the sum stays within.
    const auto& range = sequence.as<Range>();
    const uint64_t offset = static_cast<uint64_t>(index) * static_cast<uint64_t>(range.step);
    return Value::integer(static_cast<int64_t>(static_cast<uint64_t>(range.start) + offset));
  }
  if (sequence.is(Kind::string)) {
    const std::string& text = sequence.as_text();
    size_t from = byte_offset(text, static_cast<size_t>(index));
    rt.step(from / 1024);
    const size_t begin = from;
    decode_utf8(text, from);
    return Value::text(text.substr(begin, from - begin), sequence.is_markup());
  }
  return sequence.as<Sequence>().items[static_cast<size_t>(index)];
}

std::shared_ptr<Iterator> iterate_items(std::vector<Value> items) {
  int inner = 0;
  for (const Value& item : items) inner = std::max(inner, item.depth());
  auto iterator = std::make_shared<ItemsIterator>(std::move(items));
  iterator->depth = deeper(inner);
  return iterator;
}

}  // namespace swift::text::jinja
