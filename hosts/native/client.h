/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel and its host on a libuv loop: connections, timers, storage; and the options that all
 * client commands share. */
#ifndef HOSTS_NATIVE_CLIENT_H
#define HOSTS_NATIVE_CLIENT_H

#include "args.h"
#include "base/buf.h"
#include "mix/tunnel.h"

#include <uv.h>

typedef struct client_options {
    const char *network, *directory, *gateway, *exit, *storage, *cacert, *doh;
    arg_list dns;
    mix_time dns_timeout;
    bool no_pacing, no_cover, no_copies, verbose, very_verbose;
    /* A command's own, where it has options for them; 0 and NULL: as mix_tunnel_config has it. */
    mix_time setup_timeout, stream_timeout;
    const char *user_agent;
} client_options;

/* Rows of a command's table of options; o is a client_options *. */
#define CLIENT_OPTIONS(o)                                                                          \
    {"--network", ARG_TEXT, &(o)->network, "DIR", "use the local mixnet of this state folder"},    \
        {"--directory", ARG_TEXT, &(o)->directory, "URL",                                          \
         "use this directory (https://validator.nymtech.net/api/)"},                               \
        {"--gateway", ARG_TEXT, &(o)->gateway, "ID", "use only this entry gateway"},               \
        {"--exit", ARG_TEXT, &(o)->exit, "ADDRESS",                                                \
         "use only this exit (identity.encryption@gateway)"},                                      \
        {"--no-pacing", ARG_FLAG, &(o)->no_pacing, NULL,                                           \
         "send packets at once: faster, and seen from outside"},                                   \
        {"--no-cover", ARG_FLAG, &(o)->no_cover, NULL, "send no loop cover traffic"},              \
        {"--no-copies", ARG_FLAG, &(o)->no_copies, NULL,                                           \
         "send no packet twice in place of cover"},                                                \
        {"--storage", ARG_TEXT, &(o)->storage, "DIR",                                              \
         "keep keys, registration and the list of nodes there (else for one run)"},                \
        {"--cacert", ARG_TEXT, &(o)->cacert, "FILE", "trust these certificates too (PEM)"},        \
        {"--dns", ARG_LIST, &(o)->dns, "IP[:PORT]",                                                \
         "ask this name server, through the tunnel (8.8.8.8, 1.1.1.1); up to 4"},                  \
        {"--doh", ARG_TEXT, &(o)->doh, "URL", "ask for names there by HTTPS, through the tunnel"}, \
        {"--dns-timeout", ARG_TIME, &(o)->dns_timeout, "SECONDS", "of one lookup (10)"},           \
        {"-v", ARG_FLAG, &(o)->verbose, NULL, "tell on stderr what happens"},                      \
        {"-vv", ARG_FLAG, &(o)->very_verbose, NULL, "tell more"}

enum { /* exit statuses of client commands */
       CLIENT_EXIT_OK = 0,
       CLIENT_EXIT_OTHER = 1,
       CLIENT_EXIT_USAGE = 2,
       CLIENT_EXIT_STORAGE = 3,
       CLIENT_EXIT_DIRECTORY = 4,
       CLIENT_EXIT_GATEWAY = 5,
       CLIENT_EXIT_EXIT = 6,
       CLIENT_EXIT_CONNECT = 7,
       CLIENT_EXIT_DNS = 8,
       CLIENT_EXIT_TLS = 9,
       CLIENT_EXIT_HTTP = 10,
       CLIENT_EXIT_WEBSOCKET = 11,
       CLIENT_EXIT_TIMEOUT = 12,
       CLIENT_EXIT_SIGNAL = 130,
};
int client_exit_status(int code);     /* of one of mix/errors.h */
extern const char client_exit_help[]; /* the lines of a help about them */
/* One line on stderr, "lwmix COMMAND: [about: ]phrase: words", without control characters, whoever
 * wrote the words. The exit status. */
int client_complain(const char *command, const char *about, const mix_failure *why);
/* What a stranger wrote, for a terminal: a control character is a question mark. */
static inline char client_clean(char c) {
    return (unsigned char)c < ' ' || c == 127 ? '?' : c;
}

/* Appends the file that an option names: 0, or the exit status after a line on stderr. */
int client_read_file(const char *command, const char *option, const char *path, mix_buf *out);
/* The same for certificates (PEM): it must hold some by itself, whatever else is trusted. */
int client_read_roots(const char *command, const char *option, const char *path,
                      const mix_env *with, mix_buf *roots);

typedef struct client client;
typedef struct client_events {
    void *user;
    /* Every event of the tunnel but STORE. */
    void (*event)(void *user, const mix_tunnel_event *ev);
} client_events;

/* Makes the tunnel; nothing is begun yet. One line on stderr tells why not: then the exit status,
 * else 0. The loop is the caller's, and env's log level follows the options. */
int client_new(client **out, uv_loop_t *loop, const char *command, const client_options *options,
               const client_events *events);
/* Ends everything; returns when all is closed. Runs the loop: not from within its callbacks. */
void client_free(client *c); /* NULL is fine */
mix_tunnel *client_tunnel(client *c);
void client_wake(client *c); /* after calls on the tunnel from outside of its events */
/* While held no events are pulled, so that what comes stays within the tunnel's bounds. Nothing
 * else stops. */
void client_hold(client *c, bool held);

/* The usual beginning: starts, and runs the loop until READY (progress on a terminal's stderr) or
 * failure, which it tells in one line on stderr. The exit status. */
int client_up(client *c);
/* Runs the loop until *done. Else why not: 130 after a signal, or the tunnel failed, which it tells
 * in one line on stderr. */
int client_run(client *c, const bool *done);
const mix_failure *client_failure(const client *c); /* the tunnel's last; code MIX_OK: none */
/* The usual end: stops the tunnel and runs the loop until it is CLOSED. */
void client_down(client *c);

#endif
