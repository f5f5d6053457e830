#include "infer/server/sse.h"

namespace swift::infer::server {

std::string sse(const base::Json& data, std::string_view event) {
  std::string out;
  if (!event.empty()) {
    out += "event: ";
    out += event;
    out += '\n';
  }
  return out + "data: " + dump(data) + "\n\n";
}

void begin_sse(Exchange& exchange, const Context& context, std::string first) {
  exchange.begin_stream({.content_type = "text/event-stream; charset=utf-8",
                         .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
                         .body = std::move(first)},
                        ": ping\n\n", context.options.ping_interval);
}

}  // namespace swift::infer::server
