# SPDX-License-Identifier: Apache-2.0
# The compilers and flags that every part is built with; a change here rebuilds all of them. Sourced with $TARGET set.

LLVM=19
CC=clang-$LLVM
CXX=clang++-$LLVM
AR=llvm-ar-$LLVM
RANLIB=llvm-ranlib-$LLVM
NM=llvm-nm-$LLVM
OBJCOPY=llvm-objcopy-$LLVM

case $TARGET in
native)
    CFLAGS="-O2 -fPIC -ffunction-sections -fdata-sections -fno-omit-frame-pointer -fstack-protector-strong -DNDEBUG -w"
    TOOLS="$CC $AR $RANLIB cmake ninja make perl patch"
    ;;
wasm)
    # wasi-libc offers the emulations only to those who ask; compat/wasi adds the headers that it lacks.
    CFLAGS="--target=wasm32-wasi -Os -ffunction-sections -fdata-sections -D_WASI_EMULATED_SIGNAL"
    CFLAGS="$CFLAGS -D_WASI_EMULATED_GETPID -D_WASI_EMULATED_MMAN -DNDEBUG -w"
    TOOLS="$CC $AR $RANLIB wasm-ld-$LLVM cmake ninja make perl patch"
    ;;
esac
export CC CXX AR RANLIB NM OBJCOPY CFLAGS
