"""GRPO of swift against TRL + PEFT with transformers' generate: steps a second, one JSON line; and the share of our
step that is generation.

    grpo.py --swift EXE --model DIR --data FILE.jsonl [--steps 6] [--prompts 2] [--group 8] [--new 64] [--runs 1]

DATA holds `messages`; the prompts are the first messages of its rows. A step is `prompts` x `group` completions of at
most `new` tokens and one update of LoRA of rank 8 in bf16 with a KL of 0.04; the reward is the completion's length in
characters modulo 7, which both sides compute. The machine should be otherwise idle.
"""
import argparse
import itertools
import json
import pathlib
import sys
import tempfile

import compare

REWARD = "import json,sys\nfor line in sys.stdin: print(len(json.loads(line)['completion']) % 7)\n"


def write_prompts(source, count, path):
    rows = [json.loads(line)["messages"][:1] for line in itertools.islice(open(source), count)]
    path.write_text("".join(json.dumps(dict(messages=row)) + "\n" for row in rows))


def swift_grpo(given, data, folder):
    reward = folder.parent / "reward.py"
    reward.write_text(REWARD)
    _, _, resident = compare.launch([
        given.swift, "train", "--method", "grpo", "--model", given.model, "--dataset", data, "--output_dir", folder,
        "--add_version", "false", "--torch_dtype", "bfloat16", "--tuner_type", "lora", "--lora_rank", "8",
        "--lora_alpha", "32", "--target_modules", "all-linear", "--learning_rate", "1e-5", "--beta", "0.04",
        "--per_device_train_batch_size", given.prompts * given.group, "--gradient_accumulation_steps", "1",
        "--num_generations", given.group, "--max_completion_length", given.new, "--temperature", "1.0",
        "--max_steps", given.steps, "--dataset_shuffle", "false", "--gradient_checkpointing", "false",
        "--reward_funcs", f"command:{sys.executable} {reward}", "--logging_steps", "1", "--save_strategy", "no"])
    lines = map(json.loads, (folder / "logging.jsonl").read_text().splitlines())
    log = [entry for entry in lines if "reward_std" in entry]
    if len(log) != given.steps:
        raise compare.Failed(f"logging.jsonl has {len(log)} steps, not {given.steps}")
    seconds = (log[-1]["elapsed_seconds"] - log[0]["elapsed_seconds"]) / (given.steps - 1)
    return dict(rate=1 / seconds, memory=max(resident, max(entry["memory_gib"] for entry in log)),
                generation_share=sum(entry["generation_share"] for entry in log[1:]) / (given.steps - 1),
                mean_length=sum(entry["completions/mean_length"] for entry in log) / given.steps)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for key in ("swift", "model", "data"):
        options.add_argument(f"--{key}", required=True)
    for key, default in (("steps", 6), ("prompts", 2), ("group", 8), ("new", 64), ("runs", 1)):
        options.add_argument(f"--{key}", type=int, default=default)
    given = options.parse_args()
    version = compare.swift_version(given.swift)
    ours, theirs = [], []
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "prompts.jsonl"
            write_prompts(given.data, given.prompts * given.steps, data)
            for turn in range(given.runs):
                ours.append(swift_grpo(given, data, pathlib.Path(folder) / f"run{turn}"))
                theirs.append(compare.peer("trl_grpo.py", given.model, data, "--steps", given.steps, "--prompts",
                                           given.prompts, "--group", given.group, "--new", given.new))
    except (compare.Failed, OSError) as problem:
        sys.exit(str(problem))
    best = max(ours, key=lambda run: run["rate"])
    peer = max(theirs, key=lambda run: run["steps_per_second"])
    compare.emit("grpo_speed", "steps/s", best["rate"], peer, peer["steps_per_second"], "ratio >= 10", version,
                 steps=given.steps, prompts=given.prompts, group=given.group, new=given.new,
                 generation_share=best["generation_share"], memory_gib=best["memory"],
                 mean_length=dict(ours=best["mean_length"], theirs=peer["mean_length"]))


if __name__ == "__main__":
    main()
