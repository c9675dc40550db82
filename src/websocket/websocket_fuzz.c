/* SPDX-License-Identifier: Apache-2.0 */
/* The engine driven by a script: calls from above, bytes from the server, time. What it sends must
 * always be well-formed masked frames, events must come in the order of a connection's life, and
 * memory stays within the limits. */
#include "websocket/websocket.h"

#include "base/utf8.h"
#include "mix/errors.h"
#include "testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c)                                                                                    \
    do {                                                                                           \
        if (!(c))                                                                                  \
            __builtin_trap();                                                                      \
    } while (0)

typedef struct scene {
    mix_test_env env;
    mix_websocket *w;
    mix_time now;
    mix_buf sent; /* a part of a frame, or of the request */
    bool opened, error, closed, close_sent, request_seen;
} scene;

static void answer(scene *s) {
    uint8_t accept[MIX_WEBSOCKET_ACCEPT_LEN];
    mix_buf text = {0};
    mix_buf_put_u8(&s->sent, 0);
    char *key = strstr((char *)s->sent.data, "Sec-WebSocket-Key: ");
    MUST(key);
    mix_websocket_accept(accept, (uint8_t *)key + 19);
    mix_buf_put_str(&text, "HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: "
                           "upgrade\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Accept: ");
    mix_buf_put(&text, accept, sizeof accept);
    mix_buf_put_str(&text, "\r\n\r\n");
    mix_bytes in = mix_buf_bytes(&text);
    (void)mix_websocket_feed(s->w, &in, s->now);
    mix_buf_deinit(&text);
}

/* Reads what the client sent as a server does. */
static void judge(scene *s) {
    if (!s->request_seen) {
        mix_bytes all = mix_buf_bytes(&s->sent);
        if (all.len < 4 || memcmp(all.data + all.len - 4, "\r\n\r\n", 4) != 0)
            return;
        s->request_seen = true;
        answer(s);
        mix_buf_truncate(&s->sent, 0);
    }
    mix_websocket_frame f;
    size_t used;
    int status;
    while ((status = mix_websocket_frame_decode(&f, &used, mix_buf_bytes(&s->sent))) == MIX_OK &&
           f.len <= s->sent.len - used) {
        MUST(f.masked && f.reserved == 0 && !s->close_sent);
        s->close_sent = f.opcode == MIX_WEBSOCKET_CLOSE;
        mix_buf_consume(&s->sent, used + (size_t)f.len);
    }
    MUST(status == MIX_OK || status == MIX_DONE);
}

static void pull(scene *s) {
    mix_websocket_event ev;
    while (mix_websocket_next(s->w, &ev, s->now) == MIX_OK) {
        MUST(!s->closed && (!s->error || ev.kind >= MIX_WEBSOCKET_EVENT_ERROR));
        MUST(s->opened || ev.kind == MIX_WEBSOCKET_EVENT_OPEN ||
             ev.kind >= MIX_WEBSOCKET_EVENT_ERROR);
        MUST(ev.kind != MIX_WEBSOCKET_EVENT_OPEN || !s->opened);
        s->opened = s->opened || ev.kind == MIX_WEBSOCKET_EVENT_OPEN;
        s->error = s->error || ev.kind == MIX_WEBSOCKET_EVENT_ERROR;
        s->closed = ev.kind == MIX_WEBSOCKET_EVENT_CLOSED;
        MUST(!s->closed || ev.clean == !s->error);
        MUST(ev.kind != MIX_WEBSOCKET_EVENT_MESSAGE ||
             (ev.bytes.len <= 300 && (!ev.text || mix_utf8_valid(ev.bytes))));
    }
}

static void step(scene *s, mix_reader *in) {
    uint8_t what = mix_read_u8(in), arg = mix_read_u8(in);
    mix_bytes bytes = {0};
    switch (what % 8) {
    case 0: /* bytes from the server, in two parts */
        bytes = mix_read_bytes(in, arg);
        for (mix_bytes part = mix_bytes_slice(bytes, 0, bytes.len / 2);
             mix_websocket_feed(s->w, &part, s->now) == MIX_BLOCKED;)
            pull(s);
        for (mix_bytes part = mix_bytes_slice(bytes, bytes.len / 2, arg);
             mix_websocket_feed(s->w, &part, s->now) == MIX_BLOCKED;)
            pull(s);
        break;
    case 1:
        (void)mix_websocket_write(s->w, arg & 1, mix_read_bytes(in, arg), s->now);
        break;
    case 2:
        (void)mix_websocket_close(s->w, mix_read_u16(in), mix_read_bytes(in, arg), s->now);
        break;
    case 3:
        s->now += (mix_time)arg * 100000;
        (void)mix_websocket_tick(s->w, s->now);
        break;
    case 4:
        (void)mix_websocket_ping(s->w, mix_read_bytes(in, arg % 130), s->now);
        break;
    case 5:
        (void)mix_websocket_eof(s->w, arg & 1 ? MIX_OK : MIX_ERR_TCP_RESET, s->now);
        break;
    case 6:
        (void)mix_websocket_drain(s->w, &s->sent, arg, s->now);
        judge(s);
        break;
    default:
        pull(s);
    }
    MUST(mix_websocket_buffered(s->w) <= 2048);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_reader in = {.in = mix_bytes_of(data, size)};
    mix_bytes protocol = mix_bytes_str("a");
    mix_websocket_config config = {
        .request = {.host = mix_bytes_str("h"), .protocols = &protocol, .protocol_count = 1},
        .message_max = 300,
        .queue_bytes = 1024};
    scene s = {0};
    mix_test_env_init(&s.env, 1);
    config.fragment = mix_read_u8(&in) & 1 ? 16 : 0;
    bool straight = mix_read_u8(&in) & 1; /* to OPEN at once */
    if (mix_websocket_new(&s.w, &config, &s.env.env, 0) != MIX_OK)
        return 0;
    if (straight) {
        (void)mix_websocket_drain(s.w, &s.sent, SIZE_MAX, 0);
        judge(&s);
    }
    while (!in.bad && in.in.len > 0)
        step(&s, &in);
    mix_websocket_free(s.w);
    mix_buf_deinit(&s.sent);
    return 0;
}
