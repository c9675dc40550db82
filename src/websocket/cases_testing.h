/* SPDX-License-Identifier: Apache-2.0 */
/* What servers send and an echo client is to make of it, as rows; by the sections of the Autobahn
 * test suite. */
#ifndef MIX_WEBSOCKET_CASES_TESTING_H
#define MIX_WEBSOCKET_CASES_TESTING_H

#include <stddef.h>

typedef struct websocket_case {
    const char *server; /* notation of websocket_testing.h; then the stream ends */
    const char *sent;   /* what the client sends */
    const char *events; /* what it learns; echoed messages are left out */
} websocket_case;

typedef struct websocket_section {
    const websocket_case *rows;
    size_t count;
} websocket_section;

enum {
    WEBSOCKET_FRAMING,
    WEBSOCKET_PINGS,
    WEBSOCKET_RESERVED_BITS,
    WEBSOCKET_OPCODES,
    WEBSOCKET_FRAGMENTS,
    WEBSOCKET_UTF8,
    WEBSOCKET_CLOSING,
    WEBSOCKET_SECTIONS
};
extern const websocket_section websocket_sections[WEBSOCKET_SECTIONS];

#endif
