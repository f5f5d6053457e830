// The benchmark's own device code: values to measure with, and the traffic that limits are measured by.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cuda/types.h"

namespace swift::gpu_bench {

// Values around 0 of about the given spread; random bytes; the same on every machine.
void fill_values(void* data, cuda::Type type, size_t count, uint32_t seed, float spread);
void fill_bytes(void* data, size_t bytes, uint32_t seed);

// Reads all of `data` (a multiple of 16 bytes), or copies it.
void read_all(const void* data, size_t bytes, float* never_written);
void copy_all(void* to, const void* from, size_t bytes);

// Keeps the stream busy, so that the host can queue what follows before the device is there.
void wait_on_device(double seconds);

}  // namespace swift::gpu_bench
