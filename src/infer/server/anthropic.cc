// POST /v1/messages and /v1/messages/count_tokens: Anthropic's Messages API.
#include "infer/server/anthropic_error.h"
#include "infer/server/anthropic_input.h"
#include "infer/server/messages.h"
#include "infer/server/parted_answer.h"
#include "infer/server/sse.h"

namespace swift::infer::server {

using base::Json;

namespace {

class MessagesAnswer : public PartedAnswer {
 public:
  using PartedAnswer::PartedAnswer;

  void fail(const ApiError& error) override {
    if (!streaming_) return exchange_->respond(anthropic_error_response(error));
    exchange_->write(sse(anthropic_error_json(error), "error"));
    exchange_->end_stream();
  }

 protected:
  std::string_view id_prefix(Part::Kind kind) const override {
    return kind == Part::Kind::tool ? "toolu_" : "";
  }

  std::string opened_stream() override {
    Json message = frame();
    message["usage"] = {{"input_tokens", job_.prompt.ids.size()}, {"output_tokens", 0}};
    return sse({{"type", "message_start"}, {"message", std::move(message)}}, "message_start");
  }

  std::string opened(size_t index, const Part& part) override {
    Part empty = part;
    empty.text.clear();
    return sse({{"type", "content_block_start"}, {"index", index}, {"content_block", block(empty)}},
               "content_block_start");
  }

  std::string grown(size_t index, const Part& part, const std::string& piece) override {
    Json delta;
    switch (part.kind) {
      case Part::Kind::reasoning:
        delta = {{"type", "thinking_delta"}, {"thinking", piece}};
        break;
      case Part::Kind::tool:
        delta = {{"type", "input_json_delta"}, {"partial_json", piece}};
        break;
      default:
        delta = {{"type", "text_delta"}, {"text", piece}};
    }
    return sse({{"type", "content_block_delta"}, {"index", index}, {"delta", std::move(delta)}},
               "content_block_delta");
  }

  std::string closed(size_t index, const Part&) override {
    return sse({{"type", "content_block_stop"}, {"index", index}}, "content_block_stop");
  }

  std::string closed_stream() override {
    return sse({{"type", "message_delta"},
                {"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", stop_sequence()}}},
                {"usage", usage()}},
               "message_delta") +
           sse({{"type", "message_stop"}}, "message_stop");
  }

  Json whole() override {
    Json out = frame();
    for (const Part& part : parts_) out["content"].push_back(block(part));
    out["stop_reason"] = stop_reason();
    out["stop_sequence"] = stop_sequence();
    out["usage"] = usage();
    return out;
  }

 private:
  Json frame() const {
    return {{"id", job_.id},           {"type", "message"},        {"role", "assistant"},
            {"model", job_.model},     {"content", Json::array()}, {"stop_reason", nullptr},
            {"stop_sequence", nullptr}};
  }

  static Json block(const Part& part) {
    if (part.kind == Part::Kind::reasoning) {
      return {{"type", "thinking"}, {"thinking", part.text}, {"signature", ""}};
    }
    if (part.kind == Part::Kind::text) return {{"type", "text"}, {"text", part.text}};
    Json input = Json::parse(part.text, nullptr, false);
    if (!input.is_object()) input = Json::object();
    return {{"type", "tool_use"}, {"id", part.call_id}, {"name", part.name}, {"input", std::move(input)}};
  }

  std::string stop_reason() const {
    if (finish_reason_ == FinishReason::length) return "max_tokens";
    if (called_) return "tool_use";
    return stop_string_.empty() ? "end_turn" : "stop_sequence";
  }
  Json stop_sequence() const { return stop_string_.empty() ? Json(nullptr) : Json(stop_string_); }
  Json usage() const {
    return {{"input_tokens", totals_.prompt_tokens - totals_.cached_tokens},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", totals_.cached_tokens},
            {"output_tokens", totals_.completion_tokens}};
  }
};

ChatJob read_conversation(Fields& fields, Context& context) {
  ChatJob job;
  const auto name = fields.text("model");
  job.adapter = context.adapter_of(name);
  job.model = name.value_or(context.model_name());
  job.tools = read_anthropic_tools(fields);
  Json variables = Json::object();
  if (const Json* thinking = fields.object("thinking")) {
    Fields inner(*thinking, "thinking");
    const std::string type = inner.text("type").value_or("");
    if (type == "enabled" || type == "disabled") variables["enable_thinking"] = type == "enabled";
  }
  const Json conversation =
      normalized_messages(read_anthropic_messages(fields), context.options.max_messages);
  job.prompt = chat_prompt(conversation, job.tools.tools, variables, context);
  return job;
}

}  // namespace

void messages(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  ChatJob job = read_conversation(fields, context);
  // Stop strings have another name here; "stop" itself is none of this API's fields.
  job.asked = read_asked(fields, context);
  job.asked.n = 1;
  job.asked.params.stop = fields.texts("stop_sequences");
  fields.require("max_tokens");
  const auto most = fields.integer("max_tokens");
  check_range(fields, "max_tokens", static_cast<double>(*most), 1, INT32_MAX);
  job.asked.params.max_new_tokens = most;
  fields.ignore({"context_management", "mcp_servers", "container", "output_config"});
  context.warn_unknown(fields.unknown());
  job.id = context.ids.next("msg_", 24);
  GenerationPlan plan = plan_of(job, context, "messages");
  Generation::start(context, exchange, std::move(plan),
                    std::make_unique<MessagesAnswer>(context, exchange, std::move(job)));
}

void count_tokens(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  const ChatJob job = read_conversation(fields, context);
  respond_json(*exchange, {{"input_tokens", job.prompt.ids.size()}});
}

}  // namespace swift::infer::server
