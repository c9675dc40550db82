/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side, written through wire.h. */
#include "websocket/websocket_testing.h"

#include "base/text.h"
#include "mix/errors.h"

#include <stdlib.h>

/* --- frames --- */

static const char LETTERS[] = "CTB.....XPO";

static void put_frame(mix_buf *out, char letter, mix_bytes payload) {
    uint8_t header[MIX_WEBSOCKET_HEADER_MAX];
    char upper = letter & 0x5f;
    mix_websocket_frame f = {.fin = letter == upper,
                             .opcode = (uint8_t)(strchr(LETTERS, upper) - LETTERS),
                             .len = payload.len};
    mix_buf_put(out, header, mix_websocket_frame_encode(header, &f));
    mix_buf_put_bytes(out, payload);
}

static void put_token(mix_buf *out, mix_bytes token) {
    mix_buf payload = {0};
    char letter = (char)token.data[0], kind = token.len > 1 ? (char)token.data[1] : ':';
    mix_bytes rest = mix_bytes_slice(token, 2, token.len);
    if (letter == '=') {
        assert_status(mix_hex_decode(out, mix_bytes_slice(token, 1, token.len)), MIX_OK);
        return;
    }
    if (letter == 'X' && rest.len >= 4) {
        mix_buf_put_u16(&payload, (uint16_t)strtoul((const char *)rest.data, NULL, 10));
        mix_buf_put_bytes(&payload, mix_bytes_slice(rest, 5, rest.len));
    } else if (kind == '*') {
        size_t n = strtoul((const char *)rest.data, NULL, 10);
        uint8_t *p = n > 0 ? mix_buf_space(&payload, n) : NULL;
        if (p)
            memset(p, '*', n);
    } else {
        mix_buf_put_bytes(&payload, rest);
    }
    put_frame(out, letter, mix_buf_bytes(&payload));
    mix_buf_deinit(&payload);
}

void frames_encode(mix_buf *out, const char *notation) {
    while (*notation) {
        const char *end = strchr(notation, ' ');
        size_t len = end ? (size_t)(end - notation) : strlen(notation);
        if (len > 0)
            put_token(out, mix_bytes_of(notation, len));
        notation += len + (end != NULL);
    }
}

/* --- the script --- */

static void put_word(mix_buf *out, const char *format, ...) {
    char word[80];
    va_list args;
    va_start(args, format);
    vsnprintf(word, sizeof word, format, args);
    va_end(args);
    mix_buf_put_str(out, out->len > 0 ? " " : "");
    mix_buf_put_str(out, word);
}

static void put_payload(mix_buf *out, mix_bytes payload) {
    size_t stars = 0;
    while (stars < payload.len && payload.data[stars] == '*')
        stars++;
    char text[24];
    snprintf(text, sizeof text, "*%zu", stars);
    if (stars > 0 && stars == payload.len) {
        mix_buf_put_str(out, text);
    } else {
        mix_buf_put_str(out, ":");
        mix_buf_put_bytes(out, payload);
    }
}

static const char *take(mix_buf *words, char *text, size_t size) {
    assert_true(words->len < size);
    if (words->len > 0)
        memcpy(text, words->data, words->len);
    text[words->len] = 0;
    mix_buf_truncate(words, 0);
    return text;
}

const char *peer_sent(peer *p) {
    static char text[8192];
    return take(&p->frames, text, sizeof text);
}

const char *peer_events(peer *p) {
    static char text[8192];
    return take(&p->events, text, sizeof text);
}

/* Reads the frames that are whole in p->sent. */
static void read_sent(peer *p) {
    mix_websocket_frame f;
    size_t used;
    while (mix_websocket_frame_decode(&f, &used, mix_buf_bytes(&p->sent)) == MIX_OK &&
           f.len <= p->sent.len - used) {
        mix_bytes payload = mix_bytes_of(p->sent.data + used, (size_t)f.len);
        assert_true(f.masked);
        assert_int_equal(f.reserved, 0);
        mix_websocket_mask(p->sent.data + used, payload, f.mask, 0);
        char letter = LETTERS[f.opcode];
        put_word(&p->frames, "%c", f.fin ? letter : letter | 0x20);
        if (f.opcode == MIX_WEBSOCKET_CLOSE && f.len >= 2) {
            char code[8];
            snprintf(code, sizeof code, ":%u%s", mix_get_u16(payload.data), f.len > 2 ? ":" : "");
            mix_buf_put_str(&p->frames, code);
            mix_buf_put_bytes(&p->frames, mix_bytes_slice(payload, 2, payload.len));
        } else if (f.opcode != MIX_WEBSOCKET_CLOSE) {
            put_payload(&p->frames, payload);
        }
        mix_buf_consume(&p->sent, used + (size_t)f.len);
    }
}

void peer_drain(peer *p, size_t room) {
    int status = mix_websocket_drain(p->w, &p->sent, room, p->now);
    assert_true(status == MIX_OK || status == MIX_DONE);
    read_sent(p);
}

