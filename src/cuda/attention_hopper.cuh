// Forward kernel of attention.h for sm_90a. A block has 128 queries of one head: two warpgroups of 64 that
// multiply, and one whose first thread copies keys and values, two tiles of each in flight.
#pragma once
#include "cuda/attention_scores.cuh"
#include "cuda/hopper.h"

namespace swift::cuda {

constexpr int kHopperThreads = 3 * kWarpgroupThreads;
constexpr int kHopperQueries = 64;  // of a warpgroup
constexpr int kHopperStages = 2;

template <int HeadDim>
struct HopperLayout {
  static constexpr int kKeys = HeadDim <= 128 ? 128 : 64;  // of a tile
  static constexpr int kColumns = HeadDim / 64;            // blocks of 64 values: rows of 128 bytes
  // Of a warpgroup: its queries, and in the end its results in rows of kTileRow.
  static constexpr int kQueryBytes = (kHopperQueries * kTileRow<HeadDim> + 1023) / 1024 * 1024;
  static constexpr int kTileBytes = kKeys * HeadDim * 2;
  // What is asked for may start anywhere; tiles start on 1024 bytes.
  static constexpr int kBytes = 2 * kQueryBytes + kHopperStages * 2 * kTileBytes + 1024;
};

// In shared memory. `full` ends a phase when a tile is there, `empty` when all eight warps are done with it.
struct HopperBarriers {
  uint64_t queries, full_keys[kHopperStages], full_values[kHopperStages], empty_keys[kHopperStages],
      empty_values[kHopperStages];
};

#if SWIFT_HOPPER

struct HopperWork {
  int head, kv_head, first_query;  // of the block
  int begin, tiles;                // of keys: tile i begins at begin + i * kKeys
};

// Copies of one block, by one thread.
template <int HeadDim>
struct HopperCopies {
  using Layout = HopperLayout<HeadDim>;
  const Attention& a;
  const AttentionSequence& sequence;
  const HopperWork& work;
  HopperBarriers& barriers;
  unsigned char *queries, *tiles;  // keys of stage 0, values of stage 0, keys of stage 1 …

  __device__ __forceinline__ void copy_queries(const TensorMap& map) const {
    mbarrier_expect(&barriers.queries, 2 * kHopperQueries * HeadDim * 2);
#pragma unroll
    for (int group = 0; group < 2; ++group) {
#pragma unroll
      for (int column = 0; column < Layout::kColumns; ++column) {
        copy_box(queries + group * Layout::kQueryBytes + column * kHopperQueries * 128, map,
                 &barriers.queries, column * 64, work.head,
                 sequence.first_query + work.first_query + group * kHopperQueries);
      }
    }
  }

  // Keys past the sequence's end: of packed ones whatever lies there, of pages the last page again.
  __device__ __forceinline__ void copy_tile(const TensorMap& map, unsigned char* to, uint64_t* full,
                                            int first_key) const {
    const int rows = a.block_table == nullptr ? Layout::kKeys : a.page_tokens;
    mbarrier_expect(full, Layout::kTileBytes);
    for (int row = 0; row < Layout::kKeys; row += rows) {
      const int key = min(first_key + row, sequence.keys - 1);
#pragma unroll
      for (int column = 0; column < Layout::kColumns; ++column) {
        unsigned char* target = to + (column * Layout::kKeys + row) * 128;
        if (a.block_table == nullptr) {
          copy_box(target, map, full, column * 64, work.kv_head, sequence.first_key + first_key);
        } else {
          const int page = a.block_table[int64_t{sequence.index} * a.table_stride + key / a.page_tokens];
          copy_box(target, map, full, column * 64, 0, work.kv_head, page);
        }
      }
    }
  }

