/* SPDX-License-Identifier: Apache-2.0 */
/* The border between the module and the host's JavaScript. tools/wasm-abi.mjs makes
 * packages/mix-tunnel/src/abi.ts of these lists, so that both sides read one table.
 *
 *   mix_output()                       where struct mix_wasm_out lies, for good
 *   mix_input(len)                     room for len bytes of the next call; 0: no memory
 *   mix_setup(len, identity, directory)   makes the tunnel from settings in the input (settings.h),
 *                                      behind which are so many bytes of the stored identity, and
 *                                      then of the stored directory
 *   mix_command(what, id, number, len, now)   something that happened, or that is wanted, with len
 *                                      bytes of input
 *   mix_next(now, busy)                the next order or event: its kind, the rest in the output
 *   mix_deadline()                     when mix_next has something without a cause from outside
 *
 * Statuses are those of mix/errors.h. What the output points to is valid until the next call of
 * mix_setup, mix_command or mix_next; memory may grow in any of them, so that views of it have to be
 * taken again. Times are microseconds, as doubles. */
#ifndef MIX_HOSTS_WASM_ABI_H
#define MIX_HOSTS_WASM_ABI_H

#include <stdint.h>

/* F(type, name): pointers are offsets, text ends with a zero byte. */
#define MIX_WASM_OUT(F) \
    F(double, id)         /* of the call, link, request, lookup, WebSocket */ \
    F(double, number)     /* what a failure's layer tells; a length */ \
    F(uint32_t, what)     /* as the event's header says; a type of records */ \
    F(uint32_t, state)    /* enum mix_tunnel_state */ \
    F(uint32_t, phase) \
    F(uint32_t, flags)    /* MIX_WASM_FLAGS */ \
    F(int32_t, code)      /* a status: 0 or an error */ \
    F(uint32_t, words)    /* text about an error */ \
    F(uint32_t, data)     /* bytes */ \
    F(uint32_t, len) \
    F(uint32_t, text)     /* a URL, name, protocol, reason */ \
    F(uint32_t, more)     /* a type, value */ \
    F(uint32_t, count)    /* headers, records */ \
    F(uint32_t, ttl)      /* seconds */

/* K(name, number): what mix_next returns. */
#define MIX_WASM_KINDS(K) \
    K(NOTHING, 0) \
    K(CALL, 1)         /* id: GET the URL text, accepting the type more */ \
    K(CALL_CANCEL, 2)  /* id */ \
    K(LINK_CONNECT, 3) /* id: a WebSocket to the URL text */ \
    K(LINK_TEXT, 4)    /* id, data, len: send it */ \
    K(LINK_BINARY, 5) \
    K(LINK_CLOSE, 6)   /* id */ \
    K(STATE, 7)        /* state, phase, and a failure: code, words, number */ \
    K(STORE, 8)        /* text, data, len; data 0: delete it */ \
    K(REFUSED, 9)      /* data, len: an endpoint */ \
    K(NOTICE, 10)      /* data, len: words */ \
    K(FETCH, 11)       /* id, what: MIX_FETCH_WHAT_*, failure */ \
    K(DNS, 12)         /* id, failure, ttl, FLAG_CACHED, text: canonical name, count: records */ \
    K(WEBSOCKET, 13)   /* id, what: MIX_WEBSOCKET_WHAT_*, failure; text: protocol or reason; \
                          number: close code; data, len; FLAG_TEXT, FLAG_CLEAN */ \
    K(OTHER, 14)       /* nothing for this host */

