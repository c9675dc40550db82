/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot, and servers with them, for tests of tls/ and of what lies above.
 */
#ifndef MIX_TLS_TESTING_H
#define MIX_TLS_TESTING_H

#include "base/buf.h"

#include <openssl/ssl.h>

typedef struct identity {
    X509 *certificate;
    EVP_PKEY *key;
} identity;

typedef struct identity_options {
    const char *name; /* common name */
    const char
        *names; /* subjectAltName as OpenSSL's configuration writes it: "DNS:a.test,IP:192.0.2.1" */
    const identity *issuer; /* NULL: self-signed */
    bool ca;
    const char *usage;   /* extendedKeyUsage, or NULL */
    int64_t from, until; /* seconds since 1970; 0: 2020 and 2040 */
    int rsa_bits;        /* 0: a P-256 key */
    bool sha1;
} identity_options;

identity identity_make(const identity_options *o);
void identity_free(identity *i);
void identity_pem(mix_buf *out, const identity *i); /* appends the certificate */
/* A server with the identity, the CA's certificate along; ALPN picks the first of `protocols` (wire
 * form) that the client offers. */
SSL_CTX *identity_server(const identity *i, const identity *issuer, const char *protocols);

#endif
