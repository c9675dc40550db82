/* SPDX-License-Identifier: Apache-2.0 */
/* tls/: what is trusted, what is refused and with which words, what a handshake agrees on, where
 * randomness comes from. */
#include "tls/tls.h"

#include "mix/errors.h"
#include "testing.h"
#include "tls/internal.h"
#include "tls/roots.h"
#include "tls/tls_testing.h"

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static mix_test_env env;
static identity root_ca, other_ca;
static mix_tls *trust;

static int setup(void **state) {
    mix_buf pem = {0};
    (void)state;
    mix_test_env_init(&env, 7);
    assert_status(mix_tls_begin(&env.env), MIX_OK);
    root_ca = identity_make(&(identity_options){.name = "Root", .ca = true});
    other_ca = identity_make(&(identity_options){.name = "Other", .ca = true});
    identity_pem(&pem, &root_ca);
    assert_status(
        mix_tls_new(&trust, &(mix_tls_config){.extra_roots = mix_buf_bytes(&pem)}, &env.env),
        MIX_OK);
    mix_buf_deinit(&pem);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mix_tls_free(trust);
    identity_free(&root_ca);
    identity_free(&other_ca);
    return 0;
}

/* Judges a server of these options behind an optional intermediate. */
static int judge(const identity_options *o, const identity *intermediate, const char *host,
                 mix_error *e) {
    mix_buf pem = {0};
    identity server = identity_make(o);
    identity_pem(&pem, &server);
    if (intermediate)
        identity_pem(&pem, intermediate);
    int status = mix_tls_verify_chain(trust, mix_buf_bytes(&pem), host, e);
    mix_buf_deinit(&pem);
    identity_free(&server);
    return status;
}

