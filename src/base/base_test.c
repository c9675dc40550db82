/* SPDX-License-Identifier: Apache-2.0 */
/* base/: readers, buffers, texts, timers, queues, maps, errors. */
#include "base/address.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "base/queue.h"
#include "base/text.h"
#include "base/timers.h"
#include "testing.h"

static void reader_stops_at_the_end(void **state) {
    (void)state;
    const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7};
    mix_reader r = {.in = MIX_BYTES(in)};
    assert_int_equal(mix_read_u8(&r), 1);
    assert_int_equal(mix_read_u16(&r), 0x0203);
    assert_int_equal(mix_read_u16le(&r), 0x0504);
    assert_int_equal(r.in.len, 2);
    assert_int_equal(mix_read_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(mix_read_u8(&r), 0); /* stays bad, though two bytes are left */
    uint8_t out[2] = {9, 9};
    mix_read_into(&r, out, 2);
    assert_int_equal(out[0] | out[1], 0);
}

static void numbers_go_both_ways(void **state) {
    (void)state;
    mix_buf b = {0};
    mix_buf_put_u16(&b, 0x0102);
    mix_buf_put_u32(&b, 0x03040506);
    mix_buf_put_u64(&b, 0x0708090a0b0c0d0e);
    for (uint8_t i = 0; i < 14; i++)
        assert_int_equal(b.data[i], i + 1);
    mix_buf_put_u16le(&b, 0x1122);
    mix_buf_put_u32le(&b, 0x33445566);
    mix_buf_put_u64le(&b, 0x778899aabbccddee);
    mix_reader r = {.in = mix_buf_bytes(&b)};
    assert_int_equal(mix_read_u16(&r), 0x0102);
    assert_int_equal(mix_read_u32(&r), 0x03040506);
    assert_true(mix_read_u64(&r) == 0x0708090a0b0c0d0e);
    assert_int_equal(mix_read_u16le(&r), 0x1122);
    assert_int_equal(mix_read_u32le(&r), 0x33445566);
    assert_true(mix_read_u64le(&r) == 0x778899aabbccddee);
    assert_false(r.bad);
    mix_buf_deinit(&b);
}

static void varints_take_their_shortest_form(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        size_t len;
    } rows[] = {{0, 1}, {250, 1}, {251, 3}, {65535, 3}, {65536, 5}, {UINT32_MAX, 5}, {1ull << 32, 9}, {UINT64_MAX, 9}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf b = {0};
        mix_buf_put_varint(&b, rows[i].value);
        assert_int_equal(b.len, rows[i].len);
        mix_reader r = {.in = mix_buf_bytes(&b)};
        assert_true(mix_read_varint(&r) == rows[i].value && !r.bad);
        for (size_t cut = 0; cut < b.len; cut++) {
            r = (mix_reader){.in = mix_bytes_of(b.data, cut)};
            (void)mix_read_varint(&r);
            assert_true(r.bad);
        }
        mix_buf_deinit(&b);
    }
    const uint8_t bad[] = {254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    mix_reader r = {.in = MIX_BYTES(bad)};
    (void)mix_read_varint(&r);
    assert_true(r.bad);
}

static void buffer_fails_without_change(void **state) {
    (void)state;
    uint8_t storage[4];
    mix_buf b = mix_buf_fixed(storage, sizeof storage);
    mix_buf_put_u16(&b, 0x0102);
    mix_buf_put_u32(&b, 7);
    assert_status(mix_buf_status(&b), MIX_ERR_LIMIT);
    assert_int_equal(b.len, 2);
    mix_buf_put_u8(&b, 3); /* sticky, though it would fit */
    assert_int_equal(b.len, 2);
    mix_buf_truncate(&b, 1);
    assert_status(mix_buf_status(&b), MIX_OK);
    mix_buf_put_u8(&b, 3);
    assert_bytes(mix_buf_bytes(&b), mix_bytes_of("\1\3", 2));
}

