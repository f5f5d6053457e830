#!/usr/bin/env bash
# The clients of the server tests: a virtual environment CACHE/clients-env from tests/clients/requirements.txt.
# usage: scripts/clients-env.sh CACHE
# Only tests use it. Where it cannot be made, says why and exits 0: those tests then skip, visibly.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${1:?usage: scripts/clients-env.sh CACHE}
requirements=tests/clients/requirements.txt
env=$cache/clients-env
stamp=$env/requirements.sha256
want=$(sha256sum <"$requirements" | cut -d' ' -f1)

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && "$env/bin/python" -c '' 2>/dev/null; then
  echo "clients-env: $env is up to date"
  exit 0
fi

# no_environment REASON: leaves nothing half made behind.
no_environment() {
  rm -rf "$env"
  echo "clients-env: no clients of the server: $1; the clients tests will skip" >&2
  exit 0
}

command -v python3 >/dev/null || no_environment "python3 is not installed (Debian: python3 python3-venv)"
echo "clients-env: installing clients of the server into $env (about 150 MB, half a minute)"
rm -rf "$env"
mkdir -p "$cache"
log=$cache/clients-env.log
python3 -m venv "$env" >"$log" 2>&1 || no_environment "python3 -m venv failed (Debian: python3-venv), see $log"
"$env/bin/pip" install --disable-pip-version-check --no-input -q --no-deps -r "$requirements" >>"$log" 2>&1 ||
  no_environment "pip could not install $requirements: $(tail -n 1 "$log") (see $log)"
"$env/bin/python" -c 'import anthropic, langchain_openai, openai, prometheus_client, schemathesis' >>"$log" 2>&1 ||
  no_environment "the installed clients do not load, see $log"
echo "$want" >"$stamp"
echo "clients-env: done"
