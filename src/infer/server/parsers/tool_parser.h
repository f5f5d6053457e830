// The forms in which models write calls of tools, one file each; table in parsers.cc.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"

namespace swift::infer::server {

// What a parser finds, in its order.
class ToolSink {
 public:
  virtual ~ToolSink() = default;
  virtual void content(std::string_view text) = 0;
  virtual void begin_call(const std::string& name) = 0;
  // Of the call that began last. All pieces of a call, joined, are one JSON text.
  virtual void arguments(std::string_view piece) = 0;
};

// Takes an answer's text in pieces; what it finds does not depend on where the text is cut, and never cuts
// inside of a UTF-8 character when the pieces do not. Text that is no call stays content.
class ToolParser {
 public:
  virtual ~ToolParser() = default;
  virtual void push(std::string_view text, ToolSink& sink) = 0;
  virtual void finish(ToolSink& sink) = 0;
};

// One row of the table.
struct ToolFormat {
  std::string_view name;
  std::string_view aliases;  // further names, each between blanks: " qwen qwen25 "
  std::string_view marker;   // in the chat templates of models that write this form; empty: none
  bool special_tokens;       // the tags are special tokens, which an answer's text leaves out unless asked
  // tools: the array of the request's tools.
  std::unique_ptr<ToolParser> (*make)(const base::Json& tools);
};

// The format of that name; "auto": the first whose marker the template's text holds. Null for "none", and for
// "auto" when there is none. Throws base::Error(usage) for an unknown name.
const ToolFormat* tool_format(const std::string& name, const std::string& chat_template);

std::unique_ptr<ToolParser> make_hermes(const base::Json& tools);
std::unique_ptr<ToolParser> make_llama3(const base::Json& tools);
std::unique_ptr<ToolParser> make_mistral(const base::Json& tools);
std::unique_ptr<ToolParser> make_deepseek(const base::Json& tools);
std::unique_ptr<ToolParser> make_glm(const base::Json& tools);
std::unique_ptr<ToolParser> make_pythonic(const base::Json& tools);

// Of tool_choice: the whole text is the arguments of `name`, or an array of calls.
std::unique_ptr<ToolParser> make_named(const std::string& name);
std::unique_ptr<ToolParser> make_required();

}  // namespace swift::infer::server
