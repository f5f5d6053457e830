#!/usr/bin/env bash
# Installs the Debian packages that the build needs. Skips what is there; works as root or with sudo,
# and otherwise prints the exact command and stops.
set -euo pipefail
packages=(build-essential cmake ninja-build ccache pkg-config python3-pip python3-venv unzip ca-certificates
  libcli11-dev libyaml-cpp-dev libfmt-dev libspdlog-dev catch2 nlohmann-json3-dev libpcre2-dev libutf8proc-dev
  libboost1.81-dev libboost-context1.81-dev libgloo-dev libpng-dev libssl-dev)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#packages[@]} system packages are installed"
  exit 0
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    run=(sudo)
  else
    echo "setup: cannot install packages as this user. Ask an administrator to run:" >&2
    echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi
echo "setup: installing ${missing[*]}"
"${run[@]}" apt-get update -q >/dev/null
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
