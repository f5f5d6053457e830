// What the scripted engine says, by the last message of the user; and the chat template that brings it there.
#pragma once
#include <string>

#include "fake_model.h"
#include "fake_service.h"

namespace swift::infer::fake {

// Shows tools, tool calls argument by argument, and an open <think> when enable_thinking is set. The marks
// <tool_call> and <think> make a server expect these forms.
inline const char* const kServerTemplate =
    "{%- if tools %}<|im_start|>tools:{{ tools | tojson }}<|im_end|>{% endif %}"
    "{%- for m in messages %}<|im_start|>{{ m.role }}:{{ m.content }}"
    "{%- for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}:"
    "{%- for k, v in c.function.arguments | items %}{{ k }}={{ v }};{% endfor %}</tool_call>{% endfor "
    "%}<|im_end|>"
    "{%- endfor %}{%- if add_generation_prompt %}<|im_start|>assistant:"
    "{%- if enable_thinking %}<think>{% elif enable_thinking is defined %}<think></think>{% endif %}{% endif "
    "%}";

inline text::ChatTemplate server_template() {
  return text::ChatTemplate::from_source(kServerTemplate, {{"eos_token", "<|endoftext|>"}}, "test");
}

inline std::string last_user_text(const Request& request) {
  const std::string prompt = text_of(request.prompt);
  const size_t user = prompt.rfind("user:");
  if (user == std::string::npos) return prompt;
  return prompt.substr(user + 5, prompt.find("<|im_end|>", user) - user - 5);
}

inline Script scripted(const Request& request) {
  using std::chrono::milliseconds;
  const std::string asked = last_user_text(request);
  const std::string call =
      "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>";
  if (asked == "hello") return {.pieces = {"Hel", "lo", " w\xC3\xB6rld"}};
  if (asked == "weather") {
    return {.pieces = {"Let me see.\n", "<tool", "_call>\n{\"name\": \"get_", "weather\", \"argu",
                       "ments\": {\"ci", "ty\": \"Pa", "ris\"}}\n</tool", "_call>"}};
  }
  if (asked == "two calls") return {.pieces = {call, "\n", call}};
  if (asked == "think") return {.pieces = {"<thi", "nk>\nbecause", "</think>\n\n", "42"}};
  if (asked == "open think") return {.pieces = {"because</thi", "nk>\n\n", "42"}};
  if (asked == "json") return {.pieces = {"{\"name\": \"Ada\", ", "\"age\": 36}"}};
  if (asked == "arguments") return {.pieces = {"{\"city\": ", "\"Paris\"}"}};
  if (asked == "calls") {
    return {.pieces = {"[{\"name\": \"get_weather\", ", "\"parameters\": {\"city\": \"Paris\"}}]"}};
  }
  if (asked == "slow") return {.pieces = std::vector<std::string>(20, "tick "), .delay = milliseconds(50)};
  if (asked == "hang") return {.pieces = {"begin"}, .hang = true};
  if (asked == "wait") return {.pieces = {"late"}, .delay = milliseconds(400)};
  if (asked == "fail") {
    return {.pieces = {"some", "thing"}, .finish = FinishReason::failed, .error = "out of key/value blocks"};
  }
  if (asked == "stop") return {.pieces = {"before "}, .stop_string = "END"};
  if (asked == "flood")
    return {.pieces = std::vector<std::string>(100, std::string(40, 'x')),
            .delay = milliseconds(2),
            .hang = true};
  return {.pieces = {"You said: ", asked}};
}

}  // namespace swift::infer::fake
