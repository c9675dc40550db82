/* SPDX-License-Identifier: Apache-2.0 */
/* A network, an internet behind it, and a tunnel whose requests a test makes. */
#ifndef MIX_TUNNEL_SCENE_TESTING_H
#define MIX_TUNNEL_SCENE_TESTING_H

#include "mix/errors.h"
#include "web_client.h"

extern struct scene {
    world net;
    world_web web;
    world_client client;
    web_client asks;
    mix_tunnel_config config; /* no pacing, no cover; to change before scene_open() */
    uint64_t seed;            /* of the tunnel's randomness */
} s;

void scene_begin_with(const world_config *c, const web_options *options);
void scene_begin(uint64_t seed); /* two mixes a layer, one gateway, one exit; 5 ms here and there */
void scene_open(void);           /* a tunnel; to its being ready, and the exit's stock full */
void scene_end(void);
void scene_wait(mix_time time);
bool scene_run(bool (*done)(void *user), void *user, mix_time at_most);
mix_time scene_round_trip(void); /* of a ping to the exit */
bool scene_is_ready(void *user);
bool scene_is_down(void *user); /* not ready, for whatever reason */
bool scene_is_over(void *user); /* closed or failed */

/* It has finished, with this status and so many bytes, all as they should be. */
void assert_went_well(const web_asked *a, int status, uint64_t size);
/* It has finished, with this failure. */
void assert_failed(const web_asked *a, int code);

#endif
