#include "base/error.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

TEST_CASE("the server says what it is") {
  ServerFixture fixture;
  CHECK(fixture.get("/health").body == R"({"status":"ok"})");
  CHECK(fixture.get("/ready").body == R"({"status":"ready"})");
  CHECK(fixture.get("/ping").status == 200);
  CHECK(fixture.get("/version").body == R"({"version":"0"})");
  const Json models = Json::parse(fixture.get("/v1/models").body);
  REQUIRE(models["data"].size() == 2);
  CHECK(models["data"][0]["id"] == "tiny");
  CHECK(models["data"][0]["owned_by"] == "swift");
  CHECK(models["data"][0]["root"] == "/models/tiny");
  CHECK(models["data"][0]["max_model_len"] == 4096);
  CHECK(Json::parse(fixture.get("/v1/models/alias").body)["id"] == "alias");
  CHECK(Json::parse(fixture.get("/openapi.json").body)["paths"].contains("/v1/chat/completions"));
}

TEST_CASE("HEAD, OPTIONS and methods that are not there") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  client.send("HEAD /health HTTP/1.1\r\nHost: t\r\n\r\n");
  const Response head = client.read(true);
  CHECK(head.status == 200);
  CHECK(head.has("Content-Length: 15\r\n"));
  client.send("OPTIONS /v1/models HTTP/1.1\r\nHost: t\r\n\r\n");
  const Response options = client.read();
  CHECK(options.status == 204);
  CHECK(options.has("Allow: GET, HEAD, OPTIONS\r\n"));
  CHECK_FALSE(options.has("Access-Control"));
  const Response wrong = client.get("/v1/chat/completions");
  CHECK(wrong.status == 405);
  CHECK(wrong.has("Allow: POST, OPTIONS\r\n"));
}

TEST_CASE("CORS answers only the origins that are let in") {
  server::ServerOptions options = server_options();
  options.cors_origins = {"https://app.example"};
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  CHECK_FALSE(client.get("/health", "Origin: https://evil.example\r\n").has("Access-Control"));
  CHECK(client.get("/health", "Origin: https://app.example\r\n")
            .has("Access-Control-Allow-Origin: https://app.example\r\n"));
  client.send(
      "OPTIONS /v1/completions HTTP/1.1\r\nHost: t\r\nOrigin: https://app.example\r\n"
      "Access-Control-Request-Headers: authorization,content-type\r\n\r\n");
  const Response response = client.read();
  CHECK(response.has("Access-Control-Allow-Headers: authorization,content-type\r\n"));
  CHECK(response.has("Access-Control-Allow-Methods: POST, OPTIONS\r\n"));
}

