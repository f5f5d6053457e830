// One request being answered, as a handler sees it.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "infer/server/http/message.h"

namespace swift::infer::server {

// Every method may be called from any thread. What belongs to one exchange runs one at a time, in the order
// of the calls; an exchange that is dropped unanswered answers with 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  const HttpRequest& request() const { return request_; }

  // Runs `work` on the exchange's own queue, behind what is there already. It must not block.
  virtual void post(std::function<void()> work) = 0;
  // Runs `work` on a worker thread, where it may take its time.
  virtual void defer(std::function<void()> work) = 0;

  // The whole answer; nothing more after it.
  virtual void respond(HttpResponse response) = 0;
  // Begins an answer that comes in pieces: the head with `head.body` as its first piece. While nothing else
  // is sent for `ping_interval`, `ping` is.
  virtual void begin_stream(HttpResponse head, std::string ping, std::chrono::milliseconds ping_interval) = 0;
  // A piece of the body, sent at once. A client that reads too slowly is cut off.
  virtual void write(std::string piece) = 0;
  virtual void end_stream() = 0;
  // Called once on the exchange's queue, if the client goes away before the answer is complete.
  virtual void on_disconnect(std::function<void()> callback) = 0;

 protected:
  explicit Exchange(HttpRequest request) : request_(std::move(request)) {}

 private:
  HttpRequest request_;
};

}  // namespace swift::infer::server
