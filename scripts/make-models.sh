#!/usr/bin/env bash
# Makes the three reference models in models/, one for each topology. The same seed gives the same bytes, so a
# model that is there already is left alone. Prints their paths.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$root/models"
for topology in gpt-oss phimoe deepseek; do
  model=$root/models/$topology-small.gguf
  [ -s "$model" ] || "$root/build/moestress" forge --topology "$topology" --size small --seed 1 -o "$model" >&2
  echo "$model"
done
