#include "infer/prompt.h"

#include <string_view>
#include <utility>

#include "base/error.h"

namespace swift::infer {
namespace {

using base::Json;

data::EncodeOptions encode_options(PromptOptions options, bool has_template) {
  return {.system = std::move(options.system),
          .template_variables = std::move(options.variables),
          .use_chat_template = has_template,
          .bos_token_id = options.bos_token_id};
}

}  // namespace

PromptBuilder::PromptBuilder(const text::Tokenizer& tokenizer,
                             std::optional<text::ChatTemplate> chat_template, PromptOptions options)
    : template_(std::move(chat_template)),
      encoder_(tokenizer, template_, encode_options(std::move(options), template_.has_value())) {}

std::vector<int32_t> PromptBuilder::encode(const data::Row& row) const {
  if (!template_ || !row.messages.empty()) return encoder_.encode_prompt(row);
  data::Row asked = row;
  asked.messages.push_back({{"role", "user"}, {"content", row.text}});
  return encoder_.encode_prompt(asked);
}

std::vector<int32_t> PromptBuilder::encode_messages(const Json& messages) const {
  data::Row row;
  row.messages = messages;
  return encoder_.encode_prompt(row);
}

std::vector<int32_t> PromptBuilder::encode_text(const std::string& text) const {
  data::Row row;
  row.text = text;
  return encode(row);
}

std::vector<int32_t> PromptBuilder::end_of_turn_ids() const {
  std::vector<int32_t> ids;
  if (!template_) return ids;
  const text::Tokenizer& tokenizer = encoder_.tokenizer();
  const Json& special = template_->special_tokens();
  const auto eos = special.find("eos_token");
  if (eos != special.end() && eos->is_string()) {
    if (const auto id = tokenizer.id_of(eos->get<std::string>())) ids.push_back(*id);
  }
  const std::string answer = "answer-whose-end-is-sought";
  Json messages = Json::array();
  messages.push_back({{"role", "user"}, {"content", "question"}});
  messages.push_back({{"role", "assistant"}, {"content", answer}});
  std::string rendered;
  try {
    rendered = template_->render(messages, {.variables = encoder_.options().template_variables});
  } catch (const base::Error&) {
    return ids;  // a template for other conversations than this; the configured ids then have to do
  }
  const size_t at = rendered.rfind(answer);
  if (at == std::string::npos) return ids;
  const std::vector<int32_t> after = tokenizer.encode(std::string_view(rendered).substr(at + answer.size()));
  if (!after.empty() && tokenizer.is_special(after.front())) ids.push_back(after.front());
  return ids;
}

}  // namespace swift::infer
