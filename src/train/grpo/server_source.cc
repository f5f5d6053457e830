#include "train/grpo/server_source.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "infer/http_client.h"

namespace swift::train::grpo {

namespace fs = std::filesystem;
using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

namespace {

[[noreturn]] void refuse(const std::string& url, const infer::HttpReply& reply) {
  const Json body = Json::parse(reply.body, nullptr, false);
  std::string reason = reply.body.substr(0, 300);
  if (body.is_object() && body.contains("error") && body["error"].is_object())
    reason = body["error"].value("message", reason);
  throw Error(ExitCode::failure, cat(url, " answered with status ", reply.status, ": ", reason));
}

std::vector<float> log_probs_of(const Json& choice, size_t tokens, const std::string& url) {
  const Json logprobs = choice.value("logprobs", Json());
  const Json values = logprobs.is_object() ? logprobs.value("token_logprobs", Json()) : Json();
  if (!values.is_array() || values.size() != tokens) {
    throw Error(ExitCode::failure, cat(url, " gave ", values.is_array() ? values.size() : 0,
                                       " log-probabilities for ", tokens, " tokens"));
  }
  std::vector<float> result;
  for (const Json& value : values) result.push_back(value.is_number() ? value.get<float>() : 0.0F);
  return result;
}

std::string text_of(const std::vector<int32_t>& ids, const text::Tokenizer& tokenizer) {
  return tokenizer.decode(ids, true);
}

}  // namespace

ServerSource::ServerSource(ServerSourceOptions options, const text::Tokenizer& tokenizer,
                           std::vector<int32_t> eos_token_ids, std::function<void(const fs::path&)> write)
    : options_(std::move(options)),
      tokenizer_(tokenizer),
      eos_token_ids_(std::move(eos_token_ids)),
      write_(std::move(write)) {
  while (options_.base_url.ends_with("/")) options_.base_url.pop_back();
  if (options_.base_url.ends_with("/v1")) options_.base_url.resize(options_.base_url.size() - 3);
  infer::parse_url(options_.base_url);
  wait_for_server();
}

ServerSource::~ServerSource() {
  try {
    drop_unused(true);
  } catch (const std::exception&) {
    // The server is gone, and the adapters with it.
  }
}

std::string ServerSource::url(const std::string& path) const {
  return options_.base_url + path;
}

void ServerSource::wait_for_server() const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(options_.timeout);
  for (bool told = false;; told = true) {
    try {
      const auto reply = infer::http_request("GET", url("/v1/models"), nullptr,
                                             std::min(10.0, options_.timeout), options_.api_key);
      if (reply.status == 200) return;
      if (reply.status < 500) refuse(url("/v1/models"), reply);
    } catch (const Error& error) {
      if (error.code() != ExitCode::temporary) throw;
      if (std::chrono::steady_clock::now() > deadline) {
        throw Error(
            ExitCode::temporary, error.message(), {},
            "start the rollout server (swift deploy, vllm serve --enable-lora) before training, or take "
            "base_url away");
      }
      if (!told) base::log::info(cat("waiting for the rollout server: ", error.message()));
    }
    base::stop_if_asked("stopped while waiting for the rollout server");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

void ServerSource::follow(int64_t update) {
  const std::string name = cat(options_.name, "-", update);
  const fs::path directory = options_.directory / name;
  {
    const std::lock_guard lock(mutex_);
    if (users_.contains(name)) return;
  }
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  fs::create_directories(directory);
  write_(directory);
  const std::string address = url("/v1/load_lora_adapter");
  const auto reply =
      infer::http_request("POST", address, {{"lora_name", name}, {"lora_path", directory.string()}},
                          options_.timeout, options_.api_key);
  if (reply.status != 200) refuse(address, reply);
  {
    const std::lock_guard lock(mutex_);
    users_[name] = 0;
    current_ = name;
  }
  drop_unused(false);
}

void ServerSource::drop_unused(bool all) {
  std::vector<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, users] : users_)
      if (users == 0 && (all || name != current_)) gone.push_back(name);
    for (const std::string& name : gone) users_.erase(name);
  }
  for (const std::string& name : gone) {
    std::error_code ignored;
    fs::remove_all(options_.directory / name, ignored);
    infer::http_request("POST", url("/v1/unload_lora_adapter"), {{"lora_name", name}},
                        std::min(10.0, options_.timeout), options_.api_key);
  }
}

