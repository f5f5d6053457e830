// Second kernel of sampling.h: a block has a row. A token's weight is exp((logit - largest) / temperature) in
// units of 2^-40. Tokens are ordered by falling logit, equal ones by rising id; each filter keeps a beginning
// of that order. A histogram over distance from the largest logit bounds what can be kept; if that is few it
// is gathered in shared memory, and what follows reads those alone instead of the row.
#pragma once
#include "cuda/compact.cuh"
#include "cuda/philox.cuh"
#include "cuda/sampling_edit.cuh"

namespace swift::cuda {

constexpr int kChooseThreads = 1024;
constexpr int kBins = 2048;
constexpr int kFewTokens = 1024;
constexpr float kBinsPerLogit = 64;
constexpr uint32_t kSamplingPurpose = 5;  // base::Purpose::sampling

struct ChooseShared {
  unsigned long long weights[kBins];
  unsigned long long warp_weights[32];
  uint32_t counts[kBins];
  uint32_t warp_counts[32];
  uint32_t orders[kFewTokens];  // gathered tokens
  int32_t ids[kFewTokens];
  uint32_t few;
  int32_t bin;
  uint32_t before_count;
  unsigned long long before_weight;
  int32_t limit;
};

// Where filters cut: kept are tokens of a larger order, and those of this order up to this id.
struct TokenCut {
  uint32_t order;
  int32_t id;
  __device__ __forceinline__ bool keeps(uint32_t o, int32_t i) const {
    return o > order || (o == order && i <= id);
  }
};

// The tokens of a row that may be drawn: all of it, or those gathered.
struct TokenSource {
  const float* logits;
  int vocab;
  bool gathered;
  float largest, inverse_temperature;

  __device__ __forceinline__ unsigned long long weight(float logit) const {
    const float share = __expf((logit - largest) * inverse_temperature);
    return static_cast<unsigned long long>(share * 0x1p40F);
  }
  // f(logit, order, id) over the tokens of this thread.
  template <class Function>
  __device__ __forceinline__ void each(const ChooseShared& s, Function f) const {
    if (gathered) {
      if (threadIdx.x < s.few)
        f(float_of_order(s.orders[threadIdx.x]), s.orders[threadIdx.x], s.ids[threadIdx.x]);
      return;
    }
    for (int id = static_cast<int>(threadIdx.x); id < vocab; id += kChooseThreads) {
      const float logit = logits[id];
      if (logit > -INFINITY) f(logit, order_of(logit), id);
    }
  }
};

__device__ __forceinline__ void clear_bins(ChooseShared& s) {
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kChooseThreads) {
    s.weights[i] = 0;
    s.counts[i] = 0;
  }
  __syncthreads();
}

// The first bin, in rising order, at which the sums with all before reach `wanted` (counts, or weights), the
// last bin in use if none does. Leaves in s.bin that bin and in s.before_* what lies before it.
__device__ __forceinline__ void find_bin(ChooseShared& s, bool by_count, unsigned long long wanted) {
  constexpr int kOwn = kBins / kChooseThreads;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarpThreads,
            warp = thread / kWarpThreads;
  uint32_t count = 0;
  unsigned long long weight = 0;
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    count += s.counts[thread * kOwn + i];
    weight += s.weights[thread * kOwn + i];
  }
  uint32_t counts = count;
  unsigned long long weights = weight;
