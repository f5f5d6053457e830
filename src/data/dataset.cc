#include "data/dataset.h"

#include <iterator>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/parallel.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

struct Encoded {
  std::vector<Sample> samples;
  std::optional<Error> error;
};

Encoded encode_one(const Row& row, const Encoder& encoder, bool strict) {
  base::stop_if_asked("stopped while the data was encoded; nothing was saved");
  try {
    return {encoder.encode_to_length(row), std::nullopt};
  } catch (const Error& error) {
    if (strict) throw;
    return {{}, error};
  }
}

void warn_dropped(int64_t too_long, const Row* first_long, int64_t bad, const std::optional<Error>& first_bad,
                  const EncodeOptions& options) {
  if (too_long > 0) {
    base::log::warn(std::to_string(too_long) + " rows are above max_length " +
                    std::to_string(options.max_length) + " and were dropped (truncation_strategy " +
                    options.truncation_strategy + "); the first: " + first_long->where.str());
  }
  if (bad > 0) {
    base::log::warn("dropped " + std::to_string(bad) +
                    " rows that cannot be encoded; the first: " + first_bad->where().str() + ": " +
                    first_bad->message() + "; --strict true makes them errors");
  }
}

std::vector<Sample> encode_and_inspect(const std::vector<Row>& rows, const DatasetOptions& options,
                                       const Encoder& encoder, Report& report) {
  int64_t dropped = 0;
  std::vector<Sample> samples = encode_rows(rows, encoder, options.load.strict, options.workers, dropped);
  report = inspect(samples, encoder.tokenizer(),
                   {encoder.options().pretrain, encoder.end_ids(), options.bos_token_id,
                    encoder.options().loss_scale.starts_with("all")});
  report.dropped = dropped;
  return samples;
}

}  // namespace

std::vector<Sample> encode_rows(const std::vector<Row>& rows, const Encoder& encoder, bool strict,
                                unsigned workers, int64_t& dropped) {
  std::vector<Encoded> encoded =
      parallel_map(rows.size(), workers, [&](size_t i) { return encode_one(rows[i], encoder, strict); });
  std::vector<Sample> samples;
  samples.reserve(rows.size());
  std::optional<Error> first_bad;
  const Row* first_long = nullptr;
  int64_t bad = 0, too_long = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    Encoded& one = encoded[i];
    if (one.error && bad++ == 0) first_bad = one.error;
    if (!one.error && one.samples.empty() && too_long++ == 0) first_long = &rows[i];
    std::move(one.samples.begin(), one.samples.end(), std::back_inserter(samples));
  }
  dropped = bad + too_long;
  if (samples.empty() && first_bad) throw *first_bad;
  if (samples.empty() && first_long != nullptr) {
    throw Error(
        ExitCode::data, "every row is above max_length " + std::to_string(encoder.options().max_length),
        first_long->where, "raise max_length, or set truncation_strategy to right, left or (pt) split");
  }
  warn_dropped(too_long, first_long, bad, first_bad, encoder.options());
  return samples;
}

Dataset load_dataset(const DatasetOptions& options, const Encoder& encoder) {
  LoadOptions load = options.load;
  load.schema.pretrain = encoder.options().pretrain;
  if (options.train.empty()) {
    throw Error(ExitCode::usage, "no dataset is given", {}, "set dataset to a JSONL, JSON, CSV or text file");
  }
  auto [train_rows, validation_rows] = split(
      load_rows(options.train, load), options.validation.empty() ? options.split_ratio : 0.0, load.seed);
  if (!options.validation.empty()) {
    load.shuffle = options.shuffle_validation;
    validation_rows = load_rows(options.validation, load);
  }
  Dataset dataset;
  dataset.train = encode_and_inspect(train_rows, options, encoder, dataset.train_report);
  if (!validation_rows.empty()) {
    dataset.validation = encode_and_inspect(validation_rows, options, encoder, dataset.validation_report);
  }
  return dataset;
}

}  // namespace swift::data
