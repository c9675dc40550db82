/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection becomes a client's: registration (§3.6), authentication (§3.7), and what happens
 * to an older connection of the same client (§3.15). Spec: 3-gateway.md. */
#include "mixnet/gateway/internal.h"

#include "base/alloc.h"

#include <stdio.h>

/* The sentence so many times, and the end of the connection. */
static void refuse(mixnet_gateway *g, conn *c, mix_refusal r, const char *detail, int times,
                   mix_time now) {
    mixnet_gateway_refuse(g, c, r, detail, times);
    mixnet_gateway_end(g, c, r == MIX_REFUSAL_SLOW ? MIXNET_CLOSE_TIMEOUT : MIXNET_CLOSE_REFUSED,
                       now);
}

/* ---- the connection is the client's ---- */

/* Takes the identity's place, which must be free. */
static int activate(mixnet_gateway *g, conn *c, int64_t session_time) {
    int status = mix_map_put(&g->active, c->identity, c);
    if (status != MIX_OK)
        return status;
    c->client = mixnet_clients_get(&g->clients, c->identity);
    c->session_time = session_time;
    c->stored_until = g->store.last_id;
    c->live_bytes = 0;
    mixnet_gateway_list(g, c); /* for what is stored */
    return MIX_OK;
}

/* After all checks of §3.7. The client may have been forgotten while an older connection was asked.
 */
static void login(mixnet_gateway *g, conn *c, mix_time now) {
    mixnet_client *client = mixnet_clients_get(&g->clients, c->identity);
    if (!client) {
        refuse(g, c, MIX_REFUSAL_NOT_REGISTERED, "", 2, now);
        return;
    }
    int status = activate(g, c, c->request_time * 1000000);
    if (status != MIX_OK) {
        mixnet_gateway_broken(g, c, status);
        return;
    }
    client->last_seen = c->request_time;
    g->clients.dirty = true;
    g->stats.authenticated++;
    c->state = CONN_LOGIN;
    mixnet_gateway_finish_login(g, c, now);
}

static void serve_early(mixnet_gateway *g, conn *c) {
    mix_bytes bytes;
    uint64_t kind;
    mix_buf message = {0};
    while (c->state == CONN_ACTIVE && mix_queue_peek(&c->early, &bytes, &kind)) {
        mix_buf_truncate(&message, 0);
        mix_buf_put_bytes(&message, bytes);
        g->queued -= bytes.len;
        mix_queue_pop(&c->early);
        if (mix_buf_status(&message) == MIX_OK)
            mixnet_gateway_serve(g, c, (mixnet_ws_kind)kind, mix_buf_bytes(&message));
        else
            mixnet_gateway_broken(g, c, MIX_ERR_MEMORY);
    }
    mix_buf_deinit_wiped(&message);
}

void mixnet_gateway_finish_login(mixnet_gateway *g, conn *c, mix_time now) {
    mix_bytes message;
    uint64_t id;
    if (mixnet_store_peek(&g->store, c->identity, &message, &id) && id <= c->stored_until)
        return;
    mixnet_gateway_put_text(g, c,
                            &(mix_text){.type = MIX_TEXT_AUTHENTICATED,
                                        .version = c->version,
                                        .status = true,
                                        .amount = mixnet_gateway_account(g, c)->available});
    if (c->state != CONN_CLOSING) {
        c->state = CONN_ACTIVE;
        serve_early(g, c);
    }
    if (c->state == CONN_CLOSING)
        mixnet_gateway_leave(g, c, now);
}

/* ---- an older connection of the same client ---- */

void mixnet_gateway_leave(mixnet_gateway *g, conn *c, mix_time now) {
    if (mixnet_gateway_active(g, c->identity) == c)
        (void)mix_map_take(&g->active, c->identity);
    if (!c->pinged)
        return;
    c->pinged = false;
    conn *next = mixnet_gateway_find(g, c->challenger);
    if (next && next->state == CONN_WAITING &&
        memcmp(next->identity, c->identity, MIX_KEY_LEN) == 0)
        login(g, next, now);
}

/* Asks the older connection for a sign of life. */
static void challenge(mixnet_gateway *g, conn *old, conn *c, mix_time now) {
    int status = mix_random(g->env, old->ping, sizeof old->ping);
    if (status == MIX_OK)
        status = mix_timers_set(&g->timers, &old->timer, now + g->limits.liveness);
    if (status != MIX_OK) {
        mixnet_gateway_broken(g, c, status);
        return;
    }
    old->pinged = true;
    old->challenger = c->id;
    c->state = CONN_WAITING;
    mix_timers_stop(&g->timers, &c->timer);
    mixnet_gateway_put(g, old, MIXNET_WS_PING, MIX_BYTES(old->ping));
    if (old->state == CONN_CLOSING)
        mixnet_gateway_leave(g, old, now);
}

