/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the gateway: opening, feeding, draining, ending; limits and figures. */
#include "mixnet/gateway/internal.h"

#include "base/alloc.h"

static const struct {
    uint16_t code;
    const char *text;
} closes[] = {
#define ROW(name, code, text) {code, text},
    MIXNET_CLOSE_TABLE(ROW)
#undef ROW
};

const char *mixnet_close_text(mixnet_close reason) {
    return closes[reason].text;
}

/* ---- new and free ---- */

static mixnet_gateway_limits with_defaults(mixnet_gateway_limits l) {
#define DEFAULT(member, value) l.member = l.member ? l.member : (value)
    DEFAULT(connections, 8192);
    DEFAULT(clients, 16384);
    DEFAULT(replies, 4096);
    DEFAULT(reply_bytes, 512 << 10);
    DEFAULT(live_bytes, 4 << 20);
    DEFAULT(early, 64);
    DEFAULT(early_bytes, 128 << 10);
    DEFAULT(connection_bytes, 64 << 20);
    DEFAULT(stored_client, 8 << 20);
    DEFAULT(stored_total, 64 << 20);
    DEFAULT(forward, 4096);
    DEFAULT(stored_time, MIX_SECONDS(24 * 3600));
    DEFAULT(first_request, MIX_SECONDS(10));
    DEFAULT(handshake, MIX_SECONDS(5));
    DEFAULT(liveness, MIX_SECONDS(1));
    DEFAULT(linger, MIX_SECONDS(5));
#undef DEFAULT
    return l;
}

int mixnet_gateway_new(mixnet_gateway **out, const mixnet_gateway_config *config,
                       mix_crypto *crypto, const mix_env *env) {
    mixnet_gateway *g = mix_alloc_zero(1, sizeof *g);
    if (!g)
        return MIX_ERR_MEMORY;
    const mixnet_gateway_limits *l = &g->limits;
    g->config = *config;
    g->limits = with_defaults(config->limits);
    g->crypto = crypto;
    g->env = env;
    mix_queue_init(&g->forward, l->forward, SIZE_MAX);
    int status = mix_map_init(&g->conns, sizeof(uint64_t), l->connections, env);
    if (status == MIX_OK)
        status = mix_map_init(&g->active, MIX_KEY_LEN, l->connections, env);
    if (status == MIX_OK)
        status = mixnet_clients_init(&g->clients, l->clients, env);
    if (status == MIX_OK)
        status =
            mixnet_store_init(&g->store, l->stored_client, l->stored_total, l->stored_time, env);
    if (status == MIX_OK)
        *out = g;
    else
        mixnet_gateway_free(g);
    return status;
}

static void drop_queue(mixnet_gateway *g, mix_queue *q) {
    g->queued -= q->bytes;
    mix_queue_deinit(q);
}

static void unlist(mixnet_gateway *g, conn *c) {
    if (!c->listed)
        return;
    if (c->ready_before)
        c->ready_before->ready_after = c->ready_after;
    else
        g->ready_first = c->ready_after;
    if (c->ready_after)
        c->ready_after->ready_before = c->ready_before;
    else
        g->ready_last = c->ready_before;
    c->ready_before = c->ready_after = NULL;
    c->listed = false;
}

static void free_conn(mixnet_gateway *g, conn *c) {
    unlist(g, c);
    mix_timers_stop(&g->timers, &c->timer);
    drop_queue(g, &c->out);
    drop_queue(g, &c->early);
    mix_free_wiped(c, sizeof *c);
}

void mixnet_gateway_free(mixnet_gateway *g) {
    void *c;
    if (!g)
        return;
    for (size_t at = 0; mix_map_each(&g->conns, &at, NULL, &c);)
        free_conn(g, c);
    mix_map_deinit(&g->conns);
    mix_map_deinit(&g->active);
    mixnet_clients_deinit(&g->clients);
    mixnet_store_deinit(&g->store);
    mix_timers_deinit(&g->timers);
    mix_queue_deinit(&g->forward);
    mix_buf_deinit_wiped(&g->text);
    mix_buf_deinit_wiped(&g->scratch);
    mix_buf_deinit_wiped(&g->plain);
    mix_buf_deinit_wiped(&g->given);
    mix_free_wiped(g, sizeof *g);
}

