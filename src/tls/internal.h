/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef MIX_TLS_INTERNAL_H
#define MIX_TLS_INTERNAL_H

#include "tls/tls.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

struct mix_tls {
    const mix_env *env;
    X509_STORE *store;
};

typedef struct root {
    mix_bytes subject, serial, validity, key, constraints;
} root;

/* The next anchor of the table, from *at = 0 on; false at the end. */
bool mix_tls_root_next(size_t *at, root *out);
/* A certificate that stands for an anchor: with its name, number, dates and key, as a CA, without a
 * signature. NULL: no memory. */
X509 *mix_tls_root_certificate(const root *r);
/* Makes a store find the anchors when they are asked for; they become certificates one by one.
 * MIX_ERR_MEMORY. */
int mix_tls_add_roots(X509_STORE *store);

#endif
