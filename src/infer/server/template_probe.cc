#include "infer/server/template_probe.h"

#include "base/error.h"

namespace swift::infer::server {

using base::Json;

namespace {

Json question() {
  return {{"role", "user"}, {"content", "question"}};
}

// Mistral's templates take ids of nine letters only.
Json calling() {
  const Json call = {{"id", "abcdefghi"},
                     {"type", "function"},
                     {"function", {{"name", "get_weather"}, {"arguments", {{"city", "Paris"}}}}}};
  return {{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}};
}

Json tools() {
  const Json parameters = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}};
  const Json function = {{"name", "get_weather"}, {"description", "weather"}, {"parameters", parameters}};
  return Json::array({Json{{"type", "function"}, {"function", function}}});
}

}  // namespace

std::string probe(const text::ChatTemplate& chat_template) {
  std::string text;
  const auto add = [&](const Json& messages, const text::RenderOptions& options) {
    try {
      text += chat_template.render(messages, options) + "\n";
    } catch (const base::Error&) {
      return;  // a template for other conversations than this
    }
  };
  const Json result = {{"role", "tool"}, {"tool_call_id", "abcdefghi"}, {"content", "sun"}};
  add(Json::array({question(), calling(), result}), {.tools = tools()});
  add(Json::array({question(), calling()}), {.tools = tools()});
  for (const char* key : {"enable_thinking", "thinking"}) {
    for (const bool on : {true, false}) {
      add(Json::array({question()}), {.add_generation_prompt = true, .variables = {{key, on}}});
    }
  }
  return text;
}

}  // namespace swift::infer::server
