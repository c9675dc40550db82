/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway of tests: as short as 3-gateway.md allows. */
#include "gateway/peer_testing.h"

#include "alloc_fail.h"
#include "mix/errors.h"

#include <stdlib.h>
#include <string.h>

void peer_init(peer *p, mix_crypto *crypto, mix_test_env *env, uint8_t number) {
    *p = (peer){.crypto = crypto, .env = env, .version = 6, .gift = (int64_t)64 << 30};
    memset(p->seed, number, sizeof p->seed);
    assert_status(mix_ed25519_public(crypto, p->identity, p->seed), MIX_OK);
    mix_queue_init(&p->out, 4096, 16 << 20);
}

void peer_deinit(peer *p) {
    mix_queue_deinit(&p->out);
}

void peer_connect(peer *p) {
    mix_queue_deinit(&p->out);
    p->authenticated = p->drop = false;
    p->step = 0;
}

void peer_say_raw(peer *p, const char *text) {
    assert_status(mix_queue_push(&p->out, mix_bytes_str(text), 0), MIX_OK);
}

void peer_say(peer *p, const mix_text *t) {
    mix_buf out = {0};
    assert_status(mix_text_encode(&out, t), MIX_OK);
    assert_status(mix_queue_push(&p->out, mix_buf_bytes(&out), 0), MIX_OK);
    mix_buf_deinit(&out);
}

void peer_push(peer *p, mix_bytes message) {
    mix_buf out = {0};
    assert_status(mix_gateway_frame_seal(&out, p->crypto, &p->env->env, p->key, MIX_FRAME_PUSHED,
                                         message, (mix_bytes){0}),
                  MIX_OK);
    assert_status(mix_queue_push(&p->out, mix_buf_bytes(&out), 1), MIX_OK);
    mix_buf_deinit(&out);
}

static void refuse(peer *p, const char *text, int times) {
    for (int i = 0; i < times; i++)
        peer_say(p, &(mix_text){.type = MIX_TEXT_ERROR, .text = mix_bytes_str(text)});
    p->drop = true;
}

static void push_stored(peer *p) {
    static const uint8_t ack[21] = {1};
    for (; p->stored > 0; p->stored--)
        peer_push(p, MIX_BYTES(ack));
}

static uint8_t version_for(const peer *p, uint8_t proposed) {
    if (p->answer_version)
        return p->answer_version;
    return proposed < p->version ? proposed : p->version;
}

/* Message 1 or 3 of the handshake. */
static void handshake(peer *p, const mix_text *t) {
    uint8_t other[MIX_KEY_LEN] = {99};
    mix_buf out = {0};
    int status = MIX_OK;
    if (p->step == 0)
        status = mix_handshake_accept(&p->handshake, &out, p->crypto, &p->env->env,
                                      p->wrong_identity ? other : p->seed, t->data);
    else
        status = mix_handshake_finish(&p->handshake, &out, p->crypto, t->data);
    assert_status(status, MIX_OK);
    uint8_t version = version_for(p, t->version);
    peer_say(
        p, &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = version, .data = mix_buf_bytes(&out)});
    mix_buf_deinit(&out);
    if (p->step++ == 0)
        return;
    p->registered = p->authenticated = true;
    p->registrations++;
    memcpy(p->client, p->handshake.peer_identity, MIX_KEY_LEN);
    memcpy(p->key, p->handshake.key, MIX_KEY_LEN);
    push_stored(p);
    peer_say(p, &(mix_text){
                    .type = MIX_TEXT_REGISTERED, .version = version, .status = !p->status_false});
}

