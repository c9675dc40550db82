/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: blame, ranking, URLs, what is kept and joined. */
#include "directory/choice.h"
#include "directory/snapshot.h"
#include "directory/wire_text.h"
#include "testing.h"

static const uint8_t *id_of(uint8_t n) {
    static uint8_t ids[256][MIX_KEY_LEN];
    memset(ids[n], n, MIX_KEY_LEN);
    return ids[n];
}

static void blame_halves(void **state) {
    (void)state;
    mix_blames b = {0};
    mix_time now = MIX_SECONDS(1000);
    assert_int_equal(mix_blame_score(&b, id_of(1), now), 0);
    mix_blame_add(&b, id_of(1), now);
    assert_int_equal(mix_blame_score(&b, id_of(1), now), MIX_BLAME_ONE);
    assert_int_equal(mix_blame_score(&b, id_of(1), now + MIX_BLAME_HALF_LIFE / 2), 750);
    assert_true(mix_blame_score(&b, id_of(1), now + MIX_BLAME_HALF_LIFE - 1) >= MIX_BLAME_GOOD);
    assert_true(mix_blame_score(&b, id_of(1), now + MIX_BLAME_HALF_LIFE) < MIX_BLAME_GOOD);
    assert_int_equal(mix_blame_score(&b, id_of(1), now + 100 * MIX_BLAME_HALF_LIFE), 0);
    assert_int_equal(mix_blame_score(&b, id_of(1), 0),
                     MIX_BLAME_ONE); /* a clock that goes back does no harm */
    mix_blame_add(&b, id_of(1), now + MIX_BLAME_HALF_LIFE);
    assert_int_equal(mix_blame_score(&b, id_of(1), now + MIX_BLAME_HALF_LIFE), 1500);
    for (int i = 0; i < 100; i++)
        mix_blame_add(&b, id_of(1), now);
    assert_int_equal(mix_blame_score(&b, id_of(1), now), MIX_BLAME_MOST);
    mix_blame_clear(&b, id_of(1));
    mix_blame_clear(&b, id_of(2));
    assert_int_equal(mix_blame_score(&b, id_of(1), now), 0);
    assert_int_equal(b.count, 0);
}

static void blame_has_a_bound(void **state) {
    (void)state;
    mix_blames b = {0};
    for (uint8_t i = 0; i < 255; i++)
        mix_blame_add(&b, id_of(i), MIX_SECONDS(i));
    assert_int_equal(b.count, MIX_BLAMED_MAX);
    assert_int_equal(mix_blame_score(&b, id_of(0), MIX_SECONDS(255)),
                     0); /* the oldest is the least blamed: forgotten */
    assert_true(mix_blame_score(&b, id_of(254), MIX_SECONDS(255)) > 900);
}

/* 20000 draws; χ² with 3 degrees of freedom, 21.1 is passed by chance once in 10⁴. The seed is
 * fixed. */
static void the_first_is_drawn_by_weight(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 11);
    static const uint32_t weights[] = {100, 0, 50, 97, 3};
    double seen[5] = {0}, chi = 0;
    for (int i = 0; i < 20000; i++) {
        mix_candidate c[5] = {{0}};
        size_t count = 0;
        for (size_t k = 0; k < 5; k++)
            c[k] = (mix_candidate){.index = k, .weight = weights[k]};
        assert_status(mix_choice_rank(&t.env, c, 5, 1, &count), MIX_OK);
        assert_int_equal(count, 1);
        seen[c[0].index]++;
    }
    assert_true(seen[1] == 0);
    for (int k = 0; k < 5; k++) {
        double want = weights[k] * 20000 / 250.0;
        chi += want > 0 ? (seen[k] - want) * (seen[k] - want) / want : 0;
    }
    assert_true(chi < 21.1);
}

static void ranks_are_good_then_blamed_then_last(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 12);
    for (int i = 0; i < 200; i++) {
        mix_candidate c[] = {
            {.index = 0, .weight = 100, .blame = 4000},
            {.index = 1, .weight = 1, .blame = 501},
            {.index = 2, .weight = 1},
            {.index = 3, .weight = 1, .blame = 500},
            {.index = 4, .weight = 100, .last = true},
            {.index = 5, .weight = 0},
            {.index = 6, .weight = 0, .blame = 2000},
            {.index = 7, .weight = 0, .last = true},
        };
        size_t count = 0;
        assert_status(mix_choice_rank(&t.env, c, 8, 8, &count), MIX_OK);
        assert_int_equal(count, 5);
        assert_int_equal(c[0].index + c[1].index, 5); /* 2 and 3, in any order */
        assert_int_equal(c[2].index, 1);
        assert_int_equal(c[3].index, 0);
        assert_int_equal(c[4].index, 4);
    }
    mix_candidate none[1] = {{.weight = 0}}, one[1] = {{.weight = 5}};
    size_t count = 9;
    assert_status(mix_choice_rank(&t.env, none, 1, 3, &count), MIX_OK);
    assert_int_equal(count, 0);
    t.fail_random = 1;
    count = 9;
    assert_status(mix_choice_rank(&t.env, one, 1, 1, &count), MIX_ERR_RANDOM);
    assert_int_equal(count, 9);
}

