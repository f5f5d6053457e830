// `swift infer`: one prompt, a file of rows, or a conversation.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <optional>

#include "base/json.h"
#include "config/task.h"
#include "infer/drafter.h"
#include "infer/step_model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::infer {

// task.prompt: the answer goes to `out`, as it comes when `out` is the terminal or stream was set to true,
// else in one piece. task.infer_input: rows to task.result_path, or to `out`. Neither: a conversation on `in`
// and `out`. chat_template: none for a model without one (or use_chat_template false); the prompt is then the
// plain text. generation_config: the object of generation_config.json, or null. bos_token_id: what the
// tokenizer of a model puts before plain text, if anything. drafter: guesses task.speculative_tokens ahead.
// Installs the stop handlers. Returns the process's exit code: 0, or 128 plus the signal that ended the run
// early. Throws base::Error: usage (settings), data (prompts and rows), model (generation_config), failure
// (writing).
int run_infer(const config::Task& task, StepModel& model, const text::Tokenizer& tokenizer,
              const std::optional<text::ChatTemplate>& chat_template, const base::Json& generation_config,
              std::istream& in, std::ostream& out, std::ostream& err,
              std::optional<int32_t> bos_token_id = std::nullopt, std::unique_ptr<Drafter> drafter = nullptr);

}  // namespace swift::infer
