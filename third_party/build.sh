#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds parts into the cache and links build/third_party/TARGET/NAME to them.
#
#   build.sh TARGET NAME...            build what is not there yet; quiet when all is
#   build.sh --prefix TARGET NAME...   print where each part is or would be; builds nothing
#
# TARGET is native or wasm. A part lives in the cache under a key: a hash of its lines in the list, its recipe and
# patches, the toolchain, the compiler's version, and the keys of the parts that it needs. It is built in a folder
# of its own and renamed at the end, so what is in the cache is whole. Set JOBS for other than all processors.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

JOBS=${JOBS:-$(nproc)}
LINKS=$(dirname "$THIRD")/build/third_party
export JOBS

usage() {
    die "usage: build.sh [--prefix] native|wasm NAME..., one or more of: $(part_names | tr '\n' ' ')"
}

# A recipe sets `needs` (parts that it is built against), `targets`, `licence` (files in its source), `uses` (files
# and folders of third_party/ that go into it; with compat, the wasm build looks into compat/wasi first) and defines
# build(), which is run in the unpacked source and installs below $DESTDIR$PREFIX.
recipe() {
    [ -r "$THIRD/recipes/$1.sh" ] || die "there is no third_party/recipes/$1.sh"
    needs= targets="native wasm" licence= uses=
    . "$THIRD/recipes/$1.sh"
    [[ "$TARGET $uses " != "wasm "*"compat "* ]] || CFLAGS="$CFLAGS -I$THIRD/compat/wasi"
}

needs_of() { (recipe "$1" && echo "$needs"); }

declare -A PREFIX_OF

# Sets PREFIX_OF[NAME] for a part and all that it needs.
locate() {
    local name=$1 n key version below files
    [ -z "${PREFIX_OF[$name]:-}" ] || return 0
    version=$(part_version "$name")
    below=
    for n in $(needs_of "$name"); do
        locate "$n"
        below="$below ${PREFIX_OF[$n]##*/}"
    done
    files=("$THIRD/toolchain.sh" "$THIRD/recipes/$name.sh")
    for n in "$THIRD/patches/$name"-*.patch; do [ ! -e "$n" ] || files+=("$n"); done
    for n in $(recipe "$name" && echo "$uses"); do
        mapfile -t -O "${#files[@]}" files < <(find "$THIRD/$n" -type f | sort)
    done
    key=$({ part_lines "$name"; cat "${files[@]}"; echo "$TARGET $(uname -m) $COMPILER $below"; } | sha256sum)
    PREFIX_OF[$name]=$CACHE/$name-$version-$TARGET-${key:0:12}
}

prefix_of() {
    echo "${PREFIX_OF[$1]}"
}

# For recipes: CMake with this target's compiler, from the source folder; the rest are options.
cmake_build() {
    local opts=(-G Ninja -S . -B build.lwmix -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/usr
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_C_COMPILER="$CC" -DCMAKE_AR="$(command -v "$AR")"
        -DCMAKE_RANLIB="$(command -v "$RANLIB")" -DBUILD_SHARED_LIBS=OFF
        -DCMAKE_C_FLAGS="$CFLAGS -ffile-prefix-map=$PWD=.")
    [ "$TARGET" = native ] || opts+=(-DCMAKE_TOOLCHAIN_FILE="$THIRD/wasi.cmake")
    cmake "${opts[@]}" "$@"
    ninja -C build.lwmix -j "$JOBS"
    DESTDIR=$PWD/installed ninja -C build.lwmix install
    adopt installed/usr
}