  __device__ __forceinline__ void run(const TensorMap& q, const TensorMap& keys,
                                      const TensorMap& values) const {
    copy_queries(q);
    for (int tile = 0; tile < work.tiles; ++tile) {
      const int stage = tile % kHopperStages;
      const uint32_t parity = (static_cast<uint32_t>(tile) / kHopperStages + 1) % 2;
      const int first_key = work.begin + tile * Layout::kKeys;
      unsigned char* to = tiles + stage * 2 * Layout::kTileBytes;
      mbarrier_wait(&barriers.empty_keys[stage], parity);
      copy_tile(keys, to, &barriers.full_keys[stage], first_key);
      mbarrier_wait(&barriers.empty_values[stage], parity);
      copy_tile(values, to + Layout::kTileBytes, &barriers.full_values[stage], first_key);
    }
  }
};

// A warpgroup and its 64 queries.
template <class T, int HeadDim, bool Capped>
struct HopperWarpgroup {
  using Layout = HopperLayout<HeadDim>;
  static constexpr int kBlocks = Layout::kKeys / 8;
  const Attention& a;
  const AttentionSequence& sequence;
  const HopperWork& work;
  HopperBarriers& barriers;
  unsigned char *queries, *tiles;
  int group, lane, warp, first_query;  // warp: of the warpgroup; first_query: of the warp
  float factor;                        // of what is in `scores`, to logits in units of log2
  float out[1][HeadDim / 8][4];
  float scores[kBlocks][4];
  uint32_t weights[kBlocks / 2][4];
  float largest[2], sum[2], shrink[2];  // of query 8 half + lane / 4 of the warp; largest before the factor

  __device__ __forceinline__ HopperWarpgroup(const Attention& a_, const AttentionSequence& sequence_,
                                             const HopperWork& work_, HopperBarriers& barriers_,
                                             unsigned char* queries_, unsigned char* tiles_)
      : a(a_),
        sequence(sequence_),
        work(work_),
        barriers(barriers_),
        tiles(tiles_),
        group(static_cast<int>(threadIdx.x) / kWarpgroupThreads - 1),
        lane(static_cast<int>(threadIdx.x) % kWarpThreads),
        warp(static_cast<int>(threadIdx.x) / kWarpThreads % 4),
        factor(Capped ? kLog2E : a_.scale * kLog2E) {
    queries = queries_ + group * Layout::kQueryBytes;
    first_query = work.first_query + group * kHopperQueries + warp * 16;
    clear(out);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      largest[half] = -INFINITY;
      sum[half] = 0;
    }
  }

  __device__ __forceinline__ int query(int half) const {
    return first_query + half * 8 + lane / 4;
  }
  __device__ __forceinline__ unsigned char* keys_of(int tile) const {
    return tiles + tile % kHopperStages * 2 * Layout::kTileBytes;
  }
  static __device__ __forceinline__ uint32_t parity_of(int tile) {
    return static_cast<uint32_t>(tile) / kHopperStages % 2;
  }
  __device__ __forceinline__ void release(uint64_t* empty) const {
    __syncwarp();
    if (lane == 0) mbarrier_arrive(empty);
  }

  // Queues scores = queries keys^T.
  __device__ __forceinline__ void multiply_keys(int tile) {
    const MatrixTile x = matrix_tile(queries, 16, 1024), y = matrix_tile(keys_of(tile), 16, 1024);
    settle(scores);
    warpgroup_fence();
#pragma unroll
    for (int k = 0; k < HeadDim / 16; ++k) {
      const int column = k / 4, within = k % 4 * 32;
      warpgroup_multiply<T>(scores, shifted(x, column * kHopperQueries * 128 + within),
                            shifted(y, column * Layout::kKeys * 128 + within), k > 0);
    }
    warpgroup_commit();
  }
  // Queues out += weights values.
  __device__ __forceinline__ void multiply_values(int tile) {
    const MatrixTile y = matrix_tile(keys_of(tile) + Layout::kTileBytes, Layout::kKeys * 128, 1024);
    settle(out[0]);
    settle(weights);
    warpgroup_fence();
#pragma unroll
    for (int k = 0; k < kBlocks / 2; ++k) warpgroup_multiply_n<T>(out[0], weights[k], shifted(y, k * 2048));
    warpgroup_commit();
  }

  // Caps the products, and hides what is not seen.
  __device__ __forceinline__ void mask(int first_key) {
    const bool whole = sequence.sees(a, first_query, first_key + Layout::kKeys - 1) &&
                       sequence.sees(a, first_query + 15, first_key);
#pragma unroll
    for (int n = 0; n < kBlocks; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if constexpr (Capped) scores[n][i] = attention_logit(a, scores[n][i]);
        const int key = first_key + n * 8 + lane % 4 * 2 + i % 2;
        if (!whole && !sequence.sees(a, query(i / 2), key)) scores[n][i] = -INFINITY;
      }
    }
  }

  // Scores to weights relative to the largest so far; shrink: what the sums before are multiplied by.
  __device__ __forceinline__ void soften() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float top = largest[half];
