#include "config/fields.h"

namespace swift::config {
namespace {

void alignment_fields(FieldList& v, Task& t) {
  v.group("Alignment", kTrain);
  v("loss_type", &t.loss_type,
    {.one_of = {"sigmoid",
                "hinge",
                "ipo",
                "exo_pair",
                "nca_pair",
                "robust",
                "bco_pair",
                "sppo_hard",
                "aot",
                "aot_unpaired",
                "apo_zero",
                "apo_down",
                "discopop",
                "sft",
                "kto",
                "simpo",
                "apo_zero_unpaired",
                "grpo",
                "bnpo",
                "dr_grpo",
                "dapo",
                "cispo",
                "sapo"}},
    "Loss; unset: sigmoid for dpo and cpo, kto, simpo, grpo. dpo takes several, with loss_weights, and "
    "bco_pair "
    "takes the running mean of the rewards off, as ms-swift; cpo has "
    "sigmoid, hinge, ipo, simpo; kto has kto, apo_zero_unpaired; grpo has grpo, bnpo, dr_grpo, dapo, cispo, "
    "sapo");
  v("beta", &t.beta, {.min = 0},
    "Pull towards the reference; orpo: weight of the odds ratio. Unset: 0.1, for simpo 2, for grpo 0.04 (as "
    "ms-swift; TRL's GRPO has 0)");
  v("ref_model", &t.ref_model, {},
    "tuner_type full: directory of the reference model; unset: the weights that training starts from");
  v("ref_adapters", &t.ref_adapters, {},
    "Adapter of the reference, or base: the bare weights; unset: the adapter that training starts from");
  v("disable_dropout", &t.disable_dropout, {},
    "Train without dropout, lora_dropout included; unset: true for preference methods and grpo, whose "
    "importance ratio then begins at exactly 1 (ms-swift's grpo: false)");
  v("sync_ref_model", &t.sync_ref_model, {},
    "Move the reference towards the trained weights (TR-DPO, arXiv 2404.09656)");
  v("ref_model_mixup_alpha", &t.ref_model_mixup_alpha, {.min = 0, .max = 1},
    "How far it moves: reference = alpha * trained + (1 - alpha) * reference");
  v("ref_model_sync_steps", &t.ref_model_sync_steps, {.min = 1}, "Updates between these moves");
}

}  // namespace

void preference_fields(FieldList& v, Task& t) {
  alignment_fields(v, t);

  v.group("Preference", kTrain);
  v("loss_weights", &t.loss_weights, {}, "dpo: weight of each loss_type; unset: 1 each");
  v("label_smoothing", &t.label_smoothing, {.min = 0, .below = 0.5},
    "Part of the labels that are wrong (sigmoid, robust, exo_pair, aot; cpo: sigmoid). As ms-swift: sigmoid "
    "becomes cDPO, where TRL ignores it, and exo_pair takes 1e-3 for 0");
  v("f_divergence_type", &t.f_divergence_type,
    {.one_of = {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"}},
    "dpo: divergence from the reference (f-DPO, arXiv 2309.16240), by TRL's formulas");
  v("f_alpha_divergence_coef", &t.f_alpha_divergence_coef, {}, "Alpha of alpha_divergence");
  v("discopop_tau", &t.discopop_tau, {.above = 0}, "Temperature of loss_type discopop");
  v("reference_free", &t.reference_free, {}, "dpo: leave the reference's log-probabilities out");
  v("rpo_alpha", &t.rpo_alpha, {.min = 0},
    "dpo: weight of the chosen answers' mean loss a token (RPO, arXiv 2404.19733); unset: none");
  v("ld_alpha", &t.ld_alpha, {.min = 0, .max = 1},
    "dpo: weight of the tokens beyond the shorter answer's length (LD-DPO, arXiv 2409.06411), in policy and "
    "reference alike, where ms-swift weighs the policy alone; unset: 1");
  v("precompute_ref_log_probs", &t.precompute_ref_log_probs, {},
    "Compute the reference's log-probabilities before training and keep them on disk: no second model in "
    "memory (ms-swift refuses it for dpo)");
  v("desirable_weight", &t.desirable_weight, {.min = 0}, "kto: weight of the good answers");
  v("undesirable_weight", &t.undesirable_weight, {.min = 0}, "kto: weight of the bad answers");
  v("cpo_alpha", &t.cpo_alpha, {.min = 0},
    "cpo, simpo: weight of the chosen answers' loss; 0 with simpo: pure SimPO");
  v("simpo_gamma", &t.simpo_gamma, {}, "simpo: margin that is asked for (ms-swift: 1, TRL: 0.5)");
  v("center_rewards_coefficient", &t.center_rewards_coefficient, {.min = 0},
    "rm: weight of the squared sum of a pair's rewards; 0.01 is usual, unset: none");
}

}  // namespace swift::config
