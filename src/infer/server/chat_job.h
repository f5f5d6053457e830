// A conversation to answer, whichever API it came by.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "infer/server/assembler.h"
#include "infer/server/chat_prompt.h"
#include "infer/server/generation.h"
#include "infer/server/sampling.h"
#include "infer/server/tools.h"

namespace swift::infer::server {

struct ChatJob {
  Asked asked;
  ToolUse tools;
  ChatPrompt prompt;
  std::optional<Constraint> constraint;
  std::string constraint_param = "response_format";
  std::string adapter;
  std::string model;  // as the answer names it
  std::string id;
};

// Holds the job to the context, compiles what its answer must be, and makes the engine's requests of it.
// Throws ApiError(400).
GenerationPlan plan_of(ChatJob& job, Context& context, std::string_view route);

// For one of its answers.
Assembler assembler_of(const ChatJob& job, Context& context);

// {prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, completion_tokens_details}
base::Json usage_json(const Totals& totals, int64_t reasoning_tokens);

}  // namespace swift::infer::server
