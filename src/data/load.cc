#include "data/load.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include "base/log.h"
#include "base/rng.h"
#include "base/signals.h"
#include "data/dataset_spec.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

struct BadRows {
  size_t count = 0;
  std::optional<Error> first;
};

std::vector<Row> read_rows(const std::string& path, const LoadOptions& options, BadRows& all_bad) {
  std::vector<Row> rows;
  BadRows bad;
  read_records(path, [&](Record&& record) {
    base::stop_if_asked("stopped while the data was read; nothing was saved");
    try {
      rows.push_back(to_row(std::move(record), options.schema));
    } catch (const Error& error) {
      if (options.strict) throw;
      if (bad.count++ == 0) bad.first = error;
    }
  });
  if (rows.empty() && bad.first) throw *bad.first;
  if (!all_bad.first) all_bad.first = bad.first;
  all_bad.count += bad.count;
  if (!rows.empty()) return rows;
  throw Error(ExitCode::data, "the dataset is empty", {path}, "it needs at least one row");
}

}  // namespace

std::vector<Row> load_rows(const std::vector<std::string>& specs, const LoadOptions& options) {
  std::vector<Row> all;
  BadRows bad;
  uint64_t substream = 1;  // 0 is split()'s
  for (const std::string& text : specs) {
    const DatasetSpec spec = parse_dataset_spec(text);
    std::vector<Row> rows = read_rows(spec.path, options, bad);
    if (rows.size() > std::numeric_limits<uint32_t>::max())
      throw Error(ExitCode::data, "too many rows", {spec.path});
    const base::Stream stream(options.seed, base::Purpose::split, substream++);
    if (!spec.rows) {
      std::move(rows.begin(), rows.end(), std::back_inserter(all));
      continue;
    }
    const auto available = static_cast<uint32_t>(rows.size());
    for (const uint32_t row : chosen_rows(available, *spec.rows, options.shuffle, stream))
      all.push_back(rows[row]);
  }
  if (bad.count > 0) {
    base::log::warn("dropped " + std::to_string(bad.count) +
                    " bad rows; the first: " + bad.first->where().str() + ": " + bad.first->message() +
                    "; --strict true makes them errors");
  }
  return all;
}

std::pair<std::vector<Row>, std::vector<Row>> split(std::vector<Row> rows, double ratio, uint64_t seed) {
  std::pair<std::vector<Row>, std::vector<Row>> parts;
  if (ratio <= 0 || rows.empty()) {
    parts.first = std::move(rows);
    return parts;
  }
  const auto total = static_cast<uint32_t>(rows.size());
  const auto wanted = std::max<uint32_t>(1, static_cast<uint32_t>(static_cast<double>(total) * ratio));
  if (wanted >= total) {
    throw Error(ExitCode::data,
                "split_dataset_ratio leaves no training rows: " + std::to_string(total) + " rows", {},
                "lower the ratio, add rows, or name a val_dataset");
  }
  const auto order = base::permutation(total, base::Stream(seed, base::Purpose::split, 0));
  std::vector<bool> held_out(total, false);
  for (uint32_t i = 0; i < wanted; ++i) held_out[order[i]] = true;
  for (uint32_t i = 0; i < total; ++i)
    (held_out[i] ? parts.second : parts.first).push_back(std::move(rows[i]));
  return parts;
}

}  // namespace swift::data
