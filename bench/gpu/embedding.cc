#include "cuda/embedding.h"

#include <algorithm>
#include <random>

#include "aten.h"
#include "families.h"

namespace swift::gpu_bench {

// Text repeats its common words: half of the ids are among 1000, the others anywhere.
void embedding(Bench& bench) {
  constexpr size_t kTokens = 16384, kHidden = 4096, kVocab = 151936;
  std::mt19937 random(1);
  std::vector<int32_t> ids(kTokens);
  std::vector<bool> used(kVocab);
  for (int32_t& id : ids) {
    id = static_cast<int32_t>(random() % (random() % 2 == 0 ? 1000 : kVocab));
    used[static_cast<size_t>(id)] = true;
  }
  const auto rows = static_cast<double>(std::count(used.begin(), used.end(), true));
  const Table<int32_t> tokens(ids), order{std::vector<int32_t>(kTokens)},
      starts{std::vector<int32_t>(cuda::kEmbeddingBuckets + 1)};
  const Array dy(Type::bfloat16, 1, kTokens * kHidden), dweight(Type::bfloat16, 1, kVocab * kHidden);
  Case c;
  c.row = {.kernel = "embedding backward",
           .what = "16384 tokens x 4096, vocabulary 151936, bf16",
           .bytes = (kTokens + rows) * kHidden * kHalf,
           .library = "ATen embedding_dense_backward",
           .targets = most_of_bandwidth(),
           .note = "ATen clears the whole table, too"};
  c.ours = [&](int) {
    cuda::embedding_backward({.type = Type::bfloat16,
                              .weight_type = Type::bfloat16,
                              .ids = tokens.data(),
                              .dy = dy.at(0),
                              .dweight = dweight.at(0),
                              .accumulate = false,
                              .tokens = kTokens,
                              .hidden = kHidden,
                              .vocab = kVocab,
                              .order = order.data(),
                              .bucket_start = starts.data()},
                             nullptr);
  };
  c.theirs = [&](Row&) { return aten::embedding_backward(dy, tokens, kVocab); };
  bench.measure(c, 1);
}

}  // namespace swift::gpu_bench
