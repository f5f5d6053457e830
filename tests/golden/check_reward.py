"""Loads a reward model written by swift in transformers, or PEFT, and compares its scores.

    python tests/golden/check_reward.py --model DIR [--adapter DIR] --scores FILE.safetensors

FILE holds ids (rows, tokens) int64 and scores (rows) f32. Prints one JSON line; exit 1 when a score differs by
more than 1e-4.
"""
import argparse
import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification


@torch.no_grad()
def main():
    options = argparse.ArgumentParser(description="Compare swift's scores with transformers'")
    options.add_argument("--model", required=True)
    options.add_argument("--adapter")
    options.add_argument("--scores", required=True)
    given = options.parse_args()
    model = AutoModelForSequenceClassification.from_pretrained(given.model, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = 0
    if given.adapter:
        model = PeftModel.from_pretrained(model, given.adapter)
    stored = load_file(given.scores)
    scores = model.eval()(stored["ids"]).logits[:, 0].float()
    difference = (scores - stored["scores"]).abs().max().item()
    print(json.dumps(dict(max_abs_difference=difference)))
    return 0 if difference <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
