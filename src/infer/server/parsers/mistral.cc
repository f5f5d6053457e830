// [TOOL_CALLS] [{"name": …, "arguments": {…}}, …], or since 2025 [TOOL_CALLS]name[ARGS]{…} for each call.
#include "infer/server/parsers/call_reader.h"
#include "infer/server/parsers/tagged.h"

namespace swift::infer::server {
namespace {

constexpr std::string_view kArguments = "[ARGS]";
constexpr std::string_view kCallId = "[CALL_ID]";

class Mistral : public TaggedParser {
 public:
  Mistral() : TaggedParser("[TOOL_CALLS]") {}

 protected:
  void entered() override {
    form_ = Form::unknown;
    list_ = CallListParser();
    scanner_ = JsonScanner();
  }

  bool inside(std::string& buffer, ToolSink& sink) override {
    if (form_ == Form::unknown) {
      buffer.erase(0, leading_blanks(buffer));
      if (buffer.empty()) return false;
      form_ = buffer[0] == '[' || buffer[0] == '{' ? Form::list : Form::named;
    }
    if (form_ == Form::list) {
      list_.push(buffer, sink);
      buffer.clear();
      return false;
    }
    return form_ == Form::named ? read_name(buffer, sink) : read_arguments(buffer, sink);
  }

  void cut_off(std::string& buffer, ToolSink& sink) override {
    if (form_ == Form::list) list_.finish(sink);
    if (form_ == Form::named) sink.content(open_tag() + buffer);
  }

 private:
  enum class Form { unknown, list, named, arguments };

  bool read_name(std::string& buffer, ToolSink& sink) {
    const size_t at = buffer.find('{');
    if (at == std::string::npos) return false;
    std::string name = buffer.substr(0, at);
    for (const std::string_view tag : {kCallId, kArguments}) {
      if (const size_t found = name.find(tag); found != std::string::npos) name.resize(found);
    }
    while (!name.empty() && leading_blanks(std::string_view(name).substr(name.size() - 1)) == 1)
      name.pop_back();
    buffer.erase(0, at);
    sink.begin_call(name);
    form_ = Form::arguments;
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
    leave();
    return true;
  }

  Form form_ = Form::unknown;
  CallListParser list_;
  JsonScanner scanner_;
};

}  // namespace

std::unique_ptr<ToolParser> make_mistral(const base::Json&) {
  return std::make_unique<Mistral>();
}

}  // namespace swift::infer::server
