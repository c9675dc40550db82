/* SPDX-License-Identifier: Apache-2.0 */
/* The dice, and the frames that wait. */
#include "mixnet/faults.h"

#include "base/alloc.h"
#include "base/timers.h"

#include <stdlib.h>
#include <string.h>

enum { SET_DELAY = 1 << FAULTS_SHARES };

typedef struct link_state {
    faults_rule rule;
    uint64_t dice;
    mix_time last; /* when its last frame in order comes out */
} link_state;

typedef struct held {
    mix_timer timer; /* first, so that a timer is its frame */
    size_t to, len;
    uint8_t data[];
} held;

struct faults {
    size_t nodes;
    uint64_t seed;
    link_state *links; /* nodes × nodes, by sender; NULL until the first rule */
    mix_timers waiting;
    size_t bytes;
    held *given;
    faults_stats stats;
};

const char *const faults_names[FAULTS_SHARES + 2] = {"loss",    "reorder", "duplicate",
                                                     "corrupt", "delay",   NULL};

/* --- rules --- */

static bool read_number(const char *text, char **end, double most, double *out) {
    *out = strtod(text, end);
    return *end != text && *out >= 0 && *out <= most; /* which NaN is not */
}

static int set_delay(faults_rule *rule, const char *value, mix_error *e) {
    double delay, jitter = 0;
    char *end;
    bool ok = read_number(value, &end, FAULTS_DELAY_MAX_MS, &delay);
    if (ok && *end == ',')
        ok = read_number(end + 1, &end, FAULTS_DELAY_MAX_MS, &jitter);
    if (!ok || *end)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "mixnet", 0,
                              "delay: '%.40s' is not MS or MS,JITTER with numbers from 0 to %d",
                              value, FAULTS_DELAY_MAX_MS);
    rule->delay = (mix_time)(delay * 1000);
    rule->jitter = (mix_time)(jitter * 1000);
    rule->set |= SET_DELAY;
    return MIX_OK;
}

int faults_set(faults_rule *rule, const char *name, const char *value, mix_error *e) {
    char *end;
    double share;
    if (strcmp(name, "delay") == 0)
        return set_delay(rule, value, e);
    for (size_t i = 0; i < FAULTS_SHARES; i++) {
        if (strcmp(name, faults_names[i]) != 0)
            continue;
        if (!read_number(value, &end, 1, &share) || *end)
            return mix_error_note(e, MIX_ERR_ARGUMENT, "mixnet", 0,
                                  "%s: '%.40s' is not a share from 0 to 1", name, value);
        rule->share[i] = share;
        rule->set |= 1U << i;
        return MIX_OK;
    }
    return mix_error_note(e, MIX_ERR_ARGUMENT, "mixnet", 0, "there is no fault '%.40s'", name);
}

static void merge(faults_rule *into, const faults_rule *rule) {
    for (size_t i = 0; i < FAULTS_SHARES; i++) {
        if (rule->set & 1U << i)
            into->share[i] = rule->share[i];
    }
    if (rule->set & SET_DELAY) {
        into->delay = rule->delay;
        into->jitter = rule->jitter;
    }
}

int faults_apply(faults *f, size_t from, size_t to, const faults_rule *rule) {
    size_t count = f->nodes * f->nodes;
    if (!f->links) {
        f->links = mix_alloc_zero(count, sizeof *f->links);
        for (size_t i = 0; f->links && i < count; i++)
            f->links[i].dice = f->seed + i * UINT64_C(0xd1342543de82ef95);
    }
    if (!f->links)
        return MIX_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if ((from == FAULTS_ANY || i / f->nodes == from) &&
            (to == FAULTS_ANY || i % f->nodes == to))
            merge(&f->links[i].rule, rule);
    }
    return MIX_OK;
}

void faults_clear(faults *f) {
    mix_free(f->links);
    f->links = NULL;
}

/* --- life --- */