#pragma unroll
      for (int n = 0; n < kBlocks; ++n) top = fmaxf(top, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
      top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 1));
      top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 2));
      const float shift = top == -INFINITY ? 0.0F : top * factor;
      shrink[half] = exp2f(largest[half] * factor - shift);
      largest[half] = top;
      sum[half] *= shrink[half];
#pragma unroll
      for (int n = 0; n < kBlocks; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          scores[n][i] = exp2f(fmaf(scores[n][i], factor, -shift));
          sum[half] += scores[n][i];
        }
      }
    }
  }
  __device__ __forceinline__ void round_weights() {
#pragma unroll
    for (int k = 0; k < kBlocks / 2; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto& block = scores[2 * k + i / 2];
        weights[k][i] = pack_pair<T>(block[i % 2 * 2], block[i % 2 * 2 + 1]);
      }
    }
  }
  __device__ __forceinline__ void shrink_out() {
#pragma unroll
    for (int n = 0; n < HeadDim / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) out[0][n][i] *= shrink[i / 2];
    }
  }

  // Values past the sequence's end meet weights of 0, and must be numbers for that.
  __device__ __forceinline__ void clear_end(int tile) const {
    const int end = sequence.keys - (work.begin + tile * Layout::kKeys);
    if (end >= Layout::kKeys) return;
    unsigned char* values = keys_of(tile) + Layout::kTileBytes;
    const int own = static_cast<int>(threadIdx.x) - kWarpgroupThreads, pieces = (Layout::kKeys - end) * 8;
    for (int i = own; i < pieces * Layout::kColumns; i += 2 * kWarpgroupThreads) {
      const int column = i / pieces, piece = i % pieces;
      store(reinterpret_cast<uint32_t*>(values + (column * Layout::kKeys + end) * 128 + piece * 16),
            Pack<uint32_t, 4>{});
    }
    show_writes_to_async();
    named_barrier(1, 2 * kWarpgroupThreads);
  }

  // The warpgroups queue their products in turns, so that one's exponentials run beside the other's products.
  __device__ __forceinline__ void take_turn() const {
    pair_wait(2 + group, 2 * kWarpgroupThreads);
  }
  __device__ __forceinline__ void end_turn(bool last) const {
    if (group == 0 || !last) pair_arrive(3 - group, 2 * kWarpgroupThreads);
  }

  __device__ __forceinline__ void run() {
    mbarrier_wait(&barriers.queries, 0);
    mbarrier_wait(&barriers.full_keys[0], 0);
    multiply_keys(0);
    warpgroup_wait<0>();
    settle(scores);
    release(&barriers.empty_keys[0]);
    mask(work.begin);
    soften();
    round_weights();
    if (group == 1 && work.tiles > 1) pair_arrive(2, 2 * kWarpgroupThreads);
    for (int tile = 1; tile < work.tiles; ++tile) {
      const int stage = tile % kHopperStages, before = (tile - 1) % kHopperStages;
      mbarrier_wait(&barriers.full_keys[stage], parity_of(tile));
      take_turn();
      multiply_keys(tile);
      mbarrier_wait(&barriers.full_values[before], parity_of(tile - 1));
      multiply_values(tile - 1);
      end_turn(tile + 1 == work.tiles);
      warpgroup_wait<1>();
      settle(scores);
      release(&barriers.empty_keys[stage]);
      mask(work.begin + tile * Layout::kKeys);
      soften();
      warpgroup_wait<0>();
      settle(out[0]);
      release(&barriers.empty_values[before]);
      shrink_out();
      round_weights();
    }
    const int last = work.tiles - 1;
    mbarrier_wait(&barriers.full_values[last % kHopperStages], parity_of(last));
    clear_end(last);
    multiply_values(last);
    warpgroup_wait<0>();
    settle(out[0]);
  }

  // Adds the sink, and turns `sum` into what the values are multiplied by.
  __device__ __forceinline__ void finish(float* log_sums) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float total = sum[half];
      total += __shfl_xor_sync(kFullWarp, total, 1);
      total += __shfl_xor_sync(kFullWarp, total, 2);
      const float own = largest[half] * factor;
      float top = own, by = 1;
      if (a.sinks) {
        const float sink = a.sinks[work.head] * kLog2E;
        top = fmaxf(top, sink);
        by = exp2f(own - top);
        total = total * by + exp2f(sink - top);
      }
      sum[half] = total > 0 ? by / total : 0.0F;
      if (log_sums && lane % 4 == 0 && query(half) < sequence.queries) {
        log_sums[int64_t{work.head} * a.query_tokens + sequence.first_query + query(half)] =
            total > 0 ? (top + log2f(total)) / kLog2E : -INFINITY;
      }
    }
  }

  // Where the warpgroup's queries were, once all of it is past its products.
  __device__ __forceinline__ void write(void* to) {
    named_barrier(4 + group, kWarpgroupThreads);
    write_rows<T, HeadDim, 1>(
        out, queries + warp * 16 * kTileRow<HeadDim>, lane, [&](int, int half) { return sum[half]; },
        [&](int row) -> T* {
          const int own = first_query + row;
          if (own >= sequence.queries) return nullptr;
          return static_cast<T*>(to) + sequence.query_row(a, own, work.head) * HeadDim;
        });
  }
};

