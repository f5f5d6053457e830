#include "train/step_graphs.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/log.h"
#include "ops/upload.h"
#include "train/batches.h"

namespace swift::train {

using at::Tensor;
namespace {

constexpr int64_t kFillSegment = 256;  // tokens: attention within what fills a pack stays cheap

int64_t rounded_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Bounds of the pack's segments, of those that fill it to `length`, and of empty ones up to `segments`.
std::vector<int32_t> filled_bounds(const data::Pack& pack, int64_t length, int64_t fill, int64_t segments) {
  std::vector<int32_t> bounds = pack.cu_seqlens;
  while (bounds.back() < length)
    bounds.push_back(static_cast<int32_t>(std::min<int64_t>(length, bounds.back() + fill)));
  bounds.resize(static_cast<size_t>(segments) + 1, static_cast<int32_t>(length));
  return bounds;
}

// The trained tokens, then others until there are `count`.
std::vector<int64_t> trained_rows(const data::Pack& pack, int64_t length, int64_t count) {
  std::vector<int64_t> rows, others;
  for (int64_t t = 0; t < length; ++t) {
    const bool trained =
        t < static_cast<int64_t>(pack.labels.size()) && pack.labels[static_cast<size_t>(t)] != data::kIgnore;
    (trained ? rows : others).push_back(t);
  }
  const auto missing = static_cast<std::ptrdiff_t>(count - static_cast<int64_t>(rows.size()));
  rows.insert(rows.end(), others.begin(), others.begin() + missing);
  return rows;
}

// Whether the host has no part in experts (model/device_experts.h): it sends the keys of their masks.
bool experts_stay_there(const model::Decoder& decoder) {
  const auto stays = [](const model::LinearLayer& linear) {
    return !linear.bias.defined() && !(linear.lora && (linear.lora->dora || linear.lora->dropout > 0));
  };
  for (const model::Block& block : decoder.blocks) {
    for (const model::Expert& expert : block.experts)
      if (!stays(expert.gate) || !stays(expert.up) || !stays(expert.down)) return false;
  }
  return true;
}

}  // namespace

// Packs of one shape: what differs between them lies in these tensors of the device.
struct StepGraphs::Shape {
  int64_t rows = 0;
  Tensor whole;    // int64: ids and positions (tokens), trained rows and their labels (rows), dropout key (1)
  Tensor factors;  // (rows) fp32 on the losses
  ops::DeviceSegments segments;
  std::optional<model::SegmentContext> attention;  // the backward pass reads it
  Tensor loss;                                     // () fp32
  std::unique_ptr<ops::DeviceGraph> graph;
  bool ran = false;
  uint64_t used = 0;  // by which run last
};

std::unique_ptr<StepGraphs> StepGraphs::make(const config::Task& task, const model::Decoder& decoder) {
  const ops::DeviceOps* device = ops::device_ops(decoder.embed_tokens);
  if (device == nullptr || !task.cuda_graphs || !task.packing) return nullptr;
  const int64_t head_dim = decoder.spec.attention.head_dim;
  const Tensor like = at::empty({1, decoder.spec.attention.heads, head_dim}, decoder.embed_tokens.options());
  const bool host_takes_part = task.neftune_noise_alpha > 0 || task.enable_channel_loss ||
                               task.router_aux_loss_coef > 0 || task.galore_optim_per_parameter;
  if (host_takes_part || !device->takes_attention(like) || !experts_stay_there(decoder)) return nullptr;
  return std::unique_ptr<StepGraphs>(new StepGraphs(task, decoder, *device));
}

StepGraphs::StepGraphs(const config::Task& task, const model::Decoder& decoder, const ops::DeviceOps& device)
    : decoder_(decoder),
      device_(device),
      loss_{task.label_smoothing_factor, task.z_loss_coef, task.enable_dft_loss} {
  const BatchSettings settings = batch_settings(task, decoder.spec.max_positions);
  longest_ = settings.packing_length;
  length_ = settings.batch_size * longest_;
  pass_.recompute = task.gradient_checkpointing;
  pass_.mlp_tile = task.tiled_mlp ? task.tiled_mlp_tokens.value_or(decoder.spec.hidden) : 0;
  std::vector<int32_t> positions(static_cast<size_t>(longest_));
  std::iota(positions.begin(), positions.end(), 0);
  const auto table = model::rope_table(
      model::inverse_frequencies(decoder.spec.rope, decoder.spec.attention.head_dim), positions);
  const at::Device there = decoder.embed_tokens.device();
  rope_ = {ops::uploaded(table.cos, there), ops::uploaded(table.sin, there)};
}

bool StepGraphs::takes(const data::Pack& pack) const {
  return !refused_ && !pack.input_ids.empty() && static_cast<int64_t>(pack.input_ids.size()) <= length_;
}

void StepGraphs::halve() {
  length_ = (length_ + 1) / 2;
  shapes_.clear();
}

StepGraphs::Key StepGraphs::key_of(const data::Pack& pack) const {
  const auto tokens = static_cast<int64_t>(pack.input_ids.size());
  const int64_t fill = std::min(kFillSegment, longest_);
  const int64_t segments = pack.samples() + (length_ - tokens + fill - 1) / fill;
  int64_t longest = fill;
  for (size_t s = 0; s + 1 < pack.cu_seqlens.size(); ++s)
    longest = std::max<int64_t>(longest, pack.cu_seqlens[s + 1] - pack.cu_seqlens[s]);
  const int64_t quarter = (longest_ + 3) / 4;
  const auto trained = std::count_if(pack.labels.begin(), pack.labels.end(),
                                     [](int32_t label) { return label != data::kIgnore; });
  const auto halves =
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>((longest + quarter - 1) / quarter)));
  return {static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(16, segments)))),
          std::min(longest_, halves * quarter),
          std::min(length_, rounded_up(std::max<int64_t>(1, trained), (length_ + 3) / 4))};
}

