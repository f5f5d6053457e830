"""Peak memory of full tuning with AdamW, GaLore and Q-GaLore at the sizes and ranks of the papers.

usage: galore_memory.py --swift build/release/swift [--size 350m]
Shapes and ranks: table 1 of the GaLore paper (arXiv 2403.03507) and of Q-GaLore (2407.08296), which count weights and
optimizer states in bfloat16. Here the peak of the whole process is measured, over 3 steps of 128 tokens. One JSON line
an optimizer; `ratio` is its peak without the program's own memory over AdamW's.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import estimate

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import machine  # noqa: E402

# hidden, intermediate, layers, heads, rank; the papers' weights and states in G: full, GaLore, Q-GaLore
SIZES = {
    "60m": (512, 1376, 8, 8, 128, (0.36, 0.24, 0.18)),
    "130m": (768, 2048, 12, 12, 256, (0.76, 0.52, 0.39)),
    "350m": (1024, 2736, 24, 16, 256, (2.06, 1.22, 0.88)),
}
LAYERWISE = {"galore_optim_per_parameter": True, "max_grad_norm": 0}
RUNS = [
    ("adamw", {"optim": "adamw"}, 0),
    ("adamw_8bit", {"optim": "adamw_8bit"}, None),
    ("galore_adamw", {"optim": "galore_adamw"}, 1),
    ("galore_adamw, layer by layer", {"optim": "galore_adamw", **LAYERWISE}, 1),
    ("galore_adamw_8bit, layer by layer", {"optim": "galore_adamw_8bit", **LAYERWISE}, None),
    ("q_galore, layer by layer", {"optim": "q_galore", **LAYERWISE}, 2),
]


def shape(size):
    hidden, intermediate, layers, heads, _, _ = SIZES[size]
    return dict(estimate.SHAPE, architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=hidden,
                intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=heads, head_dim=hidden // heads, tie_word_embeddings=False)


def peak(given, folder, settings):
    """MiB: the run's peak, and the part of the plan that is the program's."""
    task = estimate.words(dict(settings, method="pt", tuner_type="full", train_from_scratch=True, model=folder / "blank",
                               torch_dtype="bfloat16", max_length=128, per_device_train_batch_size=1, report_to="none",
                               gradient_accumulation_steps=1, truncation_strategy="right", num_threads=2))
    plan = json.loads(estimate.swift(given, "estimate", "--json", *task))
    estimate.swift(given, "train", *task, "--dataset", folder / "rows.jsonl", "--max_steps", "3", "--save_strategy", "no",
                   "--add_version", "false", "--overwrite_output_dir", "true", "--output_dir", folder / "run")
    last = json.loads((folder / "run/logging.jsonl").read_text().splitlines()[-1])
    program = next(item["bytes"] for item in plan["items"] if item["name"] == "program")
    return last["memory_gib"] * 1024, program / 2**20, plan["parameters"]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--swift", required=True)
    options.add_argument("--size", choices=SIZES, default="350m")
    given = options.parse_args()
    rank, papers = SIZES[given.size][4:]
    version = estimate.swift(given, "version").strip().splitlines()[0]
    first = None
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        estimate.blank_model(folder / "blank", shape(given.size), "bfloat16")
        estimate.write_data(folder / "rows.jsonl")
        for optimizer, settings, column in RUNS:
            if "galore" in settings["optim"]:
                settings = dict(settings, galore_rank=rank, galore_update_proj_gap=200, galore_scale=0.25)
            measured, program, parameters = peak(given, folder, settings)
            own = measured - program
            first = first or own
            print(json.dumps(dict(
                comparison="galore_memory", optimizer=optimizer, size=given.size, rank=rank, parameters=parameters,
                peak_mib=round(measured, 1), without_program_mib=round(own, 1), ratio=round(own / first, 3),
                paper_ratio=None if column is None else round(papers[column] / papers[0], 3),
                machine=machine.machine(), versions=dict(swift=version))), flush=True)


if __name__ == "__main__":
    main()
