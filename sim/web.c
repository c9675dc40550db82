/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. The far side's clock leads: for it the whole world is the near side. */
#include "web.h"

#include "mix/errors.h"

static const uint8_t address[4] = {93, 184, 216, 34};

static mix_bytes source_of(mix_bytes packet) {
    return packet.data[0] >> 4 == 4 ? mix_bytes_slice(packet, 12, 4)
                                    : mix_bytes_slice(packet, 8, 16);
}

static mix_bytes destination_of(mix_bytes packet) {
    return packet.data[0] >> 4 == 4 ? mix_bytes_slice(packet, 16, 4)
                                    : mix_bytes_slice(packet, 24, 16);
}

static void remember(world_web *x, mix_bytes ip, world_member *exit) {
    size_t i = 0;
    while (i < WORLD_WEB_ADDRESSES &&
           !mix_bytes_equal(mix_bytes_of(x->clients[i].ip, x->clients[i].len), ip))
        i++;
    if (i == WORLD_WEB_ADDRESSES)
        i = x->next_client++ % WORLD_WEB_ADDRESSES;
    memcpy(x->clients[i].ip, ip.data, ip.len);
    x->clients[i].len = ip.len;
    x->clients[i].exit = exit;
}

static void to_internet(void *user, world *w, world_member *exit, mix_bytes packet) {
    world_web *x = user;
    (void)w;
    assert_true(x->count < WORLD_WEB_WAITING);
    mix_buf *b = &x->waiting[(x->first + x->count++) % WORLD_WEB_WAITING];
    mix_buf_truncate(b, 0);
    mix_buf_put_bytes(b, packet);
    remember(x, source_of(packet), exit);
}

static void near_feed(void *user, mix_bytes packet, mix_time now) {
    world_web *x = user;
    mix_bytes to = destination_of(packet);
    sim_run(&x->world->sim, now);
    for (size_t i = 0; i < WORLD_WEB_ADDRESSES; i++)
        if (mix_bytes_equal(mix_bytes_of(x->clients[i].ip, x->clients[i].len), to)) {
            world_from_internet(x->world, x->clients[i].exit, packet);
            world_turn(x->world);
            return;
        }
    x->lost++;
}

static bool near_drain(void *user, mix_buf *out, mix_time now) {
    world_web *x = user;
    (void)now;
    if (x->count == 0)
        return false;
    mix_buf_put_bytes(out, mix_buf_bytes(&x->waiting[x->first]));
    x->first = (x->first + 1) % WORLD_WEB_WAITING;
    x->count--;
    return true;
}

static mix_time near_deadline(void *user) {
    return sim_next(&((world_web *)user)->world->sim);
}

static void near_tick(void *user, mix_time now) {
    sim_run(&((world_web *)user)->world->sim, now);
}

static bool is_done(void *user) {
    const world_web *x = (const world_web *)((const uint8_t *)user - offsetof(world_web, web));
    return x->done && x->done(x->user);
}

void world_web_begin(world_web *x, world *w, const web_options *options) {
    const far_near near = {x, near_feed, near_drain, near_deadline, near_tick, NULL};
    web_options o = *options;
    *x = (world_web){.world = w};
    memcpy(o.address, address, sizeof address);
    assert_status(mix_tls_begin(&w->env.env), MIX_OK); /* before keys are made */
    web_serve(&x->web, &o, &near);
    identity_pem(&x->roots, &x->web.ca);
    w->internet = to_internet;
    w->user = x;
}

void world_web_end(world_web *x) {
    web_close_down(&x->web);
    x->world->internet = NULL;
    mix_buf_deinit(&x->roots);
    for (size_t i = 0; i < WORLD_WEB_WAITING; i++)
        mix_buf_deinit(&x->waiting[i]);
}

bool world_web_run(world_web *x, bool (*done)(void *user), void *user, mix_time until) {
    world *w = x->world;
    x->done = done;
    x->user = user;
    world_turn(w);
    bool held = far_run(x->web.far, done ? is_done : NULL, until);
    sim_run(&w->sim, far_now(x->web.far)); /* one time for both again */
    return held;
}
