// POST /v1/chat/completions
#include "infer/server/chat_job.h"
#include "infer/server/logprobs_json.h"
#include "infer/server/routes.h"
#include "infer/server/sse.h"

namespace swift::infer::server {

using base::Json;

namespace {

struct ChatOptions {
  bool logprobs = false;
  std::optional<int64_t> prompt_logprobs;
  std::string echo;  // text before the answer
};

struct Choice {
  explicit Choice(Assembler made) : assembler(std::move(made)) {}
  Assembler assembler;
  int64_t reasoning_tokens = 0;
  // Of a whole answer.
  std::string content, reasoning;
  Json tool_calls = Json::array();
  Json logprobs = Json::array();
  Json token_ids = Json::array();
  Json prompt_logprobs = nullptr;
  std::string finish_reason;
  Json stop_reason = nullptr;
};

Json tool_json(const ToolDelta& tool) {
  Json out = {{"index", tool.index}};
  if (!tool.id.empty()) {
    out["id"] = tool.id;
    out["type"] = "function";
    out["function"] = {{"name", tool.name}, {"arguments", tool.arguments}};
  } else {
    out["function"] = {{"arguments", tool.arguments}};
  }
  return out;
}

class ChatAnswer : public Answer {
 public:
  ChatAnswer(Context& context, ExchangePtr exchange, ChatJob job, ChatOptions options)
      : context_(context),
        exchange_(std::move(exchange)),
        job_(std::move(job)),
        options_(std::move(options)) {
    for (int64_t i = 0; i < job_.asked.n; ++i) choices_.emplace_back(assembler_of(job_, context_));
  }

  void begin() override {
    if (!job_.asked.stream) return;
    std::string first;
    for (size_t i = 0; i < choices_.size(); ++i) {
      first += chunk_text(i, {{"role", "assistant"}, {"content", ""}}, {});
      if (!options_.echo.empty()) first += chunk_text(i, {{"content", options_.echo}}, {});
    }
    begin_sse(*exchange_, context_, std::move(first));
    streaming_ = true;
  }

  void event(size_t index, const Event& event, const Totals& totals) override {
    totals_ = totals;
    Choice& choice = choices_[index];
    if (choice.assembler.in_reasoning()) {
      choice.reasoning_tokens += static_cast<int64_t>(event.token_ids.size());
    }
    Delta delta = choice.assembler.push(event.text);
    std::optional<Delta> last;
    if (event.finish_reason) {
      last = choice.assembler.finish();
      const bool called = choice.assembler.tool_calls() > 0 && *event.finish_reason == FinishReason::stop;
      choice.finish_reason = called ? "tool_calls" : std::string(to_string(*event.finish_reason));
      if (!event.stop_string.empty())
        choice.stop_reason = event.stop_string;
      else if (event.stop_id && listed(*event.stop_id))
        choice.stop_reason = *event.stop_id;
    }
    if (streaming_) {
      stream(index, event, delta, last);
    } else {
      gather(choice, event, delta);
      if (last) gather(choice, {}, *last);
    }
  }

  void end(const Totals& totals) override {
    totals_ = totals;
    if (!streaming_) return respond_json(*exchange_, whole());
    std::string rest;
    if (job_.asked.include_usage) {
      Json chunk = frame("chat.completion.chunk");
      chunk["choices"] = Json::array();
      chunk["usage"] = usage();
      rest = sse(chunk);
    }
    exchange_->write(rest + std::string(kDone));
    exchange_->end_stream();
  }

  void fail(const ApiError& error) override {
    if (!streaming_) return exchange_->respond(error_response(error));
    exchange_->write(sse(error_json(error)) + std::string(kDone));
    exchange_->end_stream();
  }

 private:
  bool listed(int32_t id) const {
    const auto& ids = job_.asked.params.stop_ids;
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  }

  Json frame(const char* object) const {
    return {{"id", job_.id}, {"object", object}, {"created", created_}, {"model", job_.model}};
  }

  Json usage() const {
    int64_t reasoning = 0;
    for (const Choice& choice : choices_) reasoning += choice.reasoning_tokens;
    return usage_json(totals_, reasoning);
  }

