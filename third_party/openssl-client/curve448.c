/* SPDX-License-Identifier: Apache-2.0 */
/* Curve 448 as it is where nothing offers it: every call fails. OpenSSL's code for other curves names these functions. */
#include "crypto/ecx.h"

int ossl_x448(uint8_t shared[56], const uint8_t key[56], const uint8_t peer[56]) {
    return 0;
}

void ossl_x448_public_from_private(uint8_t out[56], const uint8_t key[56]) {
}

int ossl_ed448_public_from_private(OSSL_LIB_CTX *ctx, uint8_t out[57], const uint8_t key[57], const char *properties) {
    return 0;
}

int ossl_ed448_sign(OSSL_LIB_CTX *ctx, uint8_t *signature, const uint8_t *message, size_t message_len, const uint8_t public_key[57],
                    const uint8_t key[57], const uint8_t *context, size_t context_len, const uint8_t prehashed, const char *properties) {
    return 0;
}

int ossl_ed448_verify(OSSL_LIB_CTX *ctx, const uint8_t *message, size_t message_len, const uint8_t signature[114], const uint8_t public_key[57],
                      const uint8_t *context, size_t context_len, const uint8_t prehashed, const char *properties) {
    return 0;
}
