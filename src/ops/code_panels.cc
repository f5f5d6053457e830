#include "ops/code_panels.h"

#include <algorithm>
#include <memory>

#include "ops/attention_tiles.h"
#include "ops/code_int8.h"
#include "ops/code_kernels.h"
#include "ops/code_packing.h"
#include "ops/lanes.h"
#include "ops/matrix_tiles.h"

namespace swift::ops {
namespace {

using at::Tensor;
using c10::BFloat16;

constexpr int64_t kRowsInCache = 256;  // rows whose activations stay in L2 while the panels pass by
constexpr int64_t kVectorRows = 4;     // up to here, 8-bit products gain nothing from tiles

// Sums of each chunk of a row, in a fixed order. x (rows, inputs) to (rows, chunks).
template <class T>
void chunk_totals(const T* x, int64_t rows, const CodeLayout& layout, float* totals) {
  for (int64_t c = 0; c < rows * layout.chunks(); ++c) {
    Floats total = {};
    for_lanes(0, layout.chunk, [&](int64_t i, int64_t n) { total += load(x + c * layout.chunk + i, n); });
    totals[c] = sum(total);
  }
}

// Sums and bias (null: none), rounded once, to rows of the result.
template <class Out>
void put_rows(const float* sums, int64_t stride, const float* bias, Out* y, int64_t y_stride, int64_t rows,
              int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      Floats value = load(sums + r * stride + i, n);
      if (bias != nullptr) value += load(bias + i, n);
      store(y + r * y_stride + i, value, n);
    });
  }
}

// Panels of a thread's share: those that lie side by side, fewer where that leaves threads without any.
int64_t share_of(int64_t panels) {
  const int64_t each = panels / at::get_num_threads();
  return each >= kGroupPanels ? kGroupPanels : std::clamp<int64_t>(each, 1, 2);
}

// A weight of a product, and where its result goes.
struct Job {
  const CodeLayout* layout;
  Tensor bias;  // fp32 or undefined
  Tensor y;     // (rows, outputs) bf16 or fp32
};

void store(const Job& job, const float* sums, int64_t stride, int64_t row, int64_t rows, int64_t first) {
  const int64_t outputs = job.layout->outputs, width = std::min(stride, outputs - first);
  const float* bias = job.bias.defined() ? job.bias.const_data_ptr<float>() + first : nullptr;
  if (job.y.scalar_type() == at::kBFloat16) {
    put_rows(sums, stride, bias, job.y.data_ptr<BFloat16>() + row * outputs + first, outputs, rows, width);
  } else {
    put_rows(sums, stride, bias, job.y.data_ptr<float>() + row * outputs + first, outputs, rows, width);
  }
}

// All results by panels. kernel(): called once for each thread's share, gives what computes
// (layout, first row, rows, panels, sums).
template <class MakeKernel>
void multiply(const std::vector<Job>& jobs, int64_t all_rows, const MakeKernel& kernel) {
  int64_t panels = 0;
  for (const Job& job : jobs) panels += job.layout->panels;
  const int64_t share = share_of(panels), stride = share * kCodePanel;
  std::vector<std::pair<const Job*, int64_t>> shares;  // a job and the first of some panels
  for (const Job& job : jobs) {
    for (int64_t p = 0; p < job.layout->panels; p += share) shares.emplace_back(&job, p);
  }
  at::parallel_for(0, static_cast<int64_t>(shares.size()), 1, [&](int64_t begin, int64_t end) {
    const TileBuffer<float> sums(std::min(all_rows, kRowsInCache) * stride);
    const auto product = kernel();
    for (int64_t row = 0; row < all_rows; row += kRowsInCache) {
      const int64_t rows = std::min(kRowsInCache, all_rows - row);
      for (int64_t i = begin; i < end; ++i) {
        const auto& [job, first] = shares[static_cast<size_t>(i)];
        const PanelRange range{first, std::min(job->layout->panels, first + share)};
        product(*job->layout, row, rows, range, CodeSums{sums.data, stride});
        store(*job, sums.data, stride, row, rows, first * kCodePanel);
      }
    }
  });
}

