"""Learning-rate factors of transformers.get_scheduler, for tests/report/schedule_test.cc.

    python tests/golden/schedules.py > tests/golden/schedules.json
"""
import json

import torch
import transformers

SETTINGS = [("constant", 20, 0), ("constant", 20, 5), ("constant_with_warmup", 20, 5), ("linear", 20, 0), ("linear", 20, 5),
            ("cosine", 20, 0), ("cosine", 20, 5), ("cosine", 37, 2), ("cosine", 4, 4), ("linear", 3, 5),
            ("linear", 1, 0), ("cosine", 1, 1),
            ("cosine", 20, 3, {"num_cycles": 1.5}), ("cosine_with_restarts", 23, 3), ("cosine_with_restarts", 40, 4, {"num_cycles": 3}),
            ("cosine_with_min_lr", 20, 4, {"min_lr_rate": 0.1}), ("cosine_with_min_lr", 20, 0, {"min_lr": 0.25}),
            ("polynomial", 20, 4), ("polynomial", 20, 0, {"power": 2.0, "lr_end": 0.01}),
            ("inverse_sqrt", 20, 4), ("inverse_sqrt", 20, 0), ("inverse_sqrt", 20, 2, {"timescale": 7}),
            ("warmup_stable_decay", 30, 5, {"num_decay_steps": 10}),
            ("warmup_stable_decay", 30, 5, {"num_decay_steps": 10, "min_lr_ratio": 0.1, "decay_type": "1-sqrt", "warmup_type": "cosine"}),
            ("warmup_stable_decay", 30, 6, {"num_decay_steps": 4, "num_stable_steps": 8, "decay_type": "linear", "warmup_type": "1-sqrt"})]


def factors(name: str, total: int, warmup: int, arguments: dict) -> list[float]:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = transformers.get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total,
                                           scheduler_specific_kwargs=arguments or None)
    values = []
    for _ in range(total + 2):
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return values


def warmups() -> list[dict]:
    rows = []
    for total, steps, ratio in [(100, 0, 0.05), (101, 0, 0.05), (10, 0, 0.0), (100, 7, 0.05), (93, 0, 0.1), (30, 0, 0.1)]:
        # transformers 5 folds the ratio into warmup_steps: a value below 1 is a share of the run.
        arguments = transformers.TrainingArguments(output_dir="unused", warmup_steps=steps if steps else ratio)
        rows.append({"total": total, "steps": steps, "ratio": ratio, "warmup": arguments.get_warmup_steps(total)})
    return rows


print(json.dumps({
    "made_by": "tests/golden/schedules.py",
    "transformers": transformers.__version__, "torch": torch.__version__,
    "schedules": [{"name": name, "total": total, "warmup": warmup, "arguments": dict(*more),
                   "factors": factors(name, total, warmup, dict(*more))} for name, total, warmup, *more in SETTINGS],
    "warmups": warmups(),
}, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"').replace('"warmups"', '\n"warmups"'))
