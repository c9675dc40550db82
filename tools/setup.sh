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
    [net]="libuv1-dev libglib2.0-dev"
    [browser]="chromium"
    [firefox]="firefox-esr"
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

missing=$(echo $missing) # on one line
by_hand="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" = 0 ]; then
    root=
    echo "setup: installing $missing" >&2
else
    command -v sudo >/dev/null || die "not root and no sudo: run as root: $by_hand"
    root=sudo
    echo "setup: installing, by sudo, which may ask for your password: $missing" >&2
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# What apt-get says of its progress, to whoever waits at a terminal, on a line that is written over; the rest to the log.
show() { # WHAT is downloaded
    local line kind name percent shown=
    while IFS= read -r line; do
        case $line in
        dlstatus:* | pmstatus:*)
            IFS=: read -r kind name percent line <<<"$line"
            [ -t 2 ] || continue
            [ "$kind" = dlstatus ] && kind="fetching $1" || kind="unpacking and configuring"
            printf '\rsetup: %s, %d %%\033[K' "$kind" "${percent%%.*}" >&2
            shown=1
            ;;
        *) printf '%s\n' "$line" >>"$log" ;;
        esac
    done
    [ -z "$shown" ] || printf '\r\033[K' >&2
}

run() { # WHAT is downloaded, arguments of apt-get
    local what=$1
    shift
    : >"$log"
    $root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -o APT::Status-Fd=1 -o Acquire::Retries=1 -o DPkg::Lock::Timeout=300 \
        "$@" 2>&1 </dev/null | show "$what"
}

rc=0
run "the list of packages" update || rc=$? # an archive that is not reached shows itself when the packages are not
if [ -n "$root" ] && [ $rc = 1 ]; then # apt-get itself fails with 100
    tail -n 5 "$log" >&2
    die "sudo does not let $(id -un) install packages. Let someone who may run: $by_hand"
fi
if ! run "packages" install -y --no-install-recommends $missing; then
    tail -n 5 "$log" >&2
    die "apt-get could not install $missing: the end of its output is above; check the network and /etc/apt/sources.list*"
fi
echo "setup: installed, $SECONDS s" >&2
if [[ " $missing " = *" nginx "* ]]; then # the tests start one of their own: Debian's need not listen
    { $root update-rc.d nginx disable && $root service nginx stop; } >"$log" 2>&1 || true
fi
tools/node.sh
