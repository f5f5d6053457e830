// Bodies of faults as the APIs give them.
#pragma once
#include <string>

#include "base/json.h"

namespace swift::infer::fake {

inline std::string fault_type(int status) {
  switch (status) {
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
      return "timeout_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "service_unavailable_error";
    default:
      return "invalid_request_error";
  }
}

// OpenAI's.
inline std::string body_of(int status, const std::string& message, const base::Json& param) {
  return base::Json(
             {{"error",
               {{"message", message}, {"type", fault_type(status)}, {"param", param}, {"code", status}}}})
      .dump();
}

// Anthropic's.
inline std::string anthropic_body(const std::string& type, const std::string& message) {
  return base::Json({{"type", "error"}, {"error", {{"type", type}, {"message", message}}}}).dump();
}

}  // namespace swift::infer::fake
