/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: a run that begins with what another one stored: when it is taken, what is asked for
 * then, and what happens when it leads nowhere. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "directory/wire_stored.h"
#include "directory_testing.h"

#include <stdlib.h>

#define USUAL {.tls = true, .exits = true, .stores = true}

static mix_time left(const net *n) {
    return mix_directory_deadline(n->d) - n->now;
}

/* A run that has asked, and the value that it gave. */
static void store(net *n, uint64_t seed) {
    const mix_directory_config c = USUAL;
    net_init(n, seed);
    n->gateways[1].ip_count = 2;
    n->gateways[1].ips[1] = (mix_address){.family = 6, .octets = {0xfd, [15] = 1}};
    assert_status(net_open(n, &c), MIX_OK);
    net_run(n);
    assert_int_equal(n->topologies + n->exits + n->stores, 3);
    assert_true(n->value.len > 0);
}

/* Another run with the value, so much later by the wall clock; counts begin anew. */
static void again(net *n, const mix_directory_config *changes, mix_time later) {
    mix_directory_config c = USUAL;
    if (changes)
        c = *changes;
    c.stored = mix_buf_bytes(&n->value);
    mix_directory_free(n->d);
    n->t.wall += later;
    n->now = MIX_SECONDS(7); /* another process, another clock */
    memset(n->calls, 0, sizeof n->calls);
    n->all_calls = n->cancels = 0;
    assert_status(net_open(n, &c), MIX_OK);
}

static void expect_taken(net *n, bool taken) {
    net_run(n);
    assert_int_equal(n->all_calls, taken ? 0 : MIX_REQUESTS);
    assert_int_equal(n->topologies, 1);
    assert_int_equal(n->exits, 1);
    assert_int_equal(n->failures, 0);
    assert_int_equal(n->stores, !taken);
    assert_int_equal(mix_directory_is_stored(n->d), taken);
}

