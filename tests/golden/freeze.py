"""Writes tests/golden/freeze.json: which parameters ms-swift's freezing rules leave trained.

    python tests/golden/freeze.py             (needs torch and transformers; some seconds)

The rules, applied to transformers' own named_parameters(): freeze_parameters_ratio freezes whole parameters in
order while their total stays within that part of all elements; freeze_parameters are beginnings of names,
freeze_parameters_regex is searched in them; trainable_parameters(_regex) then win.
"""
import re

import oracle

CASES = [
    dict(model="qwen3", ratio=0.3), dict(model="qwen3", ratio=0.5), dict(model="qwen2", ratio=0.77),
    dict(model="llama", ratio=0.62), dict(model="llama_bias", ratio=0.9),
    dict(model="llama", freeze=["model.layers.0", "lm_head"]),
    dict(model="qwen3", freeze_regex=r"self_attn\.[qk]_proj"),
    dict(model="qwen3", freeze=["model"], trainable=["model.layers.1.mlp"]),
    dict(model="llama", freeze=["model", "lm_head"], trainable_regex=r"\.1\..*norm"),
    dict(model="qwen2", ratio=0.6, freeze_regex="norm", trainable=["model.embed_tokens"]),
]


def trained(case):
    parameters = dict(oracle.load(oracle.MODELS / case["model"]).named_parameters())
    limit = int(sum(p.numel() for p in parameters.values()) * case.get("ratio", 0.0))
    on, seen = {}, 0
    for name, parameter in parameters.items():
        seen += parameter.numel()
        on[name] = seen > limit or case.get("ratio", 0.0) == 0.0
    for key, value in (("freeze", False), ("trainable", True)):
        for name in parameters:
            if name.startswith(tuple(case.get(key, ["-"]))) or re.search(case.get(f"{key}_regex", "^-"), name):
                on[name] = value
    return sorted(name for name, value in on.items() if value)


if __name__ == "__main__":
    rows = [dict(case, trained=trained(case)) for case in CASES]
    oracle.write_json(oracle.HERE / "freeze.json", dict(about=oracle.provenance("freeze.py"), cases=rows))
