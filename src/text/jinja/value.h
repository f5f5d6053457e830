// Values of the template language: Python's None, bool, int, float, str, list, tuple and dict, and the few
// objects that only templates see (undefined, namespace, loop, generators, callables).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace swift::text::jinja {

class Runtime;

enum class Kind : uint8_t {
  missing,  // a variable slot that was never assigned
  undefined,
  none,
  boolean,
  integer,
  real,
  string,
  list,
  tuple,
  dict,
  view,  // dict.keys(), .values(), .items()
  range,
  iterator,  // generators: one pass, no length
  name_space,
  callable,
  loop,
  object,  // cycler, joiner
};

// What a Value may point to. Depth is 1 + that of the deepest value inside; it is bounded, so that printing,
// comparing and destroying nested values cannot exhaust the stack.
struct Object {
  virtual ~Object() = default;
  // Drops references that could form a cycle; called on kept objects when rendering ends.
  virtual void release() {}
  uint16_t depth = 1;
};

class Value {
 public:
  Value() = default;
  static Value none() { return Value(Kind::none); }
  static Value boolean(bool b);
  static Value integer(int64_t i);
  static Value real(double d);
  // Text without accounting, for constants; during rendering use make_text.
  static Value text(std::string utf8, bool markup = false);
  static Value of(Kind kind, std::shared_ptr<Object> object);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const { return kind_ == Kind::boolean || kind_ == Kind::integer || kind_ == Kind::real; }
  bool is_integral() const { return kind_ == Kind::boolean || kind_ == Kind::integer; }
  bool is_markup() const { return markup_; }
  bool as_bool() const { return integer_ != 0; }
  int64_t as_int() const { return integer_; }  // also of a boolean
  double as_real() const { return kind_ == Kind::real ? real_ : static_cast<double>(integer_); }
  const std::string& as_text() const;
  template <class T>
  T& as() const {
    return static_cast<T&>(*object_);
  }
  const std::shared_ptr<Object>& object() const { return object_; }
  int depth() const { return object_ ? object_->depth : 0; }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  Kind kind_ = Kind::missing;
  bool markup_ = false;
  union {
    int64_t integer_ = 0;
    double real_;
  };
  std::shared_ptr<Object> object_;
};

struct Text : Object {
  explicit Text(std::string utf8) : text(std::move(utf8)) {}
  std::string text;
};

struct Sequence : Object {  // list and tuple
  std::vector<Value> items;
  bool group = false;  // a tuple of groupby, with the attributes grouper and list
};

// Insertion-ordered; large dicts are indexed by hash.
struct Dict : Object {
  std::vector<std::pair<Value, Value>> entries;
  const Value* find(Runtime& rt, const Value& key) const;  // nullptr when absent; Fault when unhashable
  const Value* find(std::string_view key) const;
  void set(Runtime& rt, Value key, Value value);

 private:
  void index_all(Runtime& rt);
  std::unordered_multimap<size_t, uint32_t> index_;
};

struct View : Object {
  enum class Part { keys, values, items };
  Value dict;
  Part part = Part::keys;
};

struct Range : Object {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size() const;
};

struct Iterator : Object {
  // The next item, or false at the end.
  virtual bool next(Runtime& rt, Value& out) = 0;
  virtual const char* type_name() const { return "generator"; }
};

// What an undefined value says when it is used.
struct Undefined : Object {
  std::string message;
};

struct Namespace : Object {
  std::vector<std::pair<std::string, Value>> attributes;
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
  void release() override { attributes.clear(); }
};

// Arguments of a call, filter or test.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Callable : Object {
  virtual Value call(Runtime& rt, Args& args) = 0;
  virtual std::string repr() const = 0;
  virtual Value attribute(std::string_view) const { return {}; }  // missing when there is none
};

// Builders that account for memory and bound the nesting.
Value make_text(Runtime& rt, std::string utf8, bool markup = false);
Value make_list(Runtime& rt, std::vector<Value> items);
Value make_tuple(Runtime& rt, std::vector<Value> items);
Value make_dict(Runtime& rt, std::shared_ptr<Dict> dict);
Value make_undefined(std::string message);
Value undefined_name(std::string_view name);                     // "'x' is undefined"
Value undefined_member(const Value& object, const Value& name);  // "'dict object' has no attribute 'x'"
Value make_iterator_value(Runtime& rt, std::shared_ptr<Iterator> iterator, int source_depth);

// Throws Fault when the nesting is deeper than the limit; returns the depth of a container around `inner`.
uint16_t deeper(int inner);

bool truthy(const Value& value);
// Python's name of the type: "str", "dict", "NoneType" …
const char* type_name(const Value& value);

}  // namespace swift::text::jinja
