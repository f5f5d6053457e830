#include "quant/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/format.h"
#include "base/signals.h"
#include "ops/rms_norm.h"

namespace swift::quant {
namespace {

using at::Tensor;

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw base::Error(base::ExitCode::data, message, {}, hint);
}

Tensor ids_of(const std::vector<int32_t>& sequence) {
  const Tensor ids = at::empty({static_cast<int64_t>(sequence.size())}, at::kLong);
  std::copy(sequence.begin(), sequence.end(), ids.data_ptr<int64_t>());
  return ids;
}

}  // namespace

std::vector<std::vector<int32_t>> cut_sequences(const std::vector<std::vector<int32_t>>& samples,
                                                int64_t length, int64_t count, int64_t skip) {
  std::vector<std::vector<int32_t>> found;
  std::vector<int32_t> open;
  int64_t tokens = 0, passed = 0;
  for (const auto& sample : samples) {
    for (const int32_t id : sample) {
      ++tokens;
      open.push_back(id);
      if (static_cast<int64_t>(open.size()) < length) continue;
      if (passed++ >= skip) found.push_back(open);
      open.clear();
      if (static_cast<int64_t>(found.size()) == count) break;
    }
    if (static_cast<int64_t>(found.size()) == count) break;
  }
  if (skip > 0) return found;
  if (found.empty()) {
    refuse(base::cat("calibration: the dataset has ", tokens, " tokens, not one sequence of max_length ",
                     length),
           "give more data, or set a smaller max_length");
  }
  const auto& first = found.front();
  const bool one_token =
      std::all_of(first.begin(), first.end(), [&](int32_t id) { return id == first.front(); });
  const bool copies =
      found.size() > 1 && std::all_of(found.begin(), found.end(), [&](const auto& s) { return s == first; });
  if (one_token || copies)
    refuse(one_token ? "calibration: the data is one token over and over"
                     : "calibration: all sequences are the same",
           "give texts like those the model will see");
  return found;
}

void embed(const model::Decoder& decoder, Calibration& data) {
  const at::NoGradGuard no_grad;
  data.hidden = at::empty({data.count(), data.length(), decoder.spec.hidden}, decoder.dtype());
  for (int64_t i = 0; i < data.count(); ++i) {
    const auto& sequence = data.sequences[static_cast<size_t>(i)];
    for (const int32_t id : sequence) {
      if (id < 0 || id >= decoder.embed_tokens.size(0))
        refuse(base::cat("calibration: token ", id, " is not in the model's vocabulary"), "");
    }
    data.hidden[i].copy_(decoder.embed(ids_of(sequence)));
  }
}

void for_batches(const model::Decoder& decoder, int64_t sequences, int64_t length, int64_t size,
                 const std::function<void(const CalibrationBatch&)>& f) {
  const at::NoGradGuard no_grad;
  std::vector<int32_t> positions, bounds = {0};
  for (int64_t s = 0; s < std::min(size, sequences); ++s) {
    for (int64_t i = 0; i < length; ++i) positions.push_back(static_cast<int32_t>(i));
    bounds.push_back(static_cast<int32_t>((s + 1) * length));
  }
  const auto frequencies = model::inverse_frequencies(decoder.spec.rope, decoder.spec.attention.head_dim);
  for (int64_t first = 0; first < sequences; first += size) {
    base::stop_if_asked("stopped; the same command goes on where this run was");
    const int64_t count = std::min(size, sequences - first);
    positions.resize(static_cast<size_t>(count * length));
    bounds.resize(static_cast<size_t>(count + 1));
    const model::RopeTable rope = model::rope_table(frequencies, positions);
    model::PackedContext attention(bounds);
    f({first, count, rope, attention});
  }
}

void run_block(const model::Decoder& decoder, int64_t block, Calibration& data, int64_t batch) {
  const model::Block& own = decoder.blocks[static_cast<size_t>(block)];
  const double eps = decoder.spec.norm_eps;
  for_batches(decoder, data.count(), data.length(), batch, [&](const CalibrationBatch& part) {
    Tensor place = data.hidden.narrow(0, part.first, part.count);
    const Tensor h = place.reshape({-1, decoder.spec.hidden});
    const Tensor x = ops::RmsNorm::forward(h, own.input_norm, eps);
    const Tensor after = h + own.o.forward(decoder.mix_tokens(block, x, part.rope, part.attention, {}));
    const Tensor y = ops::RmsNorm::forward(after, own.post_attention_norm, eps);
    place.copy_((after + decoder.run_mlp(block, y, {})).view(place.sizes()));
  });
}

std::vector<double> sequence_losses(const model::Decoder& decoder, const Calibration& data) {
  const at::NoGradGuard no_grad;
  std::vector<double> losses;
  for (int64_t i = 0; i < data.count(); ++i) {
    const Tensor h = ops::RmsNorm::forward(data.hidden[i], decoder.norm, decoder.spec.norm_eps);
    const Tensor logits = decoder.logits(h.narrow(0, 0, data.length() - 1));
    const Tensor next = ids_of(data.sequences[static_cast<size_t>(i)]).narrow(0, 1, data.length() - 1);
    losses.push_back(at::cross_entropy_loss(logits, next).item<double>());
  }
  return losses;
}

double perplexity(const std::vector<double>& losses) {
  const double sum = std::accumulate(losses.begin(), losses.end(), 0.0);
  return losses.empty() ? 0 : std::exp(sum / static_cast<double>(losses.size()));
}

double paired_error(const std::vector<double>& earlier, const std::vector<double>& later) {
  const auto count = static_cast<double>(earlier.size());
  if (count < 2) return 0;
  double mean = 0, squares = 0;
  for (size_t i = 0; i < earlier.size(); ++i) mean += (later[i] - earlier[i]) / count;
  for (size_t i = 0; i < earlier.size(); ++i) squares += std::pow(later[i] - earlier[i] - mean, 2);
  return std::sqrt(squares / (count - 1) / count);
}

}  // namespace swift::quant
