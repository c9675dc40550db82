# SPDX-License-Identifier: Apache-2.0
# Zstandard, the decoder: content encoding "zstd" of HTTP.

licence=LICENSE

build() {
    # One Huffman decoder in place of two, and no formats from before version 1.
    CFLAGS="$CFLAGS -DZSTD_LEGACY_SUPPORT=0 -DZSTD_DISABLE_ASM -DZSTD_STRIP_ERROR_STRINGS -DHUF_FORCE_DECOMPRESS_X1"
    CFLAGS="$CFLAGS -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT"
    compile_library libzstd.a lib/decompress/*.c lib/common/{debug,entropy_common,error_private,fse_decompress,xxhash,zstd_common}.c
    install_headers . lib/zstd.h lib/zstd_errors.h
}