static mix_skimmed gateway_of(uint32_t id, const char *hostname, const char *ip) {
    mix_skimmed s = {.id = id,
                     .mix_port = 1789,
                     .has_entry = true,
                     .ws_port = 9000,
                     .has_wss_port = true,
                     .wss_port = 9001,
                     .hostname = mix_bytes_str(hostname),
                     .ip_count = 1,
                     .performance = MIX_PERFORMANCE_ONE};
    memcpy(s.identity, id_of((uint8_t)id), MIX_KEY_LEN);
    (void)mix_ip_parse(&s.ips[0], mix_bytes_str(ip));
    return s;
}

static void urls_of_entries(void **state) {
    (void)state;
    static const struct {
        const char *hostname, *ip;
        uint16_t ws, wss;
        const char *tls, *plain, *second; /* NULL: none */
    } rows[] = {
        {"entry1.nym.test", "127.0.0.1", 29000, 29001, "wss://entry1.nym.test:29001/",
         "ws://entry1.nym.test:29000/", "ws://127.0.0.1:29000/"},
        {"a.test", "1.2.3.4", 80, 443, "wss://a.test/", "ws://a.test/",
         "ws://1.2.3.4/"}, /* seen: the default port is dropped */
        {"", "1.2.3.4", 9000, 9001, NULL, "ws://1.2.3.4:9000/", NULL}, /* seen: TLS needs a name */
        {"", "2001:db8::7", 9000, 9001, NULL, "ws://[2001:db8::7]:9000/", NULL},
        {"a.test", "1.2.3.4", 9000, 0, NULL, "ws://a.test:9000/", "ws://1.2.3.4:9000/"},
        {"evil.test/path?x=", "1.2.3.4", 9000, 9001, NULL, "ws://1.2.3.4:9000/", NULL},
        {"user@evil.test", "1.2.3.4", 9000, 9001, NULL, "ws://1.2.3.4:9000/", NULL},
        {"-a", "1.2.3.4", 9000, 9001, NULL, "ws://1.2.3.4:9000/", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_kept_list l = {0};
        mix_skimmed s = gateway_of(4, rows[i].hostname, rows[i].ip);
        char url[MIX_URL_MAX] = "";
        s.ws_port = rows[i].ws;
        s.has_wss_port = rows[i].wss != 0;
        s.wss_port = rows[i].wss;
        assert_status(mix_kept_add(&l, &s), MIX_OK);
        assert_int_equal(mix_kept_url(url, &l, &l.nodes[0], true, 0), rows[i].tls != NULL);
        if (rows[i].tls)
            assert_string_equal(url, rows[i].tls);
        assert_false(mix_kept_url(url, &l, &l.nodes[0], true, 1));
        assert_true(mix_kept_url(url, &l, &l.nodes[0], false, 0));
        assert_string_equal(url, rows[i].plain);
        assert_int_equal(mix_kept_url(url, &l, &l.nodes[0], false, 1), rows[i].second != NULL);
        if (rows[i].second)
            assert_string_equal(url, rows[i].second);
        mix_kept_deinit(&l);
    }
}

static void unusable_nodes_are_not_kept(void **state) {
    (void)state;
    mix_kept_list l = {0};
    mix_skimmed s = gateway_of(4, "a.test", "1.2.3.4");
    s.performance = MIX_PERFORMANCE_ONE / 2 - 1; /* 49 percent */
    assert_status(mix_kept_add(&l, &s), MIX_OK);
    s.performance = MIX_PERFORMANCE_ONE;
    s.ip_count = 0;
    assert_status(mix_kept_add(&l, &s), MIX_OK);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.seen, 2);
    s.ip_count = 1;
    s.performance = MIX_PERFORMANCE_ONE / 2;
    char longest[300];
    memset(longest, 'a', sizeof longest);
    s.hostname = mix_bytes_of(longest, sizeof longest);
    assert_status(mix_kept_add(&l, &s), MIX_OK);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.nodes[0].hostname_len, 0);
    s.hostname = mix_bytes_of(longest, MIX_HOSTNAME_MAX);
    assert_status(mix_kept_add(&l, &s), MIX_OK);
    char url[MIX_URL_MAX];
    assert_true(mix_kept_url(url, &l, &l.nodes[1], true, 0));
    assert_int_equal(strlen(url), 6 + MIX_HOSTNAME_MAX + 6);
    s.hostname = mix_bytes_str("a.test"); /* moving buffers copy all of them at every node */
    int status = MIX_OK;
    while (status == MIX_OK)
        status = mix_kept_add(&l, &s);
    assert_status(status, MIX_ERR_DIRECTORY_SIZE);
    assert_int_equal(l.seen, MIX_LIST_NODES_MAX);
    mix_kept_deinit(&l);
}

