/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the tunnel, and the ports to the host. */
#include "tunnel/internal.h"

#include "base/alloc.h"
#include "base/text.h"
#include "traffic/rehearsal.h"

#include <stdio.h>

#define EXIT_TIMEOUT MIX_SECONDS(10)
#define CONNECT_TIMEOUT MIX_SECONDS(60)
#define SETUP_TIMEOUT MIX_SECONDS(180)
#define GOODBYE MIX_MS(500)
#define DOUBT MIX_SECONDS(3) /* a setup that begins with what is stored is mostly over by then */
#define AGAIN MIX_MS(100)    /* after a failure of our own */

enum { DOWN_PACKETS = 1024, DOWN_BYTES = 1 << 20 };

static const char *const main_network[] = {"https://validator.nymtech.net/api/"};

/* ---- birth ---- */

static int read_urls(mix_tunnel *t, mix_error *e) {
    const char *const *urls = t->cfg.directories;
    size_t count = t->cfg.directory_count;
    if (count == 0) {
        urls = main_network;
        count = 1;
    }
    if (count > MIX_DIRECTORY_URLS_MAX)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", (int64_t)count,
                              "%zu directories, %d are the most", count, MIX_DIRECTORY_URLS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(urls[i]);
        bool http = strncmp(urls[i], "https://", 8) == 0 || strncmp(urls[i], "http://", 7) == 0;
        if (!http || len > MIX_DIRECTORY_URL_LEN_MAX)
            return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0,
                                  "'%.100s' is no directory: a URL by http(s) is needed", urls[i]);
        t->urls[i] = mix_alloc(len + 1);
        if (!t->urls[i])
            return mix_error_note(e, MIX_ERR_MEMORY, "tunnel", 0, "no memory");
        memcpy(t->urls[i], urls[i], len + 1);
        t->url_count = i + 1;
    }
    return MIX_OK;
}

static int read_choices(mix_tunnel *t, mix_error *e) {
    int status = MIX_OK;
    t->has_gateway = t->cfg.gateway != NULL;
    t->has_exit = t->cfg.exit != NULL;
    if (t->has_gateway) {
        status = mix_base58_decode_exact(t->preferred_gateway, MIX_KEY_LEN,
                                         mix_bytes_str(t->cfg.gateway));
        if (status == MIX_OK && !mix_ed25519_is_point(t->preferred_gateway))
            status = MIX_ERR_KEY;
        if (status != MIX_OK)
            return mix_error_note(e, status, "tunnel", 0, "the gateway '%.60s': %s", t->cfg.gateway,
                                  mix_error_text(status));
    }
    if (t->has_exit)
        status = mix_recipient_parse(&t->preferred_exit, mix_bytes_str(t->cfg.exit));
    if (status != MIX_OK)
        return mix_error_note(e, status, "tunnel", 0, "the exit '%.60s': %s", t->cfg.exit,
                              mix_error_text(status));
    return MIX_OK;
}

static int read_times(mix_tunnel *t, mix_error *e) {
    const struct {
        mix_time *value, usual;
        const char *name;
    } times[] = {{&t->cfg.exit_timeout, EXIT_TIMEOUT, "exit_timeout"},
                 {&t->cfg.connect_timeout, CONNECT_TIMEOUT, "connect_timeout"},
                 {&t->cfg.setup_timeout, SETUP_TIMEOUT, "setup_timeout"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (*times[i].value < 0 || *times[i].value > MIX_SECONDS(86400))
            return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0, "%s is out of its range",
                                  times[i].name);
        if (*times[i].value == 0)
            *times[i].value = times[i].usual;
    }
    return MIX_OK;
}

