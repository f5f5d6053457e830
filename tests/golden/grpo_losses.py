"""GRPO losses of fixed log-probabilities, with their gradients.

Oracle: GRPOTrainer._compute_loss of trl, called on fixed tensors; what trl lacks (sequence_token, the clamps of the KL,
the order in which ms-swift weighs the KL) and the advantages are computed here from reference/training.md 3.5 and
reference/ms-swift-conventions.md 3. Advantages of `group`, `batch` and `none` follow trl's lines 1905-1945.
usage: python tests/golden/grpo_losses.py
"""
import itertools
import types

import torch
import trl
from trl.trainer.grpo_trainer import GRPOTrainer

from oracle import HERE, provenance, write_json

torch.manual_seed(0)
B, T = 6, 7
LENGTHS = [7, 3, 5, 1, 6, 4]
MASK = torch.tensor([[1.0 if t < n else 0.0 for t in range(T)] for n in LENGTHS])
TOOL = MASK.clone()
TOOL[2, 1:3] = 0  # tokens that a tool wrote
LOGPS = -torch.rand(B, T) * 3 - 0.05
OLD = LOGPS + 0.35 * torch.randn(B, T)
REF = LOGPS + 0.5 * torch.randn(B, T)
SAMPLER = OLD + 0.2 * torch.randn(B, T)
ENTROPY = torch.rand(B, T) * 2
ADVANTAGES = torch.tensor([1.2, -0.7, 0.4, -1.1, 0.0, 0.9])
WINDOW_TOKENS = 40.0  # of the whole generation batch
MAX_COMPLETION = 8

BASE = dict(loss_type="grpo", level="token", epsilon=0.2, epsilon_high=0.2, delta=None, beta=0.0, top_entropy=1.0,
            off_policy=None, correction=None, cap=3.0, tau_pos=1.0, tau_neg=1.05, old=True, accumulation=1)


class Gather:
    num_processes = 1

    def gather(self, x):
        return x

    def pad_across_processes(self, x, **_):
        return x

    def unwrap_model(self, m):
        return m


def correction_ratio(case):
    """trl lines 1805-1831."""
    diff = (OLD - SAMPLER) * TOOL
    if case["correction"].startswith("sequence"):
        diff = diff.sum(-1, keepdim=True)
    ratio = torch.exp(diff)
    if case["correction"].endswith("truncate"):
        return torch.clamp(ratio, max=case["cap"])
    return ratio.masked_fill(ratio > case["cap"], 0.0)


def by_trl(case):
    tr = GRPOTrainer.__new__(GRPOTrainer)
    lp = LOGPS.clone().requires_grad_()
    tr._get_per_token_logps_and_entropies = lambda *a, **k: (lp, ENTROPY)
    tr.top_entropy_quantile, tr.importance_sampling_level = case["top_entropy"], case["level"]
    tr.loss_type, tr.beta = case["loss_type"], case["beta"]
    tr.epsilon_low, tr.epsilon_high = case["epsilon"], case["epsilon_high"]
    tr.off_policy_mask_threshold = case["off_policy"]
    tr.args = types.SimpleNamespace(delta=case["delta"], use_bias_correction_kl=False,
                                    sapo_temperature_pos=case["tau_pos"], sapo_temperature_neg=case["tau_neg"])
    tr.use_vllm = tr.vllm_importance_sampling_correction = case["correction"] is not None
    tr.model, tr.accelerator = types.SimpleNamespace(training=True), Gather()
    tr.max_completion_length, tr.current_gradient_accumulation_steps = MAX_COMPLETION, case["accumulation"]
    from collections import defaultdict
    tr._metrics = {"train": defaultdict(list)}
    inputs = dict(prompt_ids=torch.zeros(B, 2, dtype=torch.long), prompt_mask=torch.ones(B, 2),
                  completion_ids=torch.zeros(B, T, dtype=torch.long), completion_mask=MASK, tool_mask=TOOL,
                  advantages=ADVANTAGES, num_items_in_batch=torch.tensor(WINDOW_TOKENS), ref_per_token_logps=REF)
    if case["old"]:
        inputs["old_per_token_logps"] = OLD
    if case["correction"]:
        inputs["importance_sampling_ratio"] = correction_ratio(case)
        inputs["sampling_per_token_logps"] = SAMPLER
    loss = tr._compute_loss(None, inputs)
    loss.backward()
    metrics = {k: v[0] for k, v in tr._metrics["train"].items()}
    return loss.item(), lp.grad, metrics


