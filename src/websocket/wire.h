/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of RFC 6455: frames (§5.2), masks (§5.3), close payloads (§5.5.1, §7.4) and the
 * handshake (§4), both sides. */
#ifndef MIX_WEBSOCKET_WIRE_H
#define MIX_WEBSOCKET_WIRE_H

#include "base/buf.h"
#include "base/error.h"

enum {
    MIX_WEBSOCKET_CONTINUATION = 0,
    MIX_WEBSOCKET_TEXT = 1,
    MIX_WEBSOCKET_BINARY = 2,
    MIX_WEBSOCKET_CLOSE = 8,
    MIX_WEBSOCKET_PING = 9,
    MIX_WEBSOCKET_PONG = 10,
    MIX_WEBSOCKET_HEADER_MAX = 14, /* bytes in front of a frame's payload */
    MIX_WEBSOCKET_CONTROL_MAX = 125,
    MIX_WEBSOCKET_REASON_MAX = 123,
    MIX_WEBSOCKET_MASK_LEN = 4,
    MIX_WEBSOCKET_KEY_LEN = 24, /* as text */
    MIX_WEBSOCKET_ACCEPT_LEN = 28,
};

typedef struct mix_websocket_frame {
    bool fin, masked;
    uint8_t reserved; /* the three bits that extensions use */
    uint8_t opcode;
    uint8_t mask[MIX_WEBSOCKET_MASK_LEN]; /* zeros when not masked */
    uint64_t len;                         /* of the payload, below 2^63 */
} mix_websocket_frame;

static inline bool mix_websocket_is_control(uint8_t opcode) {
    return opcode >= MIX_WEBSOCKET_CLOSE;
}
/* Writes a frame's header; returns its length. */
size_t mix_websocket_frame_encode(uint8_t out[static MIX_WEBSOCKET_HEADER_MAX],
                                  const mix_websocket_frame *frame);
/* Reads the header at the front of in; *used is its length. MIX_DONE when bytes are missing.
 * MIX_ERR_WEBSOCKET_FRAME for a length that is not in its shortest form or not below 2^63. Whether
 * the frame is allowed here is for the engine to say. */
int mix_websocket_frame_decode(mix_websocket_frame *out, size_t *used, mix_bytes in);
/* Masks or unmasks: in goes to out (which may be the same), the first byte being the payload's at
 * `offset`. */
void mix_websocket_mask(uint8_t *out, mix_bytes in,
                        const uint8_t mask[static MIX_WEBSOCKET_MASK_LEN], uint64_t offset);

enum {
    MIX_WEBSOCKET_NORMAL = 1000,
    MIX_WEBSOCKET_PROTOCOL_ERROR = 1002,
    MIX_WEBSOCKET_NO_STATUS = 1005, /* the close frame had no code; never sent */
    MIX_WEBSOCKET_ABNORMAL = 1006,  /* there was no close frame; never sent */
    MIX_WEBSOCKET_NOT_UTF8 = 1007,
    MIX_WEBSOCKET_TOO_BIG = 1009,
    MIX_WEBSOCKET_INTERNAL = 1011,
};
/* Whether a code may stand in a close frame: 1000 to 1003 and 1007 to 1014 (registered), 3000 to
 * 4999 (free). */
bool mix_websocket_code_valid(unsigned code);
/* Appends a close frame's payload; nothing for code 0. MIX_ERR_WEBSOCKET_CODE,
 * MIX_ERR_WEBSOCKET_REASON. */
int mix_websocket_close_encode(mix_buf *out, unsigned code, mix_bytes reason);
/* Code 1005 for an empty payload. MIX_ERR_WEBSOCKET_CLOSE_FRAME, MIX_ERR_WEBSOCKET_UTF8. */
int mix_websocket_close_decode(uint16_t *code, mix_bytes *reason, mix_bytes payload);

typedef struct mix_websocket_header {
    mix_bytes name, value;
} mix_websocket_header;

/* What the client asks for. */
typedef struct mix_websocket_request {
    mix_bytes host;   /* as the Host header has it: "example.org", "example.org:8080", "[::1]:80" */
    mix_bytes target; /* path and query; empty: "/" */
    mix_bytes origin; /* empty: no Origin header */
    const mix_bytes *protocols; /* sub-protocols, best first */
    size_t protocol_count;
    const mix_websocket_header *headers; /* more headers, such as Authorization or User-Agent */
    size_t header_count;
} mix_websocket_request;

/* Appends the request (§4.1). MIX_ERR_WEBSOCKET_HOST, _TARGET, _PROTOCOLS or _HEADER,
 * MIX_ERR_MEMORY; out is unchanged then. */
int mix_websocket_request_encode(mix_buf *out, const mix_websocket_request *q,
                                 const uint8_t key[static MIX_WEBSOCKET_KEY_LEN]);
/* What a server proves itself with (§4.2.2). */
void mix_websocket_accept(uint8_t out[static MIX_WEBSOCKET_ACCEPT_LEN],
                          const uint8_t key[static MIX_WEBSOCKET_KEY_LEN]);

typedef struct mix_websocket_answer {
    int status;
    mix_bytes phrase;  /* behind the status */
    mix_bytes headers; /* lines with their ends, for mix_websocket_header_next */
} mix_websocket_answer;
/* Reads a response's head, which ends with the empty line. MIX_ERR_WEBSOCKET_HEAD; e tells what is
 * wrong. */
int mix_websocket_answer_decode(mix_websocket_answer *out, mix_bytes head, mix_error *e);
/* The next header of a decoded answer, white space around its value taken off; false at the end. */
bool mix_websocket_header_next(mix_websocket_header *out, mix_bytes *headers);
/* Whether the server accepts what was asked (§4.1); *protocol is the sub-protocol it chose, or
 * empty. `offered` are the sub-protocols of the request as one list. MIX_ERR_WEBSOCKET_STATUS
 * (e->number is the status), _UPGRADE, _ACCEPT, _EXTENSION, _PROTOCOL. */
int mix_websocket_answer_check(const mix_websocket_answer *a, mix_bytes offered,
                               const uint8_t key[static MIX_WEBSOCKET_KEY_LEN], mix_bytes *protocol,
                               mix_error *e);

#endif
