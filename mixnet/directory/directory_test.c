/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory role answers is read by the client's decoders. */
#include "mixnet/directory/directory.h"

#include "base/text.h"
#include "directory/wire.h"
#include "mix/errors.h"
#include "testing.h"

static mix_test_env env;
static mix_crypto *crypto;
static mixnet_network net;
static mixnet_answer answer;

static int setup(void **state) {
    (void)state;
    mix_test_env_init(&env, 22);
    mixnet_plan plan = {.mixes_per_layer = 1, .gateways = 1, .exits = 1, .host = {.family = 4, .octets = {127, 0, 0, 1}}};
    int status = mix_crypto_new(&crypto) || mixnet_network_make(&net, &plan, crypto, &env.env);
    for (size_t i = 0; i < net.count; i++)
        net.members[i].address.port = (uint16_t)(21000 + i);
    net.members[3].ws_port = 9000;
    net.members[3].wss_port = 9001;
    return status;
}

static int teardown(void **state) {
    (void)state;
    mix_buf_deinit(&answer.body);
    mix_crypto_free(crypto);
    return 0;
}

static void ask_with(const char *method, const char *path, const char *query, const char *body) {
    mixnet_request q = {mix_bytes_str(method), mix_bytes_str(path), mix_bytes_str(query), mix_bytes_str(body)};
    mix_buf_deinit(&answer.body);
    assert_status(mixnet_directory_answer(&net, crypto, env.wall, &q, &answer), MIX_OK);
}

static void ask(const char *path, const char *query) {
    ask_with("GET", path, query, "");
    assert_int_equal(answer.status, 200);
}

typedef struct seen {
    size_t count, entries;
    mix_skimmed last;
    char router[160];
} seen;

static int see_skimmed(void *user, const mix_skimmed *node) {
    seen *s = user;
    s->count++;
    s->entries += node->has_entry;
    s->last = *node;
    return MIX_OK;
}

static int see_described(void *user, const mix_described *node) {
    seen *s = user;
    s->count++;
    if (node->ipr_address.len > 0)
        snprintf(s->router, sizeof s->router, "%.*s", (int)node->ipr_address.len, (const char *)node->ipr_address.data);
    assert_bytes(node->build[MIX_BUILD_VERSION], mix_bytes_str("1.37.0"));
    return MIX_OK;
}

static seen list(mix_wire_format format) {
    seen s = {0};
    mix_page page;
    mix_error e = {0};
    mix_list_visitor visitor = {.user = &s, .skimmed = see_skimmed};
    int status = mix_list_decode(&page, mix_buf_bytes(&answer.body), format, "test", &visitor, &e);
    if (status != MIX_OK)
        fprintf(stderr, "  %s\n", e.words);
    assert_status(status, MIX_OK);
    assert_int_equal(page.pagination.total, s.count);
    assert_int_equal(page.metadata.rotation_id, page.metadata.epoch_id / MIXNET_VALIDITY_EPOCHS);
    return s;
}

static void lists_are_what_clients_expect(void **state) {
    (void)state;
    static const struct {
        const char *path;
        size_t count, entries;
    } rows[] = {{"/api/v2/unstable/nym-nodes/skimmed", 5, 2},
                {"/api/v2/unstable/nym-nodes/skimmed/entry-gateways", 2, 2},
                {"/api/v2/unstable/nym-nodes/skimmed/exit-gateways/", 1, 1},
                {"/api/v2/unstable/nym-nodes/skimmed/mixnodes/active", 3, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int bincode = 0; bincode < 2; bincode++) {
            ask(rows[i].path, bincode ? "page=0&output=bincode" : "page=0&output=json");
            assert_string_equal(answer.content_type, bincode ? "application/bincode" : "application/json");
            seen s = list(bincode ? MIX_WIRE_BINCODE : MIX_WIRE_JSON);
            assert_int_equal(s.count, rows[i].count);
            assert_int_equal(s.entries, rows[i].entries);
        }
    }
}

static void exits_are_described_with_their_router(void **state) {
    (void)state;
    ask("/api/v2/nym-nodes/described", "page=0");
    seen s = {0};
    mix_page page;
    mix_list_visitor visitor = {.user = &s, .described = see_described};
    assert_status(mix_list_decode(&page, mix_buf_bytes(&answer.body), MIX_WIRE_JSON, "described", &visitor, NULL), MIX_OK);
    assert_int_equal(s.count, 5);
    assert_non_null(strchr(s.router, '@'));
}

