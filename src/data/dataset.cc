#include "data/dataset.h"

#include <iterator>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/content_key.h"
#include "data/dataset_spec.h"
#include "data/parallel.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

// Goes up whenever the same row and settings give other samples than before.
constexpr int kEncodingVersion = 1;

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

Report inspected(const std::vector<Sample>& samples, int64_t dropped, const DatasetOptions& options,
                 const Encoder& encoder) {
  Report report = inspect(samples, encoder.tokenizer(), inspect_options(encoder, options.bos_token_id));
  report.dropped = dropped;
  return report;
}

EncodedDataset encode_dataset(const DatasetOptions& options, const Encoder& encoder) {
  LoadOptions load = options.load;
  load.schema.pretrain = encoder.options().pretrain;
  auto [train_rows, validation_rows] = split(
      load_rows(options.train, load), options.validation.empty() ? options.split_ratio : 0.0, load.seed);
  if (!options.validation.empty()) {
    load.shuffle = options.shuffle_validation;
    validation_rows = load_rows(options.validation, load);
  }
  EncodedDataset dataset;
  dataset.train = encode_rows(train_rows, encoder, load.strict, options.workers, dataset.train_dropped);
  if (!validation_rows.empty()) {
    dataset.validation =
        encode_rows(validation_rows, encoder, load.strict, options.workers, dataset.validation_dropped);
  }
  return dataset;
}

// Every setting and content that decides which samples there are.
std::string cache_key(const DatasetOptions& options) {
  base::Json contents = base::Json::array();
  for (const auto* specs : {&options.train, &options.validation}) {
    for (const std::string& text : *specs) {
      const DatasetSpec spec = parse_dataset_spec(text);
      contents.push_back({spec.rows.value_or(0), dataset_key(spec.path)});
    }
    contents.push_back(nullptr);
  }
  const base::Json key = {
      {"format", kEncodingVersion},         {"contents", contents},
      {"split_ratio", options.split_ratio}, {"strict", options.load.strict},
      {"shuffle", options.load.shuffle},    {"shuffle_validation", options.shuffle_validation},
      {"seed", options.load.seed},          {"columns", options.load.schema.columns},
      {"encoding", options.encoding_key}};
  ContentHash hash;
  hash.update(key.dump());
  return hash.hex();
}

void keep(const std::filesystem::path& file, const std::string& key, const EncodedDataset& dataset) {
  try {
    base::ensure_writable_directory(file.parent_path());
    write_token_cache(file, key, dataset);
    base::log::info("encoded samples are kept in " + file.string());
  } catch (const Error& error) {
    base::log::warn("encoded samples could not be kept: " + std::string(error.what()));
  }
}

EncodedDataset cached_dataset(const DatasetOptions& options, const Encoder& encoder) {
  const std::string key = cache_key(options);
  const auto file = token_cache_file(*options.cache, key);
  if (auto found = read_token_cache(file, key)) {
    base::log::info("encoded samples come from " + file.string());
    return std::move(*found);
  }
  EncodedDataset dataset = encode_dataset(options, encoder);
  keep(file, key, dataset);
  return dataset;
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

InspectOptions inspect_options(const Encoder& encoder, std::optional<int32_t> bos_token_id) {
  return {encoder.options().pretrain, encoder.end_ids(), bos_token_id,
          encoder.options().loss_scale.starts_with("all")};
}

Dataset load_dataset(const DatasetOptions& options, const Encoder& encoder) {
  if (options.train.empty()) {
    throw Error(ExitCode::usage, "no dataset is given", {}, "set dataset to a JSONL, JSON, CSV or text file");
  }
  EncodedDataset encoded =
      options.cache ? cached_dataset(options, encoder) : encode_dataset(options, encoder);
  Dataset dataset;
  dataset.train = std::move(encoded.train);
  dataset.validation = std::move(encoded.validation);
  dataset.train_report = inspected(dataset.train, encoded.train_dropped, options, encoder);
  if (!dataset.validation.empty())
    dataset.validation_report = inspected(dataset.validation, encoded.validation_dropped, options, encoder);
  return dataset;
}

}  // namespace swift::data
