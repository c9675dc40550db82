/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over HTTPS (RFC 8484): the questions that dns/ gives, asked by http/ of one resolver. */
#ifndef MIX_TUNNEL_DOH_H
#define MIX_TUNNEL_DOH_H

#include "http/http.h"

typedef struct mix_tunnel_doh mix_tunnel_doh;

/* The host of a resolver's URL, for mix_dns_config.doh. MIX_ERR_ARGUMENT, why noted: not https, or
 * no URL at all. MIX_ERR_MEMORY. */
int mix_tunnel_doh_host(char out[static MIX_DNS_NAME_MAX + 1], const char *url, mix_error *why);

/* host: of the url, which mix_tunnel_doh_host() has found good. A final "{?dns}", as in RFC 8484's
 * templates, is not of the URL. Borrows dns and http for life. MIX_ERR_MEMORY. */
int mix_tunnel_doh_new(mix_tunnel_doh **out, const char *url, const char *host, mix_dns *dns,
                       mix_http *http);
void mix_tunnel_doh_free(mix_tunnel_doh *d); /* before http and dns; NULL is fine */
/* Takes what dns/ asks, and runs what is due; whether there was anything. */
bool mix_tunnel_doh_turn(mix_tunnel_doh *d, mix_time now);
/* True: it was an event of a question. */
bool mix_tunnel_doh_exchanged(mix_tunnel_doh *d, const mix_http_event *ev, mix_time now);
/* All that is under way ends for this reason. */
void mix_tunnel_doh_end(mix_tunnel_doh *d, const mix_error *why, mix_time now);
mix_time mix_tunnel_doh_deadline(const mix_tunnel_doh *d);

#endif
