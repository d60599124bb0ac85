#!/usr/bin/env bash
# Configures and builds the named targets (default: the program) into build/. Prints the compiler's output only
# when something is wrong with it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
"$root/scripts/fetch-engine.sh"
"$root/scripts/fetch-web.sh"
# Clones in other folders share the cache.
export CCACHE_BASEDIR=$root
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset release >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
echo "building (${*:-moestress})"
if ! cmake --build build --target "${@:-moestress}" >"$log" 2>&1; then
  grep -E 'error|Error|FAILED|warning' -A 5 "$log" | head -n 80 >&2 || tail -n 40 "$log" >&2
  exit 1
fi
