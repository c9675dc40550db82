# SPDX-License-Identifier: Apache-2.0
# lwIP: its sources, patched, for src/tcpip to compile with options of its own; include/ has the headers.

licence=COPYING

build() {
    mkdir -p "$DESTDIR$PREFIX/src"
    cp -r src/core "$DESTDIR$PREFIX/src/"
    cp -r src/include "$DESTDIR$PREFIX/"
}
