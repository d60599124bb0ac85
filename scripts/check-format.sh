#!/usr/bin/env bash
# Fails on a C++ file that clang-format would change. Usage: scripts/check-format.sh [FILE...]
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-format-14 >/dev/null || { echo "check-format: clang-format-14 is missing (apt-get install clang-format-14)" >&2; exit 1; }
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(git ls-files '*.cc' '*.h'); fi
clang-format-14 --dry-run --Werror "${files[@]}"
