/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, set on contexts and applied to chains. */
#include "tls/internal.h"

#include "base/address.h"
#include "base/alloc.h"
#include "mix/errors.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* '*': a key share is sent along. Two of them, so that also a server without ML-KEM answers in one
 * round trip. */
static const char groups[] = "*X25519MLKEM768:*X25519:P-256:P-384";
#ifdef __wasm__ /* AES by tables is slow here, and no constant time is promised */
static const char suites13[] =
    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
static const char suites12[] = "ECDHE+CHACHA20:ECDHE+AESGCM";
#else
static const char suites13[] =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
static const char suites12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
#endif
enum { LEVEL = 2, DEPTH = 8 };

typedef STACK_OF(X509) chain;

/* The certificates of a PEM text, or NULL: none, or a malformed one. */
static chain *read_pem(mix_bytes pem) {
    BIO *bio = pem.len > 0 && pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    chain *out = bio ? sk_X509_new_null() : NULL;
    bool bad = out == NULL;
    X509 *x;
    while (!bad && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_push(out, x) <= 0) {
            X509_free(x);
            bad = true;
        }
    unsigned long end = ERR_peek_last_error();
    bad |= ERR_GET_LIB(end) != ERR_LIB_PEM ||
           ERR_GET_REASON(end) != PEM_R_NO_START_LINE; /* what the last one ended with */
    ERR_clear_error();
    BIO_free(bio);
    if (bad || sk_X509_num(out) == 0) {
        sk_X509_pop_free(out, X509_free);
        return NULL;
    }
    return out;
}

static int add_extra(X509_STORE *store, mix_bytes pem) {
    chain *extra = read_pem(pem);
    if (!extra)
        return MIX_ERR_TLS_ROOTS;
    bool added = true;
    for (int i = 0; i < sk_X509_num(extra); i++)
        added &= X509_STORE_add_cert(store, sk_X509_value(extra, i)) == 1;
    sk_X509_pop_free(extra, X509_free);
    return added ? MIX_OK : MIX_ERR_MEMORY;
}

int mix_tls_new(mix_tls **out, const mix_tls_config *config, const mix_env *env) {
    *out = NULL;
    mix_tls *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return MIX_ERR_MEMORY;
    t->env = env;
    t->store = X509_STORE_new();
    int status = t->store ? MIX_OK : MIX_ERR_MEMORY;
    if (status == MIX_OK && config->extra_roots.len > 0)
        status = add_extra(t->store, config->extra_roots);
    else if (status == MIX_OK && config->only_extra)
        status = MIX_ERR_TLS_ROOTS;
    if (status == MIX_OK && !config->only_extra)
        status = mix_tls_add_roots(t->store);
    ERR_clear_error();
    if (status != MIX_OK)
        mix_tls_free(t);
    else
        *out = t;
    return status;
}

void mix_tls_free(mix_tls *t) {
    if (!t)
        return;
    X509_STORE_free(t->store);
    mix_free(t);
}

/* For each judgement anew: how it is to be made, and at what time. */
static void set_params(const mix_tls *t, X509_VERIFY_PARAM *p) {
    X509_VERIFY_PARAM_set_time(p, (time_t)(t->env->wall_time(t->env->user) / 1000000));
    X509_VERIFY_PARAM_set_depth(p, DEPTH);
    X509_VERIFY_PARAM_set_auth_level(p, LEVEL);
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

/* As URLs write it: brackets around IPv6, maybe a dot at the end, which certificates do not have.
 */
static int set_host(X509_VERIFY_PARAM *p, const char *host) {
    mix_address number;
    mix_bytes name = mix_bytes_str(host);
    if (name.len > 2 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = mix_bytes_slice(name, 1, name.len - 2);
    if (name.len > 1 && name.data[name.len - 1] == '.')
        name.len--;
    if (mix_ip_parse(&number, name) == MIX_OK)
        return X509_VERIFY_PARAM_set1_ip(p, number.octets, number.family == 4 ? 4 : 16);
    return X509_VERIFY_PARAM_set1_host(p, (const char *)name.data, name.len);
}

int mix_tls_apply(mix_tls *t, void *ssl_ctx, const char *host) {
    SSL_CTX *ctx = ssl_ctx;
    SSL_CTX_set1_cert_store(ctx, t->store);
    SSL_CTX_set_security_level(ctx, LEVEL);
    set_params(t, SSL_CTX_get0_param(ctx));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    bool set =
        (!host || set_host(SSL_CTX_get0_param(ctx), host) == 1) &&
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, 0) == 1 && SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, suites13) == 1 && SSL_CTX_set_cipher_list(ctx, suites12) == 1;
    ERR_clear_error();
    return set ? MIX_OK : MIX_ERR_MEMORY;
}

int mix_tls_verify_status(long x509_error) {
    switch (x509_error) {
    case X509_V_OK:
        return MIX_OK;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return MIX_ERR_TLS_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return MIX_ERR_TLS_NAME;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return MIX_ERR_TLS_UNTRUSTED;
    default:
        return MIX_ERR_TLS_CERTIFICATE;
    }
}

int mix_tls_verify_chain(mix_tls *t, mix_bytes pem, const char *host, mix_error *e) {
    chain *given = read_pem(pem);
    if (!given)
        return mix_error_note(e, MIX_ERR_TLS_PEM, "tls", 0,
                              "no certificate in the text, or a malformed one");
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int status = MIX_ERR_MEMORY;
    if (ctx && X509_STORE_CTX_init(ctx, t->store, sk_X509_value(given, 0), given) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_server") == 1) {
        set_params(t, X509_STORE_CTX_get0_param(ctx));
        if (set_host(X509_STORE_CTX_get0_param(ctx), host) == 1) {
            (void)X509_verify_cert(ctx);
            int error = X509_STORE_CTX_get_error(ctx);
            status = mix_tls_verify_status(error);
            if (status != MIX_OK)
                mix_error_note(e, status, "tls", error, "%s, certificate %d of the chain",
                               X509_verify_cert_error_string(error),
                               X509_STORE_CTX_get_error_depth(ctx));
        }
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(given, X509_free);
    ERR_clear_error();
    return status;
}