int64_t mixnet_gateway_wall(const mixnet_gateway *g) {
    return g->env->wall_time(g->env->user);
}

conn *mixnet_gateway_find(const mixnet_gateway *g, uint64_t id) {
    return mix_map_get(&g->conns, &id);
}

conn *mixnet_gateway_active(const mixnet_gateway *g, const uint8_t *identity) {
    return mix_map_get(&g->active, identity);
}

/* ---- ending ---- */

void mixnet_gateway_list(mixnet_gateway *g, conn *c) {
    if (c->listed || (c->told && !c->give_up))
        return;
    c->listed = true;
    c->ready_before = g->ready_last;
    c->ready_after = NULL;
    if (g->ready_last)
        g->ready_last->ready_after = c;
    else
        g->ready_first = c;
    g->ready_last = c;
}

static void start_closing(mixnet_gateway *g, conn *c, mixnet_close reason) {
    if (c->state != CONN_CLOSING) {
        c->reason = reason;
        g->stats.closed[reason]++;
    }
    c->state = CONN_CLOSING;
    drop_queue(g, &c->early);
    mix_wipe(&c->handshake, sizeof c->handshake);
}

void mixnet_gateway_drop(mixnet_gateway *g, conn *c, mixnet_close reason) {
    start_closing(g, c, reason);
    drop_queue(g, &c->out);
    mix_timers_stop(&g->timers, &c->timer);
    c->give_up = true;
    mixnet_gateway_list(g, c);
}

void mixnet_gateway_end(mixnet_gateway *g, conn *c, mixnet_close reason, mix_time now) {
    if (c->state == CONN_CLOSING)
        return;
    start_closing(g, c, reason);
    mixnet_gateway_list(g, c);
    if (mix_timers_set(&g->timers, &c->timer, now + g->limits.linger) != MIX_OK)
        mixnet_gateway_drop(g, c, MIXNET_CLOSE_INTERNAL);
}

/* ---- queues of a connection ---- */

/* When all connections together hold too much, the one that holds the most goes. */
static void drop_largest(mixnet_gateway *g) {
    conn *largest = NULL;
    void *value;
    for (size_t at = 0; mix_map_each(&g->conns, &at, NULL, &value);) {
        conn *c = value;
        if (!largest || c->out.bytes + c->early.bytes > largest->out.bytes + largest->early.bytes)
            largest = c;
    }
    if (largest)
        mixnet_gateway_drop(g, largest, MIXNET_CLOSE_NO_ROOM);
}

static void push(mixnet_gateway *g, conn *c, mix_queue *q, mixnet_ws_kind kind, mix_bytes bytes,
                 mixnet_close when_full) {
    int status = mix_queue_push(q, bytes, kind);
    if (status == MIX_ERR_MEMORY)
        mixnet_gateway_broken(g, c, status);
    else if (status != MIX_OK)
        mixnet_gateway_drop(g, c, when_full);
    else if ((g->queued += bytes.len) > g->limits.connection_bytes)
        drop_largest(g);
}

void mixnet_gateway_put(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes bytes) {
    if (c->state == CONN_CLOSING)
        return;
    mixnet_gateway_list(g, c);
    push(g, c, &c->out, kind, bytes, MIXNET_CLOSE_SLOW_READER);
}

void mixnet_gateway_keep_early(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message) {
    push(g, c, &c->early, kind, message, MIXNET_CLOSE_EARLY);
}

void mixnet_gateway_broken(mixnet_gateway *g, conn *c, int status) {
    g->stats.no_memory += status == MIX_ERR_MEMORY;
    mixnet_gateway_drop(g, c, MIXNET_CLOSE_INTERNAL);
}

