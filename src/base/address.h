/* SPDX-License-Identifier: Apache-2.0 */
/* Node routing addresses (1-sphinx.md §1.4), as bytes and as text. */
#ifndef MIX_BASE_ADDRESS_H
#define MIX_BASE_ADDRESS_H

#include "base/buf.h"

/* Where a node listens: IPv4 or IPv6 and a port. */
typedef struct mix_address {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t octets[16]; /* 4 or 16 of them, network order; the rest zero */
} mix_address;

enum { MIX_ADDRESS_PADDED = 32, MIX_ADDRESS_ACK = 19, MIX_ADDRESS_MAX = 19, MIX_ADDRESS_V4_LEN = 7 };

/* Appends the compact form (7 or 19 bytes). */
void mix_address_encode(mix_buf *out, const mix_address *a);
/* The compact form zero-padded to len (19 or 32). */
void mix_address_pad(uint8_t *out, size_t len, const mix_address *a);
/* Reads one from the front of in; *used (may be NULL) is the compact length. MIX_ERR_ADDRESS. */
int mix_address_decode(mix_address *out, size_t *used, mix_bytes in);
/* Text "1.2.3.4:1789" or "[::1]:1789" both ways. MIX_ERR_ADDRESS. */
int mix_address_parse(mix_address *out, const char *text);
enum { MIX_ADDRESS_TEXT = 56 };
void mix_address_format(char out[static MIX_ADDRESS_TEXT], const mix_address *a);
/* The same without a port: "1.2.3.4" or "::1", no brackets. The port read is 0. MIX_ERR_ADDRESS. */
int mix_ip_parse(mix_address *out, mix_bytes text);
void mix_ip_format(char out[static MIX_ADDRESS_TEXT], const mix_address *a);

#endif
