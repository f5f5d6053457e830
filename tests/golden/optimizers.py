"""Ten steps of each optimizer on fixed gradients, for tests/train/optimizer_golden_test.cc.

    pip install bitsandbytes galore-torch
    python tests/golden/optimizers.py > tests/golden/optimizers.json

Weights and gradients follow a formula that the test computes too: see noise().
"""
import json
from importlib.metadata import version

import bitsandbytes
import galore_torch
import numpy
import torch
import transformers
from galore_torch.galore_projector import GaLoreProjector

STEPS, RATE, DECAY, BETAS, EPSILON = 10, 0.01, 0.1, (0.9, 0.95), 1e-8
RANK, GAP, SCALE = 4, 4, 0.25
# name, sizes, whether weight decay applies
TENSORS = [("layers.0.q_proj.weight", (24, 16), True), ("layers.0.k_proj.weight", (16, 40), True),
           ("layers.0.norm.weight", (33,), False), ("embed_tokens.weight", (20, 8), True),
           ("layers.0.up_proj.weight", (72, 60), True)]


def noise(sizes: tuple[int, ...], stream: int) -> torch.Tensor:
    """Uniform in [-0.5, 0.5), later columns smaller, so that singular values lie apart."""
    index = numpy.arange(int(numpy.prod(sizes)), dtype=numpy.uint64)
    x = (index * 2654435761 + stream * 97 * 40503 + 12345) % 2**32
    x = (x ^ (x >> numpy.uint64(15))) * 2246822519 % 2**32
    x = (x ^ (x >> numpy.uint64(13))) * 3266489917 % 2**32
    value = (x >> numpy.uint64(8)).astype(numpy.float64) / 2**24 - 0.5
    return torch.from_numpy((value / (1 + index % sizes[-1]).astype(numpy.float64)).astype(numpy.float32)).view(sizes)


def largest_positive(vectors: torch.Tensor, axis: int) -> torch.Tensor:
    largest = vectors.gather(axis, vectors.abs().argmax(axis, keepdim=True))
    return vectors * largest.sign()


class SignedProjector(GaLoreProjector):
    """A decomposition leaves the sign of each vector open; both sides fix it the same way."""

    def get_orthogonal_matrix(self, weights, rank, type):
        u, _, vh = torch.linalg.svd(weights.double(), full_matrices=False)
        left = largest_positive(u[:, :rank], 0).float()
        right = largest_positive(vh[:rank], 1).float()
        return {"left": left, "right": right, "full": [left, right]}[type]


class QGalore(torch.optim.Optimizer):
    """Q-GaLore's formulas (VITA-Group/Q-GaLore) in fp32: INT4 projection, lazy renewal; no INT8 weights. Differs
    from that code where it is at fault: the cosine is taken without sign, the range of a group holds 0."""

    def __init__(self, parameters, group, threshold, queue_size, gamma):
        super().__init__(parameters, {})
        self.quant = (group, threshold, queue_size, gamma)
        self.renewals = {}

    def quantize(self, w):
        shape, w = w.shape, w.reshape(-1, self.quant[0])
        low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
        scale = (high - low).clamp(min=1e-5) / 15
        zero = (-torch.round(low / scale)).clamp(0, 15)
        return ((torch.clamp(torch.round(w / scale) + zero, 0, 15) - zero) * scale).reshape(shape)

    def renew(self, state, grad, left):
        _, threshold, queue_size, gamma = self.quant
        vectors = SignedProjector(RANK).get_orthogonal_matrix(grad, RANK, "left" if left else "right")
        first = vectors[:, 0] if left else vectors[0]
        if "first" in state:
            state["queue"] = (state["queue"] + [float((first @ state["first"]).abs())])[-queue_size:]
            if len(state["queue"]) == queue_size and sum(state["queue"]) / queue_size >= threshold:
                state["gap"] = int(state["gap"] * gamma)
        state["first"], state["next"] = first, state["step"] + state["gap"]
        state["basis"] = self.quantize(vectors)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=0, queue=[], gap=2, next=0, m=0.0, v=0.0)
                grad, left = p.grad, p.dim() == 2 and p.shape[0] < p.shape[1]
                p.mul_(1 - RATE * group["weight_decay"])
                if group["projected"]:
                    if state["step"] >= state["next"]:
                        self.renewals.setdefault(group["name"], []).append(state["step"])
                        self.renew(state, grad, left)
                    grad = state["basis"].T @ grad if left else grad @ state["basis"].T
                state["step"] += 1
                state["m"] = BETAS[0] * state["m"] + (1 - BETAS[0]) * grad
                state["v"] = BETAS[1] * state["v"] + (1 - BETAS[1]) * grad**2
                c1, c2 = 1 - BETAS[0] ** state["step"], 1 - BETAS[1] ** state["step"]
                update = state["m"] / c1 / (state["v"].sqrt() / c2**0.5 + EPSILON)
                if group["projected"]:
                    update = SCALE * (state["basis"] @ update if left else update @ state["basis"])
                p.sub_(update, alpha=RATE)


