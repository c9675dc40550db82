/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: made, written, read, rotated; wrong files. */
#include "base/buf.h"
#include "mix/errors.h"
#include "mixnet/network/network.h"
#include "testing.h"

static mix_test_env env;
static mix_crypto *crypto;
static mixnet_network net, back;

static int setup(void **state) {
    (void)state;
    mix_test_env_init(&env, 21);
    mixnet_plan plan = {.mixes_per_layer = 2, .gateways = 1, .exits = 2, .host = {.family = 4, .octets = {127, 0, 0, 1}}};
    return mix_crypto_new(&crypto) || mixnet_network_make(&net, &plan, crypto, &env.env);
}

static int teardown(void **state) {
    (void)state;
    mix_crypto_free(crypto);
    mixnet_network_wipe(&net);
    return 0;
}

static void a_network_has_all_roles(void **state) {
    (void)state;
    mix_topology *t;
    assert_int_equal(net.count, 9);
    assert_int_equal(mixnet_network_rotation(&net, env.wall), MIXNET_FIRST_ROTATION);
    assert_string_equal(mixnet_network_find(&net, "exit2")->hostname, "exit2.nym.test");
    assert_null(mixnet_network_find(&net, "exit3"));
    assert_status(mixnet_network_topology(&net, crypto, env.wall, &t), MIX_OK);
    for (int l = 0; l < MIX_LAYERS; l++)
        assert_int_equal(t->layer_count[l], 2);
    assert_status(mix_topology_check(t, mixnet_network_find(&net, "exit1")->identity), MIX_OK);
    assert_int_equal(t->rotation_id, MIXNET_FIRST_ROTATION);
    mix_topology_free(t);
}

static void files_bring_everything_back(void **state) {
    (void)state;
    mix_buf public = {0}, keys = {0}, again = {0};
    net.noise = true;
    assert_status(mixnet_network_write(&public, &net), MIX_OK);
    assert_status(mixnet_network_write_keys(&keys, &net), MIX_OK);
    assert_status(mixnet_network_read(&back, mix_buf_bytes(&public), NULL), MIX_OK);
    assert_false(back.members[0].has_seed); /* nothing secret in network.json */
    assert_status(mixnet_network_read_keys(&back, mix_buf_bytes(&keys), crypto, NULL), MIX_OK);
    assert_memory_equal(&back, &net, sizeof net);
    assert_status(mixnet_network_write(&again, &back), MIX_OK);
    assert_bytes(mix_buf_bytes(&again), mix_buf_bytes(&public));
    mix_error e = {0};
    back.members[3].identity[0] ^= 1;
    assert_status(mixnet_network_read_keys(&back, mix_buf_bytes(&keys), crypto, &e), MIX_ERR_NETWORK_FILE);
    assert_string_equal(e.words, "mix4: this seed does not belong to the identity in network.json");
    mix_buf_deinit(&public);
    mix_buf_deinit(&keys);
    mix_buf_deinit(&again);
}

static void wrong_files_name_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "network.json: not JSON"},
        {"{\"format\":2}", "network.json: expected format 1 and a version"},
        {"{\"format\":1,\"version\":\"1\"}", "clock: expected validity_epochs, initial_epoch, epoch, epoch_start_us and epoch_length_us"},
        {"{\"format\":1,\"version\":\"1\",\"clock\":{\"validity_epochs\":1,\"initial_epoch\":0,\"epoch\":1,\"epoch_start_us\":0,"
         "\"epoch_length_us\":1},\"nodes\":[{\"name\":\"a\",\"kind\":\"b\"}]}",
         "nodes[0]: kind: expected mix, gateway or exit"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_error e = {0};
        back.count = 77;
        assert_status(mixnet_network_read(&back, mix_bytes_str(rows[i].text), &e), MIX_ERR_NETWORK_FILE);
        assert_string_equal(e.words, rows[i].words);
        assert_int_equal(back.count, 77);
    }
}

static void a_forced_rotation_begins_now(void **state) {
    (void)state;
    int64_t wall = env.wall + (int64_t)5 * 3600 * 1000000;
    uint8_t before[MIX_KEY_LEN], after[MIX_KEY_LEN];
    const mixnet_member *m = &net.members[0];
    assert_status(mixnet_member_sphinx(crypto, m, mixnet_network_rotation(&net, wall), before), MIX_OK);
    mixnet_network_rotate(&net, wall);
    assert_int_equal(mixnet_network_rotation(&net, wall), MIXNET_FIRST_ROTATION + 1);
    assert_int_equal(mixnet_network_rotation(&net, wall - 1), MIXNET_FIRST_ROTATION);
    assert_status(mixnet_member_sphinx(crypto, m, mixnet_network_rotation(&net, wall), after), MIX_OK);
    assert_memory_not_equal(before, after, sizeof before);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_network_has_all_roles, setup, teardown),
    cmocka_unit_test_setup_teardown(files_bring_everything_back, setup, teardown),
    cmocka_unit_test_setup_teardown(wrong_files_name_the_place, setup, teardown),
    cmocka_unit_test_setup_teardown(a_forced_rotation_begins_now, setup, teardown),
};
MIX_TEST_MAIN(network_test, tests)
