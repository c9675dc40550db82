/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting and reassembly: any order, loss and repetition; contradictions; bounds of memory, number
 * and age. */
#include "messages/fragment.h"
#include "messages/reassembly.h"
#include "messages/remembered.h"
#include "alloc_fail.h"
#include "mix/errors.h"
#include "testing.h"

#include <stdlib.h>

static const mix_reassembly_limits LIMITS = {1 << 20, 64, 64, MIX_SECONDS(1800)};

typedef struct cut {
    mix_split plan;
    uint32_t ids[8];
    mix_buf message, all; /* all fragments one after another */
} cut;

static void cut_init(cut *c, mix_test_env *env, size_t len, size_t space) {
    size_t at = 0;
    *c = (cut){.plan = mix_split_plan(len, space)};
    assert_true(c->plan.sets <= 8);
    assert_status(mix_split_ids(c->ids, c->plan.sets, &env->env), MIX_OK);
    for (size_t i = 0; i < len; i++)
        mix_buf_put_u8(&c->message, (uint8_t)mix_test_random(env));
    mix_buf padded = {0};
    mix_buf_put_bytes(&padded, mix_buf_bytes(&c->message));
    mix_buf_put_u8(&padded, 1);
    mix_buf_put_zeros(&padded, c->plan.zeros);
    for (size_t i = 0; i < c->plan.fragments; i++) {
        mix_fragment f = mix_split_at(&c->plan, c->ids, i);
        mix_fragment_encode_header(&c->all, &f);
        mix_buf_put_bytes(&c->all, mix_bytes_slice(mix_buf_bytes(&padded), at, f.payload.len));
        at += f.payload.len;
    }
    assert_int_equal(at, padded.len);
    mix_buf_deinit(&padded);
}
static void cut_deinit(cut *c) {
    mix_buf_deinit(&c->message);
    mix_buf_deinit(&c->all);
}
static mix_bytes piece_of(const cut *c, size_t i) {
    return mix_bytes_slice(mix_buf_bytes(&c->all), i * c->plan.space, c->plan.space);
}

static mix_reassembly *make(mix_test_env *env, const mix_reassembly_limits *limits) {
    mix_reassembly *r = NULL;
    mix_test_env_init(env, 7);
    assert_status(mix_reassembly_new(&r, limits, &env->env), MIX_OK);
    return r;
}

static void assert_message(const cut *c, const mix_buf *padded) {
    mix_bytes got;
    assert_status(mix_message_unpad(&got, mix_buf_bytes(padded)), MIX_OK);
    assert_bytes(got, mix_buf_bytes(&c->message));
}

static void test_plan_covers_all_lengths(void **state) {
    (void)state;
    for (size_t space = 11; space < 20; space++) {
        for (size_t len = 0; len < 4 * 255 * (space - 7); len++) {
            mix_split plan = mix_split_plan(len, space);
            uint32_t ids[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
            size_t sum = 0, last = 0;
            assert_true(plan.sets <= 16);
            for (size_t i = 0; i < plan.fragments; i++) {
                last = mix_split_at(&plan, ids, i).payload.len;
                sum += last;
            }
            if (sum != len + 1 + plan.zeros || plan.zeros > last)
                fail_msg("%zu bytes in %zu: %zu carried, %zu zeros", len, space, sum, plan.zeros);
        }
    }
}

static void shuffle(mix_test_env *env, size_t *order, size_t n) {
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)mix_test_below(env, i), keep = order[i - 1];
        order[i - 1] = order[j];
        order[j] = keep;
    }
}

/* Messages of many sizes, their fragments mixed up together and half of them twice: each comes out
 * once. */
static void test_any_order_and_twice(void **state) {
    (void)state;
    enum { MESSAGES = 12 };
    static const size_t lens[MESSAGES] = {0, 1, 2, 9, 10, 100, 2539, 2540, 2549, 5094, 5095, 7700};
    mix_test_env env;
    mix_reassembly *r = make(&env, &LIMITS);
    cut cuts[MESSAGES];
    size_t total = 0, out_count[MESSAGES] = {0}, owner[4096], index[4096], order[4096];
    for (size_t m = 0; m < MESSAGES; m++) {
        cut_init(&cuts[m], &env, lens[m], 17);
        for (size_t i = 0; i < cuts[m].plan.fragments; i++) {
            for (size_t n = 0; n < 1 + mix_test_below(&env, 2); n++) {
                owner[total] = m;
                index[total++] = i;
            }
        }
    }
    shuffle(&env, order, total);
    for (size_t i = 0; i < total; i++) {
        size_t m = owner[order[i]];
        mix_buf out = {0};
        int status =
            mix_reassembly_feed(r, &out, 0, piece_of(&cuts[m], index[order[i]]), (mix_time)i);
        if (status == MIX_OK) {
            assert_message(&cuts[m], &out);
            out_count[m]++;
        } else {
            assert_status(status, MIX_DONE);
            assert_int_equal(out.len, 0);
        }
        mix_buf_deinit(&out);
    }
    for (size_t m = 0; m < MESSAGES; m++) {
        assert_int_equal(out_count[m], 1);
        cut_deinit(&cuts[m]);
    }
    assert_int_equal(mix_reassembly_get_stats(r).bytes, 0);
    assert_int_equal(mix_reassembly_deadline(r) == MIX_NEVER, 1);
    mix_reassembly_free(r);
}

