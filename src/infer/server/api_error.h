// Faults of a request, in the form of OpenAI's API.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/server/http/message.h"

namespace swift::infer::server {

// Thrown by whatever reads a request. `param` names the field at fault, or is empty.
struct ApiError : std::runtime_error {
  ApiError(int http_status, const std::string& message, std::string at = {})
      : std::runtime_error(message), status(http_status), param(std::move(at)) {}
  int status;
  std::string param;
  base::Json extra = base::Json::object();  // more members of the error object
  std::vector<Header> headers;              // of the response
};

// What OpenAI's API calls the errors of a status: "invalid_request_error" of 400.
std::string_view error_type(int status);

// {"error": {"message", "type", "param", "code"}}: `code` is the status.
base::Json error_json(const ApiError& error);
HttpResponse error_response(const ApiError& error);

// The ApiError behind any exception of a handler: base::Error of usage and data are 400, others 500.
ApiError to_api_error(const std::exception& error);

// JSON text; bytes that are no UTF-8 become U+FFFD.
std::string dump(const base::Json& json);

}  // namespace swift::infer::server
