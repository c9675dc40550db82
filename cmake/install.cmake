# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where: the command, liblwmix.a with headers and lwmix.pc, man pages, licences, the examples, the page of the playground.
if(MIX_WASM OR MIX_FUZZ OR MIX_SANITIZE)
  return()
endif()
set(MIX_ARCHIVE ${CMAKE_BINARY_DIR}/liblwmix.a)
set(parts openssl/lib/libssl.a openssl/lib/libcrypto.a blake3/lib/libblake3.a yyjson/lib/libyyjson.a zlib/lib/libz.a
  brotli/lib/libbrotlidec.a zstd/lib/libzstd.a nghttp2/lib/libnghttp2.a c-ares/lib/libcares.a curl/lib/libcurl.a)
if(MIX_FIAT_ADX)
  list(APPEND parts fiat/lib/libfiat.a)
endif()
list(TRANSFORM parts PREPEND ${MIX_THIRD}/)
set(layers base crypto directory gateway sphinx traffic messages ipr tcpip sockets tls dns http websocket fetch tunnel)
list(TRANSFORM layers PREPEND mix_)
set(archives ${layers})
list(TRANSFORM archives REPLACE "(.+)" "$<TARGET_FILE:\\1>")
file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/mix/*.h)
add_custom_command(OUTPUT ${MIX_ARCHIVE}
  COMMAND node ${PROJECT_SOURCE_DIR}/tools/archive.mjs ${MIX_ARCHIVE} ${PROJECT_SOURCE_DIR}/include/mix ${archives} ${parts}
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/archive.mjs ${headers} ${layers} ${parts} VERBATIM COMMENT "Making liblwmix.a")
add_custom_target(lwmix_archive ALL DEPENDS ${MIX_ARCHIVE})
configure_file(${PROJECT_SOURCE_DIR}/cmake/lwmix.pc.in ${CMAKE_BINARY_DIR}/lwmix.pc @ONLY)

install(TARGETS lwmix DESTINATION bin)
install(FILES ${MIX_ARCHIVE} DESTINATION lib)
install(FILES ${CMAKE_BINARY_DIR}/lwmix.pc DESTINATION lib/pkgconfig)
install(FILES ${headers} DESTINATION include/mix)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/lwmix.1 DESTINATION share/man/man1)
install(FILES ${PROJECT_SOURCE_DIR}/docs/man/lwmix.3 DESTINATION share/man/man3)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/lwmix)
install(FILES ${PROJECT_SOURCE_DIR}/examples/c/fetch.c ${PROJECT_SOURCE_DIR}/examples/c/host.c ${PROJECT_SOURCE_DIR}/examples/c/host.h
  DESTINATION share/doc/lwmix/examples)
# The page of lwmix playground, where it was built (make playground): it stands for itself, the command works without.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/playground DESTINATION share/lwmix OPTIONAL)
foreach(part openssl blake3 yyjson fiat lwip certifi zlib brotli zstd nghttp2 c-ares curl libwebsockets)
  file(GLOB texts ${MIX_THIRD}/${part}/LICENSE* ${MIX_THIRD}/${part}/COPYING*)
  install(FILES ${texts} DESTINATION share/doc/lwmix/licences/${part})
endforeach()
