// POST /v1/responses, without stored state: each request brings the whole conversation.
#include "infer/server/messages.h"
#include "infer/server/parted_answer.h"
#include "infer/server/responses_input.h"
#include "infer/server/sse.h"

namespace swift::infer::server {

using base::Json;

namespace {

class ResponsesAnswer : public PartedAnswer {
 public:
  ResponsesAnswer(Context& context, ExchangePtr exchange, ChatJob job, Json echoed)
      : PartedAnswer(context, std::move(exchange), std::move(job)), echoed_(std::move(echoed)) {}

  void fail(const ApiError& error) override {
    if (!streaming_) return exchange_->respond(error_response(error));
    Json response = frame("failed");
    response["error"] = {{"code", "server_error"}, {"message", error.what()}};
    exchange_->write(event_text("response.failed", {{"response", std::move(response)}}));
    exchange_->end_stream();
  }

 protected:
  std::string_view id_prefix(Part::Kind kind) const override {
    return kind == Part::Kind::reasoning ? "rs_" : kind == Part::Kind::text ? "msg_" : "fc_";
  }

  std::string opened_stream() override {
    const Json response = frame("in_progress");
    std::string out = event_text("response.created", {{"response", response}});
    return out += event_text("response.in_progress", {{"response", response}});
  }

  std::string opened(size_t index, const Part& part) override {
    std::string out = event_text("response.output_item.added",
                                 {{"output_index", index}, {"item", item_json(part, "in_progress", true)}});
    if (part.kind == Part::Kind::text) {
      out += event_text(
          "response.content_part.added",
          {{"item_id", part.id}, {"output_index", index}, {"content_index", 0}, {"part", text_json("")}});
    }
    return out;
  }

  std::string grown(size_t index, const Part& part, const std::string& piece) override {
    Json data = {{"item_id", part.id}, {"output_index", index}};
    if (part.kind != Part::Kind::tool) data["content_index"] = 0;
    data["delta"] = piece;
    if (part.kind == Part::Kind::text) data["logprobs"] = Json::array();
    return event_text(stem(part.kind) + ".delta", std::move(data));
  }

  std::string closed(size_t index, const Part& part) override {
    Json data = {{"item_id", part.id}, {"output_index", index}};
    if (part.kind != Part::Kind::tool) data["content_index"] = 0;
    data[part.kind == Part::Kind::tool ? "arguments" : "text"] = part.text;
    if (part.kind == Part::Kind::tool) data["name"] = part.name;
    if (part.kind == Part::Kind::text) data["logprobs"] = Json::array();
    std::string out = event_text(stem(part.kind) + ".done", std::move(data));
    if (part.kind == Part::Kind::text) {
      out += event_text("response.content_part.done", {{"item_id", part.id},
                                                       {"output_index", index},
                                                       {"content_index", 0},
                                                       {"part", text_json(part.text)}});
    }
    return out + event_text("response.output_item.done",
                            {{"output_index", index}, {"item", item_json(part, "completed", false)}});
  }

  std::string closed_stream() override {
    const Json response = whole();
    return event_text("response." + response["status"].get<std::string>(), {{"response", response}});
  }

  Json whole() override {
    const bool cut = finish_reason_ == FinishReason::length;
    Json out = frame(cut ? "incomplete" : "completed");
    if (cut) out["incomplete_details"] = {{"reason", "max_output_tokens"}};
    for (const Part& part : parts_) out["output"].push_back(item_json(part, "completed", false));
    out["usage"] = {{"input_tokens", totals_.prompt_tokens},
                    {"input_tokens_details", {{"cached_tokens", totals_.cached_tokens}}},
                    {"output_tokens", totals_.completion_tokens},
                    {"output_tokens_details", {{"reasoning_tokens", reasoning_tokens_}}},
                    {"total_tokens", totals_.prompt_tokens + totals_.completion_tokens}};
    return out;
  }

 private:
  static std::string stem(Part::Kind kind) {
    return kind == Part::Kind::reasoning ? "response.reasoning_text"
           : kind == Part::Kind::text    ? "response.output_text"
                                         : "response.function_call_arguments";
  }

  static Json text_json(const std::string& text) {
    return {
        {"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", Json::array()}};
  }

