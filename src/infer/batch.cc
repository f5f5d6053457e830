#include "infer/batch.h"

#include <chrono>
#include <map>
#include <memory>
#include <ostream>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "infer/report.h"
#include "infer/row_writer.h"

namespace swift::infer {
namespace {

using base::cat;
using base::Json;

constexpr double kProgressSeconds = 5;

// An answer as it grows.
struct Answer {
  std::string text;
  std::vector<PositionLogprobs> logprobs;
};

// Takes the expected answer off the end of the conversation; null when there is none.
Json take_labels(data::Row& row, const BatchOptions& options) {
  Json labels = nullptr;
  if (row.messages.size() > 1 && row.messages.back().value("role", "") == "assistant") {
    labels = row.messages.back().value("content", Json());
    row.messages.erase(row.messages.size() - 1);
  }
  if (options.accuracy && !labels.is_string()) {
    throw base::Error(base::ExitCode::data, "the row has no answer to compare with", row.where,
                      "metric acc needs an assistant's message at the end of every row");
  }
  return labels;
}

Json output_row(const data::Row& row, const Json& labels, const Answer& answer, const Event& last,
                bool logprobs) {
  Json line = row.columns;
  line["response"] = answer.text;
  line["finish_reason"] = std::string(to_string(*last.finish_reason));
  line["usage"] = to_json(last.usage);
  if (logprobs) line["logprobs"] = to_json(answer.logprobs);
  if (!labels.is_null()) line["labels"] = labels;
  return line;
}

std::string_view strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

class Batch {
 public:
  Batch(const std::vector<data::Row>& rows, Engine& engine, const BatchOptions& options, RowWriter& writer,
        std::ostream& err)
      : rows_(rows), engine_(engine), options_(options), writer_(writer), err_(err) {}

  void add(const PromptBuilder& prompts) {
    for (const data::Row& row : rows_) {
      try {
        data::Row asked = row;
        labels_.push_back(take_labels(asked, options_));
        const uint64_t index = labels_.size() - 1;
        engine_.add({index, prompts.encode(asked), options_.sampling, index});
      } catch (const base::Error& error) {
        if (error.where().file == row.where.file || error.code() != base::ExitCode::data) throw;
        // A template's error is at a place of its own; the row is what the user can mend.
        const std::string place = error.where().str();
        throw base::Error(error.code(), (place.empty() ? "" : place + ": ") + error.message(), row.where,
                          error.hint());
      }
    }
  }

  void on_event(const Event& event) {
    Answer& answer = answers_[event.id];
    answer.text += event.text;
    answer.logprobs.insert(answer.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    if (!event.finish_reason) return;
    const bool complete = *event.finish_reason != FinishReason::interrupted;
    if (complete || event.usage.completion_tokens > 0) {
      const Json& labels = labels_[event.id];
      writer_.put(event.id, output_row(rows_[event.id], labels, answer, event, options_.sampling.logprobs));
      ++result_.rows;
      result_.answered += complete;
      result_.correct +=
          complete && labels.is_string() && strip(answer.text) == strip(labels.get<std::string>());
    }
    answers_.erase(event.id);
    report_progress();
  }

  BatchResult& result() { return result_; }

 private:
  void report_progress() {
    const auto now = std::chrono::steady_clock::now();
    if (std::chrono::duration<double>(now - reported_).count() < kProgressSeconds) return;
    reported_ = now;
    err_ << cat("infer: ", result_.rows, "/", rows_.size(), " rows\n") << std::flush;
  }

  const std::vector<data::Row>& rows_;
  Engine& engine_;
  const BatchOptions& options_;
  RowWriter& writer_;
  std::ostream& err_;
  std::vector<Json> labels_;            // by row; null where there is none
  std::map<uint64_t, Answer> answers_;  // of rows in work
  BatchResult result_;
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();
};

}  // namespace

BatchResult infer_rows(const std::vector<data::Row>& rows, StepModel& model, const text::Tokenizer& tokenizer,
                       const PromptBuilder& prompts, const BatchOptions& options, std::ostream& out,
                       std::ostream& err, std::unique_ptr<Drafter> drafter) {
  if (rows.empty()) throw base::Error(base::ExitCode::data, "there are no rows to answer");
  Engine engine(model, tokenizer, options.engine, std::move(drafter));
  const auto writer = options.result_path ? std::make_unique<RowWriter>(*options.result_path)
                                          : std::make_unique<RowWriter>(out);
  Batch batch(rows, engine, options, *writer, err);
  batch.add(prompts);
  BatchResult& result = batch.result();
  try {
    result.signal = run_to_end(engine, [&batch](const Event& event) { batch.on_event(event); });
    writer->commit();
  } catch (...) {
    if (!writer->partial_path().empty() && writer->written() > 0) {
      err << cat("infer: ", writer->written(), " finished rows are in ", writer->partial_path().string(),
                 "\n");
    }
    throw;
  }
  err << throughput_line(engine.throughput()) << "\n";
  if (options.accuracy) err << accuracy_line(result.correct, result.answered) << "\n";
  return std::move(result);
}

}  // namespace swift::infer
