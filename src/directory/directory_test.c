/* SPDX-License-Identifier: Apache-2.0 */
/* directory/: the engine against a directory in memory that answers well, late, wrongly, endlessly
 * or not at all. */
#include "alloc_fail.h"
#include "base/alloc.h"
#include "directory_testing.h"

#include <stdlib.h>

static mix_time left(const net *n) {
    return mix_directory_deadline(n->d) - n->now;
}

static void all_independent_requests_go_out_at_once(void **state) {
    (void)state;
    net n;
    net_init(&n, 1);
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = SILENT;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    static const char *const urls[MIX_REQUESTS] = {
        "https://one.test/api/v1/nym-nodes/rewarded-set",
        "https://one.test/api/v2/unstable/nym-nodes/skimmed/mixnodes/active?page=0",
        "https://one.test/api/v2/unstable/nym-nodes/skimmed/entry-gateways?page=0",
        "https://one.test/api/v1/epoch/key-rotation-info",
        "https://one.test/api/v2/nym-nodes/described?page=0",
    };
    for (int i = 0; i < MIX_REQUESTS; i++) {
        assert_int_equal(n.calls[i], 1);
        assert_string_equal(n.last_url[i], urls[i]);
        assert_string_equal(n.last_accept[i], "application/json");
        assert_true(i == 0 || n.last_id[i] > n.last_id[i - 1]); /* in this order */
    }
    assert_int_equal(n.events, 0);
    assert_int_equal(left(&n), MIX_REQUEST_SILENCE);
    net_close(&n);
}

static void start(net *n, uint64_t seed) {
    net_init(n, seed);
    assert_status(net_open(n, NULL), MIX_OK);
    net_run(n);
    assert_int_equal(n->topologies, 1);
}

static void a_good_start_gives_everything(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        net n;
        net_init(&n, 2 + (uint64_t)variant);
        n.in_pieces = variant & 1;
        n.bincode = variant & 2;
        assert_status(net_open(&n, NULL), MIX_OK);
        assert_null(mix_directory_rotation(n.d));
        net_run(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.exits, 1);
        assert_int_equal(n.failures, 0);
        assert_int_equal(n.topology->count, NET_MIXNODES + NET_GATEWAYS);
        assert_int_equal(n.topology->rotation_id, 4);
        assert_int_equal(n.topology->serial, 1);
        assert_int_equal(n.topology->refreshed_at, n.now);
        assert_status(mix_topology_check(n.topology, n.gateways[1].identity), MIX_OK);
        assert_int_equal(mix_directory_rotation(n.d)->validity_epochs, 24);
        assert_int_equal(n.all_calls, MIX_REQUESTS);
        if (n.bincode)
            assert_non_null(strstr(n.last_url[MIX_REQUEST_GATEWAYS], "?page=0&output=bincode"));
        net_close(&n);
    }
}

static void a_refresh_repeats_three_requests_every_300_s(void **state) {
    (void)state;
    net n;
    start(&n, 6);
    const mix_topology *first = n.topology;
    mix_time least = MIX_NEVER, most = 0;
    for (int i = 1; i <= 50; i++) {
        mix_time wait = left(&n);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        n.epoch++;
        n.rotation = 4 + (n.epoch - 100) / 24;
        assert_true(net_step(&n, MIX_NEVER - 1));
        net_pull(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.topology->serial, 1 + i);
        assert_int_equal(n.topology->epoch_id, 100 + i);
        assert_int_equal(n.topology->rotation_id, 4 + i / 24);
        assert_int_equal(n.calls[MIX_REQUEST_REWARDED], 1 + i);
        assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], 1 + i);
        assert_int_equal(n.calls[MIX_REQUEST_GATEWAYS], 1 + i);
        if (i == 1)
            assert_int_equal(first->epoch_id, 100); /* the one before stays readable */
    }
    assert_int_equal(n.calls[MIX_REQUEST_ROTATION] + n.calls[MIX_REQUEST_DESCRIBED], 2);
    assert_true(least >= MIX_SECONDS(270) && least < MIX_SECONDS(285));
    assert_true(most <= MIX_SECONDS(330) && most > MIX_SECONDS(315));
    net_close(&n);
}

