// A mixture of experts on a device, without asking how many rows an expert has. Choice i of a batch is the
// (i % per_token)-th expert of token i / per_token; sorted rows are the choices by expert, those of an expert
// in their order.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "ops/dropout.h"

namespace swift::ops {

// The experts of a layer in one memory, 16-bit.
struct JoinedExperts {
  at::Tensor gate_up;      // (experts, 2 * intermediate, hidden), gate before up
  at::Tensor down;         // (experts, hidden, intermediate)
  int64_t per_token = 0;   // that a token goes to
  bool normalize = false;  // their shares sum to 1
};

// Where the rows of a batch go; int32.
struct ExpertRoute {
  at::Tensor chosen;  // (tokens, per_token) experts
  at::Tensor starts;  // (experts + 1) first sorted row of each expert
  at::Tensor order;   // (choices) the choice of each sorted row
  at::Tensor places;  // (choices) the sorted row of each choice
  at::Tensor tiles;   // (tiles, 3) expert, first row, rows: of up to tile_rows rows
  int tile_rows = 0;

  int64_t per_token() const { return chosen.size(1); }
};

struct RoutedTokens {
  at::Tensor probabilities;  // (tokens, experts) fp32, of softmax
  at::Tensor shares;         // (tokens, per_token) fp32
  ExpertRoute route;
};

class DeviceExperts {
 public:
  virtual ~DeviceExperts() = default;

  // With gradients. Whether rows of these columns are taken, 16-bit or fp32.
  virtual bool takes_expert_rows(at::ScalarType type, int64_t experts, int64_t columns,
                                 int64_t per_token) const = 0;
  // scores (tokens, experts). normalize: the shares of a token sum to 1.
  virtual RoutedTokens route_tokens(const at::Tensor& scores, int64_t per_token, bool normalize) const = 0;
  // d_shares fp32; d_probabilities fp32, or undefined: of what else they went into. In `type`.
  virtual at::Tensor route_tokens_backward(const RoutedTokens& routed, bool normalize,
                                           const at::Tensor& d_shares, const at::Tensor& d_probabilities,
                                           at::ScalarType type) const = 0;
  // x (tokens, columns) to sorted rows (choices, columns).
  virtual at::Tensor sort_rows(const at::Tensor& x, const ExpertRoute& route) const = 0;
  // The sum of each token's rows, times shares (undefined: ones): (tokens, columns).
  virtual at::Tensor combine_rows(const at::Tensor& rows, const at::Tensor& shares,
                                  const ExpertRoute& route) const = 0;
  // The gradients of rows and shares.
  virtual std::pair<at::Tensor, at::Tensor> combine_rows_backward(const at::Tensor& dy,
                                                                  const at::Tensor& rows,
                                                                  const at::Tensor& shares,
                                                                  const ExpertRoute& route) const = 0;
  // Each sorted row x · W^T of its expert, or x · W when turned. weight (experts, out, in) of x's type.
  virtual at::Tensor expert_product(const at::Tensor& x, const at::Tensor& weight, bool turned,
                                    const ExpertRoute& route) const = 0;
  // The sum of y^T · x over the rows of each expert: (experts, y's columns, x's columns) in `type`, which is
  // theirs or fp32.
  virtual at::Tensor expert_outer(const at::Tensor& y, const at::Tensor& x, const ExpertRoute& route,
                                  at::ScalarType type) const = 0;
  // dropout.h of each expert's rows by themselves, with its own key; those have one base.
  virtual at::Tensor drop_expert_rows(const at::Tensor& x, double p, const std::vector<DropoutKey>& keys,
                                      const ExpertRoute& route) const = 0;

  // Without gradients. Whether experts of these sizes are taken.
  virtual bool takes_experts(at::ScalarType type, int64_t experts, int64_t hidden, int64_t intermediate,
                             int64_t per_token) const = 0;
  // y (tokens, hidden), scores (tokens, experts) of the router, to (tokens, hidden).
  virtual at::Tensor mix_experts(const at::Tensor& y, const at::Tensor& scores,
                                 const JoinedExperts& experts) const = 0;
};

}  // namespace swift::ops
