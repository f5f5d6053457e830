"""Loads a merged or fully fine-tuned directory written by swift in transformers and compares the logits.

    python tests/golden/check_merged.py --model DIR --logits FILE.safetensors [--tolerance 1e-4]

FILE and the exit code are those of check_adapter.py. The weights are loaded as fp32, and transformers must find
every tensor it needs and know every tensor that is there.
"""
import sys

import torch
import transformers

import check_adapter

if __name__ == "__main__":
    parsed = check_adapter.arguments("Compare swift's logits with transformers' for one directory").parse_args()
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        parsed.model, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    misfits = [str(name) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in loading[kind]]
    sys.exit(check_adapter.report(model.eval(), parsed, misfits))
