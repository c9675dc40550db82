/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the gateway share: the connection and its states, answering, ending. */
#ifndef MIXNET_GATEWAY_INTERNAL_H
#define MIXNET_GATEWAY_INTERNAL_H

#include "base/queue.h"
#include "base/timers.h"
#include "mixnet/gateway/clients.h"
#include "gateway/wire_handshake.h"
#include "mixnet/gateway/gateway.h"
#include "mixnet/gateway/store.h"

typedef enum conn_state {
    CONN_FRESH,     /* nobody's yet */
    CONN_HANDSHAKE, /* awaits message 3 of the registration */
    CONN_WAITING,   /* authenticated, while an older connection of the client is asked for a pong */
    CONN_LOGIN,     /* is the client's; stored messages go out in front of the answer */
    CONN_ACTIVE,
    CONN_CLOSING, /* what waits goes out, then the close */
} conn_state;

typedef struct conn conn;
struct conn {
    mix_timer timer; /* first, so that a timer is its connection */
    uint64_t id;
    conn_state state;
    conn *ready_before, *ready_after;
    bool listed, told, give_up; /* in the list of the ready; named to the host; see there */
    mix_queue out;              /* answers, tagged with their mixnet_ws_kind */
    mix_queue early;            /* requests that came before the login is decided, likewise */
    mix_handshake handshake;
    uint8_t version; /* of the protocol */
    uint8_t identity[MIX_KEY_LEN], key[MIX_KEY_LEN];
    mixnet_client *client; /* NULL once it is forgotten: then own counts */
    mixnet_account own;
    int64_t request_time;  /* UTC seconds of the authentication in progress */
    int64_t session_time;  /* UTC microseconds of the one that succeeded */
    uint64_t stored_until; /* the last message that was there at the login */
    size_t live_bytes;     /* of younger ones that wait */
    bool pinged;           /* the timer is that of the pong */
    uint8_t ping[8];
    uint64_t challenger; /* who waits for the pong; may be gone */
    mixnet_close reason;
};

struct mixnet_gateway {
    mixnet_gateway_config config;
    mixnet_gateway_limits limits; /* without zeros */
    mix_crypto *crypto;
    const mix_env *env;
    mix_map conns;  /* by number */
    mix_map active; /* by identity */
    mixnet_clients clients;
    mixnet_store store;
    mix_timers timers;
    conn *ready_first, *ready_last;
    size_t queued; /* bytes in the queues of all connections */
    mix_queue forward;
    bool forward_given; /* the first of it was handed out */
    mix_buf text;       /* the answer being made */
    mix_buf scratch;    /* what a text's byte members borrow */
    mix_buf plain;      /* what was sealed */
    mix_buf given;      /* what drain handed out */
    mixnet_gateway_stats stats;
};

/* role.c */
int64_t mixnet_gateway_wall(const mixnet_gateway *g);            /* UTC microseconds */
void mixnet_gateway_list(mixnet_gateway *g, conn *c);            /* it has something to send */
conn *mixnet_gateway_find(const mixnet_gateway *g, uint64_t id); /* or NULL */
conn *mixnet_gateway_active(const mixnet_gateway *g, const uint8_t *identity); /* or NULL */
/* Queues an answer. Ends the connection when it does not fit: look at its state afterwards if
 * anything depends on it. */
void mixnet_gateway_put(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes bytes);
void mixnet_gateway_put_text(mixnet_gateway *g, conn *c, const mix_text *t);
/* A failure of ours (memory, randomness, the crypto library): counts it and ends the connection. */
void mixnet_gateway_broken(mixnet_gateway *g, conn *c, int status);
/* An error, so many times: the whole text, or the sentence of the table and what follows it. */
void mixnet_gateway_put_error(mixnet_gateway *g, conn *c, mix_refusal r, mix_bytes text, int times);
void mixnet_gateway_refuse(mixnet_gateway *g, conn *c, mix_refusal r, const char *detail,
                           int times);
/* Keeps a request for after the login. */
void mixnet_gateway_keep_early(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message);
/* Ends a connection after what waits for it, or (drop) at once. */
void mixnet_gateway_end(mixnet_gateway *g, conn *c, mixnet_close reason, mix_time now);
void mixnet_gateway_drop(mixnet_gateway *g, conn *c, mixnet_close reason);

/* login.c: states FRESH to LOGIN */
void mixnet_gateway_feed_fresh(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message,
                               mix_time now);
void mixnet_gateway_feed_handshake(mixnet_gateway *g, conn *c, mixnet_ws_kind kind,
                                   mix_bytes message, mix_time now);
void mixnet_gateway_late(mixnet_gateway *g, conn *c, mix_time now); /* its timer has fired */
void mixnet_gateway_pong(mixnet_gateway *g, conn *c, mix_bytes payload, mix_time now);
/* Its place is free: who waits for it goes on. */
void mixnet_gateway_leave(mixnet_gateway *g, conn *c, mix_time now);
/* Answers the login once no stored message is in front of it, and serves what came early. */
void mixnet_gateway_finish_login(mixnet_gateway *g, conn *c, mix_time now);

/* serve.c: state ACTIVE */
void mixnet_gateway_serve(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message);
/* The account, set to zero if it is void today. */
mixnet_account *mixnet_gateway_account(mixnet_gateway *g, conn *c);

#endif
