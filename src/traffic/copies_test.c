/* SPDX-License-Identifier: Apache-2.0 */
/* Packets sent once more in slots that would carry cover: which, when, and what becomes of their
 * acknowledgements. */
#include "alloc_fail.h"
#include "traffic/traffic_testing.h"

#define COPY 0x80000000u /* in the set of an acknowledgement: of a copy */

/* Paced, so that slots are there, without the other stream. */
static void start_copying(fixture *f) {
    setup(f);
    f->cfg.cover_off = true;
    f->cfg.copies = true;
    start(f);
}

static void expect_counts(const fixture *f, uint64_t data, uint64_t copies, uint64_t cover) {
    mix_traffic_counts c = mix_traffic_count(f->t);
    assert_int_equal(c.data, data);
    assert_int_equal(c.copies, copies);
    assert_int_equal(c.slot_cover, cover);
}

static void test_once_each(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    assert_false(mix_traffic_copies(f.t, f.now));
    assert_status(write_one(&f, 1), MIX_OK);
    slot(&f);
    assert_true(mix_traffic_copies(f.t, f.now));
    assert_status(write_one(&f, 2), MIX_OK);
    slot(&f); /* what waits goes first */
    expect_counts(&f, 2, 0, 0);
    slot(&f);
    assert_true(mix_traffic_copies(f.t, f.now));
    slot(&f);
    assert_false(mix_traffic_copies(f.t, f.now));
    slot(&f);
    expect_counts(&f, 2, 2, 1);
    teardown(&f);
}

/* Whichever is acknowledged first settles the fragment. */
static void test_acks(void **state) {
    (void)state;
    for (int of_copy = 0; of_copy < 2; of_copy++) {
        fixture f;
        start_copying(&f);
        assert_status(write_one(&f, 7), MIX_OK);
        slot(&f);
        slot(&f);
        expect_counts(&f, 1, 1, 0);
        feed_ack(&f, of_copy ? 7 | COPY : 7, 1);
        expect_event(&f, MIX_TRAFFIC_ACKED, 7, 0);
        feed_ack(&f, of_copy ? 7 : 7 | COPY, 1);
        expect_no_event(&f);
        assert_int_equal(mix_traffic_count(f.t).acked, 1);
        assert_int_equal(mix_traffic_count(f.t).stray_acks, 0);
        feed_ack(&f, 7, 1);
        feed_ack(&f, 7 | COPY, 1); /* each is known once */
        assert_int_equal(mix_traffic_count(f.t).stray_acks, 2);
        assert_int_equal(mix_traffic_unacknowledged(f.t), 0);
        teardown(&f);
    }
}

/* The mark needs a fragment: of none, or half of one, it is no acknowledgement of ours. */
static void test_bad_mark(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    for (uint8_t position = 0; position < 2; position++) {
        uint8_t id[MIX_FRAGMENT_ID_LEN] = {MIX_ACK_OF_COPY, 0, 0, 0, position};
        uint8_t ack[MIX_ACK_PLAINTEXT_LEN];
        assert_status(mix_ack_seal(f.crypto, &f.env.env, ack, f.keys.ack_key, id), MIX_OK);
        assert_status(mix_traffic_feed(f.t, MIX_BYTES(ack), f.now), MIX_ERR_ACK);
    }
    assert_int_equal(mix_traffic_count(f.t).cover_acked, 0);
    teardown(&f);
}

static void test_not_copied(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    mix_traffic_item surbs = item_of(&f, 1, 1);
    surbs.lane = MIX_LANE_SURBS;
    assert_status(mix_traffic_write(f.t, &surbs, f.now), MIX_OK);
    slot(&f);
    assert_false(mix_traffic_copies(f.t, f.now)); /* nobody waits for reply blocks */
    assert_status(write_one(&f, 2), MIX_OK);
    slot(&f);
    feed_ack(&f, 2, 1);
    assert_false(mix_traffic_copies(f.t, f.now)); /* it has arrived */
    assert_status(write_one(&f, 3), MIX_OK);
    slot(&f);
    mix_time sent = f.now;
    assert_true(mix_traffic_copies(f.t, sent + MIX_MS(200) - 1));
    assert_false(mix_traffic_copies(f.t, sent + MIX_MS(200))); /* it is late or lost */
    mix_traffic_set_backlog(f.t, 32, 0, f.now);
    assert_false(mix_traffic_copies(f.t, f.now)); /* the gateway takes nothing */
    mix_traffic_set_backlog(f.t, 0, 32, f.now);
    mix_traffic_cancel(f.t, 3);
    assert_false(mix_traffic_copies(f.t, f.now));
    slot(&f);
    expect_counts(&f, 3, 0, 1);
    teardown(&f);
}

