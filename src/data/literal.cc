#include "data/literal.h"

#include <string>

namespace swift::data {
namespace {

constexpr int kMaxDepth = 8;

class PythonList {
 public:
  explicit PythonList(std::string_view text) : text_(text) {}

  std::optional<base::Json> parse() {
    auto result = value(0);
    skip_space();
    return result && at_ == text_.size() ? result : std::nullopt;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::optional<base::Json> value(int depth) {
    skip_space();
    if (peek() == '\'' || peek() == '"') return string();
    if (text_.substr(at_).starts_with("None")) {
      at_ += 4;
      return base::Json(nullptr);
    }
    if (peek() != '[' && peek() != '(') return std::nullopt;
    return depth < kMaxDepth ? list(depth) : std::nullopt;
  }

  std::optional<base::Json> list(int depth) {
    const char close = text_[at_++] == '[' ? ']' : ')';
    base::Json items = base::Json::array();
    for (;;) {
      skip_space();
      if (peek() == close) {
        ++at_;
        return items;
      }
      auto item = value(depth + 1);
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
      skip_space();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != close) {
        return std::nullopt;
      }
    }
  }

  std::optional<base::Json> string() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) return base::Json(std::move(out));
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      const char escaped = peek();
      if (escaped == '\0') return std::nullopt;
      ++at_;
      if (escaped == 'n')
        out.push_back('\n');
      else if (escaped == 'r')
        out.push_back('\r');
      else if (escaped == 't')
        out.push_back('\t');
      else if (escaped == '\\' || escaped == '\'' || escaped == '"')
        out.push_back(escaped);
      else
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<base::Json> parse_list_text(std::string_view text) {
  base::Json json = base::Json::parse(text, nullptr, false);
  if (json.is_array()) return json;
  auto list = PythonList(text).parse();
  return list && list->is_array() ? list : std::nullopt;
}

}  // namespace swift::data
