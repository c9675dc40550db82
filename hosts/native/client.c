/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel's host: what it asks for is done once a turn of the loop. */
#include "client.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "dial.h"
#include "env.h"
#include "files.h"
#include "mixnet/network/network.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#define READY_FILE "ready.json"
enum { DNS_MOST = 4, DNS_TEXT = 64 };

struct client {
    const char *command;
    client_options options;
    client_events events;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_prepare_t turn;
    uv_signal_t signals[2];
    mix_tls *tls;
    dial *dial;
    mix_tunnel *tunnel;
    mix_tunnel_state state;
    mix_failure failure;
    bool interrupted, closing, held, shows_progress;
    bool plain; /* the local mixnet's gateways have no names, and so no TLS */
    mix_buf identity, stored_directory, roots; /* roots: PEM, to trust besides Mozilla's */
    char directory[512];
    char dns[DNS_MOST][DNS_TEXT];
};

/* OpenSSL draws from it until the process ends. */
static mix_env env;

/* ---- exit statuses ---- */

const char client_exit_help[] =
    "Exit status: 0 done, 1 other failures, 2 wrong options, 3 a local file, 4 directory, 5 "
    "gateway,\n"
    "6 exit, 7 connection, 8 name, 9 certificate or TLS, 10 HTTP, 11 WebSocket, 12 time is up,\n"
    "130 interrupted.\n";

static bool is_time_limit(int code) {
    static const int limits[] = {
        MIX_ERR_TUNNEL_TIMEOUT,        MIX_ERR_TCP_TIMEOUT,
        MIX_ERR_DNS_TIMEOUT,           MIX_ERR_HTTP_CONNECT_TIMEOUT,
        MIX_ERR_HTTP_RESPONSE_TIMEOUT, MIX_ERR_HTTP_IDLE,
        MIX_ERR_HTTP_TIMEOUT,          MIX_ERR_WEBSOCKET_OPEN_TIMEOUT,
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i] == code)
            return true;
    }
    return false;
}

int client_exit_status(int code) {
    static const struct {
        int from, until, status; /* numbers of errors.h, without their sign */
    } rows[] = {
        {540, 549, CLIENT_EXIT_STORAGE},   {500, 599, CLIENT_EXIT_GATEWAY},
        {600, 609, CLIENT_EXIT_DIRECTORY}, {610, 611, CLIENT_EXIT_GATEWAY},
        {612, 612, CLIENT_EXIT_EXIT},      {700, 799, CLIENT_EXIT_EXIT},
        {800, 899, CLIENT_EXIT_CONNECT},   {900, 999, CLIENT_EXIT_DNS},
        {1000, 1099, CLIENT_EXIT_TLS},     {1100, 1109, CLIENT_EXIT_USAGE},
        {1150, 1150, CLIENT_EXIT_USAGE},   {1200, 1203, CLIENT_EXIT_USAGE},
        {1100, 1199, CLIENT_EXIT_HTTP},    {1200, 1299, CLIENT_EXIT_WEBSOCKET},
    };
    if (code == MIX_OK)
        return CLIENT_EXIT_OK;
    if (is_time_limit(code))
        return CLIENT_EXIT_TIMEOUT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (-code >= rows[i].from && -code <= rows[i].until)
            return rows[i].status;
    }
    return CLIENT_EXIT_OTHER;
}

int client_complain(const char *command, const char *about, const mix_failure *why) {
    char line[1024];
    snprintf(line, sizeof line, "lwmix %s: %s%s%s%s%s", command, about ? about : "",
             about ? ": " : "", mix_error_text(why->code), why->words[0] ? ": " : "", why->words);
    for (char *p = line; *p; p++)
        *p = client_clean(*p);
    fprintf(stderr, "%s\n", line);
    return client_exit_status(why->code);
}

/* ---- the tunnel's wishes ---- */

static void obey_calls(client *c) {
    mix_tunnel_call call;
    while (mix_tunnel_drain_call(c->tunnel, &call, host_now()) == MIX_OK) {
        if (call.cancel)
            dial_cancel(c->dial, call.id);
        else
            dial_get(c->dial, call.id, call.url, call.accept);
    }
}

