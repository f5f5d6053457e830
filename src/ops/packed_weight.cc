#include "ops/packed_weight.h"

#include <ATen/Parallel.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "ops/attention_tiles.h"
#include "ops/device_ops.h"
#include "ops/device_weight.h"
#include "ops/gemm.h"
#include "ops/lanes.h"
#include "ops/matrix_tiles.h"
#include "ops/panel_pack.h"
#include "ops/panel_product.h"

namespace swift::ops {
namespace {

using at::Tensor;
using c10::BFloat16;

constexpr int64_t kRows = 64;       // rows of one call of panel_product
constexpr int64_t kTilePanel = 32;  // columns of a panel that the matrix tiles read: two tiles
constexpr int64_t kFewRows = 64;
constexpr int64_t kStoredPanels = 4;
constexpr int64_t kRowsInCache = 256;  // rows whose packed form stays in L2 while the panels pass by

// Uninitialised words. Large ones ask for huge pages: reading weights from end to end is a tenth faster.
Tensor words(at::IntArrayRef shape) {
  constexpr size_t kHugePage = size_t{2} << 20U;
  const auto bytes = static_cast<size_t>(c10::multiply_integers(shape)) * sizeof(int32_t);
  if (bytes < kHugePage) return at::empty(shape, at::kInt);
  void* memory = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage);
  if (memory == nullptr) throw std::bad_alloc();
  ::madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // only a hint
  return at::from_blob(
      memory, shape, [](void* p) { std::free(p); }, at::TensorOptions(at::kInt));
}

// out = in + shift by column, rounded to nearest even; a NaN keeps a set mantissa bit.
[[gnu::target_clones("arch=skylake-avx512", "avx2", "default")]] void put_rows(
    const float* in, int64_t in_stride, const float* shift, BFloat16* out, int64_t rows, int64_t columns,
    int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    auto* target = reinterpret_cast<uint16_t*>(out + r * out_stride);
    for (int64_t c = 0; c < columns; ++c) {
      const float value = in[r * in_stride + c] + shift[c];
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      const uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
      target[c] = static_cast<uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? (bits >> 16 | 0x40U) : rounded);
    }
  }
}

void put_rows(const float* in, int64_t in_stride, const float* shift, float* out, int64_t rows,
              int64_t columns, int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes(0, columns, [&](int64_t i, int64_t n) {
      store(out + r * out_stride + i, load(in + r * in_stride + i, n) + load(shift + i, n), n);
    });
  }
}

