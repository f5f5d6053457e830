#include "config/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/format.h"
#include "base/suggest.h"

namespace swift::config {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Converts the elements of one value for one field, reporting each fault at its own place.
class Assigner {
 public:
  Assigner(const Field& field, const RawValue& raw, Report& report)
      : field_(field), raw_(raw), report_(report) {}

  bool operator()(std::string* out) const { return scalar(*out); }
  bool operator()(bool* out) const { return scalar(*out); }
  bool operator()(int64_t* out) const { return scalar(*out); }
  bool operator()(double* out) const { return scalar(*out); }

  template <class T>
  bool operator()(std::optional<T>* out) const {
    if (raw_.kind == RawValue::Kind::null) return out->reset(), true;
    T value{};
    if (!scalar(value)) return false;
    *out = std::move(value);
    return true;
  }

  bool operator()(std::vector<std::string>* out) const {
    std::vector<std::string> values;
    bool good =
        raw_.kind != RawValue::Kind::map || fault("a map where " + expectation(field_) + " is expected");
    for (const RawText& item : raw_.items) {
      for (const std::string& word : words(item)) {
        std::string value;
        good = convert({word, item.origin, item.length, item.plain}, value) && good;
        values.push_back(std::move(value));
      }
    }
    if (good) *out = std::move(values);
    return good;
  }

 private:
  // An unquoted scalar where a list is expected may hold several values.
  std::vector<std::string> words(const RawText& item) const {
    const bool split =
        raw_.kind == RawValue::Kind::scalar && item.plain && item.origin.source != Source::flag;
    if (!split) return {item.text};
    std::istringstream stream(item.text);
    std::vector<std::string> found;
    for (std::string word; stream >> word;) found.push_back(std::move(word));
    return found;
  }

  template <class T>
  bool scalar(T& out) const {
    switch (raw_.kind) {
      case RawValue::Kind::scalar:
        return convert(raw_.items.front(), out);
      case RawValue::Kind::null:
        return fault("needs a value: " + expectation(field_));
      case RawValue::Kind::list:
        return fault("a list where " + expectation(field_) + " is expected");
      case RawValue::Kind::map:
        break;
    }
    if constexpr (std::is_same_v<T, std::string>) {
      if (field_.limits.json_object) return out = raw_.map.dump(), true;
    }
    return fault("a map where " + expectation(field_) + " is expected");
  }

  bool convert(const RawText& raw, std::string& out) const {
    if (!base::is_utf8(raw.text)) return fault(raw, "not UTF-8 text");
    const auto& choices = field_.limits.one_of;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), raw.text) == choices.end()) {
      const std::vector<std::string> names(choices.begin(), choices.end());
      const auto near = base::nearest(raw.text, names);
      return fault(raw, "'" + raw.text + "' is not one of " +
                            expectation(field_).substr(expectation(field_).find("of ") + 3) +
                            (near ? "; did you mean '" + *near + "'?" : ""));
    }
    if (field_.limits.json_object && !raw.text.empty()) {
      const base::Json parsed = base::Json::parse(raw.text, nullptr, false);
      if (!parsed.is_object()) return fault(raw, "'" + raw.text + "' is not a JSON object");
    }
    out = raw.text;
    return true;
  }

  bool convert(const RawText& raw, bool& out) const {
    const std::string word = lower(raw.text);
    const auto is = [&](std::initializer_list<const char*> names) {
      return std::find(names.begin(), names.end(), word) != names.end();
    };
    if (is({"true", "yes", "on", "1"})) return out = true, true;
    if (is({"false", "no", "off", "0"})) return out = false, true;
    return fault(raw, "'" + raw.text + "' is neither true nor false");
  }

  bool convert(const RawText& raw, int64_t& out) const {
    const char* end = raw.text.data() + raw.text.size();
    const auto [stop, error] = std::from_chars(raw.text.data(), end, out);
    if (error == std::errc::result_out_of_range) return fault(raw, raw.text + " does not fit in 64 bits");
    if (error != std::errc() || stop != end) return fault(raw, "'" + raw.text + "' is not an integer");
    return within(raw, static_cast<double>(out));
  }

  bool convert(const RawText& raw, double& out) const {
    const char* end = raw.text.data() + raw.text.size();
    const auto [stop, error] = std::from_chars(raw.text.data(), end, out);
    if (error == std::errc::result_out_of_range) return fault(raw, raw.text + " does not fit in a double");
    if (error != std::errc() || stop != end || !std::isfinite(out)) {
      return fault(raw, "'" + raw.text + "' is not a number");
    }
    return within(raw, out);
  }

  bool within(const RawText& raw, double value) const {
    const Limits& limits = field_.limits;
    if (value < limits.min) return fault(raw, raw.text + " is below " + base::shortest(limits.min));
    if (value > limits.max) return fault(raw, raw.text + " is above " + base::shortest(limits.max));
    if (value <= limits.above) return fault(raw, raw.text + " is not above " + base::shortest(limits.above));
    if (value >= limits.below) return fault(raw, raw.text + " is not below " + base::shortest(limits.below));
    return true;
  }

  bool fault(const RawText& raw, const std::string& message) const {
    report_.add({raw.origin, raw.length, prefix(raw.origin, field_.key) + message});
    return false;
  }
  bool fault(const std::string& message) const {
    report_.add({raw_.origin, raw_.length, prefix(raw_.origin, field_.key) + message});
    return false;
  }

  const Field& field_;
  const RawValue& raw_;
  Report& report_;
};

}  // namespace

std::string prefix(const Origin& origin, std::string_view key) {
  const bool in_file = origin.source == Source::file || origin.source == Source::args_json;
  return in_file ? std::string(key) + ": " : "";
}

RawValue raw_value(const YamlNode& node, Report& report, const std::string& key, const Origin* origin) {
  const auto origin_of = [&](const YamlNode& at) {
    return origin != nullptr ? *origin : Origin::in_file(at.where);
  };
  RawValue raw;
  raw.origin = origin_of(node);
  raw.length = node.length;
  const auto add = [&](const YamlNode& scalar) {
    raw.items.push_back({scalar.text, origin_of(scalar), scalar.length, scalar.plain});
  };
  switch (node.kind) {
    case YamlNode::Kind::null:
      break;
    case YamlNode::Kind::scalar:
      raw.kind = RawValue::Kind::scalar, add(node);
      break;
    case YamlNode::Kind::map:
      raw.kind = RawValue::Kind::map, raw.map = to_json(node);
      break;
    case YamlNode::Kind::list:
      raw.kind = RawValue::Kind::list;
      for (const YamlNode& item : node.items) {
        if (item.kind == YamlNode::Kind::scalar) {
          add(item);
        } else {
          report.add(
              {origin_of(item), 1, prefix(raw.origin, key) + "an element of a list must be a plain value"});
        }
      }
  }
  return raw;
}

bool assign(const Field& field, const RawValue& raw, Report& report) {
  return std::visit(Assigner(field, raw, report), field.slot);
}

}  // namespace swift::config
