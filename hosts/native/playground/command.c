/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix playground: the page that shows the tunnel at work, the mixnet that it uses, and a site
 * behind the exit. */
#include "commands.h"

#include "address.h"
#include "args.h"
#include "playground/local.h"
#include "playground/serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the exit takes for the site: a public address that leads to this machine. */
#define SITE_NAME "site.nym.test"
#define SITE_IP "93.184.216.34"

enum { SIGNALS = 3 };

typedef struct playground {
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    serve *serve;
    page page;
    local local;
    const char *folder; /* of the network */
    mix_address page_at, site_at, secure_at;
    mix_error error;
    int exit_status;
    bool ending, has_local, signals_open;
} playground;

static struct {
    const char *listen, *network, *page;
    arg_number mixes;
    bool verbose;
} given = {.listen = "127.0.0.1:8480", .mixes = {2, 1, 8}};

static int complain(playground *p, int exit_status) {
    fprintf(stderr, "lwmix playground: %s\n", p->error.words[0] ? p->error.words : "out of memory");
    return p->exit_status = exit_status;
}

/* --- the end --- */

static void end(playground *p) {
    if (p->ending)
        return;
    p->ending = true;
    local_stop(&p->local);
    uv_stop(&p->loop); /* libwebsockets wants to be taken down from outside the loop */
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    end(handle->data);
}

static void on_local_end(void *user, int64_t status, int number) {
    playground *p = user;
    if (p->ending)
        return;
    mix_error_note(&p->error, MIX_ERR_STATE, "playground", 0,
                   "the local mixnet has ended by itself, with %s %d", number ? "signal" : "status",
                   number ? number : (int)status);
    complain(p, 1);
    end(p);
}

/* --- when the network is there --- */

static void tell(playground *p) {
    char text[MIX_ADDRESS_TEXT];
    mix_address_format(text, &p->page_at);
    printf("{\"ready\":true,\"page\":\"http://%s/\",\"network\":\"%s\",%s\"pid\":%ld}\n", text,
           p->folder, p->has_local ? "\"site\":\"http://" SITE_NAME "/\"," : "", (long)getpid());
    fflush(stdout);
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\n  Open  http://%s/\n", text);
    if (p->has_local)
        fprintf(stderr, "  or    lwmix fetch --network %s http://" SITE_NAME "/\n", p->folder);
    fprintf(stderr, "  Ctrl-C ends it.\n\n");
}

static void on_network(void *user) {
    playground *p = user;
    char direct[MIX_ADDRESS_TEXT + 8] = "http://";
    mix_buf config = {0}, policy = {0};
    mix_address_format(direct + strlen(direct), &p->site_at);
    local_site none = {0}, site = {"http://" SITE_NAME, "https://" SITE_NAME,
                                   "ws://" SITE_NAME "/ws", "wss://" SITE_NAME "/ws", direct};
    int status =
        local_describe(p->folder, p->has_local ? &site : &none, &config, &policy, &p->error);
    if (status == MIX_OK)
        status = serve_configure(p->serve, (char *)config.data, (char *)policy.data);
    if (status == MIX_OK)
        status = serve_listen(p->serve, SERVE_PAGE, &p->page_at, NULL, &p->error);
    mix_buf_deinit(&config);
    mix_buf_deinit(&policy);
    if (status == MIX_OK) {
        tell(p);
        return;
    }
    complain(p, 2);
    end(p);
}

/* --- the beginning --- */

/* Beside the command as it is built, or as it is installed. */
static int load_page(playground *p) {
    static const char *const places[] = {"playground", "../playground",
                                         "../share/lwmix/playground"};
    char own[PATH_MAX], folder[PATH_MAX + 64];
    size_t len = sizeof own;
    if (given.page)
        return page_init(&p->page, given.page, &p->error);
    char *slash = uv_exepath(own, &len) == 0 ? strrchr(own, '/') : NULL;
    if (slash)
        *slash = 0;
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        mix_error_clear(&p->error);
        page_deinit(&p->page);
        snprintf(folder, sizeof folder, "%s/%s", own, places[i]);
        if (page_init(&p->page, folder, &p->error) == MIX_OK)
            return MIX_OK;
    }
    return mix_error_note(
        &p->error, MIX_ERR_STATE_FOLDER, "playground", 0,
        "the page is not there: 'make playground' builds it, --page DIR names it");
}

