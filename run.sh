#!/usr/bin/env bash
# Sets up what is missing, builds, makes the reference models and stress-tests them with their experts on the CPU.
# Arguments go to `moestress run`; without any: the smoke suite over the three reference topologies.
set -euo pipefail
cd "$(dirname "$0")"
scripts/install-packages.sh build
scripts/build.sh moestress
mapfile -t models < <(scripts/make-models.sh)
[ ${#models[@]} -eq 3 ] || { echo "run.sh: the reference models could not be made" >&2; exit 5; }
if [ $# -gt 0 ]; then
  exec build/moestress run "$@"
fi
exec build/moestress run smoke -m "${models[0]}" -m "${models[1]}" -m "${models[2]}"