static void obey_link(client *c) {
    mix_tunnel_order order;
    while (!dial_busy(c->dial) && mix_tunnel_drain_link(c->tunnel, &order, host_now()) == MIX_OK) {
        if (order.act == MIX_TUNNEL_CONNECT)
            dial_connect(c->dial, order.link, (const char *)order.data);
        else if (order.act == MIX_TUNNEL_CLOSE)
            dial_hang_up(c->dial, order.link);
        else
            dial_send(c->dial, order.link, order.act == MIX_TUNNEL_SEND_BINARY,
                      mix_bytes_of(order.data, order.len));
    }
}

static void store(client *c, const mix_store_change *change) {
    if (!c->options.storage)
        return;
    int error = change->data ? host_file_write(c->options.storage, change->name,
                                               mix_bytes_of(change->data, change->len), 0600)
                             : host_file_remove(c->options.storage, change->name);
    if (error && error != ENOENT)
        mix_log(&env, MIX_LOG_WARN, "host", "%s/%s cannot be written: %s", c->options.storage,
                change->name, strerror(error));
}

static void show_progress(const client *c, const mix_tunnel_event *ev) {
    static const char *const words[] = {[MIX_TUNNEL_DIRECTORY] = "asking the directory",
                                        [MIX_TUNNEL_GATEWAY] = "connecting to a gateway",
                                        [MIX_TUNNEL_EXIT] = "connecting to an exit"};
    if (!c->shows_progress)
        return;
    fprintf(stderr, "\r\033[K");
    if (ev->state <= MIX_TUNNEL_EXIT && words[ev->state])
        fprintf(stderr, "lwmix: %s …", words[ev->state]);
    fflush(stderr);
}

/* Whether there were any. */
static bool take_events(client *c) {
    mix_tunnel_event ev;
    bool any = false;
    while (!c->held && mix_tunnel_next(c->tunnel, &ev, host_now()) == MIX_OK) {
        any = true;
        if (ev.kind == MIX_TUNNEL_EVENT_STORE) {
            store(c, &ev.store);
            continue;
        }
        if (ev.kind == MIX_TUNNEL_EVENT_STATE) {
            c->state = ev.state;
            c->failure = ev.failure;
            show_progress(c, &ev);
        }
        if (c->events.event)
            c->events.event(c->events.user, &ev);
    }
    return any;
}

static void on_timer(uv_timer_t *timer) {
    (void)timer; /* it only ends the wait */
}

/* Before the loop waits: everything that can be done now. */
static void on_turn(uv_prepare_t *handle) {
    client *c = handle->data;
    if (c->closing)
        return;
    if (mix_tunnel_deadline(c->tunnel) <= host_now())
        mix_tunnel_tick(c->tunnel, host_now());
    bool told = take_events(c);
    obey_calls(c);
    obey_link(c);
    told |= take_events(c);
    mix_time at = mix_tunnel_deadline(c->tunnel), wait = at - host_now();
    uv_update_time(c->loop);
    if (told)
        client_wake(c); /* whoever runs the loop may be done: it must not wait */
    else if (at == MIX_NEVER)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, wait <= 0 ? 0 : (uint64_t)((wait + 999) / 1000), 0);
}

