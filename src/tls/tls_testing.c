/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. What fails here is a defect of the test: it stops. */
#include "tls/tls_testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool holds) {
    if (holds)
        return;
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    fprintf(stderr, "tls testing: %s\n", text);
    abort();
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    if (!value)
        return;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(e && X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

identity identity_make(const identity_options *o) {
    static long serial = 1;
    identity i = {.certificate = X509_new()};
    i.key = o->rsa_bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)o->rsa_bits)
                            : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    must(i.certificate && i.key);
    X509 *x = i.certificate, *issuer = o->issuer ? o->issuer->certificate : x;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(o->from ? o->from : 1577836800));
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(o->until ? o->until : 2208988800));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)o->name, -1, -1, 0);
    must(X509_set_pubkey(x, i.key) && X509_set_issuer_name(x, X509_get_subject_name(issuer)));
    extend(x, issuer, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(x, issuer, NID_subject_alt_name, o->names);
    extend(x, issuer, NID_ext_key_usage, o->usage);
    must(X509_sign(x, o->issuer ? o->issuer->key : i.key, o->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return i;
}

void identity_free(identity *i) {
    X509_free(i->certificate);
    EVP_PKEY_free(i->key);
    *i = (identity){0};
}

void identity_pem(mix_buf *out, const identity *i) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    must(bio && PEM_write_bio_X509(bio, i->certificate));
    long n = BIO_get_mem_data(bio, &data);
    mix_buf_put(out, data, (size_t)n);
    BIO_free(bio);
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *len,
                  const unsigned char *offered, unsigned int offered_len, void *protocols) {
    (void)ssl;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, len, protocols, (unsigned)strlen(protocols), offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *identity_server(const identity *i, const identity *issuer, const char *protocols) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    must(ctx && SSL_CTX_use_certificate(ctx, i->certificate) == 1 &&
         SSL_CTX_use_PrivateKey(ctx, i->key) == 1);
    if (issuer)
        must(SSL_CTX_add1_chain_cert(ctx, issuer->certificate) == 1);
    if (protocols)
        SSL_CTX_set_alpn_select_cb(ctx, choose, (void *)(uintptr_t)protocols);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
    return ctx;
}
