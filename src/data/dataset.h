// From the names of datasets to samples ready for training: load, split, encode on all threads, inspect.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/encode.h"
#include "data/inspect.h"
#include "data/load.h"
#include "data/token_cache.h"

namespace swift::data {

struct DatasetOptions {
  std::vector<std::string> train;       // path or path#rows
  std::vector<std::string> validation;  // when given, split_ratio counts as 0
  double split_ratio = 0;               // share of the training rows held out for validation
  LoadOptions load;
  bool shuffle_validation = false;             // load.shuffle of the validation datasets
  std::optional<int32_t> bos_token_id;         // for the check of two BOS at the start
  unsigned workers = 1;                        // threads that encode
  std::optional<std::filesystem::path> cache;  // directory of encoded samples; none: always encode
  std::string encoding_key;                    // content_key.h; with a cache only
};

struct Dataset {
  std::vector<Sample> train;
  std::vector<Sample> validation;  // may be empty
  Report train_report;
  Report validation_report;
};

// What inspect() looks for in the encoder's samples.
InspectOptions inspect_options(const Encoder& encoder, std::optional<int32_t> bos_token_id);

// Encodes rows in order, on `workers` threads. Rows above max_length are dropped or cut as the encoder's
// options say; with strict false, rows that cannot be encoded are dropped as well. One warning tells how many
// and the first. `dropped` is their number. Throws base::Error(data) at the place of the first bad row when
// strict, or when none is left.
std::vector<Sample> encode_rows(const std::vector<Row>& rows, const Encoder& encoder, bool strict,
                                unsigned workers, int64_t& dropped);

// Everything at once. load.schema.pretrain is taken from the encoder. With a cache the samples come from it
// when files and settings are those it was made with, and are kept in it otherwise; a cache that cannot be
// written is a warning. Throws what its parts throw.
Dataset load_dataset(const DatasetOptions& options, const Encoder& encoder);

}  // namespace swift::data
