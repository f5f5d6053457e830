// The HTTP/1.1 side of a server: sockets, threads, limits. Handlers see plain requests (exchange.h).
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "infer/server/http/exchange.h"

namespace swift::infer::server {

struct HttpOptions {
  std::string host = "0.0.0.0";  // an address or a name; "" is every address
  uint16_t port = 8000;          // 0: any free one
  int io_threads = 2;
  int worker_threads = 4;
  size_t max_connections = 4096;
  size_t max_header_bytes = 64 * 1024;
  uint64_t max_body_bytes = 32 * 1024 * 1024;
  size_t max_unsent_bytes = 4 * 1024 * 1024;       // of one answer, before its client is cut off
  std::chrono::milliseconds read_timeout{60000};   // for a whole header, and for a whole body
  std::chrono::milliseconds idle_timeout{75000};   // between two requests of a connection
  std::chrono::milliseconds write_timeout{30000};  // for one piece of an answer
  std::optional<std::string> ssl_certfile;         // PEM, with the chain; needs ssl_keyfile
  std::optional<std::string> ssl_keyfile;
};

// Faults below HTTP's requests (malformed, too large, too slow) get a body from `fault`; the path is empty
// where it was not read.
struct HttpHandlers {
  std::function<void(std::shared_ptr<Exchange>)> request;  // on the exchange's queue; must not block
  std::function<HttpResponse(std::string_view path, int status, const std::string& message)> fault;
};

class HttpServer {
 public:
  // Binds and listens. Throws base::Error: temporary when the port is taken, usage for an address or
  // certificate that cannot be used.
  HttpServer(const HttpOptions& options, HttpHandlers handlers);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // closes every connection and joins the threads

  uint16_t port() const;
  // No new connections; those without a request in work are closed, the others after their answer.
  void stop_accepting();
  // Closes every connection; unfinished exchanges see a disconnect.
  void close_all();
  // stop_accepting() and close_all(), then waits for the worker threads. Queues of exchanges still run.
  void quiesce();
  size_t open_exchanges() const;
  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace swift::infer::server