int faults_new(faults **out, size_t nodes, uint64_t seed) {
    faults *f = mix_alloc_zero(1, sizeof *f);
    if (!f)
        return MIX_ERR_MEMORY;
    f->nodes = nodes;
    f->seed = seed;
    *out = f;
    return MIX_OK;
}

void faults_free(faults *f) {
    if (!f)
        return;
    for (mix_timer *t; (t = mix_timers_pop(&f->waiting, MIX_NEVER)) != NULL;)
        mix_free(t);
    mix_timers_deinit(&f->waiting);
    mix_free(f->given);
    mix_free(f->links);
    mix_free(f);
}

/* --- frames --- */

/* splitmix64 */
static uint64_t roll(link_state *l) {
    uint64_t z = l->dice += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double roll_unit(link_state *l) {
    return (double)(roll(l) >> 11) * 0x1p-53;
}

static int hold(faults *f, size_t to, mix_bytes frame, mix_time at, size_t flipped) {
    if (f->waiting.len >= FAULTS_WAITING_MAX || f->bytes + frame.len > FAULTS_BYTES_MAX) {
        f->stats.full++;
        return MIX_BLOCKED;
    }
    held *h = mix_alloc_zero(1, sizeof *h + frame.len);
    int status = h ? mix_timers_set(&f->waiting, &h->timer, at) : MIX_ERR_MEMORY;
    if (status != MIX_OK) {
        mix_free(h);
        f->stats.no_memory++;
        return status;
    }
    h->to = to;
    h->len = frame.len;
    memcpy(h->data, frame.data, frame.len);
    if (flipped / 8 < frame.len)
        h->data[flipped / 8] ^= (uint8_t)(1U << flipped % 8);
    f->bytes += frame.len;
    return MIX_OK;
}

/* Of each frame all dice are rolled, so that a rule that changes does not change the fates by the
 * other rules. */
int faults_feed(faults *f, size_t from, size_t to, mix_bytes frame, mix_time now) {
    link_state none = {0}, *l = f->links ? &f->links[from * f->nodes + to] : &none;
    const faults_rule *r = &l->rule;
    bool happens[FAULTS_SHARES];
    for (size_t i = 0; i < FAULTS_SHARES; i++)
        happens[i] = roll_unit(l) < r->share[i];
    mix_time at = now + r->delay + (mix_time)(roll_unit(l) * (double)r->jitter);
    size_t head = frame.len > 0 && frame.data[0] == 8 ? 4 : 3; /* of the frame (1-sphinx.md §2.2) */
    size_t bit = (size_t)roll(l), flipped = SIZE_MAX;
    f->stats.frames++;
    for (size_t i = 0; i < FAULTS_SHARES; i++)
        f->stats.happened[i] += happens[i] && (i == FAULTS_LOSS || !happens[FAULTS_LOSS]);
    if (happens[FAULTS_LOSS])
        return MIX_OK;
    if (happens[FAULTS_CORRUPT] && frame.len > head)
        flipped = 8 * head + bit % (8 * (frame.len - head));
    at = at > l->last ? at : l->last;
    if (happens[FAULTS_REORDER])
        at += MIX_MS(FAULTS_HELD_MS);
    else
        l->last = at;
    int status = hold(f, to, frame, at, flipped);
    return status == MIX_OK && happens[FAULTS_DUPLICATE] ? hold(f, to, frame, at, flipped) : status;
}

bool faults_any(const faults *f) {
    return f->links != NULL || f->waiting.len > 0;
}

int faults_drain(faults *f, faults_out *out, mix_time now) {
    mix_free(f->given);
    held *h = f->given = (held *)mix_timers_pop(&f->waiting, now);
    if (!h)
        return MIX_DONE;
    f->bytes -= h->len;
    *out = (faults_out){.to = h->to, .frame = mix_bytes_of(h->data, h->len)};
    return MIX_OK;
}

mix_time faults_deadline(const faults *f) {
    return mix_timers_deadline(&f->waiting);
}

void faults_get_stats(const faults *f, faults_stats *out) {
    *out = f->stats;
    out->waiting = f->waiting.len;
}