#pragma unroll
  for (int by = 1; by < kWarpThreads; by *= 2) {
    const uint32_t c = __shfl_up_sync(kFullWarp, counts, by);
    const unsigned long long w = __shfl_up_sync(kFullWarp, weights, by);
    if (lane >= by) {
      counts += c;
      weights += w;
    }
  }
  if (lane == kWarpThreads - 1) {
    s.warp_counts[warp] = counts;
    s.warp_weights[warp] = weights;
  }
  if (thread == 0) s.bin = -1;
  __syncthreads();
  for (int i = 0; i < warp; ++i) {
    counts += s.warp_counts[i];
    weights += s.warp_weights[i];
  }
  counts -= count;
  weights -= weight;
  // A bin is the one if it is in use and reaches `wanted`, those before it not; the last in use if none
  // reaches it.
  uint32_t all = 0;
  for (int i = 0; i < kChooseThreads / kWarpThreads; ++i) all += s.warp_counts[i];
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    const uint32_t c = s.counts[thread * kOwn + i];
    const unsigned long long w = s.weights[thread * kOwn + i];
    const unsigned long long before = by_count ? counts : weights, own = by_count ? c : w;
    const bool reaches = before + own >= wanted || counts + c == all;
    if (c != 0 && reaches && (before < wanted || counts == 0)) {
      s.bin = thread * kOwn + i;
      s.before_count = counts;
      s.before_weight = weights;
    }
    counts += c;
    weights += w;
  }
  __syncthreads();
}

// The last token that a filter keeps: of those that `floor` keeps, in order, until `wanted` tokens or weight
// are reached. Ties stay when counting. The order is found by three digits, exactly.
__device__ __forceinline__ TokenCut find_cut(ChooseShared& s, const TokenSource& source, TokenCut floor,
                                             bool by_count, unsigned long long wanted) {
  uint32_t prefix = 0;  // of the complement of the order, so that bins rise as logits fall
  uint32_t count_before = 0;
  unsigned long long weight_before = 0;
#pragma unroll 1
  for (int digit = 0; digit < 3; ++digit) {
    const int shift = digit == 0 ? 21 : digit == 1 ? 10 : 0, bits = digit == 2 ? 10 : 11;
    clear_bins(s);
    source.each(s, [&](float logit, uint32_t order, int32_t id) {
      const uint32_t falling = ~order;
      if (!floor.keeps(order, id) || (digit != 0 && falling >> (shift + bits) != prefix)) return;
      const uint32_t bin = falling >> shift & ((1U << bits) - 1);
      atomicAdd(&s.counts[bin], 1U);
      atomicAdd(&s.weights[bin], source.weight(logit));
    });
    __syncthreads();
    const unsigned long long before = by_count ? count_before : weight_before;
    find_bin(s, by_count, wanted > before ? wanted - before : 1);
    prefix = prefix << bits | static_cast<uint32_t>(s.bin);
    count_before += s.before_count;
    weight_before += s.before_weight;
  }
  const uint32_t ties = s.counts[s.bin];
  const unsigned long long each = s.weights[s.bin] / ties;
  __syncthreads();
  const TokenCut all_ties{~prefix, 0x7FFFFFFF};
  if (by_count || each == 0) return all_ties;
  const unsigned long long missing = wanted > weight_before ? wanted - weight_before : 1;
  const unsigned long long kept = (missing + each - 1) / each;
  if (kept >= ties) return all_ties;
  // Equal logits on both sides of the cut: those of the lowest ids stay. The id is found by halving.
  int32_t low = 0, high = source.vocab - 1;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (threadIdx.x == 0) s.before_count = 0;
    __syncthreads();
    source.each(s, [&](float, uint32_t order, int32_t id) {
      if (order == all_ties.order && id <= middle && floor.keeps(order, id)) atomicAdd(&s.before_count, 1U);
    });
    __syncthreads();
    const bool enough = s.before_count >= kept;
    __syncthreads();
    (enough ? high : low) = enough ? middle : middle + 1;
  }
  return {all_ties.order, low};
}

__device__ __forceinline__ unsigned long long share_of(unsigned long long total, float share) {
  return static_cast<unsigned long long>(ceil(static_cast<double>(share) * static_cast<double>(total)));
}

