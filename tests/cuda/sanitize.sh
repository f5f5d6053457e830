#!/bin/sh
# The tests of kernels on a device under compute-sanitizer. usage: sanitize.sh memcheck|racecheck|synccheck TEST_PROGRAM
# COMPUTE_SANITIZER names the tool if it lies neither in PATH nor in the toolkit. Exit: 77 without a device or the tool.
set -u
check=$1 program=$2
told=$("$program" --help)
if [ $? -eq 77 ]; then
  echo "$told"
  exit 77
fi
tool=
for place in "${COMPUTE_SANITIZER:-}" compute-sanitizer "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" \
  "${CUDA_HOME:-/usr/local/cuda}/compute-sanitizer/compute-sanitizer"; do
  if [ -n "$place" ] && command -v "$place" >/dev/null; then
    tool=$place
    break
  fi
done
if [ -z "$tool" ]; then
  echo "skipped: compute-sanitizer is not installed; it comes with the CUDA toolkit"
  exit 77
fi
# Buffers apart from each other, so that what runs over one's end is seen.
[ "$check" = memcheck ] && set -- --padding 256 || set --
exec "$tool" --tool "$check" --error-exitcode 1 --print-limit 20 "$@" "$program"
