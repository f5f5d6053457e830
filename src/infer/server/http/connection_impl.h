// A connection over any stream of Asio: reads requests one after another, hands each out as an exchange and
// sends its answer. All of it runs on the stream's strand.
#pragma once
#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <vector>

#include "base/log.h"
#include "infer/server/http/port_exchange.h"

namespace swift::infer::server {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Instant = std::chrono::steady_clock::time_point;

template <class Stream>
class Connection : public ConnectionPort {
 public:
  template <class... Args>
  explicit Connection(std::shared_ptr<HttpShared> shared, Args&&... stream)
      : shared_(std::move(shared)), stream_(std::forward<Args>(stream)...), timer_(stream_.get_executor()) {
    const std::lock_guard lock(shared_->mutex);
    shared_->connections.insert(this);
  }
  ~Connection() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->connections.erase(this);
  }

  void start() override {
    run([self = me()] {
      if (self->shared_->stopping) return self->shut();
      error_code ignored;
      self->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
      const auto peer = self->socket().remote_endpoint(ignored);
      if (!ignored) self->peer_ = peer.address().to_string(ignored);
      self->tick();
      self->handshake();
    });
  }
  void close() override {
    run([self = me()] { self->shut(); });
  }
  void close_when_idle() override {
    run([self = me()] {
      self->keep_alive_ = false;
      if (!self->busy_) self->shut();
    });
  }

  void run(std::function<void()> work) override {
    asio::post(stream_.get_executor(),
               [keep = this->shared_from_this(), task = std::move(work)] { run_guarded(task); });
  }
  asio::thread_pool& workers() override { return shared_->workers; }
  void respond(uint64_t number, HttpResponse response) override;
  void begin_stream(uint64_t number, HttpResponse head, std::string ping,
                    std::chrono::milliseconds interval) override;
  void write(uint64_t number, std::string piece) override;
  void end_stream(uint64_t number) override;
  void on_disconnect(uint64_t number, std::function<void()> callback) override;
  void abandon(uint64_t number) override;

 private:
  using Parser = http::request_parser<http::string_body>;
  std::shared_ptr<Connection> me() { return std::static_pointer_cast<Connection>(this->shared_from_this()); }
  auto& socket() { return stream_.lowest_layer(); }
  const HttpOptions& options() const { return shared_->options; }
  static Instant now() { return std::chrono::steady_clock::now(); }

  void handshake();
  void tick();
  void read_header();
  void header_read(error_code error);
  void read_body();
  void body_read(error_code error);
  void dispatch();
  void watch();
  void fault(int status, const std::string& message);
  void read_target();
  void send(std::string bytes);
  void flush();
  void answered();
  void next_request();
  void shut();

  std::shared_ptr<HttpShared> shared_;
  Stream stream_;
  asio::steady_timer timer_;  // looks at the deadlines below
  Instant read_deadline_ = Instant::max();
  Instant write_deadline_ = Instant::max();
  Instant ping_due_ = Instant::max();
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<Parser> parser_;
  std::string peer_;
  std::string path_, query_;  // of the request in work, as far as it was read
  bool http10_ = false;
  bool head_only_ = false;
  bool keep_alive_ = true;
  bool watching_ = false;  // a read is under way while an exchange is open
  bool closed_ = false;
  bool lingering_ = false;  // the answer is sent, the rest of the request is being thrown away
  // The exchange in work.
  bool busy_ = false;
  uint64_t number_ = 0;
  enum class Answer { none, streaming, complete } answer_ = Answer::none;
  bool chunked_ = false;
  std::string ping_;
  std::chrono::milliseconds ping_interval_{0};
  std::function<void()> disconnected_;
  // What is being sent, and what waits behind it.
  std::string sending_, unsent_;
  size_t sent_ = 0;  // of sending_
};

template <class Stream>
void Connection<Stream>::tick() {
  if (closed_) return;
  const Instant at = now();
  if (at >= write_deadline_) return shut();
  if (at >= read_deadline_) {
    read_deadline_ = Instant::max();
    if (lingering_ || (buffer_.size() == 0 && (!parser_ || !parser_->is_header_done()))) return shut();
    fault(408, "The request did not arrive in time.");
  }
  if (at >= ping_due_) {
    ping_due_ = at + ping_interval_;
    if (sending_.empty()) write(number_, ping_);
  }
  const auto step = std::min({options().read_timeout, options().write_timeout, options().idle_timeout,
                              ping_interval_.count() > 0 ? ping_interval_ : std::chrono::milliseconds(4000)});
  timer_.expires_after(std::clamp(step / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000)));
  timer_.async_wait([self = me()](error_code error) {
    if (!error) self->tick();
  });
}

