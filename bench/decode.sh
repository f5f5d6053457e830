#!/bin/sh
# Greedy decode at batch 1 in bf16: swift against llama.cpp and transformers, one JSON line each.
#   bench/decode.sh MODEL [options of compare.py decode]
# The same weights are converted to MODEL.gguf beside MODEL when that file is missing or older.
# PYTHON: an interpreter with bench/requirements.txt (default python3); SWIFT: the executable (default
# build/release/swift). The machine should be otherwise idle: llama.cpp loses most from another process.
set -eu
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
model=${1%/}
shift
gguf=$model.gguf
newest=$(ls -t "$model"/*.safetensors "$gguf" 2>/dev/null | head -n 1)
if [ "$newest" != "$gguf" ]; then
  "${PYTHON:-python3}" "$here/peers/to_gguf.py" "$model" "$gguf.part" >&2
  mv "$gguf.part" "$gguf"
fi
exec "${PYTHON:-python3}" "$here/compare.py" decode --swift "${SWIFT:-$here/../build/release/swift}" \
  --model "$model" --gguf "$gguf" "$@"
