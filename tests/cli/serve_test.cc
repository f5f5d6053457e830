// swift deploy over the real engine: an answer by HTTP is that of swift infer, and SIGTERM ends it with 0.
#include <arpa/inet.h>
#include <sys/socket.h>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

// The whole response, or nothing while the server does not listen.
std::string ask(uint16_t port, const std::string& path, const std::string& body) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  std::string response;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string text = (body.empty() ? "GET " : "POST ") + path +
                             " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
      char part[4096];
      for (ssize_t got = 0; (got = recv(fd, part, sizeof part, 0)) > 0;)
        response.append(part, static_cast<size_t>(got));
    }
  }
  close(fd);
  return response;
}

base::Json body_of(const std::string& response) {
  const size_t at = response.find("\r\n\r\n");
  return at == std::string::npos ? base::Json() : base::Json::parse(response.substr(at + 4), nullptr, false);
}

}  // namespace

TEST_CASE("swift deploy answers by HTTP as swift infer does, and SIGTERM ends it with 0") {
  const Fixture& f = fixture();
  const Outcome alone = swift::tests::swift({"infer", "--model", f.model, "--prompt", "say 1 and 2",
                                             "--temperature", "0", "--max_new_tokens", "12"});
  INFO(alone.err);
  REQUIRE(alone.code == 0);
  const uint16_t port = free_port();
  const base::Json question = {{"model", "tiny"},
                               {"messages", {{{"role", "user"}, {"content", "say 1 and 2"}}}},
                               {"temperature", 0},
                               {"max_tokens", 12}};
  base::Json answer;
  std::string metrics;
  const Outcome served = run({.words = {"deploy", "--model", f.model, "--served_model_name", "tiny", "--host",
                                        "127.0.0.1", "--port", std::to_string(port)},
                              .when =
                                  [&] {
                                    if (ask(port, "/ready", "").empty()) return false;
                                    answer = body_of(ask(port, "/v1/chat/completions", question.dump()));
                                    metrics = ask(port, "/metrics", "");
                                    return true;
                                  },
                              .signal = SIGTERM});
  INFO(served.err);
  CHECK(served.code == 0);
  CHECK(served.out.empty());
  REQUIRE(answer.contains("choices"));
  CHECK(answer.at("choices").at(0).at("message").at("content").get<std::string>() + "\n" == alone.out);
  CHECK(metrics.find("swift_num_requests_waiting") != std::string::npos);
}
