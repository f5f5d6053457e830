#include "data/encode.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "data/truncate.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
using base::Json;
namespace {

std::string joined_contents(const Json& messages) {
  std::string text;
  for (const Json& message : messages) text += message["content"].get_ref<const std::string&>();
  return text;
}

Json conversation(std::initializer_list<const char*> contents) {
  Json messages = Json::array();
  for (const char* content : contents) {
    messages.push_back({{"role", messages.size() % 2 == 0 ? "user" : "assistant"}, {"content", content}});
  }
  return messages;
}

// Some templates loop over `tools` without asking whether there are any; those get an empty list.
Json accepted_no_tools(const text::ChatTemplate& chat_template) {
  for (const Json& none : {Json(nullptr), Json::array()}) {
    text::RenderOptions options;
    options.tools = none;
    try {
      chat_template.render(conversation({"hello"}), options);
      return none;
    } catch (const Error&) {
      continue;
    }
  }
  return nullptr;
}

Json without_loss_flags(Json messages) {
  for (Json& message : messages) message.erase("loss");
  return messages;
}

// A template's error, told at the row that it was rendered for.
[[noreturn]] void fail_at_row(const Error& error, const Row& row) {
  const std::string place = error.where().str();
  throw Error(ExitCode::data, (place.empty() ? "" : place + ": ") + error.message(), row.where, error.hint());
}

// Length of "<think> </think>" with the space behind it at the start of the text, 0 when it is not there.
size_t empty_think(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>", kSpace = " \t\r\n";
  if (!text.starts_with(kOpen)) return 0;
  const size_t close = std::min(text.find_first_not_of(kSpace, kOpen.size()), text.size());
  if (!text.substr(close).starts_with(kClose)) return 0;
  return std::min(text.find_first_not_of(kSpace, close + kClose.size()), text.size());
}

}  // namespace

Encoder::Scale Encoder::parse_scale(const EncodeOptions& options) {
  Scale scale;
  std::string_view rest = options.loss_scale;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('+'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    if (name == "last_round")
      scale.last_round = true;
    else if (name == "all")
      scale.all = true;
    else if (name == "ignore_empty_think")
      scale.ignore_empty_think = true;
    else if (name != "default") {
      throw Error(ExitCode::usage, "loss_scale: unknown value '" + std::string(name) + "'", {},
                  "default, last_round or all, optionally with +ignore_empty_think");
    }
  }
  return scale;
}

Encoder::Encoder(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template,
                 EncodeOptions options)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      options_(std::move(options)),
      scale_(parse_scale(options_)),
      markers_(end_markers(tokenizer_, options_.eos_token_ids)) {
  check_truncation(options_.truncation_strategy, options_.pretrain);
  if (!options_.template_variables.is_object()) options_.template_variables = Json::object();
  if (!options_.use_chat_template) chat_template_.reset();
  if (chat_template_) {
    no_tools_ = accepted_no_tools(*chat_template_);
    spans_.emplace(*chat_template_, tokenizer_, markers_);
  } else if (options_.use_chat_template && !options_.pretrain) {
    throw Error(ExitCode::model, "the model directory has no chat template", {},
                "add chat_template.jinja to it, or set use_chat_template false");
  }
  closing_id_ = closing_id();
}

// What the template writes after a turn inside of a conversation, else the first eos.
std::optional<int32_t> Encoder::closing_id() const {
  if (spans_) {
    text::RenderOptions options;
    options.tools = no_tools_;
    options.variables = options_.template_variables;
    try {
      const Rendering probe = spans_->find(conversation({"hello", "reply", "more"}), options);
      if (!probe.spans.empty() && probe.spans[0].closed) {
        const std::string_view turn = std::string_view(probe.text).substr(0, probe.spans[0].end);
        const auto marker = std::find_if(markers_.begin(), markers_.end(),
                                         [&](const EndMarker& m) { return turn.ends_with(m.text); });
        if (marker != markers_.end()) return marker->id;
      }
    } catch (const Error&) {
      // The template refuses the probe; the first eos serves.
    }
  }
  if (!options_.eos_token_ids.empty()) return options_.eos_token_ids.front();
  return std::nullopt;
}

