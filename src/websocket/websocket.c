/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: what comes in, what that means for the connection, and how it ends. */
#include "websocket/websocket.h"

#include "base/alloc.h"
#include "base/text.h"
#include "base/utf8.h"
#include "mix/errors.h"
#include "websocket/sending.h"

#include <assert.h>

enum {
    MESSAGE_MAX = 64 * 1024 * 1024,
    QUEUE_BYTES = 1024 * 1024,
    KEPT_BYTES = 64 * 1024,
    LAST_KIND = MIX_WEBSOCKET_EVENT_CLOSED
};

/* What the next byte from the server belongs to. */
typedef enum reading { READ_HEAD, READ_HEADER, READ_PAYLOAD } reading;

struct mix_websocket {
    const mix_env *env;
    size_t message_max, frame_max;
    mix_time open_at, close_timeout, close_at;
    mix_websocket_state state;
    bool deaf; /* what comes is of no interest any more: failed, or the server's close frame is here
                */
    bool close_seen; /* the server's close frame is here */
    bool failed;     /* an error was noted */
    unsigned events; /* to be pulled, a bit a kind, in the order of the kinds */
    int given;       /* the kind of the event whose bytes are lent; −1: none */

    uint8_t key[MIX_WEBSOCKET_KEY_LEN];
    mix_buf offered; /* sub-protocols, as one list */
    mix_buf head;
    size_t head_len, head_end; /* bytes of answers so far; how much of the end mark has come */
    mix_bytes protocol, headers;

    reading reading;
    uint8_t header[MIX_WEBSOCKET_HEADER_MAX];
    size_t header_len;
    mix_websocket_frame frame; /* whose payload comes */
    uint64_t frame_at;         /* bytes of it so far */
    uint8_t control[MIX_WEBSOCKET_CONTROL_MAX];
    mix_buf message; /* the message so far */
    uint8_t opcode;  /* its kind; 0: no message is under way */
    bool text;       /* the kind of the message that is lent */
    mix_utf8 utf8;

    mix_websocket_sending sending;
    uint16_t code; /* of the server's close frame */
    uint8_t reason[MIX_WEBSOCKET_REASON_MAX];
    size_t reason_len;
    bool clean;
    mix_error error;
};

/* --- life --- */

/* A time limit that starts now; MIX_NEVER is none. */
static mix_time after(mix_time now, mix_time span) {
    return span == MIX_NEVER ? MIX_NEVER : now + span;
}

static int make_key(mix_websocket *w) {
    uint8_t nonce[16];
    mix_buf text = mix_buf_fixed(w->key, sizeof w->key);
    int status = mix_random(w->env, nonce, sizeof nonce);
    return status == MIX_OK ? mix_base64_encode(&text, MIX_BYTES(nonce)) : status;
}

static int make_request(mix_websocket *w, const mix_websocket_request *q) {
    mix_buf text = {0};
    int status = make_key(w);
    if (status == MIX_OK)
        status = mix_websocket_request_encode(&text, q, w->key);
    for (size_t i = 0; status == MIX_OK && i < q->protocol_count; i++) {
        mix_buf_put_str(&w->offered, i > 0 ? "," : "");
        mix_buf_put_bytes(&w->offered, q->protocols[i]);
        status = mix_buf_status(&w->offered);
    }
    if (status == MIX_OK)
        status = mix_websocket_send_raw(&w->sending, mix_buf_bytes(&text));
    mix_buf_deinit_wiped(&text); /* it may hold an Authorization */
    return status;
}

int mix_websocket_new(mix_websocket **out, const mix_websocket_config *config, const mix_env *env,
                      mix_time now) {
    *out = NULL;
    mix_websocket *w = mix_alloc_zero(1, sizeof *w);
    if (!w)
        return MIX_ERR_MEMORY;
    w->env = env;
    w->message_max = config->message_max ? config->message_max : MESSAGE_MAX;
    w->frame_max = config->frame_max ? config->frame_max : w->message_max;
    w->close_timeout = config->close_timeout ? config->close_timeout : MIX_SECONDS(10);
    w->open_at = after(now, config->open_timeout ? config->open_timeout : MIX_SECONDS(60));
    w->close_at = MIX_NEVER;
    w->given = -1;
    mix_websocket_sending_init(&w->sending, env,
                               config->queue_bytes ? config->queue_bytes : QUEUE_BYTES,
                               config->fragment);
    int status = make_request(w, &config->request);
    if (status == MIX_OK)
        *out = w;
    else
        mix_websocket_free(w);
    return status;
}