/* C(name, number): the first parameter of mix_command. */
#define MIX_WASM_COMMANDS(C) \
    C(START, 1) \
    C(STOP, 2) \
    C(FREE, 3)               /* ends the tunnel at once; wipes */ \
    C(NUDGE, 4) \
    C(LOG_LEVEL, 5)          /* number */ \
    C(STATS, 6)              /* data: struct mix_wasm_stats; text: gateway, more: exit */ \
    C(REHEARSE, 7)           /* number: of packets */ \
    C(ANSWER, 10)            /* id, number: status; input: type, a zero, a piece of the body */ \
    C(ANSWER_END, 11)        /* as above, the last piece */ \
    C(ANSWER_FAILED, 12)     /* id; input: why */ \
    C(LINK_OPENED, 13)       /* id */ \
    C(LINK_TEXT_CAME, 14)    /* id; input: the message */ \
    C(LINK_BINARY_CAME, 15) \
    C(LINK_CLOSED, 16)       /* id, number: close code or 0; input: why */ \
    C(FETCH, 20)             /* input: settings, then number bytes of body (-1: none) → id */ \
    C(FETCH_WRITE, 21)       /* id; input → number: bytes taken */ \
    C(FETCH_END, 22)         /* id */ \
    C(FETCH_READ, 23)        /* id, number: at most so many → data, len */ \
    C(FETCH_CLOSE, 24)       /* id */ \
    C(FETCH_RESPONSE, 25)    /* id → number: status; text: reason; more: URL; \
                                FLAG_REDIRECTED, FLAG_NULL_BODY; count: headers */ \
    C(FETCH_HEADER, 26)      /* id, number: which → text, more */ \
    C(FETCH_TIMING, 27)      /* id → data: struct mix_wasm_timing, FLAG_REUSED */ \
    C(LOOKUP, 30)            /* input: name; number: a type of records, 0: addresses → id */ \
    C(LOOKUP_CANCEL, 31)     /* id */ \
    C(LOOKUP_RECORD, 32)     /* number: which of the last DNS event's → what, more: its type; ttl; text */ \
    C(RECORD_TYPE, 33)       /* input: name → number; 0: unknown */ \
    C(WEBSOCKET, 40)         /* input: settings → id */ \
    C(WEBSOCKET_TEXT, 41)    /* id; input */ \
    C(WEBSOCKET_BINARY, 42) \
    C(WEBSOCKET_CLOSE, 43)   /* id, number: code; input: reason */ \
    C(WEBSOCKET_DROP, 44)    /* id */

#define MIX_WASM_FLAGS(B) \
    B(CACHED, 1) \
    B(TEXT, 2) \
    B(CLEAN, 4) \
    B(REDIRECTED, 8) \
    B(NULL_BODY, 16) \
    B(REUSED, 32)

/* F(type, name): all doubles, times in microseconds. */
#define MIX_WASM_STATS(F) \
    F(double, data) \
    F(double, retransmitted) \
    F(double, cover) \
    F(double, acknowledged) \
    F(double, replies) \
    F(double, sent_bytes) \
    F(double, received_bytes) \
    F(double, ip_up) \
    F(double, ip_down) \
    F(double, ip_dropped) \
    F(double, reordered) \
    F(double, skipped) \
    F(double, surbs) \
    F(double, waiting) \
    F(double, unacknowledged) \
    F(double, mixes1) \
    F(double, mixes2) \
    F(double, mixes3) \
    F(double, round_trip) \
    F(double, gateway_round_trip) \
    F(double, links) \
    F(double, exits) \
    F(double, setup)

#define MIX_WASM_TIMING(F) \
    F(double, started) \
    F(double, resolved) \
    F(double, connected) \
    F(double, secured) \
    F(double, sent) \
    F(double, first_byte) \
    F(double, finished) \
    F(double, received) \
    F(double, uploaded)

#define MIX_WASM_FIELD_(type, name) type name;
typedef struct mix_wasm_out { MIX_WASM_OUT(MIX_WASM_FIELD_) } mix_wasm_out;
typedef struct mix_wasm_stats { MIX_WASM_STATS(MIX_WASM_FIELD_) } mix_wasm_stats;
typedef struct mix_wasm_timing { MIX_WASM_TIMING(MIX_WASM_FIELD_) } mix_wasm_timing;

#define MIX_WASM_NUMBER_(prefix, name, number) MIX_WASM_##prefix##name = (number),
#define MIX_WASM_KIND_(name, number) MIX_WASM_NUMBER_(KIND_, name, number)
#define MIX_WASM_COMMAND_(name, number) MIX_WASM_NUMBER_(COMMAND_, name, number)
#define MIX_WASM_FLAG_(name, number) MIX_WASM_NUMBER_(FLAG_, name, number)
enum { MIX_WASM_KINDS(MIX_WASM_KIND_) };
enum { MIX_WASM_COMMANDS(MIX_WASM_COMMAND_) };
enum { MIX_WASM_FLAGS(MIX_WASM_FLAG_) };

#endif