/* The checks of §3.7 that a client can meet. */
static void authenticate(peer *p, const mix_text *t) {
    uint64_t now = (uint64_t)(p->env->wall / 1000000 + p->clock_skew);
    mix_buf words = {0};
    p->authentications++;
    if (t->version > p->version) {
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_VERSION));
        mix_buf_put_str(&words, "x and the client reports y");
    } else if (t->timestamp > now + 120 || t->timestamp + 120 < now) {
        assert_status(mix_refusal_clock_encode(&words, t->timestamp, (int64_t)now * 1000000 + 345),
                      MIX_OK);
    } else if (mix_authenticate_check_signature(p->crypto, t) != MIX_OK) {
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_SIGNATURE));
    } else if (!p->registered || memcmp(p->client, t->identity, MIX_KEY_LEN) != 0) {
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_NOT_REGISTERED));
    } else if (mix_authenticate_check_key(p->crypto, t, p->key) != MIX_OK) {
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_ADDRESS));
    } else if (t->timestamp <= p->last_timestamp) {
        mix_buf_put_str(&words, mix_refusal_text(MIX_REFUSAL_REUSE));
    }
    if (words.len > 0) {
        mix_buf_put_u8(&words, 0);
        refuse(p, (const char *)words.data, 2);
        mix_buf_deinit(&words);
        return;
    }
    p->last_timestamp = t->timestamp;
    p->authenticated = true;
    push_stored(p);
    peer_say(p, &(mix_text){.type = MIX_TEXT_AUTHENTICATED,
                            .version = p->answer_version ? p->answer_version : t->version,
                            .status = !p->status_false,
                            .amount = p->balance});
}

static void claim(peer *p) {
    p->claims++;
    if (p->paid_only) {
        peer_say(
            p, &(mix_text){.type = MIX_TEXT_ERROR,
                           .text = mix_bytes_str(mix_refusal_text(MIX_REFUSAL_NO_FREE_BANDWIDTH))});
        return;
    }
    p->balance += p->gift;
    peer_say(p, &(mix_text){.type = MIX_TEXT_BANDWIDTH, .amount = p->balance});
}

static void sealed_request(peer *p, const mix_text *t) {
    mix_buf plain = {0};
    mix_inner inner;
    assert_status(mix_text_open(&plain, p->crypto, p->key, t), MIX_OK);
    assert_status(mix_inner_decode(&inner, MIX_TEXT_REQUEST, mix_buf_bytes(&plain), NULL), MIX_OK);
    mix_buf_deinit(&plain);
    assert_true(inner.type == MIX_INNER_FORGET_ME && inner.client);
    p->forgotten++;
    p->registered = false;
}

static void take_text(peer *p, mix_bytes message) {
    mix_buf scratch = {0};
    mix_text t;
    mix_text_side side = p->step == 1 ? MIX_TEXT_HANDSHAKE : MIX_TEXT_REQUEST;
    assert_status(mix_text_decode(&t, &scratch, side, message, NULL), MIX_OK);
    bool first = !p->authenticated && p->step == 0 && t.type != MIX_TEXT_ASK_PROTOCOL;
    if (first && p->refuse_with) {
        refuse(p, p->refuse_with, 2);
    } else if (t.type == MIX_TEXT_ASK_PROTOCOL) {
        p->asked_version++;
        peer_say(p, &(mix_text){.type = MIX_TEXT_PROTOCOL, .version = p->version});
    } else if (t.type == MIX_TEXT_FAILURE) {
        p->failures++;
        snprintf(p->last_failure, sizeof p->last_failure, "%.*s", (int)t.text.len,
                 (const char *)t.text.data);
    } else if ((t.type == MIX_TEXT_REGISTER || t.type == MIX_TEXT_PAYLOAD) && !p->authenticated) {
        handshake(p, &t);
    } else if (t.type == MIX_TEXT_AUTHENTICATE && !p->authenticated) {
        authenticate(p, &t);
    } else if (t.type == MIX_TEXT_CLAIM && p->authenticated) {
        claim(p);
    } else if (t.type == MIX_TEXT_SEALED_REQUEST && p->authenticated) {
        sealed_request(p, &t);
    } else {
        fail_msg("%s is out of place", mix_text_name(t.type));
    }
    mix_buf_deinit(&scratch);
}

static void take_packet(peer *p, mix_bytes message) {
    mix_gateway_frame f;
    mix_buf plain = {0};
    assert_true(p->authenticated);
    assert_status(mix_gateway_frame_decode(&f, MIX_TEXT_REQUEST, message), MIX_OK);
    assert_status(mix_gateway_frame_open(&plain, p->crypto, p->key, &f), MIX_OK);
    int64_t cost = (int64_t)plain.len - 7 - (f.kind == MIX_FRAME_PACKET_V1 ? 1 : 2);
    p->last_kind = f.kind;
    p->last_packet = plain.len;
    mix_buf_deinit(&plain);
    if (p->balance < cost) {
        peer_say(p, &(mix_text){.type = MIX_TEXT_TYPED_ERROR,
                                .out_of_bandwidth = true,
                                .required = cost,
                                .amount = p->balance});
        return;
    }
    p->balance -= cost;
    p->packets++;
    peer_say(p, &(mix_text){.type = MIX_TEXT_SENT, .amount = p->balance});
}