void mix_websocket_free(mix_websocket *w) {
    if (!w)
        return;
    mix_websocket_sending_deinit(&w->sending);
    mix_buf_deinit_wiped(&w->offered);
    mix_buf_deinit_wiped(&w->head);
    mix_buf_deinit_wiped(&w->message);
    mix_free_wiped(w, sizeof *w);
}

/* --- endings --- */

static void note_event(mix_websocket *w, mix_websocket_event_kind kind) {
    w->events |= 1u << kind;
}

/* Nothing goes out or comes in after this. The first error noted is the one that is told. */
static void finish(mix_websocket *w, bool clean) {
    if (w->state == MIX_WEBSOCKET_CLOSED)
        return;
    assert(clean || w->error.code != MIX_OK);
    w->state = MIX_WEBSOCKET_CLOSED;
    w->deaf = true;
    w->clean = clean;
    w->open_at = w->close_at = MIX_NEVER;
    mix_websocket_sending_deinit(&w->sending);
    note_event(w, MIX_WEBSOCKET_EVENT_CLOSED);
}

/* After an error was noted in w->error: tells the server why (0: it is no WebSocket yet, or gone)
 * and ends once that is on its way. */
static void fail(mix_websocket *w, unsigned code, mix_time now) {
    uint8_t storage[MIX_WEBSOCKET_CONTROL_MAX];
    mix_buf payload = mix_buf_fixed(storage, sizeof storage);
    w->deaf = w->failed = true;
    note_event(w, MIX_WEBSOCKET_EVENT_ERROR);
    bool told = code != 0 && w->state != MIX_WEBSOCKET_CONNECTING &&
                mix_websocket_close_encode(&payload, code, (mix_bytes){0}) == MIX_OK &&
                mix_websocket_send_close(&w->sending, mix_buf_bytes(&payload), true) == MIX_OK;
    if (!told || mix_websocket_sending_empty(&w->sending)) {
        finish(w, false);
        return;
    }
    w->state = MIX_WEBSOCKET_CLOSING;
    w->close_at = after(now, w->close_timeout);
}

static void fail_by_server(mix_websocket *w, int status, const char *words, mix_time now) {
    unsigned code = status == MIX_ERR_WEBSOCKET_UTF8   ? MIX_WEBSOCKET_NOT_UTF8
                    : status == MIX_ERR_WEBSOCKET_SIZE ? MIX_WEBSOCKET_TOO_BIG
                                                       : MIX_WEBSOCKET_PROTOCOL_ERROR;
    mix_error_note(&w->error, status, "websocket", code, "%s", words);
    fail(w, code, now);
}

/* No memory, no random bytes: not the server's fault. */
static void fail_inside(mix_websocket *w, int status, mix_time now) {
    mix_error_note(&w->error, status, "websocket", MIX_WEBSOCKET_INTERNAL, "%s",
                   mix_error_text(status));
    fail(w, MIX_WEBSOCKET_INTERNAL, now);
}

/* --- the answer to the handshake --- */

static void open_up(mix_websocket *w, mix_time now) {
    mix_websocket_answer answer;
    int status = mix_websocket_answer_decode(&answer, mix_buf_bytes(&w->head), &w->error);
    if (status == MIX_OK && answer.status >= 100 && answer.status < 200 &&
        answer.status != 101) { /* an interim one, RFC 9110 §15.2 */
        mix_buf_truncate(&w->head, 0);
        w->head_end = 0;
        return;
    }
    if (status == MIX_OK)
        status = mix_websocket_answer_check(&answer, mix_buf_bytes(&w->offered), w->key,
                                            &w->protocol, &w->error);
    if (status != MIX_OK) {
        fail(w, 0, now);
        return;
    }
    w->headers = answer.headers;
    w->state = MIX_WEBSOCKET_OPEN;
    w->open_at = MIX_NEVER;
    w->reading = READ_HEADER;
    note_event(w, MIX_WEBSOCKET_EVENT_OPEN);
}