static void epochs_agree(void **state) {
    (void)state;
    env.wall += (int64_t)30 * 3600 * 1000000 + 5;
    mix_rewarded rewarded;
    mix_rotation_info info;
    ask("/api/v1/nym-nodes/rewarded-set", "");
    assert_status(mix_rewarded_decode(&rewarded, mix_buf_bytes(&answer.body), NULL), MIX_OK);
    assert_int_equal(rewarded.epoch_id, MIXNET_FIRST_ROTATION * MIXNET_VALIDITY_EPOCHS + 30);
    assert_int_equal(rewarded.sets[MIX_ROLE_LAYER2].count, 1);
    assert_int_equal(rewarded.sets[MIX_ROLE_EXIT].ids[0], 5);
    mix_rewarded_deinit(&rewarded);
    ask("/api/v1/epoch/key-rotation-info", "");
    assert_status(mix_rotation_info_decode(&info, mix_buf_bytes(&answer.body), NULL), MIX_OK);
    assert_int_equal(info.epoch, MIXNET_FIRST_ROTATION * MIXNET_VALIDITY_EPOCHS + 30);
    assert_true(env.wall - info.epoch_start == 5);
}

static void nodes_get_what_they_ask_for(void **state) {
    (void)state;
    ask("/api/v2/unstable/nym-nodes/semi-skimmed", "page=0");
    mix_buf_put_u8(&answer.body, 0);
    const char *text = (const char *)answer.body.data;
    assert_non_null(strstr(text, "\"data\":[{\"basic\":{\"node_id\":1,"));
    assert_non_null(strstr(text, "\"x25519_noise_versioned_key\":null}]}"));
    ask_with("POST", "/api/v1/unstable/nym-nodes/by-addresses", "", "{\"addresses\":[\"127.0.0.1\",\"9.9.9.9\"]}");
    assert_bytes(mix_buf_bytes(&answer.body), mix_bytes_str("{\"existence\":{\"127.0.0.1\":5,\"9.9.9.9\":null}}"));
    ask_with("POST", "/api/v1/unstable/nym-nodes/by-addresses", "", "{\"addresses\":[7]}");
    assert_int_equal(answer.status, 400);
}

static int see_noise(void *user, const mix_described *node) {
    size_t *count = user;
    const mixnet_member *m = &net.members[*count];
    uint8_t secret[MIX_KEY_LEN], expected[MIX_KEY_LEN];
    assert_status(mixnet_member_noise(crypto, m, secret), MIX_OK);
    mix_x25519_public(expected, secret);
    assert_true(node->has_noise && node->noise_version == 1);
    assert_bytes(MIX_BYTES(node->noise_key), MIX_BYTES(expected));
    ++*count;
    return MIX_OK;
}

/* Clients and nodes are told the same keys. */
static void noise_keys_are_published(void **state) {
    (void)state;
    mix_page page;
    size_t count = 0;
    uint8_t key[MIX_KEY_LEN];
    mix_buf expected = {0};
    mix_list_visitor visitor = {.user = &count, .described = see_noise};
    net.noise = true;
    ask("/api/v2/nym-nodes/described", "page=0");
    assert_status(mix_list_decode(&page, mix_buf_bytes(&answer.body), MIX_WIRE_JSON, "described", &visitor, NULL), MIX_OK);
    assert_int_equal(count, 5);
    ask("/api/v2/unstable/nym-nodes/semi-skimmed", "page=0");
    assert_status(mixnet_member_noise_public(crypto, &net.members[4], key), MIX_OK);
    mix_buf_put_str(&expected, ",\"x25519_noise_versioned_key\":{\"supported_version\":1,\"x25519_pubkey\":\"");
    assert_status(mix_base58_encode(&expected, MIX_BYTES(key)), MIX_OK);
    mix_buf_put_str(&expected, "\"}}]}}");
    assert_bytes(mix_bytes_slice(mix_buf_bytes(&answer.body), answer.body.len - expected.len, answer.body.len), mix_buf_bytes(&expected));
    mix_buf_deinit(&expected);
    net.noise = false;
}

static void everything_else_is_refused(void **state) {
    (void)state;
    ask_with("OPTIONS", "/anything", "", "");
    assert_int_equal(answer.status, 204);
    ask_with("GET", "/api/v1/nothing", "", "");
    assert_int_equal(answer.status, 404);
    ask_with("GET", "/v1/epoch/key-rotation-info", "", "");
    assert_int_equal(answer.status, 404);
    ask_with("POST", "/api/v1/nym-nodes/rewarded-set", "", "{}");
    assert_int_equal(answer.status, 405);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(lists_are_what_clients_expect, setup, teardown),
    cmocka_unit_test_setup_teardown(exits_are_described_with_their_router, setup, teardown),
    cmocka_unit_test_setup_teardown(epochs_agree, setup, teardown),
    cmocka_unit_test_setup_teardown(nodes_get_what_they_ask_for, setup, teardown),
    cmocka_unit_test_setup_teardown(noise_keys_are_published, setup, teardown),
    cmocka_unit_test_setup_teardown(everything_else_is_refused, setup, teardown),
};
MIX_TEST_MAIN(mixnet_directory_test, tests)
