#include "infer/decoder_loop.h"

#include <algorithm>
#include <bit>

#include "base/log.h"
#include "ops/upload.h"

namespace swift::infer {

using at::Tensor;
namespace {

// Fewer shapes, and some rows that compute nothing: 1, 2, 4, then multiples of 8, then of 32.
int64_t padded_rows(int64_t rows) {
  if (rows <= 4) return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(rows)));
  const int64_t each = rows <= 64 ? 8 : 32;
  return (rows + each - 1) / each * each;
}

constexpr int64_t kShortest = 512;  // positions of the smallest shape; larger ones double it

// Keys and values go where the state says, which moves on between passes.
class FollowingContext : public model::AttentionContext {
 public:
  explicit FollowingContext(ops::KvCache& cache) : cache_(cache) {}
  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v, double scale) override {
    return cache_.extend(layer, q, k, v, {}, scale);
  }
  Tensor attend(int64_t layer, const ops::HeadInputs& heads, double scale) override {
    return cache_.extend(layer, heads, {}, scale);
  }

 private:
  ops::KvCache& cache_;
};

}  // namespace

std::unique_ptr<DecoderLoop> DecoderLoop::make(const model::Decoder& decoder, ops::KvCache& cache,
                                               int64_t max_positions, bool graphs) {
  const ops::DeviceOps* device = ops::device_ops(decoder.embed_tokens);
  if (device == nullptr || !cache.can_follow()) return nullptr;
  // Experts that are not joined wait for the host.
  for (const model::Block& block : decoder.blocks) {
    if (!block.experts.empty() && !block.joined_experts) return nullptr;
  }
  return std::unique_ptr<DecoderLoop>(new DecoderLoop(decoder, cache, *device, max_positions, graphs));
}

DecoderLoop::DecoderLoop(const model::Decoder& decoder, ops::KvCache& cache, const ops::DeviceOps& device,
                         int64_t max_positions, bool graphs)
    : decoder_(decoder), cache_(cache), device_(device), graphs_(graphs) {
  std::vector<int32_t> positions(static_cast<size_t>(max_positions));
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i);
  const auto table = model::rope_table(
      model::inverse_frequencies(decoder.spec.rope, decoder.spec.attention.head_dim), positions);
  const at::Device there = decoder.embed_tokens.device();
  rope_ = {table.cos.to(there), table.sin.to(there)};
}

DecoderLoop::Shape& DecoderLoop::shape_of(int64_t rows, int64_t longest, int32_t told) {
  const int64_t padded = padded_rows(rows);
  int64_t reach = kShortest;
  while (reach < longest) reach *= 2;
  const std::tuple key(padded, reach, told);
  if (!shapes_.contains(key) && shapes_.size() == kMostShapes) {
    shapes_.erase(std::min_element(shapes_.begin(), shapes_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  Shape& shape = shapes_[key];
  shape.used = ++runs_;
  if (shape.draws) return shape;
  const auto options = decoder_.embed_tokens.options();
  const auto whole = options.dtype(at::kLong), narrow = options.dtype(at::kInt);
  shape.longest = reach;
  shape.state = {at::zeros({padded}, whole),
                 at::zeros({padded}, whole),
                 at::full({padded}, -1, whole),
                 at::zeros({padded}, narrow),
                 at::zeros({padded, reach / ops::kBlockTokens}, narrow),
                 at::zeros({padded}, narrow)};
  shape.draws = device_.token_draws(padded, decoder_.spec.vocab, options);
  shape.words = at::empty({padded, ops::drawn_words(told)}, narrow);
  return shape;
}

// The state of the steps, padding behind them.
void DecoderLoop::fill(const Shape& shape, std::span<const Step> steps) const {
  const ops::DecodeState& state = shape.state;
  const int64_t rows = state.ids.size(0), pages = state.tables.size(1);
  const Tensor places = at::zeros({3, rows}, at::kLong);
  const Tensor tables = at::zeros({rows, pages}, at::kInt), lengths = at::zeros({rows}, at::kInt);
  auto* ids = places.data_ptr<int64_t>();
  auto *positions = ids + rows, *slots = positions + rows;
  std::fill_n(slots, rows, -1);
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    ids[i] = step.tokens.front();
    positions[i] = step.start;
    const int32_t page = step.blocks[static_cast<size_t>(step.start / ops::kBlockTokens)];
    slots[i] = int64_t{page} * ops::kBlockTokens + step.start % ops::kBlockTokens;
    lengths.data_ptr<int32_t>()[i] = static_cast<int32_t>(step.start + 1);
    std::copy(step.blocks.begin(), step.blocks.end(),
              tables.data_ptr<int32_t>() + static_cast<int64_t>(i) * pages);
  }
  const auto take = [](const Tensor& host, Tensor to) { to.copy_(ops::uploaded(host, to.device())); };
  take(places[0], state.ids);
  take(places[1], state.positions);
  take(places[2], state.slots);
  take(lengths, state.lengths);
  take(tables, state.tables);
}

void DecoderLoop::pass(const Shape& shape) {
  FollowingContext attention(cache_);
  const model::RowAdapters own = {{0, shape.state.ids.size(0), model::kOwnAdapter}};
  model::Pass settings;
  settings.adapters = &own;
  const model::RopeTable rope = {rope_.cos.index_select(0, shape.state.positions),
                                 rope_.sin.index_select(0, shape.state.positions)};
  const Tensor hidden = decoder_.hidden_states(shape.state.ids, rope, attention, settings);
  const Tensor logits = decoder_.logits(hidden);
  shape.draws->draw(logits, shape.state.drawn);
  Tensor(shape.words).copy_(shape.draws->words(logits, shape.state.drawn));
  device_.advance(shape.state);
}

// False, and no more graphs, when there is no memory for it, or the device refuses it.
bool DecoderLoop::capture(Shape& shape) {
  try {
    shape.graph = device_.capture([this, &shape] { pass(shape); });
    return true;
  } catch (const c10::Error& error) {
    base::log::warn(std::string("decoding goes on without CUDA graphs: ") + error.what_without_backtrace());
    graphs_ = false;
    return false;
  }
}

void DecoderLoop::advance(Shape& shape) {
  if (!graphs_ || !shape.draws->is_fixed() || !shape.ran) {
    pass(shape);
    shape.ran = true;
    return;
  }
  if (!shape.graph && !capture(shape)) return pass(shape);
  shape.graph->replay();
}

ops::DrawnTokens DecoderLoop::run(std::span<const Step> steps, std::span<const ops::DrawRule> rules,
                                  int64_t count) {
  int64_t longest = 0;
  for (const Step& step : steps) longest = std::max(longest, step.start + count);
  const int32_t told = ops::told_tokens(rules);
  Shape& shape = shape_of(static_cast<int64_t>(steps.size()), longest, told);
  fill(shape, steps);
  shape.draws->set(rules);
  cache_.follow(shape.state, shape.longest);
  const int64_t rows = shape.state.ids.size(0);
  if (!shape.history.defined() || shape.history.size(0) < count)
    shape.history = at::empty({count, rows, shape.words.size(1)}, shape.words.options());
  for (int64_t i = 0; i < count; ++i) {
    advance(shape);
    shape.history[i].copy_(shape.words, /*non_blocking=*/true);
  }
  const Tensor drawn = shape.history.narrow(0, 0, count).cpu();
  return ops::read_drawn(drawn.const_data_ptr<int32_t>(), count, rows, static_cast<int64_t>(steps.size()),
                         told);
}

}  // namespace swift::infer