static void answers_that_do_not_agree_are_asked_for_once_more(void **state) {
    (void)state;
    static const mix_request_kind odd[] = {MIX_REQUEST_REWARDED, MIX_REQUEST_MIXNODES,
                                           MIX_REQUEST_GATEWAYS};
    for (size_t i = 0; i < 3; i++) {
        net n;
        start(&n, 10);
        n.epoch_of[odd[i]] = 1;
        assert_true(net_step(&n, MIX_NEVER - 1));
        net_pull(&n);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(n.calls[k], 3); /* start, refresh, at once again */
        assert_int_equal(n.failures, 1);
        assert_status(n.failed.error.code, MIX_ERR_DIRECTORY_INCONSISTENT);
        assert_int_equal(n.failed.part, MIX_DIRECTORY_PART_TOPOLOGY);
        assert_non_null(
            strstr(n.failed.error.words, i == 0 ? "epoch 101, the lists of nodes are of epoch 100"
                                                : "mixnodes and entry-gateways differ"));
        assert_int_equal(n.topology->serial, 1); /* still in use */
        assert_true(left(&n) >= MIX_MS(7500) &&
                    left(&n) <= MIX_MS(12500)); /* no waiting for 300 s */
        n.epoch_of[odd[i]] = 0;
        assert_true(net_step(&n, MIX_NEVER - 1));
        net_pull(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.failures, 0);
        net_close(&n);
    }
    net n; /* the second time it fits */
    net_init(&n, 11);
    n.manner[MIX_REQUEST_REWARDED] = SAYS;
    n.text[MIX_REQUEST_REWARDED] = "{\"layer1\":[1],\"layer2\":[2],\"layer3\":[3],\"entry_"
                                   "gateways\":[4],\"exit_gateways\":[5],\"standby\":[]}";
    n.times[MIX_REQUEST_REWARDED] = 1;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.topologies, 1);
    assert_int_equal(n.failures, 0);
    assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], 2);
    net_close(&n);
}

static void pages_are_followed_to_the_total(void **state) {
    (void)state;
    for (size_t size = 1; size <= 4; size++) {
        net n;
        net_init(&n, 20 + size);
        n.page_size = size;
        n.in_pieces = size == 2;
        assert_status(net_open(&n, NULL), MIX_OK);
        net_run(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.topology->count, NET_MIXNODES + NET_GATEWAYS);
        assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], (NET_MIXNODES + size - 1) / size);
        assert_int_equal(n.calls[MIX_REQUEST_DESCRIBED], (NET_GATEWAYS + size - 1) / size);
        net_close(&n);
    }
    net n; /* a total that is never reached: an empty page is the end, and an error */
    net_init(&n, 30);
    n.page_size = 2;
    n.total_more = 5;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.topologies, 0);
    assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], 4);
    assert_int_equal(n.calls[MIX_REQUEST_GATEWAYS], 0); /* the round was lost already */
    assert_status(n.failed.error.code, MIX_ERR_DIRECTORY_MALFORMED);
    net_close(&n);
}

/* Every page the same, and a total beyond all: as a server that ignores `page` and counts wrongly.
 */
static void endless_pages_end(void **state) {
    (void)state;
    net n;
    net_init(&n, 31);
    mix_buf body = {0};
    const mix_page p = {.metadata = {.epoch_id = 100}, .pagination = {.total = UINT64_MAX}};
    assert_status(mix_skimmed_encode(&body, MIX_WIRE_JSON, &p, n.mixnodes, NET_MIXNODES), MIX_OK);
    mix_buf_put_u8(&body, 0);
    n.manner[MIX_REQUEST_MIXNODES] = SAYS;
    n.text[MIX_REQUEST_MIXNODES] = (const char *)body.data;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], MIX_REQUEST_PAGES_MAX);
    assert_int_equal(n.failures, 1);
    assert_non_null(strstr(n.failed.error.words, "mixnodes: 384 nodes on 64 pages"));
    mix_buf_deinit(&body);
    net_close(&n);
}

