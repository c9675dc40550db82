# SPDX-License-Identifier: Apache-2.0
# Third parties as imported targets third_NAME, from build/third_party/<target>/NAME/{include,lib} (third_party/build.sh).
if(MIX_WASM)
  set(MIX_THIRD ${PROJECT_SOURCE_DIR}/build/third_party/wasm)
else()
  set(MIX_THIRD ${PROJECT_SOURCE_DIR}/build/third_party/native)
endif()

# mix_third(NAME LIBS libx.a …): an interface target over static libraries; none for header-only parts.
function(mix_third name)
  cmake_parse_arguments(P "" "" "LIBS" ${ARGN})
  if(NOT EXISTS ${MIX_THIRD}/${name}/include)
    message(FATAL_ERROR "third party '${name}' is not built for this target: run 'make deps' first")
  endif()
  add_library(third_${name} INTERFACE)
  target_include_directories(third_${name} SYSTEM INTERFACE ${MIX_THIRD}/${name}/include)
  foreach(lib ${P_LIBS})
    target_link_libraries(third_${name} INTERFACE ${MIX_THIRD}/${name}/lib/${lib})
  endforeach()
endfunction()

mix_third(openssl LIBS libssl.a libcrypto.a)
if(MIX_WASM) # in front of openssl, for the module
  mix_third(openssl-client LIBS libopenssl-client.a)
endif()
mix_third(blake3 LIBS libblake3.a)
mix_third(yyjson LIBS libyyjson.a)
if(EXISTS ${MIX_THIRD}/fiat/lib/libfiat.a) # x86-64 only
  set(MIX_FIAT_ADX ON)
  mix_third(fiat LIBS libfiat.a)
else()
  mix_third(fiat)
endif()
# TCP/IP: sources that src/tcpip compiles with options of its own.
mix_third(lwip)
mix_third(certifi) # include/cacert.pem
mix_third(zlib LIBS libz.a)
mix_third(brotli LIBS libbrotlidec.a)
mix_third(zstd LIBS libzstd.a)
mix_third(nghttp2 LIBS libnghttp2.a)
# These ask src/sockets for what they would have of the operating system: it stands behind them when linked.
function(mix_third_on_seam name lib define)
  mix_third(${name})
  add_library(third_${name}_archive STATIC IMPORTED GLOBAL)
  set_target_properties(third_${name}_archive PROPERTIES IMPORTED_LOCATION ${MIX_THIRD}/${name}/lib/${lib})
  target_link_libraries(third_${name}_archive INTERFACE mix_sockets ${ARGN})
  target_link_libraries(third_${name} INTERFACE third_${name}_archive)
  target_compile_definitions(third_${name} INTERFACE ${define})
endfunction()
mix_third_on_seam(c-ares libcares.a CARES_STATICLIB)
mix_third_on_seam(curl libcurl.a CURL_STATICLIB third_nghttp2 third_openssl third_zlib third_brotli third_zstd)
