#include "quant/block_job.h"

#include "ops/int4_weight.h"
#include "quant/input_stats.h"

namespace swift::quant {
namespace {

using at::Tensor;

constexpr double kFp8Max = 448;  // the largest value of E4M3

}  // namespace

void BlockJob::take(model::LinearLayer& linear, const ops::GroupedCodes& codes, const GridSettings& grid,
                    const Tensor& wanted, const Tensor& gram, int64_t tokens, bool starved) {
  const at::ScalarType type = decoder.dtype();
  const auto weight = c10::make_intrusive<ops::Int4Weight>(codes, type);
  const Tensor values = weight->unpack(at::kFloat);
  const double error = gram.defined()
                           ? output_error(wanted, values, gram)
                           : ((values - wanted).square().sum() / wanted.square().sum()).item<double>();
  linear.weight = values.to(type);
  packed.push_back({&linear, weight});
  reports.push_back({linear.name, grid, error, tokens, starved});
}

void BlockJob::take_nearest(model::LinearLayer& linear, const GridSettings& grid, const Tensor& wanted,
                            const Tensor& gram, int64_t tokens, bool starved) {
  const Grid found = find_grid(wanted, grid);
  take(linear, grouped(to_codes(wanted, found, grid.max_code()), found, grid), grid, wanted, gram, tokens,
       starved);
}

void quantize_nearest(BlockJob& job) {
  const at::NoGradGuard no_grad;
  for (model::LinearLayer* linear : job.block().linears()) {
    const auto grid = grid_settings(job.settings, linear->name, linear->weight.sizes());
    if (grid) job.take_nearest(*linear, *grid, linear->weight.to(at::kFloat).contiguous(), {}, 0);
  }
}

void quantize_fp8(BlockJob& job) {
  const at::NoGradGuard no_grad;
  const int64_t block = job.settings.form.group;
  for (model::LinearLayer* linear : job.block().linears()) {
    if (!grid_settings(job.settings, linear->name, linear->weight.sizes())) continue;
    const Tensor wanted = linear->weight.to(at::kFloat);
    const int64_t out = wanted.size(0), in = wanted.size(1);
    const int64_t rows = (out + block - 1) / block, columns = (in + block - 1) / block;
    const Tensor padded = at::constant_pad_nd(wanted, {0, columns * block - in, 0, rows * block - out}, 0);
    const Tensor largest = padded.view({rows, block, columns, block}).abs().amax({1, 3});  // (rows, columns)
    const Tensor factors = at::where(largest > 0, largest / kFp8Max, at::ones_like(largest));
    const Tensor spread =
        factors.repeat_interleave(block, 0).narrow(0, 0, out).repeat_interleave(block, 1).narrow(1, 0, in);
    const Tensor codes = (wanted / spread).clamp_(-kFp8Max, kFp8Max).to(at::kFloat8_e4m3fn);
    const auto weight = c10::make_intrusive<ops::Fp8Weight>(codes, factors, block, job.decoder.dtype());
    const Tensor values = weight->unpack(at::kFloat);
    const double error = ((values - wanted).square().sum() / wanted.square().sum()).item<double>();
    linear->weight = values.to(job.decoder.dtype());
    job.packed.push_back({linear, weight});
    job.reports.push_back({linear->name, {.bits = 8, .group = block}, error});
  }
}

}  // namespace swift::quant
