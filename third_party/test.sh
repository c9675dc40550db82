#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the scripts here and of what they built: test.sh. Works on a copy with a cache of its own and a made-up part,
# so it needs no network; only the probe looks at the real parts.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
REPO=$(dirname "$HERE")
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
passed=0 failed=0

ok() {
    echo "ok $1"
    passed=$((passed + 1))
}

not_ok() {
    echo "not ok $1: $2"
    failed=$((failed + 1))
}

# fails NAME PATTERN COMMAND...: the command fails and the only line it prints matches the pattern.
fails() {
    local name=$1 pattern=$2 out rc=0
    shift 2
    out=$("$@" 2>&1 >/dev/null) || rc=$?
    if [ $rc = 0 ]; then
        not_ok "$name" "it succeeded"
    elif [ "$(wc -l <<<"$out")" != 1 ] || ! grep -qE "$pattern" <<<"$out"; then
        not_ok "$name" "it said: $out"
    else
        ok "$name"
    fi
}

# works NAME PATTERN COMMAND...: it succeeds and all that it prints matches the pattern; '' for nothing at all.
works() {
    local name=$1 pattern=$2 out rc=0
    shift 2
    out=$("$@" 2>&1) || rc=$?
    if [ $rc != 0 ]; then
        not_ok "$name" "status $rc: $out"
    elif [ -z "$pattern" ] && [ -n "$out" ] || ! grep -qzE "$pattern" <<<"$out"; then
        not_ok "$name" "it said: $out"
    else
        ok "$name"
    fi
}

same() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2' is not '$3'"; fi
}

