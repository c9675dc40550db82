# SPDX-License-Identifier: Apache-2.0
# brotli, the decoder: content encoding "br" of HTTP.

licence=LICENSE

build() {
    CFLAGS="$CFLAGS -Ic/include"
    compile_library libbrotlidec.a c/dec/*.c c/common/*.c
    install_headers brotli c/include/brotli/*.h
    rm "$DESTDIR$PREFIX/include/brotli/encode.h"
}