# For recipes: takes what was installed under a neutral prefix, so that what is compiled in does not tell where the cache
# is, without the files that would name that prefix.
adopt() { # FOLDER
    rm -rf "$1"/{bin,share,lib/cmake,lib/pkgconfig}
    mkdir -p "$DESTDIR$PREFIX"
    mv "$1"/* "$DESTDIR$PREFIX/"
}

# For recipes: compile_library libNAME.a SOURCE... with $CFLAGS.
compile_library() {
    local lib=$1 f objects=()
    shift
    printf '%s\n' "$@" | xargs -P "$JOBS" -I{} sh -c 'exec $CC $CFLAGS -c "$1" -o "$1.o"' - {}
    for f; do objects+=("$f.o"); done
    mkdir -p "$DESTDIR$PREFIX/lib"
    "$AR" rcs "$DESTDIR$PREFIX/lib/$lib" "${objects[@]}"
}

install_headers() { # FOLDER below include, "." for none; FILE...
    local to=$DESTDIR$PREFIX/include/$1
    shift
    mkdir -p "$to"
    cp "$@" "$to/"
}

# For recipes: gives what the library asks of the operating system to src/sockets. In WASM that defines the names itself.
seam() {
    local lib=$DESTDIR$PREFIX/lib/$1 left
    [ "$TARGET" = native ] || return 0
    "$OBJCOPY" --redefine-syms=<(grep -v '^#' "$THIRD/seam.syms") "$lib"
    left=$("$NM" -u "$lib" | awk 'NR == FNR { if ($0 !~ /^#/) no[$1]; next } NF == 2 && ($2 in no) { print $2 }' "$THIRD/seam.syms" - | sort -u)
    [ -z "$left" ] || { echo "$1 still asks for" $left; return 1; }
}

unpack() { # ARCHIVE into the current folder, without its top folder
    local top
    case $(od -An -tx1 -N4 "$1" | tr -d ' ') in
    504b0304) # zip
        cmake -E tar xf "$1"
        for top in *; do mv "$top"/* . && rm -rf "$top"; done
        find . -name '*.[ch]' -exec sed -i 's/\r$//' {} + # as patches expect lines to end
        ;;
    *) tar xf "$1" --strip-components=1 ;;
    esac
}

check_tools() {
    local t
    for t in $TOOLS; do need "$t"; done
    [ "$TARGET" = native ] || echo '#include <stdint.h>' | $CC --target=wasm32-wasi -fsyntax-only -x c - 2>/dev/null ||
        die "$CC finds no headers for wasm32-wasi: run tools/setup.sh build"
}

build_in() { # WORK NAME ARCHIVE: in a subshell, all output to the log
    set -e
    local p
    mkdir -p "$1/src" "$1/stage$PREFIX"
    cd "$1/src"
    unpack "$3"
    for p in "$THIRD/patches/$2"-*.patch; do
        [ ! -e "$p" ] || patch -p1 <"$p"
    done
    export DESTDIR=$1/stage SOURCE_DATE_EPOCH=0
    build
    [ -z "$licence" ] || cp $licence "$DESTDIR$PREFIX/"
}

# Tells whoever waits what is being done, until its input ends; on a terminal with the seconds it has taken, on a line that is written over.
tell() { # TEXT
    local rc=142 start=$SECONDS
    [ -t 2 ] || { say "$1" && cat >/dev/null && return; }
    while [ $rc -gt 128 ]; do # as read says when its time is up
        printf '\rthird_party: %s, %d s\033[K' "$1" $((SECONDS - start)) >&2
        rc=0
        read -r -t 1 || rc=$?
    done
    printf '\r\033[K' >&2
}

build_part() {
    local name=$1 n archive work log rc doing start=$SECONDS
    PREFIX=$(prefix_of "$name")
    [ ! -d "$PREFIX" ] || return 0
    for n in $(needs_of "$name"); do build_part "$n"; done
    PREFIX=$(prefix_of "$name")
    check_tools
    exec 9>"$CACHE/lock/${PREFIX##*/}"
    flock -n 9 || { say "$name ($TARGET) is being built by another process, waiting" && flock 9; }
    if [ ! -d "$PREFIX" ]; then
        archive=$("$THIRD/fetch.sh" "$name" 8>&- 9>&-)
        STEP=$((STEP + 1))
        doing="$name $(part_version "$name") ($TARGET) is being built, $STEP of $STEPS"
        work=$(mktemp -d "$CACHE/tmp/$name.XXXXXX")
        trap "rm -rf '$work'" EXIT # whoever interrupts it
        log=$CACHE/log/${PREFIX##*/}.log
        export PREFIX
        recipe "$name"
        set +e # and not `if (...)`, within which a failing step would not end the recipe
        (build_in "$work" "$name" "$archive") 3>&1 >"$log" 2>&1 9>&- | tell "$doing" 9>&- # 3 ends when it ends
        rc=${PIPESTATUS[0]}
        set -e
        if [ $rc != 0 ]; then
            tail -n 15 "$log" >&2
            rm -rf "$work"
            die "$name ($TARGET) did not build: the end of its log is above, all of it in $log"
        fi
        mv "$work/stage$PREFIX" "$PREFIX"
        rm -rf "$work"
        say "$name ($TARGET) is built, $((SECONDS - start)) s"
    fi
    exec 9>&-
}

link_part() {
    local at=$LINKS/$TARGET/$1 to
    to=$(prefix_of "$1")
    [ "$(readlink "$at" 2>/dev/null)" = "$to" ] || { mkdir -p "$LINKS/$TARGET" && ln -sfn "$to" "$at"; }
}

only_print=
[ "${1:-}" != --prefix ] || { only_print=1 && shift; }
[ $# -ge 2 ] || usage
TARGET=$1
shift
case $TARGET in native | wasm) ;; *) usage ;; esac
. "$THIRD/toolchain.sh"
need "$CC"
COMPILER=$($CC --version | head -1)
for name; do
    [[ " $(recipe "$name" && echo "$targets") " = *" $TARGET "* ]] || die "$name is not built for $TARGET"
    locate "$name"
done
if [ -n "$only_print" ]; then
    for name; do prefix_of "$name"; done
    exit
fi
mkdir -p "$CACHE/lock" "$CACHE/tmp" "$CACHE/log" 2>/dev/null || die "cannot write $CACHE: set XDG_CACHE_HOME to a folder of yours"
STEP=0 STEPS=0 # for the one who waits: which of how many is being built
for name in "${!PREFIX_OF[@]}"; do [ -d "$(prefix_of "$name")" ] || STEPS=$((STEPS + 1)); done
for name; do build_part "$name"; done
for name in "${!PREFIX_OF[@]}"; do link_part "$name"; done
