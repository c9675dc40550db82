/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the host's JavaScript gives to the module (module "mix" of the import object). */
#ifndef MIX_HOSTS_WASM_IMPORTS_H
#define MIX_HOSTS_WASM_IMPORTS_H

#include <stddef.h>
#include <stdint.h>

#define MIX_IMPORT(name) __attribute__((import_module("mix"), import_name(name)))

MIX_IMPORT("random") int mix_host_random(uint8_t *out, size_t len);   /* 0 on success */
MIX_IMPORT("wall_time") double mix_host_wall_time(void);              /* µs since 1970: exact in a double until the year 2255 */
MIX_IMPORT("log") void mix_host_log(int level, const char *layer, size_t layer_len, const char *text, size_t text_len);

#endif
