#include "data/encode.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "data/truncate.h"
#include "data/turn_weights.h"

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
  for (Json& message : messages) {
    message.erase("loss");
    message.erase("loss_scale");
  }
  return messages;
}

// A template's error, told at the row that it was rendered for.
[[noreturn]] void fail_at_row(const Error& error, const Row& row) {
  const std::string place = error.where().str();
  throw Error(ExitCode::data, (place.empty() ? "" : place + ": ") + error.message(), row.where, error.hint());
}

void append_id(Sample& sample, int32_t id, float weight) {
  if (sample.weights.empty() && weight != 0 && weight != 1)
    sample.weights.assign(sample.input_ids.size(), 1.0F);
  sample.input_ids.push_back(id);
  sample.labels.push_back(weight > 0 ? id : kIgnore);
  if (sample.weights.empty()) return;
  sample.weights.push_back(weight > 0 ? weight : 1.0F);
}

}  // namespace

Encoder::Encoder(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template,
                 EncodeOptions options)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      options_(std::move(options)),
      scale_(config::parse_loss_scale(options_.loss_scale)),
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

void Encoder::append_text(Sample& sample, std::string_view text, float weight) const {
  if (text.empty()) return;
  for (const int32_t id : tokenizer_.encode(text)) append_id(sample, id, weight);
}

void Encoder::append_turn(Sample& sample, std::string_view text, float weight) const {
  size_t end = text.size();  // of what the weights are for; the end of the turn has the message's own
  for (const EndMarker& marker : markers_) {
    if (text.ends_with(marker.text)) end = std::min(end, text.size() - marker.text.size());
  }
  std::vector<Stretch> stretches;
  if (weight > 0 && !scale_.parts.empty()) stretches = turn_weights(text.substr(0, end), scale_.parts);
  if (stretches.empty() || (stretches.size() == 1 && stretches[0].weight == 1))
    return append_text(sample, text, weight);
  stretches.push_back({end, text.size(), 1.0F});
  const std::vector<int32_t> ids = tokenizer_.encode(text);
  std::vector<size_t> ends;  // in bytes
  for (const int32_t id : ids)
    ends.push_back((ends.empty() ? 0 : ends.back()) + tokenizer_.bytes_of(id).size());
  if (ends.empty() || ends.back() != text.size()) {
    // The tokenizer changes the text: places are known only by cutting it.
    for (const Stretch& part : stretches)
      append_text(sample, text.substr(part.begin, part.end - part.begin), weight * part.weight);
    return;
  }
  size_t part = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    while (part + 1 < stretches.size() && ends[i] > stretches[part].end) ++part;
    append_id(sample, ids[i], weight * stretches[part].weight);
  }
}

// The factor on the loss of each message, 0 where it is not trained.
std::vector<float> Encoder::message_weights(const Json& messages) const {
  std::vector<float> weights(messages.size(), 0.0F);
  bool in_round = true;  // behind the last user message
  for (size_t i = messages.size(); i-- > 0;) {
    const Json& message = messages[i];
    if (message["role"] != "assistant") {
      if (message["role"] == "user" && i + 1 < messages.size()) in_round = false;
      continue;
    }
    const bool wanted =
        message.contains("loss") ? message["loss"] == true : in_round || scale_.base != "last_round";
    if (wanted) weights[i] = message.value("loss_scale", 1.0F);
  }
  return weights;
}

void Encoder::encode_text(Sample& sample, const std::string& text) const {
  if (options_.bos_token_id) append_id(sample, *options_.bos_token_id, 1);
  append_text(sample, text, 1);
  if (options_.eos_token_ids.empty()) return;
  const int32_t eos = options_.eos_token_ids.front();
  if (sample.input_ids.empty() || sample.input_ids.back() != eos) append_id(sample, eos, 1);
}

void Encoder::encode_rendering(Sample& sample, const Row& row, const Json& messages) const {
  const std::vector<float> weights = message_weights(messages);
  const Rendering rendering = spans_->find(without_loss_flags(messages), render_options(row));
  const std::string_view text = rendering.text;
  size_t at = 0;
  for (const Span& span : rendering.spans) {
    append_text(sample, text.substr(at, span.begin - at), outside());
    append_turn(sample, text.substr(span.begin, span.end - span.begin), weights[span.message]);
    at = span.end;
    const bool last = &span == &rendering.spans.back() && span.message + 1 == messages.size();
    if (last && !span.closed && closing_id_) {
      append_id(sample, *closing_id_, weights[span.message]);
      return;
    }
  }
  append_text(sample, text.substr(at), outside());
}

// Without a template: the contents one after another, an eos behind each of the assistant's.
void Encoder::encode_contents(Sample& sample, const Json& messages) const {
  const std::vector<float> weights = message_weights(messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& content = messages[i]["content"].get_ref<const std::string&>();
    append_turn(sample, content, messages[i]["role"] == "assistant" ? weights[i] : outside());
    if (messages[i]["role"] == "assistant" && closing_id_) append_id(sample, *closing_id_, weights[i]);
  }
}

Sample Encoder::encode(const Row& row) const {
  Sample sample;
  sample.where = row.where;
  sample.channel = row.columns.value("channel", std::string());
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
