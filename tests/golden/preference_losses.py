"""Losses of the preference methods on fixed logits, with their gradients in the logits of the policy.

Oracles: DPOTrainer._compute_loss, CPOTrainer and ORPOTrainer.get_batch_loss_metrics, KTOTrainer.kto_loss and
RewardTrainer.compute_loss of trl, called on models that return the logits; ms-swift's DPOTrainer.dpo_loss where the two
differ (its source alone is read: pip download ms-swift==4.6.0 --no-deps, unzip).
usage: python tests/golden/preference_losses.py FOLDER_OF_MS_SWIFT
"""
import ast
import collections
import pathlib
import sys
import types

import torch
import torch.nn.functional as F
import trl
from trl.experimental.cpo import CPOTrainer
from trl.experimental.kto import KTOTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.reward_trainer import RewardTrainer

from oracle import HERE, provenance, write_json, write_tensors

torch.manual_seed(0)
PAIRS, LENGTH, VOCAB = 4, 7, 6
LOGITS = torch.randn(2 * PAIRS, LENGTH, VOCAB) * 1.5
REF_LOGITS = LOGITS + 0.6 * torch.randn(2 * PAIRS, LENGTH, VOCAB)
IDS = torch.randint(VOCAB, (2 * PAIRS, LENGTH))
# Prompts of 2 tokens; answers of these lengths, padded at the right.
ANSWERS = torch.tensor([5, 3, 1, 4, 2, 5, 3, 4])
PLACE = torch.arange(LENGTH)[None]
MASK = ((PLACE >= 2) & (PLACE < 2 + ANSWERS[:, None])).long()
ATTENTION = (PLACE < 2 + ANSWERS[:, None]).long()
LABELS = torch.where(MASK == 1, IDS, -100)
GOOD = [True, False, False, True]


class Accelerator:
    device = torch.device("cpu")
    use_distributed = False

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def unwrap_model(self, m):
        return m


class Model(torch.nn.Module):
    is_gradient_checkpointing = False

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, *_, **__):
        return types.SimpleNamespace(logits=self.logits)


def leaf():
    return LOGITS.clone().requires_grad_()


def dpo_by_trl(case):
    tr = DPOTrainer.__new__(DPOTrainer)
    logits = leaf()
    tr.model, tr.ref_model = Model(logits), Model(REF_LOGITS)
    tr.model.train()
    tr.accelerator = Accelerator()
    tr.ld_alpha, tr.beta, tr.label_smoothing = case.get("ld_alpha"), case.get("beta", 0.1), case.get("label_smoothing", 0.0)
    tr.f_divergence_type, tr.f_alpha_divergence_coef = case.get("f", "reverse_kl"), case.get("f_alpha", 0.5)
    tr.loss_types = case["losses"]
    tr.loss_weights = case.get("weights", [1.0] * len(tr.loss_types))
    tr.precompute_ref_logps = tr.use_weighting = False
    tr.args = types.SimpleNamespace(gradient_checkpointing_kwargs=None, discopop_tau=0.05, max_length=None)
    tr._metrics, tr._total_train_tokens = {"train": collections.defaultdict(list)}, 0
    loss = tr._compute_loss(tr.model, dict(input_ids=IDS, attention_mask=ATTENTION, completion_mask=MASK), False)
    loss.backward()
    keep = ("rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected")
    return loss.item(), logits.grad, {k: tr._metrics["train"][k][0] for k in keep}


def swift_function(folder):
    """dpo_loss and what it calls, without importing the package."""
    tree = ast.parse((pathlib.Path(folder) / "swift/rlhf_trainers/dpo_trainer.py").read_text())
    wanted = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in ("_get_exp_cap", "_cap_exp")]
    trainer = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "DPOTrainer")
    wanted += [n for n in trainer.body if isinstance(n, ast.FunctionDef) and n.name == "dpo_loss"]
    from typing import Dict, Optional, Tuple
    space = dict(torch=torch, F=F, Optional=Optional, Dict=Dict, Tuple=Tuple)
    exec(compile(ast.Module(wanted, []), "dpo_trainer.py", "exec"), space)
    return space["dpo_loss"]


