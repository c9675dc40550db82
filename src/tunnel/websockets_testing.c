/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "tunnel/websockets_testing.h"

#include "mix/errors.h"
#include "websocket/websocket_testing.h"

#include <stdlib.h>

enum { PIECE = 1000 };

ws_servers server;

typedef struct conn {
    char path[64];
    mix_buf text, message;
    bool up;
    uint8_t opcode; /* of the message under way */
} conn;

static bool is(const conn *w, const char *path) {
    return strcmp(w->path, path) == 0;
}

void ws_opened(host_conn *c) {
    c->user = calloc(1, sizeof(conn));
    server.last = c;
}

void ws_gone(host_conn *c) {
    conn *w = c->user;
    server.gone++;
    if (server.last == c)
        server.last = NULL;
    mix_buf_deinit(&w->text);
    mix_buf_deinit(&w->message);
    free(w);
}

void ws_reset_all(void) {
    mix_buf_deinit(&server.seen);
    server = (ws_servers){0};
}

/* ---- frames ---- */

static void send_frame(host_conn *c, uint8_t opcode, bool fin, mix_bytes payload) {
    uint8_t header[MIX_WEBSOCKET_HEADER_MAX];
    mix_websocket_frame f = {.fin = fin, .opcode = opcode, .len = payload.len};
    size_t n = mix_websocket_frame_encode(header, &f);
    host_send(c, mix_bytes_of(header, n));
    host_send(c, payload);
}

void ws_send(host_conn *c, const char *notation) {
    mix_buf frames = {0};
    frames_encode(&frames, notation);
    host_send(c, mix_buf_bytes(&frames));
    mix_buf_deinit(&frames);
}

static void note(char letter, mix_bytes payload) {
    char text[200];
    if (server.seen.len > 4000)
        return;
    if (payload.len > 60)
        snprintf(text, sizeof text, "%s%c*%zu", server.seen.len > 0 ? " " : "", letter,
                 payload.len);
    else
        snprintf(text, sizeof text, "%s%c:%.*s", server.seen.len > 0 ? " " : "", letter,
                 (int)payload.len, payload.len > 0 ? (const char *)payload.data : "");
    mix_buf_put_str(&server.seen, text);
}

static void echo(host_conn *c, conn *w, uint8_t opcode, mix_bytes message) {
    size_t at = 0;
    if (is(w, "/pieces"))
        for (; message.len - at > PIECE; at += PIECE) {
            send_frame(c, at == 0 ? opcode : MIX_WEBSOCKET_CONTINUATION, false,
                       mix_bytes_slice(message, at, PIECE));
            send_frame(c, MIX_WEBSOCKET_PING, true, mix_bytes_str("?"));
        }
    if (is(w, "/echo") || is(w, "/chat") || is(w, "/pieces"))
        send_frame(c, at == 0 ? opcode : MIX_WEBSOCKET_CONTINUATION, true,
                   mix_bytes_slice(message, at, message.len));
}

static void on_close(host_conn *c, mix_bytes payload) {
    char text[160];
    unsigned code = payload.len >= 2 ? mix_get_u16(payload.data) : 0;
    mix_bytes reason = mix_bytes_slice(payload, 2, payload.len);
    snprintf(text, sizeof text, "%u%s%.*s", code, reason.len > 0 ? ":" : "", (int)reason.len,
             reason.len > 0 ? (const char *)reason.data : "");
    note('X', mix_bytes_str(text));
    if (is(c->user, "/case"))
        return; /* all is said */
    send_frame(c, MIX_WEBSOCKET_CLOSE, true, payload);
    host_close(c);
}

static void on_frame(host_conn *c, conn *w, const mix_websocket_frame *f, mix_bytes payload) {
    switch (f->opcode) {
    case MIX_WEBSOCKET_CLOSE:
        on_close(c, payload);
        return;
    case MIX_WEBSOCKET_PING:
        note('P', payload);
        send_frame(c, MIX_WEBSOCKET_PONG, true, payload);
        return;
    case MIX_WEBSOCKET_PONG:
        note('O', payload);
        server.pings++;
        return;
    default:
        if (f->opcode != MIX_WEBSOCKET_CONTINUATION)
            w->opcode = f->opcode;
        mix_buf_put_bytes(&w->message, payload);
        if (!f->fin)
            return;
        note(w->opcode == MIX_WEBSOCKET_TEXT ? 'T' : 'B', mix_buf_bytes(&w->message));
        echo(c, w, w->opcode, mix_buf_bytes(&w->message));
        mix_buf_truncate(&w->message, 0);
    }
}

