/* SPDX-License-Identifier: Apache-2.0 */
/* Reply blocks (§1.13): a header, its first hop, and the payload material of all its hops. */
#include "base/alloc.h"
#include "base/address.h"
#include "mix/errors.h"
#include "sphinx/internal.h"

enum {
    AT_FIRST_HOP = MIX_SPHINX_HEADER_LEN,
    AT_MATERIAL = AT_FIRST_HOP + MIX_SPHINX_ADDRESS_LEN,
};

static size_t material_len(uint16_t version) {
    return mix_sphinx_explicit(version) ? MIX_LIONESS_KEY_LEN : MIX_SPHINX_SEED_LEN;
}

size_t mix_surb_len(size_t hops, uint16_t version) {
    return AT_MATERIAL + hops * material_len(version);
}

static void put_surb(mix_buf *out, const mix_sphinx_job *job) {
    mix_buf_put(out, job->header, sizeof job->header);
    mix_buf_put(out, job->route->hop[0].address, MIX_SPHINX_ADDRESS_LEN);
    for (size_t i = 0; i < job->route->hops; i++)
        mix_buf_put(out, job->material[i], material_len(job->version));
}

int mix_surb_make(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *routes, size_t count,
                  uint16_t version) {
    mix_sphinx_job jobs[MIX_SPHINX_TOGETHER];
    size_t start = out->len, done = 0;
    int status = MIX_OK;
    while (status == MIX_OK && done < count) {
        size_t n = count - done < MIX_SPHINX_TOGETHER ? count - done : MIX_SPHINX_TOGETHER;
        for (size_t i = 0; i < n; i++) {
            jobs[i].route = &routes[done + i];
            jobs[i].version = version;
        }
        status = mix_sphinx_headers(s, jobs, n);
        for (size_t i = 0; status == MIX_OK && i < n; i++)
            put_surb(out, &jobs[i]);
        if (status == MIX_OK)
            status = mix_buf_status(out);
        done += n;
    }
    mix_wipe(jobs, sizeof jobs);
    if (status != MIX_OK)
        mix_buf_truncate(out, start);
    return status;
}

/* The length alone tells seeds from keys: fewer bytes than one key are seeds. */
static bool has_keys(mix_bytes surb) {
    return surb.len - AT_MATERIAL >= MIX_LIONESS_KEY_LEN;
}

/* Real nodes' code takes any number of seeds or keys; more than a header has hops cannot be of use.
 */
int mix_surb_check(mix_bytes surb) {
    mix_address first;
    if (surb.len < MIX_SURB_LEAST)
        return MIX_ERR_SPHINX_SURB;
    size_t each = has_keys(surb) ? MIX_LIONESS_KEY_LEN : MIX_SPHINX_SEED_LEN,
           len = surb.len - AT_MATERIAL;
    if (len % each != 0 || len / each > MIX_SPHINX_MAX_HOPS)
        return MIX_ERR_SPHINX_SURB;
    return mix_address_decode(&first, NULL,
                              mix_bytes_slice(surb, AT_FIRST_HOP, MIX_SPHINX_ADDRESS_LEN));
}

int mix_surb_use(mix_sphinx *s, mix_buf *out, uint8_t first_hop[static MIX_SPHINX_ADDRESS_LEN],
                 mix_bytes surb, size_t payload_size, mix_bytes message) {
    int status = mix_surb_check(surb);
    if (status != MIX_OK)
        return status;
    bool keys = has_keys(surb);
    size_t each = keys ? MIX_LIONESS_KEY_LEN : MIX_SPHINX_SEED_LEN;
    status =
        mix_sphinx_seal_with(mix_sphinx_crypto(s), out, surb.data, surb.data + AT_MATERIAL, each,
                             (surb.len - AT_MATERIAL) / each, keys, payload_size, message);
    if (status == MIX_OK)
        memcpy(first_hop, surb.data + AT_FIRST_HOP, MIX_SPHINX_ADDRESS_LEN);
    return status;
}