/* The gateway's session lives as long as the tunnel: it knows where we are registered. */
static int make_gateway(mix_tunnel *t, mix_error *e) {
    mix_identity identity;
    mix_vault *vault = &t->vault;
    mix_gateway_config cfg;
    const char *words = t->cfg.passphrase;
    mix_bytes passphrase = words ? mix_bytes_of(words, strlen(words)) : (mix_bytes){0};
    int status;
    if (t->cfg.identity)
        status =
            mix_identity_open(&identity, vault, t->crypto,
                              mix_bytes_of(t->cfg.identity, t->cfg.identity_len), passphrase, e);
    else
        status = mix_vault_new(vault, t->crypto, t->env, passphrase);
    if (status == MIX_OK && !t->cfg.identity)
        status = mix_identity_new(&identity, t->crypto, t->env);
    if (status != MIX_OK)
        return status;
    mix_gateway_config_init(&cfg);
    cfg.crypto = t->crypto;
    cfg.identity = &identity;
    cfg.vault = vault;
    status = mix_gateway_new(&t->gateway, &cfg, t->env);
    mix_identity_wipe(&identity);
    return status;
}

/* Who deleted the identity wants nothing of before to be used. */
static void read_snapshot(mix_tunnel *t) {
    mix_bytes stored = mix_bytes_of(t->cfg.stored_directory, t->cfg.stored_directory_len);
    if (!stored.data)
        return;
    if (t->cfg.identity)
        mix_tunnel_take_snapshot(t, stored);
    if (t->cfg.forget)
        mix_tunnel_store_directory(t, (mix_bytes){0});
}

static int make(mix_tunnel *t, mix_error *e) {
    int status = read_urls(t, e);
    if (status == MIX_OK)
        status = read_choices(t, e);
    if (status == MIX_OK)
        status = read_times(t, e);
    if (status == MIX_OK)
        status = mix_tunnel_transport_new(t, e);
    if (status == MIX_OK)
        status = mix_crypto_new(&t->crypto);
    if (status == MIX_OK)
        status = mix_sphinx_new(&t->sphinx, t->crypto, t->env);
    if (status == MIX_OK)
        status = make_gateway(t, e);
    if (status == MIX_OK)
        read_snapshot(t);
    if (status != MIX_OK && e->code == MIX_OK)
        mix_error_note(e, status, "tunnel", 0, "%s", mix_error_text(status));
    return status;
}

void mix_tunnel_tell(mix_failure *out, const mix_error *e) {
    *out = (mix_failure){
        .code = e->code, .layer = e->layer ? e->layer : "tunnel", .number = e->number};
    (void)snprintf(out->words, sizeof out->words, "%s", e->words);
}

int mix_tunnel_new(mix_tunnel **out, const mix_tunnel_config *config, const mix_env *env,
                   mix_failure *why) {
    mix_error e = {0};
    *out = NULL;
    mix_tunnel *t = mix_alloc_zero(1, sizeof *t);
    int status = t ? MIX_OK : mix_error_note(&e, MIX_ERR_MEMORY, "tunnel", 0, "no memory");
    if (t) {
        t->env = env;
        t->cfg = *config;
        t->phase = MIX_TUNNEL_DIRECTORY;
        mix_queue_init(&t->down, DOWN_PACKETS, DOWN_BYTES);
        mix_tunnel_choice_reset(t);
        status = make(t, &e);
        t->cfg.identity = t->cfg.stored_directory = NULL;
        t->cfg.directories = NULL;
        t->cfg.passphrase = t->cfg.gateway = t->cfg.exit = NULL;
        t->cfg.dns_servers = NULL;
        t->cfg.doh_url = t->cfg.user_agent = t->cfg.roots = NULL;
    }
    if (status == MIX_OK) {
        *out = t;
        return MIX_OK;
    }
    if (why)
        mix_tunnel_tell(why, &e);
    mix_tunnel_free(t);
    return status;
}

/* What the layers counted stays counted when they go. */
void mix_tunnel_drop_layers(mix_tunnel *t) {
    mix_tunnel_layers *l = &t->layers;
    mix_tunnel_stats s;
    mix_tunnel_get_stats(t, &s);
    if (l->messages) {
        t->stats.data = s.data;
        t->stats.retransmitted = s.retransmitted;
        t->stats.cover = s.cover;
        t->stats.acknowledged = s.acknowledged;
    }
    mix_traffic_free(l->traffic);
    mix_messages_free(l->messages);
    mix_client_keys_deinit(&l->keys);
    *l = (mix_tunnel_layers){0};
}

