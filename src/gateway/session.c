/* SPDX-License-Identifier: Apache-2.0 */
/* What client and gateway say to each other on one connection, in the order of 3-gateway.md §3.2.
 */
#include "gateway/internal.h"

#include "base/alloc.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

bool mix_session_has_key(const mix_gateway *g) {
    return g->chosen && g->id.registration.present &&
           memcmp(g->id.registration.gateway, g->gateway, MIX_KEY_LEN) == 0;
}

bool mix_session_waits(const mix_gateway *g) {
    return g->flight > 0 || g->asked != MIX_ASKED_NOTHING;
}

/* The alarm of the next step, but never after the time that all steps have together. */
static mix_time alarm_after(const mix_gateway *g, mix_time step, mix_time now) {
    mix_time last = g->opened_at + g->cfg.setup_timeout;
    return now + step < last ? now + step : last;
}

/* Has one text sent. Each question waits for its answer, so the last one is gone by now. */
static bool say(mix_gateway *g, const mix_text *t, mix_time now) {
    mix_buf_truncate(&g->text, 0);
    g->text_link = g->link;
    int status = mix_text_encode(&g->text, t);
    if (status != MIX_OK)
        mix_gateway_fail(g, status, MIX_REMEDY_RECONNECT, now, "writing %s",
                         mix_text_name(t->type));
    return status == MIX_OK;
}

static void sound(mix_gateway *g, mix_time now) {
    g->heard_at = g->answered_at = now;
    g->noise = 0;
}

static int unexpected(mix_gateway *g, const char *what, mix_time now) {
    return mix_gateway_nonsense(g, MIX_ERR_GATEWAY_UNEXPECTED, now, "%s while %s", what,
                                mix_gateway_state_name(g->state));
}

/* ---- version, registration, authentication ---- */

static void ask_version(mix_gateway *g, mix_time now) {
    g->version_asked = true;
    g->asked_at = now;
    mix_gateway_enter(g, MIX_GATEWAY_IS_ASKING, alarm_after(g, g->cfg.answer_timeout, now));
    (void)say(g, &(mix_text){.type = MIX_TEXT_ASK_PROTOCOL}, now);
}

/* Sends a message of the handshake and waits for the one with this number (§3.6). */
static void say_payload(mix_gateway *g, mix_bytes message, unsigned awaited, mix_time now) {
    g->step = awaited;
    mix_text t = {.type = MIX_TEXT_PAYLOAD, .version = g->version, .data = message};
    if (say(g, &t, now))
        mix_gateway_enter(g, MIX_GATEWAY_IS_REGISTERING,
                          alarm_after(g, g->cfg.handshake_timeout, now));
}

static void register_us(mix_gateway *g, mix_time now) {
    mix_buf message = {0};
    int status = mix_handshake_start(&g->handshake, &message, g->env, g->id.public_key);
    if (status == MIX_OK)
        say_payload(g, mix_buf_bytes(&message), 2, now);
    else
        mix_gateway_fail(g, status, MIX_REMEDY_RECONNECT, now, "starting the registration");
    mix_buf_deinit(&message);
}

/* Strictly after the last one: a gateway takes no timestamp twice (§3.7 check 6). */
static int64_t next_timestamp(mix_gateway *g) {
    int64_t t = g->env->wall_time(g->env->user) / 1000000 + g->clock_offset + g->clock_ahead;
    if (t <= g->last_timestamp)
        t = g->last_timestamp + 1;
    g->last_timestamp = t;
    return t;
}

static void authenticate(mix_gateway *g, mix_time now) {
    mix_buf_truncate(&g->text, 0);
    g->text_link = g->link;
    int status = mix_authenticate_write(&g->text, g->cfg.crypto, g->env, g->id.seed,
                                        g->id.public_key, g->id.registration.shared_key, g->version,
                                        (uint64_t)next_timestamp(g));
    if (status == MIX_OK)
        mix_gateway_enter(g, MIX_GATEWAY_IS_AUTHENTICATING,
                          alarm_after(g, g->cfg.answer_timeout, now));
    else
        mix_gateway_fail(g, status, MIX_REMEDY_RECONNECT, now, "writing the authentication");
}

