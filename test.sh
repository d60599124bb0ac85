#!/usr/bin/env bash
# Sets up what is missing, builds everything and runs every test. Arguments go to ctest, e.g. -R net.
set -euo pipefail
cd "$(dirname "$0")"
scripts/install-packages.sh test
scripts/fetch-clients.sh
scripts/fetch-base.sh >/dev/null || echo "test.sh: without the base model, tests of models that speak are skipped" >&2
scripts/build.sh all
if ctest --test-dir build -j2 --output-on-failure --no-tests=error "$@"; then
  echo "test.sh: every test passed"
else
  status=$?
  echo "test.sh: some tests FAILED (above)" >&2
  exit $status
fi