static void a_later_run_asks_for_nothing(void **state) {
    net n;
    mix_exit before[4], after[4];
    mix_entry entry;
    size_t count = 0;
    (void)state;
    store(&n, 1);
    assert_status(mix_directory_exits(n.d, NULL, before, 4, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 3);
    again(&n, NULL, MIX_SECONDS(100));
    expect_taken(&n, true);
    assert_int_equal(n.topology->count, NET_MIXNODES + NET_GATEWAYS);
    assert_int_equal(n.topology->rotation_id, 4);
    assert_int_equal(n.topology->epoch_id, 100);
    assert_int_equal(n.topology->serial, 1);
    assert_int_equal(n.topology->refreshed_at, MIX_SECONDS(100)); /* as the directory said */
    for (size_t i = 0; i < MIX_LAYERS; i++)
        assert_int_equal(n.topology->layer_count[i], 2);
    assert_int_equal(mix_directory_rotation(n.d)->validity_epochs, 24);
    assert_status(mix_directory_exits(n.d, NULL, after, 4, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) { /* the order is drawn */
        size_t same = 0;
        for (size_t k = 0; k < 3; k++)
            same += memcmp(&after[i], &before[k], sizeof after[i]) == 0;
        assert_int_equal(same, 1);
        assert_true(mix_directory_offers(n.d, &after[i].address));
    }
    assert_status(mix_directory_entry(n.d, &entry, n.gateways[2].identity, NULL), MIX_OK);
    assert_string_equal(entry.url, "wss://g2.test/");
    net_close(&n);
}

/* What a run with a value gives is the same value again, to the byte. */
static void it_is_read_as_written(void **state) {
    net n;
    mix_stored s;
    mix_buf out = {0};
    (void)state;
    store(&n, 2);
    assert_status(mix_stored_decode(&s, mix_buf_bytes(&n.value), NULL), MIX_OK);
    assert_int_equal(s.gateways.nodes[1].ip_count, 2);
    assert_int_equal(s.fetched, n.t.wall);
    assert_status(mix_stored_encode(&out, &s), MIX_OK);
    assert_bytes(mix_buf_bytes(&out), mix_buf_bytes(&n.value));
    mix_stored_deinit(&s);
    mix_buf_deinit(&out);
    net_close(&n);
}

static void its_age_has_borders(void **state) {
    static const struct {
        mix_time later;
        bool taken;
    } rows[] = {{0, true},
                {1, true},
                {MIX_SECONDS(300) - 1, true},
                {MIX_SECONDS(300), false},
                {MIX_SECONDS(86400), false},
                {-1, false},
                {-MIX_SECONDS(86400), false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net n;
        store(&n, 3 + i);
        again(&n, NULL, rows[i].later);
        expect_taken(&n, rows[i].taken);
        net_close(&n);
    }
}

/* A run that lasts gets new lists only: its descriptions grow old. */
static void old_descriptions_are_not_taken(void **state) {
    (void)state;
    for (int beyond = 0; beyond < 2; beyond++) {
        net n;
        store(&n, 20);
        n.t.wall += MIX_SECONDS(3600 - 100) - 1 + beyond;
        mix_directory_refresh(n.d, n.now);
        net_run(&n);
        assert_int_equal(n.stores, 1);
        again(&n, NULL, MIX_SECONDS(100));
        expect_taken(&n, !beyond);
        net_close(&n);
    }
}

/* 300 s ± 10 % after it was fetched, but not in the first 10 s; and then everything is asked for.
 */
static void the_refresh_comes_when_it_would_have(void **state) {
    mix_time least = MIX_NEVER, most = 0;
    (void)state;
    for (uint64_t seed = 100; seed < 150; seed++) {
        net n;
        mix_time age = MIX_SECONDS(seed % 2 == 0 ? 120 : 299);
        store(&n, seed);
        again(&n, NULL, age);
        expect_taken(&n, true);
        mix_time wait = left(&n);
        if (age == MIX_SECONDS(120)) {
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        } else {
            assert_in_range(wait, MIX_SECONDS(10), MIX_SECONDS(31));
        }
        n.t.wall += wait;
        assert_true(net_step(&n, MIX_NEVER - 1));
        net_pull(&n);
        assert_int_equal(n.topologies + n.exits + n.stores, 3);
        for (size_t i = 0; i < MIX_REQUESTS; i++)
            assert_int_equal(n.calls[i], 1);
        assert_false(mix_directory_is_stored(n.d));
        assert_true(left(&n) > MIX_SECONDS(269)); /* from here on as ever */
        assert_true(net_step(&n, MIX_NEVER - 1));
        assert_int_equal(n.calls[MIX_REQUEST_DESCRIBED] + n.calls[MIX_REQUEST_ROTATION], 2);
        net_close(&n);
    }
    assert_in_range(least, MIX_SECONDS(150), MIX_SECONDS(160));
    assert_in_range(most, MIX_SECONDS(200), MIX_SECONDS(210));
}

/* No refresh gets through: it is withdrawn 3300 s after it was fetched, not after it was taken. */
static void it_is_withdrawn_by_its_own_age(void **state) {
    net n;
    (void)state;
    store(&n, 21);
    again(&n, NULL, MIX_SECONDS(200));
    net_run(&n);
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = BREAKS;
    net_until(&n, n.now + MIX_SECONDS(3100) - 1);
    net_pull(&n);
    assert_int_equal(n.losses, 0);
    assert_true(n.failures > 0);
    net_until(&n, n.now + 1);
    net_pull(&n);
    assert_int_equal(n.losses, 1);
    net_close(&n);
}

static void it_must_hold_what_is_asked_for(void **state) {
    const mix_directory_config usual = USUAL;
    mix_directory_config c;
    mix_recipient exit = {.gateway = {9}};
    uint8_t stranger[MIX_KEY_LEN] = {9};
    mix_exit exits[4];
    size_t count = 0;
    (void)state;
    for (int row = 0; row < 9; row++) {
        net n;
        store(&n, 30);
        assert_status(mix_directory_exits(n.d, NULL, exits, 4, &count, NULL, n.now), MIX_OK);
        c = usual;
        c.preferred_gateway = row == 0 ? n.gateways[1].identity : row == 1 ? stranger : NULL;
        c.entry = row == 2 ? n.gateways[0].identity : row == 3 ? stranger : NULL;
        c.preferred_exit = row == 4 ? &exits[0].address : row == 5 ? &exit : NULL;
        if (row == 6)
            n.urls[0] = "https://two.test/api/";
        if (row == 7)
            n.urls[n.url_count++] = "https://two.test/api/";
        c.tls = row != 8; /* another choice of TLS is no reason: the lists hold all */
        again(&n, &c, MIX_SECONDS(10));
        net_serve(&n);
        bool taken = row == 0 || row == 2 || row == 4 || row == 8;
        assert_int_equal(n.all_calls, taken ? 0 : MIX_REQUESTS);
        net_close(&n);
    }
}

/* ---- what it leads to fails ---- */

static void all_is_asked_for_anew(void **state) {
    net n;
    (void)state;
    store(&n, 40);
    assert_false(mix_directory_renew(n.d, n.now)); /* nothing here is stored */
    again(&n, NULL, MIX_SECONDS(200));
    net_run(&n);
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = SILENT;
    n.epoch++;
    assert_false(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_EXITS));
    assert_true(mix_directory_renew(n.d, n.now));
    assert_true(mix_directory_renew(n.d, n.now)); /* the same one */
    net_run(&n);
    assert_int_equal(n.all_calls, MIX_REQUESTS);
    assert_true(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_TOPOLOGY));
    assert_true(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_EXITS));
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = WELL;
    n.manner[MIX_REQUEST_DESCRIBED] = SILENT;
    net_until(&n, n.now + MIX_REQUEST_SILENCE); /* tried again */
    net_until(&n, n.now + MIX_SECONDS(1));
    net_pull(&n);
    assert_int_equal(n.topologies, 1);
    assert_int_equal(n.topology->epoch_id, 101);
    assert_int_equal(n.exits + n.stores, 0);
    assert_false(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_TOPOLOGY));
    assert_true(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_EXITS));
    n.manner[MIX_REQUEST_DESCRIBED] = WELL;
    net_until(&n, n.now + MIX_REQUEST_SILENCE + MIX_SECONDS(2));
    net_pull(&n);
    assert_int_equal(n.exits, 1);
    assert_int_equal(n.stores, 1);
    assert_false(mix_directory_is_stored(n.d));
    assert_false(mix_directory_renew(n.d, n.now));
    net_close(&n);
}