static void failures_are_tried_again_where_that_may_help(void **state) {
    (void)state;
    static const struct {
        manner manner;
        int status;
        size_t calls;
        int code;
        const char *words;
    } rows[] = {
        {BREAKS, 0, MIX_REQUEST_TRIES, MIX_ERR_DIRECTORY_UNREACHABLE,
         "rewarded-set: connection refused"},
        {REFUSES, 503, MIX_REQUEST_TRIES, MIX_ERR_DIRECTORY_STATUS,
         "rewarded-set: HTTP status 503: {\"message\":\"no?way\"}"},
        {REFUSES, 429, MIX_REQUEST_TRIES, MIX_ERR_DIRECTORY_STATUS, "429"},
        {REFUSES, 404, 1, MIX_ERR_DIRECTORY_STATUS, "404"},
        {REFUSES, 302, 1, MIX_ERR_DIRECTORY_STATUS, "302"},
        {SILENT, 0, MIX_REQUEST_TRIES, MIX_ERR_DIRECTORY_TIMEOUT,
         "rewarded-set: no answer in time"},
        {SAYS, 0, 1, MIX_ERR_DIRECTORY_MALFORMED,
         "rewarded-set: layer1: expected an array, found nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net n;
        net_init(&n, 40 + i);
        n.manner[MIX_REQUEST_REWARDED] = rows[i].manner;
        n.status[MIX_REQUEST_REWARDED] = rows[i].status;
        n.text[MIX_REQUEST_REWARDED] = "{}";
        assert_status(net_open(&n, NULL), MIX_OK);
        net_run(&n);
        while (n.failures == 0 && net_step(&n, MIX_SECONDS(400)))
            net_pull(&n);
        assert_int_equal(n.failures, 1);
        assert_int_equal(n.calls[MIX_REQUEST_REWARDED], rows[i].calls);
        assert_int_equal(n.calls[MIX_REQUEST_MIXNODES], rows[i].calls > 1); /* before, or not */
        assert_status(n.failed.error.code, rows[i].code);
        assert_string_equal(n.failed.error.layer, "directory");
        if (!strstr(n.failed.error.words, rows[i].words))
            fail_msg("noted: %s\nexpected: %s", n.failed.error.words, rows[i].words);
        n.manner[MIX_REQUEST_REWARDED] = WELL; /* it recovers by itself */
        while (n.topologies == 0 && net_step(&n, MIX_SECONDS(600)))
            net_pull(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.cancels, rows[i].manner == SILENT ? MIX_REQUEST_TRIES : 0);
        net_close(&n);
    }
}

static void a_passing_failure_is_no_event(void **state) {
    (void)state;
    for (int kind = 0; kind < MIX_REQUESTS; kind++) {
        net n;
        net_init(&n, 50 + (uint64_t)kind);
        n.manner[kind] = BREAKS;
        n.times[kind] = 3;
        mix_time begin = n.now;
        assert_status(net_open(&n, NULL), MIX_OK);
        net_serve(&n);
        net_until(&n, begin + MIX_SECONDS(20));
        net_pull(&n);
        assert_int_equal(n.topologies, 1);
        assert_int_equal(n.exits, 1);
        assert_int_equal(n.failures, 0);
        assert_int_equal(n.calls[kind], 4);
        assert_non_null(mix_directory_rotation(n.d));
        net_close(&n);
    }
}

static void other_base_urls_are_tried_at_once(void **state) {
    (void)state;
    net n;
    net_init(&n, 60);
    n.urls[1] = "https://two.test";
    n.url_count = 2;
    n.manner[MIX_REQUEST_GATEWAYS] = REFUSES;
    n.status[MIX_REQUEST_GATEWAYS] = 404;
    n.times[MIX_REQUEST_GATEWAYS] = 1;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.topologies, 1);
    assert_string_equal(n.last_url[MIX_REQUEST_GATEWAYS],
                        "https://two.test/v2/unstable/nym-nodes/skimmed/entry-gateways?page=0");
    assert_non_null(strstr(n.last_url[MIX_REQUEST_MIXNODES], "https://one.test/api/v2"));
    assert_true(net_step(&n, MIX_NEVER - 1)); /* the one that answered is kept */
    assert_non_null(strstr(n.last_url[MIX_REQUEST_MIXNODES], "https://two.test/v2"));
    net_close(&n);

    net_init(&n, 61); /* all refuse: an error after one try each */
    n.urls[1] = "https://two.test";
    n.urls[2] = "https://three.test//";
    n.url_count = 3;
    n.manner[MIX_REQUEST_GATEWAYS] = REFUSES;
    n.status[MIX_REQUEST_GATEWAYS] = 404;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.failures, 1);
    assert_int_equal(n.calls[MIX_REQUEST_GATEWAYS], 3);
    assert_non_null(strstr(n.last_url[MIX_REQUEST_GATEWAYS], "https://three.test/v2"));
    net_close(&n);
}