static void drop_ipr(mix_tunnel *t) {
    mix_tunnel_stats s;
    if (!t->ipr)
        return;
    mix_tunnel_get_stats(t, &s);
    t->stats.ip_up = s.ip_up;
    t->stats.ip_down = s.ip_down;
    t->stats.reordered = s.reordered;
    t->stats.skipped = s.skipped;
    mix_ipr_free(t->ipr);
    t->ipr = NULL;
}

void mix_tunnel_free(mix_tunnel *t) {
    if (!t)
        return;
    mix_tunnel_drop_layers(t);
    mix_tunnel_stack_end(t);
    mix_tunnel_transport_free(t);
    mix_ipr_free(t->ipr);
    mix_directory_free(t->directory);
    mix_gateway_free(t->gateway);
    mix_sphinx_free(t->sphinx);
    mix_crypto_free(t->crypto);
    for (size_t i = 0; i < t->url_count; i++)
        mix_free(t->urls[i]);
    mix_tunnel_drop_values(t);
    mix_buf_deinit_wiped(&t->packet);
    mix_buf_deinit_wiped(&t->order);
    mix_buf_deinit_wiped(&t->ip);
    mix_queue_deinit(&t->down);
    mix_free_wiped(t, sizeof *t);
}

int mix_tunnel_rehearse(mix_tunnel *t, size_t packets) {
    return mix_traffic_rehearse(t->crypto, t->env, packets);
}

/* ---- start and end ---- */

static int make_directory(mix_tunnel *t, mix_time now) {
    const mix_registration *known = mix_tunnel_known_gateway(t);
    mix_directory_config d = {
        .urls = (const char *const *)t->urls,
        .url_count = t->url_count,
        .tls = !t->cfg.plain_gateway,
        .exits = true,
        .preferred_gateway = t->has_gateway ? t->preferred_gateway : NULL,
        .preferred_exit = t->has_exit ? &t->preferred_exit : NULL,
        .stores = !t->cfg.forget,
        .stored = mix_buf_bytes(&t->snapshot),
        .entry = known ? known->gateway : NULL,
    };
    t->generation++;
    int status = mix_directory_new(&t->directory, &d, t->env, now);
    if (status == MIX_OK)
        mix_buf_deinit_wiped(&t->snapshot); /* for a second start it may be too old */
    return status;
}

int mix_tunnel_start(mix_tunnel *t, mix_time now) {
    if (t->running || t->closing)
        return MIX_ERR_STATE;
    mix_ipr_config ipr = {.connect_timeout = t->cfg.exit_timeout};
    mix_tunnel_stack_config(t, &ipr);
    int status = mix_tunnel_transport_start(t);
    if (status == MIX_OK)
        status = make_directory(t, now);
    if (status == MIX_OK)
        status = mix_ipr_new(&t->ipr, &ipr, t->env);
    if (status != MIX_OK) {
        mix_directory_free(t->directory);
        t->directory = NULL;
        return status;
    }
    mix_tunnel_choice_reset(t);
    mix_error_clear(&t->reason);
    mix_error_clear(&t->verdict);
    t->running = true;
    t->was_ready = false;
    t->started = now;
    t->setup_until = now + t->cfg.setup_timeout;
    t->setup_took = t->retry_at = 0;
    if (mix_directory_is_stored(t->directory))
        t->doubt_at = now + DOUBT;
    mix_tunnel_proceed(t, now);
    mix_tunnel_pump(t, now);
    return MIX_OK;
}

void mix_tunnel_fail(mix_tunnel *t, const mix_error *why) {
    if (t->verdict.code == MIX_OK)
        t->verdict = *why;
}

static void cancel_calls(mix_tunnel *t) {
    for (size_t i = 0; i < t->calls_len && t->cancels_len < MIX_TUNNEL_CALLS; i++)
        t->cancels[t->cancels_len++] = t->calls[i];
    t->calls_len = 0;
}

