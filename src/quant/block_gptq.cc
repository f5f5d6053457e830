#include "base/format.h"
#include "base/log.h"
#include "ops/rms_norm.h"
#include "ops/swiglu.h"
#include "quant/block_job.h"
#include "quant/input_stats.h"

namespace swift::quant {
namespace {

using at::Tensor;
using model::LinearLayer;

// Inputs of down that are kept rather than computed again.
constexpr int64_t kKeptBytes = int64_t{4} << 30;

// The stages of a block in the order in which their linears are quantized.
class GptqBlock {
 public:
  GptqBlock(BlockJob& job, Calibration& data) : job_(job), data_(data), block_(job.block()) {}

  void run() {
    const Tensor start = job_.settings.true_sequential ? Tensor() : data_.hidden.clone();
    attention_inputs();
    attention_outputs();
    if (block_.experts.empty()) {
      dense_mlp();
    } else {
      expert_mlp();
    }
    if (job_.settings.true_sequential) return;
    for (auto& [linears, stats] : waiting_) round(linears, stats);
    data_.hidden = start;
    run_block(job_.decoder, job_.index, data_, job_.settings.batch);
  }

 private:
  // f(batch, h (tokens, hidden), a view of the batch's hidden states).
  void batches(const std::function<void(const CalibrationBatch&, Tensor&)>& f) {
    for_batches(job_.decoder, data_.count(), data_.length(), job_.settings.batch,
                [&](const CalibrationBatch& part) {
                  Tensor h = data_.hidden.narrow(0, part.first, part.count).view({-1, data_.hidden.size(2)});
                  f(part, h);
                });
  }
  Tensor mlp_in(const Tensor& h) const {
    return ops::RmsNorm::forward(h, block_.post_attention_norm, job_.decoder.spec.norm_eps);
  }

  void attention_inputs() {
    InputStats stats;
    batches([&](const CalibrationBatch&, Tensor& h) {
      stats.add(ops::RmsNorm::forward(h, block_.input_norm, job_.decoder.spec.norm_eps));
    });
    quantize({&block_.q, &block_.k, &block_.v}, std::move(stats));
  }

  void attention_outputs() {
    InputStats stats;
    Tensor mixed = kept(block_.o.weight.size(1));
    batches([&](const CalibrationBatch& part, Tensor& h) {
      const Tensor x = ops::RmsNorm::forward(h, block_.input_norm, job_.decoder.spec.norm_eps);
      const Tensor m = job_.decoder.mix_tokens(job_.index, x, part.rope, part.attention, {});
      stats.add(m);
      of_batch(mixed, part).copy_(m);
    });
    quantize({&block_.o}, std::move(stats));
    batches(
        [&](const CalibrationBatch& part, Tensor& h) { h.add_(block_.o.forward(of_batch(mixed, part))); });
  }

  void dense_mlp() {
    InputStats in, mid;
    batches([&](const CalibrationBatch&, Tensor& h) { in.add(mlp_in(h)); });
    quantize({&block_.gate, &block_.up}, std::move(in));
    const int64_t bytes = data_.count() * data_.length() * block_.down.weight.size(1) *
                          static_cast<int64_t>(data_.hidden.element_size());
    Tensor kept_mid = bytes <= kKeptBytes ? kept(block_.down.weight.size(1)) : Tensor();
    const auto gated = [&](const Tensor& h) {
      const Tensor y = mlp_in(h);
      return ops::SwiGlu::forward(block_.gate.forward(y), block_.up.forward(y));
    };
    batches([&](const CalibrationBatch& part, Tensor& h) {
      const Tensor found = gated(h);
      mid.add(found);
      if (kept_mid.defined()) of_batch(kept_mid, part).copy_(found);
    });
    quantize({&block_.down}, std::move(mid));
    batches([&](const CalibrationBatch& part, Tensor& h) {
      h.add_(block_.down.forward(kept_mid.defined() ? of_batch(kept_mid, part) : gated(h)));
    });
  }

  void expert_mlp() {
    std::vector<LinearLayer*> gates, downs;
    for (model::Expert& expert : block_.experts) gates.push_back(&expert.gate), downs.push_back(&expert.down);
    std::vector<InputStats> stats = watch(gates);
    for (size_t e = 0; e < stats.size(); ++e)
      quantize({&block_.experts[e].gate, &block_.experts[e].up}, std::move(stats[e]));
    stats = watch(downs);
    for (size_t e = 0; e < stats.size(); ++e) quantize({downs[e]}, std::move(stats[e]));
    batches(
        [&](const CalibrationBatch&, Tensor& h) { h.add_(job_.decoder.run_mlp(job_.index, mlp_in(h), {})); });
  }

