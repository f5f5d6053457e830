"""The memory plan of swift against the measured peak of the same run.

usage: estimate.py [--swift build/release/swift] [--only TEXT] [--threads 2]
One JSON line a run: {comparison, case, ratio, planned, measured, unit, wanted, settings, items, machine, versions};
ratio is planned / measured. Models have random weights and about 60 M parameters; every sample has max_length tokens.
`swift estimate` reads config.json only; the measured peak (VmHWM) is of a run of three steps.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import machine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = ROOT / "assets/demo/base"
SHAPE = dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", vocab_size=32000, hidden_size=512,
             intermediate_size=1536, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4, head_dim=64,
             hidden_act="silu", rms_norm_eps=1e-6, max_position_embeddings=4096, tie_word_embeddings=True,
             rope_parameters=dict(rope_type="default", rope_theta=1e6))
LARGE_HEAD = dict(SHAPE, vocab_size=96000, num_hidden_layers=4)
MOE = dict(SHAPE, architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_experts=8, num_experts_per_tok=2,
           moe_intermediate_size=512, norm_topk_prob=True, tie_word_embeddings=False)
BATCH = {"per_device_train_batch_size": 4, "max_length": 512, "gradient_accumulation_steps": 1}
FULL = dict(BATCH, tuner_type="full")
LORA = dict(BATCH, tuner_type="lora", lora_rank=16)
CASES = {
    "full adamw": (SHAPE, FULL),
    "full adamw, no checkpointing": (SHAPE, dict(FULL, gradient_checkpointing=False)),
    "full adamw, fp32": (SHAPE, dict(FULL, torch_dtype="float32")),
    "full adamw, fp32, no checkpointing": (SHAPE, dict(FULL, torch_dtype="float32", gradient_checkpointing=False)),
    "full adamw, accumulation": (SHAPE, dict(FULL, gradient_accumulation_steps=4)),
    "full adamw, large head": (LARGE_HEAD, FULL),
    "full adamw_8bit": (SHAPE, dict(FULL, optim="adamw_8bit")),
    "full adafactor": (SHAPE, dict(FULL, optim="adafactor")),
    "full lion": (SHAPE, dict(FULL, optim="lion")),
    "full sgd": (SHAPE, dict(FULL, optim="sgd")),
    "full muon": (SHAPE, dict(FULL, optim="muon")),
    "full galore": (SHAPE, dict(FULL, optim="galore_adamw", galore_rank=64)),
    "full galore 8bit": (SHAPE, dict(FULL, optim="galore_adamw_8bit", galore_rank=64)),
    "full q_galore": (SHAPE, dict(FULL, optim="q_galore", galore_rank=64)),
    "full q_galore, per parameter": (SHAPE, dict(FULL, optim="q_galore", galore_rank=64, max_grad_norm=0,
                                                 galore_optim_per_parameter=True)),
    "lora": (SHAPE, LORA),
    "lora, no checkpointing": (SHAPE, dict(LORA, gradient_checkpointing=False)),
    "lora, no dropout": (SHAPE, dict(LORA, lora_dropout=0, gradient_checkpointing=False)),
    "lora, fp32, no checkpointing": (SHAPE, dict(LORA, torch_dtype="float32", gradient_checkpointing=False)),
    "lora, large head": (LARGE_HEAD, LORA),
    "lora, packing": (SHAPE, dict(LORA, packing=True, packing_length=2048, per_device_train_batch_size=1,
                                  gradient_checkpointing=False)),
    "lora, one long sample": (SHAPE, dict(LORA, max_length=4096, per_device_train_batch_size=1)),
    "dora": (SHAPE, dict(LORA, use_dora=True)),
    "dora, no checkpointing": (SHAPE, dict(LORA, use_dora=True, gradient_checkpointing=False)),
    "lora of the vocabulary": (SHAPE, dict(LORA, target_modules="all-linear embed_tokens lm_head")),
    "lora, vocabulary trained whole": (SHAPE, dict(LORA, modules_to_save="embed_tokens lm_head")),
    "lora, new tokens": (SHAPE, dict(LORA, new_special_tokens="<one> <two>")),
    "qlora, nf4": (SHAPE, dict(LORA, quant_method="bnb", quant_bits=4)),
    "qlora, int8": (SHAPE, dict(LORA, quant_method="bnb", quant_bits=8)),
    "experts, lora": (MOE, LORA),
    "experts, full, no checkpointing": (MOE, dict(FULL, gradient_checkpointing=False)),
}


def words(settings):
    flags = []
    for key, value in settings.items():
        flags += ["--" + key, *(str(value).lower() if isinstance(value, bool) else str(value)).split(" ")]
    return flags


def swift(given, *arguments):
    command = [str(given.swift), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def blank_model(folder, shape, dtype):
    folder.mkdir(parents=True, exist_ok=True)
    for file in DEMO.iterdir():
        if file.name.startswith(("tokenizer", "chat_template", "special")):
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "config.json").write_text(json.dumps(dict(shape, dtype=dtype)))


def write_data(path):
    source = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    with open(path, "w") as out:
        for _ in range(64):
            text = " ".join("".join(source.choices(letters, k=5)) for _ in range(6000))
            out.write(json.dumps(dict(messages=[dict(role="assistant", content=text)])) + "\n")


def run(given, folder, data, name):
    shape, settings = CASES[name]
    dtype = settings.get("torch_dtype", "bfloat16")
    model = folder / "blank"
    blank_model(model, shape, dtype)
    common = dict(method="pt", truncation_strategy="right", report_to="none", num_threads=given.threads, torch_dtype=dtype)
    if settings["tuner_type"] == "lora":
        made = folder / "made"
        swift(given, "train", *words(dict(common, model=model, dataset=data, tuner_type="full", train_from_scratch=True,
                                          max_length=16, max_steps=1, optim="sgd", save_only_model=True,
                                          output_dir=made, add_version=False)))
        model = made / "checkpoint-1"
    task = words(dict(common, **settings, model=model, train_from_scratch=settings["tuner_type"] == "full"))
    begin = time.perf_counter()
    plan = json.loads(swift(given, "estimate", "--json", *task))
    seconds = time.perf_counter() - begin
    swift(given, "train", *task, "--dataset", data, "--max_steps", "3", "--save_strategy", "no", "--add_version", "false",
          "--output_dir", folder / "run")
    measured = json.loads((folder / "run/logging.jsonl").read_text().splitlines()[-1])["memory_gib"] * 1024
    planned = plan["peak_bytes"] / 2**20
    print(json.dumps(dict(comparison="memory_plan", case=name, ratio=round(planned / measured, 3), planned=round(planned, 1),
                          measured=round(measured, 1), unit="MiB, peak", wanted="0.95 <= ratio <= 1.05",
                          estimate_seconds=round(seconds, 3), parameters=plan["parameters"], settings=settings,
                          items={item["name"]: round(item["bytes"] / 2**20, 1) for item in plan["items"]},
                          machine=machine.machine(),
                          versions=dict(swift=swift(given, "version").strip().splitlines()[0]))), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--swift", type=pathlib.Path, default=ROOT / "build/release/swift")
    options.add_argument("--only", default="", help="cases whose name holds this text")
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    for name in CASES:
        if given.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "rows.jsonl"
            write_data(data)
            run(given, pathlib.Path(folder), data, name)


if __name__ == "__main__":
    main()
