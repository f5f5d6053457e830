// What every handler of a server works with.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "infer/prompt.h"
#include "infer/server/metrics.h"
#include "infer/server/options.h"
#include "infer/service.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::infer::server {

// Names that do not repeat. Any thread may ask.
class Ids {
 public:
  Ids();
  // `prefix` and `length` letters and digits.
  std::string next(std::string_view prefix, size_t length);
  uint64_t random_bits();

 private:
  uint64_t key_;
  std::atomic<uint64_t> count_ = 0;
};

// The service, the tokenizer and the prompt builder must outlive it. chat_template is the one of `prompts`,
// for what a prompt builder does not do (a message to continue, a request's own template).
struct Context {
  Context(const ServerOptions& given, Service& engine, const text::Tokenizer& words,
          const PromptBuilder& builder, std::optional<text::ChatTemplate> jinja);

  const ServerOptions& options;
  Service& service;
  const text::Tokenizer& tokenizer;
  const PromptBuilder& prompts;
  std::optional<text::ChatTemplate> chat_template;
  int64_t created;  // Unix time of the start
  Metrics metrics;
  Ids ids;
  std::atomic<bool> draining = false;
  std::atomic<int64_t> open_sinks = 0;  // that the engine still holds

  const std::string& model_name() const { return options.served_model_names.front(); }
  // The adapter that a model name of a request means; empty: the model itself, as for no name.
  // Throws ApiError(404).
  std::string adapter_of(const std::optional<std::string>& model) const;
  // What makes the model unfit to answer (ServerOptions::fault), once it was seen.
  std::optional<std::string> fault() const;
  void set_fault(const std::string& message);
  // Warns of each unknown field once.
  void warn_unknown(const std::vector<std::string>& fields);

 private:
  mutable std::mutex mutex_;
  std::set<std::string> warned_;
  std::atomic<bool> faulty_ = false;
  std::string fault_;
};

// Seconds since 1970.
int64_t unix_time();

}  // namespace swift::infer::server
