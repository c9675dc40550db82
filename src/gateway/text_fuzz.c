/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a text of either side: what is accepted must come back the same after it is written
 * and read again. */
#include "base/alloc.h"
#include "gateway/wire.h"
#include "gateway/wire_refusals.h"
#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void read_and_write(mix_text_side side, mix_bytes in) {
    mix_buf scratch = {0}, text = {0}, again = {0}, other = {0};
    mix_text t, u;
    mix_error e = {0};
    int status = mix_text_decode(&t, &scratch, side, in, &e);
    must(status == e.code && (status == MIX_OK || e.words[0] != 0));
    if (status == MIX_OK) {
        must(mix_text_encode(&text, &t) == MIX_OK);
        status = mix_text_decode(&u, &other, side, mix_buf_bytes(&text), NULL);
        must(status == MIX_OK || text.len > MIX_GATEWAY_TEXT_MAX);
        if (status == MIX_OK) {
            must(mix_text_encode(&again, &u) == MIX_OK);
            must(mix_bytes_equal(mix_buf_bytes(&text), mix_buf_bytes(&again)));
        }
        if (t.type == MIX_TEXT_ERROR || t.type == MIX_TEXT_FAILURE) {
            int64_t server;
            (void)mix_refusal_clock_decode(&server, t.text);
            must(mix_refusal_find(t.text) <= MIX_REFUSAL_UNKNOWN);
        }
    }
    mix_buf_deinit(&scratch);
    mix_buf_deinit(&text);
    mix_buf_deinit(&again);
    mix_buf_deinit(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size);
    read_and_write(MIX_TEXT_REQUEST, in);
    read_and_write(MIX_TEXT_RESPONSE, in);
    read_and_write(MIX_TEXT_HANDSHAKE, in);
    mix_inner inner;
    (void)mix_inner_decode(&inner, MIX_TEXT_REQUEST, in, NULL);
    (void)mix_inner_decode(&inner, MIX_TEXT_RESPONSE, in, NULL);
    (void)mix_refusal_find(in);
    return 0;
}
