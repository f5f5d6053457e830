#include "infer/server/router.h"

#include <algorithm>

#include "base/log.h"
#include "infer/server/anthropic_error.h"
#include "infer/server/api_error.h"
#include "infer/server/auth.h"
#include "infer/server/routes.h"

namespace swift::infer::server {
namespace {

using HandlerFunction = void (*)(Context&, const ExchangePtr&);

struct Route {
  std::string_view method;
  std::string_view path;  // one that ends in '/' stands for everything below it
  HandlerFunction handler;
  bool open;  // needs no key, and is answered while the server stops
};

constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", chat_completions, false},
    {"POST", "/v1/completions", completions, false},
    {"POST", "/v1/embeddings", embeddings, false},
    {"POST", "/v1/responses", responses, false},
    {"POST", "/v1/messages", messages, false},
    {"POST", "/v1/messages/count_tokens", count_tokens, false},
    {"POST", "/v1/load_lora_adapter", load_lora_adapter, false},
    {"POST", "/v1/unload_lora_adapter", unload_lora_adapter, false},
    {"POST", "/tokenize", tokenize, false},
    {"POST", "/detokenize", detokenize, false},
    {"GET", "/v1/models", models, false},
    {"GET", "/v1/models/", model, false},
    {"GET", "/health", health, true},
    {"GET", "/ready", ready, true},
    {"GET", "/ping", health, true},
    {"POST", "/ping", health, true},
    {"GET", "/version", version, true},
    {"GET", "/metrics", metrics, true},
    {"GET", "/openapi.json", openapi, true},
};

bool matches(const Route& route, std::string_view path) {
  if (route.path.ends_with('/')) return path.size() > route.path.size() && path.starts_with(route.path);
  return path == route.path;
}

std::string allowed_methods(std::string_view path) {
  std::string allowed;
  for (const Route& route : kRoutes) {
    if (!matches(route, path)) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") allowed += ", HEAD";
  }
  return allowed.empty() ? allowed : allowed + ", OPTIONS";
}

HttpResponse error_for(std::string_view path, const ApiError& error) {
  return path.starts_with("/v1/messages") ? anthropic_error_response(error) : error_response(error);
}

// Adds headers to whatever the handler answers.
class WithHeaders : public Exchange {
 public:
  WithHeaders(std::shared_ptr<Exchange> inner, std::vector<Header> headers)
      : Exchange(inner->request()), inner_(std::move(inner)), headers_(std::move(headers)) {}
  void post(std::function<void()> work) override { inner_->post(std::move(work)); }
  void defer(std::function<void()> work) override { inner_->defer(std::move(work)); }
  void respond(HttpResponse response) override {
    response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
    inner_->respond(std::move(response));
  }
  void begin_stream(HttpResponse head, std::string ping, std::chrono::milliseconds interval) override {
    head.headers.insert(head.headers.end(), headers_.begin(), headers_.end());
    inner_->begin_stream(std::move(head), std::move(ping), interval);
  }
  void write(std::string piece) override { inner_->write(std::move(piece)); }
  void end_stream() override { inner_->end_stream(); }
  void on_disconnect(std::function<void()> callback) override { inner_->on_disconnect(std::move(callback)); }

 private:
  std::shared_ptr<Exchange> inner_;
  std::vector<Header> headers_;
};

bool plain_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::vector<Header> common_headers(const HttpRequest& request, Context& context) {
  std::vector<Header> headers;
  const auto id = request.header("x-request-id");
  headers.push_back({"x-request-id", id && plain_id(*id) ? std::string(*id) : context.ids.next("req_", 24)});
  const auto& origins = context.options.cors_origins;
  const auto origin = request.header("origin");
  if (!origin || origins.empty()) return headers;
  const bool any = std::find(origins.begin(), origins.end(), "*") != origins.end();
  if (!any && std::find(origins.begin(), origins.end(), *origin) == origins.end()) return headers;
  headers.push_back({"Access-Control-Allow-Origin", any ? "*" : std::string(*origin)});
  headers.push_back({"Access-Control-Expose-Headers", "x-request-id, Retry-After"});
  if (!any) headers.push_back({"Vary", "Origin"});
  return headers;
}

HttpResponse options_response(const HttpRequest& request, const std::string& allowed, bool cors) {
  HttpResponse response{.status = 204, .headers = {{"Allow", allowed}}};
  if (!cors) return response;
  response.headers.push_back({"Access-Control-Allow-Methods", allowed});
  const auto wanted = request.header("access-control-request-headers");
  const bool plain = wanted && std::all_of(wanted->begin(), wanted->end(), [](char c) {
                       return c == ' ' || c == ',' || plain_id({&c, 1});
                     });
  response.headers.push_back(
      {"Access-Control-Allow-Headers", plain ? std::string(*wanted) : "Authorization, Content-Type"});
  response.headers.push_back({"Access-Control-Max-Age", "600"});
  return response;
}

void run(const Route& route, Context& context, const ExchangePtr& exchange) {
  try {
    route.handler(context, exchange);
  } catch (const std::exception& error) {
    const ApiError api = to_api_error(error);
    if (api.status >= 500 && api.status != 503) base::log::error(std::string("server: ") + api.what());
    exchange->respond(error_for(exchange->request().path, api));
  }
}

void check(const Route& route, const HttpRequest& request, Context& context) {
  if (!route.open && !authorized(request, context.options.api_keys)) {
    const bool none = !request.header("authorization") && !request.header("x-api-key");
    ApiError error(401,
                   none ? "You didn't provide an API key. Send it in the header 'Authorization: Bearer KEY'."
                        : "Incorrect API key provided.");
    error.headers.push_back({"WWW-Authenticate", "Bearer"});
    throw error;
  }
  if (!route.open && context.draining) {
    ApiError error(503, "The server is stopping. Please retry later.");
    error.headers.push_back({"Retry-After", "1"});
    throw error;
  }
  if (!route.open) {
    if (const auto fault = context.fault()) {
      throw ApiError(503, "The model cannot be used: " + *fault + ".");
    }
  }
  const auto encoding = request.header("content-encoding");
  if (encoding && !encoding->empty() && !equal_ignoring_case(*encoding, "identity")) {
    throw ApiError(415,
                   "The content encoding '" + std::string(encoding->substr(0, 40)) + "' is not supported.");
  }
}

}  // namespace

void Router::handle(const std::shared_ptr<Exchange>& given) const {
  const HttpRequest& request = given->request();
  const auto headers = common_headers(request, context_);
  const auto exchange = std::make_shared<WithHeaders>(given, headers);
  const std::string allowed = allowed_methods(request.path);
  try {
    if (allowed.empty()) {
      throw ApiError(404, "Invalid URL (" + request.method + " " + request.path.substr(0, 200) + ").");
    }
    if (request.method == "OPTIONS") {
      return exchange->respond(options_response(request, allowed, headers.size() > 1));
    }
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    for (const Route& route : kRoutes) {
      if (!matches(route, request.path) || route.method != method) continue;
      check(route, request, context_);
      if (method == "GET" || route.open) return run(route, context_, exchange);
      return exchange->defer([&context = context_, &route, exchange] { run(route, context, exchange); });
    }
    ApiError error(405, "Method " + request.method + " is not allowed here; allowed are: " + allowed + ".");
    error.headers.push_back({"Allow", allowed});
    throw error;
  } catch (const ApiError& error) {
    exchange->respond(error_for(request.path, error));
  }
}

HttpResponse Router::fault(std::string_view path, int status, const std::string& message) {
  return error_for(path, ApiError(status, message));
}

}  // namespace swift::infer::server
