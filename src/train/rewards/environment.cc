#include "train/rewards/environment.h"

#include <cmath>

#include "base/format.h"
#include "base/subprocess.h"
#include "infer/http_client.h"

namespace swift::train::rewards {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

namespace {

Json to_json(const EnvironmentStep& step) {
  Json json = {{"id", step.id},
               {"turn", step.turn},
               {"completion", step.completion},
               {"messages", step.messages},
               {"truncated", step.truncated}};
  if (step.columns == nullptr) return json;
  for (const auto& [key, value] : step.columns->items())
    if (!json.contains(key)) json[key] = value;
  return json;
}

[[noreturn]] void refuse(const std::string& name, const std::string& what, const EnvironmentStep& step) {
  throw Error(
      ExitCode::failure, cat("the environment ", name, " ", what), step.where,
      "it answers with {\"done\": true} or {\"messages\": [{\"role\": \"tool\", \"content\": \"…\"}]}");
}

EnvironmentReply read_reply(const Json& json, const std::string& name, const EnvironmentStep& step) {
  if (!json.is_object()) refuse(name, "did not answer with a JSON object for this row", step);
  EnvironmentReply reply;
  if (json.contains("done")) {
    if (!json["done"].is_boolean()) refuse(name, "gave a 'done' that is neither true nor false", step);
    reply.done = json["done"].get<bool>();
  }
  if (json.contains("reward") && !json["reward"].is_null()) {
    if (!json["reward"].is_number() || !std::isfinite(json["reward"].get<double>()))
      refuse(name, "gave a reward that is no finite number for this row", step);
    reply.reward = json["reward"].get<double>();
  }
  if (!json.contains("messages")) return reply;
  for (const Json& message : json["messages"]) {
    const bool good = message.is_object() && message.contains("role") && message["role"].is_string() &&
                      message.contains("content") && message["content"].is_string();
    if (!good) refuse(name, "gave a message without role and content for this row", step);
    reply.messages.push_back(message);
  }
  return reply;
}

class Program : public Environment {
 public:
  Program(std::vector<std::string> argv, double timeout) : argv_(std::move(argv)), timeout_(timeout) {}

  std::vector<EnvironmentReply> step(std::span<const EnvironmentStep> steps) override {
    std::vector<EnvironmentReply> replies;
    for (const EnvironmentStep& step : steps) {
      const std::string line = to_json(step).dump(-1, ' ', false, Json::error_handler_t::replace);
      std::string answer;
      try {
        if (!process_) process_ = std::make_unique<base::Subprocess>(argv_);
        answer = process_->ask(line, timeout_);
      } catch (const Error& error) {
        process_.reset();
        throw Error(error.code(), "the environment " + error.message(), step.where, error.hint());
      }
      replies.push_back(read_reply(Json::parse(answer, nullptr, false), argv_.front(), step));
    }
    return replies;
  }

 private:
  std::vector<std::string> argv_;
  double timeout_;
  std::unique_ptr<base::Subprocess> process_;
};

class Address : public Environment {
 public:
  Address(std::string url, double timeout) : url_(std::move(url)), timeout_(timeout) {
    infer::parse_url(url_);
  }

  std::vector<EnvironmentReply> step(std::span<const EnvironmentStep> steps) override {
    Json body = Json::array();
    for (const EnvironmentStep& step : steps) body.push_back(to_json(step));
    const infer::HttpReply reply = infer::http_request("POST", url_, body, timeout_);
    const Json answer = Json::parse(reply.body, nullptr, false);
    if (reply.status != 200) refuse(url_, cat("answered with status ", reply.status), steps.front());
    if (!answer.is_array() || answer.size() != steps.size())
      refuse(url_, cat("did not answer with an array of ", steps.size(), " objects"), steps.front());
    std::vector<EnvironmentReply> replies;
    for (size_t i = 0; i < steps.size(); ++i) replies.push_back(read_reply(answer[i], url_, steps[i]));
    return replies;
  }

 private:
  std::string url_;
  double timeout_;
};

}  // namespace

std::unique_ptr<Environment> make_environment(const std::string& spec, double timeout) {
  if (spec.starts_with("http://") || spec.starts_with("https://"))
    return std::make_unique<Address>(spec, timeout);
  if (spec.starts_with("command:"))
    return std::make_unique<Program>(base::split_command(std::string_view(spec).substr(8)), timeout);
  throw Error(ExitCode::usage, "multi_turn_scheduler: '" + spec + "' is no environment", {},
              "write command:PROGRAM ARGUMENTS or an http(s) address");
}

}  // namespace swift::train::rewards
