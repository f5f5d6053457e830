// The table of forms, and those that tool_choice makes.
#include <array>

#include "base/error.h"
#include "infer/server/parsers/call_reader.h"
#include "infer/server/parsers/tool_parser.h"

namespace swift::infer::server {
namespace {

// In the order in which "auto" looks.
constexpr std::array kFormats = {
    ToolFormat{"glm", " glm45 glm47 glm4_moe ", "<arg_key>", false, make_glm},
    ToolFormat{"hermes", " qwen qwen25 qwen3 ", "<tool_call>", false, make_hermes},
    ToolFormat{"mistral", " mistral_nemo ", "[TOOL_CALLS]", true, make_mistral},
    ToolFormat{"deepseek", " deepseek_v3 deepseek_r1 deepseek_v31 ", "<｜tool▁calls▁begin｜>", true,
               make_deepseek},
    ToolFormat{"pythonic", " llama4_pythonic ", "<|python_start|>", true, make_pythonic},
    ToolFormat{"llama3", " llama llama3_json ", "<|python_tag|>", true, make_llama3},
    ToolFormat{"llama3", " llama ", "\"parameters\": dictionary of argument name", true, make_llama3},
};

// The arguments alone, as tool_choice with a name makes them.
class Named : public ToolParser {
 public:
  explicit Named(std::string name) : name_(std::move(name)) {}
  void push(std::string_view text, ToolSink& sink) override {
    begin(sink);
    sink.arguments(text);
  }
  void finish(ToolSink& sink) override { begin(sink); }

 private:
  void begin(ToolSink& sink) {
    if (!begun_) sink.begin_call(name_);
    begun_ = true;
  }
  std::string name_;
  bool begun_ = false;
};

}  // namespace

const ToolFormat* tool_format(const std::string& name, const std::string& chat_template) {
  if (name == "none") return nullptr;
  std::string known;
  for (const ToolFormat& format : kFormats) {
    if (name == "auto") {
      if (chat_template.find(format.marker) != std::string::npos) return &format;
      continue;
    }
    const bool alias = format.aliases.find(" " + name + " ") != std::string_view::npos;
    if (format.name == name || alias) return &format;
    if (known.find(std::string(format.name)) == std::string::npos) known += ", " + std::string(format.name);
  }
  if (name == "auto") return nullptr;
  throw base::Error(base::ExitCode::usage, "tool_call_parser: unknown name '" + name + "'", {},
                    "known are: auto, none" + known);
}

std::unique_ptr<ToolParser> make_named(const std::string& name) {
  return std::make_unique<Named>(name);
}

std::unique_ptr<ToolParser> make_required() {
  return std::make_unique<CallListParser>();
}

}  // namespace swift::infer::server