Completion ServerSource::complete_one(const CompletionRequest& request, const SamplingSettings& settings,
                                      const std::string& adapter) const {
  const std::string address = url("/v1/completions");
  Json body = {{"model", adapter},
               {"prompt", request.prompt},
               {"max_tokens", request.max_new_tokens},
               {"temperature", settings.temperature},
               {"top_p", settings.top_p},
               {"top_k", settings.top_k},
               {"min_p", settings.min_p},
               {"repetition_penalty", settings.repetition_penalty},
               {"seed", static_cast<int64_t>((settings.seed * 1000003U + request.stream) & 0x7FFFFFFFU)},
               {"logprobs", 0},
               {"return_token_ids", true},
               {"skip_special_tokens", true},
               {"stop_token_ids", eos_token_ids_}};
  if (!settings.stop_words.empty()) body["stop"] = settings.stop_words;
  const auto reply = infer::http_request("POST", address, body, options_.timeout, options_.api_key);
  if (reply.status != 200) refuse(address, reply);
  const Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object() || !json.contains("choices") || json["choices"].empty())
    throw Error(ExitCode::failure, address + " gave no choices");
  const Json& choice = json["choices"][0];
  if (!choice.contains("token_ids") || !choice["token_ids"].is_array()) {
    throw Error(
        ExitCode::failure, address + " does not return token ids", {},
        "the server must know return_token_ids (swift deploy; vLLM from 0.10.2): text that is tokenised "
        "again would be other tokens than those sampled");
  }
  Completion completion;
  completion.ids = choice["token_ids"].get<std::vector<int32_t>>();
  completion.log_probs = log_probs_of(choice, completion.ids.size(), address);
  completion.text = choice.contains("text") && choice["text"].is_string()
                        ? choice["text"].get<std::string>()
                        : text_of(completion.ids, tokenizer_);
  completion.truncated = choice.value("finish_reason", "") == "length";
  return completion;
}

std::vector<Completion> ServerSource::complete(std::span<const CompletionRequest> requests,
                                               const SamplingSettings& settings) {
  std::string adapter;
  {
    const std::lock_guard lock(mutex_);
    adapter = current_;
    ++users_[adapter];
  }
  std::vector<Completion> done(requests.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr fault;
  std::mutex fault_mutex;
  {
    std::vector<std::jthread> workers;
    const size_t count = std::min(requests.size(), static_cast<size_t>(options_.parallel));
    for (size_t w = 0; w < count; ++w) {
      workers.emplace_back([&] {
        for (size_t i = next++; i < requests.size() && !failed; i = next++) {
          try {
            done[i] = complete_one(requests[i], settings, adapter);
          } catch (...) {
            const std::lock_guard lock(fault_mutex);
            if (!failed.exchange(true)) fault = std::current_exception();
          }
        }
      });
    }
  }
  {
    const std::lock_guard lock(mutex_);
    --users_[adapter];
  }
  if (fault) std::rethrow_exception(fault);
  return done;
}

std::unique_ptr<CompletionSource> make_server_source(const config::Task& task, model::Decoder& decoder,
                                                     const std::optional<model::LoraSettings>& adapter,
                                                     const text::Tokenizer& tokenizer,
                                                     const std::vector<int32_t>& eos_token_ids,
                                                     const fs::path& run) {
  if (!adapter) {
    throw Error(ExitCode::usage,
                "base_url needs tuner_type: lora, because only an adapter can be sent to the server");
  }
  ServerSourceOptions options;
  options.base_url = *task.base_url;
  options.timeout = task.vllm_server_timeout;
  options.directory = fs::absolute(run / "rollout_adapters");
  options.name = cat("swift-rollout-", getpid());
  if (!task.api_key.empty()) options.api_key = task.api_key.front();
  const auto write = [&decoder, settings = *adapter, base = task.model](const fs::path& directory) {
    model::save_adapter(decoder, settings, base, directory);
  };
  return std::make_unique<ServerSource>(std::move(options), tokenizer, eos_token_ids, write);
}

}  // namespace swift::train::grpo