/* Takes bytes up to the empty line; returns how many. */
static size_t read_head(mix_websocket *w, mix_bytes in, mix_time now) {
    static const char start[] = "HTTP/";
    size_t most = MIX_WEBSOCKET_HEAD_MAX - w->head_len, n = 0;
    while (n < in.len && n < most && w->head_end < 4) {
        uint8_t c = in.data[n++];
        w->head_end = c == (uint8_t)"\r\n\r\n"[w->head_end] ? w->head_end + 1 : c == '\r';
    }
    w->head_len += n;
    mix_buf_put(&w->head, in.data, n);
    size_t seen = w->head.len < sizeof start - 1 ? w->head.len : sizeof start - 1;
    if (mix_buf_status(&w->head) != MIX_OK) {
        fail_inside(w, MIX_ERR_MEMORY, now);
    } else if (seen > 0 && memcmp(w->head.data, start, seen) != 0) {
        /* no head: do not wait for its end */
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_HEAD, "websocket", 0,
                       "the server does not answer in HTTP");
        fail(w, 0, now);
    } else if (w->head_end == 4) {
        open_up(w, now);
    } else if (w->head_len == MIX_WEBSOCKET_HEAD_MAX) {
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_HEAD_SIZE, "websocket", MIX_WEBSOCKET_HEAD_MAX,
                       "the head of the answer has more than %d bytes", MIX_WEBSOCKET_HEAD_MAX);
        fail(w, 0, now);
    }
    return n;
}

/* --- frames --- */

/* What §5.2, §5.4 and §5.5 forbid of a header, and our limits; NULL when it is fine. */
static const char *forbidden(const mix_websocket *w, const mix_websocket_frame *f, int *status) {
    *status = MIX_ERR_WEBSOCKET_FRAME;
    if (f->reserved != 0)
        return "a frame has reserved bits set, and no extension was agreed on";
    if (f->masked)
        return "a frame from the server is masked";
    if (mix_websocket_is_control(f->opcode)) {
        if (f->opcode > MIX_WEBSOCKET_PONG)
            return "a control frame is of an unknown kind";
        if (!f->fin)
            return "a control frame is fragmented";
        return f->len > MIX_WEBSOCKET_CONTROL_MAX ? "a control frame has more than 125 bytes"
                                                  : NULL;
    }
    if (f->opcode > MIX_WEBSOCKET_BINARY)
        return "a data frame is of an unknown kind";
    if (f->opcode == MIX_WEBSOCKET_CONTINUATION && w->opcode == 0)
        return "a frame continues no message";
    if (f->opcode != MIX_WEBSOCKET_CONTINUATION && w->opcode != 0)
        return "a message starts within another";
    *status = MIX_ERR_WEBSOCKET_SIZE;
    if (f->len > w->frame_max)
        return "a frame is larger than the limit";
    return f->len > w->message_max - w->message.len ? "a message is larger than the limit" : NULL;
}

static void end_by_server(mix_websocket *w, mix_time now) {
    mix_bytes reason, payload = mix_bytes_of(w->control, (size_t)w->frame.len);
    int status = mix_websocket_close_decode(&w->code, &reason, payload);
    if (status != MIX_OK) {
        w->code = 0;
        fail_by_server(w, status,
                       status == MIX_ERR_WEBSOCKET_UTF8 ? "the close frame's reason is not UTF-8"
                                                        : mix_error_text(status),
                       now);
        return;
    }
    w->reason_len = reason.len;
    if (reason.len > 0)
        memcpy(w->reason, reason.data, reason.len);
    w->close_seen = w->deaf = true;
    w->close_at = after(now, w->close_timeout);
    if (w->state == MIX_WEBSOCKET_OPEN)
        note_event(w, MIX_WEBSOCKET_EVENT_CLOSING);
    w->state = MIX_WEBSOCKET_CLOSING;
    /* §5.5.1: the same code goes back, as soon as may be; what still waits would not be read. */
    status = mix_websocket_send_close(&w->sending, mix_bytes_slice(payload, 0, 2), true);
    if (status != MIX_OK) {
        mix_error_note(&w->error, status, "websocket", 0, "%s", mix_error_text(status));
        fail(w, 0, now);
    }
}

