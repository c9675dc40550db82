#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whether the curve code branches on secrets or takes them as addresses, seen by valgrind (the Debian package) in the native
# release build. Ends with "check-secrets: N passed, M failed".
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "check-secrets: valgrind is not installed" >&2; exit 1; }
third=build/third_party/native
program=build/native/check-secrets
libraries=(build/native/src/crypto/libmix_crypto.a build/native/src/base/libmix_base.a "$third/openssl/lib/libcrypto.a"
    "$third/blake3/lib/libblake3.a")
flags=(-std=gnu11 -O1 -Isrc -Iinclude)
if [ -e "$third/fiat/lib/libfiat.a" ] && grep -qw adx /proc/cpuinfo; then
    libraries+=("$third/fiat/lib/libfiat.a")
    flags+=(-DMIX_CURVE_ADX)
fi
clang-19 "${flags[@]}" tools/check-secrets.c "${libraries[@]}" -o "$program"
memcheck=(valgrind --quiet --error-exitcode=9 --track-origins=no)
passed=0 failed=0
if "${memcheck[@]}" "$program"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
if "${memcheck[@]}" "$program" on-purpose >/dev/null 2>&1; then
    echo "check-secrets: a branch on a secret was not noticed" >&2
    failed=$((failed + 1))
else
    passed=$((passed + 1))
fi
echo "check-secrets: $passed passed, $failed failed"
[ "$failed" = 0 ]