static void buffer_grows_and_consumes(void **state) {
    (void)state;
    mix_buf b = {0};
    for (int i = 0; i < 1000; i++)
        mix_buf_put_u8(&b, (uint8_t)i);
    mix_buf_consume(&b, 300);
    assert_int_equal(b.len, 700);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], (uint8_t)(i + 300));
    mix_buf_consume(&b, 9999);
    assert_int_equal(b.len, 0);
    mix_buf_deinit_wiped(&b);
    assert_null(b.data);
}

static void base58_known_values(void **state) {
    (void)state;
    static const struct {
        const char *hex, *text;
    } rows[] = {
        {"", ""}, {"00", "1"}, {"0000", "11"}, {"61", "2g"}, {"626262", "a3gV"},
        {"73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"},
        {"00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
        {"516b6fcd0f", "ABnLTmg"}, {"bf4f89001e670274dd", "3SEo3LWLoPntC"}, {"572e4794", "3EFU7m"},
        {"ecac89cad93923c02321", "EJDM8drfXA6uyA"}, {"10c8511e", "Rt5zm"}, {"00000000000000000000", "1111111111"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf bytes = {0}, text = {0}, back = {0};
        assert_status(mix_hex_decode(&bytes, mix_bytes_str(rows[i].hex)), MIX_OK);
        assert_status(mix_base58_encode(&text, mix_buf_bytes(&bytes)), MIX_OK);
        assert_bytes(mix_buf_bytes(&text), mix_bytes_str(rows[i].text));
        assert_status(mix_base58_decode(&back, mix_buf_bytes(&text)), MIX_OK);
        assert_bytes(mix_buf_bytes(&back), mix_buf_bytes(&bytes));
        mix_buf_deinit(&bytes);
        mix_buf_deinit(&text);
        mix_buf_deinit(&back);
    }
}

static void base58_refuses(void **state) {
    (void)state;
    mix_buf out = {0};
    mix_buf_put_str(&out, "kept");
    assert_status(mix_base58_decode(&out, mix_bytes_str("abc0")), MIX_ERR_BASE58_CHAR);
    assert_status(mix_base58_decode(&out, mix_bytes_str("ab c")), MIX_ERR_BASE58_CHAR);
    assert_status(mix_base58_decode(&out, mix_bytes_of("a\0b", 3)), MIX_ERR_BASE58_CHAR);
    static const uint8_t long_one[MIX_BASE58_LONGEST + 1];
    assert_status(mix_base58_encode(&out, MIX_BYTES(long_one)), MIX_ERR_LIMIT);
    assert_bytes(mix_buf_bytes(&out), mix_bytes_str("kept"));
    uint8_t exact[3] = {7, 7, 7};
    assert_status(mix_base58_decode_exact(exact, 3, mix_bytes_str("2g")), MIX_ERR_BASE58_LENGTH);
    assert_status(mix_base58_decode_exact(exact, 3, mix_bytes_str("a3gVa3gV")), MIX_ERR_BASE58_LENGTH);
    assert_status(mix_base58_decode_exact(exact, 3, mix_bytes_str("a3g0")), MIX_ERR_BASE58_CHAR);
    assert_int_equal(exact[0], 7);
    assert_status(mix_base58_decode_exact(exact, 3, mix_bytes_str("a3gV")), MIX_OK);
    assert_bytes(MIX_BYTES(exact), mix_bytes_str("bbb"));
    mix_buf_deinit(&out);
}

static void base64_strictly(void **state) {
    (void)state;
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_buf text = {0}, plain = {0};
        assert_status(mix_base64_encode(&text, mix_bytes_str(rows[i].plain)), MIX_OK);
        assert_bytes(mix_buf_bytes(&text), mix_bytes_str(rows[i].text));
        assert_status(mix_base64_decode(&plain, mix_buf_bytes(&text)), MIX_OK);
        assert_bytes(mix_buf_bytes(&plain), mix_bytes_str(rows[i].plain));
        mix_buf_deinit(&text);
        mix_buf_deinit(&plain);
    }
    static const char *const bad[] = {"Zg=", "Zg", "Z", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "====", "Zm9v\n", "=m9v"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mix_buf plain = {0};
        assert_status(mix_base64_decode(&plain, mix_bytes_str(bad[i])), MIX_ERR_BASE64);
        assert_int_equal(plain.len, 0);
        mix_buf_deinit(&plain);
    }
}

static void words_in_any_case(void **state) {
    (void)state;
    const struct {
        mix_bytes a;
        const char *b;
        bool same;
    } rows[] = {
        {mix_bytes_str(""), "", true},
        {mix_bytes_str("Content-Length"), "content-length", true},
        {mix_bytes_str("location"), "LOCATION", true},
        {mix_bytes_str("AZaz@[`{"), "azAZ@[`{", true},
        {mix_bytes_str("content\rlength"), "content-length", false}, /* 0x0d | 0x20 is '-' */
        {mix_bytes_str("@[^"), "`{~", false},
        {mix_bytes_str("\xc0"), "\xe0", false},
        {mix_bytes_str("age"), "ag", false},
        {mix_bytes_str("ag"), "age", false},
        {mix_bytes_of("age", 4), "age", false}, /* its end is a byte of it */
        {{0}, "a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (mix_text_same(rows[i].a, rows[i].b) != rows[i].same)
            fail_msg("'%s' and row %zu's bytes", rows[i].b, i);
}

static void hex_both_cases(void **state) {
    (void)state;
    mix_buf out = {0};
    assert_status(mix_hex_decode(&out, mix_bytes_str("00fFA9")), MIX_OK);
    assert_bytes(mix_buf_bytes(&out), mix_bytes_of("\x00\xff\xa9", 3));
    assert_status(mix_hex_decode(&out, mix_bytes_str("0")), MIX_ERR_HEX);
    assert_status(mix_hex_decode(&out, mix_bytes_str("0g")), MIX_ERR_HEX);
    assert_status(mix_hex_decode(&out, mix_bytes_str("@0")), MIX_ERR_HEX);
    assert_int_equal(out.len, 3);
    mix_buf_deinit(&out);
}

static void timers_fire_in_order(void **state) {
    (void)state;
    enum { COUNT = 200 };
    mix_test_env env;
    mix_test_env_init(&env, 5);
    mix_timers timers = {0};
    mix_timer all[COUNT] = {0};
    assert_true(mix_timers_deadline(&timers) == MIX_NEVER);
    for (int i = 0; i < COUNT; i++)
        assert_status(mix_timers_set(&timers, &all[i], (mix_time)mix_test_below(&env, 50)), MIX_OK);
    for (int i = 0; i < COUNT; i += 3)
        mix_timers_stop(&timers, &all[i]);
    for (int i = 1; i < COUNT; i += 3)
        assert_status(mix_timers_set(&timers, &all[i], (mix_time)mix_test_below(&env, 50)), MIX_OK);
    mix_time last = 0;
    uint64_t order = 0;
    int fired = 0;
    for (mix_timer *t; (t = mix_timers_pop(&timers, 40)) != NULL; fired++) {
        assert_true(t->at >= last && (t->at > last || t->order >= order));
        assert_false(mix_timer_runs(t));
        last = t->at;
        order = t->order;
    }
    assert_true(last <= 40 && mix_timers_deadline(&timers) > 40);
    for (; mix_timers_pop(&timers, MIX_NEVER); fired++) {
    }
    int stopped = (COUNT + 2) / 3;
    assert_int_equal(fired, COUNT - stopped);
    mix_timers_deinit(&timers);
}

static void queue_keeps_its_bounds(void **state) {
    (void)state;
    mix_queue q;
    mix_queue_init(&q, 3, 10);
    assert_status(mix_queue_push(&q, mix_bytes_str("a longer one than ten"), 1), MIX_OK); /* alone it may */
    assert_status(mix_queue_push(&q, mix_bytes_str(""), 2), MIX_BLOCKED);
    mix_bytes out;
    uint64_t tag;
    assert_true(mix_queue_peek(&q, &out, &tag));
    assert_int_equal(tag, 1);
    mix_queue_pop(&q);
    assert_false(mix_queue_peek(&q, &out, NULL));
    for (int i = 0; i < 3; i++)
        assert_status(mix_queue_push(&q, mix_bytes_of("abc", (size_t)i), (uint64_t)i), MIX_OK);
    assert_int_equal(mix_queue_room(&q), 0);
    assert_status(mix_queue_push(&q, mix_bytes_str(""), 9), MIX_BLOCKED);
    for (int i = 0; i < 3; i++) {
        assert_true(mix_queue_peek(&q, &out, &tag));
        assert_int_equal(tag, i);
        assert_bytes(out, mix_bytes_of("abc", (size_t)i));
        mix_queue_pop(&q);
    }
    assert_int_equal(q.bytes, 0);
    mix_queue_pop(&q);
    mix_queue_deinit(&q);
}

static void map_agrees_with_an_array(void **state) {
    (void)state;
    enum { KEYS = 300, BOUND = 200 };
    mix_test_env env;
    mix_test_env_init(&env, 6);
    mix_map map;
    assert_status(mix_map_init(&map, 5, BOUND, &env.env), MIX_OK);
    static char values[KEYS];
    void *model[KEYS] = {0};
    size_t live = 0;
    for (int step = 0; step < 20000; step++) {
        size_t k = (size_t)mix_test_below(&env, KEYS);
        uint8_t key[5] = {(uint8_t)k, (uint8_t)(k >> 8), 0, 1, 2};
        if (mix_test_below(&env, 5) < 3) {
            int status = mix_map_put(&map, key, &values[k]);
            assert_status(status, model[k] || live < BOUND ? MIX_OK : MIX_ERR_LIMIT);
            live += status == MIX_OK && !model[k];
            model[k] = status == MIX_OK ? &values[k] : model[k];
        } else {
            assert_ptr_equal(mix_map_take(&map, key), model[k]);
            live -= model[k] != NULL;
            model[k] = NULL;
        }
        assert_int_equal(map.len, live);
        assert_ptr_equal(mix_map_get(&map, key), model[k]);
    }
    size_t at = 0, seen = 0;
    const uint8_t *key;
    void *value;
    for (; mix_map_each(&map, &at, &key, &value); seen++)
        assert_ptr_equal(value, model[key[0] | key[1] << 8]);
    assert_int_equal(seen, live);
    mix_map_deinit(&map);
}

static void errors_have_names(void **state) {
    (void)state;
    assert_string_equal(mix_error_name(MIX_ERR_SPHINX_MAC), "MIX_ERR_SPHINX_MAC");
    assert_string_equal(mix_error_text(MIX_ERR_MEMORY), "out of memory");
    assert_string_equal(mix_error_text(-99999), "unknown error");
    assert_int_equal(mix_error_ends(MIX_ERR_SPHINX_MAC), MIX_ENDS_PACKET);
    mix_error e = {0};
    assert_int_equal(mix_error_note(&e, MIX_ERR_LIMIT, "base", 7, "the %s", "words"), MIX_ERR_LIMIT);
    assert_string_equal(e.words, "the words");
    assert_int_equal(e.number, 7);
    assert_int_equal(mix_error_note(NULL, MIX_ERR_LIMIT, "base", 7, "nobody asks"), MIX_ERR_LIMIT);
}

static char logged[300];
static void keep_line(void *user, mix_log_level level, const char *layer, const char *text) {
    (void)user;
    snprintf(logged, sizeof logged, "%d %s %s", (int)level, layer, text);
}

static void log_lines_by_level(void **state) {
    (void)state;
    mix_env env = {.log = keep_line, .log_level = MIX_LOG_INFO};
    mix_log(&env, MIX_LOG_DEBUG, "base", "not made");
    assert_string_equal(logged, "");
    mix_log(&env, MIX_LOG_WARN, "base", "one %s", "forged\nline");
    assert_string_equal(logged, "2 base one forged?line");
}

static void failing_randomness_is_an_error(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 1);
    uint8_t out[8] = {1, 2, 3};
    env.fail_random = 1;
    assert_status(mix_random(&env.env, out, sizeof out), MIX_ERR_RANDOM);
    assert_int_equal(out[0] | out[1] | out[2], 0);
    assert_status(mix_random(&env.env, out, sizeof out), MIX_OK);
}

static void addresses_as_text(void **state) {
    (void)state;
    static const struct {
        const char *in, *out; /* out NULL: refused; "": the same as in */
    } rows[] = {
        {"1.2.3.4:1789", ""}, {"255.255.255.255:65535", ""}, {"[::]:0", ""}, {"[::1]:1789", ""}, {"[1::]:5", ""},
        {"[1:2:3:4:5:6:7:8]:80", ""}, {"[2001:DB8:0:0:1:0:0:1]:80", "[2001:db8::1:0:0:1]:80"},
        {"[::ffff:1.2.3.4]:80", "[::ffff:102:304]:80"}, {"[1:2:3:4:5:6:1.2.3.4]:80", "[1:2:3:4:5:6:102:304]:80"},
        {"[1:0:2:3:4:5:6:7]:1", "[1:0:2:3:4:5:6:7]:1"}, {"[fe80::a:b]:9", ""},
        {"", NULL}, {"1.2.3:4", NULL}, {"1.2.3.4", NULL}, {"1.2.3.256:1", NULL}, {"1.2.3.4:65536", NULL}, {"01.2.3.4:1", NULL},
        {"1.2.3.4:", NULL}, {"1.2.3.4:1x", NULL}, {"[::1]", NULL}, {"[::1:5", NULL}, {"[1::2::3]:1", NULL}, {"[:1::]:1", NULL},
        {"[1:2:3:4:5:6:7]:1", NULL}, {"[1:2:3:4:5:6:7:8:9]:1", NULL}, {"[12345::]:1", NULL}, {"[1:]:1", NULL}, {"[]:1", NULL},
        {"[::1.2.3]:1", NULL}, {"[1:2:3:4:5:6:7:8::]:1", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_address a = {.family = 9};
        char text[MIX_ADDRESS_TEXT];
        int status = mix_address_parse(&a, rows[i].in);
        if (!rows[i].out) {
            assert_status(status, MIX_ERR_ADDRESS);
            assert_int_equal(a.family, 9);
            continue;
        }
        assert_status(status, MIX_OK);
        mix_address_format(text, &a);
        assert_string_equal(text, *rows[i].out ? rows[i].out : rows[i].in);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(addresses_as_text),
    cmocka_unit_test(reader_stops_at_the_end),      cmocka_unit_test(numbers_go_both_ways),
    cmocka_unit_test(varints_take_their_shortest_form), cmocka_unit_test(buffer_fails_without_change),
    cmocka_unit_test(buffer_grows_and_consumes),    cmocka_unit_test(base58_known_values),
    cmocka_unit_test(base58_refuses),               cmocka_unit_test(base64_strictly),
    cmocka_unit_test(hex_both_cases), cmocka_unit_test(words_in_any_case),              cmocka_unit_test(timers_fire_in_order),
    cmocka_unit_test(queue_keeps_its_bounds),       cmocka_unit_test(map_agrees_with_an_array),
    cmocka_unit_test(errors_have_names),            cmocka_unit_test(log_lines_by_level),
    cmocka_unit_test(failing_randomness_is_an_error),
};
MIX_TEST_MAIN(base_test, tests)
