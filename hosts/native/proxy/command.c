/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix proxy: brings a tunnel up and lets other programs use it by SOCKS5 and HTTP. */
#include "address.h"
#include "commands.h"
#include "proxy/connection.h"

#include "base/alloc.h"

#include <stdio.h>
#include <unistd.h>

typedef struct proxy_options {
    client_options client;
    const char *listen, *user, *password_file;
    bool allow_remote;
} proxy_options;

static int complain(int status, const char *what, const char *why) {
    fprintf(stderr, "lwmix proxy: %s%s%s\n", what, why[0] ? ": " : "", why);
    return status;
}

static bool may_be_name(const char *user) {
    size_t len = strlen(user);
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)user[i] < ' ' || user[i] == ':' || user[i] == 127)
            return false;
    return len > 0 && len < 256;
}

/* The file's first line. */
static int read_password(const char *path, mix_buf *out) {
    int status = client_read_file("proxy", "--password-file", path, out);
    if (status != 0)
        return status;
    const uint8_t *end = out->len > 0 ? memchr(out->data, '\n', out->len) : NULL;
    size_t len = end ? (size_t)(end - out->data) : out->len;
    if (len > 0 && out->data[len - 1] == '\r')
        len--;
    mix_buf_truncate(out, len);
    if (len == 0 || len > 255)
        return complain(CLIENT_EXIT_USAGE, "--password-file",
                        "its first line is the password, 1 to 255 bytes");
    return 0;
}

static int read_credentials(proxy *p, const proxy_options *o) {
    mix_buf password = {0};
    if (!o->user && !o->password_file)
        return 0;
    if (!o->user || !o->password_file)
        return complain(CLIENT_EXIT_USAGE, "--user and --password-file go together", "");
    if (!may_be_name(o->user))
        return complain(CLIENT_EXIT_USAGE, "--user", "a name of 1 to 255 bytes without a colon");
    int status = read_password(o->password_file, &password);
    if (status == 0)
        credentials_pack(p->credentials, mix_bytes_str(o->user), mix_buf_bytes(&password));
    p->asks_password = status == 0;
    mix_buf_deinit_wiped(&password);
    return status;
}

/* Before the tunnel is there, so that a wrong or taken address is told at once. */
static int listen_at(proxy *p, const proxy_options *o, mix_address *bound) {
    mix_address at;
    if (mix_address_parse(&at, o->listen) != MIX_OK)
        return complain(CLIENT_EXIT_USAGE,
                        "--listen takes IP:PORT, as 127.0.0.1:1080 or [::1]:1080, not", o->listen);
    if (!host_is_loopback(&at) && !o->allow_remote)
        return complain(CLIENT_EXIT_USAGE, o->listen,
                        "others could use your tunnel; --allow-remote permits it");
    if (!host_is_loopback(&at) && !p->asks_password)
        return complain(CLIENT_EXIT_USAGE, o->listen,
                        "with --allow-remote, --user and --password-file are needed");
    int error = proxy_listen(p, &at, bound);
    return error ? complain(CLIENT_EXIT_USAGE, o->listen, uv_strerror(error)) : 0;
}

static void tell_ready(const proxy *p, const mix_address *bound) {
    char text[MIX_ADDRESS_TEXT];
    mix_tunnel_stats s;
    mix_tunnel_get_stats(client_tunnel(p->client), &s);
    mix_address_format(text, bound);
    printf("{\"ready\":true,\"proxy\":\"%s\",\"gateway\":\"%s\",\"exit\":\"%s\",\"pid\":%ld}\n",
           text, s.gateway, s.exit, (long)getpid());
    fflush(stdout);
}

static int run(proxy *p, const proxy_options *o) {
    mix_address bound = {0};
    int status = listen_at(p, o, &bound);
    if (status == 0)
        status = client_up(p->client);
    if (status == CLIENT_EXIT_SIGNAL)
        status = 0; /* asked to end before it began */
    else if (status == 0) {
        p->ready = true;
        tell_ready(p, &bound);
        proxy_accept(p);
        uv_run(p->loop, UV_RUN_DEFAULT);
        if (p->failure)
            status = complain(client_exit_status(p->failure), "the tunnel has ended",
                              mix_error_text(p->failure));
    }
    proxy_close(p);
    if (p->ready && !p->failure)
        client_down(p->client);
    return status;
}

static void help(const arg_option *options) {
    printf("usage: lwmix proxy [OPTION …]\n\n"
           "Brings a tunnel up and lets other programs use it: SOCKS5 (names are looked up through "
           "the tunnel; TCP and\n"
           "UDP) and HTTP (CONNECT, and http:// requests) on one port. Ready, it prints one line "
           "of JSON. SIGTERM ends it.\n\n"
           "  curl --proxy socks5h://127.0.0.1:1080 https://example.com/\n"
           "  git -c http.proxy=socks5h://127.0.0.1:1080 clone https://…\n"
           "  chromium --proxy-server=socks5://127.0.0.1:1080\n\n");
    args_help(stdout, options);
    printf("\n%s", client_exit_help);
}

int command_proxy(int argc, char **argv) {
    proxy_options o = {.listen = "127.0.0.1:1080"};
    bool wants_help = false;
    const arg_option options[] = {
        {"--listen", ARG_TEXT, &o.listen, "IP:PORT",
         "take clients there (127.0.0.1:1080); port 0: a free one"},
        {"--user", ARG_TEXT, &o.user, "NAME", "clients have to give this name, and"},
        {"--password-file", ARG_TEXT, &o.password_file, "FILE",
         "the password in this file's first line"},
        {"--allow-remote", ARG_FLAG, &o.allow_remote, NULL,
         "an address that other machines reach is fine"},
        {"--connect-timeout", ARG_TIME, &o.client.stream_timeout, "SECONDS",
         "for a destination to be connected (30)"},
        CLIENT_OPTIONS(&o.client),
        {0},
    };
    if (!args_read("proxy", options, argc, argv, NULL, &wants_help))
        return CLIENT_EXIT_USAGE;
    if (wants_help) {
        help(options);
        return 0;
    }
    uv_loop_t loop;
    proxy *p = mix_alloc_zero(1, sizeof *p);
    if (!p)
        return complain(CLIENT_EXIT_OTHER, "out of memory", "");
    uv_loop_init(&loop);
    p->loop = &loop;
    p->verbose = o.client.verbose || o.client.very_verbose;
    int status = read_credentials(p, &o);
    client_events events = {p, proxy_event};
    if (status == 0)
        status = client_new(&p->client, &loop, "proxy", &o.client, &events);
    if (status == 0)
        status = run(p, &o);
    client_free(p->client);
    uv_run(&loop, UV_RUN_DEFAULT); /* what is still closing */
    uv_loop_close(&loop);
    mix_free_wiped(p, sizeof *p);
    return status;
}