template <class Stream>
void Connection<Stream>::read_header() {
  path_.clear(), query_.clear();
  parser_ = std::make_unique<Parser>();
  parser_->header_limit(static_cast<uint32_t>(options().max_header_bytes));
  parser_->body_limit(options().max_body_bytes);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = me()](error_code error, size_t) { self->header_read(error); });
}

template <class Stream>
void Connection<Stream>::header_read(error_code error) {
  if (closed_ || busy_) return;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return fault(
        431, "The request's header is larger than " + std::to_string(options().max_header_bytes) + " bytes.");
  }
  if (error == http::error::body_limit) {
    return fault(413,
                 "The request's body is larger than " + std::to_string(options().max_body_bytes) + " bytes.");
  }
  if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return fault(400, "This is not a request of HTTP/1.1: " + error.message() + ".");
  }
  if (error) return shut();
  http10_ = parser_->get().version() < 11;
  head_only_ = parser_->get().method() == http::verb::head;
  keep_alive_ = keep_alive_ && parser_->keep_alive() && !shared_->stopping;
  read_deadline_ = now() + options().read_timeout;
  const bool waits =
      !http10_ && equal_ignoring_case(std::string(parser_->get()[http::field::expect]), "100-continue");
  if (!waits || parser_->is_done()) return read_body();
  auto text = std::make_shared<std::string>("HTTP/1.1 100 Continue\r\n\r\n");
  asio::async_write(stream_, asio::buffer(*text), [self = me(), text](error_code failed, size_t) {
    if (failed) return self->shut();
    self->read_body();
  });
}

template <class Stream>
void Connection<Stream>::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = me()](error_code error, size_t) { self->body_read(error); });
}

template <class Stream>
void Connection<Stream>::body_read(error_code error) {
  if (closed_ || busy_) return;
  if (error == http::error::body_limit) {
    return fault(413,
                 "The request's body is larger than " + std::to_string(options().max_body_bytes) + " bytes.");
  }
  if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return fault(400, "The request's body is malformed: " + error.message() + ".");
  }
  if (error) return shut();
  dispatch();
}

template <class Stream>
void Connection<Stream>::read_target() {
  if (!parser_) return;
  const std::string target(parser_->get().target());
  const size_t mark = target.find('?');
  path_ = percent_decode(std::string_view(target).substr(0, mark));
  query_ = mark == std::string::npos ? "" : target.substr(mark + 1);
}

template <class Stream>
void Connection<Stream>::dispatch() {
  read_deadline_ = Instant::max();
  read_target();
  auto message = parser_->release();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.path = path_;
  request.query = query_;
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request.body = std::move(message.body());
  request.peer = peer_;
  busy_ = true;
  ++number_;
  ++shared_->exchanges;
  answer_ = Answer::none;
  if (buffer_.size() == 0) watch();
  const auto exchange = std::make_shared<PortExchange>(std::move(request), me(), number_);
  try {
    shared_->handlers.request(exchange);
  } catch (const std::exception& error) {
    base::log::error(std::string("server: a handler failed: ") + error.what());
  }
}

// While an exchange is open a read is under way: it ends when the client goes, or sends its next request.
template <class Stream>
void Connection<Stream>::watch() {
  watching_ = true;
  stream_.async_read_some(buffer_.prepare(16 * 1024), [self = me()](error_code error, size_t size) {
    self->watching_ = false;
    if (self->closed_) return;
    if (error) return self->shut();
    if (self->lingering_) return self->watch();
    self->buffer_.commit(size);
    if (!self->busy_) self->next_request();
  });
}

// Answers without an exchange and closes, as what follows on the connection cannot be trusted.
template <class Stream>
void Connection<Stream>::fault(int status, const std::string& message) {
  busy_ = true;
  ++number_;
  ++shared_->exchanges;
  answer_ = Answer::none;
  keep_alive_ = false;
  lingering_ = status != 408;
  read_target();
  respond(number_, shared_->handlers.fault(path_, status, message));
}

