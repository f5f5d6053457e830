#!/usr/bin/env bash
# GRPO on small arithmetic: a short SFT as the start, then rewards alone; draws the held-out accuracy as SVG.
# usage: grpo_demo.sh [SWIFT] [CURVE.svg]
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${1:-build/release/swift}
curve=${2:-build/grpo-demo/accuracy.svg}
work=build/grpo-demo
rm -rf "$work"
mkdir -p "$work"
"$swift" train configs/demo/grpo_start.yaml --output_dir "$work/start" --add_version false
start=$(ls -d "$work"/start/checkpoint-* | sort -V | tail -n 1)
"$swift" train configs/demo/grpo.yaml --adapters "$start" --output_dir "$work/run" --add_version false
python3 scripts/accuracy_curve.py "$work/run/logging.jsonl" "$curve"
echo "curve: $curve"
