/* SPDX-License-Identifier: Apache-2.0 */
/* The session's ports: what the layers above and the host below call. */
#include "gateway/gateway.h"

#include "base/alloc.h"
#include "gateway/internal.h"

#include <assert.h>

void mix_gateway_config_init(mix_gateway_config *cfg) {
    *cfg = (mix_gateway_config){
        .queue_packets = 32,
        .flight_packets = 256,
        .pushed_items = 256,
        .pushed_bytes = 1 << 20,
        .connect_timeout = MIX_SECONDS(10),
        .handshake_timeout = MIX_SECONDS(5),
        .answer_timeout = MIX_SECONDS(15),
        .setup_timeout = MIX_SECONDS(60),
        .keepalive = MIX_SECONDS(25),
        .pause_first = MIX_MS(500),
        .pause_longest = MIX_SECONDS(30),
        .good_session = MIX_SECONDS(30),
        .tries_new = 3,
        .tries_known = 8,
        .tries_stored = 4,
        .replacements = 5,
    };
}

static bool config_ok(const mix_gateway_config *c) {
    const mix_time times[] = {c->connect_timeout, c->handshake_timeout, c->answer_timeout,
                              c->setup_timeout,   c->keepalive,         c->pause_first,
                              c->pause_longest,   c->good_session};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (times[i] <= 0 || times[i] > MIX_SECONDS(86400))
            return false;
    }
    return c->crypto && c->identity && c->queue_packets > 0 && c->queue_packets <= 65536 &&
           c->flight_packets > 0 && c->pushed_items > 0 && c->pushed_bytes > 0 &&
           c->tries_new > 0 && c->tries_known > 0 && c->tries_stored > 0;
}

int mix_gateway_new(mix_gateway **out, const mix_gateway_config *cfg, const mix_env *env) {
    if (!config_ok(cfg))
        return MIX_ERR_ARGUMENT;
    mix_gateway *g = mix_alloc_zero(1, sizeof *g);
    if (!g)
        return MIX_ERR_MEMORY;
    g->env = env;
    g->cfg = *cfg;
    g->id = *cfg->identity;
    g->stores = cfg->vault != NULL;
    if (g->stores)
        g->vault = *cfg->vault;
    g->cfg.identity = NULL; /* they may be gone when we return */
    g->cfg.vault = NULL;
    mix_queue_init(&g->queue, cfg->queue_packets, cfg->queue_packets * MIX_GATEWAY_BINARY_MAX);
    mix_queue_init(&g->pushed, cfg->pushed_items, cfg->pushed_bytes);
    *out = g;
    return MIX_OK;
}

void mix_gateway_free(mix_gateway *g) {
    if (!g)
        return;
    mix_queue_deinit(&g->queue);
    mix_queue_deinit(&g->pushed);
    mix_buf_deinit_wiped(&g->text);
    mix_buf_deinit_wiped(&g->scratch);
    mix_buf_deinit_wiped(&g->plain);
    mix_buf_deinit_wiped(&g->store);
    mix_free_wiped(g, sizeof *g);
}

/* ---- life ---- */

static void take_gateway(mix_gateway *g, const uint8_t *identity, mix_bytes url) {
    g->chosen = true;
    memcpy(g->gateway, identity, MIX_KEY_LEN);
    memset(g->url, 0, sizeof g->url);
    memcpy(g->url, url.data, url.len);
}

int mix_gateway_start(mix_gateway *g, mix_time now) {
    if (g->state != MIX_GATEWAY_IS_STOPPED && g->state != MIX_GATEWAY_IS_FAILED)
        return MIX_ERR_STATE;
    const mix_registration *r = &g->id.registration;
    g->tries = g->replaced = 0;
    g->reregistered = g->clock_corrected = g->answered = false;
    g->say_failed = g->say_lost = false;
    if (!g->chosen && r->present)
        take_gateway(g, r->gateway, mix_bytes_str(r->url));
    if (g->chosen) {
        mix_gateway_dial(g, now);
        return MIX_OK;
    }
    (void)mix_error_note(&g->verdict, MIX_ERR_GATEWAY_NONE, "gateway", 0, "none is registered");
    g->say_wanted = true;
    mix_gateway_enter(g, MIX_GATEWAY_IS_CHOOSING, MIX_NEVER);
    return MIX_OK;
}

int mix_gateway_choose(mix_gateway *g, const uint8_t identity[static MIX_KEY_LEN], mix_bytes url,
                       mix_time now) {
    if (!mix_gateway_url_ok(url))
        return MIX_ERR_GATEWAY_URL;
    if (!mix_ed25519_is_point(identity))
        return MIX_ERR_KEY;
    if (g->chosen && memcmp(g->gateway, identity, MIX_KEY_LEN) == 0) {
        take_gateway(g, identity, url);
        return MIX_OK;
    }
    mix_gateway_hang_up(g);
    mix_queue_deinit(&g->queue);
    take_gateway(g, identity, url);
    g->version = 0;
    g->tries = 0;
    g->reregistered = g->clock_corrected = false;
    g->clock_offset = g->clock_ahead = g->last_timestamp = 0;
    g->remaining = 0;
    g->say_wanted = g->say_failed = false;
    if (g->state == MIX_GATEWAY_IS_FAILED)
        g->replaced = 0;
    if (g->state != MIX_GATEWAY_IS_STOPPED)
        mix_gateway_dial(g, now);
    return MIX_OK;
}

