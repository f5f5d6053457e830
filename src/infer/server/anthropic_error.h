// Faults in the form of Anthropic's API.
#pragma once
#include "infer/server/api_error.h"

namespace swift::infer::server {

// {"type": "error", "error": {"type", "message"}}
base::Json anthropic_error_json(const ApiError& error);
HttpResponse anthropic_error_response(const ApiError& error);

}  // namespace swift::infer::server