static void chains(void **state) {
    (void)state;
    identity middle =
        identity_make(&(identity_options){.name = "Middle", .issuer = &root_ca, .ca = true});
    identity no_ca = identity_make(&(identity_options){.name = "No CA", .issuer = &root_ca});
    const char *names = "DNS:a.test,DNS:*.b.test,IP:192.0.2.1,IP:2001:db8::1";
    const struct {
        identity_options o;
        const identity *intermediate;
        const char *host;
        int status;
    } rows[] = {
        {{.issuer = &root_ca, .names = names}, NULL, "a.test", MIX_OK},
        {{.issuer = &root_ca, .names = names}, NULL, "A.Test", MIX_OK},
        {{.issuer = &root_ca, .names = names}, NULL, "x.b.test", MIX_OK},
        {{.issuer = &root_ca, .names = names}, NULL, "192.0.2.1", MIX_OK},
        {{.issuer = &root_ca, .names = names}, NULL, "2001:db8::1", MIX_OK},
        {{.issuer = &middle, .names = names}, &middle, "a.test", MIX_OK},
        {{.issuer = &root_ca, .names = names, .usage = "serverAuth"}, NULL, "a.test", MIX_OK},
        {{.issuer = &root_ca, .names = names, .usage = "clientAuth"},
         NULL,
         "a.test",
         MIX_ERR_TLS_CERTIFICATE},
        {{.issuer = &middle, .names = names},
         NULL,
         "a.test",
         MIX_ERR_TLS_UNTRUSTED}, /* the link is missing */
        {{.issuer = &no_ca, .names = names}, &no_ca, "a.test", MIX_ERR_TLS_CERTIFICATE},
        {{.issuer = &other_ca, .names = names}, NULL, "a.test", MIX_ERR_TLS_UNTRUSTED},
        {{.issuer = &other_ca, .names = names}, &other_ca, "a.test", MIX_ERR_TLS_UNTRUSTED},
        {{.issuer = NULL, .names = names}, NULL, "a.test", MIX_ERR_TLS_UNTRUSTED},
        {{.issuer = &root_ca, .names = names}, NULL, "b.test", MIX_ERR_TLS_NAME},
        {{.issuer = &root_ca, .names = names}, NULL, "x.y.b.test", MIX_ERR_TLS_NAME},
        {{.issuer = &root_ca, .names = names}, NULL, "192.0.2.2", MIX_ERR_TLS_NAME},
        {{.issuer = &root_ca},
         NULL,
         "server",
         MIX_ERR_TLS_NAME}, /* the common name does not count */
        {{.issuer = &root_ca, .names = names, .until = 1700000000},
         NULL,
         "a.test",
         MIX_ERR_TLS_EXPIRED},
        {{.issuer = &root_ca, .names = names, .from = 2000000000},
         NULL,
         "a.test",
         MIX_ERR_TLS_EXPIRED},
        {{.issuer = &root_ca, .names = names, .rsa_bits = 2048}, NULL, "a.test", MIX_OK},
        {{.issuer = &root_ca, .names = names, .rsa_bits = 1024},
         NULL,
         "a.test",
         MIX_ERR_TLS_CERTIFICATE},
        {{.issuer = &root_ca, .names = names, .sha1 = true},
         NULL,
         "a.test",
         MIX_ERR_TLS_CERTIFICATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        identity_options o = rows[i].o;
        mix_error e = {0};
        o.name = "server";
        int status = judge(&o, rows[i].intermediate, rows[i].host, &e);
        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %s\n", i, e.words);
        assert_status(status, rows[i].status);
        assert_int_equal(e.code, status);
        assert_true(status == MIX_OK || (e.number != 0 && e.words[0] != 0));
    }
    identity_free(&middle);
    identity_free(&no_ca);
}

static void dates_are_judged_by_the_hosts_clock(void **state) {
    (void)state;
    identity_options o = {.name = "server",
                          .issuer = &root_ca,
                          .names = "DNS:a.test",
                          .from = 1700000000,
                          .until = 1800000000};
    int64_t wall = env.wall;
    env.wall = 1699999999000000;
    assert_status(judge(&o, NULL, "a.test", NULL), MIX_ERR_TLS_EXPIRED);
    env.wall = 1700000001000000;
    assert_status(judge(&o, NULL, "a.test", NULL), MIX_OK);
    env.wall = 1800000001000000;
    assert_status(judge(&o, NULL, "a.test", NULL), MIX_ERR_TLS_EXPIRED);
    env.wall = wall;
}

static void texts_that_are_no_certificates(void **state) {
    (void)state;
    mix_tls *t;
    mix_buf pem = {0};
    identity_pem(&pem, &root_ca);
    size_t len = pem.len;
    assert_status(mix_tls_verify_chain(trust, mix_bytes_str(""), "a.test", NULL), MIX_ERR_TLS_PEM);
    assert_status(mix_tls_verify_chain(trust, mix_bytes_str("hello"), "a.test", NULL),
                  MIX_ERR_TLS_PEM);
    assert_status(mix_tls_verify_chain(trust, mix_bytes_slice(mix_buf_bytes(&pem), 0, len - 10),
                                       "a.test", NULL),
                  MIX_ERR_TLS_PEM);
    pem.data[len / 2] = '!';
    assert_status(mix_tls_new(&t, &(mix_tls_config){.extra_roots = mix_buf_bytes(&pem)}, &env.env),
                  MIX_ERR_TLS_ROOTS);
    assert_null(t);
    assert_status(mix_tls_new(&t, &(mix_tls_config){.only_extra = true}, &env.env),
                  MIX_ERR_TLS_ROOTS);
    assert_int_equal(ERR_peek_error(), 0);
    mix_buf_deinit(&pem);
}

/* Each anchor of the table is found by its name, stands for a CA, and is accepted as the end of a
 * chain. */
static void all_anchors_are_whole(void **state) {
    (void)state;
    size_t count = 0;
    root r;
    mix_tls *t;
    int64_t wall = env.wall;
    env.wall = 1767225600000000; /* 2026-01-01 */
    assert_status(mix_tls_new(&t, &(mix_tls_config){0}, &env.env), MIX_OK);
    for (size_t at = 0; mix_tls_root_next(&at, &r); count++) {
        X509 *x = mix_tls_root_certificate(&r);
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        assert_non_null(x);
        assert_true(X509_check_ca(x) > 0);
        assert_non_null(X509_get0_pubkey(x));
        assert_int_equal(X509_STORE_CTX_init(ctx, t->store, x, NULL), 1);
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(env.wall / 1000000));
        if (X509_verify_cert(ctx) != 1) {
            fprintf(stderr, "anchor %zu: %s\n", count,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
            fail();
        }
        X509_STORE_CTX_free(ctx);
        X509_free(x);
    }
    assert_int_equal(count, mix_roots_count);
    assert_true(count > 100);
    mix_tls_free(t);
    env.wall = wall;
}

/* A server that chains to one of the table's names, but is not signed by its key. */
static void a_forged_issuer_is_found_out(void **state) {
    (void)state;
    size_t at = 0;
    root r;
    assert_true(mix_tls_root_next(&at, &r));
    X509 *anchor = mix_tls_root_certificate(&r);
    identity forged = {.certificate = anchor, .key = other_ca.key};
    assert_status(
        judge(&(identity_options){.name = "server", .names = "DNS:a.test", .issuer = &forged}, NULL,
              "a.test", NULL),
        MIX_ERR_TLS_CERTIFICATE);
    X509_free(anchor);
}

typedef struct ends {
    SSL *client, *server;
} ends;

static ends connect_ends(SSL_CTX *client, SSL_CTX *server) {
    BIO *a, *b;
    ends e = {SSL_new(client), SSL_new(server)};
    assert_int_equal(BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16), 1);
    SSL_set_bio(e.client, a, a);
    SSL_set_bio(e.server, b, b);
    SSL_set_connect_state(e.client);
    SSL_set_accept_state(e.server);
    return e;
}

