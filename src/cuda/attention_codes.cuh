// Tiles of kept keys and values in 8 bits, for the forward kernel of attention.h: a stage holds codes as the
// pages do, and the block decodes them once into a tile of T for all its warps.
#pragma once
#include "cuda/attention_scores.cuh"
#include "cuda/kv_codes.cuh"

namespace swift::cuda {

// Asks for the codes of Rows keys from `first_key`, behind them as many values', and for int8 behind these
// the scales of the keys and of the values. What no sequence has becomes zeros.
template <KvType Kind, int HeadDim, int Rows>
__device__ __forceinline__ void request_codes(const Attention& a, const AttentionSequence& sequence,
                                              int kv_head, int first_key, unsigned char* to) {
  constexpr int kPieces = HeadDim / 16;
  const int thread = static_cast<int>(threadIdx.x);
  const auto place = [&](int row, bool& valid) {
    const int key = first_key + row % Rows;
    valid = key < sequence.keys;
    return valid ? sequence.key_row(a, key, kv_head) : 0;
  };
  for (int i = thread; i < 2 * Rows * kPieces; i += kAttentionThreads) {
    bool valid;
    const int64_t row = place(i / kPieces, valid);
    const auto* from = static_cast<const unsigned char*>(i < Rows * kPieces ? a.keys : a.values);
    cp_async<16>(to + i * 16, from + row * HeadDim + i % kPieces * 16, valid);
  }
  if constexpr (Kind == KvType::int8) {
    for (int i = thread; i < 2 * Rows; i += kAttentionThreads) {
      bool valid;
      const int64_t row = place(i, valid);
      cp_async<4>(to + 2 * Rows * HeadDim + i * 4, (i < Rows ? a.key_scales : a.value_scales) + row, valid);
    }
  }
}

// Rows keys and as many values: from `codes` to a tile of T each; behind them the scales of int8.
template <class T, KvType Kind, int HeadDim, int Rows>
__device__ __forceinline__ void decode_tiles(const unsigned char* codes, unsigned char* tiles) {
  constexpr int kPieces = HeadDim / 8;
  for (int i = static_cast<int>(threadIdx.x); i < 2 * Rows * kPieces; i += kAttentionThreads) {
    const auto words = load<2>(reinterpret_cast<const uint32_t*>(codes + i * 8));
    Pack<uint32_t, 4> values;
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      const uint32_t first = pair % 2 * 2;
      values[pair] = pack_pair<T>(decode_of_word<Kind>(words[pair / 2], first),
                                  decode_of_word<Kind>(words[pair / 2], first + 1));
    }
    store(reinterpret_cast<uint32_t*>(tiles + i / kPieces * kTileRow<HeadDim> + i % kPieces * 16), values);
  }
  if constexpr (Kind == KvType::int8) {
    for (int i = static_cast<int>(threadIdx.x); i < 2 * Rows; i += kAttentionThreads) {
      reinterpret_cast<float*>(tiles + 2 * Rows * kTileRow<HeadDim>)[i] =
          reinterpret_cast<const float*>(codes + 2 * Rows * HeadDim)[i];
    }
  }
}

}  // namespace swift::cuda
