// Every preference loss on fixed logits, and its gradient in them, against trl 0.29.1 and ms-swift 4.6
// (tests/golden/preference_losses.py). fp32 on both sides: 1e-5 relative to the largest value.
#include <catch2/catch.hpp>

#include "base/json.h"
#include "model/safetensors.h"
#include "train/preference/method_losses.h"

using namespace swift;
using namespace swift::train::preference;
using at::Tensor;

namespace {

const std::filesystem::path kGolden = std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden";

struct Fixed {
  Tensor logits, ref_logits, labels, gradients;
};

const Fixed& fixed() {
  static const Fixed loaded = [] {
    const auto files = model::TensorFiles::from_file(kGolden / "preference_losses.safetensors");
    const auto get = [&](const char* name) { return files.get(name).clone(); };
    return Fixed{get("logits"), get("ref_logits"), get("labels"), get("gradients")};
  }();
  return loaded;
}

// What the losses read of one model's logits (8, length, vocab): the first four rows are the chosen answers.
struct Sums {
  Tensor plain, weighted, counts;  // (8)
};

Sums sums_of(const Tensor& logits, double ld_alpha) {
  const Tensor labels = fixed().labels.narrow(1, 1, fixed().labels.size(1) - 1);
  const Tensor mask = labels != -100;
  const Tensor log_p = at::log_softmax(logits.narrow(1, 0, labels.size(1)), -1);
  const Tensor tokens =
      log_p.gather(2, at::where(mask, labels, 0).unsqueeze(2)).squeeze(2) * mask.to(at::kFloat);
  const Tensor counts = mask.sum(1), half = counts.size(0) == 8 ? counts.view({2, 4}) : counts;
  const Tensor shorter = at::minimum(half[0], half[1]).repeat({2}).unsqueeze(1);
  const Tensor place = mask.to(at::kLong).cumsum(1);  // 1 at an answer's first token
  const Tensor weights = at::where(place <= shorter, 1.0, ld_alpha).to(at::kFloat);
  return {tokens.sum(1), (tokens * weights).sum(1), counts.to(at::kFloat)};
}

PairSettings settings_of(const base::Json& given, const std::string& method) {
  PairSettings settings;
  settings.losses = given.value("losses", std::vector<std::string>());
  settings.weights = given.value("weights", std::vector<double>(settings.losses.size(), 1.0));
  settings.beta = given.value("beta", method == "simpo" ? 2.0 : 0.1);
  settings.label_smoothing = given.value("label_smoothing", 0.0);
  settings.f_divergence = given.value("f", "reverse_kl");
  settings.f_alpha = given.value("f_alpha", 0.5);
  settings.rpo_alpha = given.value("rpo_alpha", 0.0);
  settings.cpo_alpha = given.value("cpo_alpha", 1.0);
  settings.simpo_gamma = given.value("simpo_gamma", 1.0);
  return settings;
}

PairLogps logps_of(const Tensor& logits, const base::Json& given) {
  const double alpha = given.value("ld_alpha", 1.0);
  const Sums own = sums_of(logits, alpha);
  Sums ref = sums_of(fixed().ref_logits, alpha);
  if (given.value("reference_free", false)) ref.weighted = at::zeros_like(ref.weighted);
  const auto chosen = [](const Tensor& t) { return t.narrow(0, 0, 4); };
  const auto rejected = [](const Tensor& t) { return t.narrow(0, 4, 4); };
  return {chosen(own.weighted),
          rejected(own.weighted),
          chosen(ref.weighted),
          rejected(ref.weighted),
          chosen(own.counts),
          rejected(own.counts),
          -chosen(own.plain).sum() / chosen(own.counts).sum()};
}

struct Found {
  Tensor loss;
  base::Json metrics;
};

base::Json rewards_of(const PairOutcome& outcome) {
  const auto mean = [](const Tensor& t) { return t.defined() ? t.mean().item<double>() : 0.0; };
  base::Json metrics = {
      {"rewards/chosen", mean(outcome.chosen_rewards)},
      {"rewards/rejected", mean(outcome.rejected_rewards)},
      {"rewards/margins", mean(outcome.chosen_rewards - outcome.rejected_rewards)},
      {"rewards/accuracies", mean((outcome.chosen_rewards > outcome.rejected_rewards).to(at::kFloat))},
      {"logps/chosen", mean(outcome.chosen_logps)},
      {"logps/rejected", mean(outcome.rejected_logps)}};
  for (const auto& [name, value] : outcome.metrics) metrics[name] = value;
  return metrics;
}

Found pairs(const Tensor& logits, const base::Json& row) {
  const std::string method = row.at("method");
  const PairSettings settings = settings_of(row.at("settings"), method);
  const PairLogps logps = logps_of(logits, row.at("settings"));
  if (method == "orpo") {
    const PairOutcome outcome = orpo_outcome(logps, settings);
    return {outcome.losses.mean(), rewards_of(outcome)};
  }
  if (method != "dpo") {
    const PairOutcome outcome = cpo_outcome(logps, settings);
    base::Json metrics = rewards_of(outcome);
    if (settings.cpo_alpha == 0) metrics["nll_loss"] = 0;  // trl leaves it out
    return {outcome.losses.mean(), metrics};
  }
  PairTerms terms = pair_terms(logps, settings);
  if (row.at("oracle") == "swift")  // the first value of the running mean
    terms.bco_shift =
        settings.beta * at::cat({terms.chosen_ratio, terms.rejected_ratio}).mean().item<double>();
  const PairOutcome outcome = dpo_outcome(terms);
  return {outcome.losses.mean(), rewards_of(outcome)};
}

Found kto(const Tensor& logits, const base::Json& row, const base::Json& good) {
  const base::Json& given = row.at("settings");
  const Tensor ratios = sums_of(logits, 1).plain - sums_of(fixed().ref_logits, 1).plain;
  const KtoSettings settings{given.value("beta", 0.1), given.value("desirable", 1.0),
                             given.value("undesirable", 1.0), given.at("losses").at(0) != "kto"};
  std::vector<int64_t> labels;
  for (const auto& one : good) labels.push_back(one.get<bool>() ? 1 : 0);
  const double kl =
      settings.apo_zero ? 0 : std::max(0.0, ratios.detach().narrow(0, 4, 4).mean().item<double>());
  const Tensor mask = at::tensor(at::ArrayRef<int64_t>(labels)).to(at::kBool);
  return {kto_losses(ratios.narrow(0, 0, 4), mask, kl, settings).mean(), {{"kl", kl}}};
}

Found reward(const Tensor& logits, const base::Json& row) {
  const Tensor scores = logits.select(1, 0).sum(-1);  // (8)
  const base::Json& given = row.at("settings");
  Tensor margins;
  if (given.contains("margins"))
    margins = at::tensor(at::ArrayRef<double>(given.at("margins").get<std::vector<double>>())).to(at::kFloat);
  const PairOutcome outcome =
      reward_outcome(scores.narrow(0, 0, 4), scores.narrow(0, 4, 4), margins, given.value("center", 0.0));
  return {outcome.losses.mean(), base::Json::object()};
}

}  // namespace