  // extra: further members of the choice (logprobs, finish_reason, token_ids).
  std::string chunk_text(size_t index, Json delta, const Json& extra) const {
    Json choice = {
        {"index", index}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
    for (const auto& item : extra.items()) choice[item.key()] = item.value();
    Json chunk = frame("chat.completion.chunk");
    chunk["choices"] = Json::array({std::move(choice)});
    if (job_.asked.include_usage) chunk["usage"] = job_.asked.continuous_usage ? usage() : Json(nullptr);
    return sse(chunk);
  }

  // One chunk for each kind of text; the log-probabilities stand in the first.
  std::string delta_text(size_t index, const Delta& delta, Json extra) const {
    std::string text;
    const auto add = [&](Json part) {
      text += chunk_text(index, std::move(part), extra);
      extra = Json::object();
    };
    if (!delta.reasoning.empty()) {
      add({{"reasoning", delta.reasoning}, {"reasoning_content", delta.reasoning}});
    }
    if (!delta.content.empty()) add({{"content", delta.content}});
    for (const ToolDelta& tool : delta.tools) add({{"tool_calls", Json::array({tool_json(tool)})}});
    if (!extra.empty()) add({{"content", ""}});
    return text;
  }

  void stream(size_t index, const Event& event, const Delta& delta, const std::optional<Delta>& last) {
    Json extra = Json::object();
    if (options_.logprobs && !event.logprobs.empty()) {
      extra["logprobs"] = {{"content", chat_logprobs(context_.tokenizer, event.logprobs)},
                           {"refusal", nullptr}};
    }
    if (job_.asked.return_token_ids && !event.token_ids.empty()) extra["token_ids"] = event.token_ids;
    std::string text = delta_text(index, delta, std::move(extra));
    if (last) {
      text += delta_text(index, *last, Json::object());
      const Choice& choice = choices_[index];
      text += chunk_text(index, Json::object(),
                         {{"finish_reason", choice.finish_reason}, {"stop_reason", choice.stop_reason}});
    }
    if (!text.empty()) exchange_->write(std::move(text));
  }

  void gather(Choice& choice, const Event& event, const Delta& delta) const {
    choice.content += delta.content;
    choice.reasoning += delta.reasoning;
    for (const ToolDelta& tool : delta.tools) {
      if (!tool.id.empty()) {
        Json call = tool_json(tool);
        call.erase("index");
        choice.tool_calls.push_back(std::move(call));
      } else {
        auto& arguments = choice.tool_calls.back()["function"]["arguments"];
        arguments = arguments.get<std::string>() + tool.arguments;
      }
    }
    if (options_.logprobs) {
      for (Json& item : chat_logprobs(context_.tokenizer, event.logprobs))
        choice.logprobs.push_back(std::move(item));
    }
    if (options_.prompt_logprobs && !event.prompt_logprobs.empty()) {
      choice.prompt_logprobs = prompt_logprobs(context_.tokenizer, event.prompt_logprobs);
    }
    if (job_.asked.return_token_ids) {
      for (const int32_t id : event.token_ids) choice.token_ids.push_back(id);
    }
  }

  Json message_of(const Choice& choice) const {
    Json message = {{"role", "assistant"}, {"content", options_.echo + choice.content}, {"refusal", nullptr}};
    if (!choice.reasoning.empty()) {
      message["reasoning"] = choice.reasoning;
      message["reasoning_content"] = choice.reasoning;
    }
    if (!choice.tool_calls.empty()) {
      if (choice.content.empty()) message["content"] = nullptr;
      message["tool_calls"] = choice.tool_calls;
    }
    return message;
  }

  Json whole() const {
    Json out = frame("chat.completion");
    out["choices"] = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      Json item = {{"index", i},
                   {"message", message_of(choice)},
                   {"logprobs", nullptr},
                   {"finish_reason", choice.finish_reason},
                   {"stop_reason", choice.stop_reason}};
      if (options_.logprobs) item["logprobs"] = {{"content", choice.logprobs}, {"refusal", nullptr}};
      if (job_.asked.return_token_ids) item["token_ids"] = choice.token_ids;
      out["choices"].push_back(std::move(item));
    }
    out["usage"] = usage();
    out["system_fingerprint"] = "swift-" + context_.options.version;
    if (options_.prompt_logprobs) out["prompt_logprobs"] = choices_.front().prompt_logprobs;
    if (job_.asked.return_token_ids) out["prompt_token_ids"] = job_.prompt.ids;
    return out;
  }

  Context& context_;
  ExchangePtr exchange_;
  ChatJob job_;
  ChatOptions options_;
  int64_t created_ = unix_time();
  std::vector<Choice> choices_;
  Totals totals_;
  bool streaming_ = false;
};

ChatOptions read_options(Fields& fields, SamplingParams& params, const Context& context) {
  ChatOptions options;
  options.logprobs = fields.boolean("logprobs").value_or(false);
  const auto limit = static_cast<double>(context.options.max_logprobs);
  if (const auto top = fields.integer("top_logprobs")) {
    if (*top > 0 && !options.logprobs) {
      fields.fail("top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
    }
    check_range(fields, "top_logprobs", static_cast<double>(*top), 0, limit);
    params.top_logprobs = *top;
  }
  params.logprobs = options.logprobs;
  if (const auto count = fields.integer("prompt_logprobs")) {
    check_range(fields, "prompt_logprobs", static_cast<double>(*count), 0, limit);
    options.prompt_logprobs = params.prompt_logprobs = *count;
  }
  return options;
}

}  // namespace

void chat_completions(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  ChatJob job;
  const auto name = fields.text("model");
  job.adapter = context.adapter_of(name);
  job.model = name.value_or(context.model_name());
  job.asked = read_asked(fields, context);
  auto most = fields.integer("max_completion_tokens");
  const auto old_most = fields.integer("max_tokens");
  if (!most) most = old_most;
  if (most) check_range(fields, "max_tokens", static_cast<double>(*most), 1, INT32_MAX);
  job.asked.params.max_new_tokens = most;
  ChatOptions options = read_options(fields, job.asked.params, context);
  job.tools = read_tools(fields);
  job.constraint = read_constraint(fields);
  if (job.constraint && fields.find("structured_outputs") != nullptr)
    job.constraint_param = "structured_outputs";
  const bool echo = fields.boolean("echo").value_or(false);
  job.prompt = read_chat_prompt(fields, job.tools.tools, context);
  if (echo) options.echo = job.prompt.messages.back()["content"].get<std::string>();
  if (options.prompt_logprobs && job.asked.stream) {
    fields.fail("prompt_logprobs", "'prompt_logprobs' are not available when 'stream' is enabled.");
  }
  fields.ignore({"modalities", "audio", "prediction", "web_search_options"});
  context.warn_unknown(fields.unknown());
  job.id =
      job.asked.request_id.empty() ? context.ids.next("chatcmpl-", 24) : "chatcmpl-" + job.asked.request_id;
  GenerationPlan plan = plan_of(job, context, "chat");
  Generation::start(context, exchange, std::move(plan),
                    std::make_unique<ChatAnswer>(context, exchange, std::move(job), std::move(options)));
}

}  // namespace swift::infer::server