static void test_origins_do_not_mix(void **state) {
    (void)state;
    mix_test_env env;
    mix_reassembly *r = make(&env, &LIMITS);
    cut c;
    mix_buf out = {0};
    cut_init(&c, &env, 15, 17);
    assert_int_equal(c.plan.fragments, 2);
    assert_status(mix_reassembly_feed(r, &out, 5, piece_of(&c, 0), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, piece_of(&c, 1), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 5, piece_of(&c, 1), 0), MIX_OK);
    assert_message(&c, &out);
    assert_int_equal(mix_reassembly_get_stats(r).sets, 1); /* the other origin's lone fragment */
    mix_buf_deinit(&out);
    cut_deinit(&c);
    mix_reassembly_free(r);
}

static mix_bytes raw(mix_buf *b, uint32_t set, uint8_t total, uint8_t current, uint32_t previous,
                     uint32_t next) {
    mix_fragment f = {
        .set = set, .total = total, .current = current, .previous = previous, .next = next};
    mix_buf_truncate(b, 0);
    mix_fragment_encode_header(b, &f);
    mix_buf_put_u8(b, current);
    return mix_buf_bytes(b);
}

static void test_contradictions(void **state) {
    (void)state;
    mix_test_env env;
    mix_reassembly *r = make(&env, &LIMITS);
    mix_buf b = {0}, out = {0};
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 9, 3, 1, 0, 0), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 9, 4, 4, 0, 0), 0),
                  MIX_ERR_FRAGMENT_TOTAL);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 9, 2, 2, 0, 0), 0),
                  MIX_ERR_FRAGMENT_TOTAL);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 9, 3, 3, 0, 0), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 9, 3, 2, 0, 0), 0), MIX_OK);
    assert_bytes(mix_buf_bytes(&out), MIX_BYTES(((uint8_t[]){1, 2, 3})));
    /* A set that names one before it which does not name it. */
    mix_buf_truncate(&out, 0);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 21, 1, 1, 20, 0), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 20, 1, 1, 22, 0), 0), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 22, 1, 1, 20, 0), 0),
                  MIX_ERR_FRAGMENT_CHAIN);
    assert_int_equal(mix_reassembly_get_stats(r).contradictions, 3);
    mix_buf_deinit(&b);
    mix_buf_deinit(&out);
    mix_reassembly_free(r);
}

/* Two full sets that each name the other on both sides: a ring, which must neither come out nor
 * spin. */
static void test_ring(void **state) {
    (void)state;
    mix_test_env env;
    mix_reassembly *r = make(&env, &LIMITS);
    mix_buf b = {0}, out = {0};
    int status = MIX_DONE;
    for (uint32_t set = 1; set <= 2; set++) {
        for (int i = 1; i <= 255; i++) {
            assert_status(status, MIX_DONE);
            status = mix_reassembly_feed(
                r, &out, 0,
                raw(&b, set, 255, (uint8_t)i, i == 1 ? 3 - set : 0, i == 255 ? 3 - set : 0), 0);
        }
    }
    assert_status(status, MIX_ERR_FRAGMENT_CHAIN);
    assert_int_equal(out.len, 0);
    mix_buf_deinit(&b);
    mix_buf_deinit(&out);
    mix_reassembly_free(r);
}

static void test_age(void **state) {
    (void)state;
    mix_test_env env;
    mix_reassembly *r = make(&env, &LIMITS);
    cut c;
    mix_buf out = {0};
    cut_init(&c, &env, 25, 17);
    assert_int_equal(c.plan.fragments, 3);
    assert_status(mix_reassembly_feed(r, &out, 0, piece_of(&c, 0), MIX_SECONDS(10)), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, piece_of(&c, 1), MIX_SECONDS(1000)), MIX_DONE);
    assert_true(mix_reassembly_deadline(r) == MIX_SECONDS(2800));
    mix_reassembly_tick(r, MIX_SECONDS(2800) - 1);
    assert_int_equal(mix_reassembly_get_stats(r).sets, 1);
    mix_reassembly_tick(r, MIX_SECONDS(2800));
    assert_int_equal(mix_reassembly_get_stats(r).sets, 0);
    assert_status(mix_reassembly_feed(r, &out, 0, piece_of(&c, 2), MIX_SECONDS(2801)), MIX_DONE);
    assert_int_equal(mix_reassembly_get_stats(r).sets, 0); /* of no use any more: not kept */
    mix_buf_deinit(&out);
    cut_deinit(&c);
    mix_reassembly_free(r);
}

