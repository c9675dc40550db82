# SPDX-License-Identifier: Apache-2.0
# c-ares: DNS messages, retries and servers, under src/dns. Sockets, clock and randomness come from src/sockets.

licence=LICENSE.md
uses="compat wasi.cmake seam.syms"

build() {
    local opts=(-DCARES_STATIC=ON -DCARES_SHARED=OFF -DCARES_STATIC_PIC=ON -DCARES_BUILD_TOOLS=OFF -DCARES_THREADS=OFF)
    # Always arc4random_buf: without it c-ares falls back, and says nothing, to a generator that it seeds with the time.
    opts+=(-DHAVE_ARC4RANDOM_BUF=1 -DHAVE_GETRANDOM=0 -DHAVE_GETENTROPY=0)
    # One thread that is never woken by another, no interface names, no file of services.
    opts+=(-DHAVE_PIPE=0 -DHAVE_PIPE2=0 -DHAVE_EPOLL=0 -DHAVE_KQUEUE=0 -DHAVE_SYS_EPOLL_H=0 -DHAVE_GETIFADDRS=0
        -DHAVE_IFADDRS_H=0 -DHAVE_IF_INDEXTONAME=0 -DHAVE_IF_NAMETOINDEX=0 -DHAVE_GETSERVBYPORT_R=0
        -DHAVE_GETSERVBYNAME_R=0 -DHAVE_GETHOSTNAME=0 -DHAVE_STAT=0)
    # What src/sockets gives, said here because a probe for another machine finds nothing: without recvfrom it would not
    # even look where an answer comes from.
    opts+=(-DHAVE_SOCKET=1 -DHAVE_CONNECT=1 -DHAVE_SENDTO=1 -DHAVE_RECVFROM=1 -DHAVE_SETSOCKOPT=1 -DHAVE_GETADDRINFO=0
        -DHAVE_FREEADDRINFO=0 -DHAVE_GETNAMEINFO=0 -DHAVE_MEMMEM=0)
    # It asks for C90, in which wasi-libc's socket addresses do not compile.
    sed -i -E 's/C_STANDARD +90/C_STANDARD 11/' CMakeLists.txt src/lib/CMakeLists.txt
    case $TARGET in
    native) CFLAGS="$CFLAGS -U_FORTIFY_SOURCE" ;;
    wasm) CFLAGS="$CFLAGS -DEHOSTDOWN=9117" ;; # wasi-libc lacks it; any number that no other error has
    esac
    cmake_build "${opts[@]}"
    cp build.lwmix/ares_config.h "$DESTDIR$PREFIX/"
    seam libcares.a
}