void mix_gateway_stop(mix_gateway *g, bool forget, mix_time now) {
    (void)now;
    bool tell = forget && g->state == MIX_GATEWAY_IS_READY;
    mix_gateway_hang_up(g);
    mix_queue_deinit(&g->queue);
    if (tell)
        mix_session_forget_us(g);
    if (forget && g->id.registration.present) {
        mix_wipe(&g->id.registration, sizeof g->id.registration);
        g->say_store = g->stores;
    }
    g->say_lost = g->say_wanted = g->say_failed = false;
    mix_gateway_enter(g, MIX_GATEWAY_IS_STOPPED, MIX_NEVER);
}

void mix_gateway_nudge(mix_gateway *g, mix_time now) {
    g->tries = 0;
    if (g->state == MIX_GATEWAY_IS_PAUSING)
        mix_gateway_dial(g, now);
}

/* ---- above ---- */

int mix_gateway_write(mix_gateway *g, mix_bytes packet, mix_time now) {
    (void)now;
    if (mix_packet_cost(packet) == 0)
        return MIX_ERR_GATEWAY_PACKET;
    if (!g->chosen || g->state == MIX_GATEWAY_IS_STOPPED)
        return MIX_ERR_STATE;
    return mix_queue_push(&g->queue, packet, 0);
}

size_t mix_gateway_room(const mix_gateway *g) {
    return mix_queue_room(&g->queue);
}

size_t mix_gateway_backlog(const mix_gateway *g) {
    return g->queue.items;
}

static bool give(mix_gateway_event *ev, bool *waits, mix_gateway_event_kind kind) {
    if (!*waits)
        return false;
    *waits = false;
    ev->kind = kind;
    return true;
}

static int give_store(mix_gateway *g, mix_gateway_event *ev) {
    int status = mix_identity_seal(&g->store, g->cfg.crypto, g->env, &g->vault, &g->id);
    if (status != MIX_OK)
        return status;
    g->say_store = false;
    ev->kind = MIX_GATEWAY_STORE;
    ev->bytes = mix_buf_bytes(&g->store);
    ev->store =
        (mix_store_change){.name = MIX_STORE_IDENTITY, .data = g->store.data, .len = g->store.len};
    return MIX_OK;
}

static int give_pushed(mix_gateway *g, mix_gateway_event *ev) {
    if (!mix_queue_peek(&g->pushed, &ev->bytes, NULL))
        return MIX_DONE;
    g->pushed_given = true;
    ev->kind = MIX_GATEWAY_PUSHED;
    return MIX_OK;
}

int mix_gateway_next(mix_gateway *g, mix_gateway_event *ev) {
    if (g->pushed_given)
        mix_queue_pop(&g->pushed);
    g->pushed_given = false;
    mix_buf_deinit_wiped(&g->store);
    *ev = (mix_gateway_event){
        .state = g->state, .remaining = g->remaining, .registered = g->registered};
    if (give(ev, &g->say_lost, MIX_GATEWAY_LOST)) {
        ev->error = &g->lost;
        return MIX_OK;
    }
    if (give(ev, &g->say_wanted, MIX_GATEWAY_WANTED) ||
        give(ev, &g->say_failed, MIX_GATEWAY_FAILED)) {
        ev->error = &g->verdict;
        return MIX_OK;
    }
    if (give(ev, &g->say_ready, MIX_GATEWAY_READY))
        return MIX_OK;
    if (g->say_store)
        return give_store(g, ev);
    if (give(ev, &g->say_state, MIX_GATEWAY_STATE) ||
        give(ev, &g->say_bandwidth, MIX_GATEWAY_BANDWIDTH))
        return MIX_OK;
    return give_pushed(g, ev);
}

/* ---- below ---- */

static int order_of(mix_gateway_order *order, mix_gateway_act act, uint32_t link) {
    *order = (mix_gateway_order){.act = act, .link = link};
    return MIX_OK;
}