void mixnet_gateway_put_text(mixnet_gateway *g, conn *c, const mix_text *t) {
    mix_buf_truncate(&g->text, 0);
    int status = mix_text_encode(&g->text, t);
    if (status == MIX_OK)
        mixnet_gateway_put(g, c, MIXNET_WS_TEXT, mix_buf_bytes(&g->text));
    else
        mixnet_gateway_broken(g, c, status);
}

void mixnet_gateway_put_error(mixnet_gateway *g, conn *c, mix_refusal r, mix_bytes text,
                              int times) {
    g->stats.refused[r]++;
    for (int i = 0; i < times; i++)
        mixnet_gateway_put_text(g, c, &(mix_text){.type = MIX_TEXT_ERROR, .text = text});
}

void mixnet_gateway_refuse(mixnet_gateway *g, conn *c, mix_refusal r, const char *detail,
                           int times) {
    char words[512];
    mix_buf text = mix_buf_fixed(words, sizeof words);
    mix_buf_put_str(&text, mix_refusal_text(r));
    mix_buf_put_str(&text, detail);
    mixnet_gateway_put_error(g, c, r, mix_buf_bytes(&text), times);
}

/* ---- from below ---- */

int mixnet_gateway_opened(mixnet_gateway *g, uint64_t id, mix_time now) {
    if (mixnet_gateway_find(g, id))
        return MIX_ERR_ARGUMENT;
    if (g->conns.len >= g->limits.connections) {
        g->stats.connections_full++;
        return MIX_ERR_LIMIT;
    }
    conn *c = mix_alloc_zero(1, sizeof *c);
    if (!c)
        return MIX_ERR_MEMORY;
    c->id = id;
    mix_queue_init(&c->out, g->limits.replies, g->limits.reply_bytes);
    mix_queue_init(&c->early, g->limits.early, g->limits.early_bytes);
    int status = mix_timers_set(&g->timers, &c->timer, now + g->limits.first_request);
    if (status == MIX_OK)
        status = mix_map_put(&g->conns, &id, c);
    if (status != MIX_OK) {
        free_conn(g, c);
        return status;
    }
    g->stats.opened++;
    return MIX_OK;
}

void mixnet_gateway_closed(mixnet_gateway *g, uint64_t id, mix_time now) {
    conn *c = mix_map_take(&g->conns, &id);
    if (!c)
        return;
    mixnet_gateway_leave(g, c, now);
    free_conn(g, c);
}

static void feed_active(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message,
                        mix_time now) {
    switch (kind) {
    case MIXNET_WS_PING:
        mixnet_gateway_put(g, c, MIXNET_WS_PONG, message);
        return;
    case MIXNET_WS_PONG:
        mixnet_gateway_pong(g, c, message, now);
        return;
    case MIXNET_WS_CLOSE:
        mixnet_gateway_end(g, c, MIXNET_CLOSE_PEER, now);
        return;
    case MIXNET_WS_TEXT:
    case MIXNET_WS_BINARY:
        break;
    }
    if (c->state == CONN_ACTIVE)
        mixnet_gateway_serve(g, c, kind, message);
    else
        mixnet_gateway_keep_early(g, c, kind, message);
}

int mixnet_gateway_feed(mixnet_gateway *g, uint64_t id, mixnet_ws_kind kind, mix_bytes message,
                        mix_time now) {
    conn *c = mixnet_gateway_find(g, id);
    if (!c || c->state == CONN_CLOSING) {
        g->stats.closing++;
        return MIX_ERR_STATE;
    }
    if (message.len > MIXNET_GATEWAY_MESSAGE_MAX)
        mixnet_gateway_end(g, c, MIXNET_CLOSE_MESSAGE_SIZE, now);
    else if (c->state == CONN_FRESH)
        mixnet_gateway_feed_fresh(g, c, kind, message, now);
    else if (c->state == CONN_HANDSHAKE)
        mixnet_gateway_feed_handshake(g, c, kind, message, now);
    else
        feed_active(g, c, kind, message, now);
    if (c->state == CONN_CLOSING)
        mixnet_gateway_leave(g, c, now);
    return MIX_OK;
}

