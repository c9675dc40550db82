/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS messages as RFC 1928 and RFC 1929 draw them, whole and in pieces, and what is none. */
#include "proxy/socks_wire.h"

#include "mix/errors.h"
#include "testing.h"

static void greeting(void **state) {
    const uint8_t two[] = {5, 2, 2, 0}, gssapi[] = {5, 1, 1}, none[] = {5, 0}, old[] = {4, 1};
    bool anyone, by_password;
    size_t used = 0;
    (void)state;
    assert_status(socks_read_greeting(MIX_BYTES(two), &used, &anyone, &by_password), MIX_OK);
    assert_int_equal(used, 4);
    assert_true(anyone && by_password);
    assert_status(socks_read_greeting(MIX_BYTES(gssapi), &used, &anyone, &by_password), MIX_OK);
    assert_false(anyone || by_password);
    assert_status(socks_read_greeting(MIX_BYTES(none), &used, &anyone, &by_password), MIX_OK);
    assert_int_equal(used, 2);
    assert_false(anyone || by_password);
    assert_status(socks_read_greeting(MIX_BYTES(old), &used, &anyone, &by_password),
                  MIX_ERR_ARGUMENT);
    for (size_t n = 0; n < sizeof two; n++)
        assert_status(socks_read_greeting(mix_bytes_of(two, n), &used, &anyone, &by_password),
                      MIX_DONE);
}

static void password(void **state) {
    const uint8_t in[] = {1, 3, 'b', 'o', 'b', 2, 'p', 'w', 5};
    const uint8_t nobody[] = {1, 0, 1, 'x'}, empty[] = {1, 1, 'x', 0}, other[] = {5, 1, 'x', 0};
    mix_bytes user, word;
    size_t used = 0;
    (void)state;
    assert_status(socks_read_password(MIX_BYTES(in), &used, &user, &word), MIX_OK);
    assert_int_equal(used, sizeof in - 1);
    assert_bytes(user, mix_bytes_str("bob"));
    assert_bytes(word, mix_bytes_str("pw"));
    for (size_t n = 0; n < sizeof in - 1; n++)
        assert_status(socks_read_password(mix_bytes_of(in, n), &used, &user, &word), MIX_DONE);
    assert_status(socks_read_password(MIX_BYTES(nobody), &used, &user, &word), MIX_ERR_ARGUMENT);
    assert_status(socks_read_password(MIX_BYTES(other), &used, &user, &word), MIX_ERR_ARGUMENT);
    assert_status(socks_read_password(MIX_BYTES(empty), &used, &user, &word), MIX_OK);
    assert_int_equal(word.len, 0);
}

typedef struct row {
    const char *shows;
    uint8_t in[40];
    size_t len;
    int status;
    const char *host;
    uint16_t port;
    bool by_name;
} row;

static void requests(void **state) {
    static const row rows[] = {
        {"IPv4", {5, 1, 0, 1, 192, 0, 2, 7, 1, 187}, 10, MIX_OK, "192.0.2.7", 443, false},
        {"IPv6",
         {5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, [19] = 9, [21] = 80},
         22,
         MIX_OK,
         "2001:db8::9",
         80,
         false},
        {"name", {5, 1, 0, 3, 4, 'a', '.', 'b', 'c', 0, 53}, 11, MIX_OK, "a.bc", 53, true},
        {"reserved byte is not looked at", {5, 1, 9, 3, 1, 'a', 0, 1}, 8, MIX_OK, "a", 1, true},
        {"empty name", {5, 1, 0, 3, 0, 0, 53}, 7, MIX_ERR_DNS_NAME, NULL, 0, true},
        {"zero in a name", {5, 1, 0, 3, 2, 'a', 0, 0, 53}, 9, MIX_ERR_DNS_NAME, NULL, 0, true},
        {"unknown kind", {5, 1, 0, 2, 2, 'a', 0, 0, 53}, 9, MIX_ERR_ADDRESS, NULL, 0, false},
        {"version 4", {4, 1, 0, 80, 1, 2, 3, 4, 0}, 9, MIX_ERR_ARGUMENT, NULL, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i];
        socks_target to;
        uint8_t command = 0, exact[64];
        size_t used = 99;
        memcpy(exact, r->in, r->len);
        assert_status(socks_read_request(mix_bytes_of(exact, r->len), &used, &command, &to),
                      r->status);
        if (r->status == MIX_ERR_ARGUMENT)
            continue;
        assert_int_equal(used, r->len);
        assert_int_equal(command, SOCKS_CONNECT);
        for (size_t n = 0; r->status != MIX_ERR_ADDRESS && n < r->len; n++)
            assert_status(socks_read_request(mix_bytes_of(exact, n), &used, &command, &to),
                          MIX_DONE);
        if (r->status != MIX_OK)
            continue;
        exact[r->len] = 77; /* what follows is not its */
        assert_status(socks_read_request(mix_bytes_of(exact, r->len + 1), &used, &command, &to),
                      MIX_OK);
        assert_int_equal(used, r->len);
        assert_string_equal(to.host, r->host);
        assert_int_equal(to.number.port, r->port);
        assert_int_equal(to.by_name, r->by_name);
    }
}

