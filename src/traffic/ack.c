/* SPDX-License-Identifier: Apache-2.0 */
/* Acknowledgement plaintexts: IV, then the identifier under AES-128-CTR. */
#include "traffic/ack.h"

#include "base/alloc.h"
#include "mix/errors.h"

int mix_ack_seal(mix_crypto *c, const mix_env *env, uint8_t out[static MIX_ACK_PLAINTEXT_LEN],
                 const uint8_t key[static MIX_AES128_KEY_LEN],
                 const uint8_t id[static MIX_FRAGMENT_ID_LEN]) {
    int status = mix_random(env, out, MIX_AES128_KEY_LEN);
    memcpy(out + MIX_AES128_KEY_LEN, id, MIX_FRAGMENT_ID_LEN);
    if (status == MIX_OK)
        status = mix_aes128_ctr(c, key, out, out + MIX_AES128_KEY_LEN, MIX_FRAGMENT_ID_LEN);
    if (status != MIX_OK)
        mix_wipe(out, MIX_ACK_PLAINTEXT_LEN);
    return status;
}

int mix_ack_open(mix_crypto *c, uint8_t id[static MIX_FRAGMENT_ID_LEN],
                 const uint8_t key[static MIX_AES128_KEY_LEN], mix_bytes delivered) {
    if (delivered.len != MIX_ACK_PLAINTEXT_LEN)
        return MIX_ERR_ACK;
    uint8_t plain[MIX_FRAGMENT_ID_LEN];
    memcpy(plain, delivered.data + MIX_AES128_KEY_LEN, sizeof plain);
    int status = mix_aes128_ctr(c, key, delivered.data, plain, sizeof plain);
    if (status != MIX_OK)
        return status;
    bool copy = plain[0] & MIX_ACK_OF_COPY;
    bool no_set = (mix_get_u32(plain) & 0x7fffffff) == 0;
    if (no_set != (plain[4] == 0) || (no_set && copy))
        return MIX_ERR_ACK;
    memcpy(id, plain, sizeof plain);
    return MIX_OK;
}
