#include "train/preference/setup.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "config/alignment.h"
#include "data/content_key.h"
#include "train/base_fingerprint.h"
#include "train/grpo/reference.h"
#include "train/preference/objectives.h"
#include "train/preference/pair_batches.h"
#include "train/prepare.h"
#include "train/steps.h"

namespace swift::train::preference {

using base::cat;
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostSteps = 20'000;  // walked through to find the largest batch

bool labelled(const config::Task& task) {
  return task.method == "kto";
}

// The directory of the reference's adapter; empty: none.
std::string reference_adapter(const config::Task& task) {
  if (task.tuner_type != "lora") return {};
  if (!task.ref_adapters.empty()) return task.ref_adapters.front() == "base" ? "" : task.ref_adapters.front();
  return task.adapters.empty() ? "" : task.adapters.front();
}

// The name of what the reference's sums depend on.
std::string table_key(const config::Task& task, const std::vector<data::Preference>& rows) {
  const std::string adapter = reference_adapter(task);
  const base::Json key = {{"rows", data::contents_hash(rows)},
                          {"model", base_fingerprint(task.ref_model.value_or(task.model))},
                          {"adapter", adapter.empty() ? "" : base_fingerprint(adapter)},
                          {"dtype", task.torch_dtype},
                          {"ld_alpha", task.ld_alpha.value_or(1.0)},
                          {"quantized",
                           {task.quant_method.value_or(""), task.quant_bits.value_or(0),
                            task.bnb_4bit_quant_type, task.bnb_4bit_use_double_quant}}};
  data::ContentHash hash;
  hash.update(key.dump());
  return hash.hex();
}

std::unique_ptr<ReferenceSums> precomputed(const config::Task& task, const model::Decoder& reference,
                                           const std::vector<data::Preference>& rows) {
  const fs::path directory =
      fs::path(task.cache_dir.value_or(task.output_dir)) / cat("ref-log-probs-", table_key(task, rows));
  if (auto table = read_table(directory, rows.size())) {
    base::log::info("reference log-probabilities come from " + directory.string());
    return stored_reference(std::move(*table));
  }
  at::Tensor table = reference_table(reference, rows, std::max<int64_t>(1, task.per_device_train_batch_size),
                                     task.ld_alpha.value_or(1.0));
  fs::create_directories(directory.parent_path());
  write_table(directory, table);
  base::log::info("reference log-probabilities are kept in " + directory.string());
  return stored_reference(std::move(table));
}

References make_references(const config::Task& task, model::Decoder& decoder,
                           const model::LoraSettings* adapter, const data::PreferenceDataset& rows) {
  if (!config::has_reference(task)) return {no_reference(), no_reference()};
  const auto reference = std::make_shared<const grpo::Reference>(task, decoder, adapter);
  if (task.precompute_ref_log_probs) {
    return {
        precomputed(task, reference->decoder(), rows.train),
        rows.validation.empty() ? no_reference() : precomputed(task, reference->decoder(), rows.validation)};
  }
  const std::shared_ptr<const model::Decoder> frozen(reference, &reference->decoder());
  return {live_reference(frozen), live_reference(frozen)};
}

void warn_unbalanced(const config::Task& task, const std::vector<data::Preference>& rows) {
  const auto good = static_cast<double>(
      std::count_if(rows.begin(), rows.end(), [](const data::Preference& row) { return row.good; }));
  const double bad = static_cast<double>(rows.size()) - good;
  if (good == 0 || bad == 0) {
    base::log::warn(cat("every answer has the label ", good == 0 ? "false" : "true", ": kto needs both"));
    return;
  }
  // Eq. 8 of the KTO paper: the weighted counts are within 1 to 4/3 of each other.
  const double ratio = good * task.desirable_weight / (bad * task.undesirable_weight);
  if (ratio >= 0.99 && ratio <= 1.34) return;
  base::log::warn(cat(good, " good and ", bad, " bad answers: desirable_weight ", bad / good, " to ",
                      1.33 * bad / good, " (with undesirable_weight 1) would balance them"));
}

BatchShape shape_of(const std::vector<uint32_t>& items, const std::vector<data::Preference>& rows,
                    bool scores) {
  BatchShape shape;
  for (const uint32_t item : items) {
    const data::Preference& row = rows[item];
    shape.tokens += packed_tokens(row);
    shape.trained += scores ? 2 : row.chosen.trained_tokens() + row.rejected.trained_tokens();
    const size_t longest = std::max(row.chosen.input_ids.size(), row.rejected.input_ids.size());
    shape.longest = std::max(shape.longest, static_cast<int64_t>(longest));
  }
  return shape;
}

}  // namespace

std::unique_ptr<const data::PreferenceDataset> prepare_rows(const config::Task& task,
                                                            const text::ModelText& text,
                                                            const data::Encoder& encoder) {
  const auto kind = labelled(task) ? data::PreferenceKind::labelled : data::PreferenceKind::pair;
  auto rows = std::make_unique<const data::PreferenceDataset>(
      data::load_preferences(dataset_options(task, text, encoder), encoder, kind));
  const data::Preference& first = rows->train.front();
  show_sample(labelled(task) ? cat("the first answer (", first.good ? "good" : "bad", "), its text marked")
                             : "the first chosen answer, its text marked",
              first.chosen, text);
  if (labelled(task)) {
    warn_unbalanced(task, rows->train);
  } else {
    show_sample("the first rejected answer", first.rejected, text);
  }
  return rows;
}

std::unique_ptr<StepSource> make_steps(const config::Task& task, const data::PreferenceDataset& rows,
                                       int64_t max_positions) {
  return std::make_unique<PairBatches>(rows.train, batch_settings(task, max_positions));
}

BatchShape largest_batch(const config::Task& task, const data::PreferenceDataset& rows,
                         int64_t max_positions) {
  PairBatches batches(rows.train, batch_settings(task, max_positions));
  const int64_t steps = std::min(kMostSteps, count_steps(task, batches.steps_per_epoch()));
  BatchShape largest;
  for (int64_t step = 0; step < steps; ++step) {
    for (const auto& items : batches.next().items) {
      const BatchShape shape = shape_of(items, rows.train, task.method == "rm");
      largest.tokens = std::max(largest.tokens, shape.tokens);
      largest.trained = std::max(largest.trained, shape.trained);
      largest.longest = std::max(largest.longest, shape.longest);
    }
  }
  largest.assumption = "from the data, shared prompts once";
  return largest;
}

std::unique_ptr<Objective> make_objective(const config::Task& task, model::Decoder& decoder,
                                          const model::LoraSettings* adapter,
                                          const data::PreferenceDataset& rows) {
  if (task.method == "rm") return reward_objective(task, decoder, rows);
  References references = make_references(task, decoder, adapter, rows);
  if (task.method == "kto") return kto_objective(task, decoder, rows, std::move(references));
  return pair_objective(task, decoder, rows, std::move(references));
}

}  // namespace swift::train::preference
