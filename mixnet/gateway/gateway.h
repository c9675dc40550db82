/* SPDX-License-Identifier: Apache-2.0 */
/* The entry gateway's side of its clients' WebSockets: registration, authentication, bandwidth,
 * packets in, messages out, and what waits for clients that are away. Above: the node's forwarder
 * and its final hop (node/node.h). Below: the host's WebSocket server. Bytes: src/gateway/wire.c.
 * Spec: 3-gateway.md. */
#ifndef MIXNET_GATEWAY_GATEWAY_H
#define MIXNET_GATEWAY_GATEWAY_H

#include "base/error.h"
#include "crypto/crypto.h"
#include "gateway/wire_refusals.h"
#include "mix/env.h"
#include "sphinx/wire.h"

typedef struct mixnet_gateway mixnet_gateway;

enum {
    MIXNET_GATEWAY_MESSAGE_MAX = 65536, /* of one WebSocket message; a longer one ends the
                                           connection: the host need not even collect it */
    MIXNET_GATEWAY_REASON_MAX = 64,     /* of a close reason */
};

/* Zero stands for the value in brackets. */
typedef struct mixnet_gateway_limits {
    size_t connections;      /* [8192] */
    size_t clients;          /* that may be registered [16384] */
    size_t replies;          /* answers that wait for one connection [4096]… */
    size_t reply_bytes;      /* …and their bytes [512 KiB] */
    size_t live_bytes;       /* messages that wait for one connection that does not read [4 MiB] */
    size_t early;            /* requests taken before a login is decided [64]… */
    size_t early_bytes;      /* …and their bytes [128 KiB] */
    size_t connection_bytes; /* answers and early requests of all connections [64 MiB] */
    size_t stored_client;    /* bytes of messages that wait for one client [8 MiB] */
    size_t stored_total;     /* and for all of them [64 MiB]; both count 128 bytes a message */
    size_t forward;          /* packets that wait for the forwarder [4096] */
    mix_time stored_time;    /* messages wait so long [24 h] */
    mix_time first_request;  /* a connection that is nobody's yet, from message to message [10 s] */
    mix_time handshake;      /* each message of a registration [5 s] */
    mix_time liveness;       /* the pong of a connection whose client has come again [1 s] */
    mix_time linger;         /* the last answers before a close [5 s] */
} mixnet_gateway_limits;

typedef struct mixnet_gateway_config {
    uint8_t seed[MIX_KEY_LEN]; /* Ed25519 identity of the gateway */
    bool refuse_free;          /* gives no free bandwidth (enforce_zk_nyms of the real one) */
    mixnet_gateway_limits limits;
} mixnet_gateway_config;

/* Borrows crypto and env for life. MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mixnet_gateway_new(mixnet_gateway **out, const mixnet_gateway_config *config,
                       mix_crypto *crypto, const mix_env *env);
void mixnet_gateway_free(mixnet_gateway *g); /* NULL is fine; wipes keys */

/* ---- from below: the host's WebSocket server ---- */

typedef enum mixnet_ws_kind {
    MIXNET_WS_TEXT,
    MIXNET_WS_BINARY,
    MIXNET_WS_PING, /* a host whose library answers pings by itself need not give them */
    MIXNET_WS_PONG, /* must be given: without it a client's older connection counts as dead */
    MIXNET_WS_CLOSE,
} mixnet_ws_kind;

/* A connection is open; conn is any number that no other open one has. MIX_ERR_LIMIT (close it at
 * once), MIX_ERR_ARGUMENT (the number is in use), MIX_ERR_MEMORY. */
int mixnet_gateway_opened(mixnet_gateway *g, uint64_t conn, mix_time now);
/* One whole message of it. MIX_OK whatever it says: what is wrong with it is answered and counted.
 * MIX_ERR_STATE: no such connection, or one about to be closed; the message is dropped. */
int mixnet_gateway_feed(mixnet_gateway *g, uint64_t conn, mixnet_ws_kind kind, mix_bytes message,
                        mix_time now);
/* The connection is gone; an unknown one is fine. */
void mixnet_gateway_closed(mixnet_gateway *g, uint64_t conn, mix_time now);

/* The next connection that has something to send. It is named again only after drain has once said
 * MIX_DONE for it, except to say that it is to be given up. MIX_DONE when there is none. */
typedef struct mixnet_gateway_ready_conn {
    uint64_t conn;
    bool give_up; /* do not wait until it can be written to: drain it, it is a close */
} mixnet_gateway_ready_conn;
int mixnet_gateway_ready(mixnet_gateway *g, mixnet_gateway_ready_conn *out);

/* The next message for this connection, once it can be written to; valid until the next call.
 * After MIXNET_WS_CLOSE the number is free; code and reason (bytes) may go into a close frame.
 * MIX_DONE when there is none. */
