#!/usr/bin/env bash
# Unpacks LibTorch from the PyPI wheels into CACHE/torch-2.11.0. usage: fetch-torch.sh CACHE [--cuda]
# CPU: torch itself and the two small nvidia wheels that libtorch_cpu.so is linked against.
set -euo pipefail
cache=${1:?usage: fetch-torch.sh CACHE [--cuda]}
root=$cache/torch-2.11.0
mkdir -p "$root"
platforms=()
for glibc in 2_{17..28}; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
platforms+=(--platform manylinux2014_x86_64 --platform manylinux1_x86_64)

# get NAME VERSION MARKER PATTERN…: fetches a wheel and unpacks the patterns, unless MARKER says it was done.
get() {
  local name=$1 version=$2 marker=$root/.$3
  shift 3
  [ -e "$marker" ] && return 0
  local scratch
  scratch=$(mktemp -d "$cache/fetch.XXXXXX")
  echo "fetch-torch: $name $version"
  python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
    "${platforms[@]}" \
    -d "$scratch" "$name==$version"
  unzip -q -o "$scratch"/*.whl "$@" -d "$root"
  rm -rf "$scratch"
  touch "$marker"
}

get torch 2.11.0 torch-cpu 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' 'torch/lib/libgomp*' 'torch/include/*'
get nvidia-cuda-runtime 13.0.96 cudart 'nvidia/*/lib/libcudart.so*'
get nvidia-cuda-cupti 13.0.85 cupti 'nvidia/*/lib/libcupti.so*'
if [ "${2:-}" = --cuda ]; then
  get torch 2.11.0 torch-cuda 'torch/lib/*.so*'
  get nvidia-cublas 13.1.0.3 cublas 'nvidia/*/lib/*'
  get nvidia-cudnn-cu13 9.19.0.56 cudnn 'nvidia/*/lib/*'
  get nvidia-cufft 12.0.0.61 cufft 'nvidia/*/lib/*'
  get nvidia-cufile 1.15.1.6 cufile 'nvidia/*/lib/*'
  get nvidia-curand 10.4.0.35 curand 'nvidia/*/lib/*'
  get nvidia-cusolver 12.0.4.66 cusolver 'nvidia/*/lib/*'
  get nvidia-cusparse 12.6.3.3 cusparse 'nvidia/*/lib/*'
  get nvidia-cusparselt-cu13 0.8.0 cusparselt 'nvidia/*/lib/*'
  get nvidia-nccl-cu13 2.28.9 nccl 'nvidia/*/lib/*'
  get nvidia-nvshmem-cu13 3.4.5 nvshmem 'nvidia/*/lib/*'
  get nvidia-nvjitlink 13.0.88 nvjitlink 'nvidia/*/lib/*'
  get nvidia-cuda-nvrtc 13.0.88 nvrtc 'nvidia/*/lib/*'
  get nvidia-nvtx 13.0.85 nvtx 'nvidia/*/lib/*'
fi
echo "fetch-torch: LibTorch is in $root"