// What the forms of a grouped weight share: memory, types, updates.
class GroupedPanels : public QuantizedWeight {
 public:
  GroupedPanels(LaidOutCodes stored, int64_t in, at::ScalarType compute)
      : QuantizedWeight({stored.layout.outputs, in}, compute), stored_(std::move(stored)), in_(in) {}

  Tensor unpack(at::ScalarType type) const override { return values_of(stored_, in_).to(type); }
  int64_t bytes() const override {
    return bytes_of(stored_.codes) + bytes_of(stored_.scales) + bytes_of(stored_.zeros);
  }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    return products_together(x, {this}, {bias}).front();
  }
  Tensor logits(const Tensor& x) const override { return sums({this}, x, {Tensor()}, at::kFloat).front(); }

  bool goes_with(const QuantizedWeight& other) const override {
    const auto* panels = dynamic_cast<const GroupedPanels*>(&other);
    if (panels == nullptr || panels->compute_type() != compute_type()) return false;
    const CodeLayout &mine = stored_.layout, &its = panels->stored_.layout;
    return mine.for_int8 == its.for_int8 && mine.inputs == its.inputs && mine.chunk == its.chunk &&
           panels->in_ == in_ && !stored_.order.defined() && !panels->stored_.order.defined();
  }
  std::vector<Tensor> products_together(const Tensor& x, const std::vector<const QuantizedWeight*>& weights,
                                        const std::vector<Tensor>& biases) const override {
    std::vector<const GroupedPanels*> all;
    for (const QuantizedWeight* weight : weights) all.push_back(static_cast<const GroupedPanels*>(weight));
    const bool narrow = x.scalar_type() == at::kBFloat16;
    std::vector<Tensor> results = sums(all, x, biases, narrow ? at::kBFloat16 : at::kFloat);
    for (Tensor& y : results) y = y.to(x.scalar_type());
    return results;
  }

  const LaidOutCodes& parts() const { return stored_; }

  bool takes_update() const override { return compute_type() == at::kBFloat16; }
  Tensor updated_product(const Tensor& x, const Tensor& bias, const LowRankTerm& update) const override {
    Tensor y = sums({this}, x, {bias}, at::kFloat).front();
    const auto factor = [&](const BFloat16* data, int64_t rows) {
      return at::from_blob(const_cast<BFloat16*>(data), {rows, update.rank}, at::TensorOptions(at::kBFloat16))
          .to(at::kFloat);
    };
    y.addmm_(factor(update.left, x.size(0)), factor(update.right, y.size(1)).t());
    return y.to(at::kBFloat16);
  }

 protected:
  // The products of x, arranged() as this weight has it, into the jobs' results.
  virtual void run(const Tensor& x, const std::vector<Job>& jobs) const = 0;
  const CodeLayout& layout() const { return stored_.layout; }

 private:
  // x · W^T + bias as bf16 or fp32.
  std::vector<Tensor> sums(const std::vector<const GroupedPanels*>& weights, const Tensor& x,
                           const std::vector<Tensor>& biases, at::ScalarType type) const {
    std::vector<Job> jobs;
    std::vector<Tensor> results;
    for (size_t i = 0; i < weights.size(); ++i) {
      const CodeLayout& layout = weights[i]->stored_.layout;
      results.push_back(at::empty({x.size(0), layout.outputs}, type));
      jobs.push_back(
          {&layout, biases[i].defined() ? biases[i].to(at::kFloat).contiguous() : Tensor(), results.back()});
    }
    run(arranged(x), jobs);
    return results;
  }

  // x (rows, in) in the compute type and the layout's order of inputs, zero behind the weight's own.
  Tensor arranged(const Tensor& x_in) const {
    Tensor x = x_in.to(compute_type());
    if (stored_.order.defined()) x = x.index_select(1, stored_.order);
    if (layout().inputs > in_) x = at::constant_pad_nd(x, {0, layout().inputs - in_});
    return x.contiguous();
  }

  LaidOutCodes stored_;
  int64_t in_;
};