TEST_CASE("bodies beyond the limit are refused before they are sent, headers too") {
  server::ServerOptions options = server_options();
  options.http.max_body_bytes = 1000;
  options.http.max_header_bytes = 1000;
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
  const Response large = client.read();
  CHECK(large.status == 413);
  CHECK(
      large.body ==
      R"({"error":{"message":"The request's body is larger than 1000 bytes.","type":"invalid_request_error","param":null,"code":413}})");
  HttpClient other(fixture.server->port());
  const Response header = other.get("/health", "X: " + std::string(2000, 'x') + "\r\n");
  CHECK(header.status == 431);
  HttpClient garbage(fixture.server->port());
  garbage.send("\x16\x03\x01 this is no HTTP\r\n\r\n");
  CHECK(garbage.read().status == 400);
}

TEST_CASE("Expect: 100-continue is answered, and a content type is not needed") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  const std::string body = ServerFixture::chat("hello").dump();
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n");
  CHECK(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(body);
  CHECK(client.read().status == 200);
  CHECK(client.post("/v1/chat/completions", body, "Content-Encoding: gzip\r\n").status == 415);
}

TEST_CASE("a request that does not arrive in time is a 408") {
  server::ServerOptions options = server_options();
  options.http.read_timeout = std::chrono::milliseconds(50);
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  client.send("POST /v1/completions HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\n\r\n{");
  const Response response = client.read();
  CHECK(response.status == 408);
  CHECK(Json::parse(response.body)["error"]["type"] == "timeout_error");
  CHECK(client.closed());
}

TEST_CASE("requests follow each other on one connection, also when they are sent at once") {
  ServerFixture fixture;
  HttpClient client(fixture.server->port());
  client.send("GET /health HTTP/1.1\r\nHost: t\r\n\r\nGET /ready HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(client.read().body == R"({"status":"ok"})");
  CHECK(client.read().body == R"({"status":"ready"})");
  client.send("GET /ping HTTP/1.0\r\n\r\n");
  CHECK(client.read().has("Connection: close\r\n"));
  CHECK(client.closed());
}

TEST_CASE("a client that goes away ends its requests") {
  ServerFixture fixture;
  for (const bool stream : {true, false}) {
    HttpClient client(fixture.server->port());
    client.send_post("/v1/chat/completions",
                     ServerFixture::chat("hang", {{"stream", stream}, {"n", 3}}).dump());
    REQUIRE(ServerFixture::eventually([&] { return fixture.service.active() == 3; }));
    client.hang_up();
    CHECK(ServerFixture::eventually([&] { return fixture.service.active() == 0; }));
  }
}

TEST_CASE("a stream that waits is kept alive by comments") {
  server::ServerOptions options = server_options();
  options.ping_interval = std::chrono::milliseconds(20);
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  client.send_post("/v1/chat/completions", ServerFixture::chat("wait", {{"stream", true}}).dump());
  const std::string seen = client.until("late");
  CHECK(seen.find(": ping\n\n") != std::string::npos);
}

TEST_CASE("a client that does not read is cut off, and the others do not notice") {
  server::ServerOptions options = server_options();
  options.http.max_unsent_bytes = 100000;
  ServerFixture fixture(options);
  HttpClient lazy(fixture.server->port());
  const Json members = {{"stream", true}, {"n", 4}, {"logprobs", true}, {"top_logprobs", 20}};
  lazy.send_post("/v1/chat/completions", ServerFixture::chat("flood", members).dump());
  CHECK(fixture.post("/v1/chat/completions", ServerFixture::chat("hello")).status == 200);
  CHECK(ServerFixture::eventually([&] { return fixture.service.cancelled > 0; }));
  CHECK(ServerFixture::eventually([&] { return fixture.service.active() == 0; }));
}

TEST_CASE("hundreds of streams at once") {
  ServerFixture fixture;
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<HttpClient>(fixture.server->port()));
    REQUIRE(clients.back()->connected());
    clients.back()->send_post("/v1/chat/completions", ServerFixture::chat("slow", {{"stream", true}}).dump());
  }
  for (size_t i = 0; i < clients.size(); i += 3) clients[i]->hang_up();
  for (size_t i = 0; i < clients.size(); ++i) {
    if (i % 3 != 0) CHECK(clients[i]->read().body.ends_with("data: [DONE]\n\n"));
  }
  CHECK(ServerFixture::eventually([&] { return fixture.service.active() == 0; }));
  CHECK(ServerFixture::eventually([&] { return fixture.server->open_requests() == 0; }));
}

TEST_CASE("a stopping server completes what is open and takes nothing new") {
  ServerFixture fixture;
  HttpClient idle(fixture.server->port());
  CHECK(idle.get("/ready").status == 200);
  HttpClient streaming(fixture.server->port());
  streaming.send_post("/v1/chat/completions", ServerFixture::chat("slow", {{"stream", true}}).dump());
  streaming.until("tick");
  std::thread stopping([&] { CHECK(fixture.server->stop()); });
  const std::string rest = streaming.until("data: [DONE]\n\n");
  stopping.join();
  CHECK(idle.closed());
  HttpClient late(fixture.server->port());
  CHECK((!late.connected() || late.closed()));
}

TEST_CASE("what is still open after the grace period is cut off") {
  server::ServerOptions options = server_options();
  options.grace_period = std::chrono::milliseconds(50);
  ServerFixture fixture(options);
  HttpClient client(fixture.server->port());
  client.send_post("/v1/chat/completions", ServerFixture::chat("hang", {{"stream", true}}).dump());
  client.until("begin");
  CHECK_FALSE(fixture.server->stop());
  CHECK(ServerFixture::eventually([&] { return fixture.service.active() == 0; }));
}

TEST_CASE("a port in use is an error that says so") {
  ServerFixture fixture;
  server::ServerOptions options = server_options();
  options.http.port = fixture.server->port();
  try {
    const server::Server second(options, fixture.service, fixture.tokenizer, fixture.prompts,
                                server_template());
    FAIL("two servers on one port");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::temporary);
    CHECK(error.message() == "cannot listen on 127.0.0.1:" + std::to_string(options.http.port) +
                                 ": another process uses this port");
  }
}
