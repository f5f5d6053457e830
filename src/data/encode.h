// Rows to token ids with labels, and prompts to token ids.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/loss_scale.h"
#include "data/end_of_turn.h"
#include "data/sample.h"
#include "data/spans.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::data {

struct EncodeOptions {
  bool pretrain = false;
  // default: every assistant turn; last_round: those behind the last user message; all: every token. Parts
  // behind '+' weigh stretches of a turn (turn_weights.h).
  std::string loss_scale = "default";
  std::optional<std::string> system;  // for rows without a system message
  base::Json template_variables =
      base::Json::object();                    // enable_thinking, …; a row's chat_template_kwargs win
  int64_t max_length = 0;                      // tokens; 0 or less: no limit
  std::string truncation_strategy = "delete";  // delete, left, right (the side cut off), split (pt)
  bool use_chat_template = true;
  std::vector<int32_t> eos_token_ids;   // the first ends pt text and turns that nothing ends
  std::optional<int32_t> bos_token_id;  // put before pt text, where the tokenizer does so
};

// Immutable; every method may be called from several threads at once.
class Encoder {
 public:
  // Throws base::Error(usage) for an unknown loss_scale or truncation_strategy, and split without pretrain;
  // base::Error(model) when chat rows need a template and there is none.
  Encoder(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template, EncodeOptions options);

  // The whole row. Trained are the assistant's turns and their end-of-turn tokens (see spans.h), of which
  // loss_scale and a message's "loss": false take some away; a message's "loss_scale" is a factor on its
  // loss. The text is tokenised in pieces, cut where a turn begins and ends, so the ids before a turn are
  // those of its prompt. A token that reaches over the border of two weights has that of its last byte. A
  // last turn that the template does not end gets the token that ends a turn inside of a conversation (GLM:
  // <|user|>), else the first eos, and nothing after it. pretrain: text (or a conversation) all trained, with
  // the first eos behind it. Throws base::Error(data) at the row's place.
  Sample encode(const Row& row) const;

  // encode(), held to max_length by truncation_strategy: no sample (delete, or nothing left to train), one,
  // or several (split). A .txt file is one long text and is always split.
  std::vector<Sample> encode_to_length(const Row& row) const;

  // Ids of the conversation with the generation prompt; assistant messages at its end are left out.
  std::vector<int32_t> encode_prompt(const Row& row) const;
  // The same text before tokenisation.
  std::string prompt_text(const Row& row) const;

  // Every id that ends a turn, for inspect() and for stopping.
  std::vector<int32_t> end_ids() const;
  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  const EncodeOptions& options() const { return options_; }

 private:
  text::RenderOptions render_options(const Row& row) const;
  base::Json template_messages(const Row& row) const;
  std::optional<int32_t> closing_id() const;
  void append_text(Sample& sample, std::string_view text, float weight) const;
  void append_turn(Sample& sample, std::string_view text, float weight) const;
  // Weight of tokens that no assistant writes.
  float outside() const { return scale_.base == "all" ? 1.0F : 0.0F; }
  void encode_text(Sample& sample, const std::string& text) const;
  void encode_rendering(Sample& sample, const Row& row, const base::Json& messages) const;
  void encode_contents(Sample& sample, const base::Json& messages) const;
  std::vector<float> message_weights(const base::Json& messages) const;

  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_template_;
  EncodeOptions options_;
  config::LossScale scale_;
  std::vector<EndMarker> markers_;
  std::optional<SpanFinder> spans_;
  base::Json no_tools_ = nullptr;      // what the template takes for "no tools": null, or []
  std::optional<int32_t> closing_id_;  // ends a turn that the template leaves open
};

}  // namespace swift::data
