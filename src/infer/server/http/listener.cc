#include "infer/server/http/listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "infer/server/http/connection.h"

namespace swift::infer::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct HttpServer::Impl {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  asio::strand<asio::io_context::executor_type> accepting = asio::make_strand(io);
  tcp::acceptor acceptor{accepting};
  asio::steady_timer retry{accepting};
  std::shared_ptr<HttpShared> shared;
  std::shared_ptr<TlsContext> tls;
  uint16_t port = 0;
  std::vector<std::thread> threads;

  Impl(const HttpOptions& options, HttpHandlers handlers)
      : shared(std::make_shared<HttpShared>(options, std::move(handlers))) {}

  void listen();
  void accept();
  void accepted(error_code error, tcp::socket socket);
  template <class Visit>
  void each(Visit visit) {
    std::vector<std::shared_ptr<ConnectionBase>> open;
    {
      const std::lock_guard lock(shared->mutex);
      for (ConnectionBase* connection : shared->connections) {
        // One that is being destroyed has no owner left.
        if (auto owner = connection->weak_from_this().lock()) open.push_back(std::move(owner));
      }
    }
    for (const auto& connection : open) visit(*connection);
  }
};

void HttpServer::Impl::listen() {
  using base::Error;
  using base::ExitCode;
  const HttpOptions& options = shared->options;
  const std::string place = options.host + ":" + std::to_string(options.port);
  error_code error;
  tcp::resolver resolver(io);
  const std::string host = options.host.empty() ? "0.0.0.0" : options.host;
  const auto found = resolver.resolve(host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    throw Error(ExitCode::usage, "cannot listen on '" + host + "': " + error.message(), {},
                "give --host an address of this machine, 0.0.0.0 for all of them");
  }
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (error == asio::error::address_in_use) {
    throw Error(ExitCode::temporary, "cannot listen on " + place + ": another process uses this port", {},
                "stop it, or give --port another number");
  }
  if (error) {
    throw Error(ExitCode::usage, "cannot listen on " + place + ": " + error.message(), {},
                "check --host and --port; ports below 1024 need a privilege");
  }
  port = acceptor.local_endpoint().port();
}

void HttpServer::Impl::accept() {
  acceptor.async_accept(asio::make_strand(io),
                        [this](error_code error, tcp::socket socket) { accepted(error, std::move(socket)); });
}

void HttpServer::Impl::accepted(error_code error, tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (error) {
    // Out of descriptors, or a client that went at once: try again shortly.
    retry.expires_after(std::chrono::milliseconds(50));
    retry.async_wait([this](error_code failed) {
      if (!failed && acceptor.is_open()) accept();
    });
    return;
  }
  size_t open = 0;
  {
    const std::lock_guard lock(shared->mutex);
    open = shared->connections.size();
  }
  if (open < shared->options.max_connections) {
    const auto connection = tls ? make_tls_connection(std::move(socket), shared, *tls)
                                : make_plain_connection(std::move(socket), shared);
    connection->start();
  } else {
    base::log::warn("server: more than " + std::to_string(shared->options.max_connections) +
                    " connections; one was refused");
  }
  accept();
}

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers)
    : impl_(std::make_unique<Impl>(options, std::move(handlers))) {
  if (options.ssl_certfile || options.ssl_keyfile) impl_->tls = load_tls(options);
  impl_->listen();
  asio::post(impl_->accepting, [impl = impl_.get()] { impl->accept(); });
  for (int i = 0; i < options.io_threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->io.run(); });
  }
}

void HttpServer::quiesce() {
  stop_accepting();
  close_all();
  impl_->shared->workers.join();
  close_all();
}

HttpServer::~HttpServer() {
  quiesce();
  impl_->work.reset();
  for (std::thread& thread : impl_->threads) thread.join();
}

uint16_t HttpServer::port() const {
  return impl_->port;
}

void HttpServer::stop_accepting() {
  impl_->shared->stopping = true;
  asio::post(impl_->accepting, [impl = impl_.get()] {
    error_code ignored;
    impl->acceptor.close(ignored);
    impl->retry.cancel();
  });
  impl_->each([](ConnectionBase& connection) { connection.close_when_idle(); });
}

void HttpServer::close_all() {
  impl_->each([](ConnectionBase& connection) { connection.close(); });
}

size_t HttpServer::open_exchanges() const {
  return impl_->shared->exchanges;
}

size_t HttpServer::connections() const {
  const std::lock_guard lock(impl_->shared->mutex);
  return impl_->shared->connections.size();
}

}  // namespace swift::infer::server
