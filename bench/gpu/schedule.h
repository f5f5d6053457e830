// How often a case is called, and over how many copies of its data, so that a time is a kernel's own.
#pragma once
#include <cstddef>
#include <vector>

namespace swift::gpu_bench {

// Copies of data of `bytes` that calls take in turn, so that none finds its own in a cache of `cache` bytes:
// four caches' worth lie between two uses. At most kMostSets.
constexpr int kMostSets = 256;
int sets_for(double bytes, double cache);

// Calls between two events: enough for 200 us, so that the events' own cost is below one percent; at most
// 100.
int calls_for(double seconds);

// Samples of `seconds` each that a budget allows: 5 to 30.
int samples_for(double seconds, double budget);

// The middle value, or the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);

}  // namespace swift::gpu_bench
