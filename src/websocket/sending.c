/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of frames: one allocation a frame. */
#include "websocket/sending.h"

#include "base/alloc.h"
#include "mix/errors.h"

struct mix_websocket_piece {
    mix_websocket_piece *next;
    size_t len;     /* of data */
    size_t payload; /* the last bytes of data that belong to a message */
    uint8_t opcode;
    bool control;
    uint8_t data[];
};

static size_t cost(const mix_websocket_piece *p) {
    return sizeof *p + p->len;
}

static void append(mix_websocket_list *list, mix_websocket_piece *p) {
    p->next = NULL;
    if (list->last)
        list->last->next = p;
    else
        list->first = p;
    list->last = p;
    list->count++;
}

static mix_websocket_piece *pop(mix_websocket_list *list) {
    mix_websocket_piece *p = list->first;
    if (!p)
        return NULL;
    list->first = p->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return p;
}

static void drop_piece(mix_websocket_piece *p) {
    if (p)
        mix_free_wiped(p, cost(p));
}

static void drop_list(mix_websocket_list *list) {
    while (list->first)
        drop_piece(pop(list));
}

void mix_websocket_sending_init(mix_websocket_sending *s, const mix_env *env, size_t max_bytes,
                                size_t fragment) {
    *s = (mix_websocket_sending){.env = env, .max_bytes = max_bytes, .fragment = fragment};
}

void mix_websocket_sending_deinit(mix_websocket_sending *s) {
    drop_list(&s->control);
    drop_list(&s->data);
    drop_piece(s->current);
    *s = (mix_websocket_sending){0};
}

static mix_websocket_piece *new_piece(size_t len) {
    mix_websocket_piece *p = len <= SIZE_MAX - sizeof *p ? mix_alloc(sizeof *p + len) : NULL;
    if (p)
        *p = (mix_websocket_piece){.len = len};
    return p;
}

int mix_websocket_send_raw(mix_websocket_sending *s, mix_bytes bytes) {
    mix_websocket_piece *p = new_piece(bytes.len);
    if (!p)
        return MIX_ERR_MEMORY;
    memcpy(p->data, bytes.data, bytes.len);
    p->control = true;
    append(&s->control, p);
    return MIX_OK;
}

/* A client masks every frame with bytes that nobody can foretell (§5.3). */
static int new_frame(mix_websocket_piece **out, const mix_websocket_sending *s, uint8_t opcode,
                     bool fin, mix_bytes payload) {
    mix_websocket_frame f = {.fin = fin, .masked = true, .opcode = opcode, .len = payload.len};
    uint8_t header[MIX_WEBSOCKET_HEADER_MAX];
    int status = mix_random(s->env, f.mask, sizeof f.mask);
    if (status != MIX_OK)
        return status;
    size_t header_len = mix_websocket_frame_encode(header, &f);
    mix_websocket_piece *p =
        payload.len <= SIZE_MAX - header_len ? new_piece(header_len + payload.len) : NULL;
    if (!p)
        return MIX_ERR_MEMORY;
    memcpy(p->data, header, header_len);
    mix_websocket_mask(p->data + header_len, payload, f.mask, 0);
    p->opcode = opcode;
    p->control = mix_websocket_is_control(opcode);
    p->payload = p->control ? 0 : payload.len;
    *out = p;
    return MIX_OK;
}

static size_t frame_cost(size_t payload) {
    return sizeof(mix_websocket_piece) + MIX_WEBSOCKET_HEADER_MAX + payload;
}

/* What a message of that length occupies; SIZE_MAX when it cannot be told in a size_t. */
static size_t message_cost(const mix_websocket_sending *s, size_t len) {
    size_t frames = s->fragment > 0 && len > s->fragment ? (len - 1) / s->fragment + 1 : 1;
    size_t around = frame_cost(0);
    return frames > (SIZE_MAX - len) / around ? SIZE_MAX : len + frames * around;
}

/* Bytes of the piece's message that are left once `sent` bytes have gone. */
static size_t unsent_payload(const mix_websocket_piece *p, size_t sent) {
    return p->len - sent < p->payload ? p->len - sent : p->payload;
}

static bool data_waits(const mix_websocket_sending *s) {
    return s->bytes > 0;
}

