"""Figures of swift's training that have no peer, one JSON line each.

    training.py lengths --model DIR --data FILE.jsonl   tokens/s at 128 to 8192 tokens a sequence, 8192 a step
    training.py dora    --model DIR --data FILE.jsonl   step time of DoRA over LoRA's
    training.py start   --model DIR --data FILE.jsonl   seconds from the command to the end of the first step
    training.py optimizers --model DIR --data FILE.jsonl   memory and loss of AdamW, GaLore, Q-GaLore, …: full tuning
                                                        from random weights

Model directories: make_model.py. The machine should be otherwise idle.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import compare

LORA = ["--tuner_type", "lora", "--lora_rank", "8", "--lora_alpha", "32", "--lora_dropout", "0",
        "--target_modules", "all-linear", "--learning_rate", "1e-4"]
NO_RECOMPUTE = ["--gradient_checkpointing", "false"]


def line(name, version, **more):
    print(json.dumps(dict(comparison=name, **more, machine=compare.BEFORE, versions=dict(swift=version))), flush=True)


def long_rows(given, folder, rows, characters):
    """A JSONL of `rows` rows of the data's text, each at least `characters` long."""
    texts = [" ".join(m["content"] for m in json.loads(row)["messages"]) for row in open(given.data)]
    path, at = pathlib.Path(folder) / "long.jsonl", 0
    with open(path, "w") as out:
        for _ in range(rows):
            text = ""
            while len(text) < characters:
                text, at = text + texts[at % len(texts)] + "\n", at + 1
            out.write(json.dumps(dict(messages=[dict(role="user", content="Go on."),
                                                dict(role="assistant", content=text)])) + "\n")
    return path


def lengths(given, version):
    for length in (128, 256, 512, 1024, 2048, 4096, 8192):
        given.batch, given.max_length = 8192 // length, length
        with tempfile.TemporaryDirectory() as folder:
            data = long_rows(given, folder, given.batch * given.steps, length * 8)
            run = compare.swift_train(given, data, pathlib.Path(folder) / "run", *LORA,
                                      "--gradient_checkpointing", "true")
        line("tokens_per_second_by_length", version, length=length, batch=given.batch, steps=given.steps,
             tokens_per_second=run["rate"], peak_gib=max(run["memory"], run["resident"]), recompute=True)


def dora(given, version):
    rates = {"lora": [], "dora": []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(3):
            for name in rates:
                more = ["--use_dora", "true"] if name == "dora" else []
                run = compare.swift_train(given, given.data, pathlib.Path(folder) / f"{name}{turn}", *LORA,
                                          *NO_RECOMPUTE, *more)
                rates[name].append(run["rate"])
    lora, own = max(rates["lora"]), max(rates["dora"])
    line("dora_step_time", version, ratio=round(lora / own, 4), wanted="ratio <= 1.15", lora_tokens_per_second=lora,
         dora_tokens_per_second=own, batch=given.batch, steps=given.steps)


def start(given, version):
    """Best of five: process start, settings, tokenizer, data, weights, plan and one optimizer step."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(5):
            out = pathlib.Path(folder) / f"run{turn}"
            begin = time.perf_counter()
            process = subprocess.Popen(
                [given.swift, "train", "--model", given.model, "--dataset", given.data, "--output_dir", out,
                 "--add_version", "false", "--max_steps", "2", "--logging_steps", "1", "--save_strategy", "no",
                 "--gradient_accumulation_steps", "1", "--per_device_train_batch_size", "4"],
                stderr=subprocess.DEVNULL)
            log = out / "logging.jsonl"
            while process.poll() is None and not (log.exists() and '"loss"' in log.read_text()):
                time.sleep(0.002)
            seconds.append(time.perf_counter() - begin)
            if process.wait() != 0:
                raise compare.Failed("swift train failed")
    line("start_to_first_step", version, seconds=round(min(seconds), 3), all_seconds=[round(s, 3) for s in seconds],
         wanted="<= 1 s")


# name, flags. Learning rates as the papers' 60M runs have them: 2.5e-3 for AdamW, 0.01 for GaLore with scale 0.25.
OPTIMIZERS = [
    ("adamw", ["--optim", "adamw", "--learning_rate", "2.5e-3"]),
    ("adamw_8bit", ["--optim", "adamw_8bit", "--learning_rate", "2.5e-3"]),
    ("galore_adamw", ["--optim", "galore_adamw", "--learning_rate", "1e-2", "--galore_rank", "128",
                      "--galore_update_proj_gap", "200", "--galore_scale", "0.25"]),
    ("galore_adamw, layer by layer", ["--optim", "galore_adamw", "--learning_rate", "1e-2", "--galore_rank", "128",
                                      "--galore_update_proj_gap", "200", "--galore_scale", "0.25",
                                      "--galore_optim_per_parameter", "true", "--max_grad_norm", "0"]),
    ("q_galore", ["--optim", "q_galore", "--learning_rate", "1e-2", "--galore_rank", "128",
                  "--galore_update_proj_gap", "200", "--galore_scale", "0.25"]),
    ("q_galore, layer by layer", ["--optim", "q_galore", "--learning_rate", "1e-2", "--galore_rank", "128",
                                  "--galore_update_proj_gap", "200", "--galore_scale", "0.25",
                                  "--galore_optim_per_parameter", "true", "--max_grad_norm", "0"]),
    ("adafactor", ["--optim", "adafactor", "--learning_rate", "2.5e-3"]),
    ("muon", ["--optim", "muon", "--learning_rate", "2e-2"]),
    ("lion", ["--optim", "lion", "--learning_rate", "2.5e-4"]),
]


def optimizers(given, version):
    for name, flags in OPTIMIZERS:
        with tempfile.TemporaryDirectory() as folder:
            run = compare.swift_train(given, given.data, pathlib.Path(folder) / "run", "--tuner_type", "full",
                                      "--train_from_scratch", "true", "--lr_scheduler_type", "cosine",
                                      "--warmup_ratio", "0.1", "--dataset_shuffle", "true",
                                      "--gradient_checkpointing", "true", *flags)
        last = run["losses"][-20:]
        line("optimizer", version, optimizer=name, peak_gib=max(run["memory"], run["resident"]),
             loss=round(sum(last) / len(last), 4), tokens_per_second=run["rate"], steps=given.steps,
             batch=given.batch, max_length=given.max_length)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = options.add_subparsers(dest="work", required=True)
    defaults = dict(lengths=(2, 0, 0), dora=(6, 4, 512), start=(0, 0, 0), optimizers=(300, 8, 256))
    for name, (steps, batch, length) in defaults.items():
        one = work.add_parser(name)
        for key in ("swift", "model", "data"):
            one.add_argument(f"--{key}", required=True)
        one.add_argument("--steps", type=int, default=steps)
        one.add_argument("--batch", type=int, default=batch)
        one.add_argument("--max-length", type=int, default=length)
    given = options.parse_args()
    version = compare.swift_version(given.swift)
    dict(lengths=lengths, dora=dora, start=start, optimizers=optimizers)[given.work](given, version)


if __name__ == "__main__":
    main()