int mixnet_gateway_ready(mixnet_gateway *g, mixnet_gateway_ready_conn *out) {
    conn *c = g->ready_first;
    if (!c)
        return MIX_DONE;
    unlist(g, c);
    c->told = true;
    *out = (mixnet_gateway_ready_conn){.conn = c->id, .give_up = c->give_up};
    return MIX_OK;
}

/* ---- draining ---- */

/* The answer in front; false when there is none. */
static bool give_answer(mixnet_gateway *g, conn *c, mixnet_gateway_out *out) {
    mix_bytes bytes;
    uint64_t kind;
    if (!mix_queue_peek(&c->out, &bytes, &kind))
        return false;
    mix_buf_truncate(&g->given, 0);
    mix_buf_put_bytes(&g->given, bytes);
    if (mix_buf_status(&g->given) != MIX_OK) {
        mixnet_gateway_broken(g, c, MIX_ERR_MEMORY);
        return false;
    }
    g->queued -= bytes.len;
    mix_queue_pop(&c->out);
    *out = (mixnet_gateway_out){.kind = (mixnet_ws_kind)kind, .bytes = mix_buf_bytes(&g->given)};
    return true;
}

/* The oldest message for the client, sealed; false when there is none that it may have now. A
 * connection that is asked whether it lives gets none: its successor may. */
static bool give_message(mixnet_gateway *g, conn *c, mixnet_gateway_out *out) {
    mix_bytes message;
    uint64_t id;
    if ((c->state != CONN_ACTIVE && c->state != CONN_LOGIN) || c->pinged ||
        !mixnet_store_peek(&g->store, c->identity, &message, &id) ||
        (c->state == CONN_LOGIN && id > c->stored_until))
        return false;
    mix_buf_truncate(&g->given, 0);
    int status = mix_gateway_frame_seal(&g->given, g->crypto, g->env, c->key, MIX_FRAME_PUSHED,
                                        message, (mix_bytes){0});
    if (status != MIX_OK) {
        mixnet_gateway_broken(g, c, status);
        return false;
    }
    if (id > c->stored_until)
        c->live_bytes -= message.len < c->live_bytes ? message.len : c->live_bytes;
    mixnet_store_pop(&g->store, c->identity);
    g->stats.pushed++;
    *out = (mixnet_gateway_out){.kind = MIXNET_WS_BINARY, .bytes = mix_buf_bytes(&g->given)};
    return true;
}

static int give_close(mixnet_gateway *g, conn *c, mixnet_gateway_out *out) {
    *out = (mixnet_gateway_out){.kind = MIXNET_WS_CLOSE,
                                .code = closes[c->reason].code,
                                .bytes = mix_bytes_str(closes[c->reason].text)};
    (void)mix_map_take(&g->conns, &c->id);
    free_conn(g, c);
    return MIX_OK;
}

int mixnet_gateway_drain(mixnet_gateway *g, uint64_t id, mixnet_gateway_out *out, mix_time now) {
    conn *c = mixnet_gateway_find(g, id);
    if (!c)
        return MIX_DONE;
    if (give_answer(g, c, out) || give_message(g, c, out))
        return MIX_OK;
    if (c->state == CONN_LOGIN) {
        mixnet_gateway_finish_login(g, c, now);
        if (give_answer(g, c, out) || give_message(g, c, out))
            return MIX_OK;
    }
    if (c->state == CONN_CLOSING) {
        mixnet_gateway_leave(g, c, now);
        return give_close(g, c, out);
    }
    c->told = false;
    return MIX_DONE;
}

/* ---- to and from the node ---- */

int mixnet_gateway_next(mixnet_gateway *g, mix_packet *out) {
    mix_bytes packet;
    if (g->forward_given)
        mix_queue_pop(&g->forward);
    g->forward_given = mix_queue_peek(&g->forward, &packet, NULL);
    return g->forward_given ? mix_packet_decode_v2(out, packet) : MIX_DONE;
}

