# SPDX-License-Identifier: Apache-2.0
# OpenSSL: TLS 1.2 and 1.3 for both ends, X.509, and every primitive of src/crypto. Static libraries only.

licence=LICENSE.txt

# Off on both targets, so that both behave alike: what no web server of today asks for, what reads files or environment
# by itself, and what only the command line uses. The low-level SHA256_* calls (deprecated) stay: HKDF over short keys
# is several times faster with them. So do Argon2, BLAKE2, SIV, ML-KEM.
COMMON="no-shared no-dso no-module no-engine no-tests no-apps no-docs no-makedepend no-legacy
    no-dgram no-quic no-dtls no-srtp no-sctp no-ssl3 no-tls1 no-tls1_1 no-comp no-nextprotoneg no-ocsp no-ct no-psk
    no-cmp no-cms no-ts no-srp no-http no-rfc3779 no-ui-console no-autoload-config no-afalgeng no-padlockeng no-ktls
    no-thread-pool no-secure-memory no-ec2m no-gost no-dsa no-idea no-camellia no-seed no-bf no-cast no-des no-rc2
    no-rc4 no-rc5 no-md4 no-mdc2 no-whirlpool no-rmd160 no-sm2 no-sm3 no-sm4 no-aria no-siphash no-ocb no-scrypt
    no-ml-dsa no-slh-dsa"

build() {
    case $TARGET in
    native)
        # Asks the machine for its target (linux-x86_64, linux-aarch64, ...): assembler is on.
        ./Configure --prefix=/usr --libdir=lib --openssldir=/etc/ssl $COMMON
        ;;
    wasm)
        # No source of randomness inside: src/crypto gives it one. No files, sockets, threads or clock of its own.
        CFLAGS="$CFLAGS -DNO_SYSLOG" ./Configure linux-generic32 --prefix=/usr --libdir=lib --openssldir=/nowhere \
            $COMMON no-asm no-threads no-sock no-atexit no-filenames no-stdio no-posix-io --with-rand-seed=none
        ;;
    esac
    make -j "$JOBS" build_libs
    # The prefix is compiled in: a neutral one, so that the library is the same wherever the cache is.
    make install_dev DESTDIR="$PWD/installed"
    rm -rf installed/usr/lib/{cmake,pkgconfig}
    mkdir -p "$DESTDIR$PREFIX"
    mv installed/usr/* "$DESTDIR$PREFIX/"
}