void client_wake(client *c) {
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

void client_hold(client *c, bool held) {
    c->held = held;
    if (!held)
        client_wake(c);
}

/* ---- what comes ---- */

static void on_answer(void *user, const mix_tunnel_answer *answer) {
    client *c = user;
    if (mix_tunnel_feed_answer(c->tunnel, answer, host_now()) == MIX_ERR_LIMIT)
        client_wake(c); /* a cancellation waits */
}

static void on_opened(void *user, uint32_t link) {
    client *c = user;
    mix_tunnel_link_opened(c->tunnel, link, host_now());
}

static void on_message(void *user, uint32_t link, bool binary, mix_bytes message) {
    client *c = user;
    mix_tunnel_feed_link(c->tunnel, link, binary, message.data, message.len, host_now());
}

static void on_closed(void *user, uint32_t link, int number, const char *why) {
    client *c = user;
    mix_tunnel_link_closed(c->tunnel, link, number, why, host_now());
}

static void on_writable(void *user) {
    obey_link(user);
}

static void on_signal(uv_signal_t *handle, int number) {
    client *c = handle->data;
    (void)number;
    c->interrupted = true;
    uv_stop(c->loop);
}

/* ---- options ---- */

static int complain(const client *c, int status, const char *format, const char *a, const char *b) {
    fprintf(stderr, "lwmix %s: ", c->command);
    fprintf(stderr, format, a, b);
    fputc('\n', stderr);
    return status;
}

static void know_members(client *c, const mixnet_network *net) {
    char ip[MIX_ADDRESS_TEXT];
    for (size_t i = 0; i < net->count; i++) {
        if (net->members[i].hostname[0] == 0) {
            c->plain |= net->members[i].kind != MIXNET_MIX;
            continue;
        }
        mix_ip_format(ip, &net->members[i].address);
        dial_know(c->dial, net->members[i].hostname, ip);
    }
}

/* Names of a local mixnet's gateways, which no resolver knows. */
static int read_members(client *c) {
    mix_buf text = {0};
    mix_error e = {0};
    mixnet_network *net = calloc(1, sizeof *net);
    int error = net ? host_file_read(c->options.network, "network.json", &text) : ENOMEM,
        exit_status = 0;
    if (error)
        exit_status = complain(c, CLIENT_EXIT_USAGE, "--network: %s/network.json: %s",
                               c->options.network, strerror(error));
    else if (mixnet_network_read(net, mix_buf_bytes(&text), &e) != MIX_OK)
        exit_status = complain(c, CLIENT_EXIT_USAGE, "--network: %s/network.json: %s",
                               c->options.network, e.words);
    else
        know_members(c, net);
    mix_buf_deinit(&text);
    free(net);
    return exit_status;
}

/* Where the directory of a local mixnet listens. */
static int read_ready(client *c) {
    mix_buf text = {0};
    const char *folder = c->options.network, *url = NULL;
    int error = host_file_read(folder, READY_FILE, &text);
    if (error)
        return complain(c, CLIENT_EXIT_USAGE,
                        "--network: %s/" READY_FILE ": %s; does 'lwmix mixnet' run there?", folder,
                        strerror(error));
    yyjson_doc *doc = yyjson_read((char *)text.data, text.len, 0);
    url = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "directory"));
    if (url)
        snprintf(c->directory, sizeof c->directory, "%s", url);
    yyjson_doc_free(doc);
    mix_buf_deinit(&text);
    return url ? 0
               : complain(c, CLIENT_EXIT_USAGE, "--network: %s/" READY_FILE " names no directory%s",
                          folder, "");
}

int client_read_file(const char *command, const char *option, const char *path, mix_buf *out) {
    int error = host_path_read(path, out);
    if (!error)
        return 0;
    fprintf(stderr, "lwmix %s: %s %s: %s\n", command, option, path, strerror(error));
    return CLIENT_EXIT_USAGE;
}

int client_read_roots(const char *command, const char *option, const char *path,
                      const mix_env *with, mix_buf *roots) {
    mix_tls *alone = NULL;
    size_t mark = roots->len;
    int exit_status = client_read_file(command, option, path, roots);
    if (exit_status != 0)
        return exit_status;
    mix_tls_config config = {.extra_roots = mix_bytes_slice(mix_buf_bytes(roots), mark, roots->len),
                             .only_extra = true};
    int status = mix_tls_new(&alone, &config, with);
    mix_tls_free(alone);
    mix_buf_put_str(roots, "\n");
    if (status == MIX_OK)
        return 0;
    fprintf(stderr, "lwmix %s: %s %s: %s\n", command, option, path, mix_error_text(status));
    return CLIENT_EXIT_USAGE;
}

/* A local mixnet has an authority of its own: for its directory and gateways no other counts, and
 * sites may be of it too. */
static int make_tls(client *c) {
    mix_buf *roots = &c->roots;
    char ca[4096];
    int exit_status = 0;
    snprintf(ca, sizeof ca, "%s/ca.pem", c->options.network ? c->options.network : "");
    if (c->options.network) {
        exit_status = client_read_file(c->command, "--network", ca, roots);
        mix_buf_put_str(roots, "\n");
    }
    if (exit_status == 0 && c->options.cacert)
        exit_status = client_read_roots(c->command, "--cacert", c->options.cacert, &env, roots);
    mix_tls_config config = {.extra_roots = mix_buf_bytes(roots),
                             .only_extra = c->options.network != NULL};
    int status = exit_status ? MIX_OK : mix_tls_new(&c->tls, &config, &env);
    if (status != MIX_OK)
        exit_status = complain(c, CLIENT_EXIT_USAGE, "%s: %s", c->options.network ? ca : "roots",
                               mix_error_text(status));
    return exit_status;
}

