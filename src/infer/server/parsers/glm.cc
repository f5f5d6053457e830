// GLM 4.5 on: <tool_call>NAME\n<arg_key>k</arg_key>\n<arg_value>v</arg_value>…</tool_call>. A value is JSON,
// except where the tool's schema says that it is a text.
#include <algorithm>
#include <map>
#include <vector>

#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {

using base::Json;

namespace {

constexpr std::string_view kKey = "<arg_key>";
constexpr std::string_view kKeyEnd = "</arg_key>";
constexpr std::string_view kValue = "<arg_value>";
constexpr std::string_view kValueEnd = "</arg_value>";
constexpr std::string_view kEnd = "</tool_call>";

std::string trimmed(std::string_view text) {
  text.remove_prefix(leading_blanks(text));
  const size_t last = text.find_last_not_of(" \t\r\n");
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

class Glm : public TaggedParser {
 public:
  explicit Glm(const Json& tools) : TaggedParser("<tool_call>") {
    for (const Json& tool : tools) {
      const Json& function = tool["function"];
      const auto parameters = function.find("parameters");
      if (parameters == function.end() || !parameters->is_object()) continue;
      const auto properties = parameters->find("properties");
      if (properties == parameters->end() || !properties->is_object()) continue;
      for (const auto& item : properties->items()) {
        const bool text = item.value().is_object() && item.value().value("type", Json()) == "string";
        if (text) texts_[function["name"].get<std::string>()].push_back(item.key());
      }
    }
  }

 protected:
  void entered() override {
    name_.clear();
    count_ = 0;
  }

  bool inside(std::string& buffer, ToolSink& sink) override {
    if (name_.empty()) {
      const size_t at = std::min(buffer.find(kKey), buffer.find(kEnd));
      if (at == std::string::npos) return false;
      name_ = trimmed(std::string_view(buffer).substr(0, at));
      buffer.erase(0, at);
      if (name_.empty()) {
        leave();
        return true;
      }
      sink.begin_call(name_);
    }
    const size_t key = buffer.find(kKey);
    const size_t end = buffer.find(kEnd);
    if (key != std::string::npos && (end == std::string::npos || key < end || open_value(buffer, key, end))) {
      return read_pair(buffer, key, sink);
    }
    if (end == std::string::npos) return false;
    sink.arguments(count_ == 0 ? "{}" : "}");
    buffer.erase(0, end + kEnd.size());
    leave();
    return true;
  }

  void cut_off(std::string& buffer, ToolSink& sink) override {
    if (name_.empty()) sink.content(open_tag() + buffer);
  }

 private:
  // An end that stands inside of a value is none.
  static bool open_value(const std::string& buffer, size_t key, size_t end) {
    const size_t value = buffer.find(kValue, key);
    return value != std::string::npos && value < end;
  }

  bool read_pair(std::string& buffer, size_t key_at, ToolSink& sink) {
    const size_t key_end = buffer.find(kKeyEnd, key_at);
    if (key_end == std::string::npos) return false;
    const size_t value_at = buffer.find(kValue, key_end);
    if (value_at == std::string::npos) return false;
    const size_t value_end = buffer.find(kValueEnd, value_at);
    if (value_end == std::string::npos) return false;
    const std::string key =
        trimmed(std::string_view(buffer).substr(key_at + kKey.size(), key_end - key_at - kKey.size()));
    const std::string raw = buffer.substr(value_at + kValue.size(), value_end - value_at - kValue.size());
    buffer.erase(0, value_end + kValueEnd.size());
    const auto& texts = texts_[name_];
    Json value = raw;
    if (std::find(texts.begin(), texts.end(), key) == texts.end()) {
      const Json parsed = Json::parse(raw, nullptr, false);
      if (!parsed.is_discarded()) value = parsed;
    }
    const auto dump = [](const Json& json) {
      return json.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    sink.arguments((count_++ == 0 ? "{" : ", ") + dump(key) + ": " + dump(value));
    return true;
  }

  std::map<std::string, std::vector<std::string>> texts_;  // parameters that are texts, by function
  std::string name_;
  int count_ = 0;
};

}  // namespace

std::unique_ptr<ToolParser> make_glm(const Json& tools) {
  return std::make_unique<Glm>(tools);
}

}  // namespace swift::infer::server