static void end_requests(mix_tunnel *t, mix_time now) {
    mix_error why = t->verdict;
    if (why.code == MIX_OK)
        mix_error_note(&why, MIX_ERR_STATE, "tunnel", 0, "the tunnel was closed");
    mix_tunnel_transport_stop(t, &why, now);
}

/* The last state: everything but the keys and the gateway's session is taken down. */
void mix_tunnel_end(mix_tunnel *t, mix_tunnel_state last, mix_time now) {
    end_requests(t, now);
    t->running = t->closing = false;
    mix_gateway_stop(t->gateway, t->cfg.forget, now);
    mix_tunnel_drop_layers(t);
    mix_tunnel_stack_end(t);
    drop_ipr(t);
    mix_directory_free(t->directory);
    t->directory = NULL;
    t->topology = NULL;
    cancel_calls(t);
    mix_tunnel_choice_reset(t);
    t->state = last;
    t->retry_at = 0;
    mix_tunnel_event ev = {.kind = MIX_TUNNEL_EVENT_STATE, .state = last, .phase = t->phase};
    mix_tunnel_tell(&ev.failure, last == MIX_TUNNEL_FAILED ? &t->verdict : &(mix_error){0});
    mix_tunnel_say(t, &ev, (mix_bytes){0});
    mix_log(t->env, MIX_LOG_INFO, "tunnel", "%s%s%s", mix_tunnel_state_name(last),
            ev.failure.code ? ": " : "", ev.failure.words);
}

void mix_tunnel_stop(mix_tunnel *t, mix_time now) {
    if (!t->running || t->closing)
        return;
    if (!t->exit_up || !t->flowing) {
        mix_tunnel_end(t, MIX_TUNNEL_CLOSED, now);
        mix_tunnel_pump(t, now);
        return;
    }
    t->closing = true;
    t->closing_until = now + GOODBYE;
    end_requests(t, now);
    (void)mix_ipr_disconnect(t->ipr, now);
    mix_tunnel_pump(t, now);
}

void mix_tunnel_nudge(mix_tunnel *t, mix_time now) {
    if (!t->running)
        return;
    mix_gateway_nudge(t->gateway, now);
    mix_directory_refresh(t->directory, now);
    t->rounds = 0;
    if (t->exits_at != MIX_NEVER)
        t->exits_at = now;
    if (t->entry_at != MIX_NEVER)
        t->entry_at = now;
    mix_tunnel_pump(t, now);
}

/* ---- state ---- */

const char *mix_tunnel_state_name(mix_tunnel_state s) {
    static const char *const names[] = {"closed", "directory", "gateway", "exit",
                                        "ready",  "degraded",  "closing", "failed"};
    return (size_t)s < sizeof names / sizeof *names ? names[s] : "unknown";
}

static mix_tunnel_state missing(const mix_tunnel *t) {
    if (!t->topology)
        return MIX_TUNNEL_DIRECTORY;
    return t->flowing ? MIX_TUNNEL_EXIT : MIX_TUNNEL_GATEWAY;
}

void mix_tunnel_judge(mix_tunnel *t, mix_time now) {
    if (!t->running)
        return;
    bool whole = t->topology && t->flowing && t->exit_up && !t->exit_slow;
    mix_tunnel_state phase = whole ? t->phase : missing(t), state = phase;
    if (whole) {
        state = MIX_TUNNEL_READY;
        mix_error_clear(&t->reason);
        if (!t->was_ready)
            t->setup_took = now - t->started;
        t->was_ready = true;
        t->setup_until = t->exit_until = MIX_NEVER;
    } else if (t->was_ready) {
        state = MIX_TUNNEL_DEGRADED;
    }
    state = t->closing ? MIX_TUNNEL_CLOSING : state;
    if (state == t->state && phase == t->phase)
        return;
    t->state = state;
    t->phase = phase;
    mix_tunnel_event ev = {.kind = MIX_TUNNEL_EVENT_STATE, .state = state, .phase = phase};
    mix_tunnel_tell(&ev.failure, &t->reason);
    mix_tunnel_say(t, &ev, (mix_bytes){0});
    mix_log(t->env, MIX_LOG_INFO, "tunnel", "%s%s%s%s%s", mix_tunnel_state_name(state),
            state == MIX_TUNNEL_DEGRADED ? ": " : "",
            state == MIX_TUNNEL_DEGRADED ? mix_tunnel_state_name(phase) : "",
            ev.failure.code ? ": " : "", ev.failure.words);
}

