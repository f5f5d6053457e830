#include "infer/server/api_error.h"

#include "base/error.h"

namespace swift::infer::server {

using base::Json;

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
      return "timeout_error";
    case 429:
      return "rate_limit_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "service_unavailable_error";
    default:
      return status >= 500 ? "internal_server_error" : "invalid_request_error";
  }
}

Json error_json(const ApiError& error) {
  Json body = {{"message", error.what()},
               {"type", error_type(error.status)},
               {"param", error.param.empty() ? Json(nullptr) : Json(error.param)},
               {"code", error.status}};
  for (const auto& item : error.extra.items()) body[item.key()] = item.value();
  return {{"error", std::move(body)}};
}

HttpResponse error_response(const ApiError& error) {
  return {.status = error.status, .headers = error.headers, .body = dump(error_json(error))};
}

ApiError to_api_error(const std::exception& error) {
  if (const auto* api = dynamic_cast<const ApiError*>(&error)) return *api;
  if (const auto* user = dynamic_cast<const base::Error*>(&error)) {
    const bool asked = user->code() == base::ExitCode::usage || user->code() == base::ExitCode::data;
    return ApiError(asked ? 400 : 500, user->message());
  }
  return ApiError(500, std::string("The server failed: ") + error.what());
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace swift::infer::server
