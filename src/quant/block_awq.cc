#include "base/error.h"
#include "base/format.h"
#include "base/log.h"
#include "ops/rms_norm.h"
#include "quant/awq_block.h"
#include "quant/awq_scale.h"
#include "quant/block_job.h"
#include "quant/gptq.h"

namespace swift::quant {
namespace {

using at::Tensor;
using model::LinearLayer;

// Tokens on which the outputs of attention and MLP are compared for each candidate.
constexpr int64_t kSearchTokens = 16384;

struct Mlp {
  LinearLayer *gate, *up, *down;
  InputStats in, mid;  // inputs of gate and up, and of down
};

class AwqBlock {
 public:
  AwqBlock(BlockJob& job, Calibration& data)
      : job_(job), data_(data), block_(job.block()), spec_(job.decoder.spec) {
    if (block_.experts.empty()) mlps_.push_back({&block_.gate, &block_.up, &block_.down, {}, {}});
    for (model::Expert& expert : block_.experts)
      mlps_.push_back({&expert.gate, &expert.up, &expert.down, {}, {}});
  }

  void run() {
    observe();
    check(attention_in_, block_.q), check(attention_out_, block_.o), check(mlp_in_, *mlps_.front().gate);
    BlockScales scales;
    search_attention(scales);
    search_values(scales);
    search_mlp(scales);
    search_downs(scales);
    scale_block(block_, spec_.attention, scales);
    round(block_.q, attention_in_, scales.attention, false);
    round(block_.k, attention_in_, scales.attention, false);
    round(block_.v, attention_in_, scales.attention, true);
    round(block_.o, attention_out_,
          scales.values.defined() ? over_queries(scales.values, spec_.attention) : Tensor(), true);
    for (size_t i = 0; i < mlps_.size(); ++i) {
      round(*mlps_[i].gate, mlps_[i].in, scales.mlp, true);
      round(*mlps_[i].up, mlps_[i].in, scales.mlp, true);
      round(*mlps_[i].down, mlps_[i].mid, scales.downs[i], true);
    }
  }

 private:
  std::optional<GridSettings> grid_of(const LinearLayer& linear) const {
    return grid_settings(job_.settings, linear.name, linear.weight.sizes());
  }

  static void check(InputStats& stats, const LinearLayer& linear) {
    if (stats.gram().isfinite().all().item<bool>()) return;
    throw base::Error(base::ExitCode::failure,
                      base::cat("awq: the inputs of ", linear.name, " are not finite"), {},
                      "the calibration data overflows in this type; try torch_dtype: float32");
  }

  // One pass of the whole block: statistics of every input, samples for the search, and the next block's
  // inputs.
  void observe() {
    for (Mlp& mlp : mlps_) {
      mlp.down->on_input = [&mlp](const Tensor& x) { mlp.mid.add(x); };
      if (mlps_.size() > 1) mlp.gate->on_input = [&mlp](const Tensor& x) { mlp.in.add(x); };
    }
    const int64_t sequences = std::max<int64_t>(1, kSearchTokens / data_.length());
    std::vector<Tensor> x_parts, y_parts;
    for_batches(job_.decoder, data_.count(), data_.length(), job_.settings.batch,
                [&](const CalibrationBatch& part) {
                  Tensor h = data_.hidden.narrow(0, part.first, part.count).view({-1, data_.hidden.size(2)});
                  const Tensor x = ops::RmsNorm::forward(h, block_.input_norm, spec_.norm_eps);
                  const Tensor m = job_.decoder.mix_tokens(job_.index, x, part.rope, part.attention, {});
                  const Tensor after = h + block_.o.forward(m);
                  const Tensor y = ops::RmsNorm::forward(after, block_.post_attention_norm, spec_.norm_eps);
                  attention_in_.add(x), attention_out_.add(m), mlp_in_.add(y);
                  const int64_t wanted = std::min(part.count, sequences - part.first) * data_.length();
                  if (wanted > 0)
                    x_parts.push_back(x.narrow(0, 0, wanted)), y_parts.push_back(y.narrow(0, 0, wanted));
                  h.copy_(after + job_.decoder.run_mlp(job_.index, y, {}));
                });
    for (Mlp& mlp : mlps_) mlp.down->on_input = {}, mlp.gate->on_input = {};
    if (mlps_.size() == 1) mlps_.front().in = mlp_in_;
    x_ = at::cat(x_parts, 0), y_ = at::cat(y_parts, 0);
  }

  // Those linears of a group that are quantized, as the search sees them.
  ScaleGroup group_of(const std::vector<LinearLayer*>& linears, const InputStats& stats,
                      std::vector<LinearLayer*>& rounded) const {
    ScaleGroup group;
    for (LinearLayer* linear : linears) {
      const auto grid = grid_of(*linear);
      if (!grid) continue;
      rounded.push_back(linear);
      group.weights.push_back(linear->weight.to(at::kFloat).contiguous());
      group.grids.push_back(*grid);
    }
    group.x_mean = stats.abs_mean();
    return group;
  }

  // The mean square of what `f` changes with other weights in these linears.
  ScaleLoss output_loss(const std::vector<LinearLayer*>& linears, const std::function<Tensor()>& f) const {
    const Tensor wanted = f().to(at::kFloat);
    return [this, linears, f, wanted](const std::vector<Tensor>& weights) {
      std::vector<Tensor> own;
      for (size_t i = 0; i < linears.size(); ++i) {
        own.push_back(linears[i]->weight);
        linears[i]->weight = weights[i].to(job_.decoder.dtype());
      }
      const double loss = (f().to(at::kFloat) - wanted).square_().mean().item<double>();
      for (size_t i = 0; i < linears.size(); ++i) linears[i]->weight = own[i];
      return loss;
    };
  }

