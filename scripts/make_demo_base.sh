#!/usr/bin/env bash
# Makes assets/demo/base again from assets/demo/corpus.jsonl: tokenizer and weights, with this project's own commands.
# About a quarter of an hour on two cores. usage: make_demo_base.sh [SWIFT]
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${1:-build/release/swift}
work=build/demo-base
rm -rf "$work"
mkdir -p "$work"
"$swift" tokenize --train assets/demo/corpus.jsonl --vocab_size 2048 --output_dir "$work/model"
cp assets/demo/config/* "$work/model/"
"$swift" train configs/demo/pretrain.yaml --model "$work/model" --output_dir "$work/run" --add_version false
checkpoint=$(ls -d "$work"/run/checkpoint-* | sort -V | tail -n 1)
mkdir -p assets/demo/base
for file in model.safetensors config.json generation_config.json tokenizer.json tokenizer_config.json chat_template.jinja; do
  [ ! -e "$checkpoint/$file" ] || cp "$checkpoint/$file" assets/demo/base/
done
echo "make_demo_base: assets/demo/base holds the new base model"