/* A peer that only opens sets: what is held stays below the bounds, by our count and by the
 * allocator's. */
static void test_memory_bound(void **state) {
    (void)state;
    static const mix_reassembly_limits limits = {100000, 50, 64, MIX_SECONDS(1800)};
    mix_test_env env;
    mix_reassembly *r = make(&env, &limits);
    mix_buf b = {0}, out = {0};
    size_t idle = mix_alloc_live_bytes();
    for (uint32_t i = 1; i < 3000; i++) {
        uint8_t filler[1600] = {0};
        raw(&b, i, (uint8_t)(2 + i % 254), 1, 0, 0);
        mix_buf_put(&b, filler, (size_t)mix_test_below(&env, sizeof filler));
        assert_status(mix_reassembly_feed(r, &out, 0, mix_buf_bytes(&b), (mix_time)i), MIX_DONE);
        mix_reassembly_stats stats = mix_reassembly_get_stats(r);
        assert_true(stats.bytes <= limits.max_bytes && stats.sets <= limits.max_sets);
        assert_true(mix_alloc_live_bytes() <=
                    idle + limits.max_bytes + limits.max_sets * 128 + b.cap);
    }
    assert_true(mix_reassembly_get_stats(r).dropped > 2900);
    /* The newest is still there and can be finished. */
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 5000, 2, 1, 0, 0), 4000), MIX_DONE);
    assert_status(mix_reassembly_feed(r, &out, 0, raw(&b, 5000, 2, 2, 0, 0), 4000), MIX_OK);
    mix_buf_deinit(&b);
    mix_buf_deinit(&out);
    mix_reassembly_free(r);
}

static void test_message_above_the_bound(void **state) {
    (void)state;
    static const mix_reassembly_limits limits = {6000, 50, 64, MIX_SECONDS(1800)};
    mix_test_env env;
    mix_reassembly *r = make(&env, &limits);
    cut c;
    mix_buf out = {0};
    int status = MIX_DONE;
    cut_init(&c, &env, 9000, 1000);
    for (size_t i = 0; i < c.plan.fragments && status == MIX_DONE; i++)
        status = mix_reassembly_feed(r, &out, 0, piece_of(&c, i), 0);
    assert_status(status, MIX_ERR_LIMIT);
    assert_int_equal(mix_reassembly_get_stats(r).bytes, 0);
    mix_buf_deinit(&out);
    cut_deinit(&c);
    mix_reassembly_free(r);
}

/* Without memory at any point: an error, nothing lost but that fragment, nothing leaked. */
static void test_no_memory(void **state) {
    (void)state;
    size_t live = mix_alloc_live();
    for (size_t n = 1; n < 40; n++) {
        mix_test_env env;
        mix_reassembly *r = NULL;
        mix_buf out = {0};
        cut c;
        mix_test_env_init(&env, 3);
        cut_init(&c, &env, 2600, 17);
        mix_alloc_fail_at(n, 0);
        int status = mix_reassembly_new(&r, &LIMITS, &env.env), last = MIX_DONE;
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
        for (size_t i = 0; r && i < c.plan.fragments; i++) {
            last = mix_reassembly_feed(r, &out, 0, piece_of(&c, i), 0);
            if (last == MIX_ERR_MEMORY) {
                assert_int_equal(out.len, 0);
                last = mix_reassembly_feed(r, &out, 0, piece_of(&c, i), 0);
            }
        }
        mix_alloc_fail_at(0, 0);
        if (r) {
            assert_status(last, MIX_OK);
            assert_message(&c, &out);
        }
        mix_reassembly_free(r);
        mix_buf_deinit(&out);
        cut_deinit(&c);
        assert_int_equal(mix_alloc_live(), live);
    }
}

static void test_remembered(void **state) {
    (void)state;
    mix_test_env env;
    mix_remembered m;
    mix_test_env_init(&env, 1);
    assert_status(mix_remembered_init(&m, 100, &env.env), MIX_OK);
    for (uint64_t i = 0; i < 5000; i++) {
        mix_remembered_add(&m, i * 7919);
        assert_true(mix_remembered_has(&m, i * 7919));
        assert_false(mix_remembered_has(&m, (i + 1) * 7919));
        assert_true(i < 99 || mix_remembered_has(&m, (i - 99) * 7919));
        assert_true(i < 100 || !mix_remembered_has(&m, (i - 100) * 7919));
    }
    mix_remembered_deinit(&m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_plan_covers_all_lengths),
    cmocka_unit_test(test_any_order_and_twice),
    cmocka_unit_test(test_origins_do_not_mix),
    cmocka_unit_test(test_contradictions),
    cmocka_unit_test(test_ring),
    cmocka_unit_test(test_age),
    cmocka_unit_test(test_memory_bound),
    cmocka_unit_test(test_message_above_the_bound),
    cmocka_unit_test(test_no_memory),
    cmocka_unit_test(test_remembered),
};
MIX_TEST_MAIN(reassembly_test, tests)
