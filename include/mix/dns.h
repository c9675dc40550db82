/* SPDX-License-Identifier: Apache-2.0 */
/* Names looked up through the tunnel: the first answer of all servers, kept for as long as it says,
 * equal questions shared. */
#ifndef MIX_DNS_H
#define MIX_DNS_H

#include "mix/tunnel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MIX_LOOKUP_IP4 = 1, MIX_LOOKUP_IP6 = 2 };
/* Addresses of a name; families: either bit or both. Numbers in text are answered as they are. One
 * event follows, never from within this call. MIX_ERR_STATE (the tunnel was not ready yet, or has
 * ended), MIX_ERR_DNS_NAME, MIX_ERR_LIMIT (1024), MIX_ERR_MEMORY. */
int mix_tunnel_lookup(mix_tunnel *t, uint32_t *id, const char *name, unsigned families,
                      mix_time now);
/* Records of one type, by its number (RFC 1035 and on). */
int mix_tunnel_query(mix_tunnel *t, uint32_t *id, const char *name, uint16_t type, mix_time now);
void mix_tunnel_lookup_cancel(mix_tunnel *t, uint32_t id); /* no event then */
void mix_tunnel_forget_names(mix_tunnel *t);               /* empties the cache */

/* The number of "A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "PTR", "CAA", "HTTPS", … in
 * any case; 0: unknown. And back; NULL: unknown. */
uint16_t mix_record_type(const char *name);
const char *mix_record_type_name(uint16_t type);

typedef struct mix_record {
    uint16_t type;
    uint32_t ttl;     /* seconds left */
    const char *text; /* as in a zone file; of A and AAAA the number */
} mix_record;

/* Of an event of kind MIX_TUNNEL_EVENT_DNS; valid until the next call on the tunnel. */
typedef struct mix_dns_answer {
    int status;   /* MIX_OK, or MIX_ERR_DNS_*; the event's failure has the words */
    uint32_t ttl; /* seconds for which the answer holds */
    bool cached;
    const char *canonical; /* the name at the end of the aliases */
    const mix_record *records;
    size_t count;
} mix_dns_answer;

#ifdef __cplusplus
}
#endif

#endif