TEST_CASE("losses, gradients and metrics of every preference method are those of trl and ms-swift") {
  const base::Json golden = base::read_json(kGolden / "preference_losses.json");
  const auto& rows = golden.at("cases");
  REQUIRE(rows.size() > 50);
  for (size_t i = 0; i < rows.size(); ++i) {
    const base::Json& row = rows[i];
    CAPTURE(row.at("method"), row.at("oracle"), row.at("settings").dump());
    const Tensor logits = fixed().logits.clone().requires_grad_(true);
    const Found found = row.at("method") == "kto"  ? kto(logits, row, golden.at("good"))
                        : row.at("method") == "rm" ? reward(logits, row)
                                                   : pairs(logits, row);
    CHECK(found.loss.item<double>() == Approx(row.at("loss").get<double>()).epsilon(1e-5));
    found.loss.backward();
    const Tensor want = fixed().gradients[static_cast<int64_t>(i)];
    const double size = std::max(1e-3, want.abs().max().item<double>());
    CHECK((logits.grad() - want).abs().max().item<double>() / size < 1e-5);
    for (const auto& [name, value] : row.at("metrics").items())
      CHECK(found.metrics.at(name).get<double>() == Approx(value.get<double>()).epsilon(1e-4).margin(1e-5));
  }
}

TEST_CASE("a loss far from the reference stays finite") {
  const auto at_distance = [](double distance) {
    const Tensor zero = at::zeros({1}), one = at::ones({1});
    return PairLogps{zero - distance, zero + distance, zero, zero, one, one, at::scalar_tensor(1.0)};
  };
  for (const char* name : {"sigmoid", "discopop", "exo_pair", "nca_pair", "robust", "bco_pair", "apo_zero"}) {
    for (const double distance : {5e3, -5e3}) {
      CAPTURE(name, distance);
      PairSettings settings;
      settings.losses = {name}, settings.weights = {1}, settings.beta = 0.5;
      const PairLogps logps = at_distance(distance);
      CHECK(at::isfinite(weighted_pair_losses(pair_terms(logps, settings))).all().item<bool>());
    }
  }
}
