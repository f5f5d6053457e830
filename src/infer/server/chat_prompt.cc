#include "infer/server/chat_prompt.h"

#include <algorithm>

#include "infer/server/messages.h"

namespace swift::infer::server {

using base::Json;

namespace {

constexpr size_t kMaxRendered = 64 << 20;

struct Manner {
  bool add_generation_prompt = true;
  bool continue_final_message = false;
  std::optional<std::string> own_template;
};

Manner read_manner(Fields& fields) {
  Manner manner;
  manner.continue_final_message = fields.boolean("continue_final_message").value_or(false);
  const auto add = fields.boolean("add_generation_prompt");
  manner.add_generation_prompt = add.value_or(!manner.continue_final_message);
  if (manner.continue_final_message && add.value_or(false)) {
    fields.fail("continue_final_message",
                "Cannot set both 'continue_final_message' and 'add_generation_prompt' to true.");
  }
  manner.own_template = fields.text("chat_template");
  return manner;
}

// Rendered without the end of the last message: cut behind its text.
std::string without_end(const std::string& rendered, const Json& messages) {
  std::string last = messages.back()["content"].get<std::string>();
  const auto end = last.find_last_not_of(" \t\r\n");
  last.resize(end == std::string::npos ? 0 : end + 1);
  const size_t at = rendered.rfind(last);
  if (last.empty() || at == std::string::npos) {
    throw ApiError(400,
                   "The chat template does not show the last message as it is, so it cannot be continued.",
                   "continue_final_message");
  }
  return rendered.substr(0, at + last.size());
}

std::vector<int32_t> render(const Json& messages, const Json& tools, const Json& variables,
                            const Manner& manner, Context& context) {
  std::optional<text::ChatTemplate> chosen = context.chat_template;
  if (manner.own_template) {
    const Json special = chosen ? chosen->special_tokens() : Json::object();
    try {
      chosen = text::ChatTemplate::from_source(*manner.own_template, special, "chat_template");
    } catch (const base::Error& error) {
      throw ApiError(400, error.what(), "chat_template");
    }
  }
  if (!chosen) {
    throw ApiError(400, "This model has no chat template; give 'chat_template', or use /v1/completions.",
                   "messages");
  }
  const std::string rendered = chosen->render(
      messages,
      {.add_generation_prompt = manner.add_generation_prompt, .tools = tools, .variables = variables});
  if (rendered.size() > kMaxRendered) {
    throw ApiError(400, "The chat template makes a text of more than 64 MiB.", "chat_template");
  }
  return context.tokenizer.encode(manner.continue_final_message ? without_end(rendered, messages) : rendered);
}

bool ends_in_reasoning(const std::vector<int32_t>& ids, const text::Tokenizer& tokenizer) {
  constexpr size_t kTail = 16;
  const size_t count = std::min(kTail, ids.size());
  const std::string tail = tokenizer.decode(std::span(ids).last(count));
  const size_t open = tail.rfind("<think>");
  return open != std::string::npos && tail.find("</think>", open) == std::string::npos;
}

ChatPrompt build(const Json& messages, const Json& tools, const Json& variables, const Manner& manner,
                 Context& context) {
  ChatPrompt prompt;
  const bool ends_with_answer = messages.back()["role"] == "assistant";
  if (manner.add_generation_prompt && !manner.own_template && !ends_with_answer) {
    data::Row row;
    row.messages = messages;
    row.tools = tools;
    row.columns["chat_template_kwargs"] = variables;
    prompt.ids = context.prompts.encode(row);
  } else {
    prompt.ids = render(messages, tools, variables, manner, context);
  }
  prompt.messages = messages;
  prompt.open_reasoning = ends_in_reasoning(prompt.ids, context.tokenizer);
  if (prompt.ids.empty()) throw ApiError(400, "The messages make an empty prompt.", "messages");
  return prompt;
}

}  // namespace

ChatPrompt read_chat_prompt(Fields& fields, const Json& tools, Context& context) {
  fields.require("messages");
  const Json messages = normalized_messages(*fields.array("messages"), context.options.max_messages);
  const Manner manner = read_manner(fields);
  Json variables = Json::object();
  if (const auto effort = fields.text("reasoning_effort")) variables["reasoning_effort"] = *effort;
  if (const Json* documents = fields.array("documents")) variables["documents"] = *documents;
  if (const Json* own = fields.object("chat_template_kwargs")) variables.update(*own);
  fields.boolean("add_special_tokens");
  return build(messages, tools, variables, manner, context);
}

ChatPrompt chat_prompt(const Json& messages, const Json& tools, const Json& variables, Context& context) {
  return build(messages, tools, variables, {}, context);
}

}  // namespace swift::infer::server
