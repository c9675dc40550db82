/* SPDX-License-Identifier: Apache-2.0 */
/* What the module's files share: its one tunnel, its output, and the table of commands. */
#ifndef MIX_HOSTS_WASM_MODULE_H
#define MIX_HOSTS_WASM_MODULE_H

#include "abi.h"
#include "mix/dns.h"
#include "mix/fetch.h"
#include "mix/tunnel.h"
#include "mix/websocket.h"

/* One call of mix_command. */
typedef struct mix_wasm_call {
    uint32_t id;
    double wide_id; /* as it came: those of directory requests are wider */
    int number;
    const uint8_t *data;
    size_t len;
    mix_time now;
} mix_wasm_call;

typedef struct mix_wasm_module {
    mix_env env;
    mix_tunnel *tunnel; /* NULL: none */
    mix_wasm_out out;
    mix_tunnel_event event; /* the last; what it points to lives until the next call */
    uint8_t *input;
    size_t input_cap;
} mix_wasm_module;
extern mix_wasm_module mix_wasm;

static inline uint32_t mix_wasm_offset(const void *p) {
    return (uint32_t)(uintptr_t)p;
}

/* Puts bytes or text into the output. */
void mix_wasm_put_data(const void *data, size_t len);
void mix_wasm_put_failure(const mix_failure *failure);

/* A command; MIX_ERR_ARGUMENT: there is none of this number. */
int mix_wasm_do(int what, const mix_wasm_call *call);
/* Frees the tunnel and what commands hold. */
void mix_wasm_end(void);

#endif
