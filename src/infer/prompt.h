// Conversations to prompt ids, by the same encoder that training uses.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/encode.h"
#include "data/sample.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::infer {

struct PromptOptions {
  base::Json variables = base::Json::object();  // of the template: enable_thinking …
  std::optional<std::string> system;            // of conversations that bring none
  std::optional<int32_t> bos_token_id;          // put before a prompt that no template writes
};

class PromptBuilder {
 public:
  // Without a template, the contents of the messages are the prompt.
  PromptBuilder(const text::Tokenizer& tokenizer, std::optional<text::ChatTemplate> chat_template,
                PromptOptions options = {});

  bool has_template() const { return template_.has_value(); }
  // The conversation up to the answer: the template with its generation prompt. A row of nothing but text is
  // a user's message where there is a template. Throws base::Error(data).
  std::vector<int32_t> encode(const data::Row& row) const;
  std::vector<int32_t> encode_messages(const base::Json& messages) const;
  std::vector<int32_t> encode_text(const std::string& text) const;
  // What ends an answer by the template: its eos_token, and the special token it writes after an assistant's
  // message (<|im_end|>, <|eot_id|> …), which the generation_config.json of a base model does not list.
  std::vector<int32_t> end_of_turn_ids() const;

 private:
  std::optional<text::ChatTemplate> template_;
  data::Encoder encoder_;
};

}  // namespace swift::infer
