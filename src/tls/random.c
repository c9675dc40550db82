/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's generators are seeded by the host through mix_env: a built-in provider with one source
 * of entropy, on every target. */
#include "tls/tls.h"

#include "base/log.h"
#include "mix/errors.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

enum { MOST = 1 << 16, STRENGTH = 256 };

static const mix_env *source; /* OpenSSL's library context is one for the process, so this is too */

typedef struct generator {
    int state;
} generator;

static void *generator_new(void *provider, void *parent, const OSSL_DISPATCH *calls) {
    (void)provider, (void)parent, (void)calls;
    return OPENSSL_zalloc(sizeof(generator)); /* EVP_RAND_STATE_UNINITIALISED is 0 */
}

static void generator_free(void *g) {
    OPENSSL_free(g);
}

static int instantiate(void *g, unsigned int strength, int resistance,
                       const unsigned char *personal, size_t personal_len,
                       const OSSL_PARAM *params) {
    (void)strength, (void)resistance, (void)personal, (void)personal_len, (void)params;
    ((generator *)g)->state = source ? EVP_RAND_STATE_READY : EVP_RAND_STATE_ERROR;
    return source != NULL;
}

static int uninstantiate(void *g) {
    ((generator *)g)->state = EVP_RAND_STATE_UNINITIALISED;
    return 1;
}

static int generate(void *g, unsigned char *out, size_t len, unsigned int strength, int resistance,
                    const unsigned char *more, size_t more_len) {
    (void)g, (void)strength, (void)resistance, (void)more, (void)more_len;
    return source && mix_random(source, out, len) == MIX_OK;
}

static int reseed(void *g, int resistance, const unsigned char *entropy, size_t entropy_len,
                  const unsigned char *more, size_t more_len) {
    (void)g, (void)resistance, (void)entropy, (void)entropy_len, (void)more, (void)more_len;
    return 1;
}

static size_t get_seed(void *g, unsigned char **out, int entropy, size_t least, size_t most,
                       int resistance, const unsigned char *more, size_t more_len) {
    size_t len = (size_t)(entropy + 7) / 8;
    (void)resistance;
    if (len < least)
        len = least;
    if (len > most || (*out = OPENSSL_malloc(len)) == NULL)
        return 0;
    if (generate(g, *out, len, STRENGTH, 0, more, more_len))
        return len;
    OPENSSL_free(*out);
    *out = NULL;
    return 0;
}

static void clear_seed(void *g, unsigned char *seed, size_t len) {
    (void)g;
    OPENSSL_clear_free(seed, len);
}

static int lock(void *g) {
    (void)g;
    return 1;
}

static void unlock(void *g) {
    (void)g;
}

static int get_params(void *g, OSSL_PARAM params[]) {
    OSSL_PARAM *p;
    if ((p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE)) &&
        !OSSL_PARAM_set_int(p, ((generator *)g)->state))
        return 0;
    if ((p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH)) &&
        !OSSL_PARAM_set_uint(p, STRENGTH))
        return 0;
    return (p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST)) == NULL ||
           OSSL_PARAM_set_size_t(p, MOST);
}

static const OSSL_PARAM *gettable_params(void *g, void *provider) {
    static const OSSL_PARAM all[] = {OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
                                     OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
                                     OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
                                     OSSL_PARAM_END};
    (void)g, (void)provider;
    return all;
}

#define CALL(id, function) {id, (void (*)(void))function}
static const OSSL_DISPATCH generator_calls[] = {
    CALL(OSSL_FUNC_RAND_NEWCTX, generator_new),
    CALL(OSSL_FUNC_RAND_FREECTX, generator_free),
    CALL(OSSL_FUNC_RAND_INSTANTIATE, instantiate),
    CALL(OSSL_FUNC_RAND_UNINSTANTIATE, uninstantiate),
    CALL(OSSL_FUNC_RAND_GENERATE, generate),
    CALL(OSSL_FUNC_RAND_RESEED, reseed),
    CALL(OSSL_FUNC_RAND_GET_SEED, get_seed),
    CALL(OSSL_FUNC_RAND_CLEAR_SEED, clear_seed),
    CALL(OSSL_FUNC_RAND_ENABLE_LOCKING, lock),
    CALL(OSSL_FUNC_RAND_LOCK, lock),
    CALL(OSSL_FUNC_RAND_UNLOCK, unlock),
    CALL(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, gettable_params),
    CALL(OSSL_FUNC_RAND_GET_CTX_PARAMS, get_params),
    OSSL_DISPATCH_END};
static const OSSL_ALGORITHM generators[] = {
    {"MIX-HOST", "provider=mix", generator_calls, "the host's randomness"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache) {
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_RAND ? generators : NULL;
}

static const OSSL_DISPATCH provider_calls[] = {CALL(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                               OSSL_DISPATCH_END};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **context) {
    (void)handle, (void)in;
    static int unused;
    *out = provider_calls;
    *context = &unused;
    return 1;
}

static OSSL_PROVIDER *loaded[2];

static void unload(void) {
    for (int i = 0; i < 2; i++) {
        OSSL_PROVIDER_unload(loaded[i]);
        loaded[i] = NULL;
    }
}

static int install(void) {
    /* Loading a provider by name turns the automatic one off: it is loaded by name too. */
    bool done = OSSL_PROVIDER_add_builtin(NULL, "mix", provider_init) &&
                (loaded[0] = OSSL_PROVIDER_load(NULL, "mix")) != NULL &&
                (loaded[1] = OSSL_PROVIDER_load(NULL, "default")) != NULL &&
                OPENSSL_atexit(unload) &&
                RAND_set_seed_source_type(NULL, "MIX-HOST", "provider=mix");
    return done ? MIX_OK : MIX_ERR_TLS_RANDOM;
}

int mix_tls_begin(const mix_env *env) {
    static bool installed;
    source = env;
    int status = installed ? MIX_OK : install();
    installed |= status == MIX_OK;
    if (status == MIX_OK && RAND_status() != 1)
        status = MIX_ERR_TLS_RANDOM;
    ERR_clear_error();
    return status;
}