# The copy: part "tiny" from two places, of which the first may be spoilt.
mkdir -p "$T/tree" "$T/pack/tiny-1.0"
cp -r "$HERE" "$T/tree/third_party"
REAL_CACHE=${XDG_CACHE_HOME:-}
export XDG_CACHE_HOME=$T/cache
cd "$T/tree/third_party"
echo 'int tiny(void) { return 41; }' >"$T/pack/tiny-1.0/tiny.c"
echo 'int tiny(void);' >"$T/pack/tiny-1.0/tiny.h"
tar czf "$T/tiny.tar.gz" -C "$T/pack" tiny-1.0
SUM=$(sha256sum "$T/tiny.tar.gz" | cut -d' ' -f1)
BAD=${SUM//[0-9]/0}
FETCH=$PWD/fetch.sh BUILD=$PWD/build.sh
list() { printf 'tiny 1.0 %s %s %s\n' "$@" >parts.list; }
recipe() { printf 'build() {\n%s\ncompile_library libtiny.a tiny.c\ninstall_headers . tiny.h\n}\n' "${1:-}" >recipes/tiny.sh; }
recipe

test_fetch() {
    list url "$BAD" "file://$T/tiny.tar.gz"
    fails "a wrong SHA-256 is named, with both sums" "wrong SHA-256 .*got $SUM, parts.list says $BAD" "$FETCH" tiny
    same "and nothing of it is kept" "$(ls "$T/cache/lwmix/dl")" ""
    list url "$SUM" "file://$T/absent.tar.gz" url "$SUM" "file://$T/tiny.tar.gz"
    works "the next place is tried" "^third_party: tiny 1.0 fetched from url file://$T/tiny.tar.gz .*$SUM" "$FETCH" tiny
    list url "$SUM" "file://$T/absent.tar.gz"
    works "a second run needs no network and says nothing but where" "^$T/cache/lwmix/dl/$SUM[[:space:]]*$" "$FETCH" tiny
    echo more >>"$T/cache/lwmix/dl/$SUM"
    "$FETCH" tiny >/dev/null 2>"$T/said" && not_ok "a damaged file" "it was used"
    works "a damaged file in the cache is not used" "is damaged" head -n 1 "$T/said"
    same "and is removed" "$(ls "$T/cache/lwmix/dl")" ""
    fails "an unknown part" "no part is called 'nothing'" "$FETCH" nothing
    list url "$SUM" http://upstream.invalid/tiny.tar.gz crate "$SUM" tiny debian "$SUM" tiny pypi "$SUM" tiny
    fails "no network" "no connection to .*Check the network" env http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 \
        no_proxy= "$FETCH" tiny
    list url "$SUM" "file://$T/tiny.tar.gz"
    fails "a cache that cannot be written" "cannot write /proc/none/" env XDG_CACHE_HOME=/proc/none "$FETCH" tiny
}

# The view of Debian's archive, from each style in which a machine may be configured.
test_view() {
    local etc=$T/etc want="deb-src [signed-by=/k.gpg] http://a/debian/ trixie main"
    mkdir -p "$etc/sources.list.d"
    sed "s,/etc/apt/,$etc/,g; s,^\. .*lib.sh.*,. ./lib.sh,; /^\[ \$# -gt 0 \]/,\$d" "$HERE/fetch.sh" >fetch-functions.sh
    printf 'deb http://a/security b-security main\ndeb [arch=x signed-by=/k.gpg] http://a/debian/ b main\n' >"$etc/sources.list"
    (. ./fetch-functions.sh && mkdir "$T/view1" && write_view "$T/view1" b)
    same "sources of one line" "$(cat "$T/view1/view.list")" "$want"
    printf 'Types: deb\n# note\nURIs: http://a/debian\nSuites: b b-updates\nArchitectures: x\nComponents: main\n\nTypes: deb\nURIs: http://a/s\nSuites: b-security\n' \
        >"$etc/sources.list.d/debian.sources"
    (. ./fetch-functions.sh && mkdir "$T/view2" && write_view "$T/view2" b)
    same "sources as a stanza" "$(tr '\n' ';' <"$T/view2/view.sources")" \
        "Types: deb-src;URIs: http://a/debian;Suites: trixie;Components: main;"
}

without() { # COMMAND...: a PATH that has all of this machine's except these
    rm -rf "$T/bin"
    mkdir "$T/bin"
    find -L ${PATH//:/ } -maxdepth 1 -type f -exec ln -sf -t "$T/bin" {} + 2>/dev/null || true
    for c; do rm -f "$T/bin/$c"; done
}

test_tools() {
    without clang-19
    fails "no compiler" "clang-19 is missing: run tools/setup.sh" env PATH="$T/bin" "$BUILD" native tiny
    without wasm-ld-19
    fails "no linker for wasm" "wasm-ld-19 is missing: run tools/setup.sh" env PATH="$T/bin" "$BUILD" wasm tiny
    without curl
    rm -rf "$T/cache/lwmix/dl"
    fails "no curl" "curl is missing: run tools/setup.sh" env PATH="$T/bin" "$FETCH" tiny
}

built() { ls -d "$T"/cache/lwmix/tiny-1.0-* 2>/dev/null | wc -l; }

test_build() {
    local first
    works "a part is built" "tiny \(native\) is built" "$BUILD" native tiny
    works "a second run is quiet" "" "$BUILD" native tiny
    same "the link leads to it" "$(readlink ../build/third_party/native/tiny)" "$("$BUILD" --prefix native tiny)"
    same "and has header and library" "$(cd ../build/third_party/native/tiny && echo */*)" "include/tiny.h lib/libtiny.a"
    works "for wasm too" "tiny \(wasm\) is built" "$BUILD" wasm tiny
    first=$("$BUILD" --prefix native tiny)
    printf -- '--- a/tiny.c\n+++ b/tiny.c\n@@ -1 +1 @@\n-int tiny(void) { return 41; }\n+int tiny(void) { return 42; }\n' \
        >patches/tiny-answer.patch
    works "a patch makes another build" "is built" "$BUILD" native tiny
    same "under a key of its own" "$([ "$("$BUILD" --prefix native tiny)" != "$first" ] && built)" 3
    recipe 'false'
    "$BUILD" native tiny 2>"$T/said" && not_ok "a failing recipe" "it succeeded"
    works "a failing step ends the build with the log's name" "did not build: .*all of it in $T/cache" tail -n 1 "$T/said"
    same "and leaves nothing behind" "$(built) $(ls "$T/cache/lwmix/tmp" | wc -l)" "3 0"
    recipe "echo x >>'$T/times'"
    "$BUILD" native tiny 2>/dev/null &
    "$BUILD" native tiny 2>/dev/null
    wait
    same "two builds at once are one" "$(wc -l <"$T/times")" 1
}

test_setup() {
    local setup=$REPO/tools/setup.sh
    works "setup is quiet when nothing is missing" "" "$setup" build
    fails "setup: an unknown group" "no group is called 'nothing'" "$setup" nothing
    without sudo dpkg-query id
    printf '#!/bin/sh\nexit 1\n' >"$T/bin/dpkg-query"
    printf '#!/bin/sh\necho 1000\n' >"$T/bin/id"
    chmod +x "$T/bin/dpkg-query" "$T/bin/id"
    PATH=$T/bin "$setup" net 2>"$T/said" && not_ok "setup without root" "it succeeded"
    works "setup: neither root nor sudo" "^setup: not root and no sudo: run as root: apt-get install .*libuv1-dev" cat "$T/said"
    printf '#!/bin/sh\necho "somebody is not in the sudoers file." >&2\nexit 1\n' >"$T/bin/sudo"
    chmod +x "$T/bin/sudo"
    PATH=$T/bin "$setup" net 2>"$T/said" && not_ok "setup: sudo refuses" "it succeeded"
    works "setup says what it installs" "^setup: installing, by sudo.*libuv1-dev" head -n 1 "$T/said"
    works "setup: sudo refuses" "^setup: sudo does not let .* run: apt-get install .*libuv1-dev" tail -n 1 "$T/said"
}

test_list() {
    same "the list is well-formed" "$(awk '!/^#/ && NF && (NF != 5 || $4 !~ /^[0-9a-f]+$/ || length($4) != 64)' "$HERE/parts.list")" ""
    same "each part has a recipe" "$(for n in $(awk '!/^#/ && NF { print $1 }' "$HERE/parts.list"); do
        [ -r "$HERE/recipes/$n.sh" ] || echo "$n"; done)" ""
}

real_build() { # TARGET NAME...: into the cache that everyone uses
    env -u XDG_CACHE_HOME ${REAL_CACHE:+XDG_CACHE_HOME="$REAL_CACHE"} "$HERE/build.sh" "$@"
}

# Compiles probe.c against the real parts and runs it, natively and under Node.
test_probe() { # TARGET
    local third=$REPO/build/third_party/$1 n flags=(-O1 -w) out
    real_build "$1" openssl blake3 yyjson fiat
    for n in openssl blake3 yyjson fiat; do flags+=("-I$third/$n/include"); done
    flags+=("$HERE/probe.c" "$third"/openssl/lib/lib{ssl,crypto}.a "$third/blake3/lib/libblake3.a" "$third/yyjson/lib/libyyjson.a")
    case $1 in
    native) out=$(clang-19 -DPROBE_TLS "${flags[@]}" -o "$T/probe" && "$T/probe") || true ;;
    wasm)
        out=$(clang-19 --target=wasm32-wasi "${flags[@]}" -lwasi-emulated-signal -lwasi-emulated-getpid \
            -lwasi-emulated-mman -o "$T/probe.wasm" && node --no-warnings "$HERE/run-wasi.mjs" "$T/probe.wasm") || true
        ;;
    esac
    same "all that is needed of the parts is there ($1)" "$out" "all there"
}