/* "ip", "ip:port", "[ip]:port" into what the tunnel reads, which is the latter two. */
static int read_dns(client *c) {
    const arg_list *given = &c->options.dns;
    if (given->count > DNS_MOST)
        return complain(c, CLIENT_EXIT_USAGE,
                        "--dns is given too often: four name servers at most%s%s", "", "");
    for (size_t i = 0; i < given->count; i++) {
        mix_address a;
        if (mix_ip_parse(&a, mix_bytes_str(given->items[i])) == MIX_OK)
            a.port = 53;
        else if (mix_address_parse(&a, given->items[i]) != MIX_OK || a.port == 0)
            return complain(c, CLIENT_EXIT_USAGE,
                            "--dns takes a number like 9.9.9.9 or [2620:fe::fe]:53, not '%s'%s",
                            given->items[i], "");
        mix_address_format(c->dns[i], &a);
    }
    return 0;
}

static int read_storage(client *c) {
    const char *folder = c->options.storage;
    if (!folder)
        return 0;
    int error = host_folder_make(folder);
    if (!error)
        error = host_file_read(folder, MIX_STORE_IDENTITY, &c->identity);
    if (!error) /* it is of use only with the identity, and what is wrong with it costs only time */
        (void)host_file_read(folder, MIX_STORE_DIRECTORY, &c->stored_directory);
    if (error && error != ENOENT)
        return complain(c, CLIENT_EXIT_STORAGE, "--storage: %s: %s", folder, strerror(error));
    return 0;
}

static int make_tunnel(client *c) {
    const client_options *o = &c->options;
    const char *url = c->directory[0] ? c->directory : o->directory;
    const char *dns[DNS_MOST] = {c->dns[0], c->dns[1], c->dns[2], c->dns[3]};
    mix_failure why = {0};
    mix_tunnel_config config = {
        .directories = &url,
        .directory_count = url ? 1 : 0,
        .gateway = o->gateway,
        .exit = o->exit,
        .plain_gateway = c->plain,
        .pacing_off = o->no_pacing,
        .cover_off = o->no_cover,
        .copies_off = o->no_copies,
        .forget = o->storage == NULL,
        .identity = c->identity.len > 0 ? c->identity.data : NULL,
        .identity_len = c->identity.len,
        .stored_directory = c->stored_directory.len > 0 ? c->stored_directory.data : NULL,
        .stored_directory_len = c->stored_directory.len,
        .setup_timeout = o->setup_timeout,
        .stream_timeout = o->stream_timeout,
        .dns_servers = dns,
        .dns_server_count = o->dns.count,
        .doh_url = o->doh,
        .dns_timeout = o->dns_timeout,
        .user_agent = o->user_agent,
        .roots = c->roots.len > 0 ? (const char *)c->roots.data : NULL,
        .roots_len = c->roots.len,
    };
    int status = mix_tunnel_new(&c->tunnel, &config, &env, &why);
    mix_buf_deinit_wiped(&c->identity);
    mix_buf_deinit(&c->stored_directory);
    if (status == MIX_OK)
        return 0;
    (void)complain(c, 0, "%s%s", why.words, "");
    int exit_status = client_exit_status(status);
    return exit_status == CLIENT_EXIT_OTHER || exit_status == CLIENT_EXIT_GATEWAY
               ? CLIENT_EXIT_USAGE
               : exit_status;
}

/* ---- life ---- */

static void start_handles(client *c) {
    uv_timer_init(c->loop, &c->timer);
    uv_prepare_init(c->loop, &c->turn);
    c->turn.data = c;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(c->loop, &c->signals[i]);
        c->signals[i].data = c;
        uv_signal_start(&c->signals[i], on_signal, i ? SIGINT : SIGTERM);
    }
}

static int make_dial(client *c) {
    dial_events events = {c, on_answer, on_opened, on_message, on_closed, on_writable};
    int status = dial_new(&c->dial, c->loop, c->tls, &events);
    if (status != MIX_OK)
        return complain(c, CLIENT_EXIT_OTHER, "%s%s", mix_error_text(status), "");
    return c->options.network ? read_members(c) : 0;
}

