# SPDX-License-Identifier: Apache-2.0
# fiat-crypto: field arithmetic of curve25519 proven correct, as carried inside the crate ring: two headers, and for x86-64
# the assembler of multiplication and squaring with ADX and BMI2 (proven equivalent to the former by CryptOpt).

licence=third_party/fiat/LICENSE

build() {
    install_headers fiat third_party/fiat/curve25519_32.h third_party/fiat/curve25519_64.h
    [ "$TARGET-$(uname -m)" = native-x86_64 ] || return 0
    mkdir -p plain/ring_core_generated # where ring would put its prefix in front of the names
    : >plain/ring_core_generated/prefix_symbols_asm.h
    CFLAGS="$CFLAGS -Iinclude -Iplain"
    compile_library libfiat.a third_party/fiat/asm/fiat_curve25519_adx_mul.S \
        third_party/fiat/asm/fiat_curve25519_adx_square.S
}