static void finish_control(mix_websocket *w, mix_time now) {
    mix_bytes payload = mix_bytes_of(w->control, (size_t)w->frame.len);
    if (w->frame.opcode == MIX_WEBSOCKET_CLOSE) {
        end_by_server(w, now);
    } else if (w->frame.opcode == MIX_WEBSOCKET_PONG) {
        note_event(w, MIX_WEBSOCKET_EVENT_PONG);
    } else {
        int status = mix_websocket_send_control(&w->sending, MIX_WEBSOCKET_PONG, payload);
        if (status != MIX_OK)
            fail_inside(w, status, now);
    }
}

static void finish_frame(mix_websocket *w, mix_time now) {
    w->reading = READ_HEADER;
    w->header_len = 0;
    if (mix_websocket_is_control(w->frame.opcode)) {
        finish_control(w, now);
        return;
    }
    if (!w->frame.fin)
        return;
    if (w->opcode == MIX_WEBSOCKET_TEXT && !mix_utf8_complete(&w->utf8)) {
        fail_by_server(w, MIX_ERR_WEBSOCKET_UTF8, "a text ends within a character", now);
        return;
    }
    w->text = w->opcode == MIX_WEBSOCKET_TEXT;
    w->opcode = 0;
    note_event(w, MIX_WEBSOCKET_EVENT_MESSAGE);
}

/* Takes bytes until the header is whole; returns how many. */
static size_t read_header(mix_websocket *w, mix_bytes in, mix_time now) {
    size_t before = w->header_len, n = sizeof w->header - before, used;
    n = n < in.len ? n : in.len;
    memcpy(w->header + before, in.data, n);
    int status = mix_websocket_frame_decode(&w->frame, &used, mix_bytes_of(w->header, before + n));
    if (status == MIX_DONE) {
        w->header_len += n;
        return n;
    }
    const char *wrong = "a frame's length is not in its shortest form, or too large";
    if (status == MIX_OK)
        wrong = forbidden(w, &w->frame, &status);
    if (wrong) {
        fail_by_server(w, status, wrong, now);
        return n;
    }
    w->frame_at = 0;
    w->reading = READ_PAYLOAD;
    if (w->frame.opcode == MIX_WEBSOCKET_TEXT || w->frame.opcode == MIX_WEBSOCKET_BINARY) {
        w->opcode = w->frame.opcode;
        w->utf8 = (mix_utf8){0};
    }
    if (w->frame.len == 0)
        finish_frame(w, now);
    return used - before;
}

/* Takes bytes of the payload; returns how many. Memory grows with what has come, not with what was
 * announced. */
static size_t read_payload(mix_websocket *w, mix_bytes in, mix_time now) {
    uint64_t left = w->frame.len - w->frame_at;
    size_t n = in.len < left ? in.len : (size_t)left;
    mix_bytes part = mix_bytes_slice(in, 0, n);
    if (mix_websocket_is_control(w->frame.opcode)) {
        memcpy(w->control + w->frame_at, part.data, n);
    } else if (w->opcode == MIX_WEBSOCKET_TEXT && !mix_utf8_feed(&w->utf8, part)) {
        fail_by_server(w, MIX_ERR_WEBSOCKET_UTF8, mix_error_text(MIX_ERR_WEBSOCKET_UTF8), now);
        return n;
    } else {
        mix_buf_put_bytes(&w->message, part);
        if (mix_buf_status(&w->message) != MIX_OK) {
            fail_inside(w, MIX_ERR_MEMORY, now);
            return n;
        }
    }
    w->frame_at += n;
    if (w->frame_at == w->frame.len)
        finish_frame(w, now);
    return n;
}

