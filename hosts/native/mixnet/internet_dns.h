/* SPDX-License-Identifier: Apache-2.0 */
/* The test internet's names: a table from options, answers to DNS questions (RFC 1035), and their
 * server over TCP on loopback. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_DNS_H
#define HOSTS_NATIVE_MIXNET_INTERNET_DNS_H

#include "base/buf.h"
#include "base/error.h"

#include <uv.h>

enum {
    DNS_PORT = 53,
    DNS_PER_NAME =
        8, /* addresses of one family; so an answer stays within the 512 bytes that anyone takes */
    DNS_ANSWER_MAX = 512
};

typedef struct dns_names dns_names;

/* From "NAME=IP[,TTL]". MIX_ERR_ARGUMENT (words name the entry), MIX_ERR_MEMORY. */
int dns_names_new(dns_names **out, const char *const *entries, size_t count, mix_error *e);
void dns_names_free(dns_names *n);
/* Appends the answer to a question. With others_upstream, MIX_DONE and nothing for a name that is
 * not in the table. MIX_ERR_TRUNCATED: too short to be a question, or an answer itself.
 * MIX_ERR_MEMORY. */
int dns_answer(const dns_names *n, mix_buf *out, mix_bytes question, bool others_upstream);

typedef struct dns_server dns_server;
typedef struct dns_server_stats {
    uint64_t answers, bad;
} dns_server_stats;

/* Listens on 127.0.0.1, any port. names is borrowed. MIX_ERR_MEMORY (*out is NULL), MIX_ERR_LISTEN
 * (*out is to be closed). */
int dns_server_new(dns_server **out, uv_loop_t *loop, const dns_names *names, mix_error *e);
uint16_t dns_server_port(const dns_server *s);
const dns_server_stats *dns_server_stats_of(const dns_server *s);
/* Closes all; closed is called when the last handle is gone, then free is allowed. */
void dns_server_close(dns_server *s, void (*closed)(void *user), void *user);
void dns_server_free(dns_server *s);

#endif
