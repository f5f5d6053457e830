// The assistant's turns in the rendering of an arbitrary chat template: what a model has to produce.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/content_places.h"
#include "data/end_of_turn.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::data {

// Bytes [begin, end) of a rendering that the assistant writes in one turn, its end-of-turn token included.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  size_t message = 0;   // index of the message
  bool closed = false;  // ends with an end-of-turn token
};

struct Rendering {
  std::string text;
  std::vector<Span> spans;  // in order, disjoint
};

// Finds the turns without {% generation %} marks. A turn begins where the prompt of that turn ends:
//   1. the messages before it, rendered with the generation prompt, are a prefix of the whole rendering;
//   2. they differ from it only after the last message (a prompt that opens thoughts which the history leaves
//      out): at the last token that both share;
//   3. they differ earlier (a template that moves the system text): where the longest text in common with the
//      end of that prompt ends; else where the content begins.
// It ends after the first end-of-turn token behind the content (behind the tool calls, when there are any),
// before the next message's content. A turn without text, thoughts and tool calls has no span.
class SpanFinder {
 public:
  SpanFinder(text::ChatTemplate chat_template, text::Tokenizer tokenizer, std::vector<EndMarker> markers);

  // Throws base::Error(data): the template's own errors, or a turn that cannot be found in the rendering.
  Rendering find(const base::Json& messages, const text::RenderOptions& options) const;

 private:
  size_t begin_of(const base::Json& messages, size_t message, const text::RenderOptions& options,
                  const std::string& text, const std::vector<std::optional<Place>>& places,
                  size_t from) const;
  void set_end(Span& span, const base::Json& message, const std::string& text,
               const std::vector<std::optional<Place>>& places, size_t limit) const;
  size_t token_boundary(const std::string& text, size_t begin, size_t limit) const;

  text::ChatTemplate chat_template_;
  text::Tokenizer tokenizer_;
  std::vector<EndMarker> markers_;
};

}  // namespace swift::data