static void put_ids(mix_rewarded *r, mix_role role, uint32_t *ids, size_t count) {
    r->sets[role].ids = ids;
    r->sets[role].count = count;
}

static void roles_come_from_the_rewarded_set(void **state) {
    (void)state;
    mix_kept_list mixnodes = {0}, gateways = {0};
    for (uint32_t id = 1; id <= 6; id++) {
        mix_skimmed s = gateway_of(id, "a.test", id == 2 ? "2001:db8::7" : "1.2.3.4");
        s.mix_port = (uint16_t)(100 + id);
        s.role = MIX_SKIMMED_INACTIVE; /* its own word does not count */
        assert_status(mix_kept_add(id <= 4 ? &mixnodes : &gateways, &s), MIX_OK);
    }
    mix_skimmed again = gateway_of(1, "a.test", "5.6.7.8");
    again.mix_port = 1;
    assert_status(mix_kept_add(&gateways, &again), MIX_OK); /* replaces mix node 1 */
    uint32_t one[] = {1, 77}, two[] = {2, 3}, three[] = {4, 3, 4}, entries[] = {5, 1};
    mix_rewarded r = {0};
    put_ids(&r, MIX_ROLE_LAYER1, one, 2);
    put_ids(&r, MIX_ROLE_LAYER2, two, 2);
    put_ids(&r, MIX_ROLE_LAYER3, three, 3);
    put_ids(&r, MIX_ROLE_ENTRY, entries, 2);
    const mix_page_metadata m = {.epoch_id = 100, .rotation_id = 4, .refreshed_at = 5};
    mix_topology *t = NULL;
    mix_error e = {0};
    assert_status(mix_snapshot_topology(&t, &mixnodes, &gateways, &r, &m, &e), MIX_OK);
    assert_int_equal(t->count, 6);
    assert_int_equal(t->rotation_id, 4);
    assert_int_equal(t->epoch_id, 100);
    assert_int_equal(t->refreshed_at, 5);
    static const mix_role roles[] = {MIX_ROLE_LAYER1, MIX_ROLE_LAYER2, MIX_ROLE_LAYER2,
                                     MIX_ROLE_LAYER3, MIX_ROLE_ENTRY,  MIX_ROLE_NONE};
    for (uint32_t id = 1; id <= 6; id++)
        assert_int_equal(mix_topology_find(t, id_of((uint8_t)id))->role, roles[id - 1]);
    static const uint8_t first[] = {4, 0, 1, 5, 6, 7, 8};
    assert_bytes(mix_bytes_of(mix_topology_find(t, id_of(1))->address, 7), MIX_BYTES(first));
    static const uint8_t second[] = {6, 0, 102, 0x20, 0x01, 0x0d, 0xb8};
    assert_bytes(mix_bytes_of(mix_topology_find(t, id_of(2))->address, 7), MIX_BYTES(second));
    mix_topology_free(t);

    put_ids(&r, MIX_ROLE_LAYER3, one + 1, 1); /* only an unknown node */
    t = NULL;
    assert_status(mix_snapshot_topology(&t, &mixnodes, &gateways, &r, &m, &e),
                  MIX_ERR_DIRECTORY_INSUFFICIENT);
    assert_int_equal(e.number, 3);
    put_ids(&r, MIX_ROLE_LAYER3, three, 3);
    put_ids(&r, MIX_ROLE_ENTRY, NULL, 0);
    assert_status(mix_snapshot_topology(&t, &mixnodes, &gateways, &r, &m, &e),
                  MIX_ERR_DIRECTORY_INSUFFICIENT);
    assert_string_equal(e.words, "the rewarded set names no gateway");
    put_ids(&r, MIX_ROLE_EXIT, one + 1, 1); /* seen: it may be unknown */
    assert_status(mix_snapshot_topology(&t, &mixnodes, &gateways, &r, &m, &e), MIX_OK);
    mix_topology_free(t);
    mix_kept_deinit(&mixnodes);
    mix_kept_deinit(&gateways);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(blame_halves),
    cmocka_unit_test(blame_has_a_bound),
    cmocka_unit_test(the_first_is_drawn_by_weight),
    cmocka_unit_test(ranks_are_good_then_blamed_then_last),
    cmocka_unit_test(urls_of_entries),
    cmocka_unit_test(unusable_nodes_are_not_kept),
    cmocka_unit_test(roles_come_from_the_rewarded_set),
};
MIX_TEST_MAIN(directory_choice_test, tests)
