#include "ops/linear_log_probs.h"

#include <algorithm>
#include <cmath>

#include "ops/device_ops.h"
#include "ops/lanes.h"
#include "ops/linear.h"
#include "ops/upload.h"
#include "ops/vocab_rows.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct RowResult {
  float log_prob;
  float entropy;
};

// z (vocab) becomes exp(z - top) of the logits divided by the temperature; *total is their sum.
RowResult soften_row(float* z, int64_t vocab, int64_t label, float temperature, bool entropy, double* total) {
  if (temperature != 1)
    for_lanes(0, vocab, [&](int64_t i, int64_t n) { store(z + i, load(z + i, n) / temperature, n); });
  const float top = top_and_sum(z, vocab).first;
  const float target = z[label];
  *total = exponentials(z, vocab, top);
  const double lse = std::log(*total) + top;
  RowResult result{static_cast<float>(target - lse), 0};
  if (!entropy) return result;
  // -sum p log p = log total - sum(e (z - top)) / total, with log e for z - top; e = 0 adds nothing.
  double sum = 0;
  for (int64_t i = 0; i < vocab; ++i) {
    if (z[i] > 0) sum += static_cast<double>(z[i]) * std::log(static_cast<double>(z[i]));
  }
  result.entropy = static_cast<float>(std::log(*total) - sum / *total);
  return result;
}

// One chunk of rows: logits to log-probabilities, and where dz is defined d log_prob / dz times factor in the
// place of the logits.
struct Chunk {
  Tensor z;       // (rows, vocab) fp32, overwritten
  Tensor labels;  // (rows)
  double temperature;
  Tensor factors;  // (rows) fp32, or undefined: 1

  // results: (rows) fp32 each; entropies may be undefined.
  void run(const Tensor& log_probs, const Tensor& entropies) {
    if (const DeviceOps* device = device_ops(z)) {
      take(device->token_log_probs({z, labels, temperature}, entropies.defined()), log_probs, entropies);
      return;
    }
    for_rows([&](int64_t row, float* data, int64_t label) {
      double total = 0;
      const auto [log_prob, entropy] =
          soften_row(data, z.size(1), label, static_cast<float>(temperature), entropies.defined(), &total);
      log_probs.data_ptr<float>()[row] = log_prob;
      if (entropies.defined()) entropies.data_ptr<float>()[row] = entropy;
    });
  }

  // The same with dz (rows, vocab) in `type`, which takes the place of z where the type is no wider.
  Tensor run_with_gradient(const Tensor& log_probs, const Tensor& entropies, at::ScalarType type) {
    if (const DeviceOps* device = device_ops(z)) {
      const auto found = device->token_log_probs({z, labels, temperature}, entropies.defined());
      take(found, log_probs, entropies);
      const Tensor scale = factors.defined() ? factors : at::ones_like(found.log_probs);
      return device->token_gradients({z, labels, temperature}, found.log_sums, scale, type);
    }
    Tensor dz = type == at::kDouble ? at::empty(z.sizes(), z.options().dtype(type)) : seen_as(z, type);
    const int64_t vocab = z.size(1), stride = dz.stride(0);
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, type, "log_probs", [&] {
      auto* out = dz.data_ptr<scalar_t>();
      for_rows([&](int64_t row, float* data, int64_t label) {
        double total = 0;
        const auto [log_prob, entropy] =
            soften_row(data, vocab, label, static_cast<float>(temperature), entropies.defined(), &total);
        log_probs.data_ptr<float>()[row] = log_prob;
        if (entropies.defined()) entropies.data_ptr<float>()[row] = entropy;
        const double scale =
            (factors.defined() ? static_cast<double>(factors.const_data_ptr<float>()[row]) : 1.0) /
            temperature;
        const double right = static_cast<double>(data[label]) / total;
        const auto each = static_cast<float>(-scale / total);
        scalar_t* to = out + row * stride;
        for_lanes(0, vocab, [&](int64_t i, int64_t n) { store(to + i, load(data + i, n) * each, n); });
        to[label] = static_cast<scalar_t>(static_cast<float>(scale * (1.0 - right)));
      });
    });
    return dz;
  }

 private:
  static void take(const DeviceOps::TokenResults& from, Tensor log_probs, Tensor entropies) {
    log_probs.copy_(from.log_probs);
    if (entropies.defined()) entropies.copy_(from.entropies);
  }

  template <class F>
  void for_rows(const F& f) {
    float* data = z.data_ptr<float>();
    const int64_t* label = labels.const_data_ptr<int64_t>();
    at::parallel_for(0, z.size(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) f(row, data + row * z.size(1), label[row]);
    });
  }
};

// The asked rows of h with their labels, in chunks.
struct Asked {
  Tensor rows, h, labels;
  double temperature;

  // targets lie in the host's memory, so that a GPU is not waited for.
  Asked(const Tensor& all, const Tensor& targets, double t) : temperature(t) {
    const Tensor found = at::nonzero(targets != kIgnoreLabel).squeeze(1);
    rows = uploaded(found, all.device());
    h = all.index_select(0, rows);
    labels = uploaded(targets.index_select(0, found), all.device());
  }

