#!/usr/bin/env bash
# Trains the larger model of docs/quantization.md from this repository's own text: Qwen3 architecture, hidden 384,
# 7 layers, vocabulary 4096, 14 M parameters. About a quarter of an hour on two idle cores; nothing is committed.
# usage: quantization_model.sh OUT [STEPS] [SWIFT]      (makes OUT/model, OUT/train.jsonl, OUT/heldout.jsonl)
set -euo pipefail
out=$(realpath -m "${1:?usage: quantization_model.sh OUT [STEPS] [SWIFT]}") steps=${2:-600}
swift=$(realpath "${3:-$(dirname "$0")/../build/release/swift}")
cd "$(dirname "$0")/.."
mkdir -p "$out/start"
# One file a row; every twelfth, by the hash of its name, is held out.
python3 - "$out" <<'PYTHON'
import hashlib, json, pathlib, sys
out = pathlib.Path(sys.argv[1])
names = sorted(str(path) for folder in ("src", "docs", "tests", "bench", "scripts") for path in pathlib.Path(folder).rglob("*")
               if path.suffix in (".cc", ".h", ".cu", ".py", ".md", ".sh", ".yaml"))
with open(out / "train.jsonl", "w") as train, open(out / "heldout.jsonl", "w") as heldout:
    for name in names:
        kept = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 12 != 0
        print(json.dumps({"text": pathlib.Path(name).read_text()}), file=train if kept else heldout)
PYTHON
"$swift" tokenize --train "$out/train.jsonl" --vocab_size 4096 --output_dir "$out/start"
cp assets/demo/config/* "$out/start/"
python3 - "$out/start/config.json" <<'PYTHON'
import json, pathlib, sys
path = pathlib.Path(sys.argv[1])
shape = dict(vocab_size=4096, hidden_size=384, intermediate_size=1152, num_hidden_layers=7, num_attention_heads=6,
             num_key_value_heads=2, head_dim=64, max_position_embeddings=1024)
path.write_text(json.dumps(json.loads(path.read_text()) | shape, indent=1))
PYTHON
"$swift" train configs/demo/pretrain.yaml --model "$out/start" --dataset "$out/train.jsonl" --max_steps "$steps" \
  --truncation_strategy split --learning_rate 0.001 --save_steps "$steps" --output_dir "$out/run" --add_version false
rm -rf "$out/model"
cp -r "$out/run/checkpoint-$steps" "$out/model"
