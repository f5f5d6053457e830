// An exchange as a request's side of its connection.
#pragma once
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "infer/server/http/connection.h"

namespace swift::infer::server {

// A request's side of a connection. Its connection may be at a later request by the time it is called;
// `number` tells.
class ConnectionPort : public ConnectionBase {
 public:
  virtual void run(std::function<void()> work) = 0;  // on the strand
  virtual boost::asio::thread_pool& workers() = 0;
  virtual void respond(uint64_t number, HttpResponse response) = 0;
  virtual void begin_stream(uint64_t number, HttpResponse head, std::string ping,
                            std::chrono::milliseconds interval) = 0;
  virtual void write(uint64_t number, std::string piece) = 0;
  virtual void end_stream(uint64_t number) = 0;
  virtual void on_disconnect(uint64_t number, std::function<void()> callback) = 0;
  virtual void abandon(uint64_t number) = 0;
};

inline void run_guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    base::log::error(std::string("server: a handler failed: ") + error.what());
  }
}

class PortExchange : public Exchange {
 public:
  PortExchange(HttpRequest request, std::shared_ptr<ConnectionPort> port, uint64_t number)
      : Exchange(std::move(request)), port_(std::move(port)), number_(number) {}
  ~PortExchange() override {
    port_->run([port = port_, n = number_] { port->abandon(n); });
  }
  void post(std::function<void()> work) override { port_->run(std::move(work)); }
  void defer(std::function<void()> work) override {
    boost::asio::post(port_->workers(), [task = std::move(work)] { run_guarded(task); });
  }
  void respond(HttpResponse response) override {
    port_->run(
        [port = port_, n = number_, r = std::move(response)]() mutable { port->respond(n, std::move(r)); });
  }
  void begin_stream(HttpResponse head, std::string ping, std::chrono::milliseconds interval) override {
    port_->run([port = port_, n = number_, h = std::move(head), p = std::move(ping), interval]() mutable {
      port->begin_stream(n, std::move(h), std::move(p), interval);
    });
  }
  void write(std::string piece) override {
    port_->run([port = port_, n = number_, p = std::move(piece)]() mutable { port->write(n, std::move(p)); });
  }
  void end_stream() override {
    port_->run([port = port_, n = number_] { port->end_stream(n); });
  }
  void on_disconnect(std::function<void()> callback) override {
    port_->run([port = port_, n = number_, c = std::move(callback)]() mutable {
      port->on_disconnect(n, std::move(c));
    });
  }

 private:
  std::shared_ptr<ConnectionPort> port_;
  uint64_t number_;
};

}  // namespace swift::infer::server