static void rounds_fail_later_and_later(void **state) {
    (void)state;
    net n;
    net_init(&n, 62);
    n.manner[MIX_REQUEST_REWARDED] = REFUSES;
    n.status[MIX_REQUEST_REWARDED] = 404;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    static const int seconds[] = {10, 20, 40, 80, 160, 300, 300};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        assert_true(left(&n) >= MIX_SECONDS(seconds[i]) * 3 / 4 &&
                    left(&n) <= MIX_SECONDS(seconds[i]) * 5 / 4);
        assert_true(net_step(&n, MIX_NEVER - 1));
    }
    net_close(&n);
}

static void drops_and_drips_have_a_time_limit(void **state) {
    (void)state;
    net n;
    net_init(&n, 63);
    n.manner[MIX_REQUEST_REWARDED] = SILENT;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    uint64_t first = n.last_id[MIX_REQUEST_REWARDED];
    mix_time began = n.now;
    for (int i = 0; n.calls[MIX_REQUEST_REWARDED] == 1; i++) { /* a byte every 20 s */
        const mix_directory_answer drip = {.id = first, .status = 200, .body = mix_bytes_str(" ")};
        assert_true(i < 100);
        n.now += MIX_SECONDS(20);
        if (mix_directory_deadline(n.d) <= n.now)
            assert_status(mix_directory_tick(n.d, n.now), MIX_OK);
        assert_status(mix_directory_feed(n.d, &drip, n.now), MIX_OK);
        net_serve(&n);
    }
    assert_true(n.now - began >= MIX_REQUEST_WHOLE &&
                n.now - began <= MIX_REQUEST_WHOLE + MIX_SECONDS(20));
    assert_int_equal(n.cancelled, first);
    size_t calls = n.all_calls;
    assert_status(net_answer(&n, first, 200, "{}"), MIX_OK); /* too late: nobody waits for it */
    assert_status(net_answer(&n, 999, 200, "{}"), MIX_OK);
    net_run(&n);
    assert_int_equal(n.all_calls, calls);
    assert_int_equal(n.events, 0);
    net_close(&n);
}

static void an_old_topology_is_withdrawn(void **state) {
    (void)state;
    net n;
    start(&n, 64);
    mix_time good = n.now;
    const mix_topology *old = n.topology;
    n.manner[MIX_REQUEST_MIXNODES] = BREAKS;
    net_until(&n, good + MIX_SECONDS(3299));
    net_pull(&n);
    assert_int_equal(n.losses, 0);
    assert_ptr_equal(n.topology, old);
    net_until(&n, good + MIX_SECONDS(3301));
    net_pull(&n);
    assert_int_equal(n.losses, 1);
    assert_null(n.topology);
    assert_int_equal(old->epoch_id, 100); /* readable while the loss is handled */
    mix_entry entry;
    size_t count;
    assert_status(mix_directory_entries(n.d, &entry, 1, &count, NULL, n.now), MIX_ERR_STATE);
    n.manner[MIX_REQUEST_MIXNODES] = WELL;
    net_until(&n, good + MIX_SECONDS(4000));
    net_pull(&n);
    assert_int_equal(n.topologies, 1);
    assert_status(mix_directory_entries(n.d, &entry, 1, &count, NULL, n.now), MIX_OK);
    net_close(&n);
}

static void a_missing_rotation_or_description_does_not_stop_the_rest(void **state) {
    (void)state;
    net n;
    net_init(&n, 65);
    n.manner[MIX_REQUEST_ROTATION] = n.manner[MIX_REQUEST_DESCRIBED] = REFUSES;
    n.status[MIX_REQUEST_ROTATION] = n.status[MIX_REQUEST_DESCRIBED] = 404;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    assert_int_equal(n.topologies, 1);
    assert_int_equal(n.failures, 1);
    assert_int_equal(n.failed.part, MIX_DIRECTORY_PART_EXITS);
    assert_null(mix_directory_rotation(n.d));
    mix_exit exit;
    size_t count;
    assert_status(mix_directory_exits(n.d, NULL, &exit, 1, &count, NULL, n.now), MIX_ERR_STATE);
    n.manner[MIX_REQUEST_ROTATION] = n.manner[MIX_REQUEST_DESCRIBED] = WELL;
    mix_directory_ask_exits(n.d, n.now);
    net_run(&n);
    assert_int_equal(n.exits, 1);
    mix_directory_ask_exits(n.d, n.now); /* they are fresh */
    net_run(&n);
    assert_int_equal(n.events, 0);
    net_until(&n, n.now + MIX_SECONDS(400)); /* the rotation comes with the next refresh */
    assert_non_null(mix_directory_rotation(n.d));
    mix_directory_ask_exits(n.d, n.now);
    net_run(&n);
    assert_int_equal(n.exits, 1);
    net_close(&n);
}

