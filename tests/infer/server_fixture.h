// A server over the scripted engine, on a free port of this machine.
#pragma once
#include <memory>
#include <string>
#include <thread>

#include "base/json.h"
#include "http_client.h"
#include "infer/server/constraint_compiler.h"
#include "infer/server/server.h"
#include "scripted_answers.h"

namespace swift::infer::fake {

inline server::ServerOptions server_options() {
  server::ServerOptions options;
  options.http.host = "127.0.0.1";
  options.http.port = 0;
  options.served_model_names = {"tiny", "alias"};
  options.model_root = "/models/tiny";
  options.verbose = false;
  options.grace_period = std::chrono::seconds(20);
  return options;
}

struct ServerFixture {
  explicit ServerFixture(server::ServerOptions options = server_options(), size_t limit = 1000)
      : service(scripted, limit) {
    options.compile_grammar = server::grammar_compiler(tokenizer);
    server = std::make_unique<server::Server>(options, service, tokenizer, prompts, server_template());
  }

  Response post(const std::string& path, const base::Json& body) {
    HttpClient client(server->port());
    return client.post(path, body.dump());
  }
  Response get(const std::string& path) {
    HttpClient client(server->port());
    return client.get(path);
  }
  // The error object of a chat request whose body is the usual one with these members.
  base::Json chat_error(const base::Json& members, int status = 400) {
    const Response response = post("/v1/chat/completions", chat("hello", members));
    CHECK(response.status == status);
    return base::Json::parse(response.body)["error"];
  }
  static base::Json chat(const std::string& text, const base::Json& members = base::Json::object()) {
    base::Json body = {{"model", "tiny"}, {"messages", base::Json::array()}};
    body["messages"].push_back({{"role", "user"}, {"content", text}});
    for (const auto& item : members.items()) body[item.key()] = item.value();
    return body;
  }
  template <class Condition>
  static bool eventually(Condition holds) {
    for (int i = 0; i < 6000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return holds();
  }

  text::Tokenizer tokenizer = byte_tokenizer();
  PromptBuilder prompts{tokenizer, server_template()};
  ScriptedService service;
  std::unique_ptr<server::Server> server;
};

inline base::Json weather_tools() {
  base::Json parameters = {{"type", "object"},
                           {"properties", {{"city", {{"type", "string"}}}}},
                           {"required", base::Json::array({"city"})},
                           {"additionalProperties", false}};
  base::Json function = {{"name", "get_weather"}, {"parameters", std::move(parameters)}};
  return base::Json::array({base::Json{{"type", "function"}, {"function", std::move(function)}}});
}

// The JSON of each "data:" line but [DONE].
inline std::vector<base::Json> sse_events(const std::string& body) {
  std::vector<base::Json> out;
  for (size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
    at += 6;
    const std::string line = body.substr(at, body.find('\n', at) - at);
    if (line != "[DONE]") out.push_back(base::Json::parse(line));
  }
  return out;
}

}  // namespace swift::infer::fake