/* --- the calls --- */

/* The event given last is done with: its bytes go. Only here, so that a message can be written back
 * from where it lies. */
static void release(mix_websocket *w) {
    if (w->given == MIX_WEBSOCKET_EVENT_OPEN) {
        mix_buf_deinit_wiped(&w->head);
        mix_buf_deinit_wiped(&w->offered);
        w->protocol = w->headers = (mix_bytes){0};
    } else if (w->given == MIX_WEBSOCKET_EVENT_MESSAGE) {
        if (w->message.cap > KEPT_BYTES)
            mix_buf_deinit_wiped(&w->message);
        mix_buf_truncate(&w->message, 0);
    }
    w->given = -1;
}

/* The clean end, or the end after a failure, as soon as all that has to go out is out. */
static void settle(mix_websocket *w) {
    if (w->failed && w->state == MIX_WEBSOCKET_CLOSING && mix_websocket_sending_empty(&w->sending))
        finish(w, false);
}

int mix_websocket_feed(mix_websocket *w, mix_bytes *in, mix_time now) {
    release(w);
    while (in->len > 0 && !w->deaf && w->events == 0) {
        size_t n = w->reading == READ_HEAD     ? read_head(w, *in, now)
                   : w->reading == READ_HEADER ? read_header(w, *in, now)
                                               : read_payload(w, *in, now);
        *in = mix_bytes_slice(*in, n, in->len);
    }
    if (w->deaf)
        *in = (mix_bytes){0};
    settle(w);
    return in->len > 0 ? MIX_BLOCKED : MIX_OK;
}

int mix_websocket_eof(mix_websocket *w, int status, mix_time now) {
    if (w->state == MIX_WEBSOCKET_CLOSED)
        return MIX_OK;
    if (w->failed || (w->close_seen && (status == MIX_OK || w->sending.closed))) {
        finish(
            w,
            !w->failed); /* a server that has said goodbye may leave before our answer is there */
        return MIX_OK;
    }
    if (status != MIX_OK)
        mix_error_note(&w->error, status, "websocket", 0, "%s", mix_error_text(status));
    else
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_LOST, "websocket", 0, "%s",
                       w->state == MIX_WEBSOCKET_CONNECTING
                           ? "the server ended the connection instead of an answer to the handshake"
                           : mix_error_text(MIX_ERR_WEBSOCKET_LOST));
    fail(w, 0, now);
    return MIX_OK;
}

int mix_websocket_drain(mix_websocket *w, mix_buf *out, size_t room, mix_time now) {
    int status = mix_websocket_sending_drain(&w->sending, out, room);
    if (status == MIX_OK && room > 0 && w->close_at != MIX_NEVER)
        w->close_at = after(now, w->close_timeout); /* the server reads: its time starts anew */
    settle(w);
    return status;
}

int mix_websocket_write(mix_websocket *w, bool text, mix_bytes message, mix_time now) {
    (void)now;
    if (w->state == MIX_WEBSOCKET_CONNECTING)
        return MIX_BLOCKED;
    if (w->state != MIX_WEBSOCKET_OPEN)
        return MIX_ERR_STATE;
    if (text && !mix_utf8_valid(message))
        return MIX_ERR_WEBSOCKET_TEXT;
    return mix_websocket_send_message(&w->sending, text ? MIX_WEBSOCKET_TEXT : MIX_WEBSOCKET_BINARY,
                                      message);
}

size_t mix_websocket_room(const mix_websocket *w) {
    return w->state == MIX_WEBSOCKET_OPEN ? mix_websocket_sending_room(&w->sending) : 0;
}

size_t mix_websocket_buffered(const mix_websocket *w) {
    return w->sending.payload;
}