static bool is_gateway(const net *n, size_t i, const uint8_t identity[static MIX_KEY_LEN]) {
    return memcmp(n->gateways[i].identity, identity, MIX_KEY_LEN) == 0;
}

static void entries_are_uniform_and_exits_by_performance(void **state) {
    (void)state;
    net n;
    start(&n, 70);
    double entries[NET_GATEWAYS] = {0}, exits[NET_GATEWAYS] = {0};
    for (int i = 0; i < 10000; i++) {
        mix_entry e[8];
        mix_exit x[8];
        size_t count = 0;
        assert_status(mix_directory_entries(n.d, e, 8, &count, NULL, n.now), MIX_OK);
        assert_int_equal(count, NET_GATEWAYS);
        assert_status(mix_directory_exits(n.d, n.gateways[0].identity, x, 8, &count, NULL, n.now),
                      MIX_OK);
        assert_int_equal(count, 3); /* gateway 0 has no packet router */
        for (size_t k = 0; k < NET_GATEWAYS; k++) {
            entries[k] += is_gateway(&n, k, e[0].identity);
            exits[k] += is_gateway(&n, k, x[0].address.gateway);
        }
    }
    double chi = 0; /* 3 degrees of freedom: 21.1 once in 10⁴; 2: 18.4 */
    for (int k = 0; k < NET_GATEWAYS; k++)
        chi += (entries[k] - 2500) * (entries[k] - 2500) / 2500;
    assert_true(chi < 21.1);
    chi = 0;
    static const double weights[] = {0, 100, 90, 60};
    for (int k = 1; k < NET_GATEWAYS; k++)
        chi += (exits[k] - weights[k] * 40) * (exits[k] - weights[k] * 40) / (weights[k] * 40);
    assert_true(chi < 18.4);
    assert_true(exits[0] == 0);
    net_close(&n);
}

static void exits_carry_what_the_tunnel_needs(void **state) {
    (void)state;
    net n;
    start(&n, 71);
    mix_exit x[8];
    size_t count = 0;
    assert_status(mix_directory_exits(n.d, NULL, x, 8, &count, NULL, n.now), MIX_OK);
    for (size_t i = 0; i < count; i++) {
        mix_buf text = {0};
        size_t k = is_gateway(&n, 1, x[i].address.gateway)   ? 1
                   : is_gateway(&n, 2, x[i].address.gateway) ? 2
                                                             : 3;
        assert_status(mix_recipient_format(&text, &x[i].address), MIX_OK);
        assert_bytes(mix_buf_bytes(&text), n.described[k].ipr_address);
        assert_int_equal(x[i].ipr_version, k == 1 ? 10 : 9);
        assert_string_equal(x[i].release, k == 1 ? "1.37.0" : k == 2 ? "1.31.0" : "1.30.0");
        mix_buf_deinit(&text);
    }
    net_close(&n);
}

/* §9, and what makes an exit routable; each row spoils the three exits in one way but the last. */
static void unfit_exits_are_not_offered(void **state) {
    (void)state;
    for (int spoiled = 0; spoiled < 8; spoiled++) {
        net n;
        net_init(&n, 72);
        for (size_t i = 1; i < 3; i++) {
            mix_skimmed *s = &n.gateways[i];
            mix_described *d = &n.described[i];
            switch (spoiled) {
            case 0:
                s->supported.exit_ipr = false;
                break;
            case 1:
                s->performance = MIX_PERFORMANCE_ONE / 100 * 49;
                break;
            case 2:
                s->ip_count = 0;
                break;
            case 3:
                d->build[MIX_BUILD_VERSION] = mix_bytes_str("1.29.0");
                break;
            case 4:
                d->build[MIX_BUILD_VERSION] = mix_bytes_str("v1.31");
                break;
            case 5:
                d->ipr_address = (mix_bytes){0};
                break;
            case 6:
                d->ipr_address = n.described[3].ipr_address;
                break; /* another node's */
            default:
                d->identity[0] ^= 0;
                memcpy(d->identity, n.mixnodes[0].identity, MIX_KEY_LEN);
                break; /* not described */
            }
        }
        assert_status(net_open(&n, NULL), MIX_OK);
        net_run(&n);
        mix_exit x[8];
        size_t count = 0;
        assert_status(mix_directory_exits(n.d, NULL, x, 8, &count, NULL, n.now), MIX_OK);
        assert_int_equal(count, 1);
        assert_true(is_gateway(&n, 3, x[0].address.gateway));
        net_close(&n);
    }
}

