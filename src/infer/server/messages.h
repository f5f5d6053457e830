// Messages of a request, as chat templates want them.
#pragma once
#include <string>

#include "base/json.h"
#include "infer/server/fields.h"

namespace swift::infer::server {

// [{role, content, …}] with `developer` as `system` and `function` as `tool`, parts of text joined by line
// breaks, null contents empty, and the arguments of tool calls as objects instead of JSON text.
// Throws ApiError(400) naming the place: unknown role, images and sound, malformed calls.
base::Json normalized_messages(const base::Json& messages, int64_t max_messages);

// The text of a message's content: a text, an array of parts, or null.
std::string content_text(const base::Json* content, const std::string& path);

}  // namespace swift::infer::server
