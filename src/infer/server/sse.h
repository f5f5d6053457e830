// Answers as a stream of events: text/event-stream of the HTML standard.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "infer/server/api_error.h"
#include "infer/server/context.h"
#include "infer/server/http/exchange.h"

namespace swift::infer::server {

// "data: {…}\n\n", with an "event: NAME" line in front when there is a name.
std::string sse(const base::Json& data, std::string_view event = {});

constexpr std::string_view kDone = "data: [DONE]\n\n";

// Begins the stream with `first`; comments keep it alive while nothing else is sent.
void begin_sse(Exchange& exchange, const Context& context, std::string first);

}  // namespace swift::infer::server