StepGraphs::Shape& StepGraphs::shape_of(const Key& key) {
  if (!shapes_.contains(key) && shapes_.size() == kMostShapes) {
    shapes_.erase(std::min_element(shapes_.begin(), shapes_.end(), [](const auto& a, const auto& b) {
      return a.second->used < b.second->used;
    }));
  }
  std::shared_ptr<Shape>& place = shapes_[key];
  if (!place) {
    place = std::make_shared<Shape>();
    Shape& shape = *place;
    const auto options = decoder_.embed_tokens.options().requires_grad(false);
    shape.rows = key[2];
    shape.whole = at::empty({2 * length_ + 2 * shape.rows + 1}, options.dtype(at::kLong));
    shape.factors = at::empty({shape.rows}, options.dtype(at::kFloat));
    const Tensor bounds = at::empty({key[0] + 1}, options.dtype(at::kInt));
    shape.segments = {bounds, bounds, {}, key[1], key[1]};
    shape.attention.emplace(shape.segments);
    shape.loss = at::empty({}, options.dtype(at::kFloat));
  }
  place->used = ++runs_;
  return *place;
}

void StepGraphs::fill(Shape& shape, const data::Pack& pack, double scale, uint64_t dropout_key) const {
  const Tensor whole = at::zeros({shape.whole.size(0)}, at::kLong);
  auto* ids = whole.data_ptr<int64_t>();
  int64_t *positions = ids + length_, *rows = positions + length_, *labels = rows + shape.rows;
  std::copy(pack.input_ids.begin(), pack.input_ids.end(), ids);
  std::copy(pack.position_ids.begin(), pack.position_ids.end(), positions);
  labels[shape.rows] = static_cast<int64_t>(dropout_key);
  const Tensor factors = at::zeros({shape.rows}, at::kFloat);
  auto* factor = factors.data_ptr<float>();
  const auto chosen = trained_rows(pack, length_, shape.rows);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto t = static_cast<size_t>(chosen[i]);
    rows[i] = chosen[i];
    if (t >= pack.labels.size() || pack.labels[t] == data::kIgnore) continue;
    labels[i] = pack.labels[t];
    factor[i] = static_cast<float>(scale * (pack.weights.empty() ? 1.0 : pack.weights[t]));
  }
  const auto bounds =
      filled_bounds(pack, length_, std::min(kFillSegment, longest_), shape.segments.query_starts.size(0) - 1);
  const Tensor starts = at::empty({static_cast<int64_t>(bounds.size())}, at::kInt);
  std::copy(bounds.begin(), bounds.end(), starts.data_ptr<int32_t>());
  const auto take = [](const Tensor& host, Tensor to) { to.copy_(ops::uploaded(host, to.device())); };
  take(whole, shape.whole);
  take(factors, shape.factors);
  take(starts, shape.segments.query_starts);
}

void StepGraphs::compute(Shape& shape) const {
  const auto part = [&](int64_t first, int64_t count) { return shape.whole.narrow(0, first, count); };
  const Tensor positions = part(length_, length_);
  const model::RopeTable rope = {rope_.cos.index_select(0, positions), rope_.sin.index_select(0, positions)};
  model::Pass pass = pass_;
  pass.dropout_key = {0, part(shape.whole.size(0) - 1, 1)};
  const Tensor h = decoder_.hidden_states(part(0, length_), rope, *shape.attention, pass);
  const auto head = decoder_.head_operands(h, pass.dropout_key);
  const ops::TrainedRows trained{
      part(2 * length_, shape.rows), part(2 * length_ + shape.rows, shape.rows), shape.factors, {}};
  const Tensor loss = ops::LinearCrossEntropy::forward(head.h, head.w, trained, 1.0, loss_);
  shape.loss.copy_(loss.detach());
  loss.backward();
}

// False, and no more graphs, when there is no memory for it, or the device refuses it.
bool StepGraphs::capture(Shape& shape) {
  try {
    shape.graph = device_.capture([&] { compute(shape); });
    return true;
  } catch (const c10::Error& error) {
    base::log::warn(std::string("training goes on without CUDA graphs: ") + error.what_without_backtrace());
    shapes_.clear();
    refused_ = true;
    return false;
  }
}

Tensor StepGraphs::run(const data::Pack& pack, double scale, uint64_t dropout_key) {
  const Key key = key_of(pack);
  shape_of(key);
  const std::shared_ptr<Shape> shape = shapes_.at(key);
  fill(*shape, pack, scale, dropout_key);
  if (!shape->ran || (!shape->graph && !capture(*shape))) {
    compute(*shape);
    shape->ran = true;
  } else {
    shape->graph->replay();
    ++replays_;
  }
  return shape->loss.clone();
}

}  // namespace swift::train
