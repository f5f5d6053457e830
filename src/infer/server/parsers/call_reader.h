// One call in the form {"name": …, "arguments": {…}}, read as it comes.
#pragma once
#include <string>
#include <string_view>

#include "infer/server/parsers/json_scanner.h"
#include "infer/server/parsers/tool_parser.h"

namespace swift::infer::server {

class CallReader {
 public:
  enum class State { more, done, failed };
  // Takes bytes from the front of `text` until the object ends; says how many in `used`. The call begins in
  // the sink once its name is known. "parameters" is another word for "arguments". Failed: no JSON, or an
  // object without a name; `raw()` is then what it was, unless the call has begun.
  State feed(std::string_view text, size_t& used, ToolSink& sink);
  bool begun() const { return begun_; }
  const std::string& raw() const { return raw_; }

 private:
  void member_byte(char c, ToolSink& sink);
  void member_ended(ToolSink& sink);
  void give(std::string_view arguments, ToolSink& sink);
  State finished(ToolSink& sink);

  JsonScanner scanner_;
  std::string raw_;    // everything, while the call has not begun
  std::string key_;    // of the present member, with quotes while it is read
  std::string name_;   // JSON text
  std::string value_;  // arguments that cannot be given yet
  bool key_open_ = false;
  bool is_text_ = false;  // the arguments are a text that holds JSON
  bool seen_ = false;     // arguments
  bool begun_ = false;
  std::string pending_;  // bytes for the sink, given at the end of feed()
};

// `text` is one or more calls in an array, "[{…}, {…}]", or one alone. What follows is left out.
class CallListParser : public ToolParser {
 public:
  void push(std::string_view text, ToolSink& sink) override;
  void finish(ToolSink& sink) override;
  bool ended() const { return state_ == State::ended; }

 private:
  enum class State { start, between, call, ended };
  State state_ = State::start;
  bool list_ = false;
  CallReader reader_;
};

}  // namespace swift::infer::server
