# SPDX-License-Identifier: Apache-2.0
# CMake's view of the wasm target, for parts that build with it; build.sh gives compiler and flags.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(UNIX 1)
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-mman")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
