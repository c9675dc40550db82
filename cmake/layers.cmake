# SPDX-License-Identifier: Apache-2.0
# mix_layer, mix_test, mix_fuzz, mix_bench: how folders become libraries and programs.

set(MIX_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)

# What every program and library of ours is compiled with.
function(mix_flags target)
  target_compile_options(${target} PRIVATE ${MIX_WARNINGS} -ffunction-sections -fdata-sections -fvisibility=hidden)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    if(MIX_WASM AND NOT target MATCHES "^mix_(crypto|sphinx)$") # what costs time there is only in these two
      target_compile_options(${target} PRIVATE -Os)
    else()
      target_compile_options(${target} PRIVATE -O2)
    endif()
  endif()
  if(MIX_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${MIX_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${MIX_SANITIZE})
  endif()
  if(MIX_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(MIX_DEBUG_MOVE)
    target_compile_definitions(${target} PRIVATE MIX_DEBUG_MOVE)
  endif()
  if(MIX_WASM)
    target_link_options(${target} PRIVATE -lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-mman
      -Wl,-z,stack-size=524288 -Wl,--stack-first)
  endif()
endfunction()

# mix_layer(NAME sphinx DEPS crypto base THIRD openssl SOURCES a.c b.c): the folder as library mix_sphinx. DEPS are the
# folders whose headers it includes (tools/check-layers reads them here); THIRD the third parties.
function(mix_layer)
  cmake_parse_arguments(L "" "NAME" "DEPS;THIRD;SOURCES" ${ARGN})
  add_library(mix_${L_NAME} STATIC ${L_SOURCES})
  mix_flags(mix_${L_NAME})
  foreach(dep ${L_DEPS})
    target_link_libraries(mix_${L_NAME} PUBLIC mix_${dep})
  endforeach()
  foreach(part ${L_THIRD})
    target_link_libraries(mix_${L_NAME} PRIVATE third_${part})
  endforeach()
endfunction()

# mixnet_layer(NAME node DEPS sphinx crypto ROLES link SOURCES …): a folder of mixnet/ as library mixnet_node; DEPS are folders
# of src/, ROLES other folders of mixnet/.
function(mixnet_layer)
  cmake_parse_arguments(L "" "NAME" "DEPS;ROLES;THIRD;SOURCES" ${ARGN})
  add_library(mixnet_${L_NAME} STATIC ${L_SOURCES})
  mix_flags(mixnet_${L_NAME})
  target_include_directories(mixnet_${L_NAME} PUBLIC ${PROJECT_SOURCE_DIR}) # "mixnet/node/node.h": src/ has folders of the same names
  foreach(dep ${L_DEPS})
    target_link_libraries(mixnet_${L_NAME} PUBLIC mix_${dep})
  endforeach()
  foreach(role ${L_ROLES})
    target_link_libraries(mixnet_${L_NAME} PUBLIC mixnet_${role})
  endforeach()
  foreach(part ${L_THIRD})
    target_link_libraries(mixnet_${L_NAME} PRIVATE third_${part})
  endforeach()
endfunction()

# Folders of src/, folders of mixnet/ and third parties, as libraries behind a program of ours.
function(mix_link target deps roles parts)
  mix_flags(${target})
  target_link_libraries(${target} PRIVATE mix_testing)
  foreach(dep ${deps})
    target_link_libraries(${target} PRIVATE mix_${dep})
  endforeach()
  foreach(role ${roles})
    target_link_libraries(${target} PRIVATE mixnet_${role})
  endforeach()
  foreach(part ${parts})
    target_link_libraries(${target} PRIVATE third_${part})
  endforeach()
endfunction()

# mix_test(NAME sphinx_test DEPS sphinx SOURCES sphinx_test.c [NATIVE_ONLY]): a test program. It is run by tools/test.mjs
# for each target, in the source folder's root, and ends with "NAME: N passed, M failed".
function(mix_test)
  cmake_parse_arguments(T "NATIVE_ONLY" "NAME" "DEPS;ROLES;THIRD;SOURCES" ${ARGN})
  if(MIX_FUZZ OR (MIX_WASM AND T_NATIVE_ONLY))
    return()
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  mix_link(${T_NAME} "${T_DEPS}" "${T_ROLES}" "${T_THIRD}")
  if(MIX_WASM)
    # Without wasm-opt, which takes longer than the test; benches and the module are optimised. --no-wasm-opt would say so, but with
    # it clang 19 links nothing and reports success.
    target_link_options(${T_NAME} PRIVATE -O0)
  endif()
  set_target_properties(${T_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

# mix_fuzz(NAME framing DEPS sphinx SOURCES framing_fuzz.c): a libFuzzer target; seeds in testdata/fuzz/NAME/.
function(mix_fuzz)
  cmake_parse_arguments(F "" "NAME" "DEPS;ROLES;THIRD;SOURCES" ${ARGN})
  if(NOT MIX_FUZZ)
    return()
  endif()
  add_executable(fuzz_${F_NAME} ${F_SOURCES})
  mix_link(fuzz_${F_NAME} "${F_DEPS}" "${F_ROLES}" "${F_THIRD}")
  target_link_options(fuzz_${F_NAME} PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzz_${F_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

# mix_bench(NAME sphinx_bench DEPS sphinx SOURCES …): a bench program (native and wasm release builds only).
function(mix_bench)
  cmake_parse_arguments(B "" "NAME" "DEPS;THIRD;SOURCES" ${ARGN})
  if(MIX_FUZZ OR MIX_SANITIZE)
    return()
  endif()
  add_executable(${B_NAME} ${B_SOURCES})
  mix_link(${B_NAME} "${B_DEPS}" "" "${B_THIRD}")
  set_target_properties(${B_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
