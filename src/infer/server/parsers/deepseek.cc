// DeepSeek: <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>…<｜tool▁call▁end｜>…<｜tool▁calls▁end｜>. A call is
// function<｜tool▁sep｜>NAME\n```json\n{…}\n``` (V3, R1) or NAME<｜tool▁sep｜>{…} (V3.1).
#include <algorithm>

#include "infer/server/parsers/json_scanner.h"
#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {
namespace {

constexpr std::string_view kCall = "<｜tool▁call▁begin｜>";
constexpr std::string_view kSeparator = "<｜tool▁sep｜>";
constexpr std::string_view kCallEnd = "<｜tool▁call▁end｜>";
constexpr std::string_view kCallsEnd = "<｜tool▁calls▁end｜>";

class DeepSeek : public TaggedParser {
 public:
  DeepSeek() : TaggedParser("<｜tool▁calls▁begin｜>") {}

 protected:
  void entered() override { part_ = Part::between; }

  bool inside(std::string& buffer, ToolSink& sink) override {
    switch (part_) {
      case Part::between:
        return between(buffer);
      case Part::name:
        return read_name(buffer, sink);
      case Part::arguments:
        return read_arguments(buffer, sink);
      default:
        if (!skip_past(buffer, kCallEnd)) return false;
        part_ = Part::between;
        return true;
    }
  }

  void cut_off(std::string& buffer, ToolSink& sink) override {
    if (part_ == Part::name) sink.content(buffer);
  }

 private:
  enum class Part { between, name, arguments, rest };

  bool between(std::string& buffer) {
    const size_t call = buffer.find(kCall);
    const size_t end = buffer.find(kCallsEnd);
    if (end != std::string::npos && (call == std::string::npos || end < call)) {
      buffer.erase(0, end + kCallsEnd.size());
      leave();
      return true;
    }
    if (call == std::string::npos) {
      const size_t keep = std::max(partial_suffix(buffer, kCall), partial_suffix(buffer, kCallsEnd));
      buffer.erase(0, buffer.size() - keep);
      return false;
    }
    buffer.erase(0, call + kCall.size());
    part_ = Part::name;
    return true;
  }

  // The name stands before the separator, or behind it when the word "function" stands before.
  bool read_name(std::string& buffer, ToolSink& sink) {
    const size_t separator = buffer.find(kSeparator);
    if (separator == std::string::npos) return false;
    std::string name = buffer.substr(0, separator);
    size_t brace = separator + kSeparator.size();
    if (name == "function") {
      const size_t line = buffer.find('\n', brace);
      if (line == std::string::npos) return false;
      name = buffer.substr(brace, line - brace);
      brace = line;
    }
    brace = buffer.find('{', brace);
    if (brace == std::string::npos) return false;
    buffer.erase(0, brace);
    const size_t first = leading_blanks(name);
    name.erase(0, first);
    name.resize(name.find_last_not_of(" \t\r\n") + 1);
    sink.begin_call(name);
    scanner_ = JsonScanner();
    part_ = Part::arguments;
    return true;
  }

  bool read_arguments(std::string& buffer, ToolSink& sink) {
    size_t used = 0;
    auto state = JsonScanner::State::more;
    while (used < buffer.size() && state == JsonScanner::State::more) state = scanner_.push(buffer[used++]);
    if (state == JsonScanner::State::failed) --used;
    sink.arguments(std::string_view(buffer).substr(0, used));
    buffer.erase(0, used);
    if (state == JsonScanner::State::more) return false;
    part_ = Part::rest;
    return true;
  }

  Part part_ = Part::between;
  JsonScanner scanner_;
};

}  // namespace

std::unique_ptr<ToolParser> make_deepseek(const base::Json&) {
  return std::make_unique<DeepSeek>();
}

}  // namespace swift::infer::server
