#include <boost/asio/ssl.hpp>

#include "base/error.h"
#include "infer/server/http/connection_impl.h"

namespace swift::infer::server {

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

struct TlsContext {
  asio::ssl::context context{asio::ssl::context::tls_server};
};

template <>
void Connection<TlsStream>::handshake() {
  read_deadline_ = now() + options().read_timeout;
  stream_.async_handshake(asio::ssl::stream_base::server, [self = me()](error_code error) {
    if (error) return self->shut();
    self->read_header();
  });
}

std::shared_ptr<TlsContext> load_tls(const HttpOptions& options) {
  using base::Error;
  using base::ExitCode;
  if (!options.ssl_certfile || !options.ssl_keyfile) {
    throw Error(ExitCode::usage, "ssl_certfile and ssl_keyfile go together: one of them is missing");
  }
  auto tls = std::make_shared<TlsContext>();
  error_code error;
  tls->context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
  tls->context.use_certificate_chain_file(*options.ssl_certfile, error);
  if (error) throw Error(ExitCode::usage, "ssl_certfile: " + *options.ssl_certfile + ": " + error.message());
  tls->context.use_private_key_file(*options.ssl_keyfile, asio::ssl::context::pem, error);
  if (error) throw Error(ExitCode::usage, "ssl_keyfile: " + *options.ssl_keyfile + ": " + error.message());
  return tls;
}

std::shared_ptr<ConnectionBase> make_tls_connection(asio::ip::tcp::socket socket,
                                                    std::shared_ptr<HttpShared> shared, TlsContext& tls) {
  return std::make_shared<Connection<TlsStream>>(std::move(shared), std::move(socket), tls.context);
}

}  // namespace swift::infer::server
