// The Modelfile with which `ollama create` takes a GGUF file (github.com/ollama/ollama, docs/modelfile.md).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "text/model_text.h"

namespace swift::quant::gguf {

// What a chat template puts around the texts of a conversation.
struct TemplateParts {
  std::string start;           // bos, where the template writes it
  std::string default_system;  // after it, where the conversation has no system message
  struct Turn {
    std::string before, after;
  };
  Turn system, user, assistant;
  std::string answer;  // after the last message, before the answer
};

// The parts, when they explain what the template makes of conversations without tools; else nothing.
std::optional<TemplateParts> parts_of(const text::ChatTemplate& chat, const base::Json& variables);

// The parts as a template of Go over .Messages, as Ollama renders it.
std::string go_template(const TemplateParts& parts);

struct ModelfileSource {
  std::string gguf;  // file name, beside the Modelfile
  const text::ModelText& text;
  std::optional<std::string> system;
  base::Json variables = base::Json::object();  // of the chat template
  std::string bos = {};                         // what the runner puts before every text, or empty
};
// FROM, TEMPLATE where parts_of() finds it (else a comment says that there is none), the sampling of
// generation_config.json, a stop for each token that ends an answer, and SYSTEM.
std::string modelfile(const ModelfileSource& source);

}  // namespace swift::quant::gguf
