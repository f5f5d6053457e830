// A conversation at a terminal.
#pragma once
#include <iosfwd>
#include <optional>
#include <string>

#include "infer/engine.h"
#include "infer/prompt.h"

namespace swift::infer {

struct ChatOptions {
  SamplingParams sampling;
  EngineOptions engine;
  std::optional<std::string> system;
};

// Reads a line at a time from `in`; answers stream to `out`, prompts and notes go to `err`. Lines that are a
// command (ms-swift's): clear, reset-system, multi-line (a line that ends with # ends the text), single-line,
// quit or exit. A model without a chat template continues each text by itself. SIGINT stops the current
// answer, whose beginning stays in the history; at the prompt, and for SIGTERM, it ends the conversation. A
// question that fails is reported and forgotten. `prompts` must bring no system text of its own. Returns the
// process's exit code: 0, or 128 plus the signal.
int chat(StepModel& model, const text::Tokenizer& tokenizer, const PromptBuilder& prompts,
         const ChatOptions& options, std::istream& in, std::ostream& out, std::ostream& err,
         std::unique_ptr<Drafter> drafter = nullptr);

}  // namespace swift::infer