void peer_take(peer *p, bool binary, mix_bytes message) {
    if (p->mute || p->drop || (p->silent_after_ready && p->authenticated))
        return;
    if (binary)
        take_packet(p, message);
    else
        take_text(p, message);
}

/* ---- a session with it ---- */

void world_init(world *w, uint64_t seed) {
    *w = (world){.now = MIX_SECONDS(1000)};
    mix_test_env_init(&w->env, seed);
    assert_status(mix_crypto_new(&w->crypto), MIX_OK);
    peer_init(&w->peer, w->crypto, &w->env, 1);
    assert_status(mix_identity_new(&w->identity, w->crypto, &w->env.env), MIX_OK);
    mix_gateway_config_init(&w->cfg);
    w->cfg.crypto = w->crypto;
    w->cfg.identity = &w->identity;
    w->cfg.vault = &w->vault;
    world_new_gateway(w);
}

void world_new_gateway(world *w) {
    mix_gateway_free(w->g);
    w->g = NULL;
    w->linked = false;
    assert_status(mix_gateway_new(&w->g, &w->cfg, &w->env.env), MIX_OK);
}

void world_another_run(world *w) {
    assert_status(mix_identity_open(&w->identity, &w->vault, w->crypto, mix_buf_bytes(&w->stored),
                                    (mix_bytes){0}, NULL),
                  MIX_OK);
    world_new_gateway(w);
}

void world_deinit(world *w) {
    mix_gateway_free(w->g);
    peer_deinit(&w->peer);
    mix_buf_deinit(&w->stored);
    mix_buf_deinit(&w->last_text);
    mix_crypto_free(w->crypto);
}

/* Around each call of the session, so that the peer's own memory never fails. */
static void enter(world *w) {
    mix_alloc_fail_at(w->fail_after, 0);
}
static void leave(world *w) {
    size_t used = mix_alloc_count();
    w->fail_after = used < w->fail_after ? w->fail_after - used : 0;
    mix_alloc_fail_at(0, 0);
}
static int next(world *w, mix_gateway_event *ev) {
    enter(w);
    int status = mix_gateway_next(w->g, ev);
    leave(w);
    return status;
}
static void close_link(world *w, uint32_t link, const char *why) {
    enter(w);
    mix_gateway_closed(w->g, link, 1006, why, w->now);
    leave(w);
}

static void see(world *w) {
    mix_gateway_event ev;
    int status;
    while ((status = next(w, &ev)) == MIX_OK) {
        if (ev.error)
            w->seen.error = *ev.error;
        w->seen.lost += ev.kind == MIX_GATEWAY_LOST;
        w->seen.wanted += ev.kind == MIX_GATEWAY_WANTED;
        w->seen.failed += ev.kind == MIX_GATEWAY_FAILED;
        w->seen.state += ev.kind == MIX_GATEWAY_STATE;
        w->seen.bandwidth += ev.kind == MIX_GATEWAY_BANDWIDTH;
        w->seen.remaining = ev.remaining;
        if (ev.kind == MIX_GATEWAY_READY) {
            w->seen.ready++;
            w->seen.registered = ev.registered;
        } else if (ev.kind == MIX_GATEWAY_STORE) {
            w->seen.store++;
            assert_string_equal(ev.store.name, MIX_STORE_IDENTITY);
            mix_buf_truncate(&w->stored, 0);
            mix_buf_put(&w->stored, ev.store.data, ev.store.len);
        } else if (ev.kind == MIX_GATEWAY_PUSHED) {
            w->seen.pushed++;
            w->seen.pushed_bytes += ev.bytes.len;
        }
    }
    if (status != MIX_DONE)
        assert_status(status, MIX_ERR_MEMORY); /* tests that make it fail ask again */
}

