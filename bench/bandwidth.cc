// Read bandwidth of the memory: every core sums its part of 1 GiB, in huge pages, fetching ahead. Prints GB/s, the
// best of eight rounds. g++ -O3 -march=native -pthread bandwidth.cc
#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

constexpr size_t kBytes = size_t{1} << 30U, kAhead = 4096, kStep = 512;

long long sum(const char* part, size_t bytes) {
  __m512i total[kStep / 64] = {};
  for (size_t at = 0; at < bytes; at += kStep) {
    for (size_t i = 0; i < kStep / 64; ++i) {
      total[i] = _mm512_add_epi64(total[i], _mm512_load_si512(part + at + 64 * i));
      _mm_prefetch(part + at + 64 * i + kAhead, _MM_HINT_T0);
    }
  }
  long long result = 0;
  for (const __m512i& lanes : total) result += _mm512_reduce_add_epi64(lanes);
  return result;
}

int main() {
  auto* memory = static_cast<char*>(std::aligned_alloc(size_t{2} << 20U, kBytes));
  if (memory == nullptr) return 1;
  ::madvise(memory, kBytes, MADV_HUGEPAGE);
  std::memset(memory, 1, kBytes);
  const size_t threads = std::max(1U, std::thread::hardware_concurrency());
  const size_t part = kBytes / threads / kStep * kStep;
  std::vector<long long> sums(threads * 8);  // a cache line each
  double best = 0;
  for (int round = 0; round < 8; ++round) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> workers;
    for (size_t i = 0; i < threads; ++i)
      workers.emplace_back([&, i] { sums[i * 8] += sum(memory + i * part, part); });
    for (std::thread& worker : workers) worker.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(part * threads) / seconds.count() / 1e9);
  }
  std::printf("%.2f\n", best);
  std::free(memory);
  return sums[0] == 0;
}