static void longest_name(void **state) {
    uint8_t in[SOCKS_REQUEST_MOST] = {5, 1, 0, 3, 255};
    socks_target to;
    uint8_t command;
    size_t used;
    (void)state;
    memset(in + 5, 'x', 255);
    assert_status(socks_read_request(MIX_BYTES(in), &used, &command, &to), MIX_OK);
    assert_int_equal(used, sizeof in);
    assert_int_equal(strlen(to.host), 255);
}

static void datagrams(void **state) {
    const uint8_t in[] = {0, 0, 0, 1, 8, 8, 8, 8, 0, 53, 'q'};
    uint8_t piece[] = {0, 0, 1, 1, 8, 8, 8, 8, 0, 53, 'q'};
    socks_target to;
    mix_bytes payload;
    mix_buf out = {0};
    (void)state;
    assert_status(socks_read_datagram(MIX_BYTES(in), &to, &payload), MIX_OK);
    assert_bytes(payload, mix_bytes_str("q"));
    assert_string_equal(to.host, "8.8.8.8");
    assert_status(socks_read_datagram(MIX_BYTES(piece), &to, &payload), MIX_ERR_LIMIT);
    piece[2] = 0;
    piece[3] = 9;
    assert_status(socks_read_datagram(MIX_BYTES(piece), &to, &payload), MIX_ERR_ADDRESS);
    for (size_t n = 0; n < 10; n++)
        assert_status(socks_read_datagram(mix_bytes_of(in, n), &to, &payload), MIX_ERR_TRUNCATED);
    assert_status(socks_read_datagram(MIX_BYTES(in), &to, &payload), MIX_OK);
    socks_write_datagram_head(&out, &to.number);
    assert_bytes(mix_buf_bytes(&out), mix_bytes_of(in, 10));
    mix_buf_deinit(&out);
}

static void answers(void **state) {
    const uint8_t want[] = {5, 0, 5, 0xff, 1, 0, 1,    1,    5, 5,    0, 1, 0, 0, 0, 0,
                            0, 0, 5, 0,    0, 4, 0x20, 0x01, 0, 0,    0, 0, 0, 0, 0, 0,
                            0, 0, 0, 0,    0, 1, 4,    56,   0, 0x5b, 0, 0, 0, 0, 0, 0};
    mix_address six = {.family = 6, .port = 1080, .octets = {0x20, 0x01, [15] = 1}};
    mix_buf out = {0};
    (void)state;
    socks_write_method(&out, SOCKS_ANYONE);
    socks_write_method(&out, SOCKS_NO_METHOD);
    socks_write_password_status(&out, true);
    socks_write_password_status(&out, false);
    socks_write_reply(&out, SOCKS_REFUSED, NULL);
    socks_write_reply(&out, SOCKS_OK, &six);
    socks_write_version4_refusal(&out);
    assert_bytes(mix_buf_bytes(&out), MIX_BYTES(want));
    mix_buf_deinit(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(greeting),     cmocka_unit_test(password),  cmocka_unit_test(requests),
    cmocka_unit_test(longest_name), cmocka_unit_test(datagrams), cmocka_unit_test(answers),
};
MIX_TEST_MAIN(socks_wire_test, tests)
