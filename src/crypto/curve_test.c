/* SPDX-License-Identifier: Apache-2.0 */
/* The fast multiplication against the textbook (mix_x25519), and the arithmetic below it against
 * known answers. */
#include "crypto/curve.h"

#include "alloc_fail.h"
#include "base/text.h"
#include "crypto/scalar.h"
#include "crypto/table.h"
#include "mix/errors.h"
#include "testing.h"

enum { CHAIN = 5 };
typedef uint8_t bytes32[MIX_KEY_LEN];

static void fill(mix_test_env *t, void *out, size_t len) {
    assert_int_equal(t->env.random(&t->env, out, len), 0);
}

static void from_hex(bytes32 out, const char *hex) {
    mix_buf b = {0};
    assert_status(mix_hex_decode(&b, mix_bytes_str(hex)), MIX_OK);
    assert_int_equal(b.len, MIX_KEY_LEN);
    memcpy(out, b.data, MIX_KEY_LEN);
    mix_buf_deinit(&b);
}

/* §1.6 of 1-sphinx.md as it stands there. */
static void textbook(bytes32 out, const bytes32 *secrets, size_t count, const bytes32 key) {
    memcpy(out, key, MIX_KEY_LEN);
    for (size_t i = 0; i < count; i++)
        mix_x25519(out, secrets[i], out);
}

static void product(bytes32 out, const bytes32 *secrets, size_t count) {
    mix_scalar_from_clamped(out, secrets[0]);
    for (size_t i = 1; i < count; i++)
        mix_scalar_mul_clamped(out, out, secrets[i]);
}

/* Both fast ways for one key and one chain of secrets, or none of them: whether the key is on the
 * curve. */
static bool check_key(const bytes32 key, const bytes32 *secrets, size_t count) {
    bytes32 want, got, scalar, secret;
    mix_curve_table *table = NULL;
    int status = mix_curve_table_new(&table, key);
    assert_int_equal(mix_curve_has_point(key), status == MIX_OK);
    if (status != MIX_OK) {
        assert_status(status, MIX_ERR_KEY);
        assert_null(table);
        return false;
    }
    const mix_curve_table *borrowed = table;
    textbook(want, secrets, count, key);
    product(scalar, secrets, count);
    mix_curve_multiply(&got, &borrowed, &scalar, 1);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
    mix_curve_multiply_portable(&got, &borrowed, &scalar, 1); /* where the processor has better */
    assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
    assert_true(mix_scalar_to_clamped(secret, scalar));
    mix_x25519(got, secret, key);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
    mix_curve_table_free(table);
    return true;
}

/* Seven in eight points of the curve lie outside the subgroup of prime order: random keys try all
 * cosets. */
static void random_keys(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 1);
    size_t on_curve = 0;
    for (size_t i = 0; i < 200; i++) {
        bytes32 key, secrets[CHAIN];
        fill(&t, key, sizeof key);
        fill(&t, secrets, sizeof secrets);
        on_curve += check_key(key, secrets, 1 + i % CHAIN);
    }
    assert_in_range(on_curve, 60, 140);
}

/* Public keys as nodes have them. */
static void node_keys(void **state) {
    (void)state;
    mix_test_env t;
    mix_test_env_init(&t, 2);
    for (size_t i = 0; i < 50; i++) {
        bytes32 key, secrets[CHAIN];
        fill(&t, key, sizeof key);
        fill(&t, secrets, sizeof secrets);
        mix_x25519_public(key, key);
        key[31] |= (uint8_t)(i % 2 << 7); /* X25519 ignores the top bit */
        assert_true(check_key(key, secrets, 1 + i % CHAIN));
    }
}