int mixnet_gateway_deliver(mixnet_gateway *g, const uint8_t identity[static MIX_KEY_LEN],
                           mix_bytes message, mix_time now) {
    int status = mixnet_store_put(&g->store, identity, message, now);
    g->stats.message_size += status == MIX_ERR_LIMIT;
    g->stats.no_memory += status == MIX_ERR_MEMORY;
    if (status != MIX_OK)
        return status;
    g->stats.delivered++;
    conn *c = mixnet_gateway_active(g, identity);
    if (!c || c->state == CONN_CLOSING)
        return MIX_OK;
    mix_bytes first;
    uint64_t id;
    if (mixnet_store_peek(&g->store, identity, &first, &id) && id == g->store.last_id)
        c->live_bytes = 0; /* nothing else waits: those that gave way count no more */
    c->live_bytes += message.len;
    if (c->live_bytes > g->limits.live_bytes) {
        mixnet_gateway_drop(g, c, MIXNET_CLOSE_SLOW_READER);
        mixnet_gateway_leave(g, c, now);
    } else {
        mixnet_gateway_list(g, c);
    }
    return MIX_OK;
}

mix_time mixnet_gateway_deadline(const mixnet_gateway *g) {
    mix_time timer = mix_timers_deadline(&g->timers), stored = mixnet_store_deadline(&g->store);
    return timer < stored ? timer : stored;
}

void mixnet_gateway_tick(mixnet_gateway *g, mix_time now) {
    mixnet_store_expire(&g->store, now);
    for (mix_timer *t; (t = mix_timers_pop(&g->timers, now)) != NULL;) {
        conn *c = (conn *)t;
        mixnet_gateway_late(g, c, now);
        if (c->state == CONN_CLOSING)
            mixnet_gateway_leave(g, c, now);
    }
}

/* ---- the clients ---- */

bool mixnet_gateway_dirty(const mixnet_gateway *g) {
    return mixnet_clients_dirty(&g->clients);
}

int mixnet_gateway_save(mixnet_gateway *g, mix_buf *out) {
    return mixnet_clients_save(&g->clients, out);
}

int mixnet_gateway_load(mixnet_gateway *g, mix_bytes saved, mix_error *e) {
    return mixnet_clients_load(&g->clients, saved, e);
}

/* A connection whose client is forgotten goes on with an account of its own. */
static void detach(conn *c) {
    if (!c->client)
        return;
    c->own = c->client->account;
    c->client = NULL;
}

void mixnet_gateway_forget(mixnet_gateway *g, const uint8_t *identity) {
    void *value;
    conn *c = identity ? mixnet_gateway_active(g, identity) : NULL;
    if (c)
        detach(c);
    for (size_t at = 0; !identity && mix_map_each(&g->active, &at, NULL, &value);)
        detach(value);
    mixnet_clients_forget(&g->clients, identity);
    mixnet_store_forget(&g->store, identity);
}

void mixnet_gateway_kick(mixnet_gateway *g, const uint8_t *identity, mix_time now) {
    void *value;
    conn *c = identity ? mixnet_gateway_active(g, identity) : NULL;
    if (c) {
        mixnet_gateway_end(g, c, MIXNET_CLOSE_KICKED, now);
        mixnet_gateway_leave(g, c, now);
    }
    for (size_t at = 0; !identity && mix_map_each(&g->conns, &at, NULL, &value);)
        mixnet_gateway_end(g, value, MIXNET_CLOSE_KICKED, now);
    for (size_t at = 0; !identity && mix_map_each(&g->active, &at, NULL, &value); at = 0)
        mixnet_gateway_leave(g, value, now);
}

void mixnet_gateway_get_stats(const mixnet_gateway *g, mixnet_gateway_stats *out) {
    *out = g->stats;
    out->connections = g->conns.len;
    out->active = g->active.len;
    out->clients = g->clients.map.len;
    out->stored = g->store.messages;
    out->stored_bytes = g->store.bytes;
    out->reply_bytes = g->queued;
    out->forward_waiting = g->forward.items;
    out->expired = g->store.expired;
    out->client_full = g->store.client_full;
    out->store_full = g->store.store_full;
    out->forgotten = g->store.forgotten;
}