// What multiplies with one kernel, for multiply().
template <class Product>
auto by(const Product& product, const CodeInput& input) {
  return [&product, &input] {
    return [&product, &input](const CodeLayout& layout, int64_t row, int64_t rows, PanelRange panels,
                              CodeSums to) { product(layout, input, row, rows, panels, to); };
  };
}

class CodePanels final : public GroupedPanels {
 public:
  CodePanels(LaidOutCodes stored, int64_t in, at::ScalarType compute)
      : GroupedPanels(std::move(stored), in, compute),
        kernel_(compute != at::kBFloat16 ? Kernel::lanes
                : has_matrix_tiles()     ? Kernel::tiles
                : has_vector_bf16()      ? Kernel::vector
                                         : Kernel::lanes) {}

 private:
  enum class Kernel { tiles, vector, lanes };

  // Sums of the chunks of x, where one of the weights has zero points.
  Tensor totals_of(const Tensor& x, const std::vector<Job>& jobs) const {
    const bool wanted =
        std::any_of(jobs.begin(), jobs.end(), [](const Job& job) { return job.layout->zeros != nullptr; });
    if (!wanted) return {};
    Tensor totals = at::empty({x.size(0), layout().chunks()}, at::kFloat);
    at::parallel_for(0, x.size(0), 64, [&](int64_t begin, int64_t end) {
      float* to = totals.data_ptr<float>() + begin * layout().chunks();
      if (x.scalar_type() == at::kBFloat16) {
        chunk_totals(x.const_data_ptr<BFloat16>() + begin * layout().inputs, end - begin, layout(), to);
      } else {
        chunk_totals(x.const_data_ptr<float>() + begin * layout().inputs, end - begin, layout(), to);
      }
    });
    return totals;
  }

  void run(const Tensor& x_in, const std::vector<Job>& jobs) const override {
    const Tensor x = kernel_ == Kernel::lanes ? x_in.to(at::kFloat) : x_in;
    const Tensor totals = totals_of(x, jobs);
    CodeInput input;
    input.rows = x.size(0);
    if (totals.defined()) input.totals = totals.const_data_ptr<float>();
    if (kernel_ == Kernel::lanes) {
      input.fp32 = x.const_data_ptr<float>();
      return multiply(jobs, input.rows, by(code_product_lanes, input));
    }
    input.bf16 = reinterpret_cast<const uint16_t*>(x.const_data_ptr<BFloat16>());
    if (kernel_ == Kernel::vector) return multiply(jobs, input.rows, by(code_product_vector, input));
    const TileBuffer<uint16_t> packed(x.numel());
    pack_left(input.bf16, input.rows, layout().inputs, packed.data);
    input.bf16 = packed.data;
    multiply(jobs, input.rows, [&] {
      return [&, tiles = std::make_unique<CodeTiles>()](const CodeLayout& layout, int64_t row, int64_t rows,
                                                        PanelRange panels, CodeSums to) {
        tiles->product(layout, input, row, rows, panels, to);
      };
    });
  }

  Kernel kernel_;
};

// Activations in 8 bits.
class Int8ActivationPanels final : public GroupedPanels {
 public:
  using GroupedPanels::GroupedPanels;

