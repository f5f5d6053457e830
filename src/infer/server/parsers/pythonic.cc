// The answer is a list of Python calls, [f(a=1), g(b="x")]: Llama 3.2 and 4, ToolACE. A call is given when it
// is complete, as its end is only known then.
#include <optional>

#include "infer/server/parsers/python_literal.h"
#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {

using base::Json;

namespace {

constexpr std::string_view kTag = "<|python_start|>";

// Index behind the closing bracket of the call that begins at the front, or none yet.
std::optional<size_t> end_of_call(std::string_view text) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && --depth == 0) return i + 1;
    if (depth < 0) return i;
  }
  return std::nullopt;
}

// name(key=literal, …)
bool read_call(std::string_view text, ToolSink& sink) {
  size_t at = 0;
  const std::string name = python_name(text, at);
  if (name.empty() || at >= text.size() || text[at] != '(') return false;
  ++at;
  Json arguments = Json::object();
  while (true) {
    skip_blanks(text, at);
    if (at < text.size() && text[at] == ')') break;
    const std::string key = python_name(text, at);
    skip_blanks(text, at);
    if (key.empty() || at >= text.size() || text[at] != '=') return false;
    ++at;
    auto value = python_literal(text, at);
    if (!value) return false;
    arguments[key] = std::move(*value);
    skip_blanks(text, at);
    if (at < text.size() && text[at] == ',')
      ++at;
    else if (at >= text.size() || text[at] != ')')
      return false;
  }
  sink.begin_call(name);
  sink.arguments(arguments.dump(-1, ' ', false, Json::error_handler_t::replace));
  return true;
}

class Pythonic : public ToolParser {
 public:
  void push(std::string_view text, ToolSink& sink) override {
    held_ += text;
    while (!held_.empty() && step(sink)) {
    }
  }

  void finish(ToolSink& sink) override {
    if (part_ != Part::ended && !(part_ == Part::list && opening_.empty())) sink.content(opening_ + held_);
    held_.clear();
    opening_.clear();
  }

 private:
  enum class Part { start, list, ended, content };

  bool step(ToolSink& sink) {
    switch (part_) {
      case Part::start:
        return start();
      case Part::list:
        return in_list(sink);
      case Part::ended:
        held_.clear();
        return false;
      default:
        sink.content(held_);
        held_.clear();
        return false;
    }
  }

  bool start() {
    const size_t at = leading_blanks(held_);
    const std::string_view rest = std::string_view(held_).substr(at);
    if (rest.size() < kTag.size() && kTag.starts_with(rest)) return false;
    if (rest.starts_with(kTag)) {
      held_.erase(0, at + kTag.size());
      return true;
    }
    if (rest.front() != '[') {
      part_ = Part::content;
      return true;
    }
    size_t name = 1;
    skip_blanks(rest, name);
    const size_t begin = name;
    python_name(rest, name);
    if (name == rest.size()) return false;  // the name goes on, perhaps
    if (name == begin || rest[name] != '(') {
      part_ = Part::content;
      return true;
    }
    opening_ = held_.substr(0, at + 1);
    held_.erase(0, at + 1);
    part_ = Part::list;
    return true;
  }

  bool in_list(ToolSink& sink) {
    size_t at = leading_blanks(held_);
    if (at < held_.size() && held_[at] == ',') ++at;
    at += leading_blanks(std::string_view(held_).substr(at));
    if (at < held_.size() && held_[at] == ']') {
      part_ = Part::ended;
      return true;
    }
    const auto end = end_of_call(std::string_view(held_).substr(at));
    if (!end) return false;
    if (!read_call(std::string_view(held_).substr(at, *end), sink)) {
      held_ = opening_ + held_;
      opening_.clear();
      part_ = Part::content;
      return true;
    }
    opening_.clear();
    held_.erase(0, at + *end);
    return true;
  }

  Part part_ = Part::start;
  std::string held_;
  std::string opening_;  // the bracket, while no call has been read
};

}  // namespace

std::unique_ptr<ToolParser> make_pythonic(const Json&) {
  return std::make_unique<Pythonic>();
}

}  // namespace swift::infer::server
