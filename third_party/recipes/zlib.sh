# SPDX-License-Identifier: Apache-2.0
# zlib, the part that libcurl needs for deflate and gzip: memory to memory, no gz* functions over files.

licence=LICENSE

build() {
    compile_library libz.a adler32.c compress.c crc32.c deflate.c inffast.c inflate.c inftrees.c trees.c uncompr.c zutil.c
    install_headers . zlib.h zconf.h
}
