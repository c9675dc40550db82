/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stored identity, with and without a passphrase: what opens must seal and open
 * again to the same. */
#include "gateway/identity.h"
#include "mix/errors.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mix_crypto *crypto;
static mix_test_env env;

static void must(bool holds) {
    if (!holds)
        abort();
}

static void open_and_seal(mix_bytes stored, mix_bytes passphrase) {
    mix_identity id, again;
    mix_vault vault, other;
    mix_error e = {0};
    int status = mix_identity_open(&id, &vault, crypto, stored, passphrase, &e);
    must(status == e.code || status == MIX_ERR_CRYPTO);
    if (status != MIX_OK)
        return;
    mix_buf out = {0};
    must(mix_identity_seal(&out, crypto, &env.env, &vault, &id) == MIX_OK && out.len == stored.len);
    must(mix_identity_open(&again, &other, crypto, mix_buf_bytes(&out), passphrase, NULL) ==
         MIX_OK);
    must(memcmp(id.public_key, again.public_key, MIX_KEY_LEN) == 0);
    must(strcmp(id.registration.url, again.registration.url) == 0);
    mix_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!crypto) {
        mix_test_env_init(&env, 1);
        must(mix_crypto_new(&crypto) == MIX_OK);
    }
    mix_bytes in = mix_bytes_of(data, size);
    open_and_seal(in, (mix_bytes){0});
    /* The derivation is costly by intent: only cheap ones are run here, the bounds are
     * identity_test.c's. */
    if (size < 18 || (mix_get_u32(data + 10) <= 1024 && mix_get_u32(data + 14) <= 2))
        open_and_seal(in, mix_bytes_str("passphrase"));
    /* Content behind a right checksum: what an attacker of the store would write. */
    if (size >= 10 && size <= MIX_IDENTITY_MAX - MIX_KEY_LEN) {
        uint8_t value[MIX_IDENTITY_MAX];
        memcpy(value, data, size);
        memcpy(value, "lwmix-id\1", 10);
        mix_blake3(value + size, mix_bytes_of(value, size));
        open_and_seal(mix_bytes_of(value, size + MIX_KEY_LEN), (mix_bytes){0});
    }
    return 0;
}
