// swift template: a conversation as the model sees it, as text or as ids with labels.
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "data/encode.h"
#include "data/schema.h"
#include "text/chat_template.h"
#include "text/model_text.h"

namespace swift::cli {
using base::Error;
using base::ExitCode;
using base::Json;
namespace {

Json read_conversation(const Options& options) {
  if (options.words.size() != 1)
    throw Error(ExitCode::usage, "template needs one JSON file {\"messages\": […]}");
  Json conversation = base::read_json(options.words[0], ExitCode::data);
  if (conversation.is_array()) conversation = {{"messages", conversation}};
  if (!conversation.is_object() || !conversation.contains("messages") ||
      !conversation.at("messages").is_array()) {
    throw Error(ExitCode::data, "the file must hold {\"messages\": […]}", {options.words[0]});
  }
  if (!conversation.value("add_generation_prompt", Json(false)).is_boolean()) {
    throw Error(ExitCode::data, "add_generation_prompt must be true or false", {options.words[0]});
  }
  return conversation;
}

text::ChatTemplate template_of(const Options& options) {
  const std::string file = options.value("chat_template");
  if (!file.empty()) {
    const Json special =
        options.value("model").empty() ? Json::object() : text::special_tokens(options.value("model"));
    return text::ChatTemplate::from_source(base::read_file(file, ExitCode::usage), special, file);
  }
  if (options.value("model").empty())
    throw Error(ExitCode::usage, "template needs --model DIR or --chat_template FILE");
  return text::ChatTemplate::from_directory(options.value("model"));
}

int print_ids(const Options& options, const Json& conversation) {
  if (options.value("model").empty())
    throw Error(ExitCode::usage, "--ids needs --model DIR for its tokenizer");
  const std::string model = options.value("model");
  const auto tokenizer = text::Tokenizer::load(model);
  data::EncodeOptions encode;
  if (!options.value("loss_scale").empty()) encode.loss_scale = options.value("loss_scale");
  encode.eos_token_ids = text::eos_token_ids(model, tokenizer);
  for (const auto& [key, value] : conversation.items()) {
    if (key != "messages" && key != "tools") encode.template_variables[key] = value;
  }
  if (options.switches.contains("enable_thinking"))
    encode.template_variables["enable_thinking"] = options.on("enable_thinking");
  const data::Encoder encoder(tokenizer, template_of(options), encode);
  const data::Row row = data::to_row({conversation, {options.words[0]}}, {});
  const data::Sample sample = encoder.encode(row);
  Json printed = {{"input_ids", sample.input_ids}, {"labels", sample.labels}};
  if (!sample.weights.empty()) printed["loss_scale"] = sample.weights;
  std::cout << printed.dump() << "\n";
  return 0;
}

}  // namespace

int run_template(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const Options options = parse_options(words, {"model", "chat_template", "loss_scale"},
                                        {"add_generation_prompt", "ids", "enable_thinking"});
  const Json conversation = read_conversation(options);
  if (options.on("ids")) return print_ids(options, conversation);
  text::RenderOptions render;
  render.add_generation_prompt =
      options.on("add_generation_prompt") || conversation.value("add_generation_prompt", false);
  if (conversation.contains("tools")) render.tools = conversation.at("tools");
  for (const auto& [key, value] : conversation.items()) {
    if (key != "messages" && key != "tools" && key != "add_generation_prompt") render.variables[key] = value;
  }
  if (options.switches.contains("enable_thinking"))
    render.variables["enable_thinking"] = options.on("enable_thinking");
  std::cout << template_of(options).render(conversation.at("messages"), render);
  return 0;
}

}  // namespace swift::cli
