#include "quant/gptq.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/format.h"

namespace swift::quant {
namespace {

using at::Tensor;

constexpr int64_t kBlock = 128;  // columns between updates of the rest
constexpr int64_t kRowsPerTask = 8;
constexpr double kDampStep = 0.01;  // added after each failure
constexpr double kMaxDamp = 1.0;

[[noreturn]] void fail(const std::string& name, const std::string& what, const std::string& hint) {
  throw base::Error(base::ExitCode::failure, base::cat("gptq: ", name, ": ", what), {}, hint);
}

// The upper Cholesky factor of the inverse of the damped Hessian.
Tensor inverse_factor(const Tensor& hessian, double& damp, const std::string& name) {
  const double mean = hessian.diagonal().mean().item<double>();
  for (; damp <= kMaxDamp; damp += kDampStep) {
    Tensor damped = hessian.clone();
    damped.diagonal().add_(damp * mean);
    const auto [lower, failed] = at::linalg_cholesky_ex(damped);
    if (failed.item<int>() != 0) continue;
    const auto [upper, inverse_failed] = at::linalg_cholesky_ex(at::cholesky_inverse(lower), /*upper=*/true);
    if (inverse_failed.item<int>() == 0 && upper.isfinite().all().item<bool>()) return upper.contiguous();
  }
  fail(name, "no damping makes the Hessian positive definite",
       "use more calibration data, or raise damp_percent");
}

// Rounds the columns of one block; rows are independent. w and error (out, columns), both overwritten; the
// grids of the columns (out, columns); factor (columns, columns) upper. codes (out, columns).
void round_block(Tensor& w, Tensor& error, Tensor& codes, const Tensor& scales, const Tensor& zeros,
                 const Tensor& factor, float max_code) {
  const int64_t rows = w.size(0), columns = w.size(1);
  float *wd = w.data_ptr<float>(), *ed = error.data_ptr<float>(), *cd = codes.data_ptr<float>();
  const float *sd = scales.const_data_ptr<float>(), *zd = zeros.const_data_ptr<float>(),
              *fd = factor.const_data_ptr<float>();
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      float* row = wd + r * columns;
      for (int64_t i = 0; i < columns; ++i) {
        const int64_t at = r * columns + i;
        const float code = std::clamp(std::nearbyint(row[i] / sd[at]) + zd[at], 0.0F, max_code);
        const float err = (row[i] - sd[at] * (code - zd[at])) / fd[i * columns + i];
        cd[at] = code;
        ed[at] = err;
        const float* step = fd + i * columns;
        for (int64_t j = i; j < columns; ++j) row[j] -= err * step[j];
      }
    }
  });
}

// The grids of columns [first, first + count) of the reordered weight, one a column.
class ColumnGrids {
 public:
  // weight as it was given, `w` with the columns of inputs that are always 0 taken out. A grid for whole rows
  // counts those too, as IST's does.
  ColumnGrids(const Tensor& weight, const Tensor& w, const Tensor& order, const GptqSettings& settings)
      : settings_(settings),
        found_before_(settings.given || settings.order == ActOrder::fixed ||
                      settings.grid.group == weight.size(1)) {
    const int64_t in = weight.size(1), groups = in / settings.grid.group;
    grid_.scales = at::zeros({weight.size(0), groups}, at::kFloat);
    grid_.zeros = at::zeros_like(grid_.scales);
    const Tensor place = settings.order == ActOrder::fixed ? order : at::arange(in, at::kLong);
    group_ = at::floor_divide(place, settings.grid.group);
    if (settings.given)
      grid_ = *settings.given;
    else if (found_before_)
      grid_ = find_grid(groups == 1 ? weight : w, settings.grid);
  }
  // Grids that begin in this block are found on what the weights have become before it.
  Grid block(const Tensor& reordered, int64_t first, int64_t count) {
    const int64_t size = settings_.grid.group;
    for (int64_t c = (first + size - 1) / size * size; !found_before_ && c < first + count; c += size) {
      const Grid found = find_grid(reordered.narrow(1, c, size).contiguous(), settings_.grid);
      grid_.scales.narrow(1, c / size, 1).copy_(found.scales);
      grid_.zeros.narrow(1, c / size, 1).copy_(found.zeros);
    }
    const Tensor index = group_.narrow(0, first, count);
    return {grid_.scales.index_select(1, index), grid_.zeros.index_select(1, index)};
  }
  const Grid& grid() const { return grid_; }
  const Tensor& groups() const { return group_; }

 private:
  const GptqSettings& settings_;
  bool found_before_;
  Grid grid_;
  Tensor group_;  // int64 (in), of each column in the order of work
};

}  // namespace

GptqResult gptq(const Tensor& weight, const Tensor& hessian, const GptqSettings& settings,
                const std::string& name) {
  if (!weight.isfinite().all().item<bool>()) fail(name, "the weight has a value that is not finite", "");
  if (!hessian.isfinite().all().item<bool>())
    fail(name, "its inputs are not finite",
         "the calibration data overflows in this type; try torch_dtype: float32");
  Tensor w = weight.clone(), h = hessian.clone();
  const Tensor dead = h.diagonal() == 0;
  h.diagonal().masked_fill_(dead, 1);
  w.masked_fill_(dead.unsqueeze(0), 0);
  const int64_t in = w.size(1);
  const Tensor order = settings.order == ActOrder::none
                           ? at::arange(in, at::kLong)
                           : at::argsort(h.diagonal(), /*stable=*/true, 0, /*descending=*/true);
  ColumnGrids grids(weight, w, order, settings);
  w = w.index_select(1, order);
  h = h.index_select(0, order).index_select(1, order);
  GptqResult result;
  result.damp = settings.damp;
  const Tensor factor = inverse_factor(h, result.damp, name);
  Tensor codes = at::empty_like(w);
  for (int64_t first = 0; first < in; first += kBlock) {
    const int64_t count = std::min(kBlock, in - first);
    const Grid grid = grids.block(w, first, count);
    Tensor part = w.narrow(1, first, count).contiguous(), error = at::empty_like(part),
           own = at::empty_like(part);
    round_block(part, error, own, grid.scales.contiguous(), grid.zeros.contiguous(),
                factor.narrow(0, first, count).narrow(1, first, count).contiguous(),
                static_cast<float>(settings.grid.max_code()));
    codes.narrow(1, first, count).copy_(own);
    const int64_t next = first + count;
    if (next < in)
      w.narrow(1, next, in - next)
          .sub_(at::mm(error, factor.narrow(0, first, count).narrow(1, next, in - next)));
  }
  const Tensor back = at::argsort(order);
  result.codes = codes.index_select(1, back).contiguous();
  result.grid = grids.grid();
  if (settings.order == ActOrder::group)
    result.g_idx = grids.groups().index_select(0, back).to(at::kInt).contiguous();
  return result;
}

}  // namespace swift::quant
