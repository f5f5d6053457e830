// What connections share, and what the listener knows of one. Only the files of this folder include it.
#pragma once
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "infer/server/http/listener.h"

namespace swift::infer::server {

class ConnectionBase : public std::enable_shared_from_this<ConnectionBase> {
 public:
  virtual ~ConnectionBase() = default;
  virtual void start() = 0;
  // From any thread: closes now, or as soon as no exchange is open.
  virtual void close() = 0;
  virtual void close_when_idle() = 0;
};

struct HttpShared {
  HttpOptions options;
  HttpHandlers handlers;
  boost::asio::thread_pool workers;
  std::atomic<bool> stopping = false;
  std::atomic<size_t> exchanges = 0;
  std::mutex mutex;
  std::unordered_set<ConnectionBase*> connections;  // under the mutex; each removes itself

  HttpShared(HttpOptions given, HttpHandlers called)
      : options(std::move(given)), handlers(std::move(called)), workers(options.worker_threads) {}
};

// The socket's executor must be a strand.
std::shared_ptr<ConnectionBase> make_plain_connection(boost::asio::ip::tcp::socket socket,
                                                      std::shared_ptr<HttpShared> shared);

// Certificate and key, loaded once. Null functions where the build has no TLS.
struct TlsContext;
std::shared_ptr<TlsContext> load_tls(const HttpOptions& options);
std::shared_ptr<ConnectionBase> make_tls_connection(boost::asio::ip::tcp::socket socket,
                                                    std::shared_ptr<HttpShared> shared, TlsContext& tls);

}  // namespace swift::infer::server
