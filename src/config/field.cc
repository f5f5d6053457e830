#include "config/field.h"

#include <algorithm>
#include <type_traits>

#include "base/format.h"

namespace swift::config {
namespace {

template <class T>
struct Plain {
  using type = T;
  static constexpr bool optional = false;
};
template <class T>
struct Plain<std::optional<T>> {
  using type = T;
  static constexpr bool optional = true;
};

template <class Pointer>
using Stored = std::remove_pointer_t<std::decay_t<Pointer>>;

std::string bounds(const Limits& limits) {
  std::string text;
  const auto add = [&](double bound, const char* words) {
    if (bound > -std::numeric_limits<double>::infinity() && bound < std::numeric_limits<double>::infinity()) {
      text += (text.empty() ? " " : " and ") + std::string(words) + base::shortest(bound);
    }
  };
  add(limits.min, "of at least ");
  add(limits.above, "above ");
  add(limits.max, "of at most ");
  add(limits.below, "below ");
  return text;
}

}  // namespace

Kind Field::kind() const {
  return std::visit(
      [](auto* pointer) {
        using T = typename Plain<Stored<decltype(pointer)>>::type;
        if constexpr (std::is_same_v<T, bool>)
          return Kind::boolean;
        else if constexpr (std::is_same_v<T, int64_t>)
          return Kind::integer;
        else if constexpr (std::is_same_v<T, double>)
          return Kind::number;
        else if constexpr (std::is_same_v<T, std::string>)
          return Kind::text;
        else
          return Kind::list;
      },
      slot);
}

bool Field::optional() const {
  return std::visit([](auto* pointer) { return Plain<Stored<decltype(pointer)>>::optional; }, slot);
}

base::Json Field::value() const {
  return std::visit(
      [](auto* pointer) -> base::Json {
        if constexpr (Plain<Stored<decltype(pointer)>>::optional) {
          return pointer->has_value() ? base::Json(**pointer) : base::Json(nullptr);
        } else {
          return base::Json(*pointer);
        }
      },
      slot);
}

const Field* find(const std::vector<Field>& fields, std::string_view key) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

std::string expectation(const Field& field) {
  if (!field.limits.one_of.empty()) {
    std::string text = field.kind() == Kind::list ? "a list of " : "one of ";
    for (const std::string_view choice : field.limits.one_of) {
      if (choice != field.limits.one_of.front()) text += ", ";
      text += choice;
    }
    return text;
  }
  switch (field.kind()) {
    case Kind::text:
      return field.limits.json_object ? "a map, or a JSON object as text" : "text";
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "an integer" + bounds(field.limits);
    case Kind::number:
      return "a number" + bounds(field.limits);
    case Kind::list:
      return "a list of texts";
  }
  return {};
}

}  // namespace swift::config
