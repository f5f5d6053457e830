#include <algorithm>
#include <random>

#include "aten.h"
#include "cuda/expert_linear.h"
#include "cuda/expert_rows.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

// Qwen3-30B-A3B: 128 experts of 2048 x 768, eight a token; gate and up in one.
constexpr int kExperts = 128, kPerToken = 8, kHidden = 2048, kOut = 1536, kTileRows = 8, kGroup = 128;
constexpr size_t kWeight = size_t{kHidden} * kOut;

// Choices of a batch in the order of experts; each copy has other experts.
struct Choices {
  size_t count;
  int distinct = 0;  // experts that have rows
  Table<int32_t> chosen, order, places, starts, counts;
  Table<cuda::ExpertTile> tiles;

  static std::vector<int32_t> drawn(size_t tokens, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<int32_t> experts(kExperts), chosen;
    for (int32_t e = 0; e < kExperts; ++e) experts[static_cast<size_t>(e)] = e;
    for (size_t token = 0; token < tokens; ++token) {
      std::shuffle(experts.begin(), experts.end(), random);
      chosen.insert(chosen.end(), experts.begin(), experts.begin() + kPerToken);
    }
    return chosen;
  }
  static size_t tiles_of(size_t choices) {
    return static_cast<size_t>(cuda::expert_tiles(static_cast<int64_t>(choices), kExperts, kTileRows));
  }
  Choices(size_t tokens, uint32_t seed)
      : count(tokens * kPerToken),
        chosen(drawn(tokens, seed)),
        order{std::vector<int32_t>(count)},
        places{std::vector<int32_t>(count)},
        starts{std::vector<int32_t>(kExperts + 1)},
        counts{std::vector<int32_t>((count + cuda::kSortChunk - 1) / cuda::kSortChunk * kExperts)},
        tiles{std::vector<cuda::ExpertTile>(tiles_of(count))} {
    std::vector<int32_t> all = drawn(tokens, seed);
    std::sort(all.begin(), all.end());
    distinct = static_cast<int>(std::unique(all.begin(), all.end()) - all.begin());
    sort();
  }
  void sort() const {
    cuda::sort_by_expert({chosen.data(), static_cast<int64_t>(count), kExperts, starts.data(), order.data(),
                          places.data(), tiles.data(), kTileRows, counts.data()},
                         nullptr);
  }
};

void route(Bench& bench) {
  constexpr size_t kTokens = 8192, kScores = kTokens * kExperts;
  const double bytes = kScores * kHalf + kTokens * kPerToken * 2 * kSingle;
  const int sets = bench.sets(bytes);
  const Array scores(Type::bfloat16, sets, kScores), shares(Type::float32, 1, kTokens * kPerToken);
  const Table<int32_t> chosen{std::vector<int32_t>(kTokens * kPerToken)};
  Case c;
  c.row = {.kernel = "routing to experts",
           .what = "8192 tokens, 8 of 128 experts, bf16",
           .bytes = bytes,
           .library = "ATen softmax, topk, div"};
  c.ours = [&](int set) {
    cuda::route_tokens({Type::bfloat16, scores.at(set), nullptr, chosen.data(), shares.floats(), true,
                        kTokens, kExperts, kPerToken},
                       nullptr);
  };
  c.theirs = [&](Row&) { return aten::route(scores, sets, kTokens, kPerToken); };
  bench.measure(c, sets);
  const Choices choices(kTokens, 1);
  c = {};
  c.row = {.kernel = "sorting choices by expert", .what = "65536 choices of 128 experts"};
  c.ours = [&](int) { choices.sort(); };
  bench.measure(c, 1);
}

void rows(Bench& bench) {
  constexpr size_t kTokens = 8192;
  const Choices choices(kTokens, 1);
  const double bytes = (1.0 + kPerToken) * kTokens * kHidden * kHalf;
  const Array x(Type::bfloat16, 1, kTokens * kHidden), sorted(Type::bfloat16, 1, choices.count * kHidden),
      shares(Type::float32, 1, choices.count);
  Case c;
  c.row = {.kernel = "rows to their experts",
           .what = "8192 tokens, 8 choices, 2048 wide, bf16",
           .bytes = bytes,
           .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    cuda::sort_rows({Type::bfloat16, x.at(0), choices.order.data(), sorted.at(0),
                     static_cast<int64_t>(choices.count), kPerToken, kHidden},
                    nullptr);
  };
  bench.measure(c, 1);
  c.row.kernel = "rows back from their experts";
  c.ours = [&](int) {
    cuda::combine_rows({Type::bfloat16, sorted.at(0), choices.places.data(), shares.floats(), x.at(0),
                        kTokens, kPerToken, kHidden},
                       nullptr);
  };
  bench.measure(c, 1);
}

void linear(Bench& bench, size_t tokens, bool int4) {
  constexpr size_t kGroups = kWeight / kGroup;
  const double expert_bytes = int4 ? kWeight * 0.5 + kGroups * (1 + kHalf) : kWeight * kHalf;
  const Choices first(tokens, 1);
  const double bytes = first.distinct * expert_bytes;
  const int sets = std::min(16, bench.sets(bytes));
  std::vector<std::unique_ptr<Choices>> choices;
  for (int set = 0; set < sets; ++set)
    choices.push_back(std::make_unique<Choices>(tokens, static_cast<uint32_t>(set + 1)));
  const Array x(Type::bfloat16, 1, tokens * kHidden), y(Type::bfloat16, 1, first.count * kOut);
  const Array weight(Type::bfloat16, 1, int4 ? 8 : kExperts * kWeight, 0.02F),
      scales(Type::bfloat16, 1, int4 ? kExperts * kGroups : 8, 0.01F);
  const Codes words(1, int4 ? kExperts * kWeight / 2 : 16), zeros(1, int4 ? kExperts * kGroups : 16);
  Case c;
  c.row = {.kernel = int4 ? "expert_int4_linear" : "expert_linear",
           .what = std::to_string(tokens) + (tokens == 1 ? " token" : " tokens") +
                   ", 8 of 128 experts of 2048 x 1536, " + (int4 ? "W4A16" : "bf16"),
           .bytes = bytes,
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    const Choices& chosen = *choices[static_cast<size_t>(set)];
    const cuda::ExpertInputs inputs{Type::bfloat16,      x.at(0),
                                    chosen.order.data(), kPerToken,
                                    chosen.tiles.data(), static_cast<int>(chosen.tiles.count()),
                                    kTileRows,           y.at(0)};
    if (!int4) return cuda::expert_linear(inputs, weight.at(0), kHidden, kOut, nullptr);
    cuda::expert_int4_linear(inputs, {words.words(0), scales.at(0), zeros.at(0), kHidden, kOut, kGroup},
                             nullptr);
  };
  bench.measure(c, sets);
}

}  // namespace

void experts(Bench& bench) {
  route(bench);
  rows(bench);
  for (const bool int4 : {false, true}) {
    for (const size_t tokens : {size_t{1}, size_t{16}, size_t{64}}) linear(bench, tokens, int4);
  }
}

}  // namespace swift::gpu_bench
