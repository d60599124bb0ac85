#!/usr/bin/env bash
# The command line of `moestress serve`: exit codes, what it prints, what signals do. Usage: … PATH_OF_MOESTRESS
set -uo pipefail
moestress=$1
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT
failed=0

fail() {
  echo "FAILED: $*" >&2
  failed=1
}

# Expects that `moestress serve ARGS` ends with code $1 and says $2 on stderr.
expect_refusal() {
  local code=$1 text=$2
  shift 2
  timeout 30 "$moestress" serve "$@" >"$work/out" 2>"$work/err"
  local got=$?
  [ "$got" = "$code" ] || fail "serve $*: exit code $got, not $code"
  grep -q -- "$text" "$work/err" || fail "serve $*: stderr does not say '$text': $(cat "$work/err")"
}

# Starts a server with further ARGS, waits until it is ready, sets `server` and `url`.
start() {
  : >"$work/serve.out"  # here, since what the last server printed must be gone before the first look below
  "$moestress" serve -m "$work/tiny.gguf" --device cpu --threads 1 --slots 1 --ctx 8192 --port 0 --log-level warning "$@" \
    >"$work/serve.out" 2>"$work/serve.err" &
  server=$!
  for _ in $(seq 300); do
    grep -q '^slots: ' "$work/serve.out" && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  url=$(sed -n 's/^listening: \([^ ]*\) .*/\1/p' "$work/serve.out")
  grep -q "^ready: $url serves tiny (gpt-oss" "$work/serve.out" || fail "no ready line: $(cat "$work"/serve.*)"
}

# Expects that the server ends with code $1.
expect_end() {
  wait "$server"
  local got=$?
  [ "$got" = "$1" ] || fail "the server ended with $got, not $1: $(cat "$work/serve.err")"
  server=
}

# Sends METHOD PATH [BODY [HEADER_LINE]] to the server and prints the whole answer.
ask() {
  local body=${3:-} header=${4:+$4$'\r\n'}
  exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
  printf '%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "$header" "${#body}" "$body" >&3
  cat <&3
  exec 3>&-
}

# A stream of $1 tokens; returns once its first has come.
begin_stream() {
  : >"$work/stream"
  ask POST /v1/completions '{"prompt":"a","max_tokens":'"$1"',"ignore_eos":true,"stream":true}' >"$work/stream" &
  for _ in $(seq 100); do
    grep -q '^data: ' "$work/stream" && return
    sleep 0.1
  done
  fail "the stream did not begin"
}

"$moestress" forge --topology gpt-oss -o "$work/tiny.gguf" >/dev/null || fail "no model was forged"
echo "GGUF and no more" >"$work/broken.gguf"

expect_refusal 2 "absent.gguf" -m "$work/absent.gguf" --port 0
expect_refusal 2 "broken.gguf" -m "$work/broken.gguf" --port 0
expect_refusal 2 "nonsense" -m "$work/tiny.gguf" --port 0 --experts nonsense
expect_refusal 2 "CUDA7" -m "$work/tiny.gguf" --port 0 --device CUDA7
expect_refusal 2 "NO_SUCH_KEY" -m "$work/tiny.gguf" --port 0 --api-key-env NO_SUCH_KEY
expect_refusal 2 "broken.gguf" -m "$work/tiny.gguf" --port 0 --trace "$work/broken.gguf"

start
grep -q '^experts: asked cpu, as asked: yes' "$work/serve.out" || fail "the placement is not printed"
grep -q '^memory of CPU: ' "$work/serve.out" || fail "the memory is not printed"
expect_refusal 2 "Address already in use" -m "$work/tiny.gguf" --port "${url##*:}"
begin_stream 2000
kill -TERM "$server"
expect_end 0
grep -q '^data: \[DONE\]' "$work/stream" || fail "the running request did not finish while draining"

start
kill -INT "$server"
expect_end 0

start
begin_stream 8000
kill -TERM "$server"
sleep 0.2  # the first signal must be taken before the second, or the two are one
kill -TERM "$server"
expect_end 130

KEY=sesame start --host 0.0.0.0 --api-key-env KEY
grep -q 'not on loopback only' "$work/serve.err" || fail "no warning about a host beyond loopback"
grep -q 'sesame' "$work"/serve.* && fail "the key is printed"
ask GET /v1/models | grep -q '^HTTP/1.1 401' || fail "no key was asked for"
ask GET /v1/models '' 'Authorization: Bearer sesame' | grep -q '^HTTP/1.1 200' || fail "the key was not taken"
kill -TERM "$server"
expect_end 0

[ "$failed" = 0 ] && echo "serve_command: all as expected"
exit "$failed"
