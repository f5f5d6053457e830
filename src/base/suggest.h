// "did you mean": the nearest known name to a misspelt one.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace swift::base {

// Damerau-Levenshtein distance (adjacent swaps count once), in bytes.
int edit_distance(std::string_view a, std::string_view b);

// The candidate with the smallest distance, when that is small enough to be a slip of the hand.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace swift::base
