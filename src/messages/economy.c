/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the exit's stock and what follows from it. */
#include "messages/economy.h"

#include <assert.h>
#include <string.h>

enum {
    LIST_HEADER = 23, /* of a Repliable message around list and data: type, sender tag, content tag,
                         list header (2-messages.md §3.1), and the padding's first byte (§4) */
    IN_ONE_PACKET =
        3, /* the most efficient refills of one and of three regular packets: 3 and 10 */
    IN_THREE = 10,
    NEARLY_NONE = 20, /* then a refill must not wait for its second packet */
    FLIGHT = 4,  /* spans: from writing SURBs to their arrival, at most, when nothing is lost */
    JITTER = 3,  /* spans: replies may be this much out of order */
    OF_LATE = 2, /* spans: what was used in them is used again before more can arrive */
};

void mix_economy_config_init(mix_economy_config *cfg) {
    *cfg = (mix_economy_config){.limit = 200,
                                .target = 180,
                                .low_least = 30,
                                .low_most = 90,
                                .asks_below = 60,
                                .first = 12,
                                .packet_bytes = 1604,
                                .surb_bytes = 460};
}

void mix_economy_init(mix_economy *e, const mix_economy_config *cfg, mix_time now) {
    assert(cfg->target <= cfg->limit && cfg->low_least <= cfg->low_most &&
           cfg->low_most <= cfg->target && cfg->packet_bytes > cfg->surb_bytes);
    *e = (mix_economy){.cfg = *cfg, .now = now};
}

void mix_economy_renew(mix_economy *e, mix_time now) {
    mix_economy_config cfg = e->cfg;
    mix_economy_init(e, &cfg, now);
}

static void advance(mix_economy *e, mix_time now) {
    if (now < e->now + MIX_ECONOMY_SPAN)
        return;
    mix_time spans = (now - e->now) / MIX_ECONOMY_SPAN;
    e->now += spans * MIX_ECONOMY_SPAN;
    size_t n = spans < MIX_ECONOMY_SPANS ? (size_t)spans : MIX_ECONOMY_SPANS,
           kept = MIX_ECONOMY_SPANS - n;
    memmove(e->sent + n, e->sent, kept * sizeof *e->sent);
    memmove(e->used + n, e->used, kept * sizeof *e->used);
    memset(e->sent, 0, n * sizeof *e->sent);
    memset(e->used, 0, n * sizeof *e->used);
}

static uint32_t room(const mix_economy *e) {
    return e->stock < e->cfg.target ? e->cfg.target - e->stock : 0;
}

uint32_t mix_economy_attach(const mix_economy *e, size_t data_len, uint32_t least) {
    size_t taken = LIST_HEADER + data_len + least * e->cfg.surb_bytes;
    size_t free = (e->cfg.packet_bytes - taken % e->cfg.packet_bytes) % e->cfg.packet_bytes;
    uint32_t fits = (uint32_t)(free / e->cfg.surb_bytes), wanted = room(e);
    wanted = wanted > least ? wanted - least : 0;
    return least + (fits < wanted ? fits : wanted);
}

static uint32_t used_of_late(const mix_economy *e) {
    uint32_t sum = 0;
    for (size_t span = 0; span < OF_LATE; span++)
        sum += e->used[span];
    return sum;
}

/* An upload uses a few for acknowledgements, a download as many as there are: slots are worth more
 * to the one as data, to the other as SURBs. */
static uint32_t low(const mix_economy *e) {
    uint32_t sum = e->cfg.low_least + used_of_late(e);
    return sum < e->cfg.low_most ? sum : e->cfg.low_most;
}

bool mix_economy_is_calm(mix_economy *e, mix_time now) {
    advance(e, now);
    return used_of_late(e) < IN_THREE;
}

uint32_t mix_economy_refill(mix_economy *e, bool idle, mix_time now) {
    advance(e, now);
    uint32_t wanted = room(e);
    bool starves = e->owed > e->cfg.asks_below; /* it asks again only with replies that wait */
    if (wanted < IN_ONE_PACKET || !(idle || starves || e->stock < low(e)))
        return 0;
    return wanted < IN_THREE || e->stock < NEARLY_NONE ? IN_ONE_PACKET : IN_THREE;
}

void mix_economy_sent(mix_economy *e, uint32_t count, bool additional, mix_time now) {
    advance(e, now);
    e->stock += count;
    e->sent[0] += count;
    if (additional)
        e->owed -= count < e->owed ? count : e->owed;
}

void mix_economy_used(mix_economy *e, uint32_t count, mix_time now) {
    advance(e, now);
    e->stock -= count < e->stock ? count : e->stock;
    e->used[0] += count;
}

/* The most that an exit can have now which had fewer than asks_below when it asked. When that was
 * is unknown: the request may have been lost and repeated. If it was `age` ago, then what was sent
 * since, or was under way then, has come on top, and what was used since is gone; the worst age
 * counts. */
static uint32_t most_after_request(const mix_economy *e) {
    int64_t sum = 0, worst = 0;
    for (size_t span = 0; span < FLIGHT; span++)
        sum += e->sent[span];
    for (size_t age = 0; age + FLIGHT < MIX_ECONOMY_SPANS; age++) {
        sum += e->sent[age + FLIGHT];
        sum -= age > JITTER ? e->used[age - JITTER - 1] : 0;
        worst = sum > worst ? sum : worst;
    }
    return e->cfg.asks_below + (uint32_t)worst;
}

void mix_economy_requested(mix_economy *e, uint32_t amount, mix_time now) {
    advance(e, now);
    uint32_t most = most_after_request(e), left = e->cfg.limit - e->owed;
    e->stock = e->stock < most ? e->stock : most;
    e->owed += amount < left ? amount : left;
}