#endif

// Block (head, tile of queries, sequence); the last tiles of a sequence, which see most, come first.
template <class T, int HeadDim, bool Capped>
__global__ void __launch_bounds__(kHopperThreads, 1)
    attention_hopper_kernel(Attention a, const __grid_constant__ TensorMap q,
                            const __grid_constant__ TensorMap keys, const __grid_constant__ TensorMap values,
                            void* out, float* log_sums) {
#if SWIFT_HOPPER
  using Layout = HopperLayout<HeadDim>;
  const AttentionSequence sequence(a, static_cast<int>(blockIdx.z));
  HopperWork work;
  work.head = static_cast<int>(blockIdx.x);
  work.kv_head = work.head / (a.heads / a.kv_heads);
  work.first_query = static_cast<int>(gridDim.y - 1 - blockIdx.y) * 2 * kHopperQueries;
  if (work.first_query >= sequence.queries) return;
  work.begin = sequence.first_seen(a, work.first_query) / Layout::kKeys * Layout::kKeys;
  const int end = sequence.end_seen(a, work.first_query + 2 * kHopperQueries);
  work.tiles = max(0, ceil_div(end - work.begin, Layout::kKeys));

  SWIFT_SHARED(HopperBarriers, barriers, 1);
  auto* shared = dynamic_shared<unsigned char>();
  shared += (1024 - reinterpret_cast<uintptr_t>(shared) % 1024) % 1024;
  unsigned char* tiles = shared + 2 * Layout::kQueryBytes;
  if (threadIdx.x == 0) {
    mbarrier_init(&barriers->queries, 1);
    for (int stage = 0; stage < kHopperStages; ++stage) {
      mbarrier_init(&barriers->full_keys[stage], 1);
      mbarrier_init(&barriers->full_values[stage], 1);
      mbarrier_init(&barriers->empty_keys[stage], 2 * kWarpgroupThreads / kWarpThreads);
      mbarrier_init(&barriers->empty_values[stage], 2 * kWarpgroupThreads / kWarpThreads);
    }
    mbarriers_made();
  }
  __syncthreads();
  if (threadIdx.x < kWarpgroupThreads) {
    registers_down<32>();
    if (threadIdx.x == 0 && work.tiles > 0)
      HopperCopies<HeadDim>{a, sequence, work, *barriers, shared, tiles}.run(q, keys, values);
    return;
  }
  registers_up<240>();
  HopperWarpgroup<T, HeadDim, Capped> own(a, sequence, work, *barriers, shared, tiles);
  if (work.tiles > 0) own.run();
  own.finish(log_sums);
  own.write(out);
#elif defined(__CUDA_ARCH__)
  __trap();
#endif
}

}  // namespace swift::cuda
