// A linear of the model: frozen or trained weight, full or quantized, optional bias, optional LoRA or DoRA.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ops/linear.h"
#include "ops/quantized_weight.h"

namespace swift::model {

// What DoRA adds to a low-rank pair; fp32.
struct Dora {
  at::Tensor magnitude;  // (out), trained
  at::Tensor squares;    // (out), squared norm of each row of the frozen weight
  at::Tensor norms;      // (out), norm of each row of W + scale · B · A; undefined: forward() finds them
};

// Low-rank pair of one linear, fp32 whatever the model's type.
struct LoraPair {
  at::Tensor a;  // (rank, in)
  at::Tensor b;  // (out, rank)
  double scale = 1.0;
  double dropout = 0.0;
  uint64_t id = 0;  // separates the dropout masks of different linears
  std::optional<Dora> dora;
  // PiSSA: the pair at the start of training, whose product was taken out of the weight. Else undefined.
  at::Tensor start_a, start_b;
};

// A low-rank pair that is served beside others, laid out for reading.
struct ServedPair {
  ops::QuantizedPtr a, b;  // (rank, in), (out, rank)
  double scale = 1.0;
};

// Rows of a batch that ask for an adapter.
struct AdapterRows {
  int64_t first;
  int64_t count;
  int32_t adapter;
};
// The adapter that the model was loaded with, if any.
constexpr int32_t kOwnAdapter = -1;
using RowAdapters = std::vector<AdapterRows>;

struct LinearLayer {
  std::string name;   // module path, such as model.layers.0.self_attn.q_proj
  at::Tensor weight;  // (out, in); with `quantized` only its shape, type and gradient, its values are NaN
  at::Tensor bias;    // (out) or undefined
  std::optional<LoraPair> lora;
  ops::QuantizedPtr quantized = {};           // the weight's values, where they are kept in another form
  std::map<int32_t, ServedPair> served = {};  // by adapter
  // Sees x of the training forward(); calibration sets it.
  std::function<void(const at::Tensor&)> on_input = {};

  // x (tokens, in) to (tokens, out). Without a key: no dropout (evaluation). Dropout acts on the input of the
  // low-rank product alone, with DoRA too.
  at::Tensor forward(const at::Tensor& x, const ops::DropoutKey& dropout_key = {}) const;
  // The same without dropout, and with the pairs that rows ask for; without autograd.
  at::Tensor forward(const at::Tensor& x, const RowAdapters& rows) const;

  // The same of several layers with one input, in one pass over their weights where those go together.
  static std::vector<at::Tensor> forward_together(const at::Tensor& x,
                                                  const std::vector<const LinearLayer*>& layers,
                                                  const RowAdapters& rows);

  // Keeps the values in this form instead; `weight` becomes a stand-in without memory.
  void keep_quantized(ops::QuantizedPtr values);
  // The weight's values in its type: unpacked where they are quantized.
  at::Tensor full_weight() const;
  // Makes these values (out, in) the weight, full and in its type.
  void set_weight(const at::Tensor& values);

  // Brings DoRA's norms up to date with A and B; whoever changes those calls it. While they are trained and
  // forward() finds the norms on its way through the weight, they are only dropped. Does nothing without
  // DoRA.
  void refresh_norms();
};

}  // namespace swift::model
