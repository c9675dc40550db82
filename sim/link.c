/* SPDX-License-Identifier: Apache-2.0 */
/* Delay, loss, order, duplication, rate. */
#include "link.h"

void sim_link_init(sim_link *l, sim *s, const sim_link_config *cfg, sim_action *deliver,
                   void *user) {
    *l = (sim_link){.sim = s, .cfg = *cfg, .deliver = deliver, .user = user};
}

size_t sim_link_backlog(const sim_link *l) {
    mix_time wait = l->free_at - l->sim->now;
    return wait > 0 ? (size_t)((uint64_t)wait * l->cfg.rate / 1000000) : 0;
}

/* The upper half of the event's number is the count of cuts when the packet was sent. */
static void arrive(void *user, uint64_t number, mix_bytes packet) {
    sim_link *l = user;
    if (number >> 32 == l->cuts && !l->cut)
        l->deliver(l->user, (uint32_t)number, packet);
    else if (l->returned)
        l->returned(l->returned_user, (uint32_t)number, packet);
    else
        l->lost++;
}

static void fly(sim_link *l, uint32_t number, mix_bytes packet) {
    mix_time from = l->cfg.rate > 0 ? l->free_at : l->sim->now;
    mix_time at = from + l->cfg.delay +
                  (l->cfg.jitter > 0 ? sim_exponential(&l->sim->chance, l->cfg.jitter) : 0);
    if (at < l->last && l->cfg.ordered)
        at = l->last;
    l->overtaken += at < l->last;
    l->last = at > l->last ? at : l->last;
    sim_at(l->sim, at, arrive, l, (uint64_t)l->cuts << 32 | number, packet);
}

void sim_link_send(sim_link *l, uint32_t number, mix_bytes packet) {
    l->sent++;
    bool full = l->cfg.queue > 0 && sim_link_backlog(l) + packet.len > l->cfg.queue;
    if (l->cut || full || sim_happens(&l->sim->chance, l->cfg.loss)) {
        l->lost++;
        return;
    }
    if (l->cfg.rate > 0) {
        l->free_at = l->free_at > l->sim->now ? l->free_at : l->sim->now;
        l->free_at += (mix_time)(packet.len * 1000000 / l->cfg.rate);
    }
    fly(l, number, packet);
    if (sim_happens(&l->sim->chance, l->cfg.duplicate)) {
        l->duplicated++;
        fly(l, number, packet);
    }
}

void sim_link_cut(sim_link *l) {
    l->cut = true;
    l->cuts++;
    l->free_at = l->last = l->sim->now;
}

void sim_link_mend(sim_link *l) {
    l->cut = false;
}
