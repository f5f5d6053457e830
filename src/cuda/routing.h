// A mixture of experts on the device: the experts of each token with their shares, and the order of rows by
// expert. Nothing waits to learn how many rows an expert has: what follows takes tiles of rows from memory.
//
// With k experts a token there are tokens * k choices; choice i is the (i % k)-th of token i / k. Sorted rows
// are the choices by expert, those of an expert in their order.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct Routing {
  Type type;             // of scores
  const void* scores;    // (tokens, experts)
  float* probabilities;  // (tokens, experts) the scores' softmax, or null
  int32_t* chosen;       // (tokens, per_token) experts, the most probable first, of equal ones the lower
  float* shares;         // (tokens, per_token) their probabilities
  bool normalize;        // shares are divided by their sum
  int64_t tokens;
  int experts, per_token;  // up to 512 experts, up to 32 a token
};
void route_tokens(const Routing& a, Stream stream);

struct RoutingBackward {
  Routing forward;               // with the probabilities and choices of forward; its scores are not read
  const float* d_shares;         // (tokens, per_token)
  const float* d_probabilities;  // (tokens, experts), or null: of what else they went into
  void* d_scores;                // (tokens, experts) of the scores' type
};
void route_tokens_backward(const RoutingBackward& a, Stream stream);

// Up to tile_rows sorted rows of one expert; expert -1: none.
struct ExpertTile {
  int32_t expert, first, rows;
};
// Tiles that are enough for any choice.
constexpr int64_t expert_tiles(int64_t choices, int experts, int tile_rows) {
  return (choices < experts ? choices : experts) + choices / tile_rows;
}

constexpr int kSortChunk = 1024;
struct ExpertSort {
  const int32_t* chosen;  // (choices) experts
  int64_t choices;
  int experts;        // up to 512
  int32_t* starts;    // (experts + 1) first sorted row of each expert
  int32_t* order;     // (choices) the choice of each sorted row
  int32_t* places;    // (choices) the sorted row of each choice
  ExpertTile* tiles;  // (expert_tiles(choices, experts, tile_rows)), or null
  int tile_rows;
  int32_t* counts;  // (ceil(choices / kSortChunk), experts) scratch
};
void sort_by_expert(const ExpertSort& a, Stream stream);

}  // namespace swift::cuda
