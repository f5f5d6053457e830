// Requests to an HTTP server, one at a time and with a deadline: reward functions, environments, and
// OpenAI-compatible servers.
#pragma once
#include <string>

#include "base/json.h"

namespace swift::infer {

struct HttpReply {
  int status = 0;
  std::string body;
};

struct HttpTarget {
  bool tls = false;
  std::string host;
  std::string port;
  std::string path;  // begins with '/'
};

// Takes http://HOST[:PORT][/PATH] apart; https where the build has TLS. Throws base::Error(usage).
HttpTarget parse_url(const std::string& url);

// POST of JSON; method GET with a null body. bearer: key for the Authorization header, or empty. Throws
// base::Error(temporary) when the server cannot be reached or does not answer in `seconds`.
HttpReply http_request(const std::string& method, const std::string& url, const base::Json& body,
                       double seconds, const std::string& bearer = {});

}  // namespace swift::infer
