/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway for tests, made of the same wire files, with knobs for everything that can go wrong;
 * and a client's session tied to it in virtual time. */
#ifndef MIX_GATEWAY_PEER_TESTING_H
#define MIX_GATEWAY_PEER_TESTING_H

#include "base/queue.h"
#include "gateway/gateway.h"
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"
#include "testing.h"

typedef struct peer {
    mix_crypto *crypto;
    mix_test_env *env;
    uint8_t seed[MIX_KEY_LEN], identity[MIX_KEY_LEN];
    /* what it knows of its one client */
    bool registered;
    uint8_t client[MIX_KEY_LEN], key[MIX_KEY_LEN];
    uint64_t last_timestamp;
    int64_t balance;
    /* the connection */
    bool authenticated;
    mix_handshake handshake;
    unsigned step;
    mix_queue out; /* tag: binary or not */
    bool drop;     /* closes after what is in out */
    /* knobs */
    uint8_t version;         /* its newest */
    bool refuse_connections; /* TCP or TLS fails */
    bool mute;               /* answers nothing */
    bool silent_after_ready; /* answers nothing once authenticated */
    bool paid_only;          /* no free bandwidth */
    int64_t gift;            /* what a claim adds */
    int64_t clock_skew;      /* seconds that its clock is ahead */
    const char *refuse_with; /* the next first request gets this error (twice), then it drops */
    bool status_false;       /* authenticate and register answer status false */
    bool wrong_identity;     /* signs with another key */
    uint8_t answer_version;  /* forced into the handshake and answers, unless 0 */
    unsigned stored;         /* messages pushed before the answer */
    /* what it saw */
    unsigned asked_version, registrations, authentications, claims, packets, forgotten, failures;
    uint8_t last_kind;
    size_t last_packet;
    char last_failure[160];
} peer;

void peer_init(peer *p, mix_crypto *crypto, mix_test_env *env, uint8_t number);
void peer_deinit(peer *p);
void peer_connect(peer *p);
void peer_take(peer *p, bool binary, mix_bytes message);
void peer_say(peer *p, const mix_text *t);
void peer_say_raw(peer *p, const char *text);
void peer_push(peer *p, mix_bytes message);

/* A session with one peer. */
typedef struct world {
    mix_test_env env;
    mix_crypto *crypto;
    peer peer;
    mix_gateway *g;
    mix_time now;
    uint32_t link;
    bool linked;
    mix_identity identity;
    mix_vault vault;
    mix_gateway_config cfg;
    /* events seen since they were last cleared */
    struct {
        unsigned lost, ready, wanted, failed, store, state, bandwidth, pushed;
        mix_error error; /* of the last lost, wanted or failed */
        bool registered;
        int64_t remaining;
        size_t pushed_bytes;
    } seen;
    mix_buf stored;
    mix_buf last_text; /* of the client */
    unsigned texts;
    int refused;       /* the last error that feed gave */
    size_t fail_after; /* the n-th allocation within calls of the session fails; 0: none */
} world;

void world_init(world *w, uint64_t seed);
void world_new_gateway(world *w); /* (re)makes the session from w->identity, w->cfg */
void world_another_run(world *w); /* the same from what was stored: another run of the program */
void world_deinit(world *w);
/* Passes everything back and forth at this moment until all is quiet. */
void world_settle(world *w);
/* Settles, then lets time pass in steps of the session's own deadline until it is in this state;
 * fails after an hour. */
void world_until(world *w, mix_gateway_state state);
/* Lets this much time pass, with all deadlines in it. */
void world_pass(world *w, mix_time span);
/* init, choose the peer, start, until ready. */
void world_ready(world *w, uint64_t seed);
/* A mix packet v2 of a cost (386 or 2413), filled with a byte. */
mix_bytes world_packet(uint8_t storage[static 2422], size_t cost, uint8_t fill);

#endif
