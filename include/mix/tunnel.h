/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel through the mixnet: entry gateway, mixes, exit. No I/O of its own. The host makes the
 * requests and the one WebSocket that the tunnel asks for, gives it what comes, the time, and what
 * it stored; it pulls events. One tunnel is used by one thread. What goes through it: fetch.h,
 * dns.h, websocket.h, socket.h.
 *
 * Life: new → start → DIRECTORY, GATEWAY, EXIT, READY ⇄ DEGRADED → stop → CLOSED, or FAILED; from
 * these two start begins anew. What breaks after READY is mended by the tunnel itself: the link to
 * the gateway, the gateway, the session with the exit, the exit, new keys of the network. */
#ifndef MIX_TUNNEL_H
#define MIX_TUNNEL_H

#include "mix/env.h"
#include "mix/errors.h"
#include "mix/storage.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mix_tunnel mix_tunnel;

/* Why something failed: what error.h notes, for hosts. */
typedef struct mix_failure {
    int code;          /* MIX_OK: nothing did */
    const char *layer; /* a folder of src/, static */
    int64_t number;    /* what the layer documents: an HTTP status, a close code; else 0 */
    char words[160];
} mix_failure;

typedef struct mix_tunnel_config {
    const char *const *directories; /* base URLs, tried in turn; none: the main network's */
    size_t directory_count;
    const char *gateway; /* base58 identity of the only entry gateway to use; NULL: any */
    const char *exit;    /* address of the only exit to use; NULL: any */
    bool plain_gateway;  /* gateways may be reached by ws:// (forceTls off) */
    bool pacing_off;     /* packets leave when they are there: observers see when you speak */
    bool cover_off;      /* no loop cover traffic */
    bool copies_off;     /* a packet is sent again only when it is lost; else, with pacing, a copy
                            takes the place of a cover packet, by a way of its own */
    bool ip_packets;     /* IP packets are the host's own: mix_tunnel_write and PACKET events */
    bool forget;         /* identities are not kept: the gateway is told so at the end. Nor is
                            what the directory said: a given stored_directory is to be deleted */
    mix_time exit_timeout;    /* for an exit's answer, before the next one is tried; 10 s */
    mix_time connect_timeout; /* for all exits that are tried at the start; 60 s */
    mix_time setup_timeout;   /* from start to READY; 180 s */
    const uint8_t *identity;  /* the stored value MIX_STORE_IDENTITY; NULL: a new one is made */
    size_t identity_len;
    const uint8_t *stored_directory; /* the stored value MIX_STORE_DIRECTORY; NULL: none. Looked at
                                        only with an identity; one that is damaged, sealed
                                        otherwise, of other directories or 300 s old is no error:
                                        they are asked */
    size_t stored_directory_len;
    const char *passphrase; /* that seals both; NULL: none */

    /* Of what goes through it; not looked at with ip_packets. */
    const char *const *dns_servers; /* "ip:port", the first answer counts; none: 8.8.8.8, 1.1.1.1 */
    size_t dns_server_count;        /* 4 at most */
    const char *doh_url;     /* https://…: names are asked there (RFC 8484, a final "{?dns}" is left
                                away), its own host's by dns_servers; NULL: not */
    mix_time dns_timeout;    /* of a lookup; 10 s */
    mix_time stream_timeout; /* for TCP and TLS to be up; 30 s */
    mix_time keepalive;      /* of an idle TCP connection; 0: 60 s; −1: none */
    int max_redirects;       /* where a request says nothing; 0: 20; −1: none */
    long per_host;           /* connections to one scheme, host and port; 6 */
    const char *user_agent;  /* where a request names none; NULL: "lwmix"; "": no such header */
    const char *roots;       /* PEM certificates to trust besides Mozilla's; NULL: none */
    size_t roots_len;
    bool only_roots; /* and no others: for networks of one's own */
} mix_tunnel_config; /* zeros take the defaults; all is copied */

/* MIX_ERR_ARGUMENT and the errors of texts for a bad option, MIX_ERR_IDENTITY_*, MIX_ERR_TLS_ROOTS,
 * MIX_ERR_RANDOM, MIX_ERR_MEMORY, MIX_ERR_CRYPTO; why (may be NULL) names what is wrong, *out is
 * NULL then. Borrows env for life. MIX_ERR_LIMIT: another tunnel of this process has a TCP/IP stack
 * already (lwIP has globals; with ip_packets there may be any number). */
