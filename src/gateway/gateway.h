/* SPDX-License-Identifier: Apache-2.0 */
/* The client's session with its entry gateway. Above: traffic. Below: the host's WebSocket. Bytes:
 * wire.c. Spec: 3-gateway.md.
 *
 * The host owns one WebSocket at a time. mix_gateway_drain tells what to do with it (connect, send,
 * close), the host reports with mix_gateway_opened, mix_gateway_feed and mix_gateway_closed. Each
 * connection has a number; what comes with another number than that of the present one is ignored,
 * so nothing of an old connection can reach a new one. The host offers no subprotocol, answers
 * WebSocket pings by itself (a gateway checks with one whether a client is alive) and sends none.
 *
 * Session: connect, agree on a version, register or authenticate, claim free bandwidth, then
 * packets. A lost connection is made again with the same keys, after growing pauses with jitter. A
 * gateway that fails too often, or in a way that trying again cannot heal, is given up: the event
 * WANTED asks for another. After too many of them the session has FAILED. */
#ifndef MIX_GATEWAY_GATEWAY_H
#define MIX_GATEWAY_GATEWAY_H

#include "gateway/identity.h"

typedef struct mix_gateway mix_gateway;

typedef struct mix_gateway_config {
    mix_crypto *crypto;           /* borrowed for life */
    const mix_identity *identity; /* copied; its registration, if any, is the first choice */
    const mix_vault *vault;       /* copied; NULL: nothing is stored */
    size_t queue_packets;         /* bound of packets that wait to be sent */
    size_t flight_packets;        /* bound of packets sent and not answered */
    size_t pushed_items;          /* bounds of pushed messages that wait for mix_gateway_next */
    size_t pushed_bytes;
    mix_time connect_timeout;   /* until opened */
    mix_time handshake_timeout; /* for each message of the registration */
    mix_time answer_timeout;    /* for any other answer */
    mix_time setup_timeout;     /* from opened until ready */
    mix_time keepalive;         /* without a word from the gateway; then it is asked for one */
    mix_time pause_first;       /* before the second try; doubles up to: */
    mix_time pause_longest;
    mix_time good_session; /* a session that lasted so long makes earlier failures forgotten */
    unsigned tries_new;    /* of a gateway that does not know us yet */
    unsigned tries_known;  /* of one that does, and has answered since the start */
    unsigned tries_stored; /* of one that has not: it may be gone, and somebody waits */
    unsigned replacements; /* gateways given up in a row before the session has failed */
} mix_gateway_config;
void mix_gateway_config_init(
    mix_gateway_config *cfg); /* defaults; the caller sets crypto, identity, vault */

/* MIX_ERR_ARGUMENT (a bound or time is not positive), MIX_ERR_MEMORY. */
int mix_gateway_new(mix_gateway **out, const mix_gateway_config *cfg,
                    const mix_env *env); /* borrows env for life */
void mix_gateway_free(mix_gateway *g);   /* NULL is fine; wipes */

/* Begins: with the chosen gateway, else the registered one, else by asking for one (WANTED).
 * MIX_ERR_STATE when it has begun. */
int mix_gateway_start(mix_gateway *g, mix_time now);
/* Chooses a gateway; before start, on WANTED, after FAILED, or to change. The gateway in use stays,
 * and only its URL for later connections changes. Another one ends the present connection, drops
 * waiting packets (their acknowledgements and reply blocks name the old gateway), and is connected
 * to once the session has begun. MIX_ERR_GATEWAY_URL; MIX_ERR_KEY (identity is no Ed25519 key). */
int mix_gateway_choose(mix_gateway *g, const uint8_t identity[static MIX_KEY_LEN], mix_bytes url,
                       mix_time now);
/* Ends: the connection is closed after what mix_gateway_drain still gives. With forget, the gateway
 * is told to delete what it keeps of this client, for identities that are not kept either. Can be
 * started again. */
void mix_gateway_stop(mix_gateway *g, bool forget, mix_time now);
/* The host's network is back: a pause before the next try ends now, and the tries are counted anew.
 */
void mix_gateway_nudge(mix_gateway *g, mix_time now);

/* From above: one MixPacket (v2: type, rotation, address, packet). MIX_BLOCKED while
 * mix_gateway_room is 0; MIX_ERR_GATEWAY_PACKET; MIX_ERR_STATE when no gateway is chosen or the
 * session has ended; MIX_ERR_MEMORY. Packets wait while there is no connection. */
int mix_gateway_write(mix_gateway *g, mix_bytes packet, mix_time now);
size_t mix_gateway_room(const mix_gateway *g);    /* how many more packets can be written */
size_t mix_gateway_backlog(const mix_gateway *g); /* how many wait */

