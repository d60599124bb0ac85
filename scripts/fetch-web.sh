#!/usr/bin/env bash
# Installs the pinned npm packages that the report's page is built and tested with into web/node_modules.
# Does nothing when they are there; builds in several folders at once wait for one another.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
web=$root/web
stamp=$web/node_modules/.installed

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  echo "fetch-web: needs Node.js 18 or newer with npm (scripts/install-packages.sh build installs both)" >&2
  exit 1
fi
wanted=$(cat "$web/package.json" "$web/package-lock.json" | sha256sum)
mkdir -p "$root/.deps"
exec 9>"$root/.deps/web.lock"
flock 9
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
echo "fetching the npm packages of web/"
(cd "$web" && npm ci --loglevel=error)
echo "$wanted" >"$stamp"