std::vector<int32_t> Encoder::end_ids() const {
  std::vector<int32_t> ids = options_.eos_token_ids;
  for (const EndMarker& marker : markers_) ids.push_back(marker.id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

text::RenderOptions Encoder::render_options(const Row& row) const {
  text::RenderOptions options;
  options.tools = row.tools.is_null() ? no_tools_ : row.tools;
  options.variables = options_.template_variables;
  const auto own = row.columns.find("chat_template_kwargs");
  if (own == row.columns.end() || !own->is_object()) return options;
  for (const auto& item : own->items()) options.variables[item.key()] = item.value();
  return options;
}

// The messages as the template sees them: the default system text in front, without our own keys.
Json Encoder::template_messages(const Row& row) const {
  Json messages = Json::array();
  const bool has_system = !row.messages.empty() && row.messages[0]["role"] == "system";
  if (options_.system && !options_.system->empty() && !has_system) {
    messages.push_back({{"role", "system"}, {"content", *options_.system}});
  }
  for (const Json& message : row.messages) messages.push_back(message);
  return messages;
}

void Encoder::append_id(Sample& sample, int32_t id, bool trained) const {
  sample.input_ids.push_back(id);
  sample.labels.push_back(trained || scale_.all ? id : kIgnore);
}

void Encoder::append_text(Sample& sample, std::string_view text, bool trained) const {
  if (text.empty()) return;
  for (const int32_t id : tokenizer_.encode(text)) append_id(sample, id, trained);
}

void Encoder::append_turn(Sample& sample, std::string_view text, bool trained) const {
  const size_t thoughts = scale_.ignore_empty_think ? empty_think(text) : 0;
  append_text(sample, text.substr(0, thoughts), false);
  append_text(sample, text.substr(thoughts), trained);
}

// Which messages are trained: assistants, less what "loss" and last_round take away.
std::vector<bool> Encoder::trained_messages(const Json& messages) const {
  std::vector<bool> trained(messages.size(), false);
  for (size_t i = messages.size(); i-- > 0;) {
    if (messages[i]["role"] != "assistant") continue;
    trained[i] = !messages[i].contains("loss") || messages[i]["loss"] == true;
    if (scale_.last_round) break;
  }
  return trained;
}

void Encoder::encode_text(Sample& sample, const std::string& text) const {
  if (options_.bos_token_id) append_id(sample, *options_.bos_token_id, true);
  append_text(sample, text, true);
  if (options_.eos_token_ids.empty()) return;
  const int32_t eos = options_.eos_token_ids.front();
  if (sample.input_ids.empty() || sample.input_ids.back() != eos) append_id(sample, eos, true);
}

void Encoder::encode_rendering(Sample& sample, const Row& row, const Json& messages) const {
  const std::vector<bool> trained = trained_messages(messages);
  const Rendering rendering = spans_->find(without_loss_flags(messages), render_options(row));
  const std::string_view text = rendering.text;
  size_t at = 0;
  for (const Span& span : rendering.spans) {
    append_text(sample, text.substr(at, span.begin - at), false);
    append_turn(sample, text.substr(span.begin, span.end - span.begin), trained[span.message]);
    at = span.end;
    const bool last = &span == &rendering.spans.back() && span.message + 1 == messages.size();
    if (last && !span.closed && closing_id_) {
      append_id(sample, *closing_id_, trained[span.message]);
      return;
    }
  }
  append_text(sample, text.substr(at), false);
}

// Without a template: the contents one after another, an eos behind each of the assistant's.
void Encoder::encode_contents(Sample& sample, const Json& messages) const {
  const std::vector<bool> trained = trained_messages(messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& content = messages[i]["content"].get_ref<const std::string&>();
    append_turn(sample, content, trained[i]);
    if (messages[i]["role"] == "assistant" && closing_id_) append_id(sample, *closing_id_, trained[i]);
  }
}

Sample Encoder::encode(const Row& row) const {
  Sample sample;
  sample.where = row.where;
  const Json messages = template_messages(row);
  try {
    if (row.messages.empty()) {
      encode_text(sample, row.text);
    } else if (options_.pretrain) {
      encode_text(sample, chat_template_
                              ? chat_template_->render(without_loss_flags(messages), render_options(row))
                              : joined_contents(messages));
    } else if (spans_) {
      encode_rendering(sample, row, messages);
    } else {
      encode_contents(sample, messages);
    }
  } catch (const Error& error) {
    fail_at_row(error, row);
  }
  return sample;
}

std::vector<Sample> Encoder::encode_to_length(const Row& row) const {
  const bool text_file = options_.pretrain && row.where.file.ends_with(".txt");
  return truncate(encode(row), options_.max_length, text_file ? "split" : options_.truncation_strategy);
}

std::string Encoder::prompt_text(const Row& row) const {
  if (row.messages.empty()) return row.text;
  Row asked = row;
  while (!asked.messages.empty() && asked.messages.back()["role"] == "assistant") {
    asked.messages.erase(asked.messages.size() - 1);
  }
  if (asked.messages.empty()) {
    throw Error(ExitCode::data, "the row has no prompt: all its messages are the assistant's", row.where);
  }
  const Json messages = template_messages(asked);
  if (!chat_template_) return joined_contents(messages);
  text::RenderOptions options = render_options(row);
  options.add_generation_prompt = true;
  try {
    return chat_template_->render(without_loss_flags(messages), options);
  } catch (const Error& error) {
    fail_at_row(error, row);
  }
}

std::vector<int32_t> Encoder::encode_prompt(const Row& row) const {
  std::vector<int32_t> ids = tokenizer_.encode(prompt_text(row));
  const bool plain = row.messages.empty() || !chat_template_;
  if (plain && options_.bos_token_id) ids.insert(ids.begin(), *options_.bos_token_id);
  return ids;
}

}  // namespace swift::data
