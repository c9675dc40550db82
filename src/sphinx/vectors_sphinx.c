/* SPDX-License-Identifier: Apache-2.0 */
/* Every entry of testdata/sphinx.json but Noise: what the original's code made, made again byte for
 * byte, and taken apart. */
#include "base/address.h"
#include "mix/errors.h"
#include "sphinx/internal.h"
#include "sphinx/wire.h"
#include "vectors.h"

#include <stdlib.h>

enum { CHECKS_LEAST = 2752 };

typedef struct context {
    mix_vectors *v;
    mix_crypto *c;
    mix_sphinx *s;
} context;

static mix_bytes hex_at(context *t, yyjson_val *array, size_t i) {
    return mix_vec_hex_value(t->v, yyjson_arr_get(array, i));
}

/* A member of a known length, or the program ends: our vectors are right. */
static const uint8_t *fixed(context *t, yyjson_val *object, const char *key, size_t len) {
    mix_bytes b = mix_vec_hex(t->v, object, key);
    if (b.len != len) {
        fprintf(stderr, "%s: %s has %zu bytes, not %zu\n", t->v->where, key, b.len, len);
        exit(2);
    }
    return b.data;
}

static uint16_t version_of(context *t, yyjson_val *object) {
    return (uint16_t)mix_vec_u64(t->v, object, "version");
}

/* Secrets and keys */

static void check_keys(context *t, yyjson_val *keys, const uint8_t shared[static MIX_KEY_LEN]) {
    mix_vectors *v = t->v;
    uint8_t e[MIX_SPHINX_SECRETS_LEN], key[MIX_LIONESS_KEY_LEN];
    VBYTES(v, mix_bytes_of(shared, MIX_KEY_LEN), mix_vec_hex(v, keys, "shared_secret"));
    VSTATUS(v, mix_sphinx_expand(t->c, e, MIX_SPHINX_SECRETS_LEN, shared), MIX_OK);
    VBYTES(v, mix_bytes_of(e + MIX_AT_STREAM_KEY, 16), mix_vec_hex(v, keys, "stream_cipher_key"));
    VBYTES(v, mix_bytes_of(e + MIX_AT_MAC_KEY, 16), mix_vec_hex(v, keys, "header_mac_key"));
    VBYTES(v, mix_bytes_of(e + MIX_AT_PAYLOAD, 16), mix_vec_hex(v, keys, "payload_key_seed"));
    VBYTES(v, mix_bytes_of(e + MIX_AT_PAYLOAD, 192), mix_vec_hex(v, keys, "explicit_payload_key"));
    VBYTES(v, mix_bytes_of(e + MIX_AT_BLINDING, 32), mix_vec_hex(v, keys, "blinding_factor"));
    VBYTES(v, mix_bytes_of(e + MIX_AT_REPLAY_TAG, 32), mix_vec_hex(v, keys, "replay_tag"));
    VSTATUS(v, mix_sphinx_payload_key(t->c, key, e + MIX_AT_PAYLOAD, false), MIX_OK);
    VBYTES(v, MIX_BYTES(key), mix_vec_hex(v, keys, "seed_derived_payload_key"));
    VSTATUS(v, mix_sphinx_payload_key(t->c, key, e + MIX_AT_PAYLOAD, true), MIX_OK);
    VBYTES(v, MIX_BYTES(key), mix_vec_hex(v, keys, "explicit_payload_key"));
}

static void check_blinding(context *t, yyjson_val *b) {
    static const uint8_t base[MIX_KEY_LEN] = {9};
    mix_vectors *v = t->v;
    const uint8_t *x = fixed(t, b, "initial_secret", 32),
                  *factor = fixed(t, b, "blinding_factor", 32);
    const uint8_t *alpha = fixed(t, b, "alpha", 32);
    uint8_t out[MIX_KEY_LEN];
    mix_x25519_public(out, x);
    VBYTES(v, MIX_BYTES(out), mix_bytes_of(alpha, 32));
    mix_x25519(out, factor, alpha);
    VBYTES(v, MIX_BYTES(out), mix_vec_hex(v, b, "next_alpha"));
    mix_x25519_unclamped(out, x, base);
    VBYTES(v, MIX_BYTES(out), mix_vec_hex(v, b, "legacy_initial_alpha"));
    mix_x25519_unclamped(out, factor, alpha);
    VBYTES(v, MIX_BYTES(out), mix_vec_hex(v, b, "legacy_next_alpha"));
}

static void read_route(context *t, mix_sphinx_route *route, yyjson_val *o) {
    yyjson_val *nodes = mix_vec(t->v, o, "route"), *delays = yyjson_obj_get(o, "delays_nanos");
    *route = (mix_sphinx_route){.hops = yyjson_arr_size(nodes)};
    for (size_t i = 0; i < route->hops; i++) {
        yyjson_val *node = yyjson_arr_get(nodes, i);
        memcpy(route->hop[i].address, fixed(t, node, "address", 32), 32);
        memcpy(route->hop[i].key, fixed(t, node, "public", 32), 32);
        route->hop[i].delay_ns = yyjson_get_uint(yyjson_arr_get(delays, i));
    }
    if (yyjson_obj_get(o, "destination")) {
        memcpy(route->destination, fixed(t, o, "destination", 32), 32);
        memcpy(route->identifier, fixed(t, o, "identifier", 16), 16);
    }
}

