// What would cost too much, what HTTP itself refuses, who may load adapters, a model that is damaged.
#include <atomic>

#include "fault_bodies.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

TEST_CASE("nesting up to the limit is parsed, and named where a schema or a template meets it") {
  ServerFixture fixture;
  std::string schema = "{\"type\":\"string\"}";
  for (int i = 0; i < 120; ++i) schema = "{\"type\":\"array\",\"items\":" + schema + "}";
  const Response deep =
      fixture.post("/v1/chat/completions",
                   ServerFixture::chat("hello", {{"structured_outputs", {{"json", Json::parse(schema)}}}}));
  CHECK((deep.status == 200 || deep.status == 400));
  Json arguments = Json::object();
  for (int i = 0; i < 100; ++i) arguments = Json{{"a", arguments}};
  const Json call = {
      {"id", "1"}, {"type", "function"}, {"function", {{"name", "f"}, {"arguments", arguments}}}};
  const Json messages = {{{"role", "user"}, {"content", "hello"}},
                         {{"role", "assistant"}, {"tool_calls", Json::array({call})}},
                         {{"role", "tool"}, {"tool_call_id", "1"}, {"content", "x"}}};
  CHECK(fixture.post("/v1/chat/completions", {{"messages", messages}}).status == 200);
}

TEST_CASE("constraints that would not come to an end are refused within their budget") {
  ServerFixture fixture;
  Json definitions = Json::object();
  for (int i = 0; i < 12; ++i) {
    Json properties = Json::object();
    for (int j = 0; j < 12; ++j)
      properties["p" + std::to_string(j)] = {{"$ref", "#/$defs/d" + std::to_string((i + j) % 12)}};
    definitions["d" + std::to_string(i)] = {{"type", "object"}, {"properties", properties}};
  }
  definitions["e"] = {{"type", "string"}, {"pattern", "^(a|b){1000}(c|d){100000}$"}};
  const Json bomb = {{"$defs", definitions}, {"allOf", {{{"$ref", "#/$defs/d0"}}, {{"$ref", "#/$defs/e"}}}}};
  const std::vector<Json> constraints = {{{"json", bomb}},
                                         {{"regex", "(((a{1000}){1000}){1000})"}},
                                         {{"regex", "((((a*)*)*)*b{99999999})"}},
                                         {{"regex", "("}},
                                         {{"regex", std::string(2000, '(')}},
                                         {{"grammar", "root ::= missing"}},
                                         {{"grammar", "root ::= " + std::string(5000, '(')}},
                                         {{"json", {{"type", "string"}, {"minLength", 2000000000}}}},
                                         {{"json", {{"enum", Json::array()}}}},
                                         {{"json", {{"$ref", "#/$defs/none"}}}},
                                         {{"json", "{"}},
                                         {{"choice", Json::array()}}};
  for (const Json& constraint : constraints) {
    INFO(constraint.dump().substr(0, 200));
    const Response response = fixture.post(
        "/v1/chat/completions", ServerFixture::chat("hello", {{"structured_outputs", constraint}}));
    CHECK(response.status == 400);
    CHECK(Json::parse(response.body)["error"]["type"] == "invalid_request_error");
  }
  CHECK(fixture.service.submitted == 0);
}