class AdamW8bit(torch.optim.Optimizer):
    """Block-wise 8-bit Adam with bitsandbytes' code, to the nearest value. (The library's CPU kernel rounds by a
    coarse table, unlike its CUDA kernel.) A second moment above 0 gets at least the least code above 0."""

    def __init__(self, parameter_groups):
        super().__init__(parameter_groups, {})
        self.codes = [bitsandbytes.functional.create_dynamic_map(signed) for signed in (True, False)]

    def rounded(self, x, code, floor):
        blocks = torch.nn.functional.pad(x.flatten(), (0, -x.numel() % 256)).view(-1, 256)
        largest = blocks.abs().amax(1, keepdim=True)
        scaled = torch.nan_to_num(blocks * (1 / largest))
        near = (scaled.flatten()[:, None] - code).abs().argmin(1).view_as(blocks)
        if floor:
            near = torch.where((scaled > 0) & (near == 0), 1, near)
        return (code[near] * largest).flatten()[:x.numel()].view_as(x)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["step"] += 1
                m = state["m"] * BETAS[0] + (1 - BETAS[0]) * p.grad
                v = state["v"] * BETAS[1] + (1 - BETAS[1]) * p.grad**2
                c1, c2 = 1 - BETAS[0] ** state["step"], (1 - BETAS[1] ** state["step"]) ** 0.5
                p.mul_(1 - RATE * group["weight_decay"]).addcdiv_(m, v.sqrt() / c2 + EPSILON, value=-RATE / c1)
                if p.numel() >= 4096:
                    m, v = self.rounded(m, self.codes[0], False), self.rounded(v, self.codes[1], True)
                state["m"], state["v"] = m, v


def projected(name: str) -> bool:
    return name.endswith("_proj.weight")


def groups(parameters, extra=lambda name: {}):
    return [{"params": [p], "weight_decay": DECAY if decays else 0.0, **extra(name)}
            for (name, _, decays), p in zip(TENSORS, parameters)]


def galore(parameters, kind):
    galore_torch.adamw.GaLoreProjector = SignedProjector
    settings = {"rank": RANK, "update_proj_gap": GAP, "scale": SCALE, "proj_type": kind}
    return [galore_torch.GaLoreAdamW(groups(parameters, lambda name: settings if projected(name) else {}), lr=RATE,
                                     betas=BETAS, eps=EPSILON, no_deprecation_warning=True)]


def muon(parameters, adjust):
    def part(hidden):
        return [group for group, (name, _, _) in zip(groups(parameters), TENSORS) if projected(name) == hidden]
    return [torch.optim.Muon(part(True), lr=RATE, adjust_lr_fn=adjust), adamw(part(False))[0]]