static void derive_fast(context *t, mix_sphinx_secrets *out, const uint8_t *initial,
                        const mix_sphinx_route *route, uint16_t version) {
    uint8_t copy[1][MIX_KEY_LEN];
    memcpy(copy[0], initial, MIX_KEY_LEN);
    VSTATUS(
        t->v,
        mix_sphinx_derive_fast(t->s, out, (const uint8_t(*)[MIX_KEY_LEN])copy, &route, &version, 1),
        MIX_OK);
}

static void check_key_material(context *t, yyjson_val *km) {
    mix_vectors *v = t->v;
    mix_sphinx_route route;
    mix_sphinx_secrets secrets, fast;
    uint8_t alpha[MIX_KEY_LEN], shared[MIX_KEY_LEN];
    read_route(t, &route, km);
    const uint8_t *initial = fixed(t, km, "initial_secret", 32);
    VSTATUS(v, mix_sphinx_derive_textbook(t->c, &secrets, initial, &route, MIX_SPHINX_V259),
            MIX_OK);
    derive_fast(t, &fast, initial, &route, MIX_SPHINX_V259);
    memcpy(alpha, secrets.alpha, sizeof alpha);
    for (size_t i = 0; i < route.hops; i++) {
        yyjson_val *hop = yyjson_arr_get(mix_vec(v, km, "per_hop"), i);
        yyjson_val *node = yyjson_arr_get(mix_vec(v, km, "route"), i);
        mix_vectors_at(v, "key_material hop %zu", i);
        mix_x25519(shared, fixed(t, node, "secret", 32), alpha);
        check_keys(t, hop, shared);
        VBYTES(v, MIX_BYTES(alpha), mix_vec_hex(v, hop, "alpha"));
        VBYTES(v, mix_bytes_of(secrets.hop[i] + MIX_AT_REPLAY_TAG, 32),
               mix_vec_hex(v, hop, "replay_tag"));
        size_t needed = mix_sphinx_needed(MIX_SPHINX_V259, i + 1 == route.hops);
        VBYTES(v, mix_bytes_of(fast.hop[i], needed), mix_bytes_of(secrets.hop[i], needed));
        mix_x25519(alpha, secrets.hop[i] + MIX_AT_BLINDING, alpha);
    }
    uint8_t streams[MIX_SPHINX_MAX_HOPS][MIX_SPHINX_STREAM_LEN], filler[MIX_SPHINX_BETA_LEN];
    for (size_t i = 0; i < route.hops; i++)
        VSTATUS(v, mix_sphinx_stream(t->c, streams[i], MIX_SPHINX_STREAM_LEN, secrets.hop[i]),
                MIX_OK);
    size_t at, max;
    yyjson_val *f;
    yyjson_arr_foreach(mix_vec(v, km, "fillers"), at, max, f) {
        size_t hops = (size_t)mix_vec_u64(v, f, "hops");
        mix_vectors_at(v, "filler of %zu hops", hops);
        mix_sphinx_filler(filler, (const uint8_t(*)[MIX_SPHINX_STREAM_LEN])streams, hops);
        VBYTES(v, mix_bytes_of(filler, MIX_ROUTING_FORWARD_LEN * (hops - 1)),
               mix_vec_hex(v, f, "filler"));
    }
}

static void check_lioness(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_bytes in = mix_vec_hex(v, o, "input");
    const uint8_t *key = fixed(t, o, "key", MIX_LIONESS_KEY_LEN);
    VCHECK(v, in.len == mix_vec_u64(v, o, "size"));
    mix_buf b = {0};
    mix_buf_put_bytes(&b, in);
    VSTATUS(v, mix_lioness_encrypt(t->c, key, b.data, b.len), MIX_OK);
    VBYTES(v, mix_buf_bytes(&b), mix_vec_hex(v, o, "encrypt"));
    mix_buf_truncate(&b, 0);
    mix_buf_put_bytes(&b, in);
    VSTATUS(v, mix_lioness_decrypt(t->c, key, b.data, b.len), MIX_OK);
    VBYTES(v, mix_buf_bytes(&b), mix_vec_hex(v, o, "decrypt"));
    mix_buf_deinit(&b);
}

static void check_padding(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    size_t size = (size_t)mix_vec_u64(v, o, "payload_size");
    mix_bytes message = mix_vec_hex(v, o, "message"), found = {0};
    mix_buf b = {0};
    mix_sphinx_pad(mix_buf_space(&b, size), size, message);
    VBYTES(v, mix_buf_bytes(&b), mix_vec_hex(v, o, "padded"));
    VSTATUS(v, mix_sphinx_unpad(&found, mix_buf_bytes(&b)), MIX_OK);
    VBYTES(v, found, message);
    mix_buf_deinit(&b);
}

