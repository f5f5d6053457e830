#!/usr/bin/env bash
# The demo: a small base model answers held-out requests, is fine-tuned with LoRA, and answers them again.
set -euo pipefail
cd "$(dirname "$0")/.."
swift=build/release/swift
base=assets/demo/base
heldout=assets/demo/heldout.jsonl
work=build/demo
rm -rf "$work"
mkdir -p "$work"

prompts=("Sort these numbers: 19, 2, 4" "Reverse the words: scarf bell glove" "Name the group of cow." "Which is bigger, 10 or 14?")

# score NAME ARGUMENTS…: answers all held-out requests and prints the line with the exact-match score.
score() {
  local name=$1
  shift
  "$swift" infer "$@" --infer_input "$heldout" --result_path "$work/$name.jsonl" --metric acc --temperature 0 \
    --max_new_tokens 24 --max_batch_size 16 2>"$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
  grep -o 'acc .*' "$work/$name.log" | tail -n 1
}
answer() { "$swift" infer "$@" --temperature 0 --max_new_tokens 24 2>/dev/null | tr '\n' ' ' | cut -c1-60; }

echo "== the base model: 4 M parameters, pretrained on assets/demo/corpus.jsonl, never taught to answer"
before=$(score before --model "$base")
declare -a before_answers
for i in "${!prompts[@]}"; do before_answers[i]=$(answer --model "$base" --prompt "${prompts[i]}"); done
echo "== LoRA fine-tuning on assets/demo/instruct.jsonl (configs/demo/sft.yaml)"
"$swift" train configs/demo/sft.yaml --output_dir "$work/run" --add_version false
adapter=$(ls -d "$work"/run/checkpoint-* | sort -V | tail -n 1)
after=$(score after --adapters "$adapter")
echo
echo "== held-out requests, before and after"
for i in "${!prompts[@]}"; do
  printf '%s\n  before: %s\n  after:  %s\n' "${prompts[i]}" "${before_answers[i]}" "$(answer --adapters "$adapter" --prompt "${prompts[i]}")"
done
echo
echo "exact match on the held-out requests ($heldout)"
echo "  before: $before"
echo "  after:  $after"
echo "loss curve:  $work/run/images/train_loss.png"
echo "adapter:     $adapter"
echo "talk to it:  $swift infer --adapters $adapter"
