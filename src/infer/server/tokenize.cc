// POST /tokenize and /detokenize, as vLLM has them.
#include "infer/server/chat_prompt.h"
#include "infer/server/routes.h"
#include "infer/server/tools.h"

namespace swift::infer::server {

using base::Json;

void tokenize(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  context.adapter_of(fields.text("model"));
  const bool with_strings = fields.boolean("return_token_strs").value_or(false);
  std::vector<int32_t> ids;
  if (fields.find("messages") != nullptr) {
    const ToolUse tools = read_tools(fields);
    ids = read_chat_prompt(fields, tools.tools, context).ids;
  } else {
    fields.require("prompt");
    const std::string text = *fields.text("prompt");
    const bool special = fields.boolean("add_special_tokens").value_or(true);
    data::Row row;
    row.text = text;
    const bool plain = !special || context.prompts.has_template() || text.empty();
    ids = plain ? context.tokenizer.encode(text) : context.prompts.encode(row);
  }
  context.warn_unknown(fields.unknown());
  Json strings = nullptr;
  if (with_strings) {
    strings = Json::array();
    for (const int32_t id : ids) strings.push_back(context.tokenizer.token_of(id));
  }
  respond_json(*exchange, {{"count", ids.size()},
                           {"max_model_len", context.service.max_positions()},
                           {"tokens", ids},
                           {"token_strs", std::move(strings)}});
}

void detokenize(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  context.adapter_of(fields.text("model"));
  fields.require("tokens");
  const auto ids = fields.token_ids("tokens");
  const auto vocab = static_cast<int64_t>(context.tokenizer.vocab_size());
  for (const int32_t id : ids) {
    if (id >= vocab) {
      fields.fail("tokens", "Invalid 'tokens': token id " + std::to_string(id) +
                                " is not in the vocabulary of " + std::to_string(vocab) + " tokens.");
    }
  }
  context.warn_unknown(fields.unknown());
  respond_json(*exchange, {{"prompt", context.tokenizer.decode(ids)}});
}

}  // namespace swift::infer::server