/* The directory is gone: what is stored is the best there is, and nobody waits for it any more. */
static void asking_in_vain_ends(void **state) {
    (void)state;
    for (int part = 0; part < 2; part++) {
        net n;
        store(&n, 41);
        again(&n, NULL, MIX_SECONDS(200));
        net_run(&n);
        n.manner[part ? MIX_REQUEST_DESCRIBED : MIX_REQUEST_MIXNODES] = REFUSES;
        n.status[part ? MIX_REQUEST_DESCRIBED : MIX_REQUEST_MIXNODES] = 404;
        assert_true(mix_directory_renew(n.d, n.now));
        net_run(&n);
        assert_int_equal(n.failures, 1);
        assert_int_equal(n.failed.part,
                         part ? MIX_DIRECTORY_PART_EXITS : MIX_DIRECTORY_PART_TOPOLOGY);
        assert_true(n.failed.stored);
        assert_false(mix_directory_renewing(n.d, MIX_DIRECTORY_PART_EXITS));
        assert_false(mix_directory_renew(n.d, n.now));
        assert_true(mix_directory_is_stored(n.d));
        n.manner[MIX_REQUEST_MIXNODES] = n.manner[MIX_REQUEST_DESCRIBED] = WELL;
        net_until(&n, n.now + MIX_SECONDS(700));
        net_pull(&n);
        assert_false(mix_directory_is_stored(n.d)); /* a later refresh gets through */
        assert_true(n.stores > 0);
        net_close(&n);
    }
}

/* ---- damage ---- */

/* What an attacker of the store could write: taken or not, it never fails the run. */
static void survives(net *n, mix_bytes value, bool taken_is_fine) {
    mix_directory_config c = USUAL;
    uint8_t *copy = malloc(value.len + 1); /* of its own, so that a read past the end is seen */
    memcpy(copy, value.data, value.len);
    c.stored = mix_bytes_of(copy, value.len);
    c.urls = n->urls;
    c.url_count = n->url_count;
    mix_directory *d = NULL;
    mix_directory_event ev;
    mix_directory_call call;
    mix_entry entries[4];
    mix_exit exits[4];
    size_t count;
    assert_status(mix_directory_new(&d, &c, &n->t.env, n->now), MIX_OK);
    if (mix_directory_drain(d, &call, n->now) == MIX_DONE) {
        assert_true(taken_is_fine);
        assert_status(mix_directory_next(d, &ev), MIX_OK);
        assert_int_equal(ev.kind, MIX_DIRECTORY_TOPOLOGY);
        assert_status(mix_directory_entries(d, entries, 4, &count, NULL, n->now), MIX_OK);
        assert_status(mix_directory_exits(d, NULL, exits, 4, &count, NULL, n->now), MIX_OK);
    }
    mix_directory_free(d);
    free(copy);
}