static void test_without_slots(void **state) {
    (void)state;
    fixture f;
    setup(&f);
    f.cfg.copies = true;
    start_unpaced(&f);
    assert_status(write_one(&f, 1), MIX_OK);
    assert_true(drain(&f) > 0);
    assert_false(mix_traffic_copies(f.t, f.now)); /* there is no cover whose place it could take */
    assert_int_equal(drain(&f), 0);
    teardown(&f);
}

/* A fragment that is sent again after its time may be copied again; its limit counts
 * retransmissions only. */
static void test_sent_again(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    mix_traffic_item item = item_of(&f, 1, 1);
    item.limit = 1;
    assert_status(mix_traffic_write(f.t, &item, f.now), MIX_OK);
    slot(&f);
    slot(&f);
    expect_counts(&f, 1, 1, 0);
    f.now += MIX_SECONDS(10);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    slot(&f);
    assert_int_equal(mix_traffic_count(f.t).retransmitted, 1);
    slot(&f);
    expect_counts(&f, 1, 2, 0);
    f.now += MIX_SECONDS(10);
    assert_status(mix_traffic_tick(f.t, f.now), MIX_OK);
    expect_event(&f, MIX_TRAFFIC_GAVE_UP, 1, 1);
    teardown(&f);
}

/* What cannot be built changes nothing: the same slot is tried again, and so is the copy. */
static void test_failures(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    warm(&f);
    assert_status(write_one(&f, 1), MIX_OK);
    slot(&f);
    mix_time due = mix_traffic_deadline(f.t);
    f.now = due;
    int random = 0, memory = 0;
    for (f.env.fail_random = 1;; f.env.fail_random = ++random + 1) {
        mix_buf_truncate(&f.out, 0);
        int status = mix_traffic_drain(f.t, &f.out, f.now);
        if (status == MIX_OK)
            break;
        assert_status(status, MIX_ERR_RANDOM);
        assert_true(f.out.len == 0 && mix_traffic_deadline(f.t) == due);
        assert_true(mix_traffic_copies(f.t, f.now));
    }
    f.env.fail_random = 0;
    assert_true(random > 6);
    expect_counts(&f, 1, 1, 0);
    for (size_t n = 1, count = n; count >= n; n++) { /* some failures are borne: of a table's */
        mix_buf out = {0};
        assert_status(write_one(&f, (uint32_t)n + 1), MIX_OK);
        slot(&f);
        f.now = due = mix_traffic_deadline(f.t);
        mix_alloc_fail_at(n, 0);
        int status = mix_traffic_drain(f.t, &out, f.now);
        count = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        if (status != MIX_OK) {
            assert_true(status == MIX_ERR_MEMORY || status == MIX_ERR_CRYPTO);
            assert_true(mix_traffic_deadline(f.t) == due && mix_traffic_copies(f.t, f.now));
            assert_status(mix_traffic_drain(f.t, &out, f.now), MIX_OK);
            memory++;
        }
        assert_int_equal(out.len, 2 + 7 + MIX_SPHINX_REGULAR_LEN);
        expect_counts(&f, n + 1, n + 1, 0);
        mix_buf_deinit(&out);
    }
    assert_true(memory > 0);
    teardown(&f);
}

/* Without a route the slot carries cover if it can, else it waits; the packet is not given up. */
static void test_routes_fail(void **state) {
    (void)state;
    fixture f;
    start_copying(&f);
    assert_status(write_one(&f, 1), MIX_OK);
    slot(&f);
    assert_status(mix_traffic_set_topology(f.t, NULL, f.now), MIX_OK);
    assert_false(mix_traffic_copies(f.t, f.now));
    assert_status(mix_traffic_set_topology(f.t, f.topology, f.now), MIX_OK);
    slot(&f);
    expect_counts(&f, 1, 1, 0);
    expect_no_event(&f);
    teardown(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_once_each),     cmocka_unit_test(test_acks),
    cmocka_unit_test(test_bad_mark),      cmocka_unit_test(test_not_copied),
    cmocka_unit_test(test_without_slots), cmocka_unit_test(test_sent_again),
    cmocka_unit_test(test_failures),      cmocka_unit_test(test_routes_fail),
};
MIX_TEST_MAIN(copies_test, tests)
