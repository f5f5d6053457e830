#include "base/format.h"
#include "base/log.h"
#include "ops/rms_norm.h"
#include "quant/block_job.h"
#include "quant/input_stats.h"

namespace swift::quant {
namespace {

using at::Tensor;
using model::LinearLayer;

// The stages of a block in the order in which their linears are quantized.
class GptqBlock {
 public:
  GptqBlock(BlockJob& job, Calibration& data) : job_(job), data_(data), block_(job.block()) {}

  void run() {
    const Tensor start = job_.settings.true_sequential ? Tensor() : data_.hidden.clone();
    attention_inputs();
    attention_outputs();
    mlp_inputs();
    mlp_outputs();
    if (job_.settings.true_sequential) {
      batches([&](const CalibrationBatch&, Tensor& h) {
        h.add_(job_.decoder.run_mlp(job_.index, mlp_in(h), {}));
      });
      return;
    }
    for (auto& [linear, stats] : waiting_) round(*linear, stats);
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
    for (LinearLayer* linear : {&block_.q, &block_.k, &block_.v}) quantize(*linear, stats);
  }

  void attention_outputs() {
    InputStats stats;
    Tensor mixed =
        at::empty({data_.count(), data_.length(), block_.o.weight.size(1)}, data_.hidden.options());
    batches([&](const CalibrationBatch& part, Tensor& h) {
      const Tensor x = ops::RmsNorm::forward(h, block_.input_norm, job_.decoder.spec.norm_eps);
      const Tensor m = job_.decoder.mix_tokens(job_.index, x, part.rope, part.attention, {});
      stats.add(m);
      mixed.narrow(0, part.first, part.count).copy_(m.view({part.count, data_.length(), -1}));
    });
    quantize(block_.o, stats);
    batches([&](const CalibrationBatch& part, Tensor& h) {
      h.add_(block_.o.forward(mixed.narrow(0, part.first, part.count).view({h.size(0), -1})));
    });
  }

  void mlp_inputs() {
    if (block_.experts.empty()) {
      InputStats stats;
      batches([&](const CalibrationBatch&, Tensor& h) { stats.add(mlp_in(h)); });
      quantize(block_.gate, stats), quantize(block_.up, stats);
      return;
    }
    std::vector<LinearLayer*> gates;
    for (model::Expert& expert : block_.experts) gates.push_back(&expert.gate);
    const std::vector<InputStats> stats = watch(gates);
    for (size_t e = 0; e < stats.size(); ++e) {
      quantize(block_.experts[e].gate, stats[e]);
      quantize(block_.experts[e].up, stats[e]);
    }
  }

  void mlp_outputs() {
    std::vector<LinearLayer*> downs;
    for (model::Expert& expert : block_.experts) downs.push_back(&expert.down);
    if (downs.empty()) downs.push_back(&block_.down);
    const std::vector<InputStats> stats = watch(downs);
    for (size_t e = 0; e < stats.size(); ++e) quantize(*downs[e], stats[e]);
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

  void quantize(LinearLayer& linear, const InputStats& stats) {
    if (job_.settings.true_sequential) {
      round(linear, stats);
    } else {
      waiting_.emplace_back(&linear, stats);
    }
  }

  void round(LinearLayer& linear, const InputStats& stats) {
    const auto grid = grid_settings(job_.settings, linear.name, linear.weight.sizes());
    if (!grid) return;
    const Tensor wanted = linear.weight.to(at::kFloat).contiguous();
    const auto all = static_cast<double>(data_.count() * data_.length());
    if (static_cast<double>(stats.tokens) < kStarvedShare * all) {
      base::log::warn(base::cat(linear.name, " saw ", stats.tokens, " of ", data_.count() * data_.length(),
                                " calibration tokens: its weights are rounded to nearest"));
      job_.take_nearest(linear, *grid, wanted, {}, stats.tokens, true);
      return;
    }
    const GptqSettings settings{*grid, job_.settings.order, job_.settings.damp};
    const Tensor hessian = stats.gram * (2.0 / static_cast<double>(stats.tokens));
    const GptqResult found = gptq(wanted, hessian, settings, linear.name);
    if (found.damp > settings.damp)
      base::log::warn(base::cat(linear.name, ": damp_percent was raised to ", found.damp));
    job_.take(linear, grouped(found.codes, found.grid, *grid, found.g_idx), *grid, wanted, stats.gram,
              stats.tokens);
  }

  BlockJob& job_;
  Calibration& data_;
  model::Block& block_;
  std::vector<std::pair<LinearLayer*, InputStats>> waiting_;
};

}  // namespace

void quantize_gptq(BlockJob& job, Calibration& data) {
  const at::NoGradGuard no_grad;
  GptqBlock(job, data).run();
}

}  // namespace swift::quant
