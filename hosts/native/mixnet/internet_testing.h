/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the exit's internet: a loop with servers on loopback, and clients whose packets are
 * written by hand, with checksums of their own. */
#ifndef HOSTS_NATIVE_MIXNET_INTERNET_TESTING_H
#define HOSTS_NATIVE_MIXNET_INTERNET_TESTING_H

#include "base/address.h"
#include "base/buf.h"
#include "internet.h"
#include "testing.h"

enum {
    TCP = 6,
    UDP = 17,
    FIN = 1,
    SYN = 2,
    RST = 4,
    PSH = 8,
    ACK = 16,
    GIVE_UP_MS = 10000,
    WINDOW = 60000
};

typedef struct client {
    mix_address at, to;
    uint32_t seq, ack, acked;
    bool open, ended, reset, deaf; /* deaf: acknowledges nothing */
    mix_buf got;
} client;

typedef struct world {
    uv_loop_t loop;
    uv_timer_t alarm;
    mix_test_env env;
    internet *net;
    uv_tcp_t tcp_server, connection;
    uv_udp_t udp_server;
    bool accepted, server_reads, net_closed;
    bool close_inside; /* the internet is closed while it gives a packet */
    uint16_t tcp_port, udp_port;
    client *clients[32];
    size_t count;
    mix_buf last; /* the last packet that no client took */
    size_t given;
    uint32_t fragments_len;
} world;

typedef struct seen {
    uint8_t protocol;
    mix_address from, to;
    mix_bytes t;
    uint16_t place; /* of fragments */
} seen;

/* A network namespace of our own, in which loopback has BEYOND4 and BEYOND6 too, and nothing else
 * is there. False: we may not. */
#define BEYOND4 "198.51.100.1"
#define BEYOND6 "2001:db8:5::1"
bool own_network(void);

/* The names web.example and two.example; 203.0.113.10 and 2001:db8::10 with the echo servers at
 * ports 80 (TCP) and 7 (UDP), and 81 that goes to a closed port. tun: over a TUN device. */
void start(world *w, bool tun);
void stop(world *w);                                 /* checks that everything closes */
void on_written(uv_write_t *r, int status);          /* frees r and its data */
void on_connection(uv_stream_t *server, int status); /* an echo server; data is the world */

/* Runs the loop; an alarm fails the test when it takes too long. */
#define run_until(w, condition)                                                                    \
    while (!(condition))                                                                           \
    uv_run(&(w)->loop, UV_RUN_ONCE)

mix_address addr(const char *text);
uint16_t checksum(mix_bytes a, mix_bytes b); /* of one, then the other */
/* A packet around a transport, whose checksum is filled in. */
mix_buf build(uint8_t protocol, const mix_address *from, const mix_address *to, uint8_t *t,
              size_t len);
void send_packet(world *w, mix_buf b); /* and frees it */
void send_udp(world *w, const char *from, const char *to, mix_bytes payload);
seen look(mix_bytes p); /* fails the test when anything in the packet is wrong */
void send_segment(world *w, client *c, uint8_t flags, mix_bytes data);
void connect_client(world *w, client *c, const char *at, const char *to);
/* Sends len bytes through an echo server and gets them back, then both sides end. */
void echo(world *w, client *c, size_t len);
/* Asks a DNS question; the answer, valid until the next packet. */
mix_bytes ask(world *w, const char *from, const char *server, const char *name, uint16_t type);

#endif