TEST_CASE("a template of the request that would not come to an end is refused") {
  ServerFixture fixture;
  for (const char* jinja :
       {"{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", "{% for %}",
        "{{ raise_exception('no') }}", "{{ messages[7].content }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "{{ 'x' * 99999999999 }}"}) {
    INFO(jinja);
    CHECK(fixture.post("/v1/chat/completions", ServerFixture::chat("hello", {{"chat_template", jinja}}))
              .status == 400);
  }
}

TEST_CASE("conversations longer than the limit are refused") {
  server::ServerOptions options = server_options();
  options.max_messages = 3;
  ServerFixture fixture(options);
  const Json message = {{"role", "user"}, {"content", "hello"}};
  CHECK(
      fixture.post("/v1/chat/completions", {{"messages", Json::array({message, message, message})}}).status ==
      200);
  const Response response =
      fixture.post("/v1/chat/completions", {{"messages", Json::array({message, message, message, message})}});
  CHECK(response.status == 400);
  CHECK(response.body ==
        body_of(400,
                "Invalid 'messages': array too long. Expected an array with maximum length 3, "
                "but got an array with length 4 instead.",
                "messages"));
}

TEST_CASE("pictures are refused by name, however large, on every route") {
  ServerFixture fixture;
  const std::string picture = "data:image/png;base64," + std::string(3 << 20, 'A');
  const Json part = {{"type", "image_url"}, {"image_url", {{"url", picture}}}};
  const Json message = {{"role", "user"}, {"content", Json::array({part})}};
  CHECK(fixture.post("/v1/chat/completions", {{"messages", Json::array({message})}}).body ==
        body_of(400, "Invalid 'messages[0].content[0].type': this model takes text only, not 'image_url'.",
                "messages[0].content[0].type"));
  const Json block = {{"type", "image"}, {"source", {{"data", picture}}}};
  CHECK(fixture
            .post("/v1/messages",
                  {{"max_tokens", 1}, {"messages", {{{"role", "user"}, {"content", Json::array({block})}}}}})
            .body ==
        anthropic_body("invalid_request_error",
                       "Invalid 'messages[0].content[0].type': this model takes text only, not 'image'."));
}

TEST_CASE("faults of HTTP itself have their exact bodies") {
  server::ServerOptions options = server_options();
  options.http.max_body_bytes = 1000;
  options.http.max_header_bytes = 1000;
  options.http.read_timeout = std::chrono::milliseconds(1000);
  ServerFixture fixture(options);
  const auto ask = [&](const std::string& bytes) {
    HttpClient client(fixture.server->port());
    client.send(bytes);
    return client.read();
  };
  CHECK(ask("POST /v1/completions HTTP/1.1\r\nContent-Length: 1001\r\n\r\n").body ==
        body_of(413, "The request's body is larger than 1000 bytes.", nullptr));
  std::string chunks = "POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "64\r\n" + std::string(100, 'x') + "\r\n";
  CHECK(ask(chunks).body == body_of(413, "The request's body is larger than 1000 bytes.", nullptr));
  CHECK(ask("GET /health HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n").body ==
        body_of(431, "The request's header is larger than 1000 bytes.", nullptr));
  CHECK(ask("POST /v1/completions HTTP/1.1\r\nContent-Length: 900\r\n\r\n{").body ==
        body_of(408, "The request did not arrive in time.", nullptr));
  CHECK(ask("POST /v1/messages HTTP/1.1\r\nContent-Length: 1001\r\n\r\n").body ==
        anthropic_body("request_too_large", "The request's body is larger than 1000 bytes."));
  CHECK(ask("POST /v1/messages HTTP/1.1\r\nContent-Length: 900\r\n\r\n{").body ==
        anthropic_body("invalid_request_error", "The request did not arrive in time."));
  CHECK(ask("GET /v1/chat/completions HTTP/1.1\r\n\r\n").body ==
        body_of(405, "Method GET is not allowed here; allowed are: POST, OPTIONS.", nullptr));
  CHECK(ask("POST /v1/completions HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}").body ==
        body_of(415, "The content encoding 'br' is not supported.", nullptr));
  CHECK(Json::parse(ask("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
                        .body)["error"]["code"] == 400);
  CHECK(Json::parse(
            ask("POST /v1/completions HTTP/1.1\r\nContent-Length: -4\r\n\r\n").body)["error"]["code"] == 400);
  CHECK(Json::parse(ask("NONSENSE\r\n\r\n").body)["error"]["code"] == 400);
}

TEST_CASE("adapters are loaded over the network from the server's directory only") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path / "adapters/one");
  std::filesystem::create_directories(folder.path / "secret");
  std::filesystem::create_directory_symlink(folder.path / "secret", folder.path / "adapters/link");
  server::ServerOptions options = server_options();
  options.adapter_dir = std::filesystem::canonical(folder.path / "adapters");
  ServerFixture fixture(options);
  const std::string outside =
      body_of(400, "Invalid 'lora_path': there is no such directory in adapter_dir.", "lora_path");
  const auto load = [&](const std::string& path) {
    return fixture.post("/v1/load_lora_adapter", {{"lora_name", "a" + path}, {"lora_path", path}});
  };
  CHECK(load("one").status == 200);
  CHECK(load((folder.path / "adapters/one").string()).status == 200);
  for (const std::string path : {"../secret", "link", "/etc", "one/../../secret", "none"}) {
    CHECK(load(path).body == outside);
  }
  CHECK(load((folder.path / "secret").string()).body == outside);
  CHECK(fixture.service.adapters().size() == 2);
  CHECK(fixture.service.adapters()[0].path == *options.adapter_dir / "one");
}

TEST_CASE(
    "without adapter_dir only a client on this machine loads adapters, no proxy and no page of a browser") {
  server::ServerOptions options = server_options();
  options.api_keys = {"key"};
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  const Json body = {{"lora_name", "a"}, {"lora_path", "/some/where"}};
  const auto load = [&](const std::string& headers) {
    return client.post("/v1/load_lora_adapter", body.dump(), headers);
  };
  const std::string key = "Authorization: Bearer key\r\n";
  CHECK(load("").status == 401);
  for (const std::string other : {"X-Forwarded-For: 10.0.0.1\r\n", "Forwarded: for=10.0.0.1\r\n",
                                  "Origin: https://page.example\r\n", "Via: 1.1 proxy\r\n"}) {
    const Response refused = load(key + other);
    CHECK(refused.status == 403);
    CHECK(refused.body == body_of(403,
                                  "Adapters are loaded and unloaded over the network only when the server is "
                                  "started with adapter_dir, the directory that holds them.",
                                  nullptr));
    CHECK(client.post("/v1/unload_lora_adapter", body.dump(), key + other).status == 403);
  }
  CHECK(load(key).status == 200);
  CHECK(client.post("/v1/unload_lora_adapter", body.dump(), key).status == 200);
}

TEST_CASE("a model that is found damaged answers nothing any more, and says so where orchestrators look") {
  server::ServerOptions options = server_options();
  std::atomic<bool> damaged = false;
  options.fault = [&]() -> std::optional<std::string> {
    if (damaged) return "model.safetensors was written to while it was in use";
    return std::nullopt;
  };
  ServerFixture fixture(options);
  fixture.server->check_model();
  CHECK(fixture.get("/health").status == 200);
  damaged = true;
  fixture.server->check_model();
  const std::string expected = body_of(
      503, "The model cannot be used: model.safetensors was written to while it was in use.", nullptr);
  for (const char* path : {"/health", "/ready", "/v1/models"}) {
    const Response response = fixture.get(path);
    CHECK(response.status == 503);
    CHECK(response.body == expected);
  }
  CHECK(fixture.post("/v1/chat/completions", ServerFixture::chat("hello")).body == expected);
  CHECK(fixture.get("/metrics").status == 200);
}
