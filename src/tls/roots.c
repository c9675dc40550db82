/* SPDX-License-Identifier: Apache-2.0 */
/* Trust anchors out of the table: a certificate is built when a chain asks for its subject, since
 * most are never needed. */
#include "tls/internal.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "mix/errors.h"
#include "tls/roots.h"

bool mix_tls_root_next(size_t *at, root *out) {
    mix_reader r = {.in = mix_bytes_of(mix_roots + *at, mix_roots_len - *at)};
    if (r.in.len == 0)
        return false;
    mix_bytes *fields[] = {&out->subject, &out->serial, &out->validity, &out->key,
                           &out->constraints};
    for (size_t i = 0; i < 5; i++)
        *fields[i] = mix_read_bytes(&r, mix_read_u16(&r));
    *at = mix_roots_len - r.in.len;
    return !r.bad;
}

/* DER with its length, around what `inner` holds. */
static void wrap(mix_buf *out, uint8_t tag, mix_bytes inner) {
    mix_buf_put_u8(out, tag);
    if (inner.len < 128) {
        mix_buf_put_u8(out, (uint8_t)inner.len);
    } else {
        mix_buf_put_u8(out, 0x82);
        mix_buf_put_u16(out, (uint16_t)inner.len);
    }
    mix_buf_put_bytes(out, inner);
}

/* The algorithm of a signature that is not there; OpenSSL takes a certificate for self-signed only
 * if its key could have made it. */
static mix_bytes signature_algorithm(mix_bytes key) {
    static const uint8_t rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}; /* rsaEncryption */
    static const uint8_t rsa_sha256[] = {0x30, 13,   6, 9, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 1, 1, 11,   5,    0};
    static const uint8_t ecdsa_sha256[] = {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
    for (size_t i = 0; i < 16 && i + sizeof rsa <= key.len; i++)
        if (memcmp(key.data + i, rsa, sizeof rsa) == 0)
            return MIX_BYTES(rsa_sha256);
    return MIX_BYTES(ecdsa_sha256);
}

X509 *mix_tls_root_certificate(const root *r) {
    static const uint8_t version[] = {0xa0, 3, 2, 1, 2};
    mix_bytes algorithm = signature_algorithm(r->key);
    static const uint8_t ca[] = {
        0x30, 15, 6, 3,    0x55, 0x1d, 0x13, 1,   1,
        0xff, 4,  5, 0x30, 3,    1,    1,    0xff}; /* basicConstraints, critical */
    static const uint8_t no_signature[] = {3, 1, 0};
    mix_buf extensions = {0}, sequence = {0}, tbs = {0}, body = {0}, der = {0};
    mix_buf_put(&extensions, ca, sizeof ca);
    mix_buf_put_bytes(&extensions, r->constraints);
    wrap(&sequence, 0x30, mix_buf_bytes(&extensions));
    mix_buf_put(&tbs, version, sizeof version);
    mix_buf_put_bytes(&tbs, r->serial);
    mix_buf_put_bytes(&tbs, algorithm);
    mix_buf_put_bytes(&tbs, r->subject); /* the issuer */
    mix_buf_put_bytes(&tbs, r->validity);
    mix_buf_put_bytes(&tbs, r->subject);
    mix_buf_put_bytes(&tbs, r->key);
    wrap(&tbs, 0xa3, mix_buf_bytes(&sequence));
    wrap(&body, 0x30, mix_buf_bytes(&tbs));
    mix_buf_put_bytes(&body, algorithm);
    mix_buf_put(&body, no_signature, sizeof no_signature);
    wrap(&der, 0x30, mix_buf_bytes(&body));
    X509 *x = NULL;
    if (mix_buf_status(&der) == MIX_OK && mix_buf_status(&body) == MIX_OK &&
        mix_buf_status(&tbs) == MIX_OK && mix_buf_status(&sequence) == MIX_OK &&
        mix_buf_status(&extensions) == MIX_OK) {
        const unsigned char *p = der.data;
        x = d2i_X509(NULL, &p, (long)der.len);
    }
    mix_buf_deinit(&extensions);
    mix_buf_deinit(&sequence);
    mix_buf_deinit(&tbs);
    mix_buf_deinit(&body);
    mix_buf_deinit(&der);
    return x;
}

static bool has_name(const root *r, const X509_NAME *name) {
    const unsigned char *p = r->subject.data;
    const unsigned char *der;
    size_t len;
    if (X509_NAME_get0_der(name, &der, &len) == 1 &&
        mix_bytes_equal(r->subject, mix_bytes_of(der, len)))
        return true;
    X509_NAME *own =
        d2i_X509_NAME(NULL, &p, (long)r->subject.len); /* the same in another encoding */
    bool same = own && X509_NAME_cmp(own, name) == 0;
    X509_NAME_free(own);
    return same;
}

/* All anchors of the name go into the store (there may be several with keys of their own); ret is
 * the first. */
static int by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                      X509_OBJECT *ret) {
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    root r;
    bool found = false;
    if (type != X509_LU_X509)
        return 0;
    for (size_t at = 0; mix_tls_root_next(&at, &r);) {
        X509 *x = has_name(&r, name) ? mix_tls_root_certificate(&r) : NULL;
        if (!x)
            continue;
        bool first =
            X509_STORE_add_cert(store, x) == 1 && !found && X509_OBJECT_set1_X509(ret, x) == 1;
        if (first)
            X509_free(x); /* ret only borrows what the store has: its caller takes a reference of
                             its own */
        found |= first;
        X509_free(x);
    }
    return found;
}

int mix_tls_add_roots(X509_STORE *store) {
    static X509_LOOKUP_METHOD *method; /* one for the process: stores keep a pointer to it */
    if (!method && (method = X509_LOOKUP_meth_new("anchors")) != NULL)
        X509_LOOKUP_meth_set_get_by_subject(method, by_subject);
    return method && X509_STORE_add_lookup(store, method) ? MIX_OK : MIX_ERR_MEMORY;
}