/* Appends all or nothing. */
static int put(mix_buf *out, mix_bytes bytes) {
    size_t mark = out->len;
    mix_buf_put_bytes(out, bytes);
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static int drain_packet(mix_gateway *g, mix_buf *out, mix_bytes packet, mix_time now) {
    mix_bytes front = {0}, rest = packet;
    uint8_t kind = MIX_FRAME_PACKET_V2;
    if (g->version < MIX_GATEWAY_VERSION_ROTATION) {
        kind = MIX_FRAME_PACKET_V1;
        mix_packet_without_rotation(&front, &rest, packet);
    }
    int status = mix_gateway_frame_seal(out, g->cfg.crypto, g->env, g->id.registration.shared_key,
                                        kind, front, rest);
    if (status != MIX_OK)
        return status;
    if (!mix_session_waits(g))
        g->answered_at = now;
    g->flight++;
    g->stats.packets_sent++;
    mix_queue_pop(&g->queue);
    return MIX_OK;
}

int mix_gateway_drain(mix_gateway *g, mix_gateway_order *order, mix_buf *out, mix_time now) {
    mix_bytes packet;
    bool send = g->link_up && mix_queue_peek(&g->queue, &packet, NULL) &&
                mix_session_may_send(g, mix_packet_cost(packet), now);
    bool live =
        (g->link_up && g->text_link == g->link) || (g->close_due && g->text_link == g->close_link);
    if (g->text.len > 0 && live) {
        int status = put(out, mix_buf_bytes(&g->text));
        if (status != MIX_OK)
            return status;
        mix_buf_truncate(&g->text, 0);
        return order_of(order, MIX_GATEWAY_SEND_TEXT, g->text_link);
    }
    if (g->close_due) {
        g->close_due = false;
        return order_of(order, MIX_GATEWAY_CLOSE, g->close_link);
    }
    if (g->connect_due) {
        int status = put(out, mix_bytes_str(g->url));
        if (status != MIX_OK)
            return status;
        g->connect_due = false;
        g->link_known = true;
        return order_of(order, MIX_GATEWAY_CONNECT, g->link);
    }
    if (!send)
        return MIX_DONE;
    int status = drain_packet(g, out, packet, now);
    return status == MIX_OK ? order_of(order, MIX_GATEWAY_SEND_BINARY, g->link) : status;
}

static bool is_present(const mix_gateway *g, uint32_t link) {
    return g->link_known && link == g->link;
}

void mix_gateway_opened(mix_gateway *g, uint32_t link, mix_time now) {
    if (!is_present(g, link) || g->state != MIX_GATEWAY_IS_CONNECTING)
        return;
    g->link_up = true;
    mix_session_begin(g, now);
}

int mix_gateway_feed(mix_gateway *g, uint32_t link, bool binary, mix_bytes message, mix_time now) {
    if (!is_present(g, link))
        return MIX_OK;
    if (!g->link_up)
        return mix_gateway_nonsense(g, MIX_ERR_GATEWAY_UNEXPECTED, now,
                                    "a message before the connection is open");
    g->answered = true;
    return binary ? mix_session_frame(g, message, now) : mix_session_text(g, message, now);
}

void mix_gateway_closed(mix_gateway *g, uint32_t link, int number, const char *why, mix_time now) {
    if (!is_present(g, link))
        return;
    bool up = g->link_up;
    g->link_known = g->link_up = false; /* there is nothing left to close */
    g->failure_number = number;
    mix_gateway_fail(g, up ? MIX_ERR_GATEWAY_CLOSED : MIX_ERR_GATEWAY_CONNECT, MIX_REMEDY_RECONNECT,
                     now, "%s (%d)", why && *why ? why : "no reason given", number);
}

/* ---- time ---- */

mix_time mix_gateway_deadline(const mix_gateway *g) {
    if (g->state != MIX_GATEWAY_IS_READY)
        return g->alarm == 0 ? MIX_NEVER : g->alarm;
    return mix_session_waits(g) ? g->answered_at + g->cfg.answer_timeout
                                : g->heard_at + g->cfg.keepalive;
}

void mix_gateway_tick(mix_gateway *g, mix_time now) {
    if (now < mix_gateway_deadline(g))
        return;
    if (g->state == MIX_GATEWAY_IS_PAUSING)
        mix_gateway_dial(g, now);
    else if (g->state == MIX_GATEWAY_IS_CONNECTING)
        mix_gateway_fail(g, MIX_ERR_GATEWAY_CONNECT, MIX_REMEDY_RECONNECT, now, "not within %d s",
                         (int)(g->cfg.connect_timeout / MIX_SECONDS(1)));
    else if (g->state == MIX_GATEWAY_IS_READY && !mix_session_waits(g))
        mix_session_ask_alive(g, now);
    else if (g->state == MIX_GATEWAY_IS_READY)
        mix_gateway_fail(g, MIX_ERR_GATEWAY_TIMEOUT, MIX_REMEDY_RECONNECT, now,
                         "%zu packets without an answer", g->flight);
    else
        mix_gateway_fail(g, MIX_ERR_GATEWAY_TIMEOUT, MIX_REMEDY_RECONNECT, now, "%s",
                         mix_gateway_state_name(g->state));
}

/* ---- looking in ---- */

mix_gateway_state mix_gateway_state_of(const mix_gateway *g) {
    return g->state;
}

const char *mix_gateway_state_name(mix_gateway_state s) {
    static const char *const names[] = {"stopped", "choosing",    "pausing",        "connecting",
                                        "asking",  "registering", "authenticating", "claiming",
                                        "ready",   "failed"};
    return s < sizeof names / sizeof *names ? names[s] : "unknown";
}

const mix_identity *mix_gateway_identity(const mix_gateway *g) {
    return &g->id;
}

const mix_error *mix_gateway_error(const mix_gateway *g) {
    return &g->error;
}

void mix_gateway_stats_get(const mix_gateway *g, mix_gateway_stats *out) {
    *out = g->stats;
    out->in_flight = g->flight;
}