int mix_websocket_send_message(mix_websocket_sending *s, uint8_t opcode, mix_bytes message) {
    size_t need = message_cost(s, message.len);
    if (data_waits(s) && (s->bytes >= s->max_bytes || need > s->max_bytes - s->bytes))
        return MIX_BLOCKED;
    size_t step = s->fragment > 0 ? s->fragment : SIZE_MAX, at = 0;
    mix_websocket_list frames = {0};
    do {
        mix_bytes part = mix_bytes_slice(message, at, step);
        mix_websocket_piece *p;
        bool last = part.len == message.len - at;
        int status = new_frame(&p, s, at == 0 ? opcode : MIX_WEBSOCKET_CONTINUATION, last, part);
        if (status != MIX_OK) {
            drop_list(&frames);
            return status;
        }
        append(&frames, p);
        at += part.len;
    } while (at < message.len);
    for (mix_websocket_piece *p; (p = pop(&frames)) != NULL;) {
        s->bytes += cost(p);
        append(&s->data, p);
    }
    s->payload += message.len;
    return MIX_OK;
}

size_t mix_websocket_sending_room(const mix_websocket_sending *s) {
    size_t left = s->bytes < s->max_bytes ? s->max_bytes - s->bytes : 0;
    if (s->fragment > 0) { /* each frame of a message has its own header */
        size_t whole = frame_cost(s->fragment), rest = left % whole;
        return left / whole * s->fragment + (rest > frame_cost(0) ? rest - frame_cost(0) : 0);
    }
    return left > frame_cost(0) ? left - frame_cost(0) : 0;
}

/* Takes the place of the newest pong that waits; false when there is none. */
static bool replace_pong(mix_websocket_list *list, mix_websocket_piece *by) {
    mix_websocket_piece **newest = NULL;
    for (mix_websocket_piece **at = &list->first; *at; at = &(*at)->next)
        if ((*at)->opcode == MIX_WEBSOCKET_PONG)
            newest = at;
    if (!newest)
        return false;
    mix_websocket_piece *old = *newest;
    by->next = old->next;
    *newest = by;
    if (list->last == old)
        list->last = by;
    drop_piece(old);
    return true;
}

int mix_websocket_send_control(mix_websocket_sending *s, uint8_t opcode, mix_bytes payload) {
    if (s->closed || (s->current && s->current->opcode == MIX_WEBSOCKET_CLOSE))
        return MIX_OK;
    bool full = s->control.count >= MIX_WEBSOCKET_CONTROLS;
    if (full && opcode != MIX_WEBSOCKET_PONG)
        return MIX_BLOCKED;
    mix_websocket_piece *p;
    int status = new_frame(&p, s, opcode, true, payload);
    if (status != MIX_OK)
        return status;
    if (!full)
        append(&s->control, p);
    else if (!replace_pong(&s->control, p))
        drop_piece(p); /* 32 pings of our own wait */
    return MIX_OK;
}

int mix_websocket_send_close(mix_websocket_sending *s, mix_bytes payload, bool drop) {
    mix_websocket_piece *p;
    if (s->closed || (s->current && s->current->opcode == MIX_WEBSOCKET_CLOSE))
        return MIX_OK;
    int status = new_frame(&p, s, MIX_WEBSOCKET_CLOSE, true, payload);
    if (status != MIX_OK)
        return status;
    s->closing = true;
    if (drop) {
        drop_list(&s->data);
        bool under_way = s->current && !s->current->control;
        s->bytes = under_way ? cost(s->current) : 0;
        s->payload = under_way ? unsent_payload(s->current, s->sent) : 0;
    }
    s->bytes += cost(p);
    append(&s->data, p);
    return MIX_OK;
}

/* Control frames first, but none behind the close frame. */
static void choose(mix_websocket_sending *s) {
    s->current = pop(&s->control);
    if (!s->current)
        s->current = pop(&s->data);
    s->sent = 0;
}

static void finish_current(mix_websocket_sending *s) {
    mix_websocket_piece *p = s->current;
    if (p->opcode == MIX_WEBSOCKET_CLOSE)
        s->closed = true;
    if (!p->control || p->opcode == MIX_WEBSOCKET_CLOSE)
        s->bytes -= cost(p);
    drop_piece(p);
    s->current = NULL;
}

int mix_websocket_sending_drain(mix_websocket_sending *s, mix_buf *out, size_t room) {
    size_t mark = out->len;
    if (mix_websocket_sending_empty(s))
        return MIX_DONE;
    while (room > 0) {
        if (!s->current)
            choose(s);
        mix_websocket_piece *p = s->current;
        if (!p)
            break;
        size_t left = p->len - s->sent, n = left < room ? left : room;
        mix_buf_put(out, p->data + s->sent, n);
        if (out->failed) /* what was put before stays drained */
            break;
        s->payload -= unsent_payload(p, s->sent) - unsent_payload(p, s->sent + n);
        s->sent += n;
        room -= n;
        if (s->sent == p->len)
            finish_current(s);
    }
    int status = out->len > mark ? MIX_OK : mix_buf_status(out);
    mix_buf_truncate(out, out->len);
    return status;
}
