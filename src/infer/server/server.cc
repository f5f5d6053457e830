#include "infer/server/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "infer/server/api_error.h"
#include "infer/server/context.h"
#include "infer/server/parsers/tool_parser.h"
#include "infer/server/router.h"
#include "infer/server/template_probe.h"

namespace swift::infer::server {

using base::cat;
using Clock = std::chrono::steady_clock;

struct Server::Impl {
  Impl(ServerOptions given, Service& service, const text::Tokenizer& tokenizer, const PromptBuilder& prompts,
       std::optional<text::ChatTemplate> chat_template)
      : options(std::move(given)),
        context(options, service, tokenizer, prompts, std::move(chat_template)),
        router(context),
        http(options.http,
             {.request = [this](std::shared_ptr<Exchange> exchange) { router.handle(exchange); },
              .fault = Router::fault}) {}

  ServerOptions options;
  Context context;
  Router router;
  HttpServer http;
  bool stopped = false;
  EngineStats before;
  Clock::time_point measured = Clock::now();
};

namespace {

ServerOptions checked(ServerOptions options, const std::optional<text::ChatTemplate>& chat_template) {
  using base::Error;
  using base::ExitCode;
  if (options.served_model_names.empty()) throw Error(ExitCode::usage, "served_model_name: no name is given");
  for (const std::string& key : options.api_keys) {
    if (key.empty()) throw Error(ExitCode::usage, "api_key: a key is empty");
  }
  if (options.chat_template_source.empty() && chat_template)
    options.chat_template_source = probe(*chat_template);
  tool_format(options.tool_call_parser, options.chat_template_source);
  const std::string& reasoning = options.reasoning_parser;
  if (reasoning != "auto" && reasoning != "none" && reasoning != "think" && reasoning != "qwen3" &&
      reasoning != "deepseek_r1" && reasoning != "glm45") {
    throw Error(ExitCode::usage, "reasoning_parser: unknown name '" + reasoning + "'", {},
                "known are: auto, none, think, qwen3, deepseek_r1, glm45");
  }
  return options;
}

// A connection takes a descriptor; the usual limit of 1,024 is less than the connections a server may hold.
void raise_descriptor_limit(size_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections + 256);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string one_decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

}  // namespace

Server::Server(ServerOptions options, Service& service, const text::Tokenizer& tokenizer,
               const PromptBuilder& prompts, std::optional<text::ChatTemplate> chat_template)
    : impl_(std::make_unique<Impl>(checked(std::move(options), chat_template), service, tokenizer, prompts,
                                   std::move(chat_template))) {}

Server::~Server() {
  impl_->context.draining = true;
  impl_->http.quiesce();
  // The engine lets go of cancelled requests within a step.
  const auto end = Clock::now() + std::chrono::seconds(30);
  while (impl_->context.open_sinks > 0 && Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

uint16_t Server::port() const {
  return impl_->http.port();
}

size_t Server::open_requests() const {
  return impl_->http.open_exchanges();
}

std::string Server::statistics() {
  const EngineStats now = impl_->context.service.stats();
  const auto at = Clock::now();
  const double seconds = std::max(1e-3, std::chrono::duration<double>(at - impl_->measured).count());
  const auto rate = [seconds](uint64_t count, uint64_t old) {
    return one_decimal(static_cast<double>(count - old) / seconds);
  };
  const EngineStats& old = impl_->before;
  std::string line = cat("server: ", now.running, " running, ", now.waiting, " waiting; prompt ",
                         rate(now.prompt_tokens, old.prompt_tokens), " tokens/s, generation ",
                         rate(now.generation_tokens, old.generation_tokens), " tokens/s");
  if (now.blocks > 0) {
    line += "; cache " +
            one_decimal(100.0 * static_cast<double>(now.blocks_used) / static_cast<double>(now.blocks)) +
            " %";
  }
  if (now.prefix_queries > old.prefix_queries) {
    line += "; prefix hits " +
            one_decimal(100.0 * static_cast<double>(now.prefix_hits - old.prefix_hits) /
                        static_cast<double>(now.prefix_queries - old.prefix_queries)) +
            " %";
  }
  impl_->before = now;
  impl_->measured = at;
  return line;
}

void Server::check_model() {
  if (!impl_->options.fault || impl_->context.fault()) return;
  const auto fault = impl_->options.fault();
  if (!fault) return;
  base::log::error("server: " + *fault + "; nothing is answered any more, start it again");
  impl_->context.set_fault(*fault);
}

bool Server::stop() {
  if (impl_->stopped) return true;
  impl_->stopped = true;
  impl_->context.draining = true;
  impl_->http.stop_accepting();
  const auto end = Clock::now() + impl_->options.grace_period;
  while (impl_->http.open_exchanges() > 0 && Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const size_t left = impl_->http.open_exchanges();
  if (left > 0)
    base::log::warn(cat("server: ", left, " answers were cut off at the end of the grace period"));
  impl_->http.close_all();
  return left == 0;
}

int serve(ServerOptions options, Service& service, const text::Tokenizer& tokenizer,
          const PromptBuilder& prompts, std::optional<text::ChatTemplate> chat_template,
          const std::function<void(uint16_t)>& started) {
  base::install_stop_handlers();
  raise_descriptor_limit(options.http.max_connections);
  const auto interval = options.log_interval;
  const std::string place = cat(options.http.ssl_certfile ? "https://" : "http://", options.http.host, ":");
  Server server(std::move(options), service, tokenizer, prompts, std::move(chat_template));
  base::log::info(cat("server: listening on ", place, server.port()));
  if (started) started(server.port());
  auto next = Clock::now() + interval;
  auto next_check = Clock::now();
  uint64_t last_tokens = 0;
  while (base::stop_signal() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (Clock::now() >= next_check) {
      server.check_model();
      next_check = Clock::now() + std::chrono::seconds(1);
    }
    if (interval.count() <= 0 || Clock::now() < next) continue;
    next = Clock::now() + interval;
    const EngineStats now = service.stats();
    const uint64_t tokens = now.prompt_tokens + now.generation_tokens;
    if (tokens != last_tokens || now.running > 0) base::log::info(server.statistics());
    last_tokens = tokens;
  }
  base::log::info("server: stopping; open answers may finish");
  server.stop();
  return 0;
}

}  // namespace swift::infer::server
