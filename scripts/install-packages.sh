#!/usr/bin/env bash
# Installs the Debian packages that are missing. Usage: scripts/install-packages.sh build|test
# Debian 12 fixes their versions; cmake/Dependencies.cmake states the ones that the project is built with.
set -euo pipefail

build_packages=(
  ca-certificates git g++ cmake ninja-build ccache
  libboost1.81-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libfmt-dev libspdlog-dev libexpected-dev
  libsqlite3-dev libsqlitecpp-dev libxxhash-dev libzstd-dev libssl-dev
  libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev
  libvulkan1 mesa-vulkan-drivers libgomp1 bubblewrap python3 python3-venv
)
test_packages=(chromium clang-format-14)

packages=("${build_packages[@]}")
case "${1:-}" in
  build) ;;
  test) packages+=("${test_packages[@]}") ;;
  *) echo "usage: $0 build|test" >&2; exit 2 ;;
esac
# A Node.js of the user's own is as good as Debian's.
if ! node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null || ! command -v npm >/dev/null; then
  packages+=(nodejs npm)
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install-packages: this is not Debian; install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "install-packages: needs root to install: ${missing[*]}" >&2
  echo "  run once:  sudo $0 $1" >&2
  exit 1
fi
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install-packages: apt-get failed; its whole output is in $log" >&2
  exit 1
fi
rm -f "$log"
