// Encoded samples in a file, so that the next run with the same data and settings need not encode again.
//   "SWIFTTC1" | key, 32 hex digits | size of the body, u64 | its ContentHash, 32 hex digits | body
// The body is little-endian: samples as ids, a bit a label (trained or not), weights where there are any,
// channel and place. Nothing of it is code.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/sample.h"

namespace swift::data {

struct EncodedDataset {
  std::vector<Sample> train;
  std::vector<Sample> validation;
  int64_t train_dropped = 0;  // rows that gave no sample
  int64_t validation_dropped = 0;
};

// The file of a key in a cache directory.
std::filesystem::path token_cache_file(const std::filesystem::path& directory, const std::string& key);

// Nothing when the file is absent. A file that is damaged, cut off or of another key is reported with one
// warning and counts as absent.
std::optional<EncodedDataset> read_token_cache(const std::filesystem::path& file, const std::string& key);

// Written beside and renamed: of several processes that write at once, one wins and readers see a whole file.
// Throws base::Error(failure).
void write_token_cache(const std::filesystem::path& file, const std::string& key,
                       const EncodedDataset& dataset);

}  // namespace swift::data
