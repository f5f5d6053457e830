// A client of one connection that says exactly the bytes it is told.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <string>

namespace swift::infer::fake {

struct Response {
  int status = 0;
  std::string head;  // with status line
  std::string body;  // chunks joined
  bool has(const std::string& line) const { return head.find(line) != std::string::npos; }
};

class HttpClient {
 public:
  explicit HttpClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval limit{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { hang_up(); }

  bool connected() const { return connected_; }
  void hang_up() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void send(const std::string& bytes) const {
    size_t at = 0;
    while (at < bytes.size()) {
      const ssize_t sent = ::send(socket_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += static_cast<size_t>(sent);
    }
  }
  // More bytes; false at the end of the connection.
  bool receive() {
    char bytes[4096];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }
  // Reads until the text was seen, and returns what came up to it.
  std::string until(const std::string& text) {
    size_t at = 0;
    while ((at = buffer_.find(text)) == std::string::npos) {
      if (!receive()) FAIL("the connection ended before: " << text << "; it brought: " << buffer_);
    }
    std::string out = buffer_.substr(0, at + text.size());
    buffer_.erase(0, at + text.size());
    return out;
  }
  std::string exactly(size_t count) {
    while (buffer_.size() < count) REQUIRE(receive());
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }
  Response read(bool head_only = false) {
    Response response;
    response.head = until("\r\n\r\n");
    response.status = std::atoi(response.head.c_str() + sizeof("HTTP/1.1"));
    if (head_only) return response;
    if (response.has("Transfer-Encoding: chunked")) {
      while (true) {
        const auto size = std::strtoul(until("\r\n").c_str(), nullptr, 16);
        response.body += exactly(size);
        REQUIRE(exactly(2) == "\r\n");
        if (size == 0) return response;
      }
    }
    const size_t at = response.head.find("Content-Length: ");
    if (at != std::string::npos) {
      response.body = exactly(std::strtoul(response.head.c_str() + at + 16, nullptr, 10));
    }
    return response;
  }
  Response get(const std::string& path, const std::string& headers = "") {
    send("GET " + path + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
    return read();
  }
  Response post(const std::string& path, const std::string& body, const std::string& headers = "") {
    send_post(path, body, headers);
    return read();
  }
  void send_post(const std::string& path, const std::string& body, const std::string& headers = "") const {
    send("POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body);
  }
  bool closed() {
    char byte = 0;
    return buffer_.empty() && ::recv(socket_, &byte, 1, 0) <= 0;
  }

 private:
  int socket_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace swift::infer::fake
