#include "infer/server/chat_job.h"

#include "infer/server/reasoning_matcher.h"

namespace swift::infer::server {

using base::Json;

namespace {

bool recognizes_reasoning(const ServerOptions& options) {
  if (options.reasoning_parser == "none") return false;
  if (options.reasoning_parser != "auto") return true;
  return options.chat_template_source.find("<think>") != std::string::npos;
}

const ToolFormat* format_of(const ChatJob& job, const Context& context) {
  if (job.tools.choice != ToolUse::Choice::automatic) return nullptr;
  return tool_format(context.options.tool_call_parser, context.options.chat_template_source);
}

}  // namespace

GenerationPlan plan_of(ChatJob& job, Context& context, std::string_view route) {
  SamplingParams& params = job.asked.params;
  fit_context(params, static_cast<int64_t>(job.prompt.ids.size()), context.service.max_positions(),
              "messages");
  if (const ToolFormat* format = format_of(job, context); format != nullptr && format->special_tokens) {
    params.skip_special = false;
  }
  std::optional<Constraint> constraint = job.constraint;
  std::string param = job.constraint_param;
  if (job.tools.forced()) constraint = forced_constraint(job.tools), param = "tools";
  if (constraint) {
    params.matcher = compile(context.options, *constraint, param);
    if (recognizes_reasoning(context.options)) {
      params.matcher = behind_reasoning(params.matcher, context.tokenizer, context.service.vocab_size(),
                                        job.prompt.open_reasoning);
    }
  }
  GenerationPlan plan{.per_prompt = static_cast<size_t>(job.asked.n), .id = job.id, .route = route};
  plan.prompts.push_back({.prompt = job.prompt.ids,
                          .params = params,
                          .adapter = job.adapter,
                          .priority = job.asked.priority,
                          .cache_salt = job.asked.cache_salt});
  return plan;
}

Assembler assembler_of(const ChatJob& job, Context& context) {
  AssemblerOptions options;
  options.reasoning = recognizes_reasoning(context.options);
  options.open_reasoning = job.prompt.open_reasoning;
  options.parallel = job.tools.parallel;
  const ToolFormat* format = format_of(job, context);
  if (format != nullptr) options.tools = format->make(job.tools.tools);
  if (job.tools.choice == ToolUse::Choice::named) options.tools = make_named(job.tools.name);
  if (job.tools.choice == ToolUse::Choice::required) options.tools = make_required();
  // Mistral's templates take ids of 9 letters and digits only.
  const bool short_ids = format != nullptr && format->name == "mistral";
  options.make_call_id = [&context, short_ids] {
    return short_ids ? context.ids.next("", 9) : context.ids.next("call_", 24);
  };
  return Assembler(std::move(options));
}

Json usage_json(const Totals& totals, int64_t reasoning_tokens) {
  return {{"prompt_tokens", totals.prompt_tokens},
          {"completion_tokens", totals.completion_tokens},
          {"total_tokens", totals.prompt_tokens + totals.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", totals.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", reasoning_tokens}}}};
}

}  // namespace swift::infer::server
