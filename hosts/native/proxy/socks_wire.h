/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS version 5 as bytes, both directions: RFC 1928 and RFC 1929. No I/O.
 *
 * The readers look at what came so far: MIX_OK and how much of it they used, MIX_DONE when more is
 * needed, or an error; what they give points into the input. */
#ifndef HOSTS_NATIVE_PROXY_SOCKS_WIRE_H
#define HOSTS_NATIVE_PROXY_SOCKS_WIRE_H

#include "base/address.h"

enum { SOCKS_VERSION = 5, SOCKS_ANYONE = 0, SOCKS_BY_PASSWORD = 2, SOCKS_NO_METHOD = 0xff };
enum { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_ASSOCIATE = 3 };
enum { SOCKS_IP4 = 1, SOCKS_NAME = 3, SOCKS_IP6 = 4 };
typedef enum socks_reply { /* RFC 1928, section 6 */
                           SOCKS_OK = 0,
                           SOCKS_FAILURE,
                           SOCKS_NOT_ALLOWED,
                           SOCKS_NETWORK_UNREACHABLE,
                           SOCKS_HOST_UNREACHABLE,
                           SOCKS_REFUSED,
                           SOCKS_TTL_EXPIRED,
                           SOCKS_NO_COMMAND,
                           SOCKS_NO_ADDRESS_TYPE,
} socks_reply;
/* The longest message of each kind. */
enum { SOCKS_GREETING_MOST = 257, SOCKS_PASSWORD_MOST = 513, SOCKS_REQUEST_MOST = 262 };

/* MIX_ERR_ARGUMENT: another version. */
int socks_read_greeting(mix_bytes in, size_t *used, bool *anyone, bool *by_password);
/* MIX_ERR_ARGUMENT: another version, or an empty name. */
int socks_read_password(mix_bytes in, size_t *used, mix_bytes *user, mix_bytes *password);

typedef struct socks_target {
    char host[256]; /* as text: a name or a number */
    bool by_name;   /* then number has only the port */
    mix_address number;
} socks_target;
/* MIX_ERR_ARGUMENT: another version; MIX_ERR_ADDRESS: an unknown kind of address; MIX_ERR_DNS_NAME:
 * an empty name, or one with a zero in it. The last two only once all of the request is there, but
 * for unknown kinds, of which the end is not known: they use it all. */
int socks_read_request(mix_bytes in, size_t *used, uint8_t *command, socks_target *to);
/* A whole UDP datagram. MIX_ERR_TRUNCATED, MIX_ERR_LIMIT for a fragment (they are not put
 * together), and as above. */
int socks_read_datagram(mix_bytes in, socks_target *to, mix_bytes *payload);

void socks_write_method(mix_buf *out, uint8_t method);
void socks_write_password_status(mix_buf *out, bool right);
void socks_write_reply(mix_buf *out, socks_reply reply, const mix_address *bound); /* NULL: none */
enum { SOCKS_DATAGRAM_HEAD_MOST = 22 };
void socks_write_datagram_head(mix_buf *out, const mix_address *from);

/* What a client of version 4 understands as "rejected". */
void socks_write_version4_refusal(mix_buf *out);

#endif
