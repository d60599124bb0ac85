#!/usr/bin/env bash
# Puts the built llama.cpp that the embedded engine links into .deps/llama/{include,lib}.
# Binaries come from a pinned npm package; headers of exactly that build from the git bundle inside a second one.
# Both are checked by hash. Does nothing when the pinned version is already there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
version=3.22.1
headers_sha512=6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f
dest=$root/.deps/llama
[ "$(cat "$dest/VERSION" 2>/dev/null)" = "$version" ] && exit 0

if [ "$(uname -m)" != x86_64 ]; then
  echo "fetch-engine: the packaged llama.cpp is for x86_64; build your own and pass -DLLAMA_ROOT=<prefix>" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/.deps"

echo "fetching the llama.cpp binaries ($version)"
cp "$root"/deps/engine/package.json "$root"/deps/engine/package-lock.json "$root"/deps/engine/.npmrc "$work/"
(cd "$work" && npm ci --no-fund --no-audit --loglevel=error)

echo "fetching the llama.cpp headers ($version)"
(cd "$work" && npm pack --silent "node-llama-cpp@$version" >/dev/null)
archive=$work/node-llama-cpp-$version.tgz
if ! echo "$headers_sha512  $archive" | sha512sum --check --quiet; then
  echo "fetch-engine: node-llama-cpp-$version.tgz is not the file that was pinned; not using it" >&2
  exit 1
fi
tar -xzf "$archive" -C "$work" package/llama/gitRelease.bundle
git clone --quiet --bare "$work/package/llama/gitRelease.bundle" "$work/llama.git"
mkdir -p "$work/tree" "$work/llama/include" "$work/llama/lib"
git --git-dir="$work/llama.git" archive HEAD include ggml/include common vendor/nlohmann src/llama-ext.h LICENSE |
  tar -x -C "$work/tree"
cp "$work"/tree/include/*.h "$work"/tree/ggml/include/*.h "$work/llama/include/"
(cd "$work/tree" && find common src -name '*.h' -exec cp --parents {} "$work/llama/include/" \;)
mkdir -p "$work/llama/include/vendor"
cp -r "$work/tree/vendor/nlohmann" "$work/llama/include/vendor/"
cp "$work"/node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan/*.so "$work/llama/lib/"
cp "$work/tree/LICENSE" "$work/llama/LICENSE"
echo "$version" >"$work/llama/VERSION"
rm -rf "$dest"
mv "$work/llama" "$dest"
echo "llama.cpp stands in .deps/llama"
