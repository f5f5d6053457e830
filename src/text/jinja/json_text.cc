#include "text/jinja/json_text.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/callables.h"
#include "text/jinja/compare.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

void append_escape(std::string& out, char32_t c) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[c >> shift & 0xF];
}

void append_json_text(std::string& out, const std::string& text, bool ensure_ascii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80 && ensure_ascii) {
      const char32_t c = decode_utf8(text, at);
      if (c >= 0x10000) {
        append_escape(out, 0xD800 + ((c - 0x10000) >> 10));
        append_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
      } else {
        append_escape(out, c);
      }
      continue;
    }
    ++at;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (byte < 0x20 || (byte == 0x7F && ensure_ascii)) {
          append_escape(out, byte);
        } else {
          out += static_cast<char>(byte);
        }
    }
  }
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(Runtime& rt, const JsonStyle& style) : rt_(rt), style_(style) {}

  std::string run(const Value& value) {
    write(value, 0);
    return std::move(out_);
  }

 private:
  void write(const Value& value, int level) {
    rt_.step();
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        break;
      case Kind::boolean:
        out_ += value.as_bool() ? "true" : "false";
        break;
      case Kind::integer:
        out_ += std::to_string(value.as_int());
        break;
      case Kind::real:
        out_ += real(value.as_real());
        break;
      case Kind::string:
        append_json_text(out_, value.as_text(), style_.ensure_ascii);
        break;
      case Kind::list:
      case Kind::tuple:
        sequence(value.as<Sequence>().items, level);
        break;
      case Kind::dict:
        dict(value.as<Dict>(), level);
        break;
      default:
        throw Fault(std::string("Object of type ") + type_name(value) + " is not JSON serializable");
    }
    if (out_.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }

  static std::string real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return repr_of_real(value);
  }

  void newline(int level) {
    if (!style_.indent) return;
    out_ += '\n';
    rt_.step(static_cast<uint64_t>(level));
    for (int i = 0; i < level; ++i) out_ += *style_.indent;
    if (out_.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }

  void sequence(const std::vector<Value>& items, int level) {
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i) out_ += style_.item_separator;
      newline(level + 1);
      write(items[i], level + 1);
    }
    if (!items.empty()) newline(level);
    out_ += ']';
  }

  void key(const Value& name) {
    switch (name.kind()) {
      case Kind::string:
        append_json_text(out_, name.as_text(), style_.ensure_ascii);
        return;
      case Kind::none:
        out_ += "\"null\"";
        return;
      case Kind::boolean:
        out_ += name.as_bool() ? "\"true\"" : "\"false\"";
        return;
      case Kind::integer:
        out_ += '"' + std::to_string(name.as_int()) + '"';
        return;
      case Kind::real:
        out_ += '"' + real(name.as_real()) + '"';
        return;
      default:
        throw Fault(std::string("keys must be str, int, float, bool or None, not ") + type_name(name));
    }
  }

  void dict(const Dict& dict, int level) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [this](const auto* a, const auto* b) { return less(rt_, a->first, b->first); });
    }
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i) out_ += style_.item_separator;
      newline(level + 1);
      key(entries[i]->first);
      out_ += style_.key_separator;
      write(entries[i]->second, level + 1);
    }
    if (!entries.empty()) newline(level);
    out_ += '}';
  }

  Runtime& rt_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string to_json(Runtime& rt, const Value& value, const JsonStyle& style) {
  return JsonWriter(rt, style).run(value);
}

Value filter_tojson(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = p.boolean(0, false);
  style.sort_keys = p.boolean(3, false);
  if (p.given(1)) {
    if (p[1].is(Kind::string)) {
      style.indent = p[1].as_text();
    } else {
      const int64_t width = std::clamp<int64_t>(index_of(p[1]), 0, 1'000'000);
      style.indent = std::string(static_cast<size_t>(width), ' ');
    }
    style.item_separator = ",";
  }
  if (p.given(2)) {
    const bool pair = (p[2].is(Kind::tuple) || p[2].is(Kind::list)) && p[2].as<Sequence>().items.size() == 2;
    if (!pair) throw Fault("separators must be a pair of strings");
    style.item_separator = text_of(p[2].as<Sequence>().items[0], "item separator");
    style.key_separator = text_of(p[2].as<Sequence>().items[1], "key separator");
  }
  return make_text(rt, to_json(rt, subject, style));
}

}  // namespace swift::text::jinja
