/* SPDX-License-Identifier: Apache-2.0 */
/* What the WASM module exports and imports. The imports are mix_env, answered by the host's JavaScript; hosts/wasm/imports.txt lists
 * all of them, those of the C library included. Memory passes as offsets into the module's own memory. */
#include "imports.h"
#include "mix/env.h"
#include "mix/errors.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name), visibility("default")))

static int env_random(void *user, uint8_t *out, size_t len) {
    (void)user;
    return mix_host_random(out, len);
}

static int64_t env_wall_time(void *user) {
    (void)user;
    return (int64_t)mix_host_wall_time();
}

static void env_log(void *user, mix_log_level level, const char *layer, const char *text) {
    (void)user;
    mix_host_log((int)level, layer, strlen(layer), text, strlen(text));
}

static mix_env env = {.random = env_random, .wall_time = env_wall_time, .log = env_log, .log_level = MIX_LOG_WARN};

/* The module's one env; engines borrow it. */
EXPORT("mix_env") const mix_env *mix_wasm_env(void);
const mix_env *mix_wasm_env(void) {
    return &env;
}

EXPORT("mix_log_level") void mix_wasm_log_level(int level);
void mix_wasm_log_level(int level) {
    env.log_level = (mix_log_level)level;
}

EXPORT("mix_error_text") const char *mix_wasm_error_text(int status);
const char *mix_wasm_error_text(int status) {
    return mix_error_text(status);
}

/* Buffers that JavaScript fills before a call. */
EXPORT("mix_alloc") void *mix_wasm_alloc(size_t size);
void *mix_wasm_alloc(size_t size) {
    return malloc(size);
}

EXPORT("mix_free") void mix_wasm_free(void *p);
void mix_wasm_free(void *p) {
    free(p);
}
