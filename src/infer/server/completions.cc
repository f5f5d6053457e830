// POST /v1/completions
#include "infer/server/chat_job.h"
#include "infer/server/logprobs_json.h"
#include "infer/server/routes.h"
#include "infer/server/sse.h"

namespace swift::infer::server {

using base::Json;

namespace {

constexpr size_t kMaxPrompts = 2048;
constexpr size_t kMaxAnswers = 4096;

struct Job {
  Asked asked;
  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::string> texts;  // of the prompts, for echo
  std::optional<int64_t> logprobs;
  bool echo = false;
  bool no_answer = false;  // max_tokens 0 with echo: the prompt is scored, nothing is generated
  bool want_prompt_logprobs = false;
  std::string id, model;
};

class CompletionAnswer : public Answer {
 public:
  CompletionAnswer(Context& context, ExchangePtr exchange, Job job)
      : context_(context), exchange_(std::move(exchange)), job_(std::move(job)) {
    for (size_t i = 0; i < job_.prompts.size() * static_cast<size_t>(job_.asked.n); ++i) {
      choices_.emplace_back(context_.tokenizer, job_.logprobs.value_or(0) > 0);
    }
  }

  void begin() override {
    if (!job_.asked.stream) return;
    begin_sse(*exchange_, context_, "");
    streaming_ = true;
  }

  void event(size_t index, const Event& event, const Totals& totals) override {
    totals_ = totals;
    Choice& choice = choices_[index];
    std::string text = begun(index, event);
    if (!job_.no_answer) {
      text += event.text;
      if (job_.logprobs) {
        for (const PositionLogprobs& position : event.logprobs) choice.logprobs.add(position);
      }
      if (job_.asked.return_token_ids) {
        for (const int32_t id : event.token_ids) choice.token_ids.push_back(id);
      }
    }
    if (event.finish_reason) {
      choice.finish_reason = job_.no_answer ? "length" : std::string(to_string(*event.finish_reason));
      if (!event.stop_string.empty()) choice.stop_reason = event.stop_string;
    }
    choice.text += text;
    if (!streaming_ || (text.empty() && event.logprobs.empty() && !event.finish_reason)) return;
    Json chunk = frame();
    chunk["choices"].push_back(choice_json(index));
    if (job_.asked.include_usage)
      chunk["usage"] = job_.asked.continuous_usage ? usage_json(totals_, 0) : Json(nullptr);
    exchange_->write(sse(chunk));
    choice.text.clear();
  }

