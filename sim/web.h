/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted internet behind a world's exits: the name servers and the HTTP/1.1, HTTP/2 and TLS
 * servers of http/web_testing.h, at 93.184.216.34. Names that end in ".test" are there, a.test and
 * b.test with certificates; ports 80 and 443 speak HTTP, 81 and 444 (TLS) are the test's own. */
#ifndef SIM_WEB_H
#define SIM_WEB_H

#include "http/web_testing.h"
#include "world.h"

enum { WORLD_WEB_WAITING = 8192, WORLD_WEB_ADDRESSES = 16 };

typedef struct world_web {
    world *world;
    web web;                            /* its tcpip, dns, tls and http are not there */
    mix_buf roots;                      /* the CA's certificate, as mix_tunnel_config.roots */
    mix_buf waiting[WORLD_WEB_WAITING]; /* from the exits, for the far side */
    size_t first, count;
    struct {
        uint8_t ip[16];
        size_t len;
        world_member *exit;
    } clients[WORLD_WEB_ADDRESSES]; /* whose packets came out of which exit */
    size_t next_client;
    uint64_t lost; /* packets from the internet for nobody */
    bool (*done)(void *user);
    void *user;
} world_web;

/* After world_init(); takes world->internet. options->link is the way between exits and servers. */
void world_web_begin(world_web *x, world *w, const web_options *options);
void world_web_end(world_web *x); /* after the world's clients, before world_deinit() */
/* In place of world_run(): runs world and internet until done(user), at most until this time. */
bool world_web_run(world_web *x, bool (*done)(void *user), void *user, mix_time until);

#endif