class Panels : public QuantizedWeight {
 public:
  explicit Panels(const Tensor& w)
      : QuantizedWeight(w.sizes(), at::kBFloat16),
        out_(w.size(0)),
        in_(w.size(1)),
        tiles_(has_matrix_tiles() && in_ % kTileDepth == 0),
        width_(tiles_ ? kTilePanel : kPanel),
        panels_((out_ + width_ - 1) / width_),
        memory_(words({panels_, in_ / 2, width_})) {
    const Tensor dense = w.contiguous();
    const auto* from = reinterpret_cast<const uint32_t*>(dense.const_data_ptr<BFloat16>());
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t columns = columns_of(p);
        if (columns < width_) std::fill(panel(p), panel(p + 1), 0U);
        pack_transposed(from + p * width_ * in_ / 2, in_ / 2, columns, in_ / 2, panel(p), width_);
      }
    });
  }

  Tensor unpack(at::ScalarType type) const override {
    Tensor w = at::empty({out_, in_}, at::kBFloat16);
    auto* to = reinterpret_cast<uint32_t*>(w.data_ptr<BFloat16>());
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        for (int64_t c = 0; c < columns_of(p); ++c) {
          for (int64_t pair = 0; pair < in_ / 2; ++pair)
            to[(p * width_ + c) * in_ / 2 + pair] = panel(p)[pair * width_ + c];
        }
      }
    });
    return w.to(type);
  }

  int64_t bytes() const override { return bytes_of(memory_); }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    return run<BFloat16>(x.to(at::kBFloat16), bias, {});
  }

  bool takes_update() const override { return true; }
  Tensor updated_product(const Tensor& x, const Tensor& bias, const LowRankTerm& update) const override {
    return run<BFloat16>(x.to(at::kBFloat16), bias, update);
  }

  Tensor logits(const Tensor& x) const override { return run<float>(x.to(at::kBFloat16), Tensor(), {}); }

 private:
  uint32_t* panel(int64_t index) const {
    return reinterpret_cast<uint32_t*>(memory_.data_ptr<int32_t>()) + index * (in_ / 2 * width_);
  }
  int64_t columns_of(int64_t index) const { return std::min(width_, out_ - index * width_); }

  // What a panel's sums get before they are stored.
  struct Extras {
    std::vector<float> shift;  // by column, for all panels
    const BFloat16* left;      // (rows, rank): a low-rank update
    const uint32_t* right;     // (panels, rank / 2, width)
    int64_t rank;              // 0: none
  };

  template <class Out>
  Tensor run(const Tensor& x_in, const Tensor& bias, const LowRankTerm& update) const {
    const Tensor x = x_in.contiguous();
    Tensor y = at::empty({x.size(0), out_}, x.options().dtype(c10::CppTypeToScalarType<Out>::value));
    Extras extras{std::vector<float>(static_cast<size_t>(panels_ * width_), 0.0F), update.left, nullptr,
                  update.rank};
    if (bias.defined()) {
      const Tensor wide = bias.to(at::kFloat).contiguous();
      std::copy_n(wide.const_data_ptr<float>(), out_, extras.shift.begin());
    }
    // The tiles take whole steps of the reduction: a shorter update is followed by zeros.
    const int64_t rank = tiles_ ? (update.rank + kTileDepth - 1) / kTileDepth * kTileDepth : update.rank;
    const Tensor right = at::zeros({rank > 0 ? panels_ : 0, rank / 2, width_}, at::kInt);
    Tensor left;
    if (rank > 0) {
      extras.right = pack_update(update, right);
      if (tiles_) {
        left = at::zeros({x.size(0), rank}, at::kBFloat16);
        left.narrow(1, 0, update.rank)
            .copy_(at::from_blob(const_cast<BFloat16*>(update.left), {x.size(0), update.rank},
                                 at::TensorOptions(at::kBFloat16)));
        extras.left = left.const_data_ptr<BFloat16>();
        extras.rank = rank;
      }
    }
    if (tiles_) {
      run_tiles(x, extras, y.data_ptr<Out>());
    } else {
      run_panels(x, extras, y.data_ptr<Out>());
    }
    return y;
  }

  const uint32_t* pack_update(const LowRankTerm& update, const Tensor& right) const {
    auto* words = reinterpret_cast<uint32_t*>(right.data_ptr<int32_t>());
    const auto* from = reinterpret_cast<const uint32_t*>(update.right);
    const int64_t pairs = update.rank / 2;
    for (int64_t p = 0; p < panels_; ++p) {
      pack_transposed(from + p * width_ * pairs, pairs, columns_of(p), pairs,
                      words + p * right.size(1) * width_, width_);
    }
    return words;
  }

  template <class Out>
  void run_panels(const Tensor& x, const Extras& extras, Out* to) const {
    const int64_t rows = x.size(0);
    const auto* in = x.const_data_ptr<BFloat16>();
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      const TileBuffer<float> tile(kRows * kPanel);
      for (int64_t p = begin; p < end; ++p) {
        for (int64_t row = 0; row < rows; row += kRows) {
          const int64_t height = std::min(kRows, rows - row);
          const auto multiply = [&](const BFloat16* left, int64_t depth, const uint32_t* right, bool add) {
            panel_product(
                {height, kPanel, depth, left + row * depth, depth, right, kPanel, tile.data, kPanel, add});
          };
          multiply(in, in_, panel(p), false);
          if (extras.rank > 0)
            multiply(extras.left, extras.rank, extras.right + p * extras.rank / 2 * kPanel, true);
          put_rows(tile.data, kPanel, extras.shift.data() + p * kPanel, to + row * out_ + p * kPanel, height,
                   columns_of(p), out_);
        }
      }
      release_panel_products();
    });
  }

  // While a panel is multiplied, the next one comes from memory.
  template <class Out>
  void run_tiles(const Tensor& x, const Extras& extras, Out* to) const {
    const int64_t rows = x.size(0);
    const TileBuffer<BFloat16> left(rows * in_);
    const auto* in = reinterpret_cast<const uint16_t*>(x.const_data_ptr<BFloat16>());
    auto* packed = reinterpret_cast<uint16_t*>(left.data);
    at::parallel_for(0, (rows + kTileHeight - 1) / kTileHeight, 8, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kTileHeight, last = std::min(rows, end * kTileHeight);
      pack_left(in + first * in_, last - first, in_, packed + first * in_);
    });
    const auto* update = reinterpret_cast<const uint16_t*>(extras.left);
    const int64_t lines = in_ / 2 * width_ * static_cast<int64_t>(sizeof(uint32_t)) / 64;
    // Many rows are stored several panels at a time: a row of the result is on a page of its own.
    const int64_t group = rows > kFewRows ? kStoredPanels : 1, stride = group * width_;
    at::parallel_for(0, (panels_ + group - 1) / group, 1, [&](int64_t begin, int64_t end) {
      const TileBuffer<float> tile(std::min(rows, kRowsInCache) * stride);
      MatrixTiles tiles;
      const int64_t last = std::min(panels_, end * group);
      for (int64_t row = 0; row < rows; row += kRowsInCache) {
        const int64_t height = std::min(kRowsInCache, rows - row);
        for (int64_t p = begin * group; p < last; ++p) {
          const bool more = p + 1 < last;
          float* sums = tile.data + p % group * width_;
          tiles.product({packed + row * in_, kTileDepth, height}, {panel(p), width_, width_}, in_, sums,
                        stride, false, more ? panel(p + 1) : nullptr, more ? lines : 0);
          if (extras.rank > 0) {
            tiles.product({update + row * extras.rank, extras.rank, height},
                          {extras.right + p * extras.rank / 2 * width_, width_, width_}, extras.rank, sums,
                          stride, true);
          }
          if (more && (p + 1) % group != 0) continue;
          const int64_t first = p / group * stride;
          put_rows(tile.data, stride, extras.shift.data() + first, to + row * out_ + first, height,
                   std::min(stride, out_ - first), out_);
        }
      }
    });
  }

  int64_t out_, in_;
  bool tiles_;  // read by MatrixTiles, not by panel_product
  int64_t width_, panels_;
  Tensor memory_;  // (panels, in / 2, width) words
};