def adamw(parameter_groups):
    return [torch.optim.AdamW(parameter_groups, lr=RATE, betas=BETAS, eps=EPSILON)]


def adamw_8bit(parameters):
    return [bitsandbytes.optim.AdamW8bit(groups(parameters), lr=RATE, betas=BETAS, eps=EPSILON)]


def adafactor(parameters, scale):
    return [transformers.optimization.Adafactor(groups(parameters), lr=RATE, scale_parameter=scale,
                                                relative_step=False)]


def q_galore(parameters):
    return [QGalore(groups(parameters, lambda name: {"projected": projected(name), "name": name}), 16, 0.4, 2, 2)]


# name of the case: optim, optim_args, galore_proj_type, how to make it
CASES = {
    "adamw": ("adamw", "", "std", lambda p: adamw(groups(p))),
    "adamw_8bit": ("adamw_8bit", "", "std", lambda p: [AdamW8bit(groups(p))]),
    "adamw_8bit bitsandbytes": ("adamw_8bit", "", "std", adamw_8bit),
    "adafactor": ("adafactor", "", "std", lambda p: adafactor(p, False)),
    "adafactor scaled": ("adafactor", "scale_parameter=true", "std", lambda p: adafactor(p, True)),
    "lion": ("lion", "", "std", lambda p: [bitsandbytes.optim.Lion(groups(p), lr=RATE, betas=BETAS)]),
    "sgd": ("sgd", "", "std", lambda p: [torch.optim.SGD(groups(p), lr=RATE)]),
    "sgd nesterov": ("sgd", "momentum=0.9,nesterov=true", "std",
                     lambda p: [torch.optim.SGD(groups(p), lr=RATE, momentum=0.9, nesterov=True)]),
    "muon": ("muon", "", "std", lambda p: muon(p, None)),
    "muon scaled": ("muon", "adjust_lr_fn=match_rms_adamw", "std", lambda p: muon(p, "match_rms_adamw")),
    **{f"galore {kind}": ("galore_adamw", "", kind, lambda p, kind=kind: galore(p, kind))
       # Not "full": there the projected gradient is diagonal, and Adam scales up the rounding errors beside it.
       for kind in ("std", "reverse_std", "left", "right")},
    "q_galore": ("q_galore", "", "std", q_galore),
}


def run(make) -> tuple[dict, list]:
    parameters = [torch.nn.Parameter(noise(sizes, k)) for k, (_, sizes, _) in enumerate(TENSORS)]
    optimizers = make(parameters)
    for step in range(STEPS):
        for k, (p, (_, sizes, _)) in enumerate(zip(parameters, TENSORS)):
            p.grad = noise(sizes, 100 + 10 * step + k)
        for optimizer in optimizers:
            optimizer.step()
    # Every 29th value is enough.
    return ({name: [float(f"{x:.7g}") for x in p.detach().flatten()[::29].tolist()]
             for (name, _, _), p in zip(TENSORS, parameters)}, optimizers)


def main() -> None:
    cases = {}
    for name, (optim, args, kind, make) in CASES.items():
        weights, optimizers = run(make)
        cases[name] = {"optim": optim, "optim_args": args, "galore_proj_type": kind, "weights": weights}
        if name == "q_galore":
            cases[name]["renewals"] = optimizers[0].renewals
    print(json.dumps({
        "made_by": "tests/golden/optimizers.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "bitsandbytes": version("bitsandbytes"), "galore-torch": version("galore-torch")},
        "steps": STEPS, "learning_rate": RATE, "weight_decay": DECAY, "beta1": BETAS[0], "beta2": BETAS[1],
        "epsilon": EPSILON, "galore_rank": RANK, "galore_update_proj_gap": GAP, "galore_scale": SCALE,
        "tensors": [{"name": name, "sizes": sizes, "decay": decay} for name, sizes, decay in TENSORS],
        "cases": cases}, separators=(",", ":")).replace('{"optim"', '\n{"optim"'))


main()