  void end(const Totals& totals) override {
    totals_ = totals;
    if (job_.no_answer) totals_.completion_tokens = 0;
    if (!streaming_) {
      Json out = frame();
      for (size_t i = 0; i < choices_.size(); ++i) {
        out["choices"].push_back(choice_json(i));
        if (job_.want_prompt_logprobs) out["choices"].back()["prompt_logprobs"] = choices_[i].prompt_logprobs;
      }
      out["usage"] = usage_json(totals_, 0);
      out["system_fingerprint"] = "swift-" + context_.options.version;
      return respond_json(*exchange_, out);
    }
    std::string rest;
    if (job_.asked.include_usage) {
      Json chunk = frame();
      chunk["usage"] = usage_json(totals_, 0);
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
  struct Choice {
    Choice(const text::Tokenizer& tokenizer, bool with_top) : logprobs(tokenizer, with_top) {}
    std::string text;
    LegacyLogprobs logprobs;
    Json token_ids = Json::array();
    Json prompt_logprobs = nullptr;
    Json finish_reason = nullptr, stop_reason = nullptr;
    bool begun = false;
  };

  // What an answer begins with: the echoed prompt.
  std::string begun(size_t index, const Event& event) {
    Choice& choice = choices_[index];
    if (choice.begun) return {};
    choice.begun = true;
    if (job_.want_prompt_logprobs)
      choice.prompt_logprobs = prompt_logprobs(context_.tokenizer, event.prompt_logprobs);
    if (!job_.echo) return {};
    const size_t prompt = index / static_cast<size_t>(job_.asked.n);
    if (job_.logprobs) {
      choice.logprobs.add_without(job_.prompts[prompt].front());
      for (const PositionLogprobs& position : event.prompt_logprobs) choice.logprobs.add(position);
    }
    return job_.texts[prompt];
  }

  Json frame() const {
    return {{"id", job_.id},
            {"object", "text_completion"},
            {"created", created_},
            {"model", job_.model},
            {"choices", Json::array()}};
  }

  Json choice_json(size_t index) {
    Choice& choice = choices_[index];
    Json out = {{"index", index},
                {"text", choice.text},
                {"logprobs", nullptr},
                {"finish_reason", choice.finish_reason},
                {"stop_reason", choice.stop_reason}};
    if (job_.logprobs) out["logprobs"] = choice.logprobs.take();
    if (job_.asked.return_token_ids) {
      out["token_ids"] = std::move(choice.token_ids);
      choice.token_ids = Json::array();
    }
    return out;
  }

  Context& context_;
  ExchangePtr exchange_;
  Job job_;
  int64_t created_ = unix_time();
  std::vector<Choice> choices_;
  Totals totals_;
  bool streaming_ = false;
};

std::vector<int32_t> checked_ids(Fields& fields, const Json& ids, int64_t vocab) {
  const Json wrapped = {{"prompt", ids}};
  Fields inner(wrapped);
  auto out = inner.token_ids("prompt");
  for (const int32_t id : out) {
    if (id >= vocab) {
      fields.fail("prompt", "Invalid 'prompt': token id " + std::to_string(id) +
                                " is not in the vocabulary of " + std::to_string(vocab) + " tokens.");
    }
  }
  return out;
}

// A text, an array of texts, an array of ids, or an array of arrays of ids.
void read_prompts(Fields& fields, Context& context, Job& job) {
  const Json& prompt = fields.require("prompt");
  const bool special = fields.boolean("add_special_tokens").value_or(true);
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      data::Row row;
      row.text = one.get<std::string>();
      // Through the builder only where it puts a first token in front; a chat template would wrap the text.
      const bool plain = !special || context.prompts.has_template();
      job.prompts.push_back(plain ? context.tokenizer.encode(row.text) : context.prompts.encode(row));
      job.texts.push_back(row.text);
    } else if (one.is_array()) {
      job.prompts.push_back(checked_ids(fields, one, context.service.vocab_size()));
      job.texts.push_back(context.tokenizer.decode(job.prompts.back()));
    } else {
      fields.fail("prompt",
                  "Invalid type for 'prompt': expected a string, an array of strings, an array of token "
                  "ids, or an array of arrays of token ids.");
    }
    if (job.prompts.back().empty()) fields.fail("prompt", "Invalid 'prompt': a prompt cannot be empty.");
  };
  if (prompt.is_array() && prompt.empty())
    fields.fail("prompt", "Invalid 'prompt': the array cannot be empty.");
  if (!prompt.is_array() || prompt.front().is_number()) return add(prompt);
  if (prompt.size() > kMaxPrompts) {
    fields.fail("prompt", "Invalid 'prompt': at most " + std::to_string(kMaxPrompts) + " prompts a request.");
  }
  for (const Json& one : prompt) add(one);
}

void check_answers(const Fields& fields, const Job& job) {
  const size_t answers = job.prompts.size() * static_cast<size_t>(job.asked.n);
  if (answers <= kMaxAnswers) return;
  fields.fail("n", "Invalid 'n': " + std::to_string(job.prompts.size()) + " prompts make " +
                       std::to_string(answers) + " answers; at most " + std::to_string(kMaxAnswers) +
                       " a request.");
}

void read_logprobs(Fields& fields, Context& context, Job& job) {
  SamplingParams& params = job.asked.params;
  const auto limit = static_cast<double>(context.options.max_logprobs);
  const Json* given = fields.find("logprobs");
  if (given != nullptr && given->is_boolean()) {
    if (given->get<bool>()) job.logprobs = 0;
  } else {
    job.logprobs = fields.integer("logprobs");
  }
  if (job.logprobs) {
    check_range(fields, "logprobs", static_cast<double>(*job.logprobs), 0, limit);
    params.logprobs = true;
    params.top_logprobs = *job.logprobs;
  }
  if (const auto count = fields.integer("prompt_logprobs")) {
    check_range(fields, "prompt_logprobs", static_cast<double>(*count), 0, limit);
    params.prompt_logprobs = *count;
    job.want_prompt_logprobs = true;
  } else if (job.echo && job.logprobs) {
    params.prompt_logprobs = *job.logprobs;
  }
}

void read_length(Fields& fields, Job& job) {
  const auto most = fields.integer("max_tokens");
  job.no_answer = job.echo && most == 0;
  const int64_t tokens = most.value_or(16);
  if (!job.no_answer) check_range(fields, "max_tokens", static_cast<double>(tokens), 1, INT32_MAX);
  job.asked.params.max_new_tokens = job.no_answer ? 1 : tokens;
}

Job read_job(Fields& fields, Context& context) {
  Job job;
  job.asked = read_asked(fields, context);
  job.echo = fields.boolean("echo").value_or(false);
  if (const auto suffix = fields.text("suffix"); suffix && !suffix->empty()) {
    fields.fail("suffix", "'suffix' is not supported.");
  }
  read_length(fields, job);
  read_logprobs(fields, context, job);
  if (auto constraint = read_constraint(fields)) {
    const bool structured = fields.find("structured_outputs") != nullptr;
    job.asked.params.matcher =
        compile(context.options, *constraint, structured ? "structured_outputs" : "response_format");
  }
  read_prompts(fields, context, job);
  check_answers(fields, job);
  return job;
}

}  // namespace

void completions(Context& context, const ExchangePtr& exchange) {
  const Json body = parse_body(exchange->request().body);
  Fields fields(body);
  const auto name = fields.text("model");
  const std::string adapter = context.adapter_of(name);
  Job job = read_job(fields, context);
  context.warn_unknown(fields.unknown());
  job.model = name.value_or(context.model_name());
  job.id = job.asked.request_id.empty() ? context.ids.next("cmpl-", 24) : "cmpl-" + job.asked.request_id;
  GenerationPlan plan{.per_prompt = static_cast<size_t>(job.asked.n), .id = job.id, .route = "completion"};
  for (const auto& prompt : job.prompts) {
    SamplingParams params = job.asked.params;
    fit_context(params, static_cast<int64_t>(prompt.size()), context.service.max_positions(), "prompt");
    plan.prompts.push_back({.prompt = prompt,
                            .params = std::move(params),
                            .adapter = adapter,
                            .priority = job.asked.priority,
                            .cache_salt = job.asked.cache_salt});
  }
  Generation::start(context, exchange, std::move(plan),
                    std::make_unique<CompletionAnswer>(context, exchange, std::move(job)));
}

}  // namespace swift::infer::server
