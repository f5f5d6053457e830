// "path#500": which file, and how many of its rows (ms-swift's dataset syntax).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"

namespace swift::data {

struct DatasetSpec {
  std::string path;
  std::optional<uint32_t> rows;  // after '#'
};

// A '#' that is part of an existing file's name stays there. Throws Error(data) for a count that is 0 or too
// large, and for hub ids (hf::, ms::), which would need a network.
DatasetSpec parse_dataset_spec(const std::string& text);

// Which rows `#wanted` takes of `available` (> 0): all of them wanted/available times in order, then
// wanted % available more, drawn by the stream's permutation, or the first ones when `shuffle` is false.
std::vector<uint32_t> chosen_rows(uint32_t available, uint32_t wanted, bool shuffle,
                                  const base::Stream& stream);

}  // namespace swift::data