__device__ __forceinline__ unsigned long long block_weight(ChooseShared& s, unsigned long long sum) {
#pragma unroll
  for (int by = 16; by > 0; by /= 2) sum += __shfl_xor_sync(kFullWarp, sum, by);
  if (threadIdx.x % kWarpThreads == 0) s.warp_weights[threadIdx.x / kWarpThreads] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < kChooseThreads / kWarpThreads; ++i) sum += s.warp_weights[i];
  __syncthreads();
  return sum;
}

// The weight of the tokens that a cut keeps.
__device__ __forceinline__ unsigned long long kept_weight(ChooseShared& s, const TokenSource& source,
                                                          TokenCut cut) {
  unsigned long long sum = 0;
  source.each(s, [&](float logit, uint32_t order, int32_t id) {
    if (cut.keeps(order, id)) sum += source.weight(logit);
  });
  return block_weight(s, sum);
}

// Gathers what top_k and top_p can keep if that is few. Returns the weight of the whole row when top_p alone
// cuts.
__device__ __forceinline__ unsigned long long gather_few(ChooseShared& s, TokenSource& source,
                                                         const SamplingRow& row) {
  const bool by_count = row.top_k > 0 && row.top_k < source.vocab;
  if (!by_count && row.top_p >= 1.0F) return 0;
  const auto bin_of = [&](float logit) {
    return static_cast<int>(fminf((source.largest - logit) * kBinsPerLogit, static_cast<float>(kBins - 1)));
  };
  clear_bins(s);
  source.each(s, [&](float logit, uint32_t, int32_t) {
    atomicAdd(&s.counts[bin_of(logit)], 1U);
    atomicAdd(&s.weights[bin_of(logit)], source.weight(logit));
  });
  __syncthreads();
  unsigned long long wanted = static_cast<unsigned long long>(row.top_k), total = 0;
  if (!by_count) {
    find_bin(s, false, ~0ULL);  // the last bin: it and what lies before are all
    total = s.before_weight + s.weights[s.bin];
    wanted = share_of(total, row.top_p);
    __syncthreads();
  }
  find_bin(s, by_count, wanted);
  const int last = s.bin;
  const bool fits = s.before_count + s.counts[last] <= kFewTokens;
  __syncthreads();
  if (!fits) return total;
  if (threadIdx.x == 0) s.few = 0;
  __syncthreads();
  source.each(s, [&](float logit, uint32_t order, int32_t id) {
    if (bin_of(logit) > last) return;
    const uint32_t at = atomicAdd(&s.few, 1U);
    s.orders[at] = order;
    s.ids[at] = id;
  });
  __syncthreads();
  source.gathered = true;
  return total;
}

// Among gathered tokens: each adds up the kept weights of ids up to its own.
__device__ __forceinline__ int32_t draw_gathered(ChooseShared& s, const TokenSource& source, TokenCut cut,
                                                 unsigned long long target) {
  const int thread = static_cast<int>(threadIdx.x), few = static_cast<int>(s.few);
  if (thread < few) {
    const bool kept = cut.keeps(s.orders[thread], s.ids[thread]);
    s.weights[thread] = kept ? source.weight(float_of_order(s.orders[thread])) : 0;
  }
  __syncthreads();
  if (thread < few) {
    unsigned long long before = 0;
    for (int i = 0; i < few; ++i) before += s.ids[i] < s.ids[thread] ? s.weights[i] : 0;
    if (before <= target && target < before + s.weights[thread]) s.limit = s.ids[thread];
  }
  __syncthreads();
  return s.limit;
}

// Among a row's tokens, by halving the ids: each step adds up one half.
__device__ __forceinline__ int32_t draw_row(ChooseShared& s, const TokenSource& source, TokenCut cut,
                                            unsigned long long target) {
  int32_t low = 0, high = source.vocab - 1;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    unsigned long long sum = 0;
    for (int id = low + static_cast<int>(threadIdx.x); id <= middle; id += kChooseThreads) {
      const float logit = source.logits[id];
      if (logit > -INFINITY && cut.keeps(order_of(logit), id)) sum += source.weight(logit);
    }
    sum = block_weight(s, sum);
    if (sum > target) {
      high = middle;
    } else {
      target -= sum;
      low = middle + 1;
    }
  }
  return low;
}

