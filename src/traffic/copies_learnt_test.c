/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet and its copy teach of mix nodes: each of its own way, whichever settles the
 * fragment. */
#include "traffic/reach.h"
#include "traffic/traffic_testing.h"

#define COPY 0x80000000u

/* What the engine notes goes here instead. */
static struct {
    mix_way way;
    bool arrived;
} noted[256];
static size_t count;

void __wrap_mix_reach_note(mix_reach *r, const mix_way *way, bool arrived, const mix_topology *t,
                           mix_time now);
void __wrap_mix_reach_note(mix_reach *r, const mix_way *way, bool arrived, const mix_topology *t,
                           mix_time now) {
    (void)r, (void)t, (void)now;
    assert_true(count < sizeof noted / sizeof *noted);
    noted[count].way = *way;
    noted[count++].arrived = arrived;
}

static bool same(const mix_way *a, const mix_way *b) {
    return a->len == b->len && memcmp(a->id, b->id, a->len * sizeof *a->id) == 0;
}

static void start_learning(fixture *f) {
    setup(f);
    f->cfg.cover_off = true;
    f->cfg.copies = f->cfg.learns = true;
    start(f);
    count = 0;
}

/* One fragment and its copy have left. */
static void send_both(fixture *f, uint32_t set) {
    uint64_t copies = mix_traffic_count(f->t).copies;
    assert_status(write_one(f, set), MIX_OK);
    slot(f);
    slot(f);
    assert_int_equal(mix_traffic_count(f->t).copies, copies + 1);
}

static void expire(fixture *f) {
    f->now += MIX_SECONDS(20);
    assert_status(mix_traffic_tick(f->t, f->now), MIX_OK);
}

/* The same seed draws the same ways, so runs with other fates can be compared. */
static void test_each_its_own(void **state) {
    (void)state;
    fixture f;
    mix_way way, copy;
    start_learning(&f);
    send_both(&f, 1);
    expire(&f);
    assert_int_equal(count, 2);
    assert_false(noted[0].arrived || noted[1].arrived);
    way = noted[0].way;
    copy = noted[1].way;
    assert_true(way.len == MIX_WAY_MOST && copy.len == MIX_WAY_MOST && !same(&way, &copy));
    teardown(&f);
    for (int copy_first = 0; copy_first < 2; copy_first++)
        for (int both = 0; both < 2; both++) {
            start_learning(&f);
            send_both(&f, 1);
            feed_ack(&f, copy_first ? 1 | COPY : 1, 1);
            if (both)
                feed_ack(&f, copy_first ? 1 : 1 | COPY, 1);
            expire(&f);
            expire(&f);
            assert_int_equal(count, 2);
            assert_true(noted[0].arrived && same(&noted[0].way, copy_first ? &copy : &way));
            assert_true(noted[1].arrived == both);
            assert_true(same(&noted[1].way, copy_first ? &way : &copy));
            teardown(&f);
        }
}

/* Each is blamed once for each time it was sent. */
static void test_blamed_once(void **state) {
    (void)state;
    fixture f;
    start_learning(&f);
    send_both(&f, 1);
    expire(&f);
    assert_int_equal(count, 2);
    slot(&f); /* sent again */
    f.now += MIX_SECONDS(20);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    assert_int_equal(count, 3);
    teardown(&f);
}

/* Of more than are remembered the oldest are forgotten: nothing is noted of them. */
static void test_many(void **state) {
    (void)state;
    enum { MANY = 40, REMEMBERED = 32 };
    fixture f;
    start_learning(&f);
    for (uint32_t set = 1; set <= MANY; set++) {
        send_both(&f, set);
        feed_ack(&f, set, 1);
        expect_event(&f, MIX_TRAFFIC_ACKED, set, 0);
    }
    assert_int_equal(count, MANY);
    feed_ack(&f, MANY | COPY, 1);
    assert_true(count == MANY + 1 && noted[MANY].arrived);
    expire(&f);
    assert_int_equal(count, MANY + REMEMBERED);
    teardown(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_each_its_own),
    cmocka_unit_test(test_blamed_once),
    cmocka_unit_test(test_many),
};
MIX_TEST_MAIN(copies_learnt_test, tests)