int mix_websocket_ping(mix_websocket *w, mix_bytes payload, mix_time now) {
    (void)now;
    if (payload.len > MIX_WEBSOCKET_CONTROL_MAX)
        return MIX_ERR_WEBSOCKET_PING;
    if (w->state != MIX_WEBSOCKET_OPEN)
        return w->state == MIX_WEBSOCKET_CONNECTING ? MIX_BLOCKED : MIX_ERR_STATE;
    return mix_websocket_send_control(&w->sending, MIX_WEBSOCKET_PING, payload);
}

int mix_websocket_close(mix_websocket *w, unsigned code, mix_bytes reason, mix_time now) {
    uint8_t storage[MIX_WEBSOCKET_CONTROL_MAX];
    mix_buf payload = mix_buf_fixed(storage, sizeof storage);
    int status = mix_websocket_close_encode(&payload, code, reason);
    if (status != MIX_OK)
        return status;
    if (w->state == MIX_WEBSOCKET_CONNECTING) {
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_ABORTED, "websocket", 0, "%s",
                       mix_error_text(MIX_ERR_WEBSOCKET_ABORTED));
        fail(w, 0, now);
    }
    if (w->state != MIX_WEBSOCKET_OPEN)
        return MIX_OK;
    status = mix_websocket_send_close(&w->sending, mix_buf_bytes(&payload), false);
    if (status != MIX_OK)
        return status;
    w->state = MIX_WEBSOCKET_CLOSING;
    w->close_at = after(now, w->close_timeout);
    return MIX_OK;
}

static void describe(const mix_websocket *w, mix_websocket_event *ev) {
    bool end = ev->kind == MIX_WEBSOCKET_EVENT_CLOSING || ev->kind == MIX_WEBSOCKET_EVENT_CLOSED;
    switch (ev->kind) {
    case MIX_WEBSOCKET_EVENT_OPEN:
        ev->protocol = w->protocol;
        ev->headers = w->headers;
        break;
    case MIX_WEBSOCKET_EVENT_MESSAGE:
        ev->text = w->text;
        ev->bytes = mix_buf_bytes(&w->message);
        break;
    case MIX_WEBSOCKET_EVENT_PONG:
        ev->bytes = mix_bytes_of(w->control, (size_t)w->frame.len);
        break;
    default:
        break;
    }
    if (end) {
        ev->code = w->close_seen ? w->code : MIX_WEBSOCKET_ABNORMAL;
        ev->reason = mix_bytes_of(w->reason, w->reason_len);
        ev->clean = ev->kind == MIX_WEBSOCKET_EVENT_CLOSED && w->clean;
    }
    if (ev->kind == MIX_WEBSOCKET_EVENT_ERROR)
        ev->error = &w->error;
}

int mix_websocket_next(mix_websocket *w, mix_websocket_event *ev, mix_time now) {
    (void)now;
    release(w);
    for (int kind = 0; kind <= LAST_KIND; kind++) {
        if (!(w->events & 1u << kind))
            continue;
        w->events &= ~(1u << kind);
        w->given = kind;
        *ev = (mix_websocket_event){.kind = (mix_websocket_event_kind)kind};
        describe(w, ev);
        return MIX_OK;
    }
    return MIX_DONE;
}

mix_time mix_websocket_deadline(const mix_websocket *w) {
    return w->open_at < w->close_at ? w->open_at : w->close_at;
}

int mix_websocket_tick(mix_websocket *w, mix_time now) {
    if (w->open_at <= now) {
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_OPEN_TIMEOUT, "websocket", 0, "%s",
                       mix_error_text(MIX_ERR_WEBSOCKET_OPEN_TIMEOUT));
        fail(w, 0, now);
    } else if (w->close_at <= now && (w->failed || (w->close_seen && w->sending.closed))) {
        finish(w, !w->failed); /* all was said; the server only fails to end the stream */
    } else if (w->close_at <= now) {
        mix_error_note(&w->error, MIX_ERR_WEBSOCKET_CLOSE_TIMEOUT, "websocket", 0, "%s",
                       mix_error_text(MIX_ERR_WEBSOCKET_CLOSE_TIMEOUT));
        fail(w, 0, now);
    }
    return MIX_OK;
}

mix_websocket_state mix_websocket_get_state(const mix_websocket *w) {
    return w->state;
}
