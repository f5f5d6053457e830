#include "config/flags.h"

#include <algorithm>

#include "config/names.h"

namespace swift::config {
namespace {

constexpr std::string_view kDeploy = "deploy.";

bool is_flag(const std::string& word) {
  return word.size() > 2 && word.compare(0, 2, "--") == 0;
}

bool is_boolean_word(const std::string& word) {
  static constexpr std::string_view kWords[] = {"true", "false", "True", "False", "yes",
                                                "no",   "on",    "off",  "1",     "0"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

class Parser {
 public:
  Parser(std::span<const std::string> words, const std::vector<Field>& known, Report& report)
      : words_(words), known_(known), report_(report) {}

  Arguments run() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_];
      if (word == "--") {
        out_.positional.insert(out_.positional.end(), words_.begin() + at_ + 1, words_.end());
        break;
      }
      if (word == "--help" || word == "-h") {
        out_.help = true, ++at_;
      } else if (is_flag(word)) {
        flag(word);
      } else {
        positional(word), ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  void positional(const std::string& word) {
    if (word.size() > 1 && word[0] == '-') return fault(word, "unknown option; flags begin with two dashes");
    out_.positional.push_back(word);
  }

  void flag(const std::string& word) {
    ++at_;
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::optional<std::string> inlined;
    if (equals != std::string::npos) inlined = word.substr(equals + 1);
    std::string key = name.substr(2);
    if (key == "set") return set(name, inlined);
    if (key == "config") {
      if (const auto value = one(name, inlined)) out_.config = *value;
      return;
    }
    if (key.compare(0, kDeploy.size(), kDeploy) == 0) {
      if (const auto value = one(name, inlined)) deploy(name, key, *value);
      return;
    }
    std::replace(key.begin(), key.end(), '-', '_');
    const Field* field = resolve(name, key);
    if (field == nullptr) return skip_values(inlined.has_value());
    take(*field, name, inlined);
  }

  // The field of a key or of its alias; reports an unknown one.
  const Field* resolve(const std::string& name, const std::string& key) {
    if (const Field* field = find(known_, key)) return field;
    const Alias* alias = find_alias(key);
    if (alias != nullptr && find(known_, alias->key) != nullptr) {
      if (alias->deprecated) {
        out_.warnings.push_back(name + ": deprecated; use --" + std::string(alias->key));
      }
      return find(known_, alias->key);
    }
    const auto refused = refusal(key);
    fault(name, refused ? *refused : unknown_name("flag", key, known_, "--"));
    return nullptr;
  }

  void take(const Field& field, const std::string& name, const std::optional<std::string>& inlined) {
    RawValue& raw = out_.values[std::string(field.key)];
    raw.origin = Origin::of_flag(name);
    if (field.kind() == Kind::list) {
      raw.kind = RawValue::Kind::list;
      std::vector<std::string> values;
      if (inlined && !inlined->empty()) values.push_back(*inlined);
      while (!inlined && at_ < words_.size() && !is_flag(words_[at_]) && words_[at_] != "--") {
        values.push_back(words_[at_++]);
      }
      if (!inlined && values.empty()) return fault(name, "needs a value: " + expectation(field));
      for (std::string& value : values) raw.items.push_back({std::move(value), raw.origin});
      return;
    }
    raw.kind = RawValue::Kind::scalar;
    std::optional<std::string> value = inlined;
    if (field.kind() == Kind::boolean && !value) {
      const bool given = at_ < words_.size() && is_boolean_word(words_[at_]);
      value = given ? words_[at_++] : "true";
    }
    if (!value) value = one(name, inlined, &field);
    if (value)
      raw.items = {{*value, raw.origin}};
    else
      out_.values.erase(std::string(field.key));
  }

  // The word after the flag, or what follows "=".
  std::optional<std::string> one(const std::string& name, const std::optional<std::string>& inlined,
                                 const Field* field = nullptr) {
    if (inlined) return inlined;
    if (at_ < words_.size() && !is_flag(words_[at_])) return words_[at_++];
    fault(name, "needs a value" + (field != nullptr ? ": " + expectation(*field) : ""));
    return std::nullopt;
  }

  // --set key=value, the value being YAML.
  void set(const std::string& name, const std::optional<std::string>& inlined) {
    const auto assignment = one(name, inlined);
    if (!assignment) return;
    const size_t equals = assignment->find('=');
    if (equals == std::string::npos) return fault(name, "needs key=value, not '" + *assignment + "'");
    const std::string key = assignment->substr(0, equals);
    const std::string value = assignment->substr(equals + 1);
    const std::string shown = name + " " + key;
    if (key.compare(0, kDeploy.size(), kDeploy) == 0) return deploy(shown, key, value);
    const Field* field = resolve(shown, key);
    if (field == nullptr) return;
    const Origin origin = Origin::of_flag(shown);
    if (const auto node = yaml(shown, value)) {
      out_.values[std::string(field->key)] = raw_value(*node, report_, key, &origin);
    }
  }

  void deploy(const std::string& name, const std::string& key, const std::string& value) {
    const std::string path = key.substr(kDeploy.size());
    if (path.empty() || path.front() == '.' || path.back() == '.' || path.find("..") != std::string::npos) {
      return fault(name, "an empty part in '" + key + "'");
    }
    if (!base::is_utf8(path)) return fault(name, "not UTF-8 text");
    const auto parts = 1 + std::count(path.begin(), path.end(), '.');
    if (parts > kYamlMaxDepth)
      return fault(name, "nested deeper than " + std::to_string(kYamlMaxDepth) + " levels");
    if (const auto node = yaml(name, value)) {
      out_.deploy.emplace_back(path, *node);
      out_.deploy_origins[path] = Origin::of_flag(name);
    }
  }

  std::optional<YamlNode> yaml(const std::string& name, const std::string& value) {
    Report faults;
    YamlNode node = parse_yaml(value, name, faults);
    if (faults.empty()) return node;
    fault(name, "'" + value + "' is not a YAML value");
    return std::nullopt;
  }

  // The values of an unknown flag are not read as further arguments.
  void skip_values(bool inlined) {
    while (!inlined && at_ < words_.size() && !is_flag(words_[at_])) ++at_;
  }

  void fault(const std::string& name, const std::string& message) {
    report_.add({Origin::of_flag(name), 1, message});
  }

  std::span<const std::string> words_;
  const std::vector<Field>& known_;
  Report& report_;
  Arguments out_;
  size_t at_ = 0;
};

}  // namespace

Arguments parse_arguments(std::span<const std::string> words, const std::vector<Field>& known,
                          Report& report) {
  return Parser(words, known, report).run();
}

}  // namespace swift::config