void mixnet_gateway_pong(mixnet_gateway *g, conn *c, mix_bytes payload, mix_time now) {
    if (!c->pinged || !mix_bytes_equal(payload, MIX_BYTES(c->ping)))
        return;
    c->pinged = false;
    mix_timers_stop(&g->timers, &c->timer);
    mixnet_gateway_list(g, c); /* messages may have come meanwhile */
    conn *next = mixnet_gateway_find(g, c->challenger);
    if (next && next->state == CONN_WAITING &&
        memcmp(next->identity, c->identity, MIX_KEY_LEN) == 0)
        refuse(g, next, MIX_REFUSAL_DUPLICATE, "", 2, now);
}

/* ---- authentication (§3.7) ---- */

/* Whether the request's clock is more than 120 s away from ours. */
static bool is_skewed(uint64_t timestamp, int64_t wall) {
    const uint64_t last = 253402300799; /* of the year 9999 */
    int64_t skew = timestamp > last ? INT64_MAX : (int64_t)timestamp * 1000000 - wall;
    return skew > 120000000 || skew < -120000000;
}

/* Checks 3 to 6; MIX_REFUSAL_UNKNOWN when they hold. MIX_REFUSAL_STORAGE: we failed. */
static mix_refusal check_request(mixnet_gateway *g, conn *c, const mix_text *t) {
    int status = mix_authenticate_check_signature(g->crypto, t);
    if (status != MIX_OK)
        return status == MIX_ERR_SIGNATURE ? MIX_REFUSAL_SIGNATURE : MIX_REFUSAL_STORAGE;
    const mixnet_client *client = mixnet_clients_get(&g->clients, t->identity);
    if (!client)
        return MIX_REFUSAL_NOT_REGISTERED;
    status = mix_authenticate_check_key(g->crypto, t, client->key);
    if (status == MIX_ERR_ARGUMENT)
        return MIX_REFUSAL_NONCE;
    if (status != MIX_OK)
        return status == MIX_ERR_AEAD ? MIX_REFUSAL_ADDRESS : MIX_REFUSAL_STORAGE;
    if ((int64_t)t->timestamp <= client->last_seen)
        return MIX_REFUSAL_REUSE;
    memcpy(c->identity, client->identity, MIX_KEY_LEN);
    memcpy(c->key, client->key, MIX_KEY_LEN);
    return MIX_REFUSAL_UNKNOWN;
}

static void refuse_version(mixnet_gateway *g, conn *c, uint8_t version, mix_time now) {
    char detail[48];
    (void)snprintf(detail, sizeof detail, "%d and the client reports %u", MIX_GATEWAY_VERSION,
                   version);
    refuse(g, c, MIX_REFUSAL_VERSION, detail, 2, now);
}

static void refuse_clock(mixnet_gateway *g, conn *c, uint64_t timestamp, int64_t wall,
                         mix_time now) {
    char words[256];
    mix_buf text = mix_buf_fixed(words, sizeof words);
    (void)mix_refusal_clock_encode(&text, timestamp, wall);
    mixnet_gateway_put_error(g, c, MIX_REFUSAL_CLOCK, mix_buf_bytes(&text), 2);
    mixnet_gateway_end(g, c, MIXNET_CLOSE_REFUSED, now);
}

static void authenticate(mixnet_gateway *g, conn *c, const mix_text *t, mix_time now) {
    int64_t wall = mixnet_gateway_wall(g);
    if (t->version < MIX_GATEWAY_VERSION_LEAST || t->version > MIX_GATEWAY_VERSION) {
        refuse_version(g, c, t->version, now);
        return;
    }
    if (is_skewed(t->timestamp, wall)) {
        refuse_clock(g, c, t->timestamp, wall, now);
        return;
    }
    mix_refusal r = check_request(g, c, t);
    if (r != MIX_REFUSAL_UNKNOWN) {
        refuse(g, c, r, "", 2, now);
        return;
    }
    c->version = t->version;
    c->request_time = (int64_t)t->timestamp;
    conn *old = mixnet_gateway_active(g, c->identity);
    if (old && old->state == CONN_CLOSING) {
        mixnet_gateway_leave(g, old, now);
        old = mixnet_gateway_active(g, c->identity); /* who waited for it may be there now */
    }
    mix_timers_stop(&g->timers, &c->timer);
    if (!old)
        login(g, c, now);
    else if (c->request_time * 1000000 <= old->session_time)
        refuse(g, c, MIX_REFUSAL_STALE, "", 2, now);
    else if (old->pinged)
        refuse(g, c, MIX_REFUSAL_DUPLICATE, "", 2, now);
    else
        challenge(g, old, c, now);
}

/* ---- registration (§3.6) ---- */

