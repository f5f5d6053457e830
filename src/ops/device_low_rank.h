// The thin products of a low-rank update on a device.
#pragma once
#include <cstdint>

#include "ops/dropout.h"

namespace swift::ops {

// Of the elements that a product reads or adds; dropout.h.
struct KeyedDrop {
  double probability = 0;
  DropoutKey key = {};
};

// Activations are 16-bit and dense, factors fp32; ranks become multiples of 8 with zeros. Sums are fp32.
class DeviceLowRank {
 public:
  virtual ~DeviceLowRank() = default;
  // Whether activations of these columns and this rank are taken.
  virtual bool takes_low_rank(at::ScalarType type, int64_t in, int64_t out, int64_t rank) const = 0;
  // scale · drop(x) · factor^T: (rows, padded rank). factor (rank, columns), or (columns, rank) when turned.
  virtual at::Tensor project(const at::Tensor& x, const at::Tensor& factor, bool turned, double scale,
                             const KeyedDrop& drop) const = 0;
  // y += drop(h · factor^T). factor (columns, rank), or (rank, columns) when turned.
  virtual void add_projected(const at::Tensor& y, const at::Tensor& h, const at::Tensor& factor, bool turned,
                             const KeyedDrop& drop) const = 0;
  // h^T · drop(x) over the rows: (rank, columns) fp32, or (columns, rank) when turned.
  virtual at::Tensor sum_outer(const at::Tensor& h, const at::Tensor& x, int64_t rank, bool turned,
                               const KeyedDrop& drop) const = 0;
};

}  // namespace swift::ops