void mix_session_begin(mix_gateway *g, mix_time now) {
    g->opened_at = now;
    g->version_asked = false;
    sound(g, now);
    if (g->version == 0 && mix_session_has_key(g))
        g->version = g->id.registration.version;
    if (g->version >= MIX_GATEWAY_VERSION_LEAST && mix_session_has_key(g))
        authenticate(g, now); /* the version is known from the last time: one round trip less */
    else
        ask_version(g, now);
}

static void claim(mix_gateway *g, mix_time now) {
    if (!mix_session_waits(g))
        g->answered_at = now;
    g->asked = MIX_ASKED_CLAIM;
    g->asked_at = now;
    g->asked_after = g->flight;
    (void)say(g, &(mix_text){.type = MIX_TEXT_CLAIM}, now);
}

static void ready(mix_gateway *g, mix_time now) {
    g->ready_at = now;
    g->say_ready = g->say_bandwidth = true;
    g->stats.sessions++;
    mix_gateway_enter(g, MIX_GATEWAY_IS_READY, MIX_NEVER);
    mix_log(g->env, MIX_LOG_INFO, "gateway", "ready: protocol version %u, %" PRId64 " bytes left",
            g->version, g->remaining);
}

static int64_t today(const mix_gateway *g) {
    return (g->env->wall_time(g->env->user) / 1000000 + g->clock_offset) / 86400;
}

static void admitted(mix_gateway *g, mix_time now) {
    g->paid_day = today(g);
    g->clock_ahead = 0;
    mix_handshake_wipe(&g->handshake);
    if (g->remaining >= MIX_GATEWAY_THRESHOLD) {
        ready(g, now);
        return;
    }
    mix_gateway_enter(g, MIX_GATEWAY_IS_CLAIMING, alarm_after(g, g->cfg.answer_timeout, now));
    claim(g, now);
}

/* Ours may be at most what the gateway says (§3.4). True when we can go on. */
static bool agree(mix_gateway *g, uint8_t version, mix_time now) {
    if (version <= MIX_GATEWAY_VERSION) {
        g->version = version != 0 ? version : g->version;
        return true;
    }
    mix_gateway_fail(g, MIX_ERR_GATEWAY_VERSION, MIX_REMEDY_REPLACE, now,
                     "the gateway wants version %u", version);
    return false;
}

static int on_protocol(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->asked == MIX_ASKED_ALIVE || g->state == MIX_GATEWAY_IS_ASKING)
        g->stats.round_trip = now - g->asked_at;
    if (g->asked == MIX_ASKED_ALIVE) {
        g->asked = MIX_ASKED_NOTHING;
        sound(g, now);
        return MIX_OK;
    }
    if (g->state != MIX_GATEWAY_IS_ASKING)
        return unexpected(g, "supportedProtocol", now);
    sound(g, now);
    if (t->version < MIX_GATEWAY_VERSION_LEAST) {
        mix_gateway_fail(g, MIX_ERR_GATEWAY_VERSION, MIX_REMEDY_REPLACE, now,
                         "the gateway speaks version %u, we %u to %u", t->version,
                         MIX_GATEWAY_VERSION_LEAST, MIX_GATEWAY_VERSION);
        return MIX_OK;
    }
    g->version = t->version < MIX_GATEWAY_VERSION ? t->version : MIX_GATEWAY_VERSION;
    if (mix_session_has_key(g))
        authenticate(g, now);
    else
        register_us(g, now);
    return MIX_OK;
}

/* Who fails says so (§3.6), then goes. */
static void decline(mix_gateway *g, int code, const char *words, mix_time now) {
    mix_gateway_fail(g, code, MIX_REMEDY_REPLACE, now, "we answer: %s", words);
    if (!g->close_due)
        return;
    g->text_link = g->close_link;
    (void)mix_text_encode(&g->text,
                          &(mix_text){.type = MIX_TEXT_FAILURE, .text = mix_bytes_str(words)});
}

static void decline_version(mix_gateway *g, uint8_t version, mix_time now) {
    char words[160];
    (void)snprintf(words, sizeof words, "%s%u whilst we only understand up to v%d",
                   mix_refusal_text(MIX_REFUSAL_HANDSHAKE_VERSION), version, MIX_GATEWAY_VERSION);
    decline(g, MIX_ERR_GATEWAY_VERSION, words, now);
}