def by_hand(case):
    """ms-swift's order; sequence_token."""
    lp = LOGPS.clone().double().requires_grad_()
    old, ref, mask, adv = OLD.double(), REF.double(), TOOL.double(), ADVANTAGES.double()[:, None]
    log_ratio = lp - old
    mean = (log_ratio * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
    level = case["level"]
    w = {"token": log_ratio, "sequence": mean, "sequence_token": mean.detach() + lp - lp.detach()}[level]
    ratio = w.exp()
    clipped = ratio.clamp(1 - case["epsilon"], 1 + case["epsilon_high"])
    if case["loss_type"] == "cispo":
        term = -ratio.clamp(max=case["epsilon_high"]).detach() * adv * lp
    elif case["loss_type"] == "sapo":
        tau = torch.where(adv > 0, case["tau_pos"], case["tau_neg"])
        term = -adv * torch.sigmoid(tau * (ratio - 1)) * 4 / tau
    else:
        free = ratio if case["delta"] is None else ratio.clamp(max=case["delta"])
        term = -torch.min(free * adv, clipped * adv)
    if case["beta"]:
        d = (ref - lp).clamp(-20, 20)
        term = term + case["beta"] * (d.exp() - d - 1).clamp(-10, 10)
    if case["correction"]:
        term = term * correction_ratio(case)
    term = term.expand(B, T) * mask
    if case["loss_type"] in ("grpo", "sapo"):
        loss = (term.sum(-1) / mask.sum(-1).clamp(min=1)).mean()
    elif case["loss_type"] == "bnpo":
        loss = term.sum() / mask.sum()
    elif case["loss_type"] == "dr_grpo":
        loss = term.sum() / (B * MAX_COMPLETION)
    else:
        loss = term.sum() / WINDOW_TOKENS
    loss.backward()
    return loss.item(), lp.grad, {}


def cases():
    types_ = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo"]
    for loss, level in itertools.product(types_, ["token", "sequence"]):
        yield "trl", dict(loss_type=loss, level=level, epsilon_high=1.1 if loss == "cispo" else 0.28)
    for loss in types_:
        yield "trl", dict(loss_type=loss, beta=0.04, epsilon_high=1.1 if loss == "cispo" else 0.2)
        yield "hand", dict(loss_type=loss, level="sequence_token", epsilon_high=1.1 if loss == "cispo" else 0.2)
    yield "trl", dict(delta=1.25)
    yield "trl", dict(loss_type="dapo", delta=1.1, beta=0.1)
    yield "trl", dict(top_entropy=0.4)
    yield "trl", dict(loss_type="dapo", top_entropy=0.7, beta=0.04)
    yield "trl", dict(off_policy=0.05)
    yield "trl", dict(old=False, beta=0.04)
    yield "trl", dict(loss_type="bnpo", old=False)
    yield "trl", dict(accumulation=3)
    for mode in ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]:
        yield "trl", dict(correction=mode, cap=1.2)
        yield "hand", dict(correction=mode, cap=1.2, beta=0.04, loss_type="dapo")


def advantages():
    rewards = torch.tensor([[1.0, 0.2], [0.0, 0.4], [1.0, 0.1], [0.5, float("nan")],
                            [0.0, 0.3], [0.0, 0.3], [0.0, 0.3], [0.0, 0.3],
                            [2.0, float("nan")], [1.0, 0.0], [0.0, 1.0], [3.0, 0.5]])
    weights = torch.tensor([1.0, 0.5])
    group = 4
    summed = (rewards * weights).nansum(1)
    g = summed.view(-1, group)
    centred = g - g.mean(1, keepdim=True)
    out = {"group": centred / (g.std(1, keepdim=True) + 1e-4), "batch": centred / (summed.std() + 1e-4),
           "none": centred, "rloo": group / (group - 1) * centred,
           "reinforce_plus_plus": centred / (centred.flatten().std() + 1e-4)}
    each = rewards.view(-1, group, 2)
    mean = each.nanmean(1, keepdim=True)
    n = (~each.isnan()).sum(1, keepdim=True)
    std = ((each - mean).square().nansum(1, keepdim=True) / (n - 1)).sqrt()
    normalised = torch.nan_to_num((each - mean) / (std + 1e-8)) * weights
    total = normalised.sum(-1).flatten()
    out["gdpo"] = ((total - total.mean()) / (total.std() + 1e-8)).view(-1, group)
    return {"rewards": [[None if v != v else v for v in row] for row in rewards.double().tolist()],
            "weights": weights.tolist(), "group": group,
            "advantages": {k: v.double().flatten().tolist() for k, v in out.items()}}


def main():
    def flat(x):
        return [float(v) for v in x.double().flatten().tolist()]

    rows = []
    for oracle, change in cases():
        case = {**BASE, **change}
        loss, grad, metrics = (by_trl if oracle == "trl" else by_hand)(case)
        kept = {k: v for k, v in metrics.items() if k in ("kl", "clip_ratio/low_mean", "clip_ratio/high_mean",
                                                         "clip_ratio/region_mean", "cispo_clip_ratio", "entropy")}
        rows.append({"oracle": oracle, **case, "loss": loss, "gradient": flat(grad), "metrics": kept})
    write_json(HERE / "grpo_losses.json", {
        "about": provenance("grpo_losses.py", seed=0, trl=trl.__version__),
        "shape": [B, T], "mask": flat(TOOL), "completion_mask": flat(MASK), "logps": flat(LOGPS), "old": flat(OLD), "ref": flat(REF),
        "sampler": flat(SAMPLER), "entropy": flat(ENTROPY), "advantages": flat(ADVANTAGES),
        "window_tokens": WINDOW_TOKENS, "max_completion_length": MAX_COMPLETION, "cases": rows,
        "rewards": advantages()})


main()
