#!/usr/bin/env bash
# Makes the three reference models in models/, one for each topology, and prints their paths: from a dense model that
# speaks, or, where that can't be had, with random weights. The same seed gives the same bytes, so a model that is
# there already is left alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
forge() { "$root/build/moestress" forge "$@" >&2; }
mkdir -p "$root/models"

if base=$("$root/scripts/fetch-base.sh"); then
  # Spreads as `forge` finds them when it searches, which takes longer than forging; gpt-oss' (0.072) is smaller here, so
  # that it still knows the capital of France.
  for of in gpt-oss:0.05 phimoe:0.065 deepseek:0.17; do
    topology=${of%:*}
    model=$root/models/$topology-smollm2.gguf
    [ -s "$model" ] && [ -s "$model.fidelity.json" ] ||
      forge --topology "$topology" --base "$base" --spread "${of#*:}" --seed 1 -o "$model"
    echo "$model"
  done
else
  echo "make-models: the base model can't be had, so the models get random weights: they say nothing, and no test of" \
    "quality can be decided on them" >&2
  for topology in gpt-oss phimoe deepseek; do
    model=$root/models/$topology-small.gguf
    [ -s "$model" ] || forge --topology "$topology" --size small --seed 1 -o "$model"
    echo "$model"
  done
fi