static void on_challenge(mix_gateway *g, const mix_text *t, mix_time now) {
    mix_buf message = {0};
    if (t->version < MIX_GATEWAY_VERSION_LEAST || t->version > MIX_GATEWAY_VERSION) {
        decline_version(g, t->version, now);
        return;
    }
    g->version = t->version;
    int status = mix_handshake_answer(&g->handshake, &message, g->cfg.crypto, g->env, g->id.seed,
                                      g->gateway, t->data);
    if (status == MIX_OK)
        say_payload(g, mix_buf_bytes(&message), 4, now);
    else if (status == MIX_ERR_GATEWAY_HANDSHAKE)
        decline(g, status, mix_refusal_text(MIX_REFUSAL_HANDSHAKE_RESPONSE), now);
    else if (status == MIX_ERR_GATEWAY_IDENTITY)
        decline(g, status, mix_refusal_text(MIX_REFUSAL_HANDSHAKE_SIGNATURE), now);
    else if (status == MIX_ERR_AEAD)
        decline(g, status, mix_refusal_text(MIX_REFUSAL_SEAL), now);
    else
        mix_gateway_fail(g, status, MIX_REMEDY_RECONNECT, now,
                         "answering the gateway's handshake message");
    mix_buf_deinit(&message);
}

static int on_payload(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->step != 2 && g->step != 4)
        return unexpected(g, "handshakePayload", now);
    sound(g, now);
    if (g->step == 2) {
        on_challenge(g, t, now);
    } else if (mix_handshake_done_decode(t->data) != MIX_OK) {
        decline(g, MIX_ERR_GATEWAY_HANDSHAKE, mix_refusal_text(MIX_REFUSAL_HANDSHAKE_RESPONSE),
                now);
    } else {
        g->step = 5;
        mix_gateway_enter(g, MIX_GATEWAY_IS_REGISTERING,
                          alarm_after(g, g->cfg.answer_timeout, now));
    }
    return MIX_OK;
}

static int on_registered(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->state != MIX_GATEWAY_IS_REGISTERING || g->step != 5)
        return unexpected(g, "register", now);
    sound(g, now);
    if (!t->status) {
        mix_gateway_fail(g, MIX_ERR_GATEWAY_REGISTRATION, MIX_REMEDY_REPLACE, now,
                         "the answer's status is false");
        return MIX_OK;
    }
    if (!agree(g, t->version, now))
        return MIX_OK;
    mix_registration *r = &g->id.registration;
    mix_wipe(r, sizeof *r);
    int64_t wall = g->env->wall_time(g->env->user) / 1000000;
    *r = (mix_registration){.present = true, .version = g->version, .since = wall};
    memcpy(r->gateway, g->gateway, MIX_KEY_LEN);
    memcpy(r->shared_key, g->handshake.key, MIX_KEY_LEN);
    memcpy(r->url, g->url, sizeof r->url);
    g->say_store = g->stores;
    g->registered = true;
    g->remaining = 0; /* a new account has nothing */
    g->last_timestamp = wall + g->clock_offset;
    admitted(g, now);
    return MIX_OK;
}

static int on_authenticated(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->state != MIX_GATEWAY_IS_AUTHENTICATING)
        return unexpected(g, "authenticate", now);
    sound(g, now);
    if (!t->status) {
        mix_gateway_fail(g, MIX_ERR_GATEWAY_AUTHENTICATION, MIX_REMEDY_REREGISTER, now,
                         "the answer's status is false");
        return MIX_OK;
    }
    if (!agree(g, t->version, now))
        return MIX_OK;
    mix_registration *r = &g->id.registration;
    if (r->version != g->version || strcmp(r->url, g->url) != 0) {
        r->version = g->version;
        memcpy(r->url, g->url, sizeof r->url);
        g->say_store = g->stores;
    }
    g->remaining = t->amount;
    admitted(g, now);
    return MIX_OK;
}

/* ---- bandwidth and packets (§3.11, §3.13) ---- */

/* Also once a day: free bandwidth ends at midnight UTC without a word, and packets would be refused
 * until it is claimed. */
static void claim_if_low(mix_gateway *g, mix_time now) {
    bool low = g->remaining < MIX_GATEWAY_THRESHOLD || today(g) > g->paid_day;
    if (g->state == MIX_GATEWAY_IS_READY && low && g->asked == MIX_ASKED_NOTHING)
        claim(g, now);
}

/* Behind the claim on which a session waits packets may go at once: the gateway reads it first. That
 * saves a round trip at the start. Before it is answered there are few. */
