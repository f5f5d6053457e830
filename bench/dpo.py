"""DPO of swift against TRL + PEFT: steps a second and peak memory, one JSON line each.

    dpo.py --swift EXE --model DIR --data FILE.jsonl [--steps 6] [--batch 4] [--max-length 512] [--runs 2]

DATA holds `messages`; a pair is a row's answer and, as the rejected one, the answer of the row after it. Both sides train
LoRA of rank 8 in bf16 without recomputation and without dropout, on the same pairs in the same order. The machine should
be otherwise idle.
"""
import argparse
import itertools
import json
import pathlib
import sys
import tempfile

import compare


def write_pairs(source, count, path):
    rows = [json.loads(line)["messages"][:2] for line in itertools.islice(open(source), count + 1)]
    with open(path, "w") as out:
        for row, after in itertools.pairwise(rows):
            # The same text twice would be no pair.
            other = after[1]["content"] if after[1] != row[1] else after[1]["content"] + " Or not."
            out.write(json.dumps(dict(messages=row, rejected_response=other)) + "\n")


def swift_dpo(given, data, folder):
    _, _, resident = compare.launch([
        given.swift, "train", "--method", "dpo", "--model", given.model, "--dataset", data, "--output_dir", folder,
        "--add_version", "false", "--torch_dtype", "bfloat16", "--tuner_type", "lora", "--lora_rank", "8",
        "--lora_alpha", "32", "--target_modules", "all-linear", "--learning_rate", "1e-5", "--beta", "0.1",
        "--per_device_train_batch_size", given.batch, "--gradient_accumulation_steps", "1", "--max_steps", given.steps,
        "--max_length", given.max_length, "--truncation_strategy", "right", "--dataset_shuffle", "false",
        "--lr_scheduler_type", "linear", "--warmup_ratio", "0", "--weight_decay", "0", "--adam_beta2", "0.999",
        "--gradient_checkpointing", "false", "--logging_steps", "1", "--save_strategy", "no"])
    lines = map(json.loads, (pathlib.Path(folder) / "logging.jsonl").read_text().splitlines())
    log = [entry for entry in lines if "rewards/margins" in entry and "tokens_per_second" in entry]
    if len(log) != given.steps:
        raise compare.Failed(f"logging.jsonl has {len(log)} steps, not {given.steps}")
    seconds = (log[-1]["elapsed_seconds"] - log[0]["elapsed_seconds"]) / (given.steps - 1)
    return dict(rate=1 / seconds, memory=max(resident, max(entry["memory_gib"] for entry in log)),
                losses=[entry["loss"] for entry in log])


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for key in ("swift", "model", "data"):
        options.add_argument(f"--{key}", required=True)
    options.add_argument("--steps", type=int, default=6)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--max-length", type=int, default=512)
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    version = compare.swift_version(given.swift)
    ours, theirs = [], []
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "pairs.jsonl"
            write_pairs(given.data, given.batch * given.steps, data)
            for turn in range(given.runs):
                ours.append(swift_dpo(given, data, pathlib.Path(folder) / f"run{turn}"))
                theirs.append(compare.peer("trl_dpo.py", given.model, data, "--steps", given.steps, "--batch",
                                           given.batch, "--max-length", given.max_length))
    except (compare.Failed, OSError) as problem:
        sys.exit(str(problem))
    work = dict(steps=given.steps, batch=given.batch, max_length=given.max_length,
                losses=dict(ours=ours[0]["losses"], theirs=theirs[0]["losses"]))
    best = max(theirs, key=lambda run: run["steps_per_second"])
    compare.emit("dpo_speed", "steps/s", max(run["rate"] for run in ours), best, best["steps_per_second"],
                 "ratio >= 4", version, **work)
    worst = max(theirs, key=lambda run: run["peak_rss_gib"])
    compare.emit("dpo_memory", "GiB, peak", max(run["memory"] for run in ours), worst, worst["peak_rss_gib"],
                 "ratio <= 0.25", version, **work)


if __name__ == "__main__":
    main()
