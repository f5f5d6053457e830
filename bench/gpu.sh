#!/usr/bin/env bash
# Measures the CUDA kernels on this machine's device and writes bench/results/<device>.md, in less than 8 minutes
# once built. Builds what is missing by the preset cuda. usage: bench/gpu.sh [options of gpu_bench; --help lists them]
# Exit: 77 without a device.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/cuda
if [ ! -e "$build/build.ninja" ]; then
  mkdir -p "$root/build"
  cmake -S "$root" --preset cuda >"$root/build/gpu-configure.log" 2>&1 || {
    cat "$root/build/gpu-configure.log" >&2
    exit 1
  }
fi
cmake --build "$build" --target gpu_bench >&2
exec "$build/gpu_bench" --out "$root/bench/results" "$@"
