"""Loads an adapter written by swift in PEFT and compares its logits with those swift computed.

    python tests/golden/check_adapter.py --model DIR --adapter DIR --logits FILE.safetensors [--tolerance 1e-4]

FILE holds ids (tokens) int64 and logits (tokens, vocabulary) f32; with --ids-key and --logits-key other names.
Prints one JSON line with the largest absolute difference and the tensors PEFT did not find or did not expect;
exit 1 when the difference is above the tolerance (also when it is not a number) or such a tensor exists.
"""
import argparse
import json
import pathlib
import sys

from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file

import oracle


def load_adapter(model, folder):
    """Attaches the adapter, to a model resized as it was; returns the model and the names that did not fit."""
    state = load_file(pathlib.Path(folder) / "adapter_model.safetensors")
    rows = max((value.shape[0] for name, value in state.items()
                if name.endswith(("embed_tokens.weight", "lm_head.weight", ".base_layer.weight"))), default=0)
    if rows > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(rows)
    config = LoraConfig.from_pretrained(folder)
    config.inference_mode = True
    model = get_peft_model(model, config).eval()
    outcome = set_peft_model_state_dict(model, state)
    missing = [name for name in outcome.missing_keys if "lora_" in name or "modules_to_save" in name]
    return model, missing + list(outcome.unexpected_keys)


def report(model, given, misfits=()):
    """Prints the comparison and returns the exit code."""
    stored = load_file(given.logits)
    ids, theirs = stored[given.ids_key].long().flatten(), stored[given.logits_key].float()
    ours = oracle.logits(model, ids)
    if theirs.shape != ours.shape:
        print(json.dumps(dict(error=f"logits are {list(theirs.shape)}, transformers gives {list(ours.shape)}")))
        return 1
    difference = (ours - theirs).abs().max().item()
    print(json.dumps(dict(max_abs_difference=difference, tolerance=given.tolerance, misfits=list(misfits),
                          about=oracle.provenance(pathlib.Path(sys.argv[0]).name))))
    return 0 if difference <= given.tolerance and not misfits else 1


def arguments(description):
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--model", required=True, help="model directory")
    options.add_argument("--logits", required=True, help="safetensors file with ids and logits")
    options.add_argument("--ids-key", default="ids")
    options.add_argument("--logits-key", default="logits")
    options.add_argument("--tolerance", type=float, default=1e-4)
    return options


if __name__ == "__main__":
    parser = arguments("Compare swift's logits with PEFT's for one adapter")
    parser.add_argument("--adapter", required=True, help="directory with adapter_config.json")
    parsed = parser.parse_args()
    tuned, unfit = load_adapter(oracle.load(parsed.model), parsed.adapter)
    sys.exit(report(tuned, parsed, unfit))
