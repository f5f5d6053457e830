"""Writes tests/golden/awq_demo.safetensors: the demo model's perplexity after AutoAWQ's own quantizer.

    pip download --no-deps autoawq==0.2.9, unpacked
    PYTHONPATH=.../autoawq-0.2.9 python tests/golden/awq_demo.py          (two minutes; torch and transformers)

calibration, held_out   int32 (8, 256) tokens of assets/demo/corpus.jsonl, rows one after another with the end token
before                  float64 (1), perplexity of held_out in fp32
after.<group>           the same behind AutoAWQ with 4 bits and that group, calibrated on `calibration` in fp32
"""
import json
import pathlib
import sys
import types

import torch
import transformers

import oracle

ROOT = oracle.HERE.parent.parent
COUNT, LENGTH, GROUPS = 8, 256, (32, 64)


def main():
    sys.path.insert(0, str(ROOT / "bench/peers"))
    import quantizers
    torch.set_num_threads(1)
    model = str(ROOT / "assets/demo/base")
    tokenizer, ids = transformers.AutoTokenizer.from_pretrained(model), []
    for line in open(ROOT / "assets/demo/corpus.jsonl"):
        ids += tokenizer(json.loads(line)["text"]).input_ids + [tokenizer.eos_token_id]
    rows = [ids[i * LENGTH:(i + 1) * LENGTH] for i in range(2 * COUNT)]
    calibration, held_out = rows[:COUNT], rows[COUNT:]
    given = types.SimpleNamespace(model=model, dtype="float32", bits=4, parallel=None)
    found = {"calibration": torch.tensor(calibration).int(), "held_out": torch.tensor(held_out).int(),
             "before": torch.tensor([quantizers.perplexity(quantizers.load(given), held_out)], dtype=torch.float64)}
    for group in GROUPS:
        given.group = group
        quantized, _ = quantizers.autoawq(given, calibration)
        found[f"after.{group}"] = torch.tensor([quantizers.perplexity(quantized, held_out)], dtype=torch.float64)
    print({name: value.item() for name, value in found.items() if value.numel() == 1})
    oracle.write_tensors(pathlib.Path(oracle.HERE) / "awq_demo.safetensors", found,
                         oracle.provenance("awq_demo.py", autoawq="0.2.9"))


if __name__ == "__main__":
    main()
