# SPDX-License-Identifier: Apache-2.0
# A few objects of OpenSSL once more, with less in their tables: linked in front of the whole library, they leave the WASM module
# a fifth smaller in OpenSSL (the linker drops what nothing names). For the module alone; tests link the whole library.

licence=LICENSE.txt
targets=wasm
needs=openssl
uses="recipes/openssl.sh openssl-client"

OBJECTS="providers/libcrypto-lib-defltprov.o crypto/x509/libcrypto-lib-v3_lib.o crypto/asn1/libcrypto-lib-ameth_lib.o
    crypto/evp/libcrypto-lib-pmeth_lib.o crypto/err/libcrypto-lib-err_all.o ssl/statem/libssl-lib-extensions.o
    ssl/statem/libssl-lib-statem.o"

build() {
    local common
    common=$(. "$THIRD/recipes/openssl.sh" && echo $COMMON)
    CFLAGS="$CFLAGS -DNO_SYSLOG" ./Configure linux-generic32 --prefix=/usr --libdir=lib --openssldir=/nowhere \
        $common no-asm no-threads no-sock no-atexit no-filenames no-stdio no-posix-io --with-rand-seed=none
    make build_generated
    # Configured as the whole library is, or structs would differ.
    cmp include/openssl/configuration.h "$(prefix_of openssl)/include/openssl/configuration.h"
    perl "$THIRD/openssl-client/leave-out.pl"
    make -j "$JOBS" $OBJECTS
    $CC $CFLAGS -Iinclude -c "$THIRD/openssl-client/curve448.c" -o curve448.o
    mkdir -p "$DESTDIR$PREFIX/lib" "$DESTDIR$PREFIX/include"
    $AR rcs "$DESTDIR$PREFIX/lib/libopenssl-client.a" $OBJECTS curve448.o
}
