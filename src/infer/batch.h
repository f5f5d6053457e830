// Answers for a file of rows.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "data/sample.h"
#include "infer/engine.h"
#include "infer/prompt.h"

namespace swift::infer {

struct BatchOptions {
  SamplingParams sampling;
  EngineOptions engine;
  std::optional<std::filesystem::path> result_path;  // none: rows go to `out`
  bool accuracy = false;                             // compare answers with labels
};

struct BatchResult {
  int64_t rows = 0;      // rows written
  int64_t answered = 0;  // those with a complete answer
  int64_t correct = 0;   // with accuracy: complete answers equal to their label, both stripped of white space
  int signal = 0;        // that ended the run early
};

// One row out for each row in, in their order: the row's columns, then response, finish_reason, usage and,
// when asked for, logprobs. An assistant's message at a row's end is no part of the prompt and becomes
// `labels`. Every prompt is checked before the first is answered; throws base::Error(data) with the row's
// file and line. A signal ends the run: what is running is written as `interrupted`, what never ran is left
// out. Row i draws from stream i of the seed, so its answer does not depend on the batch. Progress and
// the score go to `err`.
BatchResult infer_rows(const std::vector<data::Row>& rows, StepModel& model, const text::Tokenizer& tokenizer,
                       const PromptBuilder& prompts, const BatchOptions& options, std::ostream& out,
                       std::ostream& err, std::unique_ptr<Drafter> drafter = nullptr);

}  // namespace swift::infer