int mix_tunnel_new(mix_tunnel **out, const mix_tunnel_config *config, const mix_env *env,
                   mix_failure *why);
void mix_tunnel_free(mix_tunnel *t); /* NULL is fine; wipes keys. Requests and link are the host's
                                        to end */

/* Makes so many packets and drops them, in any state: for hosts in which code is compiled when it
 * first runs (WebAssembly), so that the first packets that count do not wait for that.
 * MIX_ERR_RANDOM, MIX_ERR_MEMORY, MIX_ERR_CRYPTO. */
int mix_tunnel_rehearse(mix_tunnel *t, size_t packets);
/* MIX_ERR_STATE unless CLOSED or FAILED; MIX_ERR_MEMORY, MIX_ERR_RANDOM: nothing has begun. */
int mix_tunnel_start(mix_tunnel *t, mix_time now);
/* Says goodbye to the exit if there is one and ends: CLOSED follows within half a second. What
 * drain_link still gives goes to the gateway first. Fine in any state. */
void mix_tunnel_stop(mix_tunnel *t, mix_time now);
/* The host's network is back or another: pauses end, liveness is asked for at once. */
void mix_tunnel_nudge(mix_tunnel *t, mix_time now);

/* ---- the directory, by HTTP ---- */

typedef struct mix_tunnel_call {
    bool cancel;     /* end request id; nothing else is set */
    uint64_t id;     /* never the same twice */
    const char *url; /* GET it without credentials; valid until the next call on t */
    const char *accept;
} mix_tunnel_call;
/* The next request to make, or MIX_DONE. */
int mix_tunnel_drain_call(mix_tunnel *t, mix_tunnel_call *out, mix_time now);

typedef struct mix_tunnel_answer {
    uint64_t id;
    const char *failure; /* there is none, or it broke off: why. NULL: there is one */
    int status;          /* after redirects; the same with every piece, as is the type */
    const char *content_type;
    const uint8_t *body; /* the next piece, decoded */
    size_t len;
    bool last;
} mix_tunnel_answer;
/* MIX_OK, or MIX_ERR_LIMIT when no more of this answer is wanted. Unknown ids are ignored. */
int mix_tunnel_feed_answer(mix_tunnel *t, const mix_tunnel_answer *answer, mix_time now);

/* ---- the link to the gateway, a WebSocket ---- */

typedef enum mix_tunnel_act {
    MIX_TUNNEL_CONNECT = 1, /* open one to the URL in data, which ends with a zero behind len */
    MIX_TUNNEL_SEND_TEXT,
    MIX_TUNNEL_SEND_BINARY,
    MIX_TUNNEL_CLOSE,
} mix_tunnel_act;
typedef struct mix_tunnel_order {
    mix_tunnel_act act;
    uint32_t link; /* the connection's number, never the same twice */
    const uint8_t *data;
    size_t len;
} mix_tunnel_order;
/* The next thing to do, its bytes valid until the next call on t; or MIX_DONE. Ask while the socket
 * takes more. */
int mix_tunnel_drain_link(mix_tunnel *t, mix_tunnel_order *out, mix_time now);
void mix_tunnel_link_opened(mix_tunnel *t, uint32_t link, mix_time now);
/* One whole message; what is wrong with it is the tunnel's business. */
void mix_tunnel_feed_link(mix_tunnel *t, uint32_t link, bool binary, const uint8_t *data,
                          size_t len, mix_time now);
/* It has ended or could not be made; number: the close code or 0; why: words, or NULL. */
void mix_tunnel_link_closed(mix_tunnel *t, uint32_t link, int number, const char *why,
                            mix_time now);

/* ---- IP packets ---- */

/* With ip_packets. One packet, from the address of the last ADDRESSES event. MIX_BLOCKED when the
 * queue is full or there is no exit; MIX_ERR_STATE without ip_packets; MIX_ERR_ARGUMENT for one
 * that is empty or above 1500 bytes. */
int mix_tunnel_write(mix_tunnel *t, const uint8_t *packet, size_t len, mix_time now);

/* Asks the exit for a sign of life: PONG follows, or nothing if it is lost. One at a time.
 * MIX_BLOCKED when there is no exit, MIX_ERR_RANDOM. */
int mix_tunnel_ping(mix_tunnel *t, mix_time now);

/* ---- events ---- */