static void check_primitives(context *t) {
    mix_vectors *v = t->v;
    size_t i, max;
    yyjson_val *o;
    yyjson_arr_foreach(mix_vec(v, v->root, "x25519_keypairs"), i, max, o) {
        uint8_t out[MIX_KEY_LEN];
        mix_vectors_at(v, "keypair %zu", i);
        mix_x25519_public(out, fixed(t, o, "secret", 32));
        VBYTES(v, MIX_BYTES(out), mix_vec_hex(v, o, "public"));
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "expanded_secrets"), i, max, o) {
        mix_vectors_at(v, "expanded secret %zu", i);
        check_keys(t, o, fixed(t, o, "shared_secret", 32));
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "aes128_ctr_keystream"), i, max, o) {
        uint8_t hop[MIX_SPHINX_SECRETS_LEN] = {0}, out[MIX_SPHINX_STREAM_LEN] = {0};
        mix_vectors_at(v, "keystream %zu", i);
        memcpy(hop, fixed(t, o, "key", 16), 16);
        VSTATUS(v, mix_sphinx_stream(t->c, out, MIX_SPHINX_STREAM_LEN, hop), MIX_OK);
        VBYTES(v, MIX_BYTES(out), mix_vec_hex(v, o, "keystream"));
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "blinding"), i, max, o) {
        mix_vectors_at(v, "blinding %zu", i);
        check_blinding(t, o);
    }
    check_key_material(t, mix_vec(v, v->root, "key_material"));
    yyjson_arr_foreach(mix_vec(v, v->root, "lioness"), i, max, o) {
        mix_vectors_at(v, "lioness %zu", i);
        check_lioness(t, o);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "payload_padding"), i, max, o) {
        mix_vectors_at(v, "padding %zu", i);
        check_padding(t, o);
    }
    mix_vectors_sweep(v);
}

/* Packets */

/* The header of a packet or SURB, by the textbook and, where it applies, by the fast path. */
static void build_header(context *t, mix_sphinx_job *job, mix_sphinx_secrets *secrets,
                         mix_sphinx_route *route, yyjson_val *o) {
    mix_vectors *v = t->v;
    read_route(t, route, o);
    const uint8_t *initial = fixed(t, o, "initial_secret", 32);
    *job = (mix_sphinx_job){.route = route, .version = version_of(t, o)};
    mix_bytes padding = mix_vec_hex(v, o, "final_padding");
    VCHECK(v, padding.len == MIX_SPHINX_PADDING_MAX - MIX_ROUTING_FORWARD_LEN * (route->hops - 1));
    VSTATUS(v, mix_sphinx_derive_textbook(t->c, secrets, initial, route, job->version), MIX_OK);
    VSTATUS(v, mix_sphinx_header(t->c, job->header, secrets, route, job->version, padding.data),
            MIX_OK);
    for (size_t i = 0; i < route->hops; i++)
        memcpy(job->material[i], secrets->hop[i] + MIX_AT_PAYLOAD, MIX_LIONESS_KEY_LEN);
    if (mix_sphinx_legacy(job->version))
        return;
    mix_sphinx_secrets fast;
    uint8_t header[MIX_SPHINX_HEADER_LEN];
    derive_fast(t, &fast, initial, route, job->version);
    VSTATUS(v, mix_sphinx_header(t->c, header, &fast, route, job->version, padding.data), MIX_OK);
    VBYTES(v, MIX_BYTES(header), MIX_BYTES(job->header));
    for (size_t i = 0; i < route->hops; i++) {
        size_t needed = mix_sphinx_needed(job->version, i + 1 == route->hops);
        VBYTES(v, mix_bytes_of(fast.hop[i], needed), mix_bytes_of(secrets->hop[i], needed));
    }
}

static void check_hop(context *t, yyjson_val *o, size_t i, mix_buf *packet) {
    mix_vectors *v = t->v;
    yyjson_val *hop = yyjson_arr_get(mix_vec(v, o, "hops"), i), *nodes = mix_vec(v, o, "route");
    const uint8_t *secret = fixed(t, yyjson_arr_get(nodes, i), "secret", 32);
    uint8_t shared[MIX_KEY_LEN];
    mix_sphinx_opened opened;
    mix_sphinx_result r = {0};
    mix_buf out = {0};
    VBYTES(v, mix_bytes_of(packet->data, 32), mix_vec_hex(v, hop, "alpha"));
    mix_x25519(shared, secret, packet->data);
    check_keys(t, mix_vec(v, hop, "keys"), shared);
    VSTATUS(v, mix_sphinx_open(t->c, &opened, secret, mix_buf_bytes(packet)), MIX_OK);
    VBYTES(v, MIX_BYTES(opened.replay_tag), mix_vec_hex(v, mix_vec(v, hop, "keys"), "replay_tag"));
    VSTATUS(v, mix_sphinx_finish(t->c, &r, &out, &opened, mix_buf_bytes(packet)), MIX_OK);
    VCHECK(v, r.version == version_of(t, o) && r.version == version_of(t, hop));
    if (strcmp(mix_vec_str(v, hop, "kind"), "forward") == 0) {
        mix_address next, named;
        VCHECK(v, r.kind == MIX_SPHINX_FORWARD);
        VBYTES(v, MIX_BYTES(r.next_address), mix_vec_hex(v, hop, "next_address"));
        VBYTES(v, MIX_BYTES(r.next_address),
               mix_vec_hex(v, yyjson_arr_get(nodes, i + 1), "address"));
        VCHECK(v, r.delay_ns == mix_vec_u64(v, hop, "delay_nanos"));
        VCHECK(v, r.delay_ns == yyjson_get_uint(yyjson_arr_get(mix_vec(v, o, "delays_nanos"), i)));
        VSTATUS(v, mix_address_decode(&next, NULL, MIX_BYTES(r.next_address)), MIX_OK);
        VSTATUS(v, mix_address_parse(&named, mix_vec_str(v, hop, "next_socket_address")), MIX_OK);
        VBYTES(v, mix_bytes_of(next.octets, 16), mix_bytes_of(named.octets, 16));
        VCHECK(v, next.port == named.port && next.family == named.family);
        VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, hop, "next_packet"));
    } else {
        mix_bytes message = {0};
        VCHECK(v, r.kind == MIX_SPHINX_FINAL);
        VBYTES(v, MIX_BYTES(r.destination), mix_vec_hex(v, hop, "destination"));
        VBYTES(v, MIX_BYTES(r.destination), mix_vec_hex(v, o, "destination"));
        VBYTES(v, MIX_BYTES(r.identifier), mix_vec_hex(v, hop, "identifier"));
        VBYTES(v, MIX_BYTES(r.identifier), mix_vec_hex(v, o, "identifier"));
        VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, hop, "payload"));
        VSTATUS(v, mix_sphinx_unpad(&message, mix_buf_bytes(&out)), MIX_OK);
        VBYTES(v, message, mix_vec_hex(v, hop, "plaintext"));
        VBYTES(v, message, mix_vec_hex(v, o, "message"));
    }
    mix_buf_deinit(packet);
    *packet = out;
}

