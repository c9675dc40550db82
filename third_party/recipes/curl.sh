# SPDX-License-Identifier: Apache-2.0
# libcurl: HTTP/1.1 and 2 over src/sockets, under src/http. No resolver, files, proxies, cookies or other protocols.

licence=COPYING
needs="openssl zlib nghttp2 brotli zstd"
uses="compat wasi.cmake seam.syms"

build() {
    local opts=(-DBUILD_CURL_EXE=OFF -DBUILD_STATIC_LIBS=ON -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF
        -DBUILD_TESTING=OFF -DBUILD_EXAMPLES=OFF -DENABLE_CURL_MANUAL=OFF -DPICKY_COMPILER=OFF)

    opts+=(-DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$(prefix_of openssl)" -DOPENSSL_USE_STATIC_LIBS=ON
        -DOPENSSL_INCLUDE_DIR="$(prefix_of openssl)/include" -DOPENSSL_SSL_LIBRARY="$(prefix_of openssl)/lib/libssl.a"
        -DOPENSSL_CRYPTO_LIBRARY="$(prefix_of openssl)/lib/libcrypto.a"
        -DCURL_ZLIB=ON -DZLIB_INCLUDE_DIR="$(prefix_of zlib)/include" -DZLIB_LIBRARY="$(prefix_of zlib)/lib/libz.a"
        -DUSE_NGHTTP2=ON -DNGHTTP2_INCLUDE_DIR="$(prefix_of nghttp2)/include"
        -DNGHTTP2_LIBRARY="$(prefix_of nghttp2)/lib/libnghttp2.a"
        -DCURL_BROTLI=ON -DBROTLI_INCLUDE_DIR="$(prefix_of brotli)/include"
        -DBROTLIDEC_LIBRARY="$(prefix_of brotli)/lib/libbrotlidec.a"
        -DBROTLICOMMON_LIBRARY="$(prefix_of brotli)/lib/libbrotlidec.a"
        -DCURL_ZSTD=ON -DZSTD_INCLUDE_DIR="$(prefix_of zstd)/include" -DZSTD_LIBRARY="$(prefix_of zstd)/lib/libzstd.a")

    # WebSocket framing stays. Names are looked up by src/dns and handed in with CURLOPT_RESOLVE.
    opts+=(-DHTTP_ONLY=ON -DENABLE_IPV6=ON -DENABLE_ARES=OFF -DENABLE_THREADED_RESOLVER=OFF -DENABLE_UNIX_SOCKETS=OFF
        -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none)
    local off
    for off in ALTSVC AWS BINDLOCAL COOKIES DOH FORM_API GETOPTIONS HSTS HTTP_AUTH KERBEROS_AUTH MIME NEGOTIATE_AUTH \
        NETRC NTLM OPENSSL_AUTO_LOAD_CONFIG PARSEDATE PROGRESS_METER PROXY SHA512_256 SHUFFLE_DNS SOCKETPAIR SRP; do
        opts+=("-DCURL_DISABLE_$off=ON")
    done

    # Of the operating system: what src/sockets gives, on both targets alike.
    for off in ACCEPT4 ALARM ARC4RANDOM DIRENT_H EVENTFD FNMATCH GETHOSTNAME GETIFADDRS GETPWUID GETPWUID_R GETRLIMIT \
        IFADDRS_H IF_NAMETOINDEX IOCTL_FIONBIO OPENDIR PIPE PIPE2 PWD_H SCHED_YIELD SENDMMSG SENDMSG SETRLIMIT \
        SIGACTION SIGINTERRUPT SIGNAL SIGSETJMP SOCKETPAIR SYS_EVENTFD_H SYS_RESOURCE_H; do
        opts+=("-DHAVE_$off=0")
    done
    opts+=(-DHAVE_SOCKET=1 -DHAVE_GETADDRINFO=1 -DHAVE_FREEADDRINFO=1 -DHAVE_GETADDRINFO_THREADSAFE=1
        -DHAVE_SETSOCKOPT=1 -DHAVE_GETSOCKNAME=1 -DHAVE_GETPEERNAME=1 -DHAVE_POLL=1 -DHAVE_SELECT=1
        -DHAVE_FCNTL_O_NONBLOCK=1)
    case $TARGET in
    native) CFLAGS="$CFLAGS -U_FORTIFY_SOURCE" ;;
    wasm) opts+=(-DCURL_DISABLE_VERBOSE_STRINGS=ON) ;;
    esac
    cmake_build "${opts[@]}"
    cp build.lwmix/lib/curl_config.h "$DESTDIR$PREFIX/"
    seam libcurl.a
}
