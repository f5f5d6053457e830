"""Runs swift and its peers on the same work and prints one JSON line per comparison.

    compare.py sft    --model DIR --data FILE.jsonl   against TRL + PEFT
    compare.py full   --model DIR --data FILE.jsonl   against transformers' Trainer
    compare.py decode --model DIR --gguf FILE         against llama.cpp and transformers

Each line: {comparison, peer, ratio, ours, theirs, unit, wanted, machine, versions, ...}; ratio is ours / theirs.
The two sides take turns `--runs` times; speed is the best of a side's runs, memory its worst. sft.sh and
decode.sh fill in the usual paths; training.py measures what has no peer.
"""
import argparse
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "peers"))
import machine  # noqa: E402

# 120 tokens of the Qwen2 vocabulary; the chat template adds eight.
SENTENCE = "A list comprehension builds a new list from an existing one. "
PROMPT = (SENTENCE * 10).strip()


# Taken before the work starts, so that load_1m is other people's.
BEFORE = machine.machine()


class Failed(Exception):
    pass


def launch(command):
    """Runs a command; returns its stdout, stderr and peak resident memory in GiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        text, log = out.read(), err.read()
    if process.returncode != 0:
        raise Failed(f"{command[0]}: exit {process.returncode}\n{log[-2000:]}")
    return text, log, usage.ru_maxrss / 2**20


def peer(script, *arguments):
    """The JSON line of one peer script, run by the Python that runs this one."""
    text, _, _ = launch([sys.executable, HERE / "peers" / script, *arguments])
    return json.loads(text.strip().splitlines()[-1])


def swift_version(swift):
    return (launch([swift, "version"])[0].strip().splitlines() or ["unknown"])[0]


def emit(name, unit, ours, other, theirs, wanted, version, **more):
    print(json.dumps(dict(
        comparison=name, peer=other["peer"], ratio=round(ours / theirs, 4), ours=ours, theirs=theirs, unit=unit,
        wanted=wanted, **more, machine=BEFORE, versions=dict(other["versions"], swift=version))), flush=True)


def training_rate(log):
    """Input tokens that are not padding per second, from the end of the first step to the end of the last."""
    tokens = seconds = 0.0
    for before, after in itertools.pairwise(log):
        step = after["elapsed_seconds"] - before["elapsed_seconds"]
        tokens += after["tokens_per_second"] * step
        seconds += step
    return tokens / seconds


def swift_train(given, data, folder, *more):
    """One run over `data` with the settings that both sides share; its speed, memory and losses."""
    _, _, resident = launch([
        given.swift, "train", "--method", "sft", "--model", given.model, "--dataset", data, "--output_dir", folder,
        "--add_version", "false", "--torch_dtype", "bfloat16",
        "--per_device_train_batch_size", given.batch, "--gradient_accumulation_steps", "1",
        "--max_steps", given.steps, "--max_length", given.max_length, "--truncation_strategy", "right",
        "--dataset_shuffle", "false", "--split_dataset_ratio", "0", "--loss_scale", "all",
        "--lr_scheduler_type", "linear", "--warmup_ratio", "0", "--weight_decay", "0",
        "--adam_beta2", "0.999", "--logging_steps", "1", "--save_strategy", "no", *more])
    lines = (pathlib.Path(folder) / "logging.jsonl").read_text().splitlines()
    log = [entry for entry in map(json.loads, lines) if "loss" in entry and "tokens_per_second" in entry]
    if len(log) != given.steps:
        raise Failed(f"logging.jsonl has {len(log)} steps, not {given.steps}")
    return dict(rate=training_rate(log), memory=max(entry["memory_gib"] for entry in log), resident=resident,
                losses=[entry["loss"] for entry in log])


def training(given, name, script, mine, other, wanted):
    """Turns of swift with the flags `mine` and of the peer's script with `other`: a line on speed, one on memory."""
    version = swift_version(given.swift)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "rows.jsonl"
        with open(given.data) as rows:
            data.write_text("".join(itertools.islice(rows, given.batch * given.steps)))
        for turn in range(given.runs):
            ours.append(swift_train(given, data, pathlib.Path(folder) / f"run{turn}", *mine))
            theirs.append(peer(script, given.model, data, "--steps", given.steps, "--batch", given.batch,
                               "--max-length", given.max_length, *other))
    work = dict(steps=given.steps, batch=given.batch, max_length=given.max_length,
                recompute=getattr(given, "recompute", False),
                first_loss=dict(ours=ours[0]["losses"][0], theirs=theirs[0]["losses"][0]),
                last_loss=dict(ours=ours[0]["losses"][-1], theirs=theirs[0]["losses"][-1]))
    best = max(theirs, key=lambda run: run["tokens_per_second"])
    emit(f"{name}_speed", "trained tokens/s", max(run["rate"] for run in ours), best,
         best["tokens_per_second"], wanted[0], version, **work)
    worst = max(theirs, key=lambda run: run["peak_rss_gib"])
    # The larger of what swift reports and what the kernel saw.
    emit(f"{name}_memory", "GiB, peak", max(max(run["memory"], run["resident"]) for run in ours), worst,
         worst["peak_rss_gib"], wanted[1], version, **work)


