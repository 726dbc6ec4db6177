#!/usr/bin/env bash
# The one list of Debian packages (bookworm) that fleetgate needs, and how they are installed.
#
#   deploy/packages.sh build         to configure and compile everything
#   deploy/packages.sh try           what deploy/run.sh's suggestions use
#   deploy/packages.sh test          to run the test suite
#   deploy/packages.sh bench         to compare with other brokers (tests/load/compare.py)
#   deploy/packages.sh build test    several groups at once
#   deploy/packages.sh --list build  only print the names
#
# Installs only what is missing, with sudo where the user is not root, and never removes a package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# make: with it the link-time optimiser uses all processors.
build=(
  g++ make cmake ninja-build pkg-config python3 ca-certificates
  libcaf-dev libboost1.81-dev
  libspdlog-dev libfmt-dev libsimdjson-dev nlohmann-json3-dev libvalijson-dev
  libsqlite3-dev libxxhash-dev libexpected-dev libtomlplusplus-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)
try=(mosquitto-clients sqlite3 curl)
test=(
  python3-paho-mqtt python3-msgpack python3-jsonschema mosquitto-clients
  clang libclang-rt-14-dev llvm clang-format
  nodejs npm
)
bench=(python3 mosquitto g++)

# msgpack-cxx is headers only, but its package depends on Boost 1.74, whose development package
# cannot be installed beside 1.81: its content is unpacked here instead.
unpacked_package=libmsgpack-cxx-dev
unpacked_into=build/deps
unpacked_mark=$unpacked_into/usr/include/msgpack.hpp

# mqtt.js for tests/system/test_mqttjs.py, in exactly the versions of its lock file.
npm_project=tests/system/mqttjs
npm_into=build/mqttjs
npm_mark=$npm_into/installed-lock.json

say() { printf '%s\n' "packages: $*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    say "root is needed for: $*"
    say "run this as root once, or install sudo"
    exit 77
  fi
}

is_installed() {
  # A Node.js of another vendor is as good, and excludes Debian's.
  case $1 in
    nodejs) ! command -v node >/dev/null || return 0 ;;
    npm) ! command -v npm >/dev/null || return 0 ;;
  esac
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Lists that are absent or too old to know a package are fetched, once.
lists_fetched=no
fetch_lists() {
  [ "$lists_fetched" = no ] || return 1
  say "fetching the package lists"
  as_root apt-get update -q
  lists_fetched=yes
}
knows() { apt-cache show --no-all-versions "$@" >/dev/null 2>&1; }

install_missing() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  knows "${missing[@]}" || fetch_lists
  if ! try_install "${missing[@]}"; then
    # Old lists name files that the mirror no longer has.
    if ! fetch_lists || ! try_install "${missing[@]}"; then
      say "could not install them without removing something; apt's messages stand above"
      say "(libboost1.81-dev excludes libboost1.74-dev: remove that one first if you can)"
      exit 69
    fi
  fi
}

try_install() {
  as_root apt-get install -y -q --no-install-recommends --no-remove "$@"
}

# As the user who runs this: apt's own user may not write to a directory of ours.
download_into() (
  cd "$1" && apt-get download -q -o APT::Sandbox::User=root "$unpacked_package"
)

unpack_headers() {
  [ ! -e "$unpacked_mark" ] || return 0
  say "unpacking $unpacked_package into $unpacked_into"
  knows "$unpacked_package" || fetch_lists
  local work
  work=$(mktemp -d)
  download_into "$work" || { fetch_lists && download_into "$work"; } ||
    { rm -rf "$work"; say "could not download $unpacked_package"; exit 69; }
  mkdir -p "$unpacked_into"
  dpkg-deb -x "$work"/*.deb "$unpacked_into"
  rm -rf "$work"
  [ -e "$unpacked_mark" ] || { say "$unpacked_package holds no ${unpacked_mark#"$unpacked_into"}"; exit 70; }
}

# Nothing is fetched where the lock file's versions are there already.
install_npm_project() {
  ! cmp -s "$npm_project/package-lock.json" "$npm_mark" || return 0
  say "installing what $npm_project/package-lock.json names into $npm_into"
  mkdir -p "$npm_into"
  cp "$npm_project"/package.json "$npm_project"/package-lock.json "$npm_into"
  (cd "$npm_into" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline) ||
    { say "npm could not install it; its messages stand above"; exit 69; }
  cp "$npm_project/package-lock.json" "$npm_mark"
}

list_only=no
if [ "${1:-}" = --list ]; then
  list_only=yes
  shift
fi
wanted=()
headers=no
npm=no
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}"); headers=yes ;;
    try) wanted+=("${try[@]}") ;;
    test) wanted+=("${test[@]}"); npm=yes ;;
    bench) wanted+=("${bench[@]}") ;;
    *) say "no group is called $group; there are build, try, test, bench"; exit 64 ;;
  esac
done
[ ${#wanted[@]} -gt 0 ] || { say "name a group: build, try, test, bench"; exit 64; }

mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)

if [ "$list_only" = yes ]; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi
install_missing "${wanted[@]}"
[ "$headers" = no ] || unpack_headers
[ "$npm" = no ] || install_npm_project
