#include "infer/run.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "base/signals.h"
#include "infer/batch.h"
#include "infer/chat.h"
#include "infer/engine.h"
#include "infer/prompt.h"
#include "infer/report.h"
#include "infer/rows.h"
#include "infer/settings.h"

namespace swift::infer {
namespace {

using base::Error;
using base::ExitCode;
using base::Json;

int exit_code(int signal) {
  return signal == 0 ? 0 : 128 + signal;
}

// A terminal shows an answer as it grows; a file or pipe gets it whole unless the user wants otherwise.
bool streams(const config::Task& task, const std::ostream& out) {
  if (task.is_set("stream")) return task.stream;
  return &out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
}

int answer_prompt(const std::string& prompt, bool stream, StepModel& model, const text::Tokenizer& tokenizer,
                  const PromptBuilder& prompts, const ChatOptions& options, std::ostream& out,
                  std::ostream& err, std::unique_ptr<Drafter> drafter) {
  Engine engine(model, tokenizer, options.engine, std::move(drafter));
  engine.add({.prompt = prompts.encode_text(prompt), .params = options.sampling});
  std::string response;
  const int signal = run_to_end(engine, [&](const Event& event) {
    response += event.text;
    if (stream) out << event.text << std::flush;
  });
  if (!stream) out << response;
  out << "\n" << std::flush;
  if (!out) throw Error(ExitCode::failure, "cannot write the answer to standard output");
  err << throughput_line(engine.throughput()) << "\n";
  return exit_code(signal);
}

void check_task(const config::Task& task) {
  if (task.prompt && task.infer_input) {
    throw Error(ExitCode::usage, "prompt and infer_input exclude each other", {}, "give one of them");
  }
  if (task.result_path && !task.infer_input) {
    throw Error(ExitCode::usage, "result_path needs infer_input", {},
                "give the rows with --infer_input FILE.jsonl");
  }
  if (task.metric && !task.infer_input) throw Error(ExitCode::usage, "metric needs infer_input");
  if (task.metric && *task.metric != "acc") {
    throw Error(ExitCode::usage, "metric: '" + *task.metric + "' is not known", {}, "the metric here is acc");
  }
  if (task.logprobs && !task.infer_input) {
    throw Error(ExitCode::usage, "logprobs needs infer_input: the text of an answer has no place for them");
  }
}

}  // namespace

int run_infer(const config::Task& task, StepModel& model, const text::Tokenizer& tokenizer,
              const std::optional<text::ChatTemplate>& chat_template, const Json& generation_config,
              std::istream& in, std::ostream& out, std::ostream& err, std::optional<int32_t> bos_token_id,
              std::unique_ptr<Drafter> drafter) {
  check_task(task);
  base::install_stop_handlers();
  const Settings settings = resolve_settings(task, generation_config);
  const std::optional<std::string> system = system_text(task);
  const bool converses = !task.prompt && !task.infer_input;
  PromptOptions prompt_options{.bos_token_id = bos_token_id};
  if (!converses) prompt_options.system = system;
  if (task.enable_thinking) prompt_options.variables["enable_thinking"] = *task.enable_thinking;
  const PromptBuilder prompts(tokenizer, task.use_chat_template ? chat_template : std::nullopt,
                              std::move(prompt_options));

  if (task.max_batch_size < 1) {
    throw Error(ExitCode::usage, base::cat("max_batch_size: ", task.max_batch_size, " is below 1"));
  }
  EngineOptions engine{.eos_token_ids = settings.eos_token_ids,
                       .scheduler = {.max_num_seqs = task.max_batch_size}};
  if (drafter) engine.speculation.tokens = task.speculative_tokens.value_or(engine.speculation.tokens);
  for (const int32_t id : prompts.end_of_turn_ids()) engine.eos_token_ids.push_back(id);
  if (task.infer_input) {
    const BatchOptions options{.sampling = settings.sampling,
                               .engine = engine,
                               .result_path = task.result_path,
                               .accuracy = task.metric.has_value()};
    return exit_code(
        infer_rows(read_rows(task), model, tokenizer, prompts, options, out, err, std::move(drafter)).signal);
  }
  const ChatOptions options{.sampling = settings.sampling, .engine = engine, .system = system};
  if (task.prompt) {
    return answer_prompt(*task.prompt, streams(task, out), model, tokenizer, prompts, options, out, err,
                         std::move(drafter));
  }
  return chat(model, tokenizer, prompts, options, in, out, err, std::move(drafter));
}

}  // namespace swift::infer