static void damage_is_refused_or_harmless(void **state) {
    net n;
    (void)state;
    store(&n, 50);
    mix_buf value = {0};
    mix_buf_put_bytes(&value, mix_buf_bytes(&n.value));
    for (size_t len = 0; len < value.len; len++)
        survives(&n, mix_bytes_of(value.data, len), false);
    for (size_t bit = 0; bit < 8 * value.len; bit++) {
        value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        survives(&n, mix_buf_bytes(&value), true);
        value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    mix_buf_put_u8(&value, 0);
    survives(&n, mix_buf_bytes(&value), false);
    mix_buf_truncate(&value, value.len - 1);
    value.data[0]++;
    survives(&n, mix_buf_bytes(&value), false); /* another form */
    mix_buf_deinit(&value);
    net_close(&n);
}

static void invented_counts_take_no_memory(void **state) {
    enum { HEAD = 1 + 16 + 32 + 16 + 12 + 16 };
    net n;
    mix_stored s;
    mix_error e = {0};
    (void)state;
    store(&n, 51);
    mix_put_u32(n.value.data + HEAD, 0x7fffffff);
    assert_status(mix_stored_decode(&s, mix_buf_bytes(&n.value), &e), MIX_ERR_DIRECTORY_SIZE);
    mix_put_u32(n.value.data + HEAD, MIX_STORED_IDS_MAX);
    assert_status(mix_stored_decode(&s, mix_buf_bytes(&n.value), &e), MIX_ERR_DIRECTORY_MALFORMED);
    assert_status(mix_stored_decode(&s, mix_bytes_of(n.value.data, MIX_STORED_MAX + 1), &e),
                  MIX_ERR_DIRECTORY_SIZE);
    net_close(&n);
}

static void too_much_is_not_stored(void **state) {
    static mix_kept_node nodes[MIX_LIST_NODES_MAX];
    static char name[] = "a-name-of-a-host-that-is-as-long-as-it-takes-to-be-more-than-may-be-kept."
                         "example-of-a-host-that-is-as-long-as-it-takes-to-be-more-than-may-be";
    static uint8_t room[4 * MIX_STORED_MAX];
    mix_stored s = {.mixnodes = {.nodes = nodes, .count = MIX_LIST_NODES_MAX}};
    mix_buf out = mix_buf_fixed(room, sizeof room); /* one that grows would move at each append */
    (void)state;
    for (size_t i = 0; i < MIX_LIST_NODES_MAX; i++)
        nodes[i] = (mix_kept_node){
            .ip_count = 3, .percent = 100, .hostname_len = (uint8_t)(sizeof name - 1)};
    s.gateways = s.mixnodes;
    s.mixnodes.texts = s.gateways.texts =
        (mix_buf){.data = (uint8_t *)name, .len = sizeof name - 1, .fixed = true};
    mix_buf_put_str(&out, "before");
    assert_status(mix_stored_encode(&out, &s), MIX_ERR_DIRECTORY_SIZE);
    assert_int_equal(out.len, 6);
}

static void each_failing_allocation_is_survived(void **state) {
    size_t live = mix_alloc_live();
    net n;
    (void)state;
    store(&n, 52);
    bool over = false;
    for (size_t at = 1; !over; at++) {
        mix_directory_config c = USUAL;
        mix_directory_call call;
        mix_directory *d = NULL;
        c.stored = mix_buf_bytes(&n.value);
        c.urls = n.urls;
        c.url_count = n.url_count;
        mix_alloc_fail_at(at, 1);
        int status = mix_directory_new(&d, &c, &n.t.env, n.now);
        over = mix_alloc_count() < at;
        mix_alloc_fail_at(0, 0);
        assert_true(status == MIX_OK || status == MIX_ERR_MEMORY);
        if (over)
            assert_status(mix_directory_drain(d, &call, n.now), MIX_DONE);
        mix_directory_free(d);
    }
    net_close(&n);
    assert_int_equal(mix_alloc_live(), live);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_later_run_asks_for_nothing),
    cmocka_unit_test(it_is_read_as_written),
    cmocka_unit_test(its_age_has_borders),
    cmocka_unit_test(old_descriptions_are_not_taken),
    cmocka_unit_test(the_refresh_comes_when_it_would_have),
    cmocka_unit_test(it_is_withdrawn_by_its_own_age),
    cmocka_unit_test(it_must_hold_what_is_asked_for),
    cmocka_unit_test(all_is_asked_for_anew),
    cmocka_unit_test(asking_in_vain_ends),
    cmocka_unit_test(damage_is_refused_or_harmless),
    cmocka_unit_test(invented_counts_take_no_memory),
    cmocka_unit_test(too_much_is_not_stored),
    cmocka_unit_test(each_failing_allocation_is_survived),
};
MIX_TEST_MAIN(directory_stored_test, tests)
