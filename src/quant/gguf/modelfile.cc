#include "quant/gguf/modelfile.h"

#include <array>

#include "base/format.h"

namespace swift::quant::gguf {
namespace {

using base::cat;
using base::Json;

constexpr std::string_view kQuotes = "\"\"\"";

// Text outside of Go's actions.
std::string literal(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, 2, "{{") == 0) {
      out += R"({{ "{{" }})", at += 2;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string turn(const TemplateParts::Turn& parts) {
  return literal(parts.before) + "{{ .Content }}" + literal(parts.after);
}

std::string quoted(const std::string& text) {
  const bool plain = text.find('"') == std::string::npos && text.find('\n') == std::string::npos;
  return plain ? '"' + text + '"' : cat(kQuotes, text, kQuotes);
}

void add_template(const ModelfileSource& source, std::string& out) {
  if (!source.text.chat_template) {
    out += "# No TEMPLATE: the model has no chat template.\n";
    return;
  }
  auto parts = parts_of(*source.text.chat_template, source.variables);
  if (parts && parts->start.starts_with(source.bos)) parts->start.erase(0, source.bos.size());
  const std::string text = parts ? go_template(*parts) : std::string();
  if (!parts || text.find(kQuotes) != std::string::npos) {
    out +=
        "# No TEMPLATE: the chat template does more than put texts around messages. Ollama takes the one in\n"
        "# the GGUF file if it knows it; else write one.\n";
    return;
  }
  out += "# Found from the chat template by rendering it; tools are not in it.\n";
  out += cat("TEMPLATE ", kQuotes, text, kQuotes, "\n");
}

void add_parameters(const ModelfileSource& source, std::string& out) {
  const Json& config = source.text.generation_config;
  const Json sample = config.is_object() ? config.value("do_sample", Json()) : Json();
  if (sample == Json(false)) out += "PARAMETER temperature 0\n";
  static constexpr std::array<std::pair<const char*, const char*>, 5> kNames = {
      {{"temperature", "temperature"},
       {"top_k", "top_k"},
       {"top_p", "top_p"},
       {"min_p", "min_p"},
       {"repetition_penalty", "repeat_penalty"}}};
  for (const auto& [name, parameter] : kNames) {
    if (sample != Json(true) || !config.contains(name) || !config.at(name).is_number()) continue;
    out += cat("PARAMETER ", parameter, " ", config.at(name).dump(), "\n");
  }
  for (const int32_t id : source.text.eos_token_ids) {
    // Ollama looks for these texts in the answer; a token that is a part of texts would cut it short.
    if (source.text.tokenizer.is_special(id))
      out += cat("PARAMETER stop ", quoted(source.text.tokenizer.token_of(id)), "\n");
  }
}

}  // namespace

std::string go_template(const TemplateParts& parts) {
  std::string text = literal(parts.start);
  if (!parts.default_system.empty())
    text +=
        cat(R"({{ if ne (index .Messages 0).Role "system" }})", literal(parts.default_system), "{{ end }}");
  text += cat(R"({{ range .Messages }}{{ if eq .Role "system" }})", turn(parts.system),
              R"({{ else if eq .Role "user" }})", turn(parts.user), R"({{ else if eq .Role "assistant" }})",
              turn(parts.assistant), "{{ end }}{{ end }}");
  return text + literal(parts.answer);
}

std::string modelfile(const ModelfileSource& source) {
  std::string out = "# ollama create NAME -f Modelfile\n";
  out += cat("FROM ./", source.gguf, "\n");
  add_template(source, out);
  add_parameters(source, out);
  if (source.system && !source.system->empty()) {
    out += source.system->find(kQuotes) == std::string::npos
               ? cat("SYSTEM ", kQuotes, *source.system, kQuotes, "\n")
               : std::string("# No SYSTEM: the text holds three quotation marks.\n");
  }
  return out;
}

}  // namespace swift::quant::gguf
