# SPDX-License-Identifier: Apache-2.0
# libslirp: user-mode NAT of the local mixnet's exit, patched, on Debian's glib.

licence=COPYRIGHT
targets=native

build() {
    local v major minor micro
    v=$(part_version libslirp)
    IFS=. read -r major minor micro <<<"$v"
    sed -e "s/@SLIRP_MAJOR_VERSION@/$major/" -e "s/@SLIRP_MINOR_VERSION@/$minor/" -e "s/@SLIRP_MICRO_VERSION@/$micro/" \
        -e "s/@SLIRP_VERSION_STRING@/\"$v\"/" src/libslirp-version.h.in >src/libslirp-version.h
    CFLAGS="$CFLAGS -Isrc $(pkg-config --cflags glib-2.0) -DG_LOG_DOMAIN=\"Slirp\" -DBUILDING_LIBSLIRP"
    compile_library whole.a src/*.c
    # One object that shows slirp_* alone: lwIP, in the same program, has functions of the same names.
    (
        cd "$DESTDIR$PREFIX/lib"
        ld -r -o slirp.o --whole-archive whole.a
        "$OBJCOPY" --wildcard --keep-global-symbol='slirp_*' slirp.o
        "$AR" rcs libslirp.a slirp.o
        rm whole.a slirp.o
    )
    install_headers slirp src/libslirp.h src/libslirp-version.h
}
