#include "model/adapter_init.h"

#include <cmath>

#include "base/format.h"
#include "model/pattern.h"
#include "ops/dora.h"

namespace swift::model {
using at::Tensor;
using base::cat;
using base::ExitCode;
namespace {

constexpr std::string_view kIterated = "pissa_niter_";
constexpr int64_t kMaxIterations = 1000;

// FNV-1a, so that a module's random values do not depend on which others are targeted.
uint64_t name_hash(const std::string& name) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

template <class T>
T pattern_value(const Patterns<T>& patterns, const std::string& name, T fallback) {
  for (const auto& [pattern, value] : patterns) {
    if (matches_fully(name_pattern(pattern), name)) return value;
  }
  return fallback;
}

int64_t rank_of(const LinearLayer& linear, const LoraSettings& settings) {
  return pattern_value(settings.rank_pattern, linear.name, settings.rank);
}

Tensor random_matrix(int64_t rows, int64_t columns, const base::Stream& stream, bool gaussian, double size) {
  Tensor values = at::empty({rows, columns}, at::kFloat);
  auto* data = values.data_ptr<float>();
  for (int64_t i = 0; i < rows * columns; ++i) {
    const auto index = static_cast<uint64_t>(i);
    data[i] =
        static_cast<float>(gaussian ? stream.normal(index) * size : (2 * stream.uniform(index) - 1) * size);
  }
  return values;
}

// Iterations of "pissa_niter_<n>", 0 for "pissa"; nothing when the text is neither.
std::optional<int64_t> pissa_iterations(const std::string& init) {
  if (init == "pissa") return 0;
  if (!init.starts_with(kIterated)) return std::nullopt;
  const std::string digits = init.substr(kIterated.size());
  if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  const int64_t count = std::stol(digits);
  return count > 0 && count <= kMaxIterations ? std::optional(count) : std::nullopt;
}

void start_random(LoraPair& pair, const LinearLayer& linear, int64_t rank, const std::string& init,
                  uint64_t seed) {
  const int64_t out = linear.weight.size(0), in = linear.weight.size(1);
  const bool gaussian = init == "gaussian";
  const double a_size = gaussian ? 1.0 / static_cast<double>(rank) : 1.0 / std::sqrt(static_cast<double>(in));
  pair.a =
      random_matrix(rank, in, base::Stream(seed, base::Purpose::adapter_init, pair.id), gaussian, a_size);
  pair.b = init == "false"
               ? random_matrix(out, rank, base::Stream(seed, base::Purpose::adapter_init, pair.id + 1), false,
                               1.0 / std::sqrt(static_cast<double>(rank)))
               : at::zeros({out, rank}, at::kFloat);
}

}  // namespace

bool is_pissa(const std::string& init) {
  return pissa_iterations(init).has_value();
}

bool is_known_init(const std::string& init) {
  return init == "true" || init == "gaussian" || init == "false" || is_pissa(init);
}

std::pair<Tensor, Tensor> principal_pair(const Tensor& w, int64_t rank, double scale, int64_t niter,
                                         const base::Stream& stream) {
  const at::NoGradGuard no_grad;
  const Tensor wide = w.to(at::kFloat);
  Tensor left, values, right;
  if (niter == 0) {
    std::tie(left, values, right) = at::linalg_svd(wide, false);
  } else {
    // Halko, Martinsson and Tropp 2011, algorithm 4.4: an orthonormal basis of the range of (W W^T)^niter W
    // Ω.
    const auto basis = [](const Tensor& t) { return std::get<0>(at::linalg_qr(t)); };
    Tensor range = basis(at::mm(wide, random_matrix(wide.size(1), rank, stream, true, 1.0)));
    for (int64_t i = 0; i < niter; ++i) range = basis(at::mm(wide, basis(at::mm(wide.t(), range))));
    std::tie(left, values, right) = at::linalg_svd(at::mm(range.t(), wide), false);
    left = at::mm(range, left);
  }
  const Tensor root = (values.narrow(0, 0, rank) / scale).sqrt();
  return {(root.unsqueeze(1) * right.narrow(0, 0, rank)).contiguous(),
          (left.narrow(1, 0, rank) * root).contiguous()};
}

Tensor residual_weight(const LinearLayer& linear, const LoraPair& pair) {
  const at::NoGradGuard no_grad;
  return at::addmm(linear.full_weight().to(at::kFloat), pair.start_b, pair.start_a, 1.0, -pair.scale)
      .to(linear.weight.scalar_type());
}

Dora fresh_dora(const LinearLayer& linear, const LoraPair& pair) {
  const Tensor weight = linear.full_weight();
  const Tensor squares = ops::square_norms(weight);
  const Tensor norms = ops::updated_norms(weight, squares, {pair.a, pair.b, pair.scale, 0.0, 0});
  return {norms.clone(), squares, norms};
}

LoraPair empty_pair(const LinearLayer& linear, const LoraSettings& settings) {
  const int64_t rank = rank_of(linear, settings);
  const int64_t out = linear.weight.size(0), in = linear.weight.size(1);
  // A converted PiSSA adapter has up to twice the rank of the matrix.
  if (rank < 1 || rank > 2 * std::min(in, out)) {
    throw base::Error(ExitCode::model, cat("the adapter's rank ", rank, " does not fit ", linear.name, " (",
                                           out, " x ", in, "): it has another shape of base model"));
  }
  const double alpha = pattern_value(settings.alpha_pattern, linear.name, settings.alpha);
  LoraPair pair;
  pair.id = name_hash(linear.name);
  pair.scale = alpha / (settings.rslora ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
  pair.dropout = settings.dropout;
  pair.a = at::zeros({rank, in}, at::kFloat);
  pair.b = at::zeros({out, rank}, at::kFloat);
  return pair;
}

void require_rank(const LinearLayer& linear, const LoraSettings& settings) {
  const int64_t rank = rank_of(linear, settings);
  const int64_t out = linear.weight.size(0), in = linear.weight.size(1);
  if (rank >= 1 && rank <= std::min(in, out)) return;
  throw base::Error(ExitCode::usage,
                    cat("lora_rank: ", rank, " does not fit ", linear.name, " (", out, " x ", in, ")"));
}

LoraPair fresh_pair(LinearLayer& linear, const LoraSettings& settings, uint64_t seed) {
  require_rank(linear, settings);
  const int64_t rank = rank_of(linear, settings);
  LoraPair pair = empty_pair(linear, settings);
  if (const auto niter = pissa_iterations(settings.init)) {
    if (linear.quantized) {
      throw base::Error(ExitCode::usage,
                        cat("init_weights: ", settings.init, " changes the weights, but those of ",
                            linear.name, " are quantized"));
    }
    if (pair.scale <= 0) {
      throw base::Error(ExitCode::usage, cat("init_weights: ", settings.init, " needs a lora_alpha above 0 (",
                                             linear.name, ")"));
    }
    std::tie(pair.start_a, pair.start_b) =
        principal_pair(linear.weight, rank, pair.scale, *niter,
                       base::Stream(seed, base::Purpose::adapter_init, pair.id + 2));
    linear.weight = residual_weight(linear, pair);
    pair.a = pair.start_a.clone();
    pair.b = pair.start_b.clone();
  } else {
    start_random(pair, linear, rank, settings.init, seed);
  }
  if (settings.dora) pair.dora = fresh_dora(linear, pair);
  return pair;
}

LoraSettings doubled(LoraSettings settings) {
  const double factor = settings.rslora ? std::sqrt(2.0) : 2.0;
  settings.rank *= 2;
  settings.alpha *= factor;
  for (auto& [pattern, rank] : settings.rank_pattern) rank *= 2;
  for (auto& [pattern, alpha] : settings.alpha_pattern) alpha *= factor;
  settings.init = "true";
  return settings;
}

}  // namespace swift::model