static void check_walk(context *t, yyjson_val *o, const char *name) {
    size_t hops = yyjson_arr_size(mix_vec(t->v, o, "hops"));
    mix_buf packet = {0};
    mix_buf_put_bytes(&packet, mix_vec_hex(t->v, o, "packet"));
    VCHECK(t->v, hops == yyjson_arr_size(mix_vec(t->v, o, "route")));
    for (size_t i = 0; i < hops; i++) {
        mix_vectors_at(t->v, "%s hop %zu", name, i);
        check_hop(t, o, i, &packet);
    }
    mix_buf_deinit(&packet);
}

/* One flipped bit anywhere in gamma or beta is seen; the output stays as it was. */
static void check_damage(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    static const size_t places[] = {32, 47, 48, 100, 347};
    const uint8_t *secret = fixed(t, yyjson_arr_get(mix_vec(v, o, "route"), 0), "secret", 32);
    mix_buf packet = {0}, out = {0};
    mix_sphinx_result r;
    mix_buf_put_bytes(&packet, mix_vec_hex(v, o, "packet"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        packet.data[places[i]] ^= 1;
        VSTATUS(v, mix_sphinx_process(t->c, &r, &out, secret, mix_buf_bytes(&packet)),
                MIX_ERR_SPHINX_MAC);
        packet.data[places[i]] ^= 1;
    }
    VCHECK(v, out.len == 0);
    mix_buf_deinit(&packet);
    mix_buf_deinit(&out);
}

static void check_packet(context *t, yyjson_val *o, const char *name) {
    mix_vectors *v = t->v;
    mix_sphinx_route route;
    mix_sphinx_secrets secrets;
    mix_sphinx_job job;
    mix_buf packet = {0};
    mix_vectors_at(v, "%s", name);
    build_header(t, &job, &secrets, &route, o);
    VSTATUS(v,
            mix_sphinx_seal(t->s, &packet, &job, (size_t)mix_vec_u64(v, o, "payload_size"),
                            mix_vec_hex(v, o, "message")),
            MIX_OK);
    VBYTES(v, mix_buf_bytes(&packet), mix_vec_hex(v, o, "packet"));
    mix_buf_deinit(&packet);
    check_walk(t, o, name);
    mix_vectors_at(v, "%s damaged", name);
    check_damage(t, o);
    mix_vectors_sweep(v);
}

/* SURBs */

static void put_surb(mix_buf *out, const mix_sphinx_job *job, size_t each) {
    mix_buf_put(out, job->header, sizeof job->header);
    mix_buf_put(out, job->route->hop[0].address, MIX_SPHINX_ADDRESS_LEN);
    for (size_t i = 0; i < job->route->hops; i++)
        mix_buf_put(out, job->material[i], each);
}

static void check_surb_use(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_buf packet = {0};
    uint8_t first[MIX_SPHINX_ADDRESS_LEN] = {0};
    mix_bytes surb = mix_vec_hex(v, o, "surb"), message = mix_vec_hex(v, o, "message");
    size_t size = (size_t)mix_vec_u64(v, o, "payload_size");
    VSTATUS(v, mix_surb_check(surb), MIX_OK);
    VSTATUS(v, mix_surb_use(t->s, &packet, first, surb, size, message), MIX_OK);
    VBYTES(v, mix_buf_bytes(&packet), mix_vec_hex(v, o, "packet"));
    VBYTES(v, MIX_BYTES(first), mix_vec_hex(v, o, "first_hop"));
    mix_buf_deinit(&packet);
}

static void check_surb(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    const char *name = mix_vec_str(v, o, "name");
    mix_sphinx_route route;
    mix_sphinx_secrets secrets;
    mix_sphinx_job job;
    mix_buf surb = {0}, reply = {0};
    uint8_t digest[MIX_KEY_LEN];
    mix_vectors_at(v, "%s", name);
    build_header(t, &job, &secrets, &route, o);
    size_t each = mix_vec_bool(v, o, "uses_key_seeds") ? MIX_SPHINX_SEED_LEN : MIX_LIONESS_KEY_LEN;
    put_surb(&surb, &job, each);
    VBYTES(v, mix_buf_bytes(&surb), mix_vec_hex(v, o, "surb"));
    VCHECK(v, surb.len == mix_vec_u64(v, o, "surb_len"));
    VCHECK(v, surb.len == mix_surb_len(route.hops, job.version));
    VCHECK(v, mix_vec_u64(v, o, "payload_key_material_count") == route.hops);
    mix_bytes key = mix_vec_hex(v, o, "reply_encryption_key");
    mix_buf_put_bytes(&reply, key);
    mix_buf_put_bytes(&reply, mix_buf_bytes(&surb));
    VBYTES(v, mix_buf_bytes(&reply), mix_vec_hex(v, o, "reply_surb"));
    mix_blake3(digest, key);
    VBYTES(v, MIX_BYTES(digest), mix_vec_hex(v, o, "reply_encryption_key_digest"));
    check_surb_use(t, o);
    mix_buf again = {0}; /* of exact size, so that a read past the end is seen */
    mix_buf_put(&again, surb.data, surb.len - 1);
    VSTATUS(v, mix_surb_check(mix_buf_bytes(&again)), MIX_ERR_SPHINX_SURB);
    mix_buf_put_zeros(&again, 2);
    VSTATUS(v, mix_surb_check(mix_buf_bytes(&again)), MIX_ERR_SPHINX_SURB);
    mix_buf_deinit(&again);
    mix_buf_deinit(&surb);
    mix_buf_deinit(&reply);
    check_walk(t, o, name);
    mix_vectors_sweep(v);
}

/* Version 260, §1.14: unknown to the nodes, processed as 259. */
static void check_single_seed(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_sphinx_route route;
    mix_sphinx_secrets secrets;
    mix_sphinx_job job;
    mix_buf surb = {0}, recovery = {0}, packet = {0}, message = {0};
    mix_vectors_at(v, "single-seed SURB");
    build_header(t, &job, &secrets, &route, o);
    mix_buf_put(&surb, job.header, sizeof job.header);
    mix_buf_put(&surb, route.hop[0].address, MIX_SPHINX_ADDRESS_LEN);
    mix_buf_put(&surb, job.material[route.hops - 1], MIX_SPHINX_SEED_LEN);
    VBYTES(v, mix_buf_bytes(&surb), mix_vec_hex(v, o, "surb"));
    VCHECK(v, surb.len == mix_vec_u64(v, o, "surb_len"));
    mix_buf_put(&recovery, route.identifier, sizeof route.identifier);
    for (size_t i = 0; i < route.hops; i++)
        mix_buf_put(&recovery, job.material[i], MIX_SPHINX_SEED_LEN);
    VBYTES(v, mix_buf_bytes(&recovery), mix_vec_hex(v, o, "recovery"));
    check_surb_use(t, o);

    mix_buf_put_bytes(&packet, mix_vec_hex(v, o, "packet"));
    for (size_t i = 0; i < route.hops; i++) {
        mix_sphinx_result r = {0};
        mix_buf out = {0};
        mix_bytes none;
        yyjson_val *node = yyjson_arr_get(mix_vec(v, o, "route"), i);
        mix_vectors_at(v, "single-seed SURB hop %zu", i);
        VSTATUS(v,
                mix_sphinx_process(t->c, &r, &out, fixed(t, node, "secret", 32),
                                   mix_buf_bytes(&packet)),
                MIX_OK);
        VCHECK(v, r.version == 260 &&
                      r.kind == (i + 1 < route.hops ? MIX_SPHINX_FORWARD : MIX_SPHINX_FINAL));
        if (r.kind == MIX_SPHINX_FORWARD) {
            VBYTES(v, mix_buf_bytes(&out), hex_at(t, mix_vec(v, o, "next_packets"), i));
        } else {
            VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, o, "sealed_payload_at_final_hop"));
            VSTATUS(v, mix_sphinx_unpad(&none, mix_buf_bytes(&out)), MIX_ERR_SPHINX_PAYLOAD);
        }
        mix_buf_deinit(&packet);
        packet = out;
    }
    mix_bytes seeds =
        mix_bytes_slice(mix_buf_bytes(&recovery), MIX_SPHINX_IDENTIFIER_LEN, SIZE_MAX);
    VSTATUS(v, mix_surb_recover(t->c, &message, seeds, mix_buf_bytes(&packet)), MIX_OK);
    VBYTES(v, mix_buf_bytes(&message), mix_vec_hex(v, o, "message"));
    mix_buf_deinit(&message);
    mix_buf_deinit(&packet);
    mix_buf_deinit(&recovery);
    mix_buf_deinit(&surb);
    mix_vectors_sweep(v);
}

