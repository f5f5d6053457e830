#include "infer/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>

#include "base/format.h"
#include "base/signals.h"

namespace swift::infer {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using base::cat;
using base::Error;
using base::ExitCode;
using boost::system::error_code;

namespace {

constexpr uint64_t kLargestReply = uint64_t{1} << 30;

// Runs asynchronous operations one after another until each is done, so that every one has a deadline and a
// signal is seen.
class Runner {
 public:
  Runner(std::string url, double seconds)
      : url_(std::move(url)),
        seconds_(seconds),
        deadline_(std::chrono::steady_clock::now() +
                  std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                      std::chrono::duration<double>(seconds))) {}

  asio::io_context& context() { return context_; }

  // start(handler) begins the operation; what: for errors.
  template <class Start>
  void run(const char* what, const Start& start) {
    bool done = false;
    error_code fault;
    start([&](error_code result, auto&&...) {
      done = true;
      fault = result;
    });
    context_.restart();
    while (!done) {
      if (base::stop_signal() != 0) {
        throw Error(static_cast<ExitCode>(128 + base::stop_signal()), "stopped while waiting for " + url_);
      }
      if (std::chrono::steady_clock::now() > deadline_) {
        throw Error(ExitCode::temporary,
                    cat(url_, " did not answer in ", base::shortest(seconds_), " seconds"));
      }
      context_.run_one_for(std::chrono::milliseconds(100));
      if (context_.stopped()) context_.restart();
    }
    if (fault) throw Error(ExitCode::temporary, cat("cannot ", what, " ", url_, ": ", fault.message()));
  }

 private:
  asio::io_context context_;
  std::string url_;
  double seconds_;
  std::chrono::steady_clock::time_point deadline_;
};

template <class Stream>
HttpReply exchange(Runner& runner, Stream& stream, const http::request<http::string_body>& request) {
  runner.run("send to", [&](auto handler) { http::async_write(stream, request, std::move(handler)); });
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestReply);
  runner.run("read from",
             [&](auto handler) { http::async_read(stream, buffer, parser, std::move(handler)); });
  return {static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

void connect(Runner& runner, asio::ip::tcp::socket& socket, const HttpTarget& target) {
  asio::ip::tcp::resolver resolver(runner.context());
  asio::ip::tcp::resolver::results_type found;
  runner.run("find the host of", [&](auto handler) {
    resolver.async_resolve(
        target.host, target.port,
        [&found, handler](error_code result, asio::ip::tcp::resolver::results_type places) mutable {
          found = std::move(places);
          handler(result);
        });
  });
  runner.run("reach", [&](auto handler) { asio::async_connect(socket, found, std::move(handler)); });
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

}  // namespace

HttpTarget parse_url(const std::string& url) {
  HttpTarget target;
  std::string rest;
  if (url.starts_with("http://")) {
    rest = url.substr(7);
  } else if (url.starts_with("https://")) {
    rest = url.substr(8);
    target.tls = true;
  } else {
    throw Error(ExitCode::usage, "'" + url + "' is no http:// or https:// address");
  }
  const size_t slash = rest.find('/');
  std::string authority = rest.substr(0, slash);
  target.path = slash == std::string::npos ? "/" : rest.substr(slash);
  target.port = target.tls ? "443" : "80";
  const size_t bracket = authority.find(']');  // [::1]:8000
  const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  if (colon != std::string::npos) target.port = authority.substr(colon + 1);
  target.host = authority.substr(0, colon);
  if (target.host.starts_with("[") && target.host.ends_with("]"))
    target.host = target.host.substr(1, target.host.size() - 2);
  const bool digits =
      !target.port.empty() && target.port.find_first_not_of("0123456789") == std::string::npos;
  if (target.host.empty() || !digits || url.find_first_of(" \r\n\t") != std::string::npos)
    throw Error(ExitCode::usage, "'" + url + "' is no address: write http://HOST:PORT/PATH");
  return target;
}

HttpReply http_request(const std::string& method, const std::string& url, const base::Json& body,
                       double seconds, const std::string& bearer) {
  const HttpTarget target = parse_url(url);
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target.path);
  request.version(11);
  request.set(http::field::host, target.host + ":" + target.port);
  request.set(http::field::connection, "close");
  request.set(http::field::user_agent, "swift");
  if (!bearer.empty()) request.set(http::field::authorization, "Bearer " + bearer);
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  }
  request.prepare_payload();
  Runner runner(url, seconds);
  if (!target.tls) {
    asio::ip::tcp::socket socket(runner.context());
    connect(runner, socket, target);
    return exchange(runner, socket, request);
  }
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_default_verify_paths();
  asio::ssl::stream<asio::ip::tcp::socket> stream(runner.context(), tls);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(target.host));
  SSL_set_tlsext_host_name(stream.native_handle(), target.host.c_str());
  connect(runner, stream.next_layer(), target);
  runner.run("greet", [&](auto handler) {
    stream.async_handshake(asio::ssl::stream_base::client, std::move(handler));
  });
  return exchange(runner, stream, request);
}

}  // namespace swift::infer
