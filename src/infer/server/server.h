// The OpenAI-compatible server over an engine.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "infer/prompt.h"
#include "infer/server/options.h"
#include "infer/service.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::infer::server {

class Server {
 public:
  // Listens when it returns. Service, tokenizer and prompts must outlive it. chat_template: that of
  // `prompts`. Throws base::Error: temporary when the port is taken; usage for a bad address, certificate or
  // option.
  Server(ServerOptions options, Service& service, const text::Tokenizer& tokenizer,
         const PromptBuilder& prompts, std::optional<text::ChatTemplate> chat_template);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  uint16_t port() const;
  // Requests in work.
  size_t open_requests() const;
  // "server: 3 running, 0 waiting, …": what log_interval logs; counts since the last call.
  std::string statistics();
  // Asks ServerOptions::fault; from the first one on the server is unfit.
  void check_model();
  // Not ready and no new connections; returns when the open answers are complete, or after the grace period,
  // when those left are cut off. True when all were completed.
  bool stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Serves until SIGINT or SIGTERM, then stops as Server::stop() does and returns 0. A second signal ends the
// process at once. started: called with the port once it listens. Throws as Server does.
int serve(ServerOptions options, Service& service, const text::Tokenizer& tokenizer,
          const PromptBuilder& prompts, std::optional<text::ChatTemplate> chat_template,
          const std::function<void(uint16_t)>& started = {});

}  // namespace swift::infer::server
