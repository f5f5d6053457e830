#include "train/preference/reference_sums.h"

#include <algorithm>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "model/safetensors.h"

namespace swift::train::preference {

using at::Tensor;
using base::cat;
namespace {

constexpr const char* kTable = "reference_log_probs";
constexpr const char* kFile = "log_probs.safetensors";

class NoReference : public ReferenceSums {
 public:
  Tensor sums(const AnswerPack& pack, std::span<const uint32_t> /*items*/,
              const Tensor& /*weights*/) override {
    return at::zeros({pack.answers()}, at::kFloat);
  }
};

Tensor pass_sums(const model::Decoder& decoder, const AnswerPack& pack, const Tensor& weights) {
  const at::NoGradGuard no_grad;
  model::PackedContext attention = attention_of(pack);
  return answer_sums(pack, row_log_probs(decoder, pack, attention, {}), weights);
}

class LiveReference : public ReferenceSums {
 public:
  explicit LiveReference(std::shared_ptr<const model::Decoder> decoder) : decoder_(std::move(decoder)) {}
  Tensor sums(const AnswerPack& pack, std::span<const uint32_t> /*items*/, const Tensor& weights) override {
    return pass_sums(*decoder_, pack, weights);
  }

 private:
  std::shared_ptr<const model::Decoder> decoder_;
};

class StoredReference : public ReferenceSums {
 public:
  explicit StoredReference(Tensor table) : table_(std::move(table)) {}
  Tensor sums(const AnswerPack& pack, std::span<const uint32_t> items, const Tensor& /*weights*/) override {
    std::vector<int64_t> rows(items.begin(), items.end());
    const Tensor found = table_.index_select(0, at::tensor(at::ArrayRef<int64_t>(rows), at::kLong));
    const bool pairs = pack.answers() == 2 * static_cast<int64_t>(items.size());
    return pairs ? found.reshape({-1}) : found.select(1, 0);
  }

 private:
  Tensor table_;
};

}  // namespace

std::unique_ptr<ReferenceSums> no_reference() {
  return std::make_unique<NoReference>();
}

std::unique_ptr<ReferenceSums> live_reference(std::shared_ptr<const model::Decoder> decoder) {
  return std::make_unique<LiveReference>(std::move(decoder));
}

std::unique_ptr<ReferenceSums> stored_reference(Tensor table) {
  return std::make_unique<StoredReference>(std::move(table));
}

Tensor reference_table(const model::Decoder& decoder, const std::vector<data::Preference>& rows,
                       int64_t batch, double length_alpha) {
  Tensor table = at::zeros({static_cast<int64_t>(rows.size()), 2}, at::kFloat);
  const auto step = static_cast<size_t>(batch);
  size_t said = 0;
  for (size_t first = 0; first < rows.size(); first += step) {
    base::stop_if_asked("stopped while the reference's log-probabilities were computed; nothing was saved");
    const size_t last = std::min(rows.size(), first + step);
    AnswerPack pack;
    const bool pairs = !rows[first].rejected.input_ids.empty();
    for (size_t i = first; i < last; ++i) {
      if (pairs) append_answers(pack, {&rows[i].chosen, &rows[i].rejected});
      if (!pairs) append_answers(pack, {&rows[i].chosen});
    }
    const Tensor weights = length_alpha == 1 || !pairs ? Tensor() : length_weights(pack, length_alpha);
    const Tensor sums = pass_sums(decoder, pack, weights);
    const auto count = static_cast<int64_t>(last - first);
    table.narrow(0, static_cast<int64_t>(first), count)
        .narrow(1, 0, pairs ? 2 : 1)
        .copy_(sums.view({count, pairs ? 2 : 1}));
    if (last * 10 / rows.size() > said) {
      said = last * 10 / rows.size();
      base::log::info(cat("reference log-probabilities: ", last, " of ", rows.size(), " rows"));
    }
  }
  return table;
}

std::optional<Tensor> read_table(const std::filesystem::path& directory, size_t rows) {
  const std::filesystem::path file = directory / kFile;
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const Tensor table = model::TensorFiles::from_file(file).get(kTable).clone();
    if (table.dim() == 2 && table.size(0) == static_cast<int64_t>(rows) && table.size(1) == 2 &&
        table.scalar_type() == at::kFloat && at::isfinite(table).all().item<bool>())
      return table;
    base::log::warn("kept reference log-probabilities are of another size and are made anew: " +
                    file.string());
  } catch (const base::Error& error) {
    base::log::warn("kept reference log-probabilities cannot be read and are made anew: " +
                    std::string(error.what()));
  }
  return std::nullopt;
}

void write_table(const std::filesystem::path& directory, const Tensor& table) {
  base::AtomicDirectory files(directory);
  model::save_safetensors(files.path() / kFile, {{kTable, table}});
  files.commit();
}

}  // namespace swift::train::preference
