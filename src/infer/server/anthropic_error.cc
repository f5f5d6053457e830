#include "infer/server/anthropic_error.h"

namespace swift::infer::server {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

base::Json anthropic_error_json(const ApiError& error) {
  return {{"type", "error"}, {"error", {{"type", type_of(error.status)}, {"message", error.what()}}}};
}

HttpResponse anthropic_error_response(const ApiError& error) {
  return {.status = error.status, .headers = error.headers, .body = dump(anthropic_error_json(error))};
}

}  // namespace swift::infer::server
