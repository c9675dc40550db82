/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's side: headers in batches by the fast path, packets, SURBs in use.
 *
 * The fast path. The textbook shared secret of hop i is X(b_{i-1}, … X(b_0, X(x, Y_i))): i + 1
 * multiplications, ten for four hops. But the factors multiply, so one multiplication of Y_i by the
 * product of all of them is enough, and since Y_i is a key that stays for hours, a table of its
 * multiples makes that one cheap. A factor is known only after the secret of the hop before: so a
 * batch of headers goes hop by hop, with one call for the multiplications of all headers. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "sphinx/tables.h"

typedef struct work { /* of one batch; wiped after it */
    uint8_t initial[MIX_SPHINX_TOGETHER][MIX_KEY_LEN];
    mix_sphinx_secrets secrets[MIX_SPHINX_TOGETHER];
    uint8_t padding[MIX_SPHINX_PADDING_MAX];
    uint8_t scalar[MIX_SPHINX_TOGETHER]
                  [MIX_KEY_LEN]; /* product of the factors so far, mod the order */
    uint8_t shared[MIX_SPHINX_TOGETHER][MIX_KEY_LEN]; /* secrets of the present hop */
    /* Multiplications by table of the present hop, and of all alphas at the first. */
    const mix_curve_table *tables[2 * MIX_SPHINX_TOGETHER];
    uint8_t product[2 * MIX_SPHINX_TOGETHER][MIX_KEY_LEN];
    uint8_t *target[2 * MIX_SPHINX_TOGETHER];
    size_t products;
} work;

struct mix_sphinx {
    mix_crypto *crypto;
    const mix_env *env;
    mix_curve_table *base;
    mix_tables tables;
    work work;
};

int mix_sphinx_new(mix_sphinx **out, mix_crypto *crypto, const mix_env *env) {
    static const uint8_t base[MIX_KEY_LEN] = {9};
    mix_sphinx *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    s->crypto = crypto;
    s->env = env;
    int status = mix_tables_init(&s->tables, MIX_SPHINX_TABLES_DEFAULT, env);
    if (status == MIX_OK)
        status = mix_curve_table_new(&s->base, base);
    if (status != MIX_OK) {
        mix_sphinx_free(s);
        return status;
    }
    *out = s;
    return MIX_OK;
}

void mix_sphinx_free(mix_sphinx *s) {
    if (!s)
        return;
    mix_tables_deinit(&s->tables);
    mix_curve_table_free(s->base);
    mix_free_wiped(s, sizeof *s);
}

mix_crypto *mix_sphinx_crypto(const mix_sphinx *s) {
    return s->crypto;
}

int mix_sphinx_warm(mix_sphinx *s, const uint8_t (*keys)[MIX_KEY_LEN], size_t count) {
    return mix_tables_warm(&s->tables, keys, count);
}

void mix_sphinx_limit(mix_sphinx *s, size_t tables) {
    mix_tables_limit(&s->tables, tables);
}

static void add_product(work *w, uint8_t *target, const mix_curve_table *table,
                        const uint8_t scalar[static MIX_KEY_LEN]) {
    w->tables[w->products] = table;
    w->target[w->products] = target;
    memcpy(w->product[w->products++], scalar, MIX_KEY_LEN);
}

/* For keys off the curve, where the order is another and so is the product; and as good as any way
 * at the first hop. */
static void multiply_textbook(uint8_t shared[static MIX_KEY_LEN],
                              const uint8_t initial[static MIX_KEY_LEN],
                              const mix_sphinx_secrets *secrets, size_t hop,
                              const uint8_t key[static MIX_KEY_LEN]) {
    mix_x25519(shared, initial, key);
    for (size_t i = 0; i < hop; i++)
        mix_x25519(shared, secrets->hop[i] + MIX_AT_BLINDING, shared);
}

/* The shared secret of this hop, now or with the batch. */
static void multiply(mix_sphinx *s, size_t job, const mix_sphinx_secrets *secrets,
                     const uint8_t initial[static MIX_KEY_LEN], size_t hop,
                     const uint8_t key[static MIX_KEY_LEN]) {
    work *w = &s->work;
    uint8_t secret[MIX_KEY_LEN];
    mix_known_key *known = mix_tables_use(&s->tables, key);
    if (known && known->table)
        add_product(w, w->shared[job], known->table, w->scalar[job]);
    else if (hop > 0 && known && mix_known_on_curve(known) &&
             mix_scalar_to_clamped(secret, w->scalar[job]))
        mix_x25519(w->shared[job], secret, key);
    else
        multiply_textbook(w->shared[job], initial, secrets, hop, key);
    mix_wipe(secret, sizeof secret);
}

static void multiply_batch(work *w) {
    mix_curve_multiply(w->product, w->tables, (const uint8_t(*)[MIX_KEY_LEN])w->product,
                       w->products);
    for (size_t i = 0; i < w->products; i++)
        memcpy(w->target[i], w->product[i], MIX_KEY_LEN);
    w->products = 0;
}