  void search_attention(BlockScales& scales) {
    std::vector<LinearLayer*> linears;
    const ScaleGroup group = group_of({&block_.q, &block_.k, &block_.v}, attention_in_, linears);
    if (linears.empty()) return;
    const auto attention = [this] {
      std::vector<Tensor> parts;
      for_batches(job_.decoder, x_.size(0) / data_.length(), data_.length(), job_.settings.batch,
                  [&](const CalibrationBatch& part) {
                    const Tensor x = x_.narrow(0, part.first * data_.length(), part.count * data_.length());
                    parts.push_back(block_.o.forward(
                        job_.decoder.mix_tokens(job_.index, x, part.rope, part.attention, {})));
                  });
      return at::cat(parts, 0);
    };
    const ScaleChoice found = search_scale(group, job_.settings.duo_scaling, output_loss(linears, attention));
    scales.attention = exact_for(block_.input_norm, found.scale);
  }

  // V and O: a head of V serves several query heads, so its factor is one for all of them.
  void search_values(BlockScales& scales) {
    std::vector<LinearLayer*> linears;
    ScaleGroup group = group_of({&block_.o}, attention_out_, linears);
    if (linears.empty()) return;
    const model::AttentionSpec& attention = spec_.attention;
    group.unified = [&](const Tensor& values) {
      return over_queries(mean_over_queries(values, attention), attention);
    };
    const ScaleChoice found =
        search_scale(group, job_.settings.duo_scaling, gram_loss(group.weights, attention_out_.gram()));
    scales.values = mean_over_queries(found.scale, attention);
  }

  void search_mlp(BlockScales& scales) {
    std::vector<LinearLayer*> all, linears;
    for (const Mlp& mlp : mlps_) all.insert(all.end(), {mlp.gate, mlp.up});
    const ScaleGroup group = group_of(all, mlp_in_, linears);
    if (linears.empty()) return;
    const auto mlp = [this] { return job_.decoder.run_mlp(job_.index, y_, {}); };
    const ScaleChoice found = search_scale(group, job_.settings.duo_scaling, output_loss(linears, mlp));
    scales.mlp = exact_for(block_.post_attention_norm, found.scale);
  }

  void search_downs(BlockScales& scales) {
    scales.downs.resize(mlps_.size());
    for (size_t i = 0; i < mlps_.size(); ++i) {
      Mlp& mlp = mlps_[i];
      std::vector<LinearLayer*> linears;
      if (starved(mlp.mid)) continue;
      check(mlp.mid, *mlp.down);
      const ScaleGroup group = group_of({mlp.down}, mlp.mid, linears);
      if (linears.empty()) continue;
      scales.downs[i] =
          search_scale(group, job_.settings.duo_scaling, gram_loss(group.weights, mlp.mid.gram())).scale;
    }
  }

  bool starved(const InputStats& stats) const {
    return static_cast<double>(stats.tokens()) <
           kStarvedShare * static_cast<double>(data_.count() * data_.length());
  }

  void round(LinearLayer& linear, InputStats& stats, const Tensor& scale, bool clips) {
    const auto grid = grid_of(linear);
    if (!grid) {
      linear.weight = linear.weight.to(job_.decoder.dtype());
      return;
    }
    if (starved(stats)) {
      base::log::warn(base::cat(linear.name, " saw ", stats.tokens(),
                                " calibration tokens: its weights are rounded to nearest"));
      job_.take_nearest(linear, *grid, linear.weight.contiguous(), {}, stats.tokens(), true);
      return;
    }
    const Tensor gram = scale.defined() ? divided_gram(stats.gram(), scale) : stats.gram();
    const Tensor wanted = linear.weight.contiguous();
    GptqResult best = compensated(linear.name, wanted, gram, *grid, find_grid(wanted, *grid));
    if (job_.settings.clip && clips) {
      const Tensor limits = search_clip(wanted, gram, *grid);
      const GptqResult other =
          compensated(linear.name, wanted, gram, *grid, find_grid(clipped(wanted, limits), *grid));
      if (error_of(other, wanted, gram) < error_of(best, wanted, gram)) best = other;
    }
    job_.take(linear, grouped(best.codes, best.grid, *grid), *grid, wanted, gram, stats.tokens());
  }

  // The codes on that grid of which later columns make up for the error of earlier ones.
  GptqResult compensated(const std::string& name, const Tensor& wanted, const Tensor& gram,
                         const GridSettings& settings, const Grid& grid) const {
    return gptq(wanted, gram, {settings, ActOrder::fixed, job_.settings.damp, grid}, name);
  }
  static double error_of(const GptqResult& found, const Tensor& wanted, const Tensor& gram) {
    return output_error(wanted, from_codes(found.codes, found.grid), gram);
  }

  BlockJob& job_;
  Calibration& data_;
  model::Block& block_;
  const model::ModelSpec& spec_;
  std::vector<Mlp> mlps_;
  InputStats attention_in_, attention_out_, mlp_in_;
  Tensor x_, y_;  // samples (tokens, hidden) of whole sequences
};

}  // namespace

void quantize_awq(BlockJob& job, Calibration& data) {
  const at::NoGradGuard no_grad;
  AwqBlock(job, data).run();
}

}  // namespace swift::quant