bool mix_session_may_send(mix_gateway *g, size_t cost, mix_time now) {
    if (g->state == MIX_GATEWAY_IS_CLAIMING)
        return g->asked == MIX_ASKED_CLAIM && g->flight < MIX_GATEWAY_EARLY;
    if (g->state != MIX_GATEWAY_IS_READY)
        return false;
    claim_if_low(g, now);
    return g->state == MIX_GATEWAY_IS_READY && g->flight < g->cfg.flight_packets &&
           g->remaining >= (int64_t)cost;
}

static int on_bandwidth(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->asked != MIX_ASKED_CLAIM)
        return unexpected(g, "bandwidth", now);
    sound(g, now);
    g->stats.round_trip = now - g->asked_at;
    g->asked = MIX_ASKED_NOTHING;
    g->remaining = t->amount;
    g->paid_day = today(g);
    g->say_bandwidth = true;
    g->claimed = true;
    if (g->remaining < MIX_GATEWAY_THRESHOLD)
        mix_gateway_fail(g, MIX_ERR_GATEWAY_BANDWIDTH, MIX_REMEDY_REPLACE, now,
                         "%" PRId64 " bytes after a claim", g->remaining);
    else if (g->state == MIX_GATEWAY_IS_CLAIMING)
        ready(g, now);
    return MIX_OK;
}

/* Takes the oldest packet off those that wait for an answer. */
static void settle_packet(mix_gateway *g, mix_time now) {
    sound(g, now);
    g->flight--;
    if (g->asked != MIX_ASKED_NOTHING && g->asked_after > 0)
        g->asked_after--;
}

static int on_sent(mix_gateway *g, const mix_text *t, mix_time now) {
    if (g->flight == 0)
        return unexpected(g, "send for no packet", now);
    settle_packet(g, now);
    g->stats.packets_accepted++;
    g->claimed = false;
    g->vain_claims = g->refused = 0;
    g->remaining = t->amount;
    g->say_bandwidth = true;
    claim_if_low(g, now);
    return MIX_OK;
}

static int on_out_of_bandwidth(mix_gateway *g, const mix_text *t, mix_time now) {
    if (!t->out_of_bandwidth || g->flight == 0)
        return unexpected(g, "typedError for no packet", now);
    settle_packet(g, now);
    g->stats.packets_refused++;
    g->remaining = t->amount < t->required ? t->amount : 0;
    g->say_bandwidth = true;
    if (g->claimed && ++g->vain_claims >= MIX_GATEWAY_VAIN_CLAIMS) {
        mix_gateway_fail(g, MIX_ERR_GATEWAY_BANDWIDTH, MIX_REMEDY_REPLACE, now,
                         "%u packets refused after a claim", g->vain_claims);
        return MIX_OK;
    }
    claim_if_low(g, now);
    return MIX_OK;
}

static void packet_refused(mix_gateway *g, mix_bytes words, mix_time now) {
    mix_refusal r = mix_refusal_find(words);
    settle_packet(g, now);
    g->stats.packets_refused++;
    bool lost_only = r == MIX_REFUSAL_UNKNOWN || mix_refusal_remedy(r) == MIX_REMEDY_NONE;
    if (!lost_only || ++g->refused >= MIX_GATEWAY_NOISE)
        mix_gateway_refused(g, words, now);
    else
        mix_log(g->env, MIX_LOG_WARN, "gateway", "a packet is refused: %.*s",
                (int)(words.len < 120 ? words.len : 120),
                words.len > 0 ? (const char *)words.data : "");
}

/* Errors name no request; but answers come in the order of the requests (§3.2). */
static int on_error(mix_gateway *g, mix_bytes words, mix_time now) {
    if (g->state != MIX_GATEWAY_IS_READY && g->state != MIX_GATEWAY_IS_CLAIMING) {
        mix_gateway_refused(g, words, now);
    } else if (g->asked != MIX_ASKED_NOTHING && g->asked_after == 0) {
        sound(g, now);
        if (g->asked == MIX_ASKED_CLAIM)
            mix_gateway_refused(g, words, now);
        else
            g->asked = MIX_ASKED_NOTHING; /* a refusal is a sign of life too */
    } else if (g->flight > 0) {
        packet_refused(g, words, now);
    } else {
        return unexpected(g, "error for no request", now);
    }
    return MIX_OK;
}

/* ---- messages ---- */