# probe_http.c, with stubs in the place of src/sockets.
test_probe_http() {
    local third=$REPO/build/third_party/native n flags=(-O1 -w) out
    real_build native c-ares curl
    awk '!/^#/ { print "long " $2 "(void) { return 0; }" }' "$HERE/seam.syms" | sort -u >"$T/stubs.c"
    for n in c-ares curl; do flags+=("-I$third/$n/include"); done
    flags+=("$HERE/probe_http.c" "$T/stubs.c" "$third/curl/lib/libcurl.a" "$third/c-ares/lib/libcares.a")
    flags+=("$third/nghttp2/lib/libnghttp2.a" "$third/brotli/lib/libbrotlidec.a" "$third/zstd/lib/libzstd.a")
    flags+=("$third/zlib/lib/libz.a" "$third"/openssl/lib/lib{ssl,crypto}.a)
    out=$(clang-19 "${flags[@]}" -o "$T/probe_http" && "$T/probe_http") || true
    same "libcurl and c-ares are built as they should" "$out" "all there"
}

# The patched lwIP, with both sanitizers, in virtual time.
test_lwip() {
    local third=$REPO/build/third_party/native/lwip out
    real_build native lwip
    out=$(clang-19 -O1 -g -w -fsanitize=address,undefined -fno-sanitize-recover=all -I"$HERE/lwip_test" -I"$third/include" \
        "$third"/src/core/*.c "$third"/src/core/ipv4/*.c "$HERE/lwip_test/lwip_test.c" -lm -o "$T/lwip_test" 2>&1 &&
        "$T/lwip_test" 2>&1) || true
    same "lwIP judges loss by time" "$out" "all rows hold"
}

test_list
test_fetch
test_view
test_tools
test_build
test_setup
test_probe native
test_probe wasm
test_probe_http
test_lwip
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
