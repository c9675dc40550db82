/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as the host's JavaScript writes them: names and values in turn, each ending with a zero
 * byte, the last pair followed by one zero byte more. They stay where they are: all texts found are
 * borrowed. */
#ifndef MIX_HOSTS_WASM_SETTINGS_H
#define MIX_HOSTS_WASM_SETTINGS_H

#include "mix/fetch.h"
#include "mix/websocket.h"

enum { MIX_SETTINGS_LIST = 8 }; /* directories, name servers: more of them are an error */

/* The bytes of the settings within in, their end included; 0: malformed. */
size_t mix_settings_len(const char *in, size_t len);

typedef struct mix_tunnel_settings {
    mix_tunnel_config config;
    const char *directories[MIX_SETTINGS_LIST], *dns_servers[MIX_SETTINGS_LIST];
} mix_tunnel_settings;
/* MIX_OK, MIX_ERR_ARGUMENT for an unknown name or too many of a list. */
int mix_settings_tunnel(mix_tunnel_settings *out, const char *in);

/* headers: room for mix_settings_count(in, "header") of them. */
int mix_settings_request(mix_request *out, mix_header *headers, const char *in);
int mix_settings_websocket(mix_websocket_options *out, mix_header *headers, const char **protocols,
                           const char *in);
size_t mix_settings_count(const char *in, const char *name);

#endif