/* Points of order 1, 2, 4, 8 and what lies around them, and u not reduced. */
static void edge_keys(void **state) {
    (void)state;
    static const char *const orders_of_8[] = {
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"};
    mix_test_env t;
    mix_test_env_init(&t, 3);
    bytes32 secrets[CHAIN], key;
    for (unsigned top = 0; top < 2; top++) {
        for (unsigned low = 0; low < 256;
             low++) { /* from 0 on, and from 2^255 − 256 on: p is 2^255 − 19 */
            fill(&t, secrets, sizeof secrets);
            memset(key, 0, sizeof key);
            key[0] = (uint8_t)low;
            key[31] |= (uint8_t)(top << 7);
            bool on_curve = check_key(key, secrets, 2);
            if (low < 2 || low == 9)
                assert_true(on_curve);
            memset(key, 255, sizeof key);
            key[0] = (uint8_t)low;
            key[31] &= (uint8_t)(top << 7 | 127);
            bool high_on_curve = check_key(key, secrets, 2);
            if (low >= 237) { /* p + n is n; and −1, one below, is of the twist */
                memset(key, 0, sizeof key);
                key[0] = (uint8_t)(low - 237);
                assert_int_equal(high_on_curve, mix_curve_has_point(key));
            }
            if (low == 236)
                assert_false(high_on_curve);
        }
        for (size_t i = 0; i < 2; i++) {
            from_hex(key, orders_of_8[i]);
            key[31] |= (uint8_t)(top << 7);
            assert_true(check_key(key, secrets, 1));
        }
    }
}

static const char *const edge_scalars[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0200000000000000000000000000000000000000000000000000000000000000",
    "0800000000000000000000000000000000000000000000000000000000000000",
    "1000000000000000000000000000000000000000000000000000000000000000",
    "f6e979ae0d92bcd5ec3b4f51f77c6e0a00000000000000000000000000000008", /* (L − 1)/2 */
    "0000000000000000000000000000000000000000000000000000000000000010", /* 2^252 */
    "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", /* L − 1 */
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", /* L */
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
enum { EDGE_SCALARS = sizeof edge_scalars / sizeof *edge_scalars };

/* Any scalar, also one that no chain of clamped secrets has. The key is of prime order, so the
 * plain ladder knows. */
static void edges_of_scalars(void **state) {
    (void)state;
    bytes32 base = {9}, keys[2] = {{9}}, scalar, want, got;
    mix_x25519_public(keys[1], base);
    for (size_t k = 0; k < 2; k++) {
        mix_curve_table *table;
        assert_status(mix_curve_table_new(&table, keys[k]), MIX_OK);
        const mix_curve_table *borrowed = table;
        for (size_t i = 0; i < EDGE_SCALARS; i++) {
            from_hex(scalar, edge_scalars[i]);
            mix_x25519_unclamped(want, scalar, keys[k]);
            mix_curve_multiply(&got, &borrowed, &scalar, 1);
            assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
            mix_curve_multiply_portable(&got, &borrowed, &scalar, 1);
            assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
        }
        mix_curve_table_free(table);
    }
}

/* Products of size 0 to 20 and around the largest batch, the results in place of the scalars, zeros
 * among them. */
static void batches(void **state) {
    (void)state;
    enum { TABLES = 4, MOST = 2 * MIX_CURVE_BATCH + 2 };
    mix_test_env t;
    mix_test_env_init(&t, 4);
    mix_curve_table *tables[TABLES];
    bytes32 keys[TABLES] = {{0}, {9}, {1}}; /* two of low order: their products are 0 */
    mix_x25519_public(keys[3], keys[1]);
    for (size_t i = 0; i < TABLES; i++)
        assert_status(mix_curve_table_new(&tables[i], keys[i]), MIX_OK);
    for (size_t n = 0; n <= MOST; n = n == 20 ? MIX_CURVE_BATCH - 1 : n + 1) {
        const mix_curve_table *chosen[MOST];
        bytes32 data[MOST + 1] = {{0}}, want[MOST + 1] = {{0}};
        for (size_t i = 0; i < n; i++) {
            bytes32 secret;
            uint64_t which = mix_test_below(&t, TABLES);
            chosen[i] = tables[which];
            fill(&t, secret, sizeof secret);
            mix_scalar_from_clamped(data[i], secret);
            mix_x25519(want[i], secret, keys[which]);
        }
        mix_curve_multiply(data, chosen, (const uint8_t(*)[MIX_KEY_LEN])data, n);
        assert_bytes(MIX_BYTES(data), MIX_BYTES(want));
    }
    for (size_t i = 0; i < TABLES; i++)
        mix_curve_table_free(tables[i]);
}

/* Answers of Python's integers: a, b, c, a·b mod L, a·clamp(b) mod L, a/16 + c mod L. */
static const char *const scalar_rows[][6] = {
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000"},
    {"ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0100000000000000000000000000000000000000000000000000000000000000",
     "b94fd773698c49605973de8b7ae77b5300000000000000000000000000000000",
     "3ad20c3df8be85fb0261ed9215ae850600000000000000000000000000000005"},
    {"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000"},
    {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "1c95988d7431ecd670cf7d73f45befc6feffffffffffffffffffffffffffff0f",
     "a28c56e32e7552a6122e79c77b57ed6b68bef517d273ecce3d9a307c1b419903",
     "6787613380e0d0c7ede949990949eb083edffa0be93976e71e4d18be8da0cc09",
     "7cbfb910382a4d22c7f67bc04c16b7a3feffffffffffffffffffffffffffff04"},
    {"0000000000000000000000000000000000000000000000000000000000000010",
     "0000000000000000000000000000000000000000000000000000000000000010",
     "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "698912ab85f6ede21da3982276920368bef517d273ecce3d9a307c1b4199b301",
     "0daf5c579cd0a56e952ffbac4edc1108b8cc771a439e0a3503f36c8945fe8108",
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00"},
    {"ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "0100000000000000000000000000000000000000000000000000000000000000",
     "0100000000000000000000000000000000000000000000000000000000000000",
     "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "b44fd773698c49605973de8b7ae77b5300000000000000000000000000000000",
     "3bd20c3df8be85fb0261ed9215ae850600000000000000000000000000000005"},
    {"6aad39f4c2aaed1a8a27e534ce4aa7426078fe43c27a88b4ada9dd7491560821",
     "232cae48c88fff9b500f0b4cca8e9f33a72971aa44125c7294d11bb5905bf031",
     "49fd84a76b8132dc576b32e0c491eea82a54e7a6e2d5c69174e5e75e5410560c",
     "3d041b10fed7f5023b6003756020ffd3901daac84d721d1e43906cea7a6e0106",
     "ba45b870cabc96ca6d9bd4419b1b3d735f456a6e7e0af9a7d3a40eaaba5a0d07",
     "a2dd298bb40fdfb235ca21ef35277daab03b27cb8e5d0f6d0fc03576bd95660c"},
    {"d99a08e47ccc61a0c7fd186f5fc43b369986715a5578f834b4324705eb25294a",
     "0102016c9e45bf9fcd7bc5036e3c2e972bed6264cf29988e597852748da15a56",
     "0239f12b01ec735f33e169fe78455a2f21eb4ef5d7853da56a0ecc50cfd63000",
     "e19624b71cb60634031407c3f67b0f9f932fe42897b7a5a0fc56be4352fd1107",
     "a91fe9a323d9004c6b26c482f0982ed1faa872ce413fad6b4824773e67d7e80c",
     "6cda9feb5d7bfd0978dee9b398d0a7c68a03f64a5d0d8de8958120012e69d307"},
    {"52d68e7732bc13156cefd33dc459bff2be5653a3566c3d4fa23ab942ecedc086",
     "78408cf78b253434bee6f24cf56c3e9a471ec54a6fc4e51e90817f96c0f8e394",
     "5e563dd206357ac1be87fe911655163f1f26ec6bc234178918d842d0a3dc1503",
     "9d5b88f7d450fa12f669903c1b7235f771f04170495c0e74db84b8464fbf780a",
     "a53d1d1cdc7672bc35a416dd93f39a8687d63447f497e21382cc492ef3c9ed0e",
     "4f9f9c7fd9f2bf8baf0401b087ee36218b5b21d6870b0baec26b6e9482eb8101"},
    {"724465604de8b434765c05e53ba85134cd5093f295427106a576e65e34328987",
     "dd93539a31e9c2b5dd66a5bd642f743cd11c6f64d4411757d1a41f0adbc1b298",
     "e2165a416475c8c13c147f4135afe968474cfea1205d1445613c96bdb416ec05",
     "9f5fd48cd96080c9e8f4bc943b8f830c7b6ef40a62c5f877a9a341fbfd63aa06",
     "7c5fe5ad37d2fbf080d16c7dd2a33cb82dc511ef04ae27b20c23bcd1f6a47d01",
     "b5c6469df845082efea7f4d98d6d232f548127014a717b95cba38403d8a96404"},
};

static void scalars(void **state) {
    (void)state;
    bytes32 a, b, c, want, got;
    for (size_t i = 0; i < sizeof scalar_rows / sizeof *scalar_rows; i++) {
        from_hex(a, scalar_rows[i][0]);
        from_hex(b, scalar_rows[i][1]);
        from_hex(c, scalar_rows[i][2]);
        from_hex(want, scalar_rows[i][3]);
        mix_scalar_mul(got, a, b);
        assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
        from_hex(want, scalar_rows[i][4]);
        mix_scalar_mul_clamped(got, a, b);
        assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
        from_hex(want, scalar_rows[i][5]);
        mix_scalar_sixteenth_add(got, a, c);
        assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
        mix_scalar_sixteenth_add(a, a, c);
        assert_bytes(MIX_BYTES(a), MIX_BYTES(want));
    }
}

/* The secret for X25519 is clamped already, and ± the scalar mod L. */
static void clamped_representatives(void **state) {
    (void)state;
    static const bytes32 one = {1},
                         minus_one = {0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    mix_test_env t;
    mix_test_env_init(&t, 5);
    for (int i = 0; i < 500; i++) {
        bytes32 scalar, secret, back, minus;
        fill(&t, scalar, sizeof scalar);
        assert_true(mix_scalar_to_clamped(secret, scalar));
        assert_int_equal(secret[0] & 7, 0);
        assert_int_equal(secret[31] >> 6, 1);
        mix_scalar_mul(back, secret, one);
        mix_scalar_mul(scalar, scalar, one);
        mix_scalar_mul(minus, scalar, minus_one);
        assert_true(memcmp(back, scalar, 32) == 0 || memcmp(back, minus, 32) == 0);
    }
    /* 0, and L − 8, whose multiple of 8 is 8·L − 8 > 2^255 */
    static const bytes32 zero = {0},
                         high = {0xe5, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    bytes32 secret = {1};
    assert_false(mix_scalar_to_clamped(secret, zero));
    assert_bytes(MIX_BYTES(secret), MIX_BYTES(zero));
    assert_false(mix_scalar_to_clamped(secret, high));
    assert_bytes(MIX_BYTES(secret), MIX_BYTES(zero));
    assert_true(mix_scalar_to_clamped(secret, one));
    assert_true(mix_scalar_to_clamped(secret, minus_one));
}

/* clamp(s)·P = 8·((clamp(s)/8)·P), both factors below L: ties the unclamped ladder to X25519, on
 * curve and twist. */
static void unclamped(void **state) {
    (void)state;
    static const bytes32 eight = {8};
    mix_test_env t;
    mix_test_env_init(&t, 6);
    for (int i = 0; i < 100; i++) {
        bytes32 point, secret, eighth, want, got;
        fill(&t, point, sizeof point);
        fill(&t, secret, sizeof secret);
        if (i < 3)
            memset(point, i == 2 ? 255 : 0, sizeof point), point[0] = (uint8_t)(i == 2 ? 255 : i);
        secret[31] = (uint8_t)((secret[31] & 127) | 64);
        for (size_t j = 0; j < 32; j++) /* shifted by 3 */
            eighth[j] = (uint8_t)(secret[j] >> 3 | (j < 31 ? secret[j + 1] << 5 : 0));
        mix_x25519(want, secret, point);
        mix_x25519_unclamped(got, eighth, point);
        mix_x25519_unclamped(got, eight, got);
        assert_bytes(MIX_BYTES(got), MIX_BYTES(want));
    }
}

/* Odd multiples keep what clamping would remove: the point of order 2, u = 0, and those of order 4,
 * u = 1. */
static void unclamped_keeps_torsion(void **state) {
    (void)state;
    bytes32 one = {1}, three = {3}, two = {2}, zero = {0}, got;
    mix_x25519_unclamped(got, three, one);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(one));
    mix_x25519_unclamped(got, two, one);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(zero));
    mix_x25519_unclamped(got, three, zero);
    assert_bytes(MIX_BYTES(got), MIX_BYTES(zero));
}

static void no_memory(void **state) {
    (void)state;
    bytes32 base = {9};
    size_t live = mix_alloc_live();
    for (size_t n = 1;; n++) {
        mix_curve_table *table = NULL;
        mix_alloc_fail_at(n, 0);
        int status = mix_curve_table_new(&table, base);
        mix_alloc_fail_at(0, 0);
        if (status == MIX_OK) {
            assert_int_equal(mix_alloc_live(), live + 1);
            assert_true(mix_alloc_live_bytes() >= mix_curve_table_size());
            mix_curve_table_free(table);
            assert_true(n > 1);
            break;
        }
        assert_status(status, MIX_ERR_MEMORY);
        assert_null(table);
        assert_int_equal(mix_alloc_live(), live);
    }
    mix_curve_table_free(NULL);
    assert_true(mix_curve_table_size() <= 64 * 1024);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(scalars),   cmocka_unit_test(clamped_representatives),
    cmocka_unit_test(unclamped), cmocka_unit_test(unclamped_keeps_torsion),
    cmocka_unit_test(node_keys), cmocka_unit_test(random_keys),
    cmocka_unit_test(edge_keys), cmocka_unit_test(edges_of_scalars),
    cmocka_unit_test(batches),   cmocka_unit_test(no_memory),
};
MIX_TEST_MAIN(curve_test, tests)
