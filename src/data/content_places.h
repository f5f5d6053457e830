// Where the text of each message lies in the output of an arbitrary chat template.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/chat_template.h"

namespace swift::data {

// Bytes [begin, end) of a rendering.
struct Place {
  size_t begin = 0;
  size_t end = 0;
};

// One place a message, for `text` == chat_template.render(messages, options): its content without the space
// around it and, for assistants, without thoughts ("… </think>"). None when the content is empty or the
// template leaves it out. The template is rendered again with private-use characters around each content; the
// result counts only if it equals `text` once they are removed. Otherwise contents are looked for in order.
std::vector<std::optional<Place>> content_places(const text::ChatTemplate& chat_template,
                                                 const base::Json& messages,
                                                 const text::RenderOptions& options, std::string_view text);

}  // namespace swift::data