__device__ __forceinline__ int32_t choose_token(ChooseShared& s, const Sampling& a, const SamplingRow& row,
                                                uint64_t best) {
  TokenSource source{a.edited + int64_t{blockIdx.x} * a.vocab, a.vocab, false, rank_value(best),
                     fminf(1.0F / row.temperature, 1e30F)};
  TokenCut cut{0, 0x7FFFFFFF};
  const unsigned long long row_weight = gather_few(s, source, row);
  const bool top_k = row.top_k > 0 && row.top_k < a.vocab;
  if (top_k) cut = find_cut(s, source, cut, true, static_cast<unsigned long long>(row.top_k));
  if (row.top_p < 1.0F) {
    const unsigned long long total = top_k ? kept_weight(s, source, cut) : row_weight;
    cut = find_cut(s, source, cut, false, share_of(total, row.top_p));
  }
  if (row.min_p > 0) {
    const uint32_t bound = order_of(source.largest + row.temperature * logf(row.min_p));
    if (bound > cut.order) cut = {bound, 0x7FFFFFFF};
  }
  const Words words = philox({{static_cast<uint32_t>(row.index), static_cast<uint32_t>(row.index >> 32),
                               static_cast<uint32_t>(row.stream),
                               static_cast<uint32_t>(row.stream >> 32) * 256U + kSamplingPurpose}},
                             row.seed);
  // The token at that share of the kept weights, which lie in the order of ids.
  const uint64_t bits = uint64_t{words.w[0]} << 32 | words.w[1];
  const unsigned long long target = __umul64hi(bits >> 11 << 11, kept_weight(s, source, cut));
  return source.gathered ? draw_gathered(s, source, cut, target) : draw_row(s, source, cut, target);
}

template <class T>
__global__ void __launch_bounds__(kChooseThreads) choose_token_kernel(Sampling a, int parts) {
  SWIFT_SHARED(ChooseShared, shared, 1);
  const int r = static_cast<int>(blockIdx.x);
  const SamplingRow row = a.rows[r];
  uint64_t best = 0;
  float raw_max = -INFINITY;
  uint32_t bad = 0;
  for (int i = 0; i < parts; ++i) {
    const SamplingPart part = a.parts[int64_t{r} * parts + i];
    best = part.best > best ? part.best : best;
    raw_max = fmaxf(raw_max, part.raw_max);
    bad |= part.bad;
  }
  const float largest = rank_value(best);
  int32_t token = rank_id(best);
  if (bad != 0 || !(raw_max > -INFINITY)) {
    token = -1;
  } else if (!(largest > -INFINITY)) {
    token = -2;
  } else if (row.temperature > 0) {
    token = choose_token(shared[0], a, row, best);
  }
  __syncthreads();  // all have read the row
  if (threadIdx.x != 0) return;
  a.tokens[r] = token;
  if (token < 0) return;
  a.rows[r].index = row.index + 1;
  if (row.slot >= 0) {
    if (a.seen) a.seen[int64_t{row.slot} * ceil_div(a.vocab, 32) + token / 32] |= 1U << (token % 32);
    if (a.counts) a.counts[int64_t{row.slot} * a.vocab + token] += 1;
  }
  if (!a.log_probs) return;
  float sum = 0;
  for (int i = 0; i < parts; ++i) {
    const SamplingPart part = a.parts[int64_t{r} * parts + i];
    sum += part.raw_sum * __expf(part.raw_max - raw_max);
  }
  a.log_probs[r] = to_float(static_cast<const T*>(a.logits)[r * a.stride + token]) - raw_max - logf(sum);
}

}  // namespace swift::cuda
