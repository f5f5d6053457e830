#!/bin/sh
# LoRA SFT of swift against TRL + PEFT: trained tokens per second and peak memory, one JSON line each.
#   bench/sft.sh MODEL DATA.jsonl [options of compare.py sft]
# MODEL: bench/make_model.py writes one. PYTHON: an interpreter with bench/requirements.txt (default python3);
# SWIFT: the executable (default build/release/swift). The machine should be otherwise idle.
set -eu
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
model=$1 data=$2
shift 2
exec "${PYTHON:-python3}" "$here/compare.py" sft --swift "${SWIFT:-$here/../build/release/swift}" \
  --model "$model" --data "$data" "$@"
