/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a script of fragments and time steps: bounds hold and nothing leaks. And any bytes
 * as one fragment: what decodes must encode to the same header. */
#include "messages/fragment.h"
#include "messages/reassembly.h"
#include "alloc_fail.h"
#include "mix/errors.h"
#include "testing.h"

#include <stdlib.h>

static const mix_reassembly_limits LIMITS = {20000, 12, 8, 1000};

static void check(bool holds) {
    if (!holds)
        abort();
}

static void one_fragment(mix_bytes in) {
    mix_fragment f;
    mix_buf out = {0};
    if (mix_fragment_decode(&f, in) == MIX_OK) {
        mix_fragment_encode_header(&out, &f);
        mix_buf_put_bytes(&out, f.payload);
        check(mix_bytes_equal(mix_buf_bytes(&out), in));
    }
    mix_buf_deinit(&out);
}

/* Small identifiers, so that sets and links meet. A run of positions costs one step of the script.
 */
static void feed_run(mix_reassembly *r, mix_reader *script, mix_time now) {
    mix_buf bytes = {0}, out = {0};
    uint8_t flags = mix_read_u8(script), sets = mix_read_u8(script);
    mix_fragment f = {
        .set = 1 + sets % 8, .total = mix_read_u8(script), .current = mix_read_u8(script)};
    uint32_t link = 1 + (sets >> 4) % 8;
    size_t run = mix_read_u8(script), payload = flags & 0x0f;
    for (size_t i = 0; i <= run && f.total > 0 && f.current > 0 && f.current <= f.total;
         i++, f.current++) {
        static const uint8_t filler[16] = {1};
        bool linked = link != f.set;
        f.previous = linked && (flags & 0x10) && f.current == 1 ? link : 0;
        f.next = linked && (flags & 0x20) && f.current == 255 ? link : 0;
        mix_buf_truncate(&bytes, 0);
        mix_buf_truncate(&out, 0);
        mix_fragment_encode_header(&bytes, &f);
        mix_buf_put(&bytes, filler, payload);
        int status = mix_reassembly_feed(r, &out, flags >> 6, mix_buf_bytes(&bytes), now);
        check(status != MIX_ERR_MEMORY && (status == MIX_OK || out.len == 0));
        if (f.current == 255)
            break;
    }
    mix_buf_deinit(&bytes);
    mix_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_reader script = {.in = mix_bytes_of(data, size)};
    mix_reassembly *r = NULL;
    mix_test_env env;
    mix_time now = 0;
    one_fragment(script.in);
    mix_test_env_init(&env, 1);
    size_t live = mix_alloc_live();
    check(mix_reassembly_new(&r, &LIMITS, &env.env) == MIX_OK);
    size_t idle = mix_alloc_live_bytes();
    while (script.in.len > 0) {
        mix_buf out = {0};
        uint8_t op = mix_read_u8(&script);
        if (op < 0xc0) {
            feed_run(r, &script, now);
        } else if (op < 0xe0) {
            mix_bytes raw = mix_bytes_slice(script.in, 0, op & 0x1f);
            (void)mix_reassembly_feed(r, &out, 0, raw, now);
            mix_skip(&script, raw.len);
        } else {
            now += (mix_time)(op & 0x1f) * 40;
            mix_reassembly_tick(r, now);
        }
        mix_buf_deinit(&out);
        mix_reassembly_stats stats = mix_reassembly_get_stats(r);
        check(stats.bytes <= LIMITS.max_bytes && stats.sets <= LIMITS.max_sets);
        check(mix_alloc_live_bytes() <= idle + LIMITS.max_bytes + 32 * 64); /* the map's slots */
        check((mix_reassembly_deadline(r) == MIX_NEVER) == (stats.sets == 0));
    }
    mix_reassembly_free(r);
    check(mix_alloc_live() == live);
    return 0;
}