/* From the shared secret to the hop's keys, and on to the scalar of the next hop. */
static int advance(mix_sphinx *s, size_t job, uint8_t hop[static MIX_SPHINX_SECRETS_LEN],
                   uint16_t version, bool last) {
    int status =
        mix_sphinx_expand(s->crypto, hop, mix_sphinx_needed(version, last), s->work.shared[job]);
    if (status != MIX_OK || last)
        return status;
    mix_scalar_mul_clamped(s->work.scalar[job], s->work.scalar[job], hop + MIX_AT_BLINDING);
    return MIX_OK;
}

int mix_sphinx_derive_fast(mix_sphinx *s, mix_sphinx_secrets *out,
                           const uint8_t (*initial)[MIX_KEY_LEN],
                           const mix_sphinx_route *const *routes, const uint16_t *versions,
                           size_t count) {
    work *w = &s->work;
    int status = MIX_OK;
    for (size_t j = 0; j < count; j++) {
        mix_scalar_from_clamped(w->scalar[j], initial[j]);
        add_product(w, out[j].alpha, s->base, w->scalar[j]);
    }
    for (size_t hop = 0; status == MIX_OK && hop < MIX_SPHINX_MAX_HOPS; hop++) {
        for (size_t j = 0; j < count; j++) {
            if (hop < routes[j]->hops)
                multiply(s, j, &out[j], initial[j], hop, routes[j]->hop[hop].key);
        }
        multiply_batch(w);
        for (size_t j = 0; status == MIX_OK && j < count; j++) {
            if (hop < routes[j]->hops)
                status = advance(s, j, out[j].hop[hop], versions[j], hop + 1 == routes[j]->hops);
        }
    }
    return status;
}

static int check(const mix_sphinx_job *jobs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].route->hops < 1 || jobs[i].route->hops > MIX_SPHINX_MAX_HOPS)
            return MIX_ERR_SPHINX_ROUTE;
        if (jobs[i].version != MIX_SPHINX_V258 && jobs[i].version != MIX_SPHINX_V259)
            return MIX_ERR_SPHINX_VERSION;
    }
    return MIX_OK;
}

static void keep_material(mix_sphinx_job *job, const mix_sphinx_secrets *secrets) {
    size_t len = mix_sphinx_material_len(job->version);
    for (size_t i = 0; i < job->route->hops; i++)
        memcpy(job->material[i], secrets->hop[i] + MIX_AT_PAYLOAD, len);
}

static int build_together(mix_sphinx *s, mix_sphinx_job *jobs, size_t count) {
    work *w = &s->work;
    const mix_sphinx_route *routes[MIX_SPHINX_TOGETHER];
    uint16_t versions[MIX_SPHINX_TOGETHER];
    for (size_t i = 0; i < count; i++) {
        routes[i] = jobs[i].route;
        versions[i] = jobs[i].version;
    }
    int status = mix_random(s->env, w->initial, count * MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mix_sphinx_derive_fast(s, w->secrets, (const uint8_t(*)[MIX_KEY_LEN])w->initial,
                                        routes, versions, count);
    for (size_t i = 0; status == MIX_OK && i < count; i++) {
        /* The padding is drawn, not derived: zeros would tell the last hop how long the route was
         * (§1.9). */
        status = mix_random(s->env, w->padding, sizeof w->padding);
        if (status == MIX_OK)
            status = mix_sphinx_header(s->crypto, jobs[i].header, &w->secrets[i], routes[i],
                                       jobs[i].version, w->padding);
        keep_material(&jobs[i], &w->secrets[i]);
    }
    mix_wipe(w, sizeof *w);
    return status;
}

static void wipe_outputs(mix_sphinx_job *jobs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        mix_wipe(jobs[i].header, sizeof jobs[i].header);
        mix_wipe(jobs[i].material, sizeof jobs[i].material);
    }
}

int mix_sphinx_headers(mix_sphinx *s, mix_sphinx_job *jobs, size_t count) {
    int status = check(jobs, count);
    for (size_t at = 0; status == MIX_OK && at < count; at += MIX_SPHINX_TOGETHER)
        status = build_together(
            s, jobs + at, count - at < MIX_SPHINX_TOGETHER ? count - at : MIX_SPHINX_TOGETHER);
    if (status != MIX_OK)
        wipe_outputs(jobs, count);
    return status;
}

int mix_sphinx_seal(mix_sphinx *s, mix_buf *out, const mix_sphinx_job *job, size_t payload_size,
                    mix_bytes message) {
    return mix_sphinx_seal_with(s->crypto, out, job->header, job->material[0],
                                sizeof job->material[0], job->route->hops,
                                mix_sphinx_explicit(job->version), payload_size, message);
}

int mix_sphinx_build(mix_sphinx *s, mix_buf *out, const mix_sphinx_route *route, uint16_t version,
                     size_t payload_size, mix_bytes message) {
    mix_sphinx_job job = {.route = route, .version = version};
    int status = mix_sphinx_headers(s, &job, 1);
    if (status == MIX_OK)
        status = mix_sphinx_seal(s, out, &job, payload_size, message);
    mix_wipe(&job, sizeof job);
    return status;
}