int client_new(client **out, uv_loop_t *loop, const char *command, const client_options *options,
               const client_events *events) {
    client *c = mix_alloc_zero(1, sizeof *c);
    if (!c) {
        fprintf(stderr, "lwmix %s: out of memory\n", command);
        return CLIENT_EXIT_OTHER;
    }
    c->command = command;
    c->options = *options;
    c->events = *events;
    c->loop = loop;
    host_env_init(&env, stderr,
                  options->very_verbose ? MIX_LOG_DEBUG
                  : options->verbose    ? MIX_LOG_INFO
                                        : MIX_LOG_NONE);
    c->shows_progress = isatty(STDERR_FILENO) && env.log_level == MIX_LOG_NONE;
    signal(SIGPIPE, SIG_IGN);
    start_handles(c);
    int exit_status = 0;
    if (mix_tls_begin(&env) != MIX_OK)
        exit_status = complain(c, CLIENT_EXIT_OTHER, "%s%s", mix_error_text(MIX_ERR_RANDOM), "");
    if (exit_status == 0 && options->network && options->directory)
        exit_status = complain(c, CLIENT_EXIT_USAGE,
                               "--network and --directory exclude each other%s%s", "", "");
    if (exit_status == 0 && options->network)
        exit_status = read_ready(c);
    if (exit_status == 0)
        exit_status = make_tls(c);
    if (exit_status == 0)
        exit_status = read_dns(c);
    if (exit_status == 0)
        exit_status = read_storage(c);
    if (exit_status == 0)
        exit_status = make_dial(c);
    if (exit_status == 0)
        exit_status = make_tunnel(c);
    if (exit_status != 0) {
        client_free(c);
        return exit_status;
    }
    uv_prepare_start(&c->turn, on_turn);
    *out = c;
    return 0;
}

void client_free(client *c) {
    if (!c)
        return;
    c->closing = true;
    dial_close(c->dial);
    uv_close((uv_handle_t *)&c->timer, NULL);
    uv_close((uv_handle_t *)&c->turn, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&c->signals[i], NULL);
    uv_run(c->loop, UV_RUN_DEFAULT);
    dial_free(c->dial);
    mix_tunnel_free(c->tunnel);
    mix_tls_free(c->tls);
    mix_buf_deinit_wiped(&c->identity);
    mix_buf_deinit(&c->stored_directory);
    mix_buf_deinit(&c->roots);
    mix_free(c);
}

mix_tunnel *client_tunnel(client *c) {
    return c->tunnel;
}

int client_up(client *c) {
    int status = mix_tunnel_start(c->tunnel, host_now());
    if (status != MIX_OK)
        return complain(c, client_exit_status(status), "%s%s", mix_error_text(status), "");
    client_wake(c);
    while (!c->interrupted && c->state != MIX_TUNNEL_READY && c->state != MIX_TUNNEL_FAILED)
        uv_run(c->loop, UV_RUN_ONCE);
    if (c->interrupted)
        return CLIENT_EXIT_SIGNAL;
    if (c->state == MIX_TUNNEL_READY)
        return 0;
    return client_complain(c->command, NULL, &c->failure);
}

int client_run(client *c, const bool *done) {
    client_wake(c);
    while (!*done && !c->interrupted && c->state != MIX_TUNNEL_FAILED)
        uv_run(c->loop, UV_RUN_ONCE);
    if (*done)
        return 0;
    return c->interrupted ? CLIENT_EXIT_SIGNAL : client_complain(c->command, NULL, &c->failure);
}

const mix_failure *client_failure(const client *c) {
    return &c->failure;
}

void client_down(client *c) {
    c->held = false;
    mix_tunnel_stop(c->tunnel, host_now());
    client_wake(c);
    while (c->state != MIX_TUNNEL_CLOSED && c->state != MIX_TUNNEL_FAILED)
        uv_run(c->loop, UV_RUN_ONCE);
    uv_run(c->loop, UV_RUN_NOWAIT); /* the last words to the gateway */
    for (int i = 0; i < 3 && dial_busy(c->dial); i++)
        uv_run(c->loop, UV_RUN_ONCE);
}