  static Json item_json(const Part& part, const char* status, bool empty) {
    Json item = {{"id", part.id}};
    if (part.kind == Part::Kind::tool) {
      item["type"] = "function_call";
      item["call_id"] = part.call_id;
      item["name"] = part.name;
      item["arguments"] = empty ? "" : part.text;
    } else if (part.kind == Part::Kind::reasoning) {
      item["type"] = "reasoning";
      item["summary"] = Json::array();
      item["content"] = Json::array();
      if (!empty) item["content"].push_back({{"type", "reasoning_text"}, {"text", part.text}});
    } else {
      item["type"] = "message";
      item["role"] = "assistant";
      item["content"] = Json::array();
      if (!empty) item["content"].push_back(text_json(part.text));
    }
    item["status"] = status;
    return item;
  }

  Json frame(const char* status) const {
    Json out = {{"id", job_.id},
                {"object", "response"},
                {"created_at", created_},
                {"status", status},
                {"background", false},
                {"error", nullptr},
                {"model", job_.model},
                {"output", Json::array()},
                {"incomplete_details", nullptr},
                {"usage", nullptr},
                {"previous_response_id", nullptr}};
    for (const auto& item : echoed_.items()) out[item.key()] = item.value();
    return out;
  }

  std::string event_text(const std::string& type, Json data) {
    Json out = {{"type", type}, {"sequence_number", sequence_++}};
    for (const auto& item : data.items()) out[item.key()] = item.value();
    return sse(out, type);
  }

  Json echoed_;  // members of the response that repeat the request
  int64_t sequence_ = 0;
};

Json echoed_members(Fields& fields, const ChatJob& job) {
  const auto given = [&](std::string_view key, Json otherwise) {
    const Json* value = fields.find(key);
    return value == nullptr ? std::move(otherwise) : *value;
  };
  return {{"instructions", given("instructions", nullptr)},
          {"max_output_tokens", given("max_output_tokens", nullptr)},
          {"metadata", given("metadata", Json::object())},
          {"parallel_tool_calls", job.tools.parallel},
          {"reasoning", given("reasoning", Json{{"effort", nullptr}, {"summary", nullptr}})},
          {"store", false},
          {"temperature", job.asked.params.temperature},
          {"text", given("text", Json{{"format", {{"type", "text"}}}})},
          {"tool_choice", given("tool_choice", "auto")},
          {"tools", given("tools", Json::array())},
          {"top_p", job.asked.params.top_p},
          {"truncation", "disabled"},
          {"user", given("user", nullptr)}};
}

}  // namespace

void responses(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  ChatJob job;
  const auto name = fields.text("model");
  job.adapter = context.adapter_of(name);
  job.model = name.value_or(context.model_name());
  if (fields.find("previous_response_id") != nullptr || fields.find("conversation") != nullptr) {
    fields.fail("previous_response_id",
                "This server keeps no responses; send the whole conversation in 'input'.");
  }
  if (fields.boolean("background").value_or(false))
    fields.fail("background", "'background' is not supported.");
  job.asked = read_asked(fields, context);
  job.asked.n = 1;
  if (const auto most = fields.integer("max_output_tokens")) {
    check_range(fields, "max_output_tokens", static_cast<double>(*most), 1, INT32_MAX);
    job.asked.params.max_new_tokens = *most;
  }
  job.tools = read_response_tools(fields);
  job.constraint = read_text_format(fields);
  job.constraint_param = "text.format";
  Json variables = Json::object();
  if (const Json* reasoning = fields.object("reasoning")) {
    Fields inner(*reasoning, "reasoning");
    if (const auto effort = inner.text("effort")) variables["reasoning_effort"] = *effort;
  }
  if (const Json* own = fields.object("chat_template_kwargs")) variables.update(*own);
  const Json conversation = normalized_messages(read_response_input(fields), context.options.max_messages);
  job.prompt = chat_prompt(conversation, job.tools.tools, variables, context);
  fields.ignore({"include", "truncation", "max_tool_calls", "top_logprobs", "prompt", "context_management"});
  Json echoed = echoed_members(fields, job);
  context.warn_unknown(fields.unknown());
  job.id = context.ids.next("resp_", 32);
  GenerationPlan plan = plan_of(job, context, "responses");
  Generation::start(context, exchange, std::move(plan),
                    std::make_unique<ResponsesAnswer>(context, exchange, std::move(job), std::move(echoed)));
}

}  // namespace swift::infer::server
