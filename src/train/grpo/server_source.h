// Completions by an OpenAI-compatible server (vLLM, SGLang, ours), which gets the adapter after each update.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "config/task.h"
#include "model/adapter.h"
#include "text/tokenizer.h"
#include "train/grpo/completion_source.h"

namespace swift::train::grpo {

struct ServerSourceOptions {
  std::string base_url;             // http://HOST:PORT, with or without /v1
  std::string api_key;              // or empty
  double timeout = 240;             // seconds, for the server to be there and for an answer
  int64_t parallel = 32;            // requests at a time
  std::filesystem::path directory;  // where adapters are written for the server; an absolute path
  std::string name;                 // beginning of the adapters' names
};

class ServerSource : public CompletionSource {
 public:
  // write: saves the adapter as it is into a directory. The tokenizer must outlive it.
  ServerSource(ServerSourceOptions options, const text::Tokenizer& tokenizer,
               std::vector<int32_t> eos_token_ids, std::function<void(const std::filesystem::path&)> write);
  // Takes its adapters from the server and from the disk.
  ~ServerSource() override;

  std::vector<Completion> complete(std::span<const CompletionRequest> requests,
                                   const SamplingSettings& settings) override;
  // Pushes the adapter under a new name. Those of before go once no request uses them. Throws
  // base::Error(temporary) when the server cannot be reached, base::Error(failure) when it refuses.
  void follow(int64_t update) override;
  bool exact() const override { return false; }

 private:
  Completion complete_one(const CompletionRequest& request, const SamplingSettings& settings,
                          const std::string& adapter) const;
  void wait_for_server() const;
  void drop_unused(bool all);
  std::string url(const std::string& path) const;

  ServerSourceOptions options_;
  const text::Tokenizer& tokenizer_;
  std::vector<int32_t> eos_token_ids_;
  std::function<void(const std::filesystem::path&)> write_;
  std::mutex mutex_;
  std::map<std::string, int64_t> users_;  // of each adapter on the server: calls of complete() in progress
  std::string current_;
};

// For a task with base_url. Throws base::Error(usage) without an adapter to push.
std::unique_ptr<CompletionSource> make_server_source(const config::Task& task, model::Decoder& decoder,
                                                     const std::optional<model::LoraSettings>& adapter,
                                                     const text::Tokenizer& tokenizer,
                                                     const std::vector<int32_t>& eos_token_ids,
                                                     const std::filesystem::path& run);

}  // namespace swift::train::grpo