template <class Stream>
void Connection<Stream>::respond(uint64_t number, HttpResponse response) {
  if (closed_ || number != number_ || answer_ != Answer::none) return;
  answer_ = Answer::complete;
  disconnected_ = nullptr;
  if (shared_->stopping) keep_alive_ = false;
  std::string bytes = response_head(response, Framing::length, response.body.size(), keep_alive_);
  if (!head_only_ && response.status != 204) bytes += response.body;
  send(std::move(bytes));
}

template <class Stream>
void Connection<Stream>::begin_stream(uint64_t number, HttpResponse head, std::string ping,
                                      std::chrono::milliseconds interval) {
  if (closed_ || number != number_ || answer_ != Answer::none) return;
  answer_ = Answer::streaming;
  if (shared_->stopping || http10_) keep_alive_ = false;
  chunked_ = !http10_;
  std::string bytes = response_head(head, chunked_ ? Framing::chunked : Framing::until_close, 0, keep_alive_);
  if (!head.body.empty()) bytes += chunked_ ? chunk(head.body) : head.body;
  ping_ = std::move(ping);
  ping_interval_ = interval;
  ping_due_ = now() + interval;
  send(std::move(bytes));
  tick();
}

template <class Stream>
void Connection<Stream>::write(uint64_t number, std::string piece) {
  if (closed_ || number != number_ || answer_ != Answer::streaming || piece.empty()) return;
  ping_due_ = now() + ping_interval_;
  send(chunked_ ? chunk(piece) : std::move(piece));
}

template <class Stream>
void Connection<Stream>::end_stream(uint64_t number) {
  if (closed_ || number != number_ || answer_ != Answer::streaming) return;
  answer_ = Answer::complete;
  disconnected_ = nullptr;
  ping_due_ = Instant::max();
  send(chunked_ ? "0\r\n\r\n" : "");
}

template <class Stream>
void Connection<Stream>::on_disconnect(uint64_t number, std::function<void()> callback) {
  if (number == number_ && !closed_) {
    if (answer_ != Answer::complete) disconnected_ = std::move(callback);
  } else {
    run_guarded(callback);
  }
}

template <class Stream>
void Connection<Stream>::abandon(uint64_t number) {
  if (closed_ || number != number_ || answer_ == Answer::complete) return;
  if (answer_ == Answer::streaming) return shut();
  respond(number, shared_->handlers.fault(path_, 500, "The server failed to answer this request."));
}

template <class Stream>
void Connection<Stream>::send(std::string bytes) {
  if (sending_.size() - sent_ + unsent_.size() + bytes.size() > options().max_unsent_bytes &&
      answer_ == Answer::streaming) {
    base::log::warn("server: " + peer_ + " reads too slowly and is cut off");
    return shut();
  }
  unsent_ += bytes;
  if (sending_.empty()) flush();
}

template <class Stream>
void Connection<Stream>::flush() {
  if (sent_ == sending_.size()) {
    sending_.clear();
    sending_.swap(unsent_);
    sent_ = 0;
  }
  if (sending_.empty()) {
    write_deadline_ = Instant::max();
    if (answer_ == Answer::complete && busy_) answered();
    return;
  }
  // Whatever the client takes is progress.
  write_deadline_ = now() + options().write_timeout;
  stream_.async_write_some(asio::buffer(sending_) + sent_, [self = me()](error_code error, size_t size) {
    if (self->closed_) return;
    if (error) return self->shut();
    self->sent_ += size;
    self->flush();
  });
}

template <class Stream>
void Connection<Stream>::answered() {
  busy_ = false;
  --shared_->exchanges;
  disconnected_ = nullptr;
  if (!keep_alive_ && !lingering_) return shut();
  read_deadline_ = now() + (keep_alive_ ? options().idle_timeout : std::chrono::milliseconds(1000));
  if (lingering_) {
    // Closing with unread bytes would reset the connection and take the answer with it.
    error_code ignored;
    socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    if (!watching_) watch();
    return;
  }
  if (!watching_) next_request();
}

template <class Stream>
void Connection<Stream>::next_request() {
  read_header();
}

template <class Stream>
void Connection<Stream>::shut() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
  timer_.cancel();
  std::function<void()> callback;
  callback.swap(disconnected_);
  if (callback) run_guarded(callback);
  if (busy_) --shared_->exchanges;
  busy_ = false;
}

}  // namespace swift::infer::server
