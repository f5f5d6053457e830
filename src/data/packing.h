// Packing: which samples share one sequence.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/sample.h"

namespace swift::data {

// Best-fit-decreasing bin packing. Samples are taken from the longest to the shortest (equal lengths in their
// order); each goes into the fullest bin that still has room for it (of equally full ones, the oldest), or
// opens a new bin. Bins come in the order they were opened, indices in the order they were placed. Lengths
// are tokens in 1..capacity; throws Error(data) for a longer one. lengths {2, 3, 1}, capacity 4 -> {{1, 2},
// {0}}.
std::vector<std::vector<uint32_t>> pack_best_fit(std::span<const int64_t> lengths, int64_t capacity);

// The samples one after another, for a padding-free batch or a packed sequence.
Pack make_pack(std::span<const Sample> samples, std::span<const uint32_t> indices);

// Lengths in tokens of all samples.
std::vector<int64_t> lengths_of(std::span<const Sample> samples);

}  // namespace swift::data