static void note_event(peer *p, const mix_websocket_event *ev) {
    switch (ev->kind) {
    case MIX_WEBSOCKET_EVENT_OPEN:
        put_word(&p->events, "open:%.*s", (int)ev->protocol.len,
                 ev->protocol.len > 0 ? (const char *)ev->protocol.data : "");
        break;
    case MIX_WEBSOCKET_EVENT_MESSAGE:
        if (p->echo && mix_websocket_get_state(p->w) == MIX_WEBSOCKET_OPEN) {
            assert_status(mix_websocket_write(p->w, ev->text, ev->bytes, p->now), MIX_OK);
        } else {
            put_word(&p->events, "got%c", ev->text ? 'T' : 'B');
            put_payload(&p->events, ev->bytes);
        }
        break;
    case MIX_WEBSOCKET_EVENT_PONG:
        put_word(&p->events, "pong");
        put_payload(&p->events, ev->bytes);
        break;
    case MIX_WEBSOCKET_EVENT_CLOSING:
        put_word(&p->events, "closing:%u", ev->code);
        put_payload(&p->events, ev->reason);
        break;
    case MIX_WEBSOCKET_EVENT_ERROR:
        put_word(&p->events, "error:%s", mix_error_name(ev->error->code) + sizeof "MIX_ERR_" - 1);
        assert_true(ev->error->words[0] != 0 && strcmp(ev->error->layer, "websocket") == 0);
        break;
    default:
        put_word(&p->events, "closed:%u%s", ev->code, ev->clean ? ":clean" : "");
        p->closed = true;
    }
}

void peer_pull(peer *p) {
    mix_websocket_event ev;
    while (mix_websocket_next(p->w, &ev, p->now) == MIX_OK) {
        assert_false(p->closed); /* CLOSED is the last */
        note_event(p, &ev);
    }
}

static size_t next_cut(peer *p, cutting how, size_t left) {
    if (how == CUT_WHOLE)
        return left;
    uint64_t most = left < 40 ? left : left / 8; /* long streams in long parts */
    return how == CUT_BYTES ? 1 : 1 + (size_t)mix_test_below(&p->env, most);
}

void peer_feed(peer *p, mix_bytes bytes, cutting how) {
    while (bytes.len > 0) {
        size_t n = next_cut(p, how, bytes.len);
        uint8_t *exact = malloc(n); /* so that a sanitizer sees each byte too far */
        assert_true(exact != NULL);
        memcpy(exact, bytes.data, n);
        mix_bytes part = mix_bytes_of(exact, n);
        int status;
        do {
            status = mix_websocket_feed(p->w, &part, p->now);
            assert_int_equal(status, part.len > 0 ? MIX_BLOCKED : MIX_OK);
            peer_pull(p);
            peer_drain(p, SIZE_MAX);
            peer_pull(p);
        } while (status == MIX_BLOCKED);
        free(exact);
        bytes = mix_bytes_slice(bytes, n, bytes.len);
    }
}

/* --- the handshake --- */

void peer_init(peer *p, const mix_websocket_config *config, uint64_t seed) {
    mix_websocket_config c = config ? *config : (mix_websocket_config){0};
    *p = (peer){.now = MIX_SECONDS(100)};
    if (c.request.host.len == 0)
        c.request.host = mix_bytes_str("example.org");
    mix_test_env_init(&p->env, seed);
    assert_status(mix_websocket_new(&p->w, &c, &p->env.env, p->now), MIX_OK);
    assert_status(mix_websocket_drain(p->w, &p->sent, SIZE_MAX, p->now), MIX_OK);
    assert_status(mix_websocket_drain(p->w, &p->sent, SIZE_MAX, p->now), MIX_DONE);
}

void peer_deinit(peer *p) {
    mix_websocket_free(p->w);
    mix_buf_deinit(&p->sent);
    mix_buf_deinit(&p->frames);
    mix_buf_deinit(&p->events);
}

void peer_answer(peer *p, mix_buf *out, const char *text) {
    static const char name[] = "Sec-WebSocket-Key: ";
    uint8_t accept[MIX_WEBSOCKET_ACCEPT_LEN];
    const uint8_t *key = NULL;
    for (size_t i = 0; i + sizeof name + MIX_WEBSOCKET_KEY_LEN <= p->sent.len; i++)
        if (memcmp(p->sent.data + i, name, sizeof name - 1) == 0)
            key = p->sent.data + i + sizeof name - 1;
    assert_true(key != NULL);
    mix_websocket_accept(accept, key);
    mix_buf_truncate(&p->sent, 0);
    for (; *text; text++) {
        if (*text == '$')
            mix_buf_put(out, accept, sizeof accept);
        else
            mix_buf_put_u8(out, (uint8_t)*text);
    }
}

void peer_open(peer *p, const char *more) {
    mix_buf answer = {0};
    peer_answer(p, &answer,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                "Upgrade\r\nSec-WebSocket-Accept: $\r\n");
    mix_buf_put_str(&answer, more);
    mix_buf_put_str(&answer, "\r\n");
    peer_feed(p, mix_buf_bytes(&answer), CUT_WHOLE);
    mix_buf_deinit(&answer);
}