int mix_tunnel_own(mix_tunnel *t, int status, mix_time now) {
    if (status != MIX_ERR_MEMORY && status != MIX_ERR_RANDOM && status != MIX_ERR_CRYPTO)
        return status;
    t->retry_at = now + AGAIN;
    mix_log(t->env, MIX_LOG_WARN, "tunnel", "%s; tried again", mix_error_text(status));
    return status;
}

/* ---- the directory's port ---- */

int mix_tunnel_drain_call(mix_tunnel *t, mix_tunnel_call *out, mix_time now) {
    mix_directory_call call;
    *out = (mix_tunnel_call){0};
    if (t->cancels_len > 0) {
        *out = (mix_tunnel_call){.cancel = true, .id = t->cancels[--t->cancels_len]};
        return MIX_OK;
    }
    if (!t->directory || t->calls_len == MIX_TUNNEL_CALLS ||
        mix_directory_drain(t->directory, &call, now) != MIX_OK)
        return MIX_DONE;
    uint64_t id = t->generation << 32 | call.id;
    if (!call.cancel)
        t->calls[t->calls_len++] = id;
    for (size_t i = 0; call.cancel && i < t->calls_len; i++) {
        if (t->calls[i] == id)
            t->calls[i--] = t->calls[--t->calls_len];
    }
    *out = (mix_tunnel_call){call.cancel, id, call.url, call.accept};
    return MIX_OK;
}

int mix_tunnel_feed_answer(mix_tunnel *t, const mix_tunnel_answer *answer, mix_time now) {
    bool over = answer->last || answer->failure, known = false;
    for (size_t i = 0; i < t->calls_len && !known; i++) {
        known = t->calls[i] == answer->id;
        if (known && over)
            t->calls[i] = t->calls[--t->calls_len];
    }
    if (!known || !t->directory)
        return known ? MIX_ERR_LIMIT : MIX_OK;
    const char *type = answer->content_type ? answer->content_type : "";
    mix_directory_answer a = {
        .id = answer->id & UINT32_MAX,
        .failure = answer->failure,
        .status = answer->status,
        .content_type = mix_bytes_str(type),
        .body = mix_bytes_of(answer->body, answer->len),
        .last = answer->last,
    };
    t->stats.received_bytes += answer->len;
    int status = mix_directory_feed(t->directory, &a, now);
    mix_tunnel_pump(t, now);
    return status;
}

/* ---- the link's port ---- */

int mix_tunnel_drain_link(mix_tunnel *t, mix_tunnel_order *out, mix_time now) {
    mix_gateway_order order;
    mix_buf_truncate(&t->order, 0);
    *out = (mix_tunnel_order){0};
    if (t->running)
        mix_tunnel_pump(t,
                        now); /* the queue is short, so that packets wait where they can change */
    int status = mix_gateway_drain(t->gateway, &order, &t->order, now);
    size_t len = t->order.len;
    if (status == MIX_OK)
        mix_buf_put_u8(&t->order, 0);
    if (status != MIX_OK || mix_buf_status(&t->order) != MIX_OK) {
        mix_tunnel_own(t, status < 0 ? status : MIX_OK, now);
        return MIX_DONE;
    }
    if (order.act == MIX_GATEWAY_SEND_TEXT || order.act == MIX_GATEWAY_SEND_BINARY)
        t->stats.sent_bytes += len;
    *out = (mix_tunnel_order){(mix_tunnel_act)order.act, order.link, t->order.data, len};
    return MIX_OK;
}

void mix_tunnel_link_opened(mix_tunnel *t, uint32_t link, mix_time now) {
    mix_gateway_opened(t->gateway, link, now);
    mix_tunnel_pump(t, now);
}