typedef struct mixnet_gateway_out {
    mixnet_ws_kind kind;
    uint16_t code;
    mix_bytes bytes;
} mixnet_gateway_out;
int mixnet_gateway_drain(mixnet_gateway *g, uint64_t conn, mixnet_gateway_out *out, mix_time now);

/* ---- to and from the node ---- */

/* The next packet for the node's forwarder, to be sent without delay; valid until the next call.
 * MIX_DONE when there is none. */
int mixnet_gateway_next(mixnet_gateway *g, mix_packet *out);
/* A message whose final hop was here: for the client of this identity, or kept for it.
 * MIX_ERR_LIMIT for one that is larger than all that may wait for a client, MIX_ERR_MEMORY. Older
 * ones give way when there is no room. */
int mixnet_gateway_deliver(mixnet_gateway *g, const uint8_t identity[static MIX_KEY_LEN],
                           mix_bytes message, mix_time now);

mix_time mixnet_gateway_deadline(const mixnet_gateway *g);
void mixnet_gateway_tick(mixnet_gateway *g, mix_time now);

/* ---- the clients ---- */

/* True when what save would write has changed enough to be written: anything but bandwidth at once,
 * bandwidth by the MiB. save clears it. */
bool mixnet_gateway_dirty(const mixnet_gateway *g);
/* Appends the table of clients with their keys: a secret. MIX_ERR_MEMORY. */
int mixnet_gateway_save(mixnet_gateway *g, mix_buf *out);
/* Reads such a table. MIX_ERR_NETWORK_FILE (e says what is wrong with it; it may be NULL),
 * MIX_ERR_LIMIT (more clients than the limit), MIX_ERR_STATE (there are clients already),
 * MIX_ERR_MEMORY; nothing has changed then. */
int mixnet_gateway_load(mixnet_gateway *g, mix_bytes saved, mix_error *e);
/* Forgets a client, or all of them (NULL), with what waits for it: its next authentication fails as
 * that of a stranger. An open connection stays. */
void mixnet_gateway_forget(mixnet_gateway *g, const uint8_t *identity);
/* Ends the connection of a client, or all connections (NULL). */
void mixnet_gateway_kick(mixnet_gateway *g, const uint8_t *identity, mix_time now);

/* ---- figures ---- */

/* Why a connection was ended by us: R(name, WebSocket close code, text). */
#define MIXNET_CLOSE_TABLE(R)                                                                      \
    R(REFUSED, 1008, "request refused")                                                            \
    R(TIMEOUT, 1008, "nothing came in time")                                                       \
    R(MESSAGE_SIZE, 1009, "message too big")                                                       \
    R(EARLY, 1008, "too many requests before the login is decided")                                \
    R(SLOW_READER, 1008, "the client does not read")                                               \
    R(NO_ROOM, 1013, "all connections together hold too much")                                     \
    R(REPLACED, 1008, "the client came again and this connection did not answer")                  \
    R(PEER, 1000, "closed by the client")                                                          \
    R(KICKED, 1001, "ended by the operator")                                                       \
    R(INTERNAL, 1011, "out of memory or randomness")
#define MIXNET_CLOSE_NAME_(name, code, text) MIXNET_CLOSE_##name,
typedef enum mixnet_close { MIXNET_CLOSE_TABLE(MIXNET_CLOSE_NAME_) MIXNET_CLOSES } mixnet_close;
#undef MIXNET_CLOSE_NAME_
const char *mixnet_close_text(mixnet_close reason);

typedef struct mixnet_gateway_stats {
    size_t connections, active, clients; /* now; active: authenticated */
    size_t stored, stored_bytes;         /* messages that wait now */
    size_t reply_bytes, forward_waiting; /* now */
    uint64_t opened, registered, authenticated, claims;
    uint64_t packets, packet_bytes; /* taken for the forwarder */
    uint64_t delivered, pushed;     /* messages from the mixnet; given to clients */
    /* dropped, by reason */
    uint64_t no_bandwidth;     /* packets, answered so */
    uint64_t forwarder_full;   /* packets; answered as sent, as the real gateway does */
    uint64_t connections_full; /* connections */
    uint64_t expired;          /* messages that waited too long */
    uint64_t client_full;      /* messages that gave way to younger ones of their client */
    uint64_t store_full;       /* messages that gave way to younger ones of others */
    uint64_t forgotten;        /* messages of clients that were forgotten */
    uint64_t message_size;     /* messages larger than all that may wait */
    uint64_t no_memory;        /* messages and connections */
    uint64_t closing;          /* messages of connections about to be closed */
    uint64_t handshake_noise;  /* messages that a registration does not wait for */
    uint64_t refused[MIX_REFUSAL_UNKNOWN + 1]; /* answers, by sentence (mix_refusal_text) */
    uint64_t closed[MIXNET_CLOSES];            /* connections ended by us */
} mixnet_gateway_stats;
void mixnet_gateway_get_stats(const mixnet_gateway *g, mixnet_gateway_stats *out);

#endif