static void no_exit_and_no_entry_are_named_errors(void **state) {
    (void)state;
    net n;
    net_init(&n, 73);
    for (size_t i = 0; i < NET_GATEWAYS; i++) {
        n.described[i].ipr_address = (mix_bytes){0};
        n.gateways[i].has_wss_port = false;
    }
    assert_status(net_open(&n, NULL), MIX_OK);
    mix_entry e;
    mix_exit x;
    size_t count = 77;
    mix_error error = {0};
    assert_status(mix_directory_entries(n.d, &e, 1, &count, &error, n.now), MIX_ERR_STATE);
    assert_status(mix_directory_exits(n.d, NULL, &x, 1, &count, &error, n.now), MIX_ERR_STATE);
    net_run(&n);
    assert_status(mix_directory_exits(n.d, NULL, &x, 1, &count, &error, n.now), MIX_ERR_NO_EXIT);
    assert_status(error.code, MIX_ERR_NO_EXIT);
    assert_status(mix_directory_entries(n.d, &e, 1, &count, &error, n.now), MIX_ERR_NO_ENTRY);
    assert_string_equal(error.words, "none of 4 gateways takes clients by TLS");
    assert_int_equal(count, 77);
    assert_status(mix_directory_entries(n.d, &e, 0, &count, &error, n.now), MIX_ERR_ARGUMENT);
    net_close(&n);
}

static void bad_ones_come_last_for_a_while(void **state) {
    (void)state;
    net n;
    start(&n, 74);
    mix_directory_exit_failed(n.d, n.gateways[1].identity, n.now);
    mix_directory_entry_failed(n.d, n.gateways[2].identity, n.now);
    int first = 0;
    for (int i = 0; i < 300; i++) {
        bool later = i >= 200;
        mix_exit x[8];
        mix_entry e[8];
        size_t exits = 0, entries = 0;
        mix_time now =
            later ? n.now + MIX_SECONDS(600) : n.now; /* one failure counts for ten minutes */
        if (i == 100)
            mix_directory_exit_works(n.d, n.gateways[3].identity);
        assert_status(mix_directory_exits(n.d, NULL, x, 8, &exits, NULL, now), MIX_OK);
        assert_status(mix_directory_entries(n.d, e, 8, &entries, NULL, now), MIX_OK);
        assert_true(later || is_gateway(&n, 1, x[exits - 1].address.gateway));
        assert_true(later || is_gateway(&n, 2, e[entries - 1].identity));
        first += later && is_gateway(&n, 1, x[0].address.gateway);
    }
    assert_true(first > 20 && first < 60); /* 100 of 250 in 100 draws */
    mix_directory_entry_works(n.d, n.gateways[2].identity);
    net_close(&n);
}

/* A node at both ends would see who talks to whom: it is the last resort. */
static void entry_and_exit_are_different_nodes(void **state) {
    (void)state;
    net n;
    start(&n, 75);
    for (int i = 0; i < 100; i++) {
        mix_exit x[8];
        size_t count = 0;
        assert_status(mix_directory_exits(n.d, n.gateways[2].identity, x, 8, &count, NULL, n.now),
                      MIX_OK);
        assert_int_equal(count, 3);
        assert_true(is_gateway(&n, 2, x[2].address.gateway));
    }
    net_close(&n);
    net_init(&n, 76); /* one exit only: it is no entry while there are others */
    n.gateways[1].supported.exit_ipr = n.gateways[2].supported.exit_ipr = false;
    assert_status(net_open(&n, NULL), MIX_OK);
    net_run(&n);
    for (int i = 0; i < 100; i++) {
        mix_entry e[8];
        size_t count = 0;
        assert_status(mix_directory_entries(n.d, e, 8, &count, NULL, n.now), MIX_OK);
        assert_int_equal(count, NET_GATEWAYS);
        assert_true(is_gateway(&n, 3, e[3].identity));
    }
    net_close(&n);
}

