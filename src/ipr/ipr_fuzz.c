/* SPDX-License-Identifier: Apache-2.0 */
/* The session engine driven by bytes: connects, messages of any content, packets, time. Memory and work stay bounded. */
#include "ipr/ipr.h"
#include "mix/errors.h"
#include "testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds a message; with the right stream id when the script wants it, so that the fuzzer gets past the first check. */
static void feed(mix_ipr *ipr, mix_reader *in, uint64_t stream, mix_time now) {
    uint8_t how = mix_read_u8(in);
    mix_bytes bytes = mix_read_bytes(in, mix_read_u8(in));
    mix_buf message = {0};
    if (how & 1)
        mix_lp_encode(&message, stream, MIX_LP_DATA, how >> 1, bytes);
    else
        mix_buf_put_bytes(&message, bytes);
    (void)mix_ipr_feed(ipr, mix_buf_bytes(&message), now);
    mix_buf_deinit(&message);
}

static void step(mix_ipr *ipr, mix_reader *in, uint64_t *stream, mix_time *now) {
    mix_ipr_message m;
    mix_ipr_event ev;
    mix_lp_frame f;
    switch (mix_read_u8(in) % 6) {
    case 0:
        (void)mix_ipr_connect(ipr, (uint8_t)(8 + mix_read_u8(in) % 3), *now);
        break;
    case 1:
        feed(ipr, in, *stream, *now);
        break;
    case 2:
        *now += (mix_time)mix_read_u16(in) * 1000;
        (void)mix_ipr_tick(ipr, *now);
        break;
    case 3:
        (void)mix_ipr_write(ipr, mix_read_bytes(in, mix_read_u8(in)), *now);
        break;
    case 4:
        if (mix_ipr_drain(ipr, &m, mix_read_u16(in), *now) == MIX_OK) {
            if (mix_lp_decode(&f, m.bytes) == MIX_OK && f.kind == MIX_LP_STREAM)
                *stream = f.stream_id;
            mix_ipr_sent(ipr, *now);
        }
        break;
    default:
        while (mix_ipr_next(ipr, &ev, *now) == MIX_OK) {
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_reader in = {.in = mix_bytes_of(data, size)};
    mix_test_env env;
    mix_ipr *ipr;
    uint64_t stream = 0;
    mix_time now = 0;
    mix_test_env_init(&env, 1);
    if (mix_ipr_new(&ipr, NULL, &env.env) != MIX_OK)
        return 0;
    while (!in.bad && in.in.len > 0)
        step(ipr, &in, &stream, &now);
    mix_ipr_free(ipr);
    return 0;
}
