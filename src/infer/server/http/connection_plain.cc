#include "infer/server/http/connection_impl.h"

namespace swift::infer::server {

using PlainStream = asio::ip::tcp::socket;

template <>
void Connection<PlainStream>::handshake() {
  read_deadline_ = now() + options().read_timeout;
  read_header();
}

std::shared_ptr<ConnectionBase> make_plain_connection(asio::ip::tcp::socket socket,
                                                      std::shared_ptr<HttpShared> shared) {
  return std::make_shared<Connection<PlainStream>>(std::move(shared), std::move(socket));
}

}  // namespace swift::infer::server