static void preferences_are_kept_to(void **state) {
    (void)state;
    net n;
    net_init(&n, 77);
    mix_recipient exit;
    assert_status(mix_recipient_parse(&exit, n.described[2].ipr_address), MIX_OK);
    mix_directory_config c = {.tls = true,
                              .exits = true,
                              .preferred_gateway = n.gateways[3].identity,
                              .preferred_exit = &exit};
    assert_status(net_open(&n, &c), MIX_OK);
    mix_exit x[4];
    mix_entry e[4];
    size_t count = 0;
    assert_status(mix_directory_exits(n.d, NULL, x, 4, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 1);
    assert_int_equal(x[0].ipr_version, 9); /* nothing is known of it yet */
    assert_string_equal(x[0].release, "");
    net_run(&n);
    assert_status(mix_directory_entries(n.d, e, 4, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 1);
    assert_true(is_gateway(&n, 3, e[0].identity));
    assert_string_equal(e[0].url, "wss://g3.test/");
    assert_status(mix_directory_exits(n.d, NULL, x, 4, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&x[0].address, &exit, sizeof exit);
    assert_string_equal(x[0].release, "1.31.0");
    assert_status(mix_directory_entry(n.d, e, n.gateways[1].identity, NULL), MIX_OK);
    assert_string_equal(e[0].url, "wss://g1.test/");
    net_close(&n);

    static const char *const words[] = {"no gateway with the identity ", " takes no clients",
                                        " has no hostname and port for TLS"};
    for (size_t i = 0; i < 3; i++) {
        net_init(&n, 78);
        uint8_t identity[MIX_KEY_LEN];
        memcpy(identity, i == 0 ? n.mixnodes[0].identity : n.gateways[0].identity, MIX_KEY_LEN);
        n.gateways[0].has_entry = i != 1;
        n.gateways[0].has_wss_port = i != 2;
        c = (mix_directory_config){.tls = true, .preferred_gateway = identity};
        mix_error error = {0};
        assert_status(net_open(&n, &c), MIX_OK);
        net_run(&n);
        assert_int_equal(n.calls[MIX_REQUEST_DESCRIBED], 0); /* not asked for */
        assert_status(mix_directory_entries(n.d, e, 4, &count, &error, n.now),
                      MIX_ERR_PREFERRED_GATEWAY);
        if (!strstr(error.words, words[i]))
            fail_msg("noted: %s", error.words);
        net_close(&n);
    }
}

static void without_tls_all_hosts_follow(void **state) {
    (void)state;
    net n;
    net_init(&n, 79);
    const mix_directory_config c = {.preferred_gateway = NULL};
    assert_status(net_open(&n, &c), MIX_OK);
    net_run(&n);
    mix_entry e[3];
    size_t count = 0;
    assert_status(mix_directory_entries(n.d, e, 3, &count, NULL, n.now), MIX_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(e[0].identity, e[1].identity, MIX_KEY_LEN);
    assert_memory_not_equal(e[1].identity, e[2].identity, MIX_KEY_LEN);
    assert_non_null(strstr(e[0].url, ".test:9000/"));
    assert_non_null(strstr(e[1].url, "ws://10.0.0.1"));
    net_close(&n);
}

static void arguments_are_checked(void **state) {
    (void)state;
    net n;
    net_init(&n, 80);
    char url[MIX_DIRECTORY_URL_LEN_MAX + 2];
    memset(url, 'a', sizeof url);
    url[sizeof url - 1] = 0;
    n.url_count = 0;
    assert_status(net_open(&n, NULL), MIX_ERR_ARGUMENT);
    n.url_count = 1;
    n.urls[0] = url;
    assert_status(net_open(&n, NULL), MIX_ERR_ARGUMENT);
    n.urls[0] = "";
    assert_status(net_open(&n, NULL), MIX_ERR_ARGUMENT);
    assert_null(n.d);
    mix_directory_free(NULL);
}

/* Bodies as large as they may be, of the kinds that cost most: the client's memory stays below a
 * bound, and it goes on. */
static void hostile_bodies_take_bounded_memory(void **state) {
    (void)state;
    static const char *const fillers[] = {"1,", "[", "{\"a\":1},", " ", "\"\\u0041\","};
    for (int kind = 0; kind < MIX_REQUESTS; kind++) {
        for (size_t f = 0; f < sizeof fillers / sizeof *fillers; f++) {
            net n;
            net_init(&n, 90);
            n.manner[kind] = SILENT;
            assert_status(net_open(&n, NULL), MIX_OK);
            net_run(&n);
            mix_alloc_fail_at(0, 0);
            size_t before = mix_alloc_live_bytes(), sent = 0;
            const char *head = kind == MIX_REQUEST_REWARDED || kind == MIX_REQUEST_ROTATION
                                   ? "{\"layer1\":["
                                   : "{\"data\":[";
            mix_directory_answer a = {
                .id = n.last_id[kind], .status = 200, .body = mix_bytes_str(head)};
            int status = mix_directory_feed(n.d, &a, n.now);
            uint8_t piece[16384];
            for (size_t i = 0; i < sizeof piece; i++)
                piece[i] = (uint8_t)fillers[f][i % strlen(fillers[f])];
            a.body = MIX_BYTES(piece);
            for (; status == MIX_OK && sent < 64 << 20; sent += sizeof piece)
                status = mix_directory_feed(n.d, &a, n.now);
            assert_status(status, MIX_ERR_LIMIT); /* it was stopped */
            assert_true(mix_alloc_peak_bytes() - before < 6 << 20);
            net_run(&n);
            assert_int_equal(n.cancelled, a.id);
            net_close(&n);
        }
    }
}

/* A start and choices with each allocation failing once: no crash, no leak, and it recovers by
 * itself. */
static void each_failing_allocation_is_survived(void **state) {
    (void)state;
    size_t live = mix_alloc_live(), failed = 0;
    for (size_t at = 1;; at++) {
        net n;
        mix_entry e[4];
        mix_exit x[4];
        size_t count;
        net_init(&n, 91);
        n.in_pieces = true;
        net_cache(&n);
        mix_alloc_fail_at(at, 0);
        int status = net_open(&n, NULL);
        if (status == MIX_OK) {
            net_run(&n);
            (void)mix_directory_entries(n.d, e, 4, &count, NULL, n.now);
            (void)mix_directory_exits(n.d, NULL, x, 4, &count, NULL, n.now);
        }
        size_t needed = mix_alloc_count();
        mix_alloc_fail_at(0, 0);
        if (status == MIX_OK) {
            net_until(&n, n.now + MIX_SECONDS(400));
            net_pull(&n);
            assert_status(mix_topology_check(n.topology, n.gateways[1].identity), MIX_OK);
            assert_status(mix_directory_entries(n.d, e, 4, &count, NULL, n.now), MIX_OK);
            assert_status(mix_directory_exits(n.d, NULL, x, 4, &count, NULL, n.now), MIX_OK);
        } else {
            assert_status(status, MIX_ERR_MEMORY);
            failed++;
        }
        net_close(&n);
        assert_int_equal(mix_alloc_live(), live);
        if (needed < at)
            break;
    }
    assert_int_equal(failed, 2); /* the engine itself, and its copy of the URL */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_independent_requests_go_out_at_once),
    cmocka_unit_test(a_good_start_gives_everything),
    cmocka_unit_test(a_refresh_repeats_three_requests_every_300_s),
    cmocka_unit_test(answers_that_do_not_agree_are_asked_for_once_more),
    cmocka_unit_test(pages_are_followed_to_the_total),
    cmocka_unit_test(endless_pages_end),
    cmocka_unit_test(failures_are_tried_again_where_that_may_help),
    cmocka_unit_test(a_passing_failure_is_no_event),
    cmocka_unit_test(other_base_urls_are_tried_at_once),
    cmocka_unit_test(rounds_fail_later_and_later),
    cmocka_unit_test(drops_and_drips_have_a_time_limit),
    cmocka_unit_test(an_old_topology_is_withdrawn),
    cmocka_unit_test(a_missing_rotation_or_description_does_not_stop_the_rest),
    cmocka_unit_test(entries_are_uniform_and_exits_by_performance),
    cmocka_unit_test(exits_carry_what_the_tunnel_needs),
    cmocka_unit_test(unfit_exits_are_not_offered),
    cmocka_unit_test(no_exit_and_no_entry_are_named_errors),
    cmocka_unit_test(bad_ones_come_last_for_a_while),
    cmocka_unit_test(entry_and_exit_are_different_nodes),
    cmocka_unit_test(preferences_are_kept_to),
    cmocka_unit_test(without_tls_all_hosts_follow),
    cmocka_unit_test(arguments_are_checked),
    cmocka_unit_test(hostile_bodies_take_bounded_memory),
    cmocka_unit_test(each_failing_allocation_is_survived),
};
MIX_TEST_MAIN(directory_test, tests)
