/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 6455 through the wire functions, and through an engine whose random bytes are
 * those of the RFC. */
#include "websocket/websocket.h"

#include "mix/errors.h"
#include "vectors.h"

/* Random bytes that an example prescribes. */
typedef struct script {
    mix_bytes left;
} script;

static int prescribed(void *user, uint8_t *out, size_t len) {
    script *s = user;
    if (s->left.len < len)
        return -1;
    memcpy(out, s->left.data, len);
    s->left = mix_bytes_slice(s->left, len, s->left.len);
    return 0;
}

static void check_frame(mix_vectors *v, yyjson_val *e) {
    mix_bytes bytes = mix_vec_hex(v, e, "bytes"), mask = mix_vec_hex(v, e, "mask"),
              payload = mix_vec_hex(v, e, "payload");
    mix_websocket_frame f;
    size_t used = 0;
    uint8_t header[MIX_WEBSOCKET_HEADER_MAX], plain[256];
    for (size_t cut = 0; cut < bytes.len - payload.len; cut++)
        VSTATUS(v, mix_websocket_frame_decode(&f, &used, mix_bytes_slice(bytes, 0, cut)), MIX_DONE);
    if (!VCHECK(v, mix_websocket_frame_decode(&f, &used, bytes) == MIX_OK) ||
        !VCHECK(v, payload.len <= sizeof plain))
        return;
    VCHECK(v, f.fin == mix_vec_bool(v, e, "fin") && f.opcode == mix_vec_u64(v, e, "opcode") &&
                  f.reserved == 0);
    VCHECK(v,
           f.masked == (mask.len > 0) && f.len == payload.len && used + payload.len == bytes.len);
    mix_websocket_mask(plain, mix_bytes_slice(bytes, used, bytes.len), f.mask, 0);
    VBYTES(v, mix_bytes_of(plain, payload.len), payload);
    size_t len = mix_websocket_frame_encode(header, &f);
    VBYTES(v, mix_bytes_of(header, len), mix_bytes_slice(bytes, 0, used));
}

static void check_header(mix_vectors *v, yyjson_val *e) {
    mix_websocket_frame f = {0};
    size_t used;
    bool valid = mix_vec_bool(v, e, "valid");
    VSTATUS(v, mix_websocket_frame_decode(&f, &used, mix_vec_hex(v, e, "bytes")),
            valid ? MIX_OK : MIX_ERR_WEBSOCKET_FRAME);
    VCHECK(v, f.len == mix_vec_u64(v, e, "len"));
}

static void drained(mix_vectors *v, mix_websocket *w, mix_bytes want) {
    mix_buf out = {0};
    VSTATUS(v, mix_websocket_drain(w, &out, SIZE_MAX, 0), MIX_OK);
    VBYTES(v, mix_buf_bytes(&out), want);
    mix_buf_deinit(&out);
}

static void check_engine(mix_vectors *v, mix_websocket *w, yyjson_val *e) {
    mix_websocket_event ev;
    mix_bytes answer = mix_bytes_str(mix_vec_str(v, e, "answer")),
              frames = mix_bytes_of("\x01\x03Hel\x80\x02lo\x89\x05Hello", 16);
    drained(v, w, mix_bytes_str(mix_vec_str(v, e, "request")));
    VSTATUS(v, mix_websocket_feed(w, &answer, 0), MIX_OK);
    VCHECK(v, mix_websocket_next(w, &ev, 0) == MIX_OK && ev.kind == MIX_WEBSOCKET_EVENT_OPEN);
    VBYTES(v, ev.protocol, mix_bytes_str(mix_vec_str(v, e, "protocol")));
    VSTATUS(v, mix_websocket_write(w, true, mix_bytes_str("Hello"), 0), MIX_OK);
    drained(v, w, mix_bytes_of("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11));
    VSTATUS(v, mix_websocket_feed(w, &frames, 0),
            MIX_BLOCKED); /* the message is to be pulled first */
    VCHECK(v, mix_websocket_next(w, &ev, 0) == MIX_OK && ev.kind == MIX_WEBSOCKET_EVENT_MESSAGE &&
                  ev.text);
    VBYTES(v, ev.bytes, mix_bytes_str("Hello"));
    VSTATUS(v, mix_websocket_feed(w, &frames, 0), MIX_OK);
    drained(v, w, mix_bytes_of("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11));
}

static void check_handshake(mix_vectors *v, yyjson_val *e) {
    const char *key = mix_vec_str(v, e, "key");
    uint8_t accept[MIX_WEBSOCKET_ACCEPT_LEN], random[16 + 4 + 4];
    mix_bytes protocols[4], nonce = mix_vec_hex(v, e, "nonce");
    mix_websocket_accept(accept, (const uint8_t *)key);
    VBYTES(v, MIX_BYTES(accept), mix_bytes_str(mix_vec_str(v, e, "accept")));
    mix_websocket_config config = {.request = {.host = mix_bytes_str(mix_vec_str(v, e, "host")),
                                               .target = mix_bytes_str(mix_vec_str(v, e, "target")),
                                               .origin = mix_bytes_str(mix_vec_str(v, e, "origin")),
                                               .protocols = protocols}};
    yyjson_val *list = mix_vec(v, e, "protocols"), *p;
    size_t i, n;
    yyjson_arr_foreach(list, i, n, p) {
        protocols[config.request.protocol_count++] = mix_bytes_str(yyjson_get_str(p));
    }
    memcpy(random, nonce.data, 16);
    memcpy(random + 16, "\x37\xfa\x21\x3d\x37\xfa\x21\x3d", 8);
    script s = {MIX_BYTES(random)};
    mix_env env = {.user = &s, .random = prescribed};
    mix_websocket *w;
    if (!VCHECK(v, mix_websocket_new(&w, &config, &env, 0) == MIX_OK))
        return;
    check_engine(v, w, e);
    mix_websocket_free(w);
}

int main(void) {
    static const struct {
        const char *group;
        void (*check)(mix_vectors *v, yyjson_val *e);
    } groups[] = {
        {"frames", check_frame}, {"headers", check_header}, {"handshake", check_handshake}};
    static mix_vectors v;
    mix_vectors_open(&v, "websocket", "websocket.json");
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        yyjson_val *cases = mix_vec(&v, mix_vec(&v, v.root, groups[g].group), "cases"), *e;
        size_t i, n;
        yyjson_arr_foreach(cases, i, n, e) {
            mix_vectors_at(&v, "%s %zu", groups[g].group, i);
            groups[g].check(&v, e);
            mix_vectors_sweep(&v);
        }
    }
    return mix_vectors_close(&v);
}