int mix_session_text(mix_gateway *g, mix_bytes message, mix_time now) {
    mix_text t;
    mix_error e = {0};
    bool registering = g->state == MIX_GATEWAY_IS_REGISTERING;
    int sides = MIX_TEXT_RESPONSE | (registering ? MIX_TEXT_HANDSHAKE : 0);
    int status = mix_text_decode(&t, &g->scratch, (mix_text_side)sides, message, &e);
    if (status == MIX_ERR_MEMORY)
        return status;
    if (status != MIX_OK)
        return mix_gateway_nonsense(g, status, now, "%s", e.words);
    switch (t.type) {
    case MIX_TEXT_PROTOCOL:
        return on_protocol(g, &t, now);
    case MIX_TEXT_PAYLOAD:
        return on_payload(g, &t, now);
    case MIX_TEXT_REGISTERED:
        return on_registered(g, &t, now);
    case MIX_TEXT_AUTHENTICATED:
        return on_authenticated(g, &t, now);
    case MIX_TEXT_BANDWIDTH:
        return on_bandwidth(g, &t, now);
    case MIX_TEXT_SENT:
        return on_sent(g, &t, now);
    case MIX_TEXT_TYPED_ERROR:
        return on_out_of_bandwidth(g, &t, now);
    case MIX_TEXT_ERROR:
    case MIX_TEXT_FAILURE:
        return on_error(g, t.text, now);
    default:
        return unexpected(g, mix_text_name(t.type), now);
    }
}

/* The key with which the gateway seals now: what it pushes may come before its answer to
 * authentication or registration. */
static const uint8_t *key_now(const mix_gateway *g) {
    if (g->state == MIX_GATEWAY_IS_REGISTERING)
        return g->step >= 4 ? g->handshake.key : NULL;
    return g->state >= MIX_GATEWAY_IS_AUTHENTICATING && mix_session_has_key(g)
               ? g->id.registration.shared_key
               : NULL;
}

int mix_session_frame(mix_gateway *g, mix_bytes message, mix_time now) {
    mix_gateway_frame f;
    const uint8_t *key = key_now(g);
    if (!key)
        return unexpected(g, "a binary message", now);
    if (message.len > MIX_GATEWAY_BINARY_MAX)
        return mix_gateway_nonsense(g, MIX_ERR_GATEWAY_LONG, now, "a binary message of %zu bytes",
                                    message.len);
    int status = mix_gateway_frame_decode(&f, MIX_TEXT_RESPONSE, message);
    /* The protocol knows frames without a seal, but nobody sends them, and on ws:// anybody on the
     * way could. */
    if (status == MIX_OK && !f.sealed)
        status = MIX_ERR_GATEWAY_PLAINTEXT;
    if (status != MIX_OK)
        return mix_gateway_nonsense(g, status, now, "a binary message of %zu bytes", message.len);
    mix_buf_truncate(&g->plain, 0);
    status = mix_gateway_frame_open(&g->plain, g->cfg.crypto, key, &f);
    if (status == MIX_ERR_AEAD)
        return mix_gateway_nonsense(g, status, now, "a binary message of %zu bytes", message.len);
    if (status == MIX_OK)
        status = mix_queue_push(&g->pushed, mix_buf_bytes(&g->plain), 0);
    if (status != MIX_OK)
        return status;
    g->stats.pushed++;
    g->heard_at = now;
    if (g->state != MIX_GATEWAY_IS_READY && g->state != MIX_GATEWAY_IS_CLAIMING)
        g->alarm = alarm_after(g, g->cfg.answer_timeout,
                               now); /* what was stored for us comes first, and may be much */
    return MIX_OK;
}

void mix_session_ask_alive(mix_gateway *g, mix_time now) {
    g->answered_at = now;
    g->asked = MIX_ASKED_ALIVE;
    g->asked_at = now;
    g->asked_after = g->flight;
    (void)say(g, &(mix_text){.type = MIX_TEXT_ASK_PROTOCOL}, now);
}

void mix_session_forget_us(mix_gateway *g) {
    mix_buf plain = {0};
    mix_buf_truncate(&g->text, 0);
    g->text_link = g->close_link;
    if (mix_inner_encode(&plain, &(mix_inner){.type = MIX_INNER_FORGET_ME, .client = true}) ==
        MIX_OK)
        (void)mix_text_seal(&g->text, g->cfg.crypto, g->env, g->id.registration.shared_key,
                            MIX_TEXT_SEALED_REQUEST, mix_buf_bytes(&plain));
    mix_buf_deinit(&plain);
}
