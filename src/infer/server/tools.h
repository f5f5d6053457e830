// Tools of a request and which of them an answer may or must call.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"
#include "infer/server/fields.h"
#include "infer/server/options.h"

namespace swift::infer::server {

struct ToolUse {
  enum class Choice { none, automatic, required, named };
  base::Json tools = nullptr;  // null or an array of tool schemas, for the template
  Choice choice = Choice::none;
  std::string name;  // of the named one
  bool parallel = true;
  bool forced() const { return choice == Choice::required || choice == Choice::named; }
};

// tools, tool_choice, parallel_tool_calls. Throws ApiError(400).
ToolUse read_tools(Fields& fields);

// The schema of the function of that name; an empty object when it takes nothing.
base::Json parameters_of(const ToolUse& use, const std::string& name);

// What a forced answer must be: the arguments of the named function, or an array of
// {"name", "parameters"}.
Constraint forced_constraint(const ToolUse& use);

// response_format and structured_outputs. Throws ApiError(400), also when both are given.
std::optional<Constraint> read_constraint(Fields& fields);

// Compiles it. Throws ApiError(400) when the server has no compiler.
std::shared_ptr<const text::TokenMatcher> compile(const ServerOptions& options, const Constraint& constraint,
                                                  const std::string& param);

}  // namespace swift::infer::server