/* To below: what the host is to do next. */
typedef enum mix_gateway_act {
    MIX_GATEWAY_CONNECT = 1, /* open a WebSocket to the URL in out; then call opened, or closed */
    MIX_GATEWAY_SEND_TEXT,   /* send out as one text message */
    MIX_GATEWAY_SEND_BINARY, /* send out as one binary message */
    MIX_GATEWAY_CLOSE,       /* close; nothing of this connection is of interest any more */
} mix_gateway_act;
typedef struct mix_gateway_order {
    mix_gateway_act act;
    uint32_t link; /* the connection's number */
} mix_gateway_order;
/* MIX_OK (order is set, its bytes are appended to out), or MIX_DONE. MIX_ERR_MEMORY, _RANDOM,
 * _CRYPTO: nothing is lost, ask again. Ask while the socket takes more: packets wait better here
 * than in the socket's buffer. */
int mix_gateway_drain(mix_gateway *g, mix_gateway_order *order, mix_buf *out, mix_time now);

/* From below. */
void mix_gateway_opened(mix_gateway *g, uint32_t link, mix_time now);
/* One whole message. MIX_OK; MIX_BLOCKED when too many pushed messages wait for mix_gateway_next
 * (the message was not taken: give it again). An error means that the message was refused and
 * changed nothing (mix_gateway_error says what was wrong with it); a gateway that sends many of
 * those is left. */
int mix_gateway_feed(mix_gateway *g, uint32_t link, bool binary, mix_bytes message, mix_time now);
/* The connection has ended or could not be made; number is the WebSocket close code or 0, why (may
 * be NULL) the host's words. */
void mix_gateway_closed(mix_gateway *g, uint32_t link, int number, const char *why, mix_time now);

typedef enum mix_gateway_state {
    MIX_GATEWAY_IS_STOPPED = 0,
    MIX_GATEWAY_IS_CHOOSING, /* waits for mix_gateway_choose */
    MIX_GATEWAY_IS_PAUSING,  /* before the next try */
    MIX_GATEWAY_IS_CONNECTING,
    MIX_GATEWAY_IS_ASKING, /* for the protocol version */
    MIX_GATEWAY_IS_REGISTERING,
    MIX_GATEWAY_IS_AUTHENTICATING,
    MIX_GATEWAY_IS_CLAIMING, /* bandwidth, before it is ready */
    MIX_GATEWAY_IS_READY,
    MIX_GATEWAY_IS_FAILED,
} mix_gateway_state;
mix_gateway_state mix_gateway_state_of(const mix_gateway *g);
const char *mix_gateway_state_name(mix_gateway_state s); /* "ready"; never NULL */

/* To above. */
typedef enum mix_gateway_event_kind {
    MIX_GATEWAY_LOST =
        1, /* a ready session ended (error); it is being made again, or WANTED or FAILED follows */
    MIX_GATEWAY_READY,  /* packets flow; registered says whether the gateway is a new one */
    MIX_GATEWAY_WANTED, /* this gateway is given up (error): call mix_gateway_choose with another */
    MIX_GATEWAY_FAILED, /* the session is over (error) until mix_gateway_choose or start is called
                         */
    MIX_GATEWAY_STORE,  /* store this value */
    MIX_GATEWAY_STATE,  /* the state is another than at the last such event */
    MIX_GATEWAY_BANDWIDTH, /* the balance is another than at the last such event */
    MIX_GATEWAY_PUSHED,    /* bytes: a message from the mixnet, as the last hop gave it */
} mix_gateway_event_kind;
typedef struct mix_gateway_event {
    mix_gateway_event_kind kind;
    mix_bytes bytes;
    mix_store_change store;
    const mix_error *error;
    mix_gateway_state state;
    int64_t remaining; /* bytes that may still be sent; may be negative */
    bool registered; /* READY: for the first time with this gateway, so the client's address is new
                      */
} mix_gateway_event;
/* MIX_OK, or MIX_DONE; what ev points to is valid until the next call on g. MIX_ERR_MEMORY,
 * _RANDOM, _CRYPTO: ask again. Only PUSHED can come in numbers; of the others one of a kind waits,
 * with the newest content. */
int mix_gateway_next(mix_gateway *g, mix_gateway_event *ev);

mix_time mix_gateway_deadline(const mix_gateway *g); /* MIX_NEVER: no timer runs */
void mix_gateway_tick(mix_gateway *g, mix_time now); /* call when the deadline has passed */

/* The keys, and where they are registered now. */
const mix_identity *mix_gateway_identity(const mix_gateway *g);
/* The last failure, also of refused messages; code 0: none yet. */
const mix_error *mix_gateway_error(const mix_gateway *g);

typedef struct mix_gateway_stats {
    uint64_t packets_sent, packets_accepted,
        packets_refused; /* refused: also for want of bandwidth */
    uint64_t pushed, refused_messages;
    uint64_t connections, sessions; /* tried, and got ready */
    size_t in_flight;               /* sent and not answered yet */
    mix_time round_trip;            /* of the last answered question; 0: none yet */
} mix_gateway_stats;
void mix_gateway_stats_get(const mix_gateway *g, mix_gateway_stats *out);

#endif
