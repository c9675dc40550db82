/* SPDX-License-Identifier: Apache-2.0 */
/* Client keys. */
#include "traffic/keys.h"

#include "base/alloc.h"
#include "mix/errors.h"

int mix_client_keys_init(mix_client_keys *out, const mix_env *env,
                         const uint8_t identity_public[static MIX_KEY_LEN],
                         const uint8_t gateway[static MIX_KEY_LEN]) {
    int status = mix_random(env, out->encryption_secret, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mix_random(env, out->ack_key, MIX_AES128_KEY_LEN);
    if (status != MIX_OK) {
        mix_client_keys_deinit(out);
        return status;
    }
    mix_x25519_public(out->encryption_public, out->encryption_secret);
    memcpy(out->identity_public, identity_public, MIX_KEY_LEN);
    memcpy(out->gateway, gateway, MIX_KEY_LEN);
    return MIX_OK;
}

void mix_client_keys_deinit(mix_client_keys *k) {
    mix_wipe(k, sizeof *k);
}

mix_recipient mix_client_recipient(const mix_client_keys *k) {
    mix_recipient r;
    memcpy(r.identity, k->identity_public, MIX_KEY_LEN);
    memcpy(r.encryption, k->encryption_public, MIX_KEY_LEN);
    memcpy(r.gateway, k->gateway, MIX_KEY_LEN);
    return r;
}