static void obey(world *w, const mix_gateway_order *order, mix_bytes bytes) {
    switch (order->act) {
    case MIX_GATEWAY_CONNECT:
        assert_false(w->linked);
        w->link = order->link;
        if (w->peer.refuse_connections) {
            close_link(w, order->link, "connection refused");
            return;
        }
        w->linked = true;
        peer_connect(&w->peer);
        enter(w);
        mix_gateway_opened(w->g, order->link, w->now);
        leave(w);
        return;
    case MIX_GATEWAY_CLOSE:
        assert_true(w->linked && order->link == w->link);
        w->linked = false;
        return;
    case MIX_GATEWAY_SEND_TEXT:
    case MIX_GATEWAY_SEND_BINARY:
        assert_true(w->linked && order->link == w->link);
        if (order->act == MIX_GATEWAY_SEND_TEXT) {
            mix_buf_truncate(&w->last_text, 0);
            mix_buf_put_bytes(&w->last_text, bytes);
            w->texts++;
        }
        peer_take(&w->peer, order->act == MIX_GATEWAY_SEND_BINARY, bytes);
        return;
    }
    fail_msg("an unknown order %d", (int)order->act);
}

/* One order or one message of the peer; false when there is neither. */
static bool move(world *w) {
    mix_gateway_order order;
    mix_buf out = {0};
    enter(w);
    int status = mix_gateway_drain(w->g, &order, &out, w->now);
    leave(w);
    if (status == MIX_OK)
        obey(w, &order, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
    if (status == MIX_OK || status == MIX_ERR_MEMORY)
        return true;
    mix_bytes message;
    uint64_t binary;
    if (!w->linked)
        return false;
    if (mix_queue_peek(&w->peer.out, &message, &binary)) {
        enter(w);
        status = mix_gateway_feed(w->g, w->link, binary != 0, message, w->now);
        leave(w);
        w->refused = status < 0 ? status : w->refused;
        if (status != MIX_BLOCKED)
            mix_queue_pop(&w->peer.out);
        return true;
    }
    if (!w->peer.drop)
        return false;
    w->linked = false;
    close_link(w, w->link, NULL);
    return true;
}

void world_settle(world *w) {
    for (int steps = 0; move(w); steps++) {
        see(w);
        if (steps > 100000)
            fail_msg("the session and its gateway never come to rest");
    }
    see(w);
}

void world_until(world *w, mix_gateway_state state) {
    mix_time end = w->now + MIX_SECONDS(3600);
    world_settle(w);
    while (mix_gateway_state_of(w->g) != state) {
        mix_time at = mix_gateway_deadline(w->g);
        if (at > end)
            fail_msg("%s, and never %s", mix_gateway_state_name(mix_gateway_state_of(w->g)),
                     mix_gateway_state_name(state));
        world_pass(w, at > w->now ? at - w->now : 0);
    }
}

void world_pass(world *w, mix_time span) {
    mix_time end = w->now + span;
    world_settle(w);
    for (;;) {
        mix_time at = mix_gateway_deadline(w->g);
        bool due = at <= end;
        at = due ? at : end;
        w->env.wall += at > w->now ? at - w->now : 0;
        w->now = at > w->now ? at : w->now;
        if (!due)
            return;
        enter(w);
        mix_gateway_tick(w->g, w->now);
        leave(w);
        world_settle(w);
        assert_true(mix_gateway_deadline(w->g) > w->now); /* else it would spin */
    }
}

void world_ready(world *w, uint64_t seed) {
    world_init(w, seed);
    assert_status(mix_gateway_choose(w->g, w->peer.identity,
                                     mix_bytes_str("wss://gateway.example:9001/"), w->now),
                  MIX_OK);
    assert_status(mix_gateway_start(w->g, w->now), MIX_OK);
    world_until(w, MIX_GATEWAY_IS_READY);
    memset(&w->seen, 0, sizeof w->seen);
}

mix_bytes world_packet(uint8_t storage[static 2422], size_t cost, uint8_t fill) {
    memset(storage, fill, 2422);
    memcpy(storage, "\0\2\4\6\xfd\x7f\0\0\1", 9);
    return mix_bytes_of(storage, 9 + cost);
}
