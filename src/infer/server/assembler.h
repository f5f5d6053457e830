// An answer's text, as it comes, taken apart into reasoning, content and tool calls.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "infer/server/parsers/tool_parser.h"
#include "infer/server/stream_delta.h"

namespace swift::infer::server {

struct AssemblerOptions {
  bool reasoning = false;             // <think>…</think> at the start is reasoning
  bool open_reasoning = false;        // the prompt ended with <think>
  std::unique_ptr<ToolParser> tools;  // none: calls are content
  bool parallel = true;               // false: only the first call counts
  std::function<std::string()> make_call_id;
};

class Assembler {
 public:
  explicit Assembler(AssemblerOptions options);
  // What the text makes certain. The result of all calls together does not depend on where it was cut.
  Delta push(std::string_view text);
  Delta finish();  // the text has ended
  bool in_reasoning() const { return part_ == Part::reasoning; }
  int tool_calls() const { return calls_; }

 private:
  enum class Part { start, reasoning, behind_reasoning, answer };
  class Collector;
  void push_reasoning(std::string_view text, Delta& delta);
  void push_answer(std::string_view text, Delta& delta);
  void add_content(std::string_view text, Delta& delta);

  AssemblerOptions options_;
  Part part_;
  std::string held_;       // undecided: the beginning, or what may be a tag
  std::string blank_;      // blanks behind the content, dropped if a call follows
  bool reasoned_ = false;  // reasoning has been given
  int calls_ = 0;
  bool ignoring_ = false;  // inside of a call that does not count
};

}  // namespace swift::infer::server