def token_logps(logits):
    lp = torch.log_softmax(logits[:, :-1], -1).gather(-1, IDS[:, 1:, None]).squeeze(-1)
    return lp * MASK[:, 1:]


def dpo_by_swift(case, dpo_loss):
    from trl.experimental.bco.bco_trainer import RunningMoments
    logits = leaf()
    per_token = token_logps(logits)
    sums, ref = per_token.sum(-1), token_logps(REF_LOGITS).sum(-1)
    me = types.SimpleNamespace(accelerator=Accelerator(), beta=case.get("beta", 0.1), reference_free=case.get("reference_free", False),
                               label_smoothing=case.get("label_smoothing", 0.0), f_divergence_type="reverse_kl",
                               f_divergence_params=None, running=RunningMoments(Accelerator()))
    if me.reference_free:
        ref = torch.zeros_like(ref)
    losses, chosen, rejected = dpo_loss(me, sums[:PAIRS], sums[PAIRS:], ref[:PAIRS], ref[PAIRS:], case["losses"][0])
    if case.get("rpo_alpha"):
        losses = losses + case["rpo_alpha"] * -per_token[:PAIRS].sum() / MASK[:PAIRS, 1:].sum()
    losses.mean().backward()
    return losses.mean().item(), logits.grad, {"rewards/chosen": chosen.mean().item(), "rewards/rejected": rejected.mean().item()}


def concatenated(trainer, case, swift_labels=False):
    """CPO's and ORPO's get_batch_loss_metrics over the logits."""
    logits = leaf()
    me = types.SimpleNamespace(is_encoder_decoder=False, aux_loss_enabled=False, accelerator=Accelerator(), pad_token_id=0, padding_value=0,
                               beta=case.get("beta", 0.1), label_smoothing=case.get("label_smoothing", 0.0), alpha=0.0,
                               loss_type=case["losses"][0] if case["losses"] else None, simpo_gamma=case.get("simpo_gamma", 1.0),
                               cpo_alpha=case.get("cpo_alpha", 1.0), get_batch_logps=trainer.get_batch_logps)
    # ms-swift hands ORPO the labels for the ids, so that its cross entropy leaves the prompt out.
    batch = dict(concatenated_input_ids=LABELS if swift_labels else IDS, concatenated_attention_mask=ATTENTION, concatenated_labels=LABELS)
    me.concatenated_inputs = lambda *_, **__: batch
    for name in ("cpo_loss", "odds_ratio_loss", "concatenated_forward"):
        if hasattr(trainer, name):
            setattr(me, name, types.MethodType(getattr(trainer, name), me))
    loss, metrics = trainer.get_batch_loss_metrics(me, Model(logits), dict(chosen_labels=LABELS[:PAIRS]))
    loss.backward()
    return loss.item(), logits.grad, {k: v for k, v in metrics.items() if not k.startswith("logits/")}


def kto(case):
    """Rows 0 to 3 are the answers, rows 4 to 7 the mismatched ones of the KL."""
    logits = leaf()
    sums, ref = token_logps(logits).sum(-1), token_logps(REF_LOGITS).sum(-1)
    good = torch.tensor(GOOD)
    me = types.SimpleNamespace(accelerator=Accelerator(), beta=case.get("beta", 0.1), loss_type=case["losses"][0],
                               calculate_KL=case["losses"][0] == "kto", desirable_weight=case.get("desirable", 1.0),
                               undesirable_weight=case.get("undesirable", 1.0))
    own, other = slice(0, PAIRS), slice(PAIRS, None)
    losses, _, _, kl = KTOTrainer.kto_loss(me, sums[own][good], sums[own][~good], sums[other], ref[own][good], ref[own][~good], ref[other])
    losses.nanmean().backward()
    return losses.nanmean().item(), logits.grad, {"kl": kl.mean().item()}


def reward(case):
    """The scores of answer i are the first six logits of its row, added up; one a row."""
    logits = leaf()
    me = types.SimpleNamespace(model=types.SimpleNamespace(training=True), accelerator=Accelerator(), _total_train_tokens=0,
                               _metrics={"train": collections.defaultdict(list)},
                               args=types.SimpleNamespace(center_rewards_coefficient=case.get("center")))
    inputs = dict(attention_mask=ATTENTION)
    if "margins" in case:
        inputs["margin"] = torch.tensor(case["margins"])
    loss = RewardTrainer.compute_loss(me, Model(logits[:, 0].sum(-1, keepdim=True)), inputs)
    loss.backward()
    return loss.item(), logits.grad, {}


