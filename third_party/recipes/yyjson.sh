# SPDX-License-Identifier: Apache-2.0
# yyjson: JSON of the directory, the gateway and the packages. Strict: no comments, no trailing commas, no NaN.

licence=LICENSE

build() {
    CFLAGS="$CFLAGS -DYYJSON_DISABLE_NON_STANDARD=1 -DYYJSON_DISABLE_UTILS=0"
    # In WASM size counts: numbers with fractions by the C library, functions not inlined.
    [ "$TARGET" = native ] || CFLAGS="$CFLAGS -DYYJSON_DISABLE_FAST_FP_CONV=1 -Dyyjson_inline=static"
    compile_library libyyjson.a src/yyjson.c
    install_headers . src/yyjson.h
}