// The weight as it is: fp32, fp16, or a machine without the panel kernels.
class Plain : public QuantizedWeight {
 public:
  explicit Plain(const Tensor& w) : QuantizedWeight(w.sizes(), w.scalar_type()), w_(w.contiguous()) {}
  Tensor unpack(at::ScalarType type) const override { return w_.to(type); }
  int64_t bytes() const override { return bytes_of(w_); }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    Tensor y = sums(x);
    if (bias.defined()) y.add_(bias.to(at::kFloat));
    return y.to(x.scalar_type());
  }

  Tensor logits(const Tensor& x) const override { return sums(x); }

 private:
  Tensor sums(const Tensor& x_in) const {
    const Tensor x = x_in.to(at::kFloat).contiguous();
    const int64_t rows = x.size(0), out = w_.size(0), in = w_.size(1);
    Tensor y = at::empty({rows, out}, x.options());
    const float* from = x.const_data_ptr<float>();
    float* to = y.data_ptr<float>();
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, w_.scalar_type(), "row_product", [&] {
      const auto* w = w_.const_data_ptr<scalar_t>();
      at::parallel_for(0, out, 16, [&](int64_t begin, int64_t end) {
        for (int64_t column = begin; column < end; ++column) {
          for (int64_t row = 0; row < rows; ++row) {
            Floats total = {};
            for_lanes(0, in, [&](int64_t i, int64_t n) {
              total += load(from + row * in + i, n) * load(w + column * in + i, n);
            });
            to[row * out + column] = sum(total);
          }
        }
      });
    });
    return y;
  }

  Tensor w_;
};

}  // namespace

QuantizedPtr pack_weight(const Tensor& w) {
  const at::NoGradGuard no_grad;
  if (device_ops(w) != nullptr) return device_weight(w.detach());
  const bool panels = w.scalar_type() == at::kBFloat16 && w.size(1) % 2 == 0 && has_panel_gemm();
  if (panels) return c10::make_intrusive<Panels>(w.detach());
  return c10::make_intrusive<Plain>(w.detach());
}

}  // namespace swift::ops