/* Addresses and frames */

static void check_addresses(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    size_t i, max;
    yyjson_val *a;
    yyjson_arr_foreach(mix_vec(v, o, "valid"), i, max, a) {
        const char *text = mix_vec_str(v, a, "socket_address");
        uint8_t padded[MIX_ADDRESS_PADDED];
        char again[MIX_ADDRESS_TEXT];
        mix_address address, decoded;
        mix_buf compact = {0};
        size_t used = 0;
        mix_vectors_at(v, "address %s", text);
        VSTATUS(v, mix_address_parse(&address, text), MIX_OK);
        mix_address_encode(&compact, &address);
        VBYTES(v, mix_buf_bytes(&compact), mix_vec_hex(v, a, "compact"));
        mix_address_pad(padded, MIX_ADDRESS_ACK, &address);
        VBYTES(v, mix_bytes_of(padded, MIX_ADDRESS_ACK), mix_vec_hex(v, a, "padded19"));
        mix_address_pad(padded, MIX_ADDRESS_PADDED, &address);
        VBYTES(v, MIX_BYTES(padded), mix_vec_hex(v, a, "padded32"));
        VSTATUS(v, mix_address_decode(&decoded, &used, mix_vec_hex(v, a, "padded32")), MIX_OK);
        VCHECK(v, used == compact.len);
        mix_address_format(again, &decoded);
        mix_address from_text;
        VSTATUS(v, mix_address_parse(&from_text, again), MIX_OK);
        VCHECK(v, memcmp(&from_text, &address, sizeof address) == 0);
        mix_buf_deinit(&compact);
    }
    yyjson_arr_foreach(mix_vec(v, o, "rejected"), i, max, a) {
        mix_address untouched = {.port = 7};
        mix_vectors_at(v, "rejected address, %s", mix_vec_str(v, a, "kind"));
        VSTATUS(v, mix_address_decode(&untouched, NULL, mix_vec_hex(v, a, "bytes")),
                MIX_ERR_ADDRESS);
        VCHECK(v, untouched.port == 7);
    }
}