static void read_frames(host_conn *c, conn *w) {
    mix_websocket_frame f;
    size_t used;
    while (mix_websocket_frame_decode(&f, &used, mix_buf_bytes(&w->text)) == MIX_OK &&
           f.len <= w->text.len - used) {
        mix_bytes payload = mix_bytes_of(w->text.data + used, (size_t)f.len);
        assert_true(f.masked);
        mix_websocket_mask(w->text.data + used, payload, f.mask, 0);
        on_frame(c, w, &f, payload);
        mix_buf_consume(&w->text, used + (size_t)f.len);
    }
}

/* ---- the handshake ---- */

static void accept_it(host_conn *c, const conn *w, const char *head) {
    static const char name[] = "Sec-WebSocket-Key: ";
    char answer[400];
    uint8_t proof[MIX_WEBSOCKET_ACCEPT_LEN];
    const char *key = strstr(head, name);
    assert_non_null(key);
    mix_websocket_accept(proof, (const uint8_t *)(is(w, "/wrong") ? "0123456789abcdef01234567"
                                                                  : key + sizeof name - 1));
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\n%sSec-WebSocket-Accept: %.*s\r\n\r\n",
                     is(w, "/chat") ? "Sec-WebSocket-Protocol: chat\r\n" : "", (int)sizeof proof,
                     (const char *)proof);
    host_send(c, mix_bytes_of(answer, (size_t)n));
    server.accepted++;
}

static void after_handshake(host_conn *c, const conn *w) {
    if (is(w, "/end"))
        host_close(c);
    if (is(w, "/reset"))
        host_reset(c);
    if (is(w, "/stuck"))
        far_stop_reading(c->far, true);
    if (is(w, "/script") || is(w, "/case"))
        ws_send(c, server.script);
    if (is(w, "/case"))
        host_close(c);
    for (int i = 0; is(w, "/flood") && i < 128; i++)
        ws_send(c, "B*16384");
}

static void read_head(host_conn *c, conn *w) {
    mix_buf_put_u8(&w->text, 0);
    w->text.len--;
    char *end = strstr((char *)w->text.data, "\r\n\r\n");
    if (w->text.data[0] < ' ') { /* TLS, perhaps */
        mix_buf_truncate(&w->text, 0);
        host_send(c, mix_bytes_str("HTTP/1.1 400 What\r\n\r\n"));
        host_close(c);
        return;
    }
    if (!end)
        return;
    end[2] = 0;
    if (c->ssl) { /* a protocol that begins as HTTP/1.1 */
        const unsigned char *alpn;
        unsigned int n;
        SSL_get0_alpn_selected(c->ssl, &alpn, &n);
        assert_bytes(mix_bytes_of(alpn, n), mix_bytes_str("http/1.1"));
    }
    snprintf(server.request, sizeof server.request, "%s", (char *)w->text.data);
    sscanf(server.request, "GET %63[^? ]", w->path);
    mix_buf_consume(&w->text, (size_t)((uint8_t *)end - w->text.data) + 4);
    if (is(w, "/refuse")) {
        host_send(c, mix_bytes_str("HTTP/1.1 403 Not for you\r\nContent-Length: 0\r\n\r\n"));
        host_close(c);
    } else if (!is(w, "/mute")) {
        w->up = true;
        accept_it(c, w, server.request);
        after_handshake(c, w);
    }
}

void ws_received(host_conn *c, mix_bytes data) {
    conn *w = c->user;
    mix_buf_put_bytes(&w->text, data);
    if (!w->up)
        read_head(c, w);
    if (w->up && c->far)
        read_frames(c, w);
}