static int check(playground *p) {
    if (mix_address_parse(&p->page_at, given.listen) != MIX_OK)
        return mix_error_note(&p->error, MIX_ERR_ARGUMENT, "playground", 0,
                              "--listen takes IP:PORT, as 127.0.0.1:8480, not %.80s", given.listen);
    if (!host_is_loopback(&p->page_at))
        return mix_error_note(&p->error, MIX_ERR_ARGUMENT, "playground", 0,
                              "--listen %.60s: the page works on this machine alone (browsers "
                              "allow it much there, and the mixnet is there)",
                              given.listen);
    return load_page(p);
}

/* The mixnet of our own, and the site that its exit leads to. */
static int start_local(playground *p) {
    char http[80], https[80];
    p->site_at = p->secure_at = (mix_address){.family = 4, .octets = {127, 0, 0, 1}};
    int status = local_init(&p->local, &p->error);
    if (status == MIX_OK)
        status = serve_listen(p->serve, SERVE_SITE, &p->site_at, NULL, &p->error);
    if (status == MIX_OK)
        status = serve_listen(p->serve, SERVE_SITE_TLS, &p->secure_at, p->local.folder, &p->error);
    if (status != MIX_OK)
        return status;
    p->folder = p->local.folder;
    p->has_local = true;
    p->local.user = p;
    p->local.on_ready = on_network;
    p->local.on_end = on_local_end;
    snprintf(http, sizeof http, SITE_IP ":80=127.0.0.1:%u", p->site_at.port);
    snprintf(https, sizeof https, SITE_IP ":443=127.0.0.1:%u", p->secure_at.port);
    const char *const more[] = {
        "--resolve",   SITE_NAME "=" SITE_IP ",300", "--forward", http, "--forward", https,
        "--log-level", given.verbose ? "3" : "1",    NULL};
    return local_start(&p->local, &p->loop, given.mixes.value, more, &p->error);
}

static int start(playground *p) {
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    int status = serve_new(&p->serve, &p->loop, &p->page);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    }
    p->signals_open = true;
    if (status == MIX_OK && !given.network)
        return start_local(p);
    p->folder = given.network;
    if (status == MIX_OK)
        on_network(p);
    return status;
}

static void help(const arg_option *options) {
    printf("usage: lwmix playground [OPTION …]\n\n"
           "Serves a page that shows the tunnel at work in a browser, and runs a mixnet on this "
           "machine for it, with a site behind\n"
           "its exit. Ready, it prints one line of JSON. SIGTERM or Ctrl-C ends it.\n\n");
    args_help(stdout, options);
}

static void run(playground *p) {
    uv_loop_init(&p->loop);
    if (start(p) != MIX_OK) {
        complain(p, 2);
        end(p);
    }
    if (!p->ending)
        uv_run(&p->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; p->signals_open && i < SIGNALS; i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    serve_close(p->serve);
    uv_run(&p->loop, UV_RUN_DEFAULT); /* what is still closing, the mixnet too */
    uv_loop_close(&p->loop);
    serve_free(p->serve);
    local_deinit(&p->local);
}

int command_playground(int argc, char **argv) {
    static playground p;
    bool wants_help = false;
    const arg_option options[] = {
        {"--listen", ARG_TEXT, &given.listen, "IP:PORT",
         "serve the page there (127.0.0.1:8480); port 0: a free one"},
        {"--network", ARG_TEXT, &given.network, "DIR",
         "use the local mixnet of this state folder, which runs with --nameless"},
        {"--mixes", ARG_NUMBER, &given.mixes, "N",
         "mixes in each layer of the mixnet of its own (2)"},
        {"--page", ARG_TEXT, &given.page, "DIR",
         "the page's files (those that came with the command)"},
        {"-v", ARG_FLAG, &given.verbose, NULL, "the mixnet tells on stderr what happens"},
        {0},
    };
    if (!args_read("playground", options, argc, argv, NULL, &wants_help))
        return 2;
    if (wants_help) {
        help(options);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    if (check(&p) != MIX_OK)
        complain(&p, 2);
    else
        run(&p);
    page_deinit(&p.page);
    return p.exit_status;
}
