#!/usr/bin/env bash
# The test openai_clients: forges a tiny model, serves it on a free port, runs OpenAI's own clients against it.
# Usage: run.sh PATH_OF_MOESTRESS
set -euo pipefail
moestress=$1
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.deps/openai-venv/bin/python

if [ ! -f "$here/js/node_modules/.installed" ] || [ ! -f "$(dirname "$python")/../.installed" ]; then
  echo "openai_clients: OpenAI's clients are not installed; run scripts/fetch-clients.sh" >&2
  exit 1
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

"$moestress" forge --topology gpt-oss -o "$work/tiny.gguf"
: >"$work/serve.out"
"$moestress" serve -m "$work/tiny.gguf" --device cpu --threads 1 --slots 2 --ctx 8192 --port 0 >"$work/serve.out" &
server=$!
is_ready() { grep -q '^ready: ' "$work/serve.out"; }
for _ in $(seq 300); do
  is_ready && break
  kill -0 "$server" 2>/dev/null || { echo "openai_clients: the server ended before it was ready" >&2; exit 1; }
  sleep 0.1
done
BASE_URL=$(sed -n 's/^listening: \([^ ]*\) .*/\1/p' "$work/serve.out")
export BASE_URL
is_ready || { echo "openai_clients: the server did not become ready within 30 s" >&2; exit 1; }

failed=0
node --test "$here/js/client_test.mjs" || failed=1
"$python" "$here/python/client_test.py" || failed=1

kill -TERM "$server"
wait "$server" || { echo "openai_clients: the server did not end with 0 after SIGTERM" >&2; failed=1; }
server=
exit "$failed"