/* The exchange has begun: the client is told in its terms, and then in the gateway's, twice. */
static void fail_handshake(mixnet_gateway *g, conn *c, mix_refusal r, const char *detail,
                           mix_time now) {
    char words[512];
    mix_buf text = mix_buf_fixed(words, sizeof words);
    mix_buf_put_str(&text, mix_refusal_text(r));
    mix_buf_put_str(&text, detail);
    mixnet_gateway_put_text(g, c,
                            &(mix_text){.type = MIX_TEXT_FAILURE, .text = mix_buf_bytes(&text)});
    mix_buf_put_u8(&text, 0);
    g->stats.refused[r]++;
    mixnet_gateway_refuse(g, c, MIX_REFUSAL_REGISTRATION, words, 2);
    mixnet_gateway_end(
        g, c, r == MIX_REFUSAL_HANDSHAKE_SLOW ? MIXNET_CLOSE_TIMEOUT : MIXNET_CLOSE_REFUSED, now);
}

/* What a status of the handshake's cryptography is in words; MIX_REFUSAL_UNKNOWN: we failed. */
static mix_refusal handshake_refusal(int status, mix_refusal malformed) {
    switch (status) {
    case MIX_ERR_GATEWAY_HANDSHAKE:
        return malformed;
    case MIX_ERR_AEAD:
        return MIX_REFUSAL_SEAL;
    case MIX_ERR_SIGNATURE:
        return MIX_REFUSAL_HANDSHAKE_SIGNATURE;
    default:
        return MIX_REFUSAL_UNKNOWN;
    }
}

/* Either goes on with the answer in g->plain, or fails. */
static void answer_handshake(mixnet_gateway *g, conn *c, int status, mix_refusal malformed,
                             mix_time now) {
    mix_refusal r = status == MIX_OK ? malformed : handshake_refusal(status, malformed);
    if (r == MIX_REFUSAL_UNKNOWN)
        mixnet_gateway_broken(g, c, status);
    else if (status != MIX_OK)
        fail_handshake(g, c, r, "", now);
    else
        mixnet_gateway_put_text(g, c,
                                &(mix_text){.type = MIX_TEXT_PAYLOAD,
                                            .version = c->version,
                                            .data = mix_buf_bytes(&g->plain)});
}

/* Message 1. What can be said without the exchange is said without its envelope. */
static void start_registration(mixnet_gateway *g, conn *c, const mix_text *t, mix_time now) {
    if (t->data.len < MIX_KEY_LEN || !mix_ed25519_is_point(t->data.data)) {
        refuse(g, c, MIX_REFUSAL_REGISTRATION, mix_refusal_text(MIX_REFUSAL_HANDSHAKE_REQUEST), 2,
               now);
        return;
    }
    if (mixnet_gateway_active(g, t->data.data)) {
        refuse(g, c, MIX_REFUSAL_DUPLICATE, "", 2, now);
        return;
    }
    if (mixnet_clients_full(&g->clients) && !mixnet_clients_get(&g->clients, t->data.data)) {
        refuse(g, c, MIX_REFUSAL_STORAGE, "", 2, now);
        return;
    }
    c->version = t->version < MIX_GATEWAY_VERSION ? t->version : MIX_GATEWAY_VERSION;
    mix_buf_truncate(&g->plain, 0);
    int status =
        mix_handshake_accept(&c->handshake, &g->plain, g->crypto, g->env, g->config.seed, t->data);
    answer_handshake(g, c, status, MIX_REFUSAL_HANDSHAKE_REQUEST, now);
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_HANDSHAKE;
    if (mix_timers_set(&g->timers, &c->timer, now + g->limits.handshake) != MIX_OK)
        mixnet_gateway_broken(g, c, MIX_ERR_MEMORY);
}

/* The client has proven its identity: its key is kept, and the connection is the client's. The
 * stored messages follow the answer, since before it the client does not use its key yet. */
static void register_client(mixnet_gateway *g, conn *c, mix_time now) {
    memcpy(c->identity, c->handshake.peer_identity, MIX_KEY_LEN);
    memcpy(c->key, c->handshake.key, MIX_KEY_LEN);
    mix_wipe(&c->handshake, sizeof c->handshake);
    mix_timers_stop(&g->timers, &c->timer);
    if (mixnet_gateway_active(g, c->identity)) { /* it came on another connection meanwhile */
        refuse(g, c, MIX_REFUSAL_DUPLICATE, "", 2, now);
        return;
    }
    int status = mixnet_clients_put(&g->clients, c->identity, c->key);
    if (status == MIX_OK)
        status = activate(g, c, mixnet_gateway_wall(g));
    if (status != MIX_OK) {
        refuse(g, c, MIX_REFUSAL_STORAGE, "", 2, now);
        return;
    }
    g->stats.registered++;
    c->state = CONN_ACTIVE;
    mixnet_gateway_put_text(
        g, c, &(mix_text){.type = MIX_TEXT_REGISTERED, .version = c->version, .status = true});
}

