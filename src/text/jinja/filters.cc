#include "text/jinja/filters.h"

#include <unordered_map>

#include "text/jinja/attributes.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/json_text.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

Value filter_default(Runtime&, const Value& subject, Args& args) {
  const Parameters p("default", args, {"default_value", "boolean"});
  const bool replaced = subject.is(Kind::undefined) || (p.boolean(1, false) && !truthy(subject));
  if (!replaced) return subject;
  return p.has(0) ? p[0] : Value::text("");
}

Value filter_attr(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("attr", args, {"name"}, 1);
  if (subject.is(Kind::undefined)) throw Fault(subject.as<Undefined>().message);
  Value found = own_attribute(rt, subject, text_of(p[0], "attribute name"));
  return found.is(Kind::missing) ? undefined_member(subject, p[0]) : found;
}

template <const char* const& Name>
Value unsupported(Runtime&, const Value&, Args&) {
  throw Fault(std::string("the filter '") + Name + "' is not supported in chat templates");
}

constexpr const char* kRandom = "random";
constexpr const char* kXmlattr = "xmlattr";
constexpr const char* kUrlize = "urlize";
constexpr const char* kWordwrap = "wordwrap";
constexpr const char* kStriptags = "striptags";
constexpr const char* kPprint = "pprint";
constexpr const char* kFilesize = "filesizeformat";

std::unordered_map<std::string_view, FilterFn> all_filters() {
  std::unordered_map<std::string_view, FilterFn> filters = {
      {"default", filter_default},
      {"d", filter_default},
      {"attr", filter_attr},
      {"tojson", filter_tojson},
      {"random", unsupported<kRandom>},
      {"xmlattr", unsupported<kXmlattr>},
      {"urlize", unsupported<kUrlize>},
      {"wordwrap", unsupported<kWordwrap>},
      {"striptags", unsupported<kStriptags>},
      {"pprint", unsupported<kPprint>},
      {"filesizeformat", unsupported<kFilesize>},
  };
  for (const auto group :
       {text_filters(), number_filters(), sequence_filters(), order_filters(), select_filters()}) {
    for (const NamedFilter& filter : group) filters.emplace(filter.name, filter.function);
  }
  return filters;
}

}  // namespace

FilterFn find_filter(std::string_view name) {
  static const std::unordered_map<std::string_view, FilterFn> kFilters = all_filters();
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? nullptr : found->second;
}

Value attribute_path(Runtime& rt, Value item, const Value& path, const Value& fallback) {
  const auto follow = [&](const Value& part) {
    item = get_item(rt, item, part);
    if (item.is(Kind::undefined) && !fallback.is(Kind::missing) && !fallback.is(Kind::none)) item = fallback;
  };
  if (path.is(Kind::missing) || path.is(Kind::none)) return item;
  if (!path.is(Kind::string)) {
    follow(path);
    return item;
  }
  const std::string& text = path.as_text();
  for (size_t from = 0;;) {
    const size_t dot = std::min(text.find('.', from), text.size());
    const std::string part = text.substr(from, dot - from);
    const bool digits =
        !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string::npos;
    follow(digits ? Value::integer(std::stoll(part)) : Value::text(part));
    if (dot == text.size()) return item;
    from = dot + 1;
  }
}

}  // namespace swift::text::jinja