typedef enum mix_tunnel_state {
    MIX_TUNNEL_CLOSED = 0,
    MIX_TUNNEL_DIRECTORY, /* waits for the list of nodes */
    MIX_TUNNEL_GATEWAY,   /* for a gateway */
    MIX_TUNNEL_EXIT,      /* for an exit */
    MIX_TUNNEL_READY,
    MIX_TUNNEL_DEGRADED, /* was ready; phase and failure say what is missing now */
    MIX_TUNNEL_CLOSING,
    MIX_TUNNEL_FAILED, /* phase and failure say at what */
} mix_tunnel_state;
const char *mix_tunnel_state_name(mix_tunnel_state s); /* "ready"; never NULL */

typedef enum mix_tunnel_event_kind {
    MIX_TUNNEL_EVENT_STATE = 1, /* state, phase, failure */
    MIX_TUNNEL_EVENT_ADDRESSES, /* ip4, ip6, mtu: ours at the exit; others than before, or at
                                   another exit: connections of before are gone */
    MIX_TUNNEL_EVENT_STORE,     /* store: this value is to be written, or deleted. Of each name the
                                   newest one waits, however late it is fetched */
    MIX_TUNNEL_EVENT_PACKET,    /* data: an IP packet for us */
    MIX_TUNNEL_EVENT_REFUSED,   /* data: "ip:port" that the exit's policy does not let us reach */
    MIX_TUNNEL_EVENT_NOTICE,    /* data: words from the exit */
    MIX_TUNNEL_EVENT_PONG,      /* round_trip: the answer to mix_tunnel_ping */
    MIX_TUNNEL_EVENT_FETCH,     /* id, what: fetch.h */
    MIX_TUNNEL_EVENT_DNS,       /* id, dns: dns.h */
    MIX_TUNNEL_EVENT_WEBSOCKET, /* id, what and more: websocket.h */
    MIX_TUNNEL_EVENT_SOCKET,    /* id, what: socket.h */
} mix_tunnel_event_kind;
typedef struct mix_tunnel_event {
    mix_tunnel_event_kind kind;
    mix_tunnel_state state;
    mix_tunnel_state phase; /* DIRECTORY, GATEWAY or EXIT */
    mix_failure failure;    /* code MIX_OK: none */
    uint8_t ip4[4], ip6[16];
    uint16_t mtu;
    mix_time round_trip;
    mix_store_change store;
    const uint8_t *data;
    size_t len;
    uint32_t id;   /* of the fetch, lookup, WebSocket or socket; each kind counts its own */
    unsigned what; /* as its header says */
    const struct mix_dns_answer *dns;
    const struct mix_websocket_news *websocket;
} mix_tunnel_event;
/* MIX_OK, or MIX_DONE; bytes are valid until the next call on t. */
int mix_tunnel_next(mix_tunnel *t, mix_tunnel_event *ev, mix_time now);

/* When tick has something to do; MIX_NEVER: no timer runs. */
mix_time mix_tunnel_deadline(const mix_tunnel *t);
void mix_tunnel_tick(mix_tunnel *t, mix_time now);

/* ---- looking in ---- */

typedef struct mix_tunnel_stats {
    mix_tunnel_state state, phase;
    uint64_t data, retransmitted, cover; /* packets that left; cover: and copies in its place */
    uint64_t acknowledged, replies;      /* packets that came: acknowledgements of data, replies */
    uint64_t sent_bytes, received_bytes; /* of the link's messages */
    uint64_t ip_up, ip_down, ip_dropped; /* IP packets; dropped: nobody fetched them */
    uint64_t reordered, skipped;         /* frames that came out of order, and never */
    uint32_t surbs;                      /* reply blocks that the exit has, by our reckoning */
    uint32_t waiting, unacknowledged; /* packets that wait for their slot; sent ones, no answer */
    uint32_t mixes1, mixes2, mixes3;  /* mixes known in each layer */
    mix_time round_trip;              /* to the exit and back, the last measured; 0: none */
    mix_time gateway_round_trip;
    uint64_t links, exits;       /* connections to gateways, sessions with exits: tried */
    mix_time setup;              /* from start to READY; 0: not yet */
    char gateway[48], exit[136]; /* in use now; empty: none */
} mix_tunnel_stats;
void mix_tunnel_get_stats(const mix_tunnel *t, mix_tunnel_stats *out);

#ifdef __cplusplus
}
#endif

#endif
