#!/usr/bin/env bash
# Installs OpenAI's own clients, pinned by hash, for the test openai_clients: the JavaScript one into
# tests/clients/js/node_modules, the Python one into a virtual environment in .deps/openai-venv.
# Does nothing where the pinned versions are already there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
js=$root/tests/clients/js
python=$root/tests/clients/python
venv=$root/.deps/openai-venv

# Whether stamp $1 holds the hash of file $2.
is_current() { [ "$(cat "$1" 2>/dev/null)" = "$(sha256sum <"$2")" ]; }

if ! is_current "$js/node_modules/.installed" "$js/package-lock.json"; then
  echo "installing the JavaScript client"
  (cd "$js" && npm ci --no-fund --no-audit --loglevel=error)
  sha256sum <"$js/package-lock.json" >"$js/node_modules/.installed"
fi
if ! is_current "$venv/.installed" "$python/requirements.txt"; then
  echo "installing the Python client"
  mkdir -p "$root/.deps"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --require-hashes --only-binary :all: -r "$python/requirements.txt"
  sha256sum <"$python/requirements.txt" >"$venv/.installed"
fi
echo "the OpenAI clients are installed"