static void finish_registration(mixnet_gateway *g, conn *c, mix_bytes message, mix_time now) {
    mix_buf_truncate(&g->plain, 0);
    int status = mix_handshake_finish(&c->handshake, &g->plain, g->crypto, message);
    answer_handshake(g, c, status, MIX_REFUSAL_HANDSHAKE_RESPONSE, now);
    if (c->state != CONN_CLOSING)
        register_client(g, c, now);
}

/* The client gave up. Its words are repeated as the real gateway does, but only so far. */
static void remote_failure(mixnet_gateway *g, conn *c, mix_bytes words, mix_time now) {
    char text[129];
    size_t len = words.len < sizeof text ? words.len : sizeof text - 1;
    while (len > 0 && len < words.len && (words.data[len] & 0xc0) == 0x80)
        len--; /* not within a character */
    if (len > 0)
        memcpy(text, words.data, len);
    text[len] = 0;
    fail_handshake(g, c, MIX_REFUSAL_REMOTE, text, now);
}

void mixnet_gateway_feed_handshake(mixnet_gateway *g, conn *c, mixnet_ws_kind kind,
                                   mix_bytes message, mix_time now) {
    mix_text t;
    if (kind == MIXNET_WS_CLOSE) {
        mixnet_gateway_end(g, c, MIXNET_CLOSE_PEER, now);
        return;
    }
    int status = kind == MIXNET_WS_TEXT
                     ? mix_text_decode(&t, &g->scratch, MIX_TEXT_HANDSHAKE, message, NULL)
                     : MIX_ERR_GATEWAY_TYPE;
    if (status == MIX_ERR_MEMORY)
        mixnet_gateway_broken(g, c, status);
    else if (status != MIX_OK)
        g->stats.handshake_noise++;
    else if (t.type == MIX_TEXT_PAYLOAD)
        finish_registration(g, c, t.data, now);
    else
        remote_failure(g, c, t.text, now);
}

/* ---- the first requests (§3.2, §3.14) ---- */

static void early_frame(mixnet_gateway *g, conn *c, const char *kind, mix_time now) {
    char detail[64];
    (void)snprintf(detail, sizeof detail, "%s which was not expected in this context", kind);
    refuse(g, c, MIX_REFUSAL_EARLY_FRAME, detail, 1, now);
}

static void first_text(mixnet_gateway *g, conn *c, mix_bytes message, mix_time now) {
    mix_text t;
    int status = mix_text_decode(&t, &g->scratch, MIX_TEXT_REQUEST, message, NULL);
    if (status == MIX_ERR_MEMORY) {
        mixnet_gateway_broken(g, c, status);
    } else if (status == MIX_OK && t.type == MIX_TEXT_ASK_PROTOCOL) {
        mixnet_gateway_put_text(
            g, c, &(mix_text){.type = MIX_TEXT_PROTOCOL, .version = MIX_GATEWAY_VERSION});
        if (c->state != CONN_CLOSING)
            (void)mix_timers_set(&g->timers, &c->timer, now + g->limits.first_request);
    } else if (status == MIX_OK && t.type == MIX_TEXT_REGISTER) {
        start_registration(g, c, &t, now);
    } else if (status == MIX_OK && t.type == MIX_TEXT_AUTHENTICATE) {
        authenticate(g, c, &t, now);
    } else if (status == MIX_OK && t.type == MIX_TEXT_AUTHENTICATE_OLD) {
        refuse(g, c, MIX_REFUSAL_OLD_AUTHENTICATION, "", 1, now);
    } else {
        refuse(g, c, MIX_REFUSAL_FIRST_REQUEST, "", 1, now);
    }
}

void mixnet_gateway_feed_fresh(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message,
                               mix_time now) {
    switch (kind) {
    case MIXNET_WS_TEXT:
        first_text(g, c, message, now);
        return;
    case MIXNET_WS_BINARY:
        refuse(g, c, MIX_REFUSAL_EARLY_PACKET, "", 1, now);
        return;
    case MIXNET_WS_PING:
        early_frame(g, c, "ping", now);
        return;
    case MIXNET_WS_PONG:
        early_frame(g, c, "pong", now);
        return;
    case MIXNET_WS_CLOSE:
        early_frame(g, c, "close", now);
        return;
    }
}

void mixnet_gateway_late(mixnet_gateway *g, conn *c, mix_time now) {
    if (c->state == CONN_FRESH)
        refuse(g, c, MIX_REFUSAL_SLOW, "", 1, now);
    else if (c->state == CONN_HANDSHAKE)
        fail_handshake(g, c, MIX_REFUSAL_HANDSHAKE_SLOW, "", now);
    else
        mixnet_gateway_drop(g, c, MIXNET_CLOSE_REPLACED);
}
