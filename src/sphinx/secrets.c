/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the hops: from a shared secret to the keys in it, and the textbook way to all shared
 * secrets of a route. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"

/* §1.8 */
static const char info[] =
    "Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw "
    "thn gh.";
static const char payload_salt[] = "sphinx-payload-key-V01-CS01-HKDF:SHA256-SALT";
static const char payload_info[] = "sphinx-payload-key-V01-CS01-HKDF:SHA256-INFO";

int mix_sphinx_expand(mix_crypto *c, uint8_t *out, size_t len,
                      const uint8_t shared[static MIX_KEY_LEN]) {
    return mix_hkdf_sha256(c, out, len, mix_bytes_of(shared, MIX_KEY_LEN), (mix_bytes){0},
                           mix_bytes_of(info, sizeof info - 1));
}

int mix_sphinx_payload_key(mix_crypto *c, uint8_t out[static MIX_LIONESS_KEY_LEN],
                           const uint8_t *material, bool is_key) {
    if (is_key) {
        memcpy(out, material, MIX_LIONESS_KEY_LEN);
        return MIX_OK;
    }
    return mix_hkdf_sha256(c, out, MIX_LIONESS_KEY_LEN, mix_bytes_of(material, MIX_SPHINX_SEED_LEN),
                           mix_bytes_of(payload_salt, sizeof payload_salt - 1),
                           mix_bytes_of(payload_info, sizeof payload_info - 1));
}

/* §1.6 */
static int derive_clamped(mix_crypto *c, mix_sphinx_secrets *out,
                          const uint8_t initial[static MIX_KEY_LEN],
                          const mix_sphinx_route *route) {
    uint8_t shared[MIX_KEY_LEN];
    int status = MIX_OK;
    mix_x25519_public(out->alpha, initial);
    for (size_t i = 0; status == MIX_OK && i < route->hops; i++) {
        mix_x25519(shared, initial, route->hop[i].key);
        for (size_t j = 0; j < i; j++)
            mix_x25519(shared, out->hop[j] + MIX_AT_BLINDING, shared);
        status = mix_sphinx_expand(c, out->hop[i], MIX_SPHINX_SECRETS_LEN, shared);
    }
    mix_wipe(shared, sizeof shared);
    return status;
}

/* §1.7 */
static int derive_legacy(mix_crypto *c, mix_sphinx_secrets *out,
                         const uint8_t initial[static MIX_KEY_LEN], const mix_sphinx_route *route) {
    static const uint8_t base[MIX_KEY_LEN] = {9};
    uint8_t shared[MIX_KEY_LEN], scalar[MIX_KEY_LEN];
    int status = MIX_OK;
    memcpy(scalar, initial, sizeof scalar);
    mix_x25519_unclamped(out->alpha, scalar, base);
    for (size_t i = 0; status == MIX_OK && i < route->hops; i++) {
        mix_x25519_unclamped(shared, scalar, route->hop[i].key);
        status = mix_sphinx_expand(c, out->hop[i], MIX_SPHINX_SECRETS_LEN, shared);
        mix_scalar_mul(scalar, scalar, out->hop[i] + MIX_AT_BLINDING);
    }
    mix_wipe(shared, sizeof shared);
    mix_wipe(scalar, sizeof scalar);
    return status;
}

int mix_sphinx_derive_textbook(mix_crypto *c, mix_sphinx_secrets *out,
                               const uint8_t initial[static MIX_KEY_LEN],
                               const mix_sphinx_route *route, uint16_t version) {
    int status = mix_sphinx_legacy(version) ? derive_legacy(c, out, initial, route)
                                            : derive_clamped(c, out, initial, route);
    if (status != MIX_OK)
        mix_wipe(out, sizeof *out);
    return status;
}