 private:
  template <class T>
  void round_rows(const T* x, int64_t count, int8_t* codes, float* scales, int32_t* totals) const {
    const int64_t chunk = layout().chunk;
    at::parallel_for(0, count, 64, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c)
        totals[c] = round_chunk(x + c * chunk, chunk, codes + c * chunk, scales[c]);
    });
  }

  void run(const Tensor& x_in, const std::vector<Job>& jobs) const override {
    const bool narrow = x_in.scalar_type() == at::kBFloat16;
    const Tensor x = narrow ? x_in : x_in.to(at::kFloat);
    const int64_t rows = x.size(0), count = rows * layout().chunks();
    const Tensor scales = at::empty({count}, at::kFloat), totals = at::empty({count}, at::kInt);
    const TileBuffer<int8_t> codes(rows * layout().inputs);
    auto* scale = scales.data_ptr<float>();
    auto* total = totals.data_ptr<int32_t>();
    narrow ? round_rows(x.const_data_ptr<BFloat16>(), count, codes.data, scale, total)
           : round_rows(x.const_data_ptr<float>(), count, codes.data, scale, total);
    const Int8Input input{rows, codes.data, nullptr, scale, total};
    if (rows > kVectorRows && has_int8_tiles()) return by_tiles(input, jobs);
    multiply(jobs, rows, [&] {
      return [&](const CodeLayout& layout, int64_t row, int64_t height, PanelRange panels, CodeSums to) {
        (has_vector_int8() ? int8_product_vector : int8_product_lanes)(layout, input, row, height, panels,
                                                                       to);
      };
    });
  }

  void by_tiles(Int8Input input, const std::vector<Job>& jobs) const {
    const int64_t inputs = layout().inputs, step = int8_tile_step(layout());
    const TileBuffer<int8_t> tiles(input.rows * inputs);
    int8_t* to = tiles.data;
    for (int64_t first = 0; first < input.rows; first += kTileHeight) {
      const int64_t last = std::min(input.rows, first + kTileHeight);
      for (int64_t at = 0; at < inputs; at += step) {
        for (int64_t r = first; r < last; ++r, to += step)
          std::copy_n(input.codes + r * inputs + at, step, to);
      }
    }
    input.tiles = tiles.data;
    multiply(jobs, input.rows, [&] {
      return [&, products = std::make_unique<Int8Tiles>()](const CodeLayout& layout, int64_t row,
                                                           int64_t rows, PanelRange panels, CodeSums sums) {
        products->product(layout, input, row, rows, panels, sums);
      };
    });
  }
};

}  // namespace

bool can_lay_out(const GroupedCodes& source) {
  if (source.group != source.in && source.group % kCodeStep != 0) return false;
  if (!source.g_idx.defined()) return true;
  return at::bincount(source.g_idx, {}, source.in / source.group).eq(source.group).all().item<bool>();
}

QuantizedPtr lay_out_codes(const GroupedCodes& source, at::ScalarType compute, LineMemory& memory,
                           bool int8_activations) {
  const at::NoGradGuard no_grad;
  return from_parts(lay_out(source, memory, int8_activations), source.in, compute);
}

QuantizedPtr lay_out_fp8(const Fp8Weight& weight, LineMemory& memory) {
  const at::NoGradGuard no_grad;
  const int64_t out = weight.sizes()[0], in = weight.sizes()[1];
  if (weight.block() % kCodeStep != 0) return {};
  GroupedCodes source{.bits = 8, .in = in, .group = weight.block()};
  source.codes = weight.codes().contiguous().view(at::kByte);
  source.scales = weight.factors().to(at::kFloat).repeat_interleave(weight.block(), 0).narrow(0, 0, out);
  return from_parts(lay_out(source, memory, false, true), in, weight.compute_type());
}

const LaidOutCodes* parts_of(const QuantizedWeight& weight) {
  const auto* panels = dynamic_cast<const GroupedPanels*>(&weight);
  return panels == nullptr ? nullptr : &panels->parts();
}

QuantizedPtr from_parts(LaidOutCodes parts, int64_t in, at::ScalarType compute) {
  if (parts.layout.for_int8) return c10::make_intrusive<Int8ActivationPanels>(std::move(parts), in, compute);
  return c10::make_intrusive<CodePanels>(std::move(parts), in, compute);
}

}  // namespace swift::ops