static mix_packet_size size_named(context *t, const char *name) {
    size_t i, max;
    yyjson_val *o;
    yyjson_arr_foreach(mix_vec(t->v, mix_vec(t->v, t->v->root, "framing"), "packet_sizes"), i, max,
                       o) {
        if (strcmp(mix_vec_str(t->v, o, "name"), name) == 0)
            return (mix_packet_size)mix_vec_u64(t->v, o, "byte");
    }
    return 0;
}

static void check_sizes(context *t, yyjson_val *array) {
    mix_vectors *v = t->v;
    size_t i, max;
    yyjson_val *o;
    yyjson_arr_foreach(array, i, max, o) {
        mix_packet_size size = (mix_packet_size)mix_vec_u64(v, o, "byte"), found = 0;
        mix_vectors_at(v, "size %s", mix_vec_str(v, o, "name"));
        VCHECK(v, mix_packet_len(size) == mix_vec_u64(v, o, "packet_bytes"));
        VCHECK(v, mix_payload_len(size) == mix_vec_u64(v, o, "payload_bytes"));
        VCHECK(v, mix_plaintext_len(size) == mix_vec_u64(v, o, "plaintext_bytes"));
        VSTATUS(v, mix_packet_size_of(&found, mix_packet_len(size)), MIX_OK);
        VCHECK(v, found == size);
        if (size >= MIX_SIZE_OUTFOX_REGULAR)
            continue;
        VCHECK(v, mix_vec_u64(v, o, "header_bytes") == MIX_SPHINX_HEADER_LEN);
        VCHECK(v, mix_packet_len(size) == MIX_SPHINX_HEADER_LEN + mix_payload_len(size));
        VCHECK(v, mix_payload_len(size) == mix_plaintext_len(size) + MIX_SPHINX_OVERHEAD);
    }
}

static void check_header(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_packet_size size = size_named(t, mix_vec_str(v, o, "packet_size"));
    uint8_t version = mix_vec_bool(v, o, "legacy_encoding") ? 7 : 8;
    uint8_t type = strcmp(mix_vec_str(v, o, "packet_type"), "mix") == 0 ? MIX_PACKET_TYPE_MIX
                                                                        : MIX_PACKET_TYPE_OUTFOX;
    mix_rotation rotation = (mix_rotation)mix_vec_u64(v, o, "key_rotation_sent");
    mix_bytes header = mix_vec_hex(v, o, "header");
    mix_vectors_at(v, "frame header %s", mix_vec_str(v, o, "header"));
    mix_buf packet = {0}, frame = {0};
    mix_buf_put_zeros(&packet, mix_packet_len(size));
    VSTATUS(v, mix_frame_encode(&frame, version, type, rotation, mix_buf_bytes(&packet)), MIX_OK);
    VBYTES(v, mix_bytes_slice(mix_buf_bytes(&frame), 0, header.len), header);
    VCHECK(v, frame.len == mix_vec_u64(v, o, "frame_len"));

    /* One byte less is not enough; with bytes behind, only the frame is taken. */
    mix_frame f = {0};
    size_t used = 77;
    VSTATUS(v, mix_frame_decode(&f, &used, mix_bytes_of(frame.data, frame.len - 1)), MIX_DONE);
    VCHECK(v, used == 77 && f.version == 0);
    mix_buf_put_u8(&frame, 0xff);
    VSTATUS(v, mix_frame_decode(&f, &used, mix_buf_bytes(&frame)), MIX_OK);
    VCHECK(v, used == frame.len - 1 && f.version == version && f.size == size && f.type == type);
    VCHECK(v, f.rotation == (mix_rotation)mix_vec_u64(v, o, "key_rotation_decoded"));
    VBYTES(v, f.packet, mix_buf_bytes(&packet));
    mix_buf_deinit(&frame);
    mix_buf_deinit(&packet);
}

