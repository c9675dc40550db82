/* SPDX-License-Identifier: Apache-2.0 */
/* Making and keeping of the two certificates. */
#include "mixnet/certificates.h"

#include "files.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { DAY = 86400, RENEW_DAYS = 30, CA_DAYS = 3650, SERVER_DAYS = 365 };

typedef struct pair {
    X509 *cert;
    EVP_PKEY *key;
} pair;

static void pair_free(pair *p) {
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
    *p = (pair){0};
}

static int wrong(mix_error *e, const char *what) {
    return mix_error_note(e, MIX_ERR_CERTIFICATE, "mixnet", 0, "%s", what);
}

/* --- files --- */

static BIO *read_bio(const char *folder, const char *name, mix_buf *content) {
    if (host_file_read(folder, name, content) != 0 || content->len == 0 || content->len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(content->data, (int)content->len);
}

/* False when one of both files is missing or not what it should be. */
static bool load(const char *folder, const char *cert, const char *key, pair *out) {
    mix_buf cert_text = {0}, key_text = {0};
    BIO *c = read_bio(folder, cert, &cert_text), *k = read_bio(folder, key, &key_text);
    *out = (pair){.cert = c ? PEM_read_bio_X509(c, NULL, NULL, NULL) : NULL,
                  .key = k ? PEM_read_bio_PrivateKey(k, NULL, NULL, NULL) : NULL};
    BIO_free(c);
    BIO_free(k);
    mix_buf_deinit(&cert_text);
    mix_buf_deinit_wiped(&key_text);
    if (out->cert && out->key && X509_check_private_key(out->cert, out->key) == 1)
        return true;
    pair_free(out);
    return false;
}

static int save_bio(const char *folder, const char *name, BIO *bio, mode_t mode, mix_error *e) {
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    int error =
        len > 0 ? host_file_write(folder, name, mix_bytes_of(data, (size_t)len), mode) : EINVAL;
    return error ? mix_error_note(e, MIX_ERR_STATE_FOLDER, "mixnet", error, "%s/%s: %s", folder,
                                  name, strerror(error))
                 : MIX_OK;
}

/* The certificate file holds the chain: the issuer's follows unless it signed itself. */
static int save(const char *folder, const char *cert, const char *key, const pair *p, X509 *issuer,
                mix_error *e) {
    BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_secmem());
    int status = MIX_ERR_CERTIFICATE;
    if (c && k && PEM_write_bio_X509(c, p->cert) && (!issuer || PEM_write_bio_X509(c, issuer)) &&
        PEM_write_bio_PKCS8PrivateKey(k, p->key, NULL, NULL, 0, NULL, NULL))
        status = save_bio(folder, key, k, 0600, e);
    else
        wrong(e, "a certificate cannot be written as PEM");
    if (status == MIX_OK)
        status = save_bio(folder, cert, c, 0644, e);
    BIO_free(c);
    BIO_free(k);
    return status;
}

/* --- making --- */

static bool extension(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = x && X509_add_ext(cert, x, -1);
    X509_EXTENSION_free(x);
    return ok;
}

static bool serial(X509 *cert) {
    uint8_t bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and of full length */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static bool frame(pair *p, const char *name, int days) {
    X509_NAME *subject;
    p->key = EVP_EC_gen("P-256");
    p->cert = X509_new();
    if (!p->key || !p->cert || !X509_set_version(p->cert, 2) || !serial(p->cert) ||
        !X509_set_pubkey(p->cert, p->key))
        return false;
    subject = X509_get_subject_name(p->cert);
    return X509_gmtime_adj(X509_getm_notBefore(p->cert), -DAY) &&
           X509_gmtime_adj(X509_getm_notAfter(p->cert), (long)days * DAY) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0);
}

static bool make_ca(pair *p) {
    *p = (pair){0};
    return frame(p, "lwmix local mixnet CA", CA_DAYS) &&
           X509_set_issuer_name(p->cert, X509_get_subject_name(p->cert)) &&
           extension(p->cert, p->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extension(p->cert, p->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           extension(p->cert, p->cert, NID_subject_key_identifier, "hash") &&
           X509_sign(p->cert, p->key, EVP_sha256()) > 0;
}

typedef struct names {
    const mix_address *ips;
    size_t count;
} names;

static size_t ip_length(const mix_address *ip) {
    return ip->family == 4 ? 4 : 16;
}

/* A certificate tells an address twice without harm. */
static void put_names(char *out, size_t cap, const names *n) {
    int at = snprintf(out, cap,
                      "DNS:validator.nymtech.net,DNS:*.nym.test,DNS:localhost,IP:127.0.0.1,IP:::1");
    for (size_t i = 0; i < n->count && i < CERTIFICATES_IPS; i++) {
        char ip[MIX_ADDRESS_TEXT];
        mix_ip_format(ip, &n->ips[i]);
        at += snprintf(out + at, cap - (size_t)at, ",IP:%s", ip);
    }
}

static bool has_names(X509 *cert, const names *n) {
    bool all = true;
    for (size_t i = 0; i < n->count && i < CERTIFICATES_IPS; i++)
        all = all && X509_check_ip(cert, n->ips[i].octets, ip_length(&n->ips[i]), 0) == 1;
    return all;
}

static bool make_server(pair *p, const pair *ca, const names *n) {
    char text[128 + CERTIFICATES_IPS * (MIX_ADDRESS_TEXT + 4)];
    put_names(text, sizeof text, n);
    *p = (pair){0};
    return frame(p, "lwmix local mixnet", SERVER_DAYS) &&
           X509_set_issuer_name(p->cert, X509_get_subject_name(ca->cert)) &&
           extension(p->cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           extension(p->cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
           extension(p->cert, ca->cert, NID_ext_key_usage, "serverAuth") &&
           extension(p->cert, ca->cert, NID_subject_key_identifier, "hash") &&
           extension(p->cert, ca->cert, NID_authority_key_identifier, "keyid") &&
           extension(p->cert, ca->cert, NID_subject_alt_name, text) &&
           X509_sign(p->cert, ca->key, EVP_sha256()) > 0;
}

static bool still_good(const pair *server, const pair *ca, const names *n) {
    time_t later = time(NULL) + (time_t)RENEW_DAYS * DAY;
    return X509_verify(server->cert, ca->key) == 1 && has_names(server->cert, n) &&
           X509_cmp_time(X509_get0_notAfter(server->cert), &later) > 0;
}

int certificates_open(const char *folder, const mix_address *ips, size_t count, mix_error *e) {
    names n = {ips, count};
    pair ca = {0}, server = {0};
    int status = MIX_OK;
    if (!load(folder, "ca.pem", "ca.key", &ca))
        status = make_ca(&ca) ? save(folder, "ca.pem", "ca.key", &ca, NULL, e)
                              : wrong(e, "a certificate authority cannot be made");
    if (status == MIX_OK &&
        (!load(folder, "server.pem", "server.key", &server) || !still_good(&server, &ca, &n))) {
        pair_free(&server);
        status = make_server(&server, &ca, &n)
                     ? save(folder, "server.pem", "server.key", &server, ca.cert, e)
                     : wrong(e, "a server certificate cannot be made");
    }
    pair_free(&ca);
    pair_free(&server);
    return status;
}
