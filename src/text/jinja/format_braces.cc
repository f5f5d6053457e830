// text.format(…): replacement fields {}, {0}, {name.attribute[key]!r:spec}, as string.Formatter reads them.
#include "text/jinja/attributes.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& rt, const Args& args, bool markup) : rt_(rt), args_(args), markup_(markup) {}

  std::string run(std::string_view format, int depth = 2) {
    if (depth < 0) throw Fault("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at];
      if (c != '{' && c != '}') {
        out += c;
        ++at;
        continue;
      }
      if (at + 1 < format.size() && format[at + 1] == c) {
        out += c;
        at += 2;
        continue;
      }
      if (c == '}') throw Fault("Single '}' encountered in format string");
      const size_t from = ++at;
      for (int open = 1; open > 0; ++at) {
        if (at >= format.size()) throw Fault("expected '}' before end of string");
        if (format[at] == '{') ++open;
        if (format[at] == '}') --open;
      }
      out += field(format.substr(from, at - 1 - from), depth);
      rt_.allocate_text(out.size());
    }
    return out;
  }

 private:
  // name[!conversion][:spec]
  std::string field(std::string_view text, int depth) {
    size_t end = 0;
    bool bracket = false;
    while (end < text.size() && (bracket || (text[end] != '!' && text[end] != ':'))) {
      if (text[end] == '[') bracket = true;
      if (text[end] == ']') bracket = false;
      ++end;
    }
    Value value = resolve(text.substr(0, end));
    text.remove_prefix(end);
    if (!text.empty() && text[0] == '!') {
      if (text.size() < 2) throw Fault("end of string while looking for conversion specifier");
      value = converted(value, text[1]);
      text.remove_prefix(2);
      if (!text.empty() && text[0] != ':') throw Fault("expected ':' after conversion specifier");
    }
    const std::string spec = text.empty() ? "" : run(text.substr(1), depth - 1);
    if (markup_ && value.is_markup()) return value.as_text();
    std::string out = format_value(rt_, value, spec);
    return markup_ ? escape_html(out) : out;
  }

  Value converted(const Value& value, char conversion) {
    if (conversion == 's') return make_text(rt_, to_text(rt_, value));
    std::string out;
    append_repr(rt_, value, out);
    if (conversion == 'a') return make_text(rt_, ascii_only(out));
    if (conversion != 'r') throw Fault(std::string("Unknown conversion specifier ") + conversion);
    return make_text(rt_, std::move(out));
  }

  Value first(std::string_view name) {
    if (name.empty() || all_digits(name)) {
      const bool automatic = name.empty();
      if ((automatic && manual_) || (!automatic && next_ > 0)) {
        throw Fault("cannot switch between manual field specification and automatic field numbering");
      }
      if (!automatic) manual_ = true;
      const size_t index = automatic ? next_++ : static_cast<size_t>(std::stoul(std::string(name)));
      if (index >= args_.positional.size()) {
        throw Fault("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      }
      return args_.positional[index];
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    throw Fault("KeyError: " + repr_of_text(name));
  }

  Value resolve(std::string_view name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, end));
    name.remove_prefix(end);
    while (!name.empty()) {
      if (name[0] == '.') {
        const size_t stop = std::min(name.find_first_of(".[", 1), name.size());
        if (stop == 1) throw Fault("Empty attribute in format string");
        value = get_attribute(rt_, value, std::string(name.substr(1, stop - 1)));
        name.remove_prefix(stop);
      } else {
        const size_t stop = name.find(']');
        if (name[0] != '[') throw Fault("Only '.' or '[' may follow ']' in format field specifier");
        if (stop == std::string_view::npos) throw Fault("Missing ']' in format string");
        if (stop == 1) throw Fault("Empty attribute in format string");
        const std::string key(name.substr(1, stop - 1));
        value = get_item(rt_, value, all_digits(key) ? Value::integer(std::stol(key)) : make_text(rt_, key));
        name.remove_prefix(stop + 1);
      }
    }
    return value;
  }

  Runtime& rt_;
  const Args& args_;
  bool markup_;
  bool manual_ = false;
  size_t next_ = 0;
};

}  // namespace

Value format_braces(Runtime& rt, const Value& format, const Args& args) {
  return make_text(rt, BraceFormatter(rt, args, format.is_markup()).run(format.as_text()),
                   format.is_markup());
}

}  // namespace swift::text::jinja
