#include "text/jinja/value.h"

#include <algorithm>

#include "text/jinja/compare.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

constexpr size_t kIndexFrom = 16;  // dicts of more entries are indexed

uint16_t depth_of(const std::vector<Value>& items) {
  int inner = 0;
  for (const Value& item : items) inner = std::max(inner, item.depth());
  return deeper(inner);
}

std::shared_ptr<Sequence> make_sequence(Runtime& rt, std::vector<Value> items) {
  rt.allocate(items.size() * sizeof(Value) + sizeof(Sequence));
  auto sequence = std::make_shared<Sequence>();
  sequence->depth = depth_of(items);
  sequence->items = std::move(items);
  return sequence;
}

}  // namespace

Value Value::boolean(bool b) {
  Value value(Kind::boolean);
  value.integer_ = b;
  return value;
}

Value Value::integer(int64_t i) {
  Value value(Kind::integer);
  value.integer_ = i;
  return value;
}

Value Value::real(double d) {
  Value value(Kind::real);
  value.real_ = d;
  return value;
}

Value Value::text(std::string utf8, bool markup) {
  Value value = of(Kind::string, std::make_shared<Text>(std::move(utf8)));
  value.markup_ = markup;
  return value;
}

Value Value::of(Kind kind, std::shared_ptr<Object> object) {
  Value value(kind);
  value.object_ = std::move(object);
  return value;
}

const std::string& Value::as_text() const {
  return as<Text>().text;
}

const Value* Dict::find(std::string_view key) const {
  if (!index_.empty()) {
    const auto [from, to] = index_.equal_range(hash_of_text(key));
    for (auto at = from; at != to; ++at) {
      const auto& [name, value] = entries[at->second];
      if (name.is(Kind::string) && name.as_text() == key) return &value;
    }
    return nullptr;
  }
  for (const auto& [name, value] : entries) {
    if (name.is(Kind::string) && name.as_text() == key) return &value;
  }
  return nullptr;
}

const Value* Dict::find(Runtime& rt, const Value& key) const {
  if (key.is(Kind::string)) return find(std::string_view(key.as_text()));
  const size_t hash = hash_of(rt, key);
  if (!index_.empty()) {
    const auto [from, to] = index_.equal_range(hash);
    for (auto at = from; at != to; ++at) {
      if (equal(rt, entries[at->second].first, key)) return &entries[at->second].second;
    }
    return nullptr;
  }
  for (const auto& [name, value] : entries) {
    if (equal(rt, name, key)) return &value;
  }
  return nullptr;
}

void Dict::set(Runtime& rt, Value key, Value value) {
  depth = std::max(depth, deeper(std::max(key.depth(), value.depth())));
  if (const Value* old = find(rt, key)) {
    *const_cast<Value*>(old) = std::move(value);
    return;
  }
  rt.allocate(2 * sizeof(Value));
  entries.emplace_back(std::move(key), std::move(value));
  if (!index_.empty()) {
    index_.emplace(hash_of(rt, entries.back().first), static_cast<uint32_t>(entries.size() - 1));
  } else if (entries.size() > kIndexFrom) {
    index_all(rt);
  }
}

void Dict::index_all(Runtime& rt) {
  for (size_t i = 0; i < entries.size(); ++i) {
    index_.emplace(hash_of(rt, entries[i].first), static_cast<uint32_t>(i));
  }
}

int64_t Range::size() const {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const auto distance =
      static_cast<uint64_t>(step > 0 ? stop : start) - static_cast<uint64_t>(step > 0 ? start : stop);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t count = (distance - 1) / stride + 1;
  return count > INT64_MAX ? INT64_MAX : static_cast<int64_t>(count);
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, old] : attributes) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

uint16_t deeper(int inner) {
  if (inner >= kMaxValueDepth) throw Fault("values are nested too deeply");
  return static_cast<uint16_t>(inner + 1);
}

Value make_text(Runtime& rt, std::string utf8, bool markup) {
  rt.allocate_text(utf8.size());
  return Value::text(std::move(utf8), markup);
}

Value make_list(Runtime& rt, std::vector<Value> items) {
  return Value::of(Kind::list, make_sequence(rt, std::move(items)));
}

Value make_tuple(Runtime& rt, std::vector<Value> items) {
  return Value::of(Kind::tuple, make_sequence(rt, std::move(items)));
}

Value make_dict(Runtime& rt, std::shared_ptr<Dict> dict) {
  rt.allocate(sizeof(Dict));
  return Value::of(Kind::dict, std::move(dict));
}

Value make_undefined(std::string message) {
  auto undefined = std::make_shared<Undefined>();
  undefined->message = std::move(message);
  return Value::of(Kind::undefined, std::move(undefined));
}

Value undefined_name(std::string_view name) {
  return make_undefined("'" + std::string(name) + "' is undefined");
}

Value undefined_member(const Value& object, const Value& name) {
  std::string owner = object.is(Kind::none) ? "None" : std::string(type_name(object)) + " object";
  if (!name.is(Kind::string)) return make_undefined(owner + " has no element " + short_repr(name));
  return make_undefined("'" + owner + "' has no attribute '" + name.as_text() + "'");
}

Value make_iterator_value(Runtime& rt, std::shared_ptr<Iterator> iterator, int source_depth) {
  rt.allocate(sizeof(Iterator) + 64);
  iterator->depth = deeper(source_depth);
  return Value::of(Kind::iterator, std::move(iterator));
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.as_int() != 0;
    case Kind::real:
      return value.as_real() != 0;
    case Kind::string:
      return !value.as_text().empty();
    case Kind::list:
    case Kind::tuple:
      return !value.as<Sequence>().items.empty();
    case Kind::dict:
      return !value.as<Dict>().entries.empty();
    case Kind::view:
      return !value.as<View>().dict.as<Dict>().entries.empty();
    case Kind::range:
      return value.as<Range>().size() > 0;
    default:
      return true;
  }
}

const char* type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return value.is_markup() ? "Markup" : "str";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::view: {
      const View::Part part = value.as<View>().part;
      return part == View::Part::keys     ? "dict_keys"
             : part == View::Part::values ? "dict_values"
                                          : "dict_items";
    }
    case Kind::range:
      return "range";
    case Kind::iterator:
      return value.as<Iterator>().type_name();
    case Kind::name_space:
      return "Namespace";
    case Kind::callable:
      return "function";
    case Kind::loop:
      return "LoopContext";
    case Kind::object:
      return "object";
  }
  return "object";
}

}  // namespace swift::text::jinja
