# SPDX-License-Identifier: Apache-2.0
# BLAKE3, the C implementation inside the official crate; the assembler for x86-64 is chosen at run time.

licence="LICENSE_A2 LICENSE_CC0"

build() {
    local sources="c/blake3.c c/blake3_dispatch.c c/blake3_portable.c"
    case $TARGET-$(uname -m) in
    native-x86_64) sources="$sources $(echo c/blake3_*_x86-64_unix.S)" ;;
    native-aarch64) sources="$sources c/blake3_neon.c" CFLAGS="$CFLAGS -DBLAKE3_USE_NEON=1" ;;
    *) CFLAGS="$CFLAGS -DBLAKE3_USE_NEON=0" ;;
    esac
    compile_library libblake3.a $sources
    install_headers . c/blake3.h
}
