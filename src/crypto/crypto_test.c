/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/: what the header promises about aliasing, edges and failure. Known answers: vectors_crypto.c. */
#include "crypto/crypto.h"

#include "mix/errors.h"
#include "testing.h"

static void x25519_a_thousand_times(void **state) {
    (void)state;
    static const uint8_t want[32] = {0x68, 0x4c, 0xf5, 0x9b, 0xa8, 0x33, 0x09, 0x55, 0x28, 0x00, 0xef,
                                     0x56, 0x6f, 0x2f, 0x4d, 0x3c, 0x1c, 0x38, 0x87, 0xc4, 0x93, 0x60,
                                     0xe3, 0x87, 0x5f, 0x2e, 0xb9, 0x4d, 0x99, 0x53, 0x2c, 0x51};
    uint8_t k[32] = {9}, u[32] = {9}, out[32];
    for (int i = 0; i < 1000; i++) { /* RFC 7748 §5.2 */
        mix_x25519(out, k, u);
        memcpy(u, k, 32);
        memcpy(k, out, 32);
    }
    assert_bytes(MIX_BYTES(k), MIX_BYTES(want));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(x25519_a_thousand_times),
};
MIX_TEST_MAIN(crypto_test, tests)