/* Whether both ends are through, and in how many flights of the client. */
static bool shake(ends *e, int *flights) {
    for (*flights = 0; *flights < 10;) {
        int c = SSL_do_handshake(e->client);
        ++*flights;
        int s = SSL_do_handshake(e->server);
        if (c == 1 && s == 1)
            return true;
        if ((c != 1 && SSL_get_error(e->client, c) == SSL_ERROR_SSL) ||
            (s != 1 && SSL_get_error(e->server, s) == SSL_ERROR_SSL))
            return false;
    }
    return false;
}

static void free_ends(ends *e) {
    SSL_free(e->client);
    SSL_free(e->server);
    ERR_clear_error();
}

static void handshakes(void **state) {
    (void)state;
    identity server =
        identity_make(&(identity_options){.name = "s", .names = "DNS:a.test", .issuer = &root_ca});
    const struct {
        const char *groups;
        int version;
        const char *ciphers, *group;
        bool works;
        int flights;
    } rows[] = {
        {"X25519MLKEM768:X25519:P-256", TLS1_3_VERSION, NULL, "X25519MLKEM768", true, 2},
        {"X25519:P-256", TLS1_3_VERSION, NULL, "x25519", true, 2}, /* no second round trip */
        {"P-256", TLS1_3_VERSION, NULL, "secp256r1", true, 3},     /* a HelloRetryRequest */
        {"X25519", TLS1_2_VERSION, "ECDHE+AESGCM", "x25519", true, 3},
        {"X25519", TLS1_2_VERSION, "ECDHE+AES:!AESGCM:!AESCCM", NULL, false, 0}, /* CBC */
        {"P-521", TLS1_3_VERSION, NULL, NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SSL_CTX *c = SSL_CTX_new(TLS_client_method()), *s = identity_server(&server, NULL, NULL);
        int flights;
        assert_status(mix_tls_apply(trust, c, "a.test"), MIX_OK);
        SSL_CTX_set_max_proto_version(s, rows[i].version);
        assert_int_equal(SSL_CTX_set1_groups_list(s, rows[i].groups), 1);
        if (rows[i].ciphers)
            assert_int_equal(SSL_CTX_set_cipher_list(s, rows[i].ciphers), 1);
        ends e = connect_ends(c, s);
        assert_int_equal(shake(&e, &flights), rows[i].works);
        if (rows[i].works) {
            assert_int_equal(SSL_version(e.client), rows[i].version);
            assert_string_equal(SSL_get0_group_name(e.client), rows[i].group);
            assert_int_equal(flights, rows[i].flights);
            assert_int_equal(SSL_get_verify_result(e.client), X509_V_OK);
        }
        free_ends(&e);
        SSL_CTX_free(c);
        SSL_CTX_free(s);
    }
    identity_free(&server);
}

static void an_untrusted_server_ends_the_handshake(void **state) {
    (void)state;
    identity server =
        identity_make(&(identity_options){.name = "s", .names = "DNS:a.test", .issuer = &other_ca});
    SSL_CTX *c = SSL_CTX_new(TLS_client_method()), *s = identity_server(&server, &other_ca, NULL);
    int flights;
    assert_status(mix_tls_apply(trust, c, NULL), MIX_OK);
    ends e = connect_ends(c, s);
    assert_false(shake(&e, &flights));
    assert_status(mix_tls_verify_status(SSL_get_verify_result(e.client)), MIX_ERR_TLS_UNTRUSTED);
    free_ends(&e);
    SSL_CTX_free(c);
    SSL_CTX_free(s);
    identity_free(&server);
}

/* One handshake of a client for this host with a server of this identity: its verdict. */
static int handshake_status(const identity *server, const char *host) {
    SSL_CTX *c = SSL_CTX_new(TLS_client_method()), *s = identity_server(server, NULL, NULL);
    int flights;
    assert_status(mix_tls_apply(trust, c, host), MIX_OK);
    ends e = connect_ends(c, s);
    bool works = shake(&e, &flights);
    int status = mix_tls_verify_status(SSL_get_verify_result(e.client));
    assert_int_equal(works, status == MIX_OK);
    free_ends(&e);
    SSL_CTX_free(c);
    SSL_CTX_free(s);
    return status;
}

static void names_are_judged_in_the_handshake(void **state) {
    (void)state;
    identity named = identity_make(
        &(identity_options){.name = "s",
                            .names = "DNS:a.test,DNS:*.b.test,IP:192.0.2.1,IP:2001:db8::1",
                            .issuer = &root_ca});
    identity nameless = identity_make(&(identity_options){.name = "a.test", .issuer = &root_ca});
    const struct {
        const identity *server;
        const char *host;
        int status;
    } rows[] = {
        {&named, "a.test", MIX_OK},
        {&named, "A.TEST", MIX_OK},
        {&named, "a.test.", MIX_OK},
        {&named, "x.b.test", MIX_OK},
        {&named, "192.0.2.1", MIX_OK},
        {&named, "[2001:db8::1]", MIX_OK},
        {&named, "2001:db8::1", MIX_OK},
        {&named, "b.test", MIX_ERR_TLS_NAME},
        {&named, "[2001:db8::2]", MIX_ERR_TLS_NAME},
        {&named, "192.0.2.2", MIX_ERR_TLS_NAME},
        {&nameless, "a.test", MIX_ERR_TLS_NAME}, /* the common name does not count */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = handshake_status(rows[i].server, rows[i].host);
        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %s\n", i, rows[i].host);
        assert_status(status, rows[i].status);
    }
    identity_free(&named);
    identity_free(&nameless);
}

static int no_random(void *user, uint8_t *out, size_t len) {
    (void)user, (void)out, (void)len;
    return -1;
}

static void randomness_is_the_hosts(void **state) {
    (void)state;
    uint8_t a[32], b[32];
    mix_test_env first, second, dead;
    mix_test_env_init(&first, 1);
    mix_test_env_init(&second, 2);
    mix_test_env_init(&dead, 3);
    assert_status(mix_tls_begin(&first.env), MIX_OK);
    assert_int_equal(RAND_bytes(a, sizeof a), 1);
    uint64_t state_before = second.state[0];
    assert_status(mix_tls_begin(&second.env), MIX_OK);
    assert_int_equal(RAND_poll(), 1); /* seeds anew */
    assert_int_equal(RAND_bytes(b, sizeof b), 1);
    assert_true(second.state[0] != state_before);
    assert_memory_not_equal(a, b, sizeof a);
    dead.env.random = no_random;
    assert_status(mix_tls_begin(&dead.env), MIX_OK); /* seeded as it is */
    EVP_RAND *algorithm = EVP_RAND_fetch(NULL, "MIX-HOST", NULL),
             *drbg = EVP_RAND_fetch(NULL, "CTR-DRBG", NULL);
    EVP_RAND_CTX *seed = EVP_RAND_CTX_new(algorithm, NULL), *child = EVP_RAND_CTX_new(drbg, seed);
    const OSSL_PARAM cipher[] = {
        OSSL_PARAM_utf8_string("cipher", (char *)(uintptr_t)"AES-256-CTR", 11), OSSL_PARAM_END};
    assert_int_equal(EVP_RAND_instantiate(seed, 0, 0, NULL, 0, NULL), 1);
    assert_int_equal(EVP_RAND_generate(seed, a, sizeof a, 0, 0, NULL, 0),
                     0); /* nothing else steps in */
    assert_int_equal(EVP_RAND_instantiate(child, 256, 0, NULL, 0, cipher), 0);
    ERR_clear_error();
    assert_status(mix_tls_begin(&env.env), MIX_OK);
    assert_int_equal(EVP_RAND_generate(seed, a, sizeof a, 0, 0, NULL, 0), 1);
    EVP_RAND_CTX_free(child);
    EVP_RAND_CTX_free(seed);
    EVP_RAND_free(drbg);
    EVP_RAND_free(algorithm);
    assert_int_equal(RAND_bytes(a, sizeof a), 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(chains, setup, teardown),
    cmocka_unit_test_setup_teardown(dates_are_judged_by_the_hosts_clock, setup, teardown),
    cmocka_unit_test_setup_teardown(texts_that_are_no_certificates, setup, teardown),
    cmocka_unit_test_setup_teardown(all_anchors_are_whole, setup, teardown),
    cmocka_unit_test_setup_teardown(a_forged_issuer_is_found_out, setup, teardown),
    cmocka_unit_test_setup_teardown(handshakes, setup, teardown),
    cmocka_unit_test_setup_teardown(an_untrusted_server_ends_the_handshake, setup, teardown),
    cmocka_unit_test_setup_teardown(names_are_judged_in_the_handshake, setup, teardown),
    cmocka_unit_test_setup_teardown(randomness_is_the_hosts, setup, teardown),
};
MIX_TEST_MAIN(tls_test, tests)
