/* SPDX-License-Identifier: Apache-2.0 */
/* A page's URL, sub-protocol and header: whatever they are, the request has the lines that it
 * should have and no others. */
#include "tunnel/handshake.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line of the input as a text of its own. */
static char *take_line(mix_bytes *in) {
    const uint8_t *end = in->len > 0 ? memchr(in->data, '\n', in->len) : NULL;
    size_t n = end ? (size_t)(end - in->data) : in->len;
    char *out = malloc(n + 1);
    if (!out)
        abort();
    if (n > 0)
        memcpy(out, in->data, n);
    out[n] = 0;
    *in = mix_bytes_slice(*in, n + 1, in->len);
    return out;
}

static void check(bool good) {
    if (!good)
        abort();
}

static void check_request(const mix_websocket_request *q, mix_bytes text) {
    size_t lines = 0;
    check(text.len > 4 && memcmp(text.data, "GET /", 5) == 0);
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n';
        check(text.data[i] != '\n' || (i > 0 && text.data[i - 1] == '\r'));
        check(text.data[i] != '\r' || (i + 1 < text.len && text.data[i + 1] == '\n'));
    }
    /* request line, Host, Upgrade, Connection, Key, Version, and the empty one */
    check(lines == 7 + q->header_count + (q->origin.len > 0) + (q->protocol_count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[MIX_WEBSOCKET_KEY_LEN] = "dGhlIHNhbXBsZSBub25jZQ==";
    mix_bytes in = mix_bytes_of(data, size);
    char *texts[4];
    for (int i = 0; i < 4; i++)
        texts[i] = take_line(&in);
    const char *const protocols[] = {texts[1]};
    const mix_header headers[] = {{texts[2], texts[3]}};
    const mix_websocket_options o = {.url = texts[0],
                                     .protocols = protocols,
                                     .protocol_count = *texts[1] != 0,
                                     .headers = headers,
                                     .header_count = *texts[2] != 0};
    mix_handshake h = {0};
    mix_buf request = {0};
    if (mix_handshake_make(&h, &o, "lwmix") == MIX_OK &&
        mix_websocket_request_encode(&request, &h.request, key) == MIX_OK)
        check_request(&h.request, mix_buf_bytes(&request));
    mix_buf_deinit(&request);
    mix_handshake_deinit(&h);
    for (int i = 0; i < 4; i++)
        free(texts[i]);
    return 0;
}