def sft(given):
    training(given, "lora_sft", "trl_sft.py",
             ["--tuner_type", "lora", "--lora_rank", "8", "--lora_alpha", "32", "--lora_dropout", "0",
              "--target_modules", "all-linear", "--learning_rate", "1e-4",
              "--gradient_checkpointing", "true" if given.recompute else "false"],
             ["--checkpointing"] if given.recompute else [], ("ratio >= 3.5", "ratio <= 0.333"))


def full(given):
    training(given, "full_tuning", "hf_full.py",
             ["--tuner_type", "full", "--learning_rate", "1e-5", "--gradient_checkpointing", "false"], [],
             ("ratio >= 2", None))


def swift_decode(given, folder):
    """Decode tokens/s from swift's line on stderr, and the prompt's length."""
    questions, answers = pathlib.Path(folder) / "in.jsonl", pathlib.Path(folder) / "out.jsonl"
    questions.write_text(json.dumps(dict(messages=[dict(role="user", content=PROMPT)])) + "\n")
    _, log, resident = launch([
        given.swift, "infer", "--model", given.model, "--torch_dtype", "bfloat16", "--infer_input", questions,
        "--result_path", answers, "--temperature", "0", "--ignore_eos", "true", "--max_new_tokens", given.new])
    found = re.search(r"decode (\d+) tokens in [\d.]+ s \(([\d.]+) tokens/s\)", log)
    if not found:
        raise Failed(f"swift infer printed no decode rate:\n{log[-2000:]}")
    usage = json.loads(answers.read_text().splitlines()[0])["usage"]
    if usage["completion_tokens"] != given.new:
        raise Failed(f"swift generated {usage['completion_tokens']} tokens, not {given.new}")
    answers.unlink()
    return dict(rate=float(found[2]), prompt=usage["prompt_tokens"], resident=resident)


def decode(given):
    version = swift_version(given.swift)
    ours, theirs = [], {"llama.cpp": [], "transformers": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.runs):
            ours.append(swift_decode(given, folder))
            shape = ("--prompt", ours[0]["prompt"], "--new", given.new)
            theirs["llama.cpp"].append(peer("llama_decode.py", given.gguf, *shape))
            theirs["transformers"].append(peer("hf_generate.py", given.model, *shape))
    wanted = {"llama.cpp": "ratio >= 0.8", "transformers": None}
    for name, runs in theirs.items():
        best = max(runs, key=lambda run: run["tokens_per_second"])
        emit("decode_batch_1", "generated tokens/s, prompt not counted", max(run["rate"] for run in ours), best,
             best["tokens_per_second"], wanted[name], version, prompt=ours[0]["prompt"], new=given.new,
             memory_gib=dict(ours=max(run["resident"] for run in ours), theirs=best["peak_rss_gib"]))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = options.add_subparsers(dest="work", required=True)
    for name in ("sft", "full", "decode"):
        one = work.add_parser(name)
        one.add_argument("--swift", required=True, help="the executable")
        one.add_argument("--model", required=True, help="model directory in bf16")
        one.add_argument("--runs", type=int, default=2, help="turns of each side")
    for name in ("sft", "full"):
        work.choices[name].add_argument("--data", required=True, help="JSONL with messages")
        work.choices[name].add_argument("--steps", type=int, default=8)
        work.choices[name].add_argument("--batch", type=int, default=4)
        work.choices[name].add_argument("--max-length", type=int, default=512)
    work.choices["sft"].add_argument("--recompute", action="store_true", help="activation checkpointing, on both sides")
    work.choices["decode"].add_argument("--gguf", required=True, help="the same weights, from peers/to_gguf.py")
    work.choices["decode"].add_argument("--new", type=int, default=64)
    given = options.parse_args()
    if BEFORE["load_1m"] > 0.3:
        print(f"compare.py: other work is running here (load {BEFORE['load_1m']}): the ratio is not to be trusted",
              file=sys.stderr)
    try:
        dict(sft=sft, full=full, decode=decode)[given.work](given)
    except (Failed, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
