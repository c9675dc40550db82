/* SPDX-License-Identifier: Apache-2.0 */
/* The link between the side under test and the far hosts, and virtual time. */
#include "far_internal.h"

#include <math.h>
#include <stdlib.h>

/* Of tests/alloc_fail.c, where a test has it: allocations that fail are the near side's. */
__attribute__((weak)) void mix_alloc_fail_pause(int pause);

static void on_far_side(int far_side) {
    if (mix_alloc_fail_pause)
        mix_alloc_fail_pause(far_side);
}

uint64_t far_random(far *f) {
    return mix_test_random(&f->random);
}

far *far_new(const far_options *options, const far_near *near, const far_handlers *handlers,
             void *user) {
    far *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    mix_test_env_init(&f->random, options->seed);
    far_set_options(f, options);
    f->near = *near;
    f->handlers = *handlers;
    f->user = user;
    f->now = MIX_SECONDS(1);
    return f;
}

void far_set_options(far *f, const far_options *options) {
    f->options = *options;
    if (f->options.window == 0)
        f->options.window = 1 << 20;
}

void far_free(far *f) {
    if (!f)
        return;
    far_host_free(f);
    while (f->under_way) {
        far_packet *p = f->under_way;
        f->under_way = p->next;
        free(p);
    }
    free(f);
}

void far_listen(far *f, uint16_t port) {
    f->listens[port] = true;
}

void far_silence(far *f, uint16_t port) {
    f->silent[port] = true;
}

mix_time far_now(const far *f) {
    return f->now;
}

const far_stats *far_get_stats(const far *f) {
    return &f->stats;
}

void *far_user(const far_conn *c) {
    return c->user;
}

void far_set_user(far_conn *c, void *user) {
    c->user = user;
}

uint16_t far_port(const far_conn *c) {
    return c->local.port;
}

mix_address far_peer(const far_conn *c) {
    return c->remote;
}

uint64_t far_unacked(const far_conn *c) {
    return c->out.len;
}

void far_link_send(far *f, mix_bytes packet, bool to_far) {
    if (to_far)
        f->stats.to_far++;
    else
        f->stats.to_near++;
    if (f->options.loss > 0 && mix_test_unit(&f->random) < f->options.loss) {
        f->stats.lost++;
        return;
    }
    mix_time delay = f->options.delay + 1;
    if (f->options.jitter > 0)
        delay += (mix_time)(-log(1 - mix_test_unit(&f->random)) * (double)f->options.jitter);
    far_packet *p = malloc(sizeof *p + packet.len), **at = &f->under_way;
    if (!p)
        abort();
    *p = (far_packet){.at = f->now + delay, .to_far = to_far, .len = packet.len};
    if (packet.len > 0)
        memcpy(p->data, packet.data, packet.len);
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

void far_inject(far *f, mix_bytes packet) {
    far_link_send(f, packet, false);
}

static bool collect(far *f) {
    bool any = false;
    mix_buf out = {0};
    if (f->near.pump)
        f->near.pump(f->near.user, f->now);
    while (f->near.drain(f->near.user, &out, f->now)) {
        far_link_send(f, mix_buf_bytes(&out), true);
        mix_buf_truncate(&out, 0);
        any = true;
    }
    mix_buf_deinit(&out);
    return any;
}

static void deliver(far *f) {
    far_packet *p = f->under_way;
    f->under_way = p->next;
    if (p->to_far) {
        on_far_side(1);
        far_host_receive(f, mix_bytes_of(p->data, p->len));
        on_far_side(0);
    } else
        f->near.feed(f->near.user, mix_bytes_of(p->data, p->len), f->now);
    free(p);
}

bool far_run(far *f, bool (*done)(void *user), mix_time until) {
    collect(f);
    while (!done || !done(f->user)) {
        mix_time near_at = f->near.deadline(f->near.user), far_at = far_host_deadline(f),
                 at = near_at;
        if (far_at < at)
            at = far_at;
        if (f->under_way && f->under_way->at < at)
            at = f->under_way->at;
        if (at > until) {
            f->now = until;
            return false;
        }
        if (at > f->now)
            f->now = at;
        bool ticked = false;
        if (f->under_way && f->under_way->at <= f->now) {
            deliver(f);
        } else if (near_at <= f->now) {
            f->near.tick(f->near.user, f->now);
            f->stats.ticks++;
            ticked = true;
        } else {
            on_far_side(1);
            far_host_tick(f);
            on_far_side(0);
        }
        far_host_reap(f);
        if (!collect(f) && ticked)
            f->stats.idle_ticks++;
    }
    return true;
}