  // Room for inputs of a linear, and what of it belongs to a batch (tokens, size).
  Tensor kept(int64_t size) const {
    return at::empty({data_.count(), data_.length(), size}, data_.hidden.options());
  }
  static Tensor of_batch(Tensor& kept, const CalibrationBatch& part) {
    return kept.narrow(0, part.first, part.count).view({-1, kept.size(2)});
  }

  // What these linears of the MLP see.
  std::vector<InputStats> watch(const std::vector<LinearLayer*>& linears) {
    std::vector<InputStats> stats(linears.size());
    for (size_t i = 0; i < linears.size(); ++i)
      linears[i]->on_input = [&stats, i](const Tensor& x) { stats[i].add(x); };
    batches([&](const CalibrationBatch&, Tensor& h) { job_.decoder.run_mlp(job_.index, mlp_in(h), {}); });
    for (LinearLayer* linear : linears) linear->on_input = {};
    return stats;
  }

  // Linears of one input.
  void quantize(const std::vector<LinearLayer*>& linears, InputStats stats) {
    if (job_.settings.true_sequential) {
      round(linears, stats);
    } else {
      waiting_.emplace_back(linears, std::move(stats));
    }
  }

  // Rows are independent of each other: linears with the same settings are solved as one matrix.
  void round(const std::vector<LinearLayer*>& linears, InputStats& stats) {
    std::vector<LinearLayer*> together;
    std::optional<GridSettings> grid;
    for (LinearLayer* linear : linears) {
      const auto own = grid_settings(job_.settings, linear->name, linear->weight.sizes());
      if (!own) continue;
      if (starved(stats)) {
        round_starved(*linear, *own, stats);
      } else {
        if (grid && !(*grid == *own)) solve(together, *grid, stats), together.clear();
        grid = own;
        together.push_back(linear);
      }
    }
    if (!together.empty()) solve(together, *grid, stats);
  }

  bool starved(const InputStats& stats) const {
    return static_cast<double>(stats.tokens()) <
           kStarvedShare * static_cast<double>(data_.count() * data_.length());
  }

  void round_starved(LinearLayer& linear, const GridSettings& grid, const InputStats& stats) {
    base::log::warn(base::cat(linear.name, " saw ", stats.tokens(), " of ", data_.count() * data_.length(),
                              " calibration tokens: its weights are rounded to nearest"));
    job_.take_nearest(linear, grid, linear.weight.to(at::kFloat).contiguous(), {}, stats.tokens(), true);
  }

  void solve(const std::vector<LinearLayer*>& linears, const GridSettings& grid, InputStats& stats) {
    std::vector<Tensor> weights;
    std::string names;
    for (const LinearLayer* linear : linears) {
      weights.push_back(linear->weight.to(at::kFloat).contiguous());
      names += (names.empty() ? "" : ", ") + linear->name;
    }
    const GptqSettings settings{grid, job_.settings.order, job_.settings.damp};
    const Tensor hessian = stats.gram() * (2.0 / static_cast<double>(stats.tokens()));
    const GptqResult found = gptq(at::cat(weights, 0), hessian, settings, names);
    if (found.damp > settings.damp)
      base::log::warn(base::cat(names, ": damp_percent was raised to ", found.damp));
    int64_t row = 0;
    for (size_t i = 0; i < linears.size(); ++i) {
      const int64_t rows = weights[i].size(0);
      const Grid own{found.grid.scales.narrow(0, row, rows), found.grid.zeros.narrow(0, row, rows)};
      job_.take(*linears[i], grouped(found.codes.narrow(0, row, rows), own, grid, found.g_idx), grid,
                weights[i], stats.gram(), stats.tokens());
      row += rows;
    }
  }

  BlockJob& job_;
  Calibration& data_;
  model::Block& block_;
  std::vector<std::pair<std::vector<LinearLayer*>, InputStats>> waiting_;
};

}  // namespace

void quantize_gptq(BlockJob& job, Calibration& data) {
  const at::NoGradGuard no_grad;
  GptqBlock(job, data).run();
}

}  // namespace swift::quant
