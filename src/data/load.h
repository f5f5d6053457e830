// Datasets named by a task, as rows; and their split into training and validation.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/schema.h"

namespace swift::data {

struct LoadOptions {
  SchemaOptions schema;
  bool strict = false;  // true: a bad row is an error; false: it is dropped, with one warning for all of them
  bool shuffle = true;  // `path#N` draws rows at random; false: takes the first ones
  uint64_t seed = 42;
};

// The rows of all specs (dataset_spec.h), in order. The same specs, files and seed give the same rows. Throws
// Error(data): see readers.h and schema.h; also for a dataset without rows, and when every row is bad.
std::vector<Row> load_rows(const std::vector<std::string>& specs, const LoadOptions& options);

// Training and validation rows, both in their original order: max(1, int(n * ratio)) rows drawn by the seed
// become validation; none when ratio is 0. Throws Error(data) when fewer than 2 rows would have to be split.
std::pair<std::vector<Row>, std::vector<Row>> split(std::vector<Row> rows, double ratio, uint64_t seed);

}  // namespace swift::data
