// swift deploy as a process of its own, and a client that says what it is told.
#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>

#include "fixture.h"

namespace swift::tests {

class Deployed {
 public:
  // Serves the model on a free port of this machine, under the name "tiny". Returns once it listens.
  explicit Deployed(const fs::path& model, const std::vector<std::string>& more = {},
                    const std::vector<std::string>& environment = {})
      : folder_(scratch("deploy")) {
    std::vector<std::string> words = {"deploy",    "--model", model, "--served_model_name", "tiny", "--host",
                                      "127.0.0.1", "--port",  "0"};
    words.insert(words.end(), more.begin(), more.end());
    write(folder_ / "in", "");
    const Command command{.words = words, .environment = environment};
    child_ = fork();
    if (child_ == 0) become_swift(command, folder_);
    const std::string listening = "listening on http://127.0.0.1:";
    while (port_ == 0 && running()) {
      const std::string text = log();
      const size_t at = text.find(listening);
      if (at != std::string::npos && text.find('\n', at) != std::string::npos)
        port_ = static_cast<uint16_t>(std::stoi(text.substr(at + listening.size())));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    INFO(log());
    REQUIRE(port_ != 0);
  }
  Deployed(const Deployed&) = delete;
  Deployed& operator=(const Deployed&) = delete;
  ~Deployed() {
    if (running()) kill(child_, SIGKILL), wait();
  }

  pid_t pid() const { return child_; }
  uint16_t port() const { return port_; }
  std::string log() const { return contents(folder_ / "err"); }
  void signal(int number) const { kill(child_, number); }
  bool running() {
    if (code_) return false;
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) == child_) keep(status);
    return !code_;
  }
  // Exit code, or 128 + the signal that ended it.
  int wait() {
    int status = 0;
    if (!code_ && waitpid(child_, &status, 0) == child_) keep(status);
    return *code_;
  }

 private:
  void keep(int status) { code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }
  fs::path folder_;
  pid_t child_ = 0;
  uint16_t port_ = 0;
  std::optional<int> code_;
};

struct Reply {
  int status = 0;  // 0: none came
  std::string text;
  base::Json json() const { return base::Json::parse(text, nullptr, false); }
};

class Client {
 public:
  explicit Client(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(socket_); }

  bool connected() const { return connected_; }
  void send(const std::string& path, const std::string& body, const std::string& headers = "") const {
    const std::string text = (body.empty() ? "GET " : "POST ") + path +
                             " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Reads until the text was seen; false when the connection ends before.
  bool until(const std::string& text) {
    while (received_.find(text) == std::string::npos) {
      char part[4096];
      const ssize_t got = recv(socket_, part, sizeof part, 0);
      if (got <= 0) return false;
      received_.append(part, static_cast<size_t>(got));
    }
    return true;
  }
  Reply rest() {
    while (until(std::string("\0never", 6))) {
    }
    const size_t at = received_.find("\r\n\r\n");
    if (at == std::string::npos) return {};
    return {std::atoi(received_.c_str() + 9), received_.substr(at + 4)};
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string received_;
};

// An empty body: GET.
inline Reply ask(uint16_t port, const std::string& path, const std::string& body = "",
                 const std::string& headers = "") {
  Client client(port);
  if (!client.connected()) return {};
  client.send(path, body, headers);
  return client.rest();
}

inline base::Json question(const base::Json& members = base::Json::object()) {
  base::Json body = base::Json::parse(
      R"({"model":"tiny","messages":[{"role":"user","content":"say 1 and 2"}],"temperature":0,"max_tokens":12})");
  body.update(members);
  return body;
}

}  // namespace swift::tests
