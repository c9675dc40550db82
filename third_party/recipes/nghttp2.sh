# SPDX-License-Identifier: Apache-2.0
# nghttp2: the frames and header compression of HTTP/2, under libcurl. Natively its clock is renamed to the seam's.

licence=COPYING
uses="seam.syms"

build() {
    local version=1.64.0 h=lib/includes/nghttp2
    sed -e "s/@PACKAGE_VERSION@/$version/" -e 's/@PACKAGE_VERSION_NUM@/0x014000/' $h/nghttp2ver.h.in >$h/nghttp2ver.h
    CFLAGS="$CFLAGS -DNGHTTP2_STATICLIB -DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H -DHAVE_TIME_H -DHAVE_CLOCK_GETTIME"
    CFLAGS="$CFLAGS -DHAVE_DECL_CLOCK_MONOTONIC -Ilib/includes"
    compile_library libnghttp2.a $(ls lib/*.c)
    install_headers nghttp2 $h/nghttp2.h $h/nghttp2ver.h
    seam libnghttp2.a
}