static int status_of_kind(const char *kind) {
    static const struct {
        const char *kind;
        int status;
    } kinds[] = {{"version below 7", MIX_ERR_FRAME_VERSION},
                 {"version above 8", MIX_ERR_FRAME_VERSION},
                 {"packet_size", MIX_ERR_FRAME_SIZE},
                 {"packet_type", MIX_ERR_FRAME_TYPE},
                 {"key_rotation", MIX_ERR_FRAME_ROTATION}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].status;
    }
    return MIX_OK;
}

static void check_framing(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    size_t i, max, used = 0;
    yyjson_val *e;
    mix_frame f;
    check_sizes(t, mix_vec(v, o, "packet_sizes"));
    yyjson_arr_foreach(mix_vec(v, o, "headers"), i, max, e) check_header(t, e);
    yyjson_arr_foreach(mix_vec(v, o, "full_ack_frames"), i, max, e) {
        mix_buf frame = {0};
        mix_bytes packet = mix_vec_hex(v, e, "packet");
        uint8_t version = mix_vec_bool(v, e, "legacy_encoding") ? 7 : 8;
        mix_vectors_at(v, "full ack frame %zu", i);
        VSTATUS(v, mix_frame_encode(&frame, version, MIX_PACKET_TYPE_MIX, MIX_ROTATION_ODD, packet),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&frame), mix_vec_hex(v, e, "frame"));
        VSTATUS(v, mix_frame_decode(&f, &used, mix_vec_hex(v, e, "frame")), MIX_OK);
        VBYTES(v, f.packet, packet);
        mix_buf_deinit(&frame);
    }
    yyjson_arr_foreach(mix_vec(v, o, "rejected_headers"), i, max, e) {
        const char *kind = mix_vec_str(v, e, "kind");
        mix_vectors_at(v, "rejected header, %s", kind);
        VSTATUS(v, mix_frame_decode(&f, &used, mix_vec_hex(v, e, "bytes")), status_of_kind(kind));
    }
    yyjson_arr_foreach(mix_vec(v, o, "incomplete_prefixes"), i, max, e) {
        mix_vectors_at(v, "incomplete prefix '%s'", yyjson_get_str(e));
        VSTATUS(v, mix_frame_decode(&f, &used, mix_vec_hex_value(v, e)), MIX_DONE);
    }
    mix_vectors_sweep(v);
}

static void check_mix_packet(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_bytes packet = mix_vec_hex(v, o, "packet");
    size_t i, max;
    yyjson_val *e;
    mix_packet_size size;
    VSTATUS(v, mix_packet_size_of(&size, packet.len), MIX_OK);
    yyjson_arr_foreach(mix_vec(v, o, "cases"), i, max, e) {
        mix_packet p = {.rotation = (mix_rotation)mix_vec_u64(v, e, "key_rotation"),
                        .packet = packet},
                   d;
        mix_buf v1 = {0}, v2 = {0}, got = {0};
        mix_vectors_at(v, "MixPacket to %s, %d", mix_vec_str(v, e, "next_hop"), (int)p.rotation);
        VSTATUS(v, mix_address_parse(&p.next_hop, mix_vec_str(v, e, "next_hop")), MIX_OK);
        mix_buf_put_bytes(&v1, mix_vec_hex(v, e, "v1_prefix"));
        mix_buf_put_bytes(&v1, packet);
        mix_buf_put_bytes(&v2, mix_vec_hex(v, e, "v2_prefix"));
        mix_buf_put_bytes(&v2, packet);
        VSTATUS(v, mix_packet_encode_v1(&got, &p), MIX_OK);
        VBYTES(v, mix_buf_bytes(&got), mix_buf_bytes(&v1));
        mix_buf_truncate(&got, 0);
        VSTATUS(v, mix_packet_encode_v2(&got, &p), MIX_OK);
        VBYTES(v, mix_buf_bytes(&got), mix_buf_bytes(&v2));
        VSTATUS(v, mix_packet_decode_v1(&d, mix_buf_bytes(&v1)), MIX_OK);
        VCHECK(v, d.rotation == MIX_ROTATION_UNKNOWN &&
                      memcmp(&d.next_hop, &p.next_hop, sizeof d.next_hop) == 0);
        VBYTES(v, d.packet, packet);
        VSTATUS(v, mix_packet_decode_v2(&d, mix_buf_bytes(&v2)), MIX_OK);
        VCHECK(v, d.rotation == p.rotation &&
                      memcmp(&d.next_hop, &p.next_hop, sizeof d.next_hop) == 0);
        VBYTES(v, d.packet, packet);
        mix_buf_deinit(&v1);
        mix_buf_deinit(&v2);
        mix_buf_deinit(&got);
    }
}

