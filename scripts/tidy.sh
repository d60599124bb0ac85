#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy: a short list, all errors) over the sources, or over the files named.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy-14 >/dev/null || { echo "tidy: clang-tidy-14 is missing (apt-get install clang-tidy-14)" >&2; exit 1; }
[ -f build/compile_commands.json ] || { echo "tidy: run scripts/build.sh first" >&2; exit 1; }
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(git ls-files 'src/*.cc'); fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build --quiet --extra-arg=-Wno-unknown-warning-option