  // f(first, count, chunk) for every chunk.
  template <class F>
  void for_chunks(const Tensor& w, const Tensor& factors, const F& f) const {
    const int64_t step = cross_entropy_chunk_rows(h.size(0), w.size(0));
    for (int64_t first = 0; first < h.size(0); first += step) {
      const int64_t count = std::min(step, h.size(0) - first);
      Chunk chunk{logits(h.narrow(0, first, count), w), labels.narrow(0, first, count), temperature,
                  factors.defined() ? factors.narrow(0, first, count) : Tensor()};
      f(first, count, chunk);
    }
  }

  Tensor scattered(const Tensor& values, const Tensor& like) const {
    Tensor all = at::zeros_like(like);
    all.index_copy_(0, rows, values);
    return all;
  }
};

// In a struct, because autograd does not take an undefined tensor for an argument.
struct Entropies {
  Tensor values;
};

struct LogProbsFunction : torch::autograd::Function<LogProbsFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& h, const Tensor& w, const Tensor& labels,
                        double temperature, const Entropies& wanted) {
    const Tensor& entropies = wanted.values;
    const Asked asked(h, labels, temperature);
    const bool gradient = h.requires_grad() && !w.requires_grad();
    Tensor found = at::empty({asked.h.size(0)}, h.options().dtype(at::kFloat));
    Tensor spread = entropies.defined() ? at::empty_like(found) : Tensor();
    Tensor unit = gradient ? at::empty_like(asked.h) : Tensor();  // d log_prob / dh
    asked.for_chunks(w, {}, [&](int64_t first, int64_t count, Chunk& chunk) {
      const auto part = [&](const Tensor& t) { return t.defined() ? t.narrow(0, first, count) : t; };
      if (!gradient) return chunk.run(part(found), part(spread));
      const Tensor dz = chunk.run_with_gradient(part(found), part(spread), h.scalar_type());
      part(unit).copy_(product_nn(dz, w));
    });
    const Tensor all = at::zeros({h.size(0)}, found.options());
    if (entropies.defined()) Tensor(entropies).copy_(asked.scattered(spread, all));
    ctx->save_for_backward({asked.rows, gradient ? unit : h, w, labels});
    ctx->saved_data["unit"] = gradient;
    ctx->saved_data["temperature"] = temperature;
    ctx->saved_data["tokens"] = h.size(0);
    return asked.scattered(found, all);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor factors = grads[0].index_select(0, saved[0]).to(at::kFloat).contiguous();
    const Tensor &kept = saved[1], &w = saved[2];
    Tensor dh = at::zeros({ctx->saved_data["tokens"].toInt(), kept.size(1)}, kept.options());
    if (ctx->saved_data["unit"].toBool()) {
      dh.index_copy_(0, saved[0], (kept * factors.unsqueeze(1)).to(kept.scalar_type()));
      return {dh, Tensor(), Tensor(), Tensor(), Tensor()};
    }
    const Asked asked(kept, saved[3], ctx->saved_data["temperature"].toDouble());
    Tensor dkept = at::empty_like(asked.h);
    Tensor dw = w.requires_grad() ? at::zeros(w.sizes(), w.options().dtype(at::kFloat)) : Tensor();
    const Tensor unused = at::empty_like(factors);
    asked.for_chunks(w, factors, [&](int64_t first, int64_t count, Chunk& chunk) {
      const Tensor dz = chunk.run_with_gradient(unused.narrow(0, first, count), {}, kept.scalar_type());
      dkept.narrow(0, first, count).copy_(product_nn(dz, w));
      if (dw.defined()) dw.add_(at::mm(dz.t(), asked.h.narrow(0, first, count)));
    });
    dh.index_copy_(0, asked.rows, dkept);
    return {dh, dw.defined() ? dw.to(w.scalar_type()) : Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor LinearLogProbs::forward(const Tensor& h, const Tensor& w, const Tensor& labels, double temperature,
                               const Tensor& entropies) {
  return LogProbsFunction::apply(h, w, labels, temperature, Entropies{entropies});
}

Tensor LinearLogProbs::plain(const Tensor& h, const Tensor& w, const Tensor& labels, double temperature,
                             const Tensor& entropies) {
  const auto type = h.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor asked = labels != kIgnoreLabel;
  const Tensor log_p = at::log_softmax(at::linear(h, w).to(type) / temperature, -1);  // (tokens, vocab)
  if (entropies.defined()) {
    const Tensor entropy = -(log_p.exp() * log_p).sum(-1).detach();
    Tensor(entropies).copy_(at::where(asked, entropy, at::zeros_like(entropy)));
  }
  const Tensor chosen = log_p.gather(1, at::where(asked, labels, 0).unsqueeze(1)).squeeze(1);
  return at::where(asked, chosen, at::zeros_like(chosen));
}

}  // namespace swift::ops