static void check_ack(context *t, yyjson_val *o) {
    mix_vectors *v = t->v;
    mix_vectors_at(v, "ack");
    mix_bytes body = mix_vec_hex(v, o, "ack_payload_plaintext");
    uint8_t id[5];
    VCHECK(v, body.len == 21);
    memcpy(id, body.data + 16, sizeof id);
    VSTATUS(v, mix_aes128_ctr(t->c, fixed(t, o, "ack_key", 16), body.data, id, sizeof id), MIX_OK);
    VBYTES(v, MIX_BYTES(id), mix_vec_hex(v, o, "fragment_identifier"));
    mix_vectors_sweep(v);
    check_packet(t, mix_vec(v, o, "ack_packet"), "ack packet");

    mix_vectors_at(v, "SURB-ack");
    yyjson_val *ack = mix_vec(v, o, "ack_packet"),
               *first = yyjson_arr_get(mix_vec(v, ack, "route"), 0);
    mix_buf surb_ack = {0}, payload = {0};
    VSTATUS(v,
            mix_surb_ack_encode(&surb_ack, fixed(t, first, "address", 32),
                                mix_vec_hex(v, ack, "packet")),
            MIX_OK);
    VBYTES(v, mix_buf_bytes(&surb_ack), mix_vec_hex(v, o, "surb_ack"));
    VCHECK(v, surb_ack.len == MIX_SURB_ACK_LEN);

    mix_sphinx_result r = {0};
    mix_bytes plain = {0}, packet = {0}, message = {0};
    mix_address hop, want;
    yyjson_val *expected = mix_vec(v, o, "expected_forward_ack");
    mix_bytes data = mix_vec_hex(v, o, "data_packet");
    VSTATUS(v, mix_sphinx_process(t->c, &r, &payload, fixed(t, o, "gateway_secret", 32), data),
            MIX_OK);
    VCHECK(v, r.kind == MIX_SPHINX_FINAL);
    VBYTES(v, MIX_BYTES(r.destination), mix_vec_hex(v, o, "client_destination"));
    VSTATUS(v, mix_sphinx_unpad(&plain, mix_buf_bytes(&payload)), MIX_OK);
    VCHECK(v, plain.len == mix_plaintext_len(MIX_SIZE_REGULAR));
    VSTATUS(v, mix_surb_ack_split(&hop, &packet, &message, plain), MIX_OK);
    VBYTES(v, packet, mix_vec_hex(v, expected, "packet"));
    VBYTES(v, message, mix_vec_hex(v, o, "expected_message_to_client"));
    VCHECK(v, message.len == 1643);
    VSTATUS(v, mix_address_parse(&want, mix_vec_str(v, expected, "next_hop")), MIX_OK);
    VCHECK(v, memcmp(&hop, &want, sizeof hop) == 0);

    mix_frame f = {0};
    size_t used;
    mix_buf frame = {0};
    mix_buf_put_bytes(&frame, mix_vec_hex(v, o, "data_frame_header"));
    mix_buf_put_bytes(&frame, data);
    VSTATUS(v, mix_frame_decode(&f, &used, mix_buf_bytes(&frame)), MIX_OK);
    VCHECK(v, f.type == mix_vec_u64(v, expected, "packet_type") &&
                  f.rotation == mix_vec_u64(v, expected, "key_rotation"));
    VBYTES(v, f.packet, data);
    mix_buf_deinit(&frame);
    mix_buf_deinit(&surb_ack);
    mix_buf_deinit(&payload);
    mix_vectors_sweep(v);
}

int main(void) {
    mix_vectors v;
    mix_test_env env;
    context t = {.v = &v};
    mix_vectors_open(&v, "sphinx", "sphinx.json");
    mix_test_env_init(&env, 1);
    if (mix_crypto_new(&t.c) != MIX_OK || mix_sphinx_new(&t.s, t.c, &env.env) != MIX_OK)
        return 2;
    size_t i, max;
    yyjson_val *o;
    check_primitives(&t);
    check_addresses(&t, mix_vec(&v, v.root, "addresses"));
    yyjson_arr_foreach(mix_vec(&v, v.root, "packets"), i, max, o)
        check_packet(&t, o, mix_vec_str(&v, o, "name"));
    yyjson_arr_foreach(mix_vec(&v, v.root, "surbs"), i, max, o) check_surb(&t, o);
    check_single_seed(&t, mix_vec(&v, v.root, "single_seed_surb"));
    check_framing(&t, mix_vec(&v, v.root, "framing"));
    check_mix_packet(&t, mix_vec(&v, v.root, "mix_packet"));
    check_ack(&t, mix_vec(&v, v.root, "ack"));
    mix_sphinx_free(t.s);
    mix_crypto_free(t.c);
    mix_vectors_at(&v, "all");
    VCHECK(&v, v.passed >= CHECKS_LEAST); /* none was left out */
    return mix_vectors_close(&v);
}
