/* SPDX-License-Identifier: Apache-2.0 */
/* Names into addresses through the tunnel: c-ares over the seam, all servers asked, answers kept
 * for as long as they say. No other folder includes c-ares. Above: http, tunnel. Below: sockets
 * (mix_sockets_begin() first).
 *
 * The first server is asked at once, each other one as soon as what the stack had to send has left
 * it, 100 ms later at most: so that its question goes in a packet of its own, by a way of its own.
 * The first answer counts; who fails makes the next one be asked at once.
 *
 * A lookup gives exactly one event, and it never gives it from within the call that began it. Equal
 * questions share one exchange.
 *
 * With DNS over HTTPS (RFC 8484) questions are messages for whoever can make HTTPS requests, and
 * lies above: drain() gives them, feed() takes what came of them. */
#ifndef MIX_DNS_DNS_H
#define MIX_DNS_DNS_H

#include "base/address.h"
#include "base/error.h"
#include "mix/env.h"

typedef struct mix_dns mix_dns;

enum { MIX_DNS_SERVERS = 4, MIX_DNS_NAME_MAX = 253, MIX_DNS_RECORDS_MAX = 64 };

typedef struct mix_dns_config {
    mix_address servers[MIX_DNS_SERVERS]; /* with ports; family 0: none */
    mix_time timeout;                     /* of a lookup; default 10 s */
    /* Default 512; names are forgotten earliest end first. An answer is kept for 10 s at least and
     * an hour at most, that there is none for a minute at most. */
    size_t cache_entries;
    /* The host of a DNS over HTTPS resolver, a name or a number (copied): all questions are its to
     * answer, but for its own addresses, which servers know, and which serve for an hour beyond
     * their end while they are asked for anew. NULL: servers are asked everything. */
    const char *doh;
} mix_dns_config; /* zeros take the defaults */

/* MIX_ERR_ARGUMENT: no server (none is needed if doh is a number), MIX_ERR_DNS_NAME: doh. */
int mix_dns_new(mix_dns **out, const mix_dns_config *config);
void mix_dns_free(mix_dns *d); /* NULL is fine; lookups under way give no event */

enum { MIX_DNS_IP4 = 1, MIX_DNS_IP6 = 2 };
/* Addresses of a name. families: either bit or both; those that come are given even if the other
 * family's answer fails or is late. Numbers in text are answered as they are. MIX_ERR_DNS_NAME (not
 * a host name), MIX_ERR_MEMORY, MIX_ERR_LIMIT (1024 lookups). */
int mix_dns_lookup(mix_dns *d, uint32_t *id, const char *name, unsigned families, mix_time now);
/* Records of one type, by its number (RFC 1035 and on). */
int mix_dns_query(mix_dns *d, uint32_t *id, const char *name, uint16_t type, mix_time now);
void mix_dns_cancel(mix_dns *d, uint32_t id); /* no event then; unknown ids are fine */
/* The number of "A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "PTR", "CAA", "HTTPS",
 * "SVCB", "NAPTR", "TLSA", "URI", "HINFO" (any case), or 0. */
uint16_t mix_dns_type(const char *name);
const char *mix_dns_type_name(uint16_t type); /* or NULL */

typedef struct mix_dns_record {
    uint16_t type;
    uint32_t ttl;     /* seconds left */
    mix_address ip;   /* of A and AAAA; else family 0 */
    const char *text; /* the record's data as in a zone file; of A and AAAA the number */
} mix_dns_record;

typedef struct mix_dns_event {
    uint32_t id;
    int status; /* MIX_OK; MIX_ERR_DNS_NOT_FOUND, _NO_DATA, _SERVER, _TIMEOUT, _MALFORMED, _CHAIN;
                   MIX_ERR_MEMORY */
    mix_error failure; /* of a status but MIX_OK: number, the RCODE or what feed() was given */
    uint32_t ttl;      /* seconds for which the answer holds: the least of its records' */
    bool cached;
    const char *canonical; /* the name at the end of the aliases */
    const mix_dns_record *records;
    size_t count;
} mix_dns_event;
/* The next event, valid until the next call on d; or MIX_DONE. */
int mix_dns_next(mix_dns *d, mix_dns_event *ev, mix_time now);

/* ---- DNS over HTTPS ---- */

enum { MIX_DNS_MESSAGE_MAX = 65535 };
typedef struct mix_dns_call {
    uint32_t number;   /* never the same twice */
    bool cancel;       /* nobody waits for call `number` any more; nothing else is set */
    mix_bytes message; /* POST it as application/dns-message; valid until the next call on d */
    mix_time give_up;  /* its lookup's time limit */
} mix_dns_call;
/* The next thing to do, or MIX_DONE. */
int mix_dns_drain(mix_dns *d, mix_dns_call *out, mix_time now);

typedef struct mix_dns_reply {
    const mix_error *failure; /* NULL: there is a message. code: as of an event */
    mix_bytes message;        /* the body of a good response */
    uint32_t age;             /* seconds: its Age header, by which its TTLs have run down */
} mix_dns_reply;
/* What came of a call: once each, also of one that was cancelled meanwhile, which is ignored like
 * any unknown number. A message that does not fit its question ends the lookup, MALFORMED. */
void mix_dns_feed(mix_dns *d, uint32_t number, const mix_dns_reply *reply, mix_time now);

/* Runs what is due and ready: when the deadline has passed, and after packets were given to tcpip.
 */
int mix_dns_tick(mix_dns *d, mix_time now);
mix_time mix_dns_deadline(const mix_dns *d);

void mix_dns_forget(mix_dns *d); /* empties the cache */

typedef struct mix_dns_stats {
    uint64_t lookups, from_cache, shared, questions; /* questions: asked, one for each server */
    size_t cached;
} mix_dns_stats;
void mix_dns_get_stats(const mix_dns *d, mix_dns_stats *out);

#endif