def cases():
    dpo = ["sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
           "apo_zero", "apo_down", "discopop", "sft"]
    for name in dpo:
        smooth = 0.1 if name in ("exo_pair", "robust", "aot", "aot_unpaired") else 0.0
        yield "dpo", "trl", dict(losses=[name], label_smoothing=smooth)
        yield "dpo", "trl", dict(losses=[name], label_smoothing=smooth, beta=0.5, ld_alpha=0.4)
    for f in ("forward_kl", "js_divergence", "alpha_divergence"):
        yield "dpo", "trl", dict(losses=["sigmoid"], f=f)
        yield "dpo", "trl", dict(losses=["ipo", "apo_down", "nca_pair"], weights=[0.3, 1.0, 0.7], f=f, f_alpha=1.7)
    yield "dpo", "trl", dict(losses=["sigmoid"], f="alpha_divergence", f_alpha=1.0)
    yield "dpo", "trl", dict(losses=["sigmoid", "bco_pair", "sft"], weights=[0.8, 0.2, 1.0])
    yield "dpo", "swift", dict(losses=["sigmoid"], label_smoothing=0.2)
    yield "dpo", "swift", dict(losses=["sigmoid"], label_smoothing=0.2, reference_free=True)
    yield "dpo", "swift", dict(losses=["hinge"], reference_free=True)
    yield "dpo", "swift", dict(losses=["exo_pair"])
    yield "dpo", "swift", dict(losses=["bco_pair"], beta=0.3)
    yield "dpo", "swift", dict(losses=["sigmoid"], rpo_alpha=0.7)
    for name in ("sigmoid", "hinge", "ipo"):
        yield "cpo", "trl", dict(losses=[name], label_smoothing=0.1 if name == "sigmoid" else 0.0)
        yield "cpo", "trl", dict(losses=[name], cpo_alpha=0.0, beta=0.4)
    yield "simpo", "trl", dict(losses=["simpo"], beta=2.0)
    yield "simpo", "trl", dict(losses=["simpo"], beta=2.5, cpo_alpha=0.0, simpo_gamma=0.5, label_smoothing=0.1)
    yield "orpo", "swift", dict(losses=[])
    yield "orpo", "swift", dict(losses=[], beta=0.6)
    yield "kto", "trl", dict(losses=["kto"])
    yield "kto", "trl", dict(losses=["kto"], beta=0.7, desirable=1.5, undesirable=0.5)
    yield "kto", "trl", dict(losses=["apo_zero_unpaired"], beta=0.7)
    yield "rm", "trl", dict()
    yield "rm", "trl", dict(margins=[0.1, 1.0, 0.0, 2.5], center=0.01)


def main():
    dpo_loss = swift_function(sys.argv[1])
    run = dict(dpo=lambda c, o: dpo_by_trl(c) if o == "trl" else dpo_by_swift(c, dpo_loss), kto=lambda c, _: kto(c), rm=lambda c, _: reward(c),
               cpo=lambda c, _: concatenated(CPOTrainer, c), simpo=lambda c, _: concatenated(CPOTrainer, c),
               orpo=lambda c, _: concatenated(ORPOTrainer, c, True))
    rows, grads = [], []
    for method, oracle, case in cases():
        loss, grad, metrics = run[method](case, oracle)
        rows.append(dict(method=method, oracle=oracle, settings=case, loss=loss, metrics=metrics))
        grads.append(grad)
        print(method, oracle, case, f"{loss:.6f}")
    about = provenance("preference_losses.py", 0, trl=trl.__version__, **{"ms-swift": "4.6.0"})
    write_json(HERE / "preference_losses.json", dict(about=about, cases=rows, good=GOOD))
    write_tensors(HERE / "preference_losses.safetensors",
                  dict(logits=LOGITS, ref_logits=REF_LOGITS, labels=LABELS, gradients=torch.stack(grads)), about)


if __name__ == "__main__":
    main()
