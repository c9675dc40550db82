/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL is told to do: whom to trust and how strictly, which versions and keys, whose
 * randomness. http/ and websocket/ give libcurl's contexts to mix_tls_apply(). There is no way to
 * verify less.
 *
 * Policy: TLS 1.2 and 1.3; X25519MLKEM768 first, X25519 with it, so that no server needs a second
 * round trip; AEAD ciphers with forward secrecy alone; security level 2 (no SHA-1, no RSA below
 * 2048 bits); chains to Mozilla's roots or to those that were added; dates judged by the host's
 * wall clock. Session tickets are libcurl's to keep. */
#ifndef MIX_TLS_TLS_H
#define MIX_TLS_TLS_H

#include "base/bytes.h"
#include "base/error.h"
#include "mix/env.h"

/* OpenSSL's randomness comes from env from now on (borrowed until the next call). Before anything
 * draws from OpenSSL: the source cannot be changed later, but env can. A host whose randomness
 * fails makes OpenSSL's calls fail, there is no other source. MIX_ERR_TLS_RANDOM: too late, or the
 * source gives nothing. */
int mix_tls_begin(const mix_env *env);

typedef struct mix_tls mix_tls;
typedef struct mix_tls_config {
    mix_bytes extra_roots; /* PEM certificates to trust besides; copied */
    bool only_extra;       /* and no others: for networks of one's own */
} mix_tls_config;
/* MIX_ERR_TLS_ROOTS (extra roots are malformed, or none is there with only_extra), MIX_ERR_MEMORY.
 */
int mix_tls_new(mix_tls **out, const mix_tls_config *config, const mix_env *env);
void mix_tls_free(mix_tls *t); /* NULL is fine; contexts that it was applied to go on */

/* Sets the policy on an SSL_CTX (as CURLOPT_SSL_CTX_FUNCTION gives it), for connections to this host
 * name or IP number, in brackets or not. NULL: the caller judges the name, and it is to do so by
 * subjectAltName alone. */
int mix_tls_apply(mix_tls *t, void *ssl_ctx, const char *host);
/* As a handshake would judge it: PEM certificates, the server's own first, for a host name or an IP
 * number. MIX_OK, or MIX_ERR_TLS_CERTIFICATE with OpenSSL's X509_V_ERR_ number and words in e (may
 * be NULL); MIX_ERR_TLS_PEM. */
int mix_tls_verify_chain(mix_tls *t, mix_bytes pem, const char *host, mix_error *e);
/* One of ours for an X509_V_ERR_ number: _EXPIRED, _NAME, _UNTRUSTED or _CERTIFICATE; MIX_OK for 0.
 */
int mix_tls_verify_status(long x509_error);

#endif