void mix_tunnel_feed_link(mix_tunnel *t, uint32_t link, bool binary, const uint8_t *data,
                          size_t len, mix_time now) {
    t->stats.received_bytes += len;
    int status = mix_gateway_feed(t->gateway, link, binary, mix_bytes_of(data, len), now);
    mix_tunnel_pump(t, now);
    if (status == MIX_BLOCKED) {
        (void)mix_gateway_feed(t->gateway, link, binary, mix_bytes_of(data, len), now);
        mix_tunnel_pump(t, now);
    }
}

void mix_tunnel_link_closed(mix_tunnel *t, uint32_t link, int number, const char *why,
                            mix_time now) {
    mix_gateway_closed(t->gateway, link, number, why, now);
    mix_tunnel_pump(t, now);
}

/* ---- IP packets and events ---- */

int mix_tunnel_write(mix_tunnel *t, const uint8_t *packet, size_t len, mix_time now) {
    if (!t->cfg.ip_packets)
        return MIX_ERR_STATE;
    if (len == 0 || len > MIX_IPR_PACKET_MAX)
        return MIX_ERR_ARGUMENT;
    if (!t->ipr || !t->exit_up || t->closing)
        return MIX_BLOCKED;
    int status = mix_ipr_write(t->ipr, mix_bytes_of(packet, len), now);
    mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_ping(mix_tunnel *t, mix_time now) {
    if (!t->ipr || !t->exit_up || t->closing)
        return MIX_BLOCKED;
    int status = mix_ipr_ping(t->ipr, now);
    mix_tunnel_pump(t, now);
    return status;
}

/* When the host fetches none, the last place is overwritten: the newest state counts. */
void mix_tunnel_say(mix_tunnel *t, const mix_tunnel_event *ev, mix_bytes text) {
    if (t->note_count == MIX_TUNNEL_NOTES && ev->kind != MIX_TUNNEL_EVENT_STATE)
        return;
    if (t->note_count < MIX_TUNNEL_NOTES)
        t->note_count++;
    mix_tunnel_note *n = &t->notes[(t->first_note + t->note_count - 1) % MIX_TUNNEL_NOTES];
    n->event = *ev;
    n->event.len = text.len < sizeof n->text ? text.len : sizeof n->text;
    if (n->event.len > 0)
        memcpy(n->text, text.data, n->event.len);
}

int mix_tunnel_next(mix_tunnel *t, mix_tunnel_event *ev, mix_time now) {
    mix_bytes packet;
    *ev = (mix_tunnel_event){.state = t->state, .phase = t->phase};
    if (t->down_given)
        mix_queue_pop(&t->down);
    t->down_given = false;
    if (t->note_count > 0) {
        mix_tunnel_note *n = &t->notes[t->first_note];
        t->first_note = (t->first_note + 1) % MIX_TUNNEL_NOTES;
        t->note_count--;
        *ev = n->event;
        ev->data = (const uint8_t *)n->text;
        return MIX_OK;
    }
    if (mix_tunnel_next_value(t, &ev->store)) {
        ev->kind = MIX_TUNNEL_EVENT_STORE;
        return MIX_OK;
    }
    if (t->seam && mix_doors_next(t, ev, mix_tunnel_transport_time(t, now)) == MIX_OK)
        return MIX_OK;
    if (!mix_queue_peek(&t->down, &packet, NULL))
        return MIX_DONE;
    t->down_given = true;
    ev->kind = MIX_TUNNEL_EVENT_PACKET;
    ev->data = packet.data;
    ev->len = packet.len;
    return MIX_OK;
}

/* ---- time ---- */

mix_time mix_tunnel_deadline(const mix_tunnel *t) {
    if (t->retry_at != 0)
        return t->retry_at;
    mix_time at = mix_gateway_deadline(t->gateway);
    if (!t->running)
        return at;
    at = mix_earlier(at, mix_directory_deadline(t->directory));
    at = mix_earlier(at, mix_earlier(t->setup_until, mix_tunnel_choice_deadline(t)));
    if (t->closing)
        at = mix_earlier(at, t->closing_until);
    at = mix_earlier(at, mix_tunnel_transport_deadline(t));
    if (!t->flowing) /* nothing below would take what they give */
        return at;
    at = mix_earlier(at, mix_earlier(mix_ipr_deadline(t->ipr), mix_tunnel_stale_deadline(t)));
    if (t->layers.messages)
        at = mix_earlier(at, mix_earlier(mix_traffic_deadline(t->layers.traffic),
                                         mix_messages_deadline(t->layers.messages)));
    return at;
}

static void time_out(mix_tunnel *t) {
    mix_error e = t->reason;
    if (e.code == MIX_OK)
        mix_error_note(&e, MIX_ERR_TUNNEL_TIMEOUT, "tunnel", 0, "not ready within %d s: %s",
                       (int)(t->cfg.setup_timeout / MIX_SECONDS(1)),
                       mix_tunnel_state_name(missing(t)));
    mix_tunnel_fail(t, &e);
}

void mix_tunnel_tick(mix_tunnel *t, mix_time now) {
    mix_gateway_tick(t->gateway, now);
    if (t->running) {
        (void)mix_directory_tick(t->directory, now);
        if (t->flowing)
            (void)mix_ipr_tick(t->ipr, now);
        if (t->flowing && t->layers.messages) {
            mix_tunnel_own(t, mix_traffic_tick(t->layers.traffic, now), now);
            mix_tunnel_own(t, mix_messages_tick(t->layers.messages, now), now);
        }
        mix_tunnel_choice_tick(t, now);
        if (t->setup_until <= now)
            time_out(t);
    }
    mix_tunnel_pump(t, now);
}

/* ---- looking in ---- */

static void put_key(char *out, size_t cap, const uint8_t key[static MIX_KEY_LEN]) {
    mix_buf text = mix_buf_fixed(out, cap - 1);
    (void)mix_base58_encode(&text, mix_bytes_of(key, MIX_KEY_LEN));
    out[text.len] = 0;
}

static void add_layers(const mix_tunnel *t, mix_tunnel_stats *s) {
    const mix_tunnel_layers *l = &t->layers;
    if (!l->messages || !l->traffic)
        return;
    mix_traffic_counts c = mix_traffic_count(l->traffic);
    s->data += c.data;
    s->retransmitted += c.retransmitted;
    s->cover += c.slot_cover + c.loop_cover + c.copies;
    s->acknowledged += c.acked;
    s->surbs = l->economy.stock;
    s->waiting = (uint32_t)mix_traffic_waiting(l->traffic);
    s->unacknowledged = (uint32_t)mix_traffic_unacknowledged(l->traffic);
}

void mix_tunnel_get_stats(const mix_tunnel *t, mix_tunnel_stats *out) {
    mix_gateway_stats g = {0};
    mix_ipr_stats i = {0};
    *out = t->stats;
    out->state = t->state;
    out->phase = t->phase;
    out->setup = t->setup_took;
    if (t->gateway)
        mix_gateway_stats_get(t->gateway, &g);
    out->gateway_round_trip = g.round_trip;
    out->links = g.connections;
    add_layers(t, out);
    if (t->ipr) {
        mix_ipr_get_stats(t->ipr, &i);
        out->ip_up += i.packets_up;
        out->ip_down += i.packets_down;
        out->reordered += i.reordered;
        out->skipped += i.skipped;
        out->round_trip = i.round_trip;
    }
    if (t->topology) {
        out->mixes1 = (uint32_t)t->topology->layer_count[0];
        out->mixes2 = (uint32_t)t->topology->layer_count[1];
        out->mixes3 = (uint32_t)t->topology->layer_count[2];
    }
    if (t->entry_known)
        put_key(out->gateway, sizeof out->gateway, t->entry);
    if (t->exit_chosen) {
        mix_buf text = mix_buf_fixed(out->exit, sizeof out->exit - 1);
        (void)mix_recipient_format(&text, &t->exit.address);
        out->exit[text.len] = 0;
    }
}
