// Losses of GRPO and their gradients against TRL's own loss computation (tests/golden/grpo_losses.py).
#include "train/grpo/loss.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "../model/golden.h"
#include "base/json.h"
#include "train/grpo/advantages.h"

using namespace swift;
using namespace swift::tests;
namespace grpo = swift::train::grpo;
using at::Tensor;
using base::Json;

namespace {

// The padded (B, T) tensors of the golden file as packed tokens; padding is left out.
struct Golden {
  Json file = base::read_json(golden("grpo_losses.json"));
  int64_t batch = file["shape"][0], length = file["shape"][1];
  std::vector<int64_t> kept, rows;

  Golden() {
    const auto real = file["completion_mask"].get<std::vector<double>>();
    for (int64_t i = 0; i < batch * length; ++i) {
      if (real[static_cast<size_t>(i)] == 0) continue;
      kept.push_back(i);
      rows.push_back(i / length);
    }
  }

  Tensor packed(const Json& values, at::ScalarType type = at::kFloat) const {
    Tensor out = at::empty({static_cast<int64_t>(kept.size())}, at::kDouble);
    for (size_t i = 0; i < kept.size(); ++i)
      out.data_ptr<double>()[i] = values[static_cast<size_t>(kept[i])].get<double>();
    return out.to(type);
  }
};

std::optional<double> number(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

grpo::LossSettings settings_of(const Json& row, const Json& file) {
  grpo::LossSettings s;
  s.type = row["loss_type"];
  s.importance_level = row["level"];
  s.clip = {row["epsilon"], row["epsilon_high"], number(row["delta"]), row["tau_pos"], row["tau_neg"]};
  s.beta = row["beta"];
  s.top_entropy = row["top_entropy"];
  if (!row["correction"].is_null()) s.correction = row["correction"].get<std::string>();
  s.correction_threshold = row["cap"];
  s.off_policy_delta = number(row["off_policy"]);
  s.max_completion_length = file["max_completion_length"];
  return s;
}

}  // namespace

TEST_CASE("losses of GRPO and their gradients are TRL's") {
  const Golden g;
  for (const Json& row : g.file["cases"]) {
    CAPTURE(row["oracle"].dump(), row["loss_type"].dump(), row["level"].dump(), row["beta"].dump(),
            row["delta"].dump(), row["correction"].dump(), row["off_policy"].dump(),
            row["top_entropy"].dump());
    grpo::TokenBatch tokens;
    tokens.logps = g.packed(g.file["logps"]).requires_grad_(true);
    if (row["old"].get<bool>()) tokens.old_logps = g.packed(g.file["old"]);
    if (row["beta"].get<double>() != 0) tokens.ref_logps = g.packed(g.file["ref"]);
    if (!row["correction"].is_null() || !row["off_policy"].is_null()) {
      tokens.sampler_logps = row["correction"].is_null() ? tokens.old_logps : g.packed(g.file["sampler"]);
    }
    tokens.entropy = g.packed(g.file["entropy"]);
    tokens.mask = g.packed(g.file["mask"]);
    tokens.sequence = at::tensor(g.rows);
    tokens.advantages = at::tensor(g.file["advantages"].get<std::vector<double>>()).to(at::kFloat);
    const auto accumulation = row["accumulation"].get<int64_t>();
    grpo::LossSums sums;
    const Tensor loss =
        grpo::policy_loss(tokens, settings_of(row, g.file),
                          {g.batch * accumulation, accumulation, g.file["window_tokens"]}, sums);
    loss.backward();
    CHECK(loss.item<double>() == Approx(row["loss"].get<double>()).margin(1e-5));
    const Tensor wanted = g.packed(row["gradient"]);
    CHECK((tokens.logps.grad() - wanted).abs().max().item<double>() < 1e-5);
    const Json means = sums.means(row["loss_type"]);
    for (const auto& [key, value] : row["metrics"].items()) {
      const std::string name = key == "entropy" ? "entropy/mean" : key;
      if (name == "kl" && row["level"] != "token") continue;
      CAPTURE(name);
      REQUIRE(means.contains(name));
      CHECK(means[name].get<double>() == Approx(value.get<double>()).margin(1e-5));
    }
  }
}

TEST_CASE("micro-batches of one step add up to the loss of the whole step") {
  const Golden g;
  for (const char* type : {"grpo", "dr_grpo", "dapo", "cispo", "sapo"}) {
    CAPTURE(type);
    grpo::LossSettings settings;
    settings.type = type;
    settings.beta = 0;
    const auto part = [&](int64_t first, int64_t last) {
      std::vector<int64_t> index, sequence;
      for (size_t i = 0; i < g.rows.size(); ++i) {
        if (g.rows[i] < first || g.rows[i] >= last) continue;
        index.push_back(static_cast<int64_t>(i));
        sequence.push_back(g.rows[i] - first);
      }
      const auto take = [&](const char* key) {
        return g.packed(g.file[key]).index_select(0, at::tensor(index));
      };
      grpo::TokenBatch tokens;
      tokens.logps = take("logps");
      tokens.old_logps = take("old");
      tokens.mask = take("mask");
      tokens.sequence = at::tensor(sequence);
      tokens.advantages =
          at::tensor(g.file["advantages"].get<std::vector<double>>()).to(at::kFloat).slice(0, first, last);
      grpo::LossSums sums;
      return grpo::policy_loss(tokens, settings, {g.batch, 2, 24.0}, sums).item<double>();
    };
    CHECK(part(0, 2) + part(2, g.batch) == Approx(part(0, g.batch)).margin(1e-6));
  }
}

TEST_CASE("KL estimates stay finite where policy and reference have nothing in common") {
  const Tensor far = at::tensor({-500.0F, 0.0F}), near = at::tensor({0.0F, -500.0F});
  const Tensor kl = grpo::k3(far, near);
  CHECK(kl[0].item<double>() == Approx(10.0));
  CHECK(kl[1].item<double>() == Approx(10.0));
}

TEST_CASE("advantages follow the formulas of every estimator and scale") {
  const Golden g;
  const Json& file = g.file["rewards"];
  grpo::RewardTable rewards;
  for (const Json& row : file["rewards"]) {
    rewards.emplace_back();
    for (const Json& v : row) rewards.back().push_back(v.is_null() ? std::nan("") : v.get<double>());
  }
  for (const auto& [name, wanted] : file["advantages"].items()) {
    CAPTURE(name);
    grpo::AdvantageSettings settings;
    settings.group_size = file["group"];
    settings.weights = file["weights"].get<std::vector<double>>();
    if (grpo::is_advantage_estimator(name)) settings.estimator = name;
    if (grpo::is_reward_scale(name)) settings.scale = name;
    const auto got = grpo::advantages(rewards, settings);
    for (size_t i = 0; i < wanted.size(); ++i)
      CHECK(got.advantages[i] == Approx(wanted[i].get<double>()).margin(1e-5));
  }
}

TEST_CASE("a group of equal rewards teaches nothing, and a row without a reward has no advantage") {
  grpo::AdvantageSettings settings;
  settings.group_size = 2;
  const double none = std::nan("");
  const auto got = grpo::advantages({{1.0}, {1.0}, {none}, {3.0}}, settings);
  CHECK(got.advantages == std::vector<double>{0, 0, 0, 0});
  CHECK(got.zero_std_share == 1.0);
  CHECK(std::isnan(got.rewards[2]));
}

TEST_CASE("a KL that counts as reward is taken off before the baseline") {
  grpo::AdvantageSettings settings;
  settings.group_size = 2;
  settings.estimator = "rloo";
  const auto got = grpo::advantages({{1.0}, {1.0}}, settings, {0.5, 0.0});
  CHECK(got.rewards[0] == Approx(0.5));
  CHECK(got.advantages[0] == Approx(-0.5));
  CHECK(got.advantages[1] == Approx(0.5));
}
