#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing needs: setup.sh [GROUP...], default: build net.
# Says what it installs before it does, with sudo if not root; says nothing when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# One line a group. "node" stands for any Node.js that is new enough and on PATH; else Debian's, which fetches a newer one (tools/node.sh).
declare -A GROUP=(
    [build]="build-essential cmake ninja-build pkg-config git curl ca-certificates xz-utils patch perl
        clang-19 clang-format-19 lld-19 llvm-19 libclang-rt-19-dev libclang-rt-19-dev-wasm32 wasi-libc binaryen
        libcmocka-dev python3 node"
    [net]="libuv1-dev libslirp-dev libglib2.0-dev"
    [browser]="chromium"
    [conformance]="python3-venv"
    [e2e]="nginx openssl zstd groff-base iproute2"
)

die() {
    echo "setup: $*" >&2
    exit 1
}

wanted() {
    local g p
    for g; do
        [ -n "${GROUP[$g]:-}" ] || die "no group is called '$g': there are ${!GROUP[*]}"
        for p in ${GROUP[$g]}; do
            if [ "$p" != node ]; then
                echo "$p"
            elif ! tools/node.sh --is-there; then
                printf 'nodejs\nnpm\n'
            fi
        done
    done
}

[ $# -gt 0 ] || set -- build net
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "this is not a Debian machine: install by hand what tools/setup.sh lists for the groups $*"
packages=$(wanted "$@") || exit 1
missing=$(comm -23 <(sort -u <<<"$packages") \
    <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $packages 2>/dev/null | awk '/^.i/ { print $2 }' | sort -u))
if [ -z "$missing" ]; then
    exec tools/node.sh
fi

echo "setup: installing $(echo $missing)" >&2
root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "not root and no sudo: run as root: apt-get install -y --no-install-recommends $(echo $missing)"
    root="sudo"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=1 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}
run update || true # an archive that is not reached shows itself when the packages are not
if ! run install -y --no-install-recommends $missing; then
    tail -n 5 "$log" >&2
    die "apt-get could not install $(echo $missing): the end of its output is above; check the network and /etc/apt/sources.list*"
fi
tools/node.sh
