/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix verify: a certificate chain under the policy of the tunnel's TLS, without a tunnel. */
#include "client.h"
#include "commands.h"
#include "env.h"
#include "report.h"
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct verify {
    const char *chain, *name, *roots, *cacert, *at;
    bool json;
} verify;

static mix_env env; /* OpenSSL draws from it until the process ends */
static int64_t at;

static int64_t wall_time(void *user) {
    (void)user;
    return at;
}

/* "1700000000", "2025-01-31", "2025-01-31T12:00", "2025-01-31T12:00:00Z" (UTC); −1: none of these.
 */
static int64_t read_time(const char *text) {
    struct tm tm = {0}, normal;
    int end = 0, month = 0;
    if (text[0] && strlen(text) <= 11 && strspn(text, "0123456789") == strlen(text))
        return (int64_t)strtoll(text, NULL, 10) * 1000000;
    if (strspn(text, "0123456789-:TZ") != strlen(text) ||
        sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &month, &tm.tm_mday, &end) < 3)
        return -1;
    const char *clock = text + end;
    if (*clock == 'T') {
        if (sscanf(clock, "T%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &end) < 2)
            return -1;
        clock += end;
        if (*clock == ':' && sscanf(clock, ":%2d%n", &tm.tm_sec, &end) < 1)
            return -1;
        clock += *clock == ':' ? end : 0;
    }
    tm.tm_year -= 1900;
    tm.tm_mon = month - 1;
    normal = tm;
    time_t seconds = timegm(&normal);
    bool real = normal.tm_mday == tm.tm_mday && normal.tm_mon == tm.tm_mon &&
                normal.tm_hour == tm.tm_hour && normal.tm_min == tm.tm_min;
    return strcmp(clock + (*clock == 'Z'), "") == 0 && real && seconds >= 0
               ? (int64_t)seconds * 1000000
               : -1;
}

static int tell(const verify *v, const mix_error *e) {
    mix_failure why = {.code = e->code, .layer = e->layer, .number = e->number};
    snprintf(why.words, sizeof why.words, "%s", e->words);
    if (v->json) {
        yyjson_mut_doc *doc = report_new();
        yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
        (void)yyjson_mut_obj_add_bool(doc, root, "ok", why.code == MIX_OK);
        report_put(doc, root, "name", v->name);
        (void)yyjson_mut_obj_add_sint(doc, root, "at", at / 1000000);
        report_put_failure(doc, root, &why);
        return report_print(doc, "verify") ? client_exit_status(why.code) : CLIENT_EXIT_OTHER;
    }
    if (why.code != MIX_OK)
        return client_complain("verify", v->name, &why);
    printf("%s: the chain is good\n", v->name);
    return fflush(stdout) == 0 ? 0 : CLIENT_EXIT_OTHER;
}

static int run(const verify *v) {
    mix_buf roots = {0}, chain = {0};
    mix_tls *tls = NULL;
    mix_error e = {0};
    int exit_status = v->roots ? client_read_roots("verify", "--roots", v->roots, &env, &roots) : 0;
    if (exit_status == 0 && v->cacert)
        exit_status = client_read_roots("verify", "--cacert", v->cacert, &env, &roots);
    if (exit_status == 0)
        exit_status = client_read_file("verify", "--chain", v->chain, &chain);
    if (exit_status == 0) {
        mix_tls_config config = {.extra_roots = mix_buf_bytes(&roots),
                                 .only_extra = v->roots != NULL};
        int status = mix_tls_new(&tls, &config, &env);
        if (status == MIX_OK)
            status = mix_tls_verify_chain(tls, mix_buf_bytes(&chain), v->name, &e);
        if (status != MIX_OK && e.code == MIX_OK)
            mix_error_note(&e, status, "tls", 0, "%s", "");
        exit_status = tell(v, &e);
    }
    mix_tls_free(tls);
    mix_buf_deinit(&roots);
    mix_buf_deinit(&chain);
    return exit_status;
}

int command_verify(int argc, char **argv) {
    verify v = {0};
    bool wants_help = false;
    const arg_option options[] = {
        {"--chain", ARG_TEXT, &v.chain, "FILE", "the server's certificates, its own first (PEM)"},
        {"--name", ARG_TEXT, &v.name, "NAME", "the host name or IP number they must be for"},
        {"--roots", ARG_TEXT, &v.roots, "FILE",
         "trust these certificates in place of Mozilla's (PEM)"},
        {"--cacert", ARG_TEXT, &v.cacert, "FILE", "trust these certificates too (PEM)"},
        {"--at", ARG_TEXT, &v.at, "TIME",
         "judge as of 2025-01-31, 2025-01-31T12:00:00Z or seconds since 1970 (now)"},
        {"--json", ARG_FLAG, &v.json, NULL, "one line of JSON"},
        {0},
    };
    if (!args_read("verify", options, argc, argv, NULL, &wants_help))
        return CLIENT_EXIT_USAGE;
    if (wants_help) {
        printf("usage: lwmix verify --chain FILE --name NAME [OPTION …]\n\n"
               "Judges a certificate chain as a TLS handshake in the tunnel would, and says why it "
               "is refused.\n\n");
        args_help(stdout, options);
        printf("\nExit status: 0 the chain is good, 9 it is refused, 2 wrong options or a file "
               "that cannot be read.\n");
        return 0;
    }
    if (!v.chain || !v.name || !v.name[0]) {
        fprintf(stderr, "lwmix verify: %s is needed; try 'lwmix verify --help'\n",
                v.chain ? "--name" : "--chain");
        return CLIENT_EXIT_USAGE;
    }
    host_env_init(&env, stderr, MIX_LOG_NONE);
    at = v.at ? read_time(v.at) : env.wall_time(NULL);
    if (at < 0) {
        fprintf(stderr,
                "lwmix verify: --at takes a date like 2025-01-31 or 2025-01-31T12:00:00Z, or "
                "seconds since 1970, not '%s'\n",
                v.at);
        return CLIENT_EXIT_USAGE;
    }
    env.wall_time = wall_time;
    if (mix_tls_begin(&env) != MIX_OK) {
        fprintf(stderr, "lwmix verify: %s\n", mix_error_text(MIX_ERR_RANDOM));
        return CLIENT_EXIT_OTHER;
    }
    return run(&v);
}
