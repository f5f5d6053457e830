#!/usr/bin/env bash
# A virtual environment CACHE/NAME-env for the tests of tests/NAME, from tests/NAME/requirements.txt.
# usage: scripts/python-env.sh CACHE NAME MODULES    (MODULES: comma-separated, imported to prove that it works)
# Only tests use it. Where it cannot be made, says why and exits 0: those tests then skip, visibly.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${1:?usage: scripts/python-env.sh CACHE NAME MODULES} name=${2:?NAME} modules=${3:?MODULES}
requirements=tests/$name/requirements.txt
env=$cache/$name-env
stamp=$env/requirements.sha256
want=$(sha256sum <"$requirements" | cut -d' ' -f1)

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && "$env/bin/python" -c '' 2>/dev/null; then
  echo "$name-env: $env is up to date"
  exit 0
fi

# no_environment REASON: leaves nothing half made behind.
no_environment() {
  rm -rf "$env"
  echo "$name-env: not there: $1; the $name tests will skip" >&2
  exit 0
}

command -v python3 >/dev/null || no_environment "python3 is not installed (Debian: python3 python3-venv)"
echo "$name-env: installing $requirements into $env (about half a minute)"
rm -rf "$env"
mkdir -p "$cache"
log=$cache/$name-env.log
python3 -m venv "$env" >"$log" 2>&1 || no_environment "python3 -m venv failed (Debian: python3-venv), see $log"
"$env/bin/pip" install --disable-pip-version-check --no-input -q --no-deps -r "$requirements" >>"$log" 2>&1 ||
  no_environment "pip could not install $requirements: $(tail -n 1 "$log") (see $log)"
"$env/bin/python" -c "import $modules" >>"$log" 2>&1 || no_environment "what is installed does not load, see $log"
echo "$want" >"$stamp"
echo "$name-env: done"
