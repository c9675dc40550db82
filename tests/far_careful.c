/* SPDX-License-Identifier: Apache-2.0 */
/* A sender as common servers have it, in place of far.c's plain one: slow start, selective
 * acknowledgements, loss told by three segments (RFC 6675 in short), CUBIC's window. */
#include "far_internal.h"

#include <math.h>

enum { FIRST_WINDOW = 10, REORDER = 3 };

static bool before(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) < 0;
}

void far_careful_begin(far_conn *c) {
    c->window = (uint32_t)FIRST_WINDOW * c->mss;
    c->threshold = UINT32_MAX;
}

/* A block of the peer's: kept sorted, without overlaps. */
static void take_block(far_conn *c, uint32_t from, uint32_t to) {
    if (!before(from, to) || before(from, c->acked) || before(c->highest_out, to))
        return;
    for (size_t i = 0; i < c->sacked_count; i++) {
        if (before(c->sacked[i].to, from) || before(to, c->sacked[i].from))
            continue;
        from = before(c->sacked[i].from, from) ? c->sacked[i].from : from;
        to = before(to, c->sacked[i].to) ? c->sacked[i].to : to;
        memmove(&c->sacked[i], &c->sacked[i + 1], (--c->sacked_count - i) * sizeof c->sacked[0]);
        i--;
    }
    if (c->sacked_count == FAR_SACKED)
        return;
    size_t at = 0;
    while (at < c->sacked_count && before(c->sacked[at].from, from))
        at++;
    memmove(&c->sacked[at + 1], &c->sacked[at], (c->sacked_count++ - at) * sizeof c->sacked[0]);
    c->sacked[at].from = from;
    c->sacked[at].to = to;
}

void far_careful_options(far_conn *c, mix_bytes options) {
    mix_reader r = {.in = options};
    while (r.in.len > 0 && !r.bad) {
        uint8_t kind = mix_read_u8(&r);
        if (kind == 0)
            return;
        if (kind == 1)
            continue;
        uint8_t len = mix_read_u8(&r);
        mix_reader value = {.in = mix_read_bytes(&r, len >= 2 ? len - 2u : 0)};
        while (kind == 5 && value.in.len >= 8) {
            uint32_t from = mix_read_u32(&value), to = mix_read_u32(&value);
            take_block(c, from, to);
        }
    }
}

/* The first hole at or behind a place that counts as lost; false: there is none. */
static bool hole(const far_conn *c, uint32_t at, uint32_t *from, uint32_t *to) {
    if (c->sacked_count == 0)
        return false;
    uint32_t lost_until = c->sacked[c->sacked_count - 1].to - (uint32_t)REORDER * c->mss;
    *from = before(at, c->acked) ? c->acked : at;
    for (size_t i = 0; i < c->sacked_count; i++) {
        *to = c->sacked[i].from;
        if (before(*from, *to))
            return before(*from, lost_until);
        if (before(*from, c->sacked[i].to))
            *from = c->sacked[i].to;
    }
    return false;
}

/* Bytes that are under way: neither acknowledged nor lost, and what was sent again. */
static uint32_t under_way(const far_conn *c) {
    uint32_t n = c->next_out - c->acked, at = c->acked, from, to;
    for (size_t i = 0; i < c->sacked_count; i++)
        n -= c->sacked[i].to - c->sacked[i].from;
    while (hole(c, at, &from, &to)) {
        if (!before(from, c->again_at))
            n -= to - from;
        else if (before(c->again_at, to))
            n -= to - c->again_at;
        at = to;
    }
    return n;
}

/* RFC 9438, without its friendliness to older senders. */
static void grow(far_conn *c, uint32_t bytes) {
    double w = (double)c->window / c->mss, t = (double)(c->far->now - c->cut) / 1e6;
    double target = 0.4 * pow(t - cbrt(c->most * 0.3 / 0.4), 3) + c->most;
    if (c->window < c->threshold)
        c->window += bytes;
    else if (target > w)
        c->window += (uint32_t)((target > 1.5 * w ? 0.5 * w : target - w) / w * bytes);
}

void far_careful_acked(far_conn *c, uint32_t bytes) {
    uint32_t from, to;
    while (c->sacked_count > 0 && !before(c->acked, c->sacked[0].from)) {
        if (before(c->acked, c->sacked[0].to)) {
            c->sacked[0].from = c->acked;
            break;
        }
        memmove(&c->sacked[0], &c->sacked[1], --c->sacked_count * sizeof c->sacked[0]);
    }
    if (before(c->again_at, c->acked))
        c->again_at = c->acked;
    if (c->recovering && !before(c->acked, c->recover_at))
        c->recovering = false;
    if (!c->recovering && hole(c, c->acked, &from, &to)) {
        c->recovering = true;
        c->recover_at = c->next_out;
        c->again_at = c->acked;
        uint32_t flight = c->next_out - c->acked;
        c->threshold = flight / 10 * 7 > 2u * c->mss ? flight / 10 * 7 : 2u * c->mss;
        c->most = (double)c->window / c->mss;
        c->cut = c->far->now;
        c->window = c->threshold;
    } else if (!c->recovering && bytes > 0) {
        grow(c, bytes);
    }
}

/* Nothing came for long: all again, slowly. */
void far_careful_timeout(far_conn *c) {
    c->threshold =
        (c->next_out - c->acked) / 2 > 2u * c->mss ? (c->next_out - c->acked) / 2 : 2u * c->mss;
    c->window = c->mss;
    c->recovering = false;
    c->sacked_count = 0;
    c->again_at = c->acked;
}

void far_careful_transmit(far_conn *c) {
    uint32_t from, to;
    while (c->state == FAR_UP && !c->dead && under_way(c) + c->mss <= c->window && c->recovering &&
           hole(c, c->again_at, &from, &to)) {
        uint32_t n = to - from < c->mss ? to - from : c->mss;
        if (from - c->acked + n > c->out.len)
            n = from - c->acked < c->out.len ? (uint32_t)c->out.len - (from - c->acked) : 0;
        if (n == 0)
            break;
        far_send_data(c, from, n);
        c->far->stats.sent_again++;
        c->again_at = from + n;
    }
}

uint32_t far_careful_room(const far_conn *c) {
    uint32_t n = under_way(c);
    return n < c->window ? c->window - n : 0;
}
