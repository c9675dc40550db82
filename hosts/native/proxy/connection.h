/* SPDX-License-Identifier: Apache-2.0 */
/* One client of the proxy, and its stream through the tunnel. Whatever happens — bytes came, bytes
 * went, the tunnel has news — ends in connection_turn(), which takes steps until none moves. What
 * the next step is, is the connection's state. */
#ifndef HOSTS_NATIVE_PROXY_CONNECTION_H
#define HOSTS_NATIVE_PROXY_CONNECTION_H

#include "base/address.h"
#include "base/buf.h"
#include "client.h"
#include "mix/socket.h"
#include "proxy/socks_wire.h"

enum {
    PROXY_CONNECTIONS = 192,    /* clients at a time; the tunnel has 240 sockets */
    PROXY_BUFFER = 64 << 10,    /* bytes of a client that wait, before no more are read */
    PROXY_HANDSHAKE_MS = 30000, /* for a client to say what it wants */
    PROXY_KEPT_MS = 30000,      /* for another request on the same connection */
    PROXY_HALF_MS = 300000,     /* for a connection of which one half is closed to move */
    PROXY_LINGER_MS = 5000,     /* for a client to read a refusal */
    PROXY_CREDENTIALS = 512,
};

typedef struct connection connection;

typedef struct proxy {
    client *client;
    uv_loop_t *loop;
    uv_tcp_t server;
    bool listens, ready, waits; /* waits: a client is not accepted yet */
    connection *first;
    size_t count;
    bool asks_password;
    uint8_t credentials[PROXY_CREDENTIALS]; /* credentials_pack */
    bool verbose;
    int failure; /* of the tunnel */
    uint8_t buffer[PROXY_BUFFER];
} proxy;

struct connection {
    proxy *proxy;
    connection *next, *previous;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    unsigned handles;            /* not closed yet */
    bool (*step)(connection *c); /* true: moved, take another. NULL: it is over */
    bool turning;

    mix_buf in; /* from the client, not used yet */
    bool reading, client_ended;
    mix_buf out, sending; /* for the client; sending: libuv has it */
    bool writing, shut;   /* shut: its connection_shut has gone out */

    uint32_t socket; /* in the tunnel */
    bool has_socket, connected, failed;
    mix_failure failure;
    char host[256];
    uint16_t port;
    bool kept;               /* http.c: has been served, and waits for another request */
    bool up_done, down_done; /* relay.c: the end has been passed on */

    struct exchange *exchange;       /* http.c */
    struct association *association; /* associate.c */
};

void connection_turn(connection *c);
/* Ends it at once; reset: so that the client, and the other end, see that something is missing. */
void connection_end(connection *c, bool reset);
void connection_release(connection *c);               /* one of its handles is closed */
void connection_deadline(connection *c, uint64_t ms); /* ends it then; 0: never */
/* Ends it when all of out is sent and read. */
void connection_finish(connection *c);
bool connection_is_sent(const connection *c); /* nothing of out waits */
void connection_shut(connection *c);          /* tells the client that no more comes; then shut */

/* Connects through the tunnel; connected or failed follows, maybe at once. */
void connection_open(connection *c, const char *host, uint16_t port);
void connection_hang_up(connection *c, bool reset);
const char *connection_target(const connection *c, char out[static 288]); /* "host:port" */
void connection_note(const connection *c, const char *what);              /* with -v */

/* First steps. */
bool socks_step(connection *c);
bool http_step(connection *c);
/* From now on bytes pass both ways until both have ended. */
void relay_begin(connection *c);
/* Takes a client's UDP datagrams as long as the connection lasts. False: it cannot. */
bool associate_begin(connection *c, const socks_target *from, mix_address *bound);
bool associate_event(connection *c, const mix_tunnel_event *ev); /* false: not for it */
void associate_close(connection *c);
void associate_free(connection *c);
void http_free(connection *c);

/* What a failure is in SOCKS and in HTTP. */
socks_reply failure_reply(int code);
int failure_status(int code);

void credentials_pack(uint8_t out[static PROXY_CREDENTIALS], mix_bytes user, mix_bytes password);
bool credentials_match(const proxy *p, mix_bytes user, mix_bytes password);

/* Listens at once; clients are accepted once ready is set and proxy_accept called. 0 or libuv's. */
int proxy_listen(proxy *p, const mix_address *at, mix_address *bound);
void proxy_accept(proxy *p);
void proxy_close(proxy *p); /* the listener and all connections */
void proxy_event(void *user, const mix_tunnel_event *ev);

#endif
