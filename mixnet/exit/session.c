/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions. */
#include "mixnet/exit/session.h"

#include "base/alloc.h"
#include "mix/errors.h"

static mixnet_session *of_flush(mix_timer *t) {
    return (mixnet_session *)(void *)((uint8_t *)t - offsetof(mixnet_session, flush));
}

static mixnet_session *of_idle(mix_timer *t) {
    return (mixnet_session *)(void *)((uint8_t *)t - offsetof(mixnet_session, idle));
}

int mixnet_sessions_init(mixnet_sessions *s, size_t max, const mix_env *env) {
    *s = (mixnet_sessions){.env = env};
    int status = mix_map_init(&s->by_tag, MIXNET_TAG_LEN, max, env);
    return status == MIX_OK ? mix_map_init(&s->by_number, sizeof(uint16_t), max, env) : status;
}

static void free_session(mixnet_session *e) {
    mix_bundler_deinit(&e->bundler);
    mix_free_wiped(e, sizeof *e);
}

void mixnet_sessions_deinit(mixnet_sessions *s) {
    size_t at = 0;
    const uint8_t *key;
    void *e;
    mix_timers_deinit(&s->flushes);
    mix_timers_deinit(&s->idles);
    while (mix_map_each(&s->by_tag, &at, &key, &e))
        free_session(e);
    mix_map_deinit(&s->by_tag);
    mix_map_deinit(&s->by_number);
}

mixnet_session *mixnet_sessions_find(const mixnet_sessions *s,
                                     const uint8_t tag[static MIXNET_TAG_LEN]) {
    return mix_map_get(&s->by_tag, tag);
}

mixnet_session *mixnet_sessions_owner(const mixnet_sessions *s, const mix_address *ip) {
    uint16_t number = mixnet_pool_number(ip);
    return number ? mix_map_get(&s->by_number, &number) : NULL;
}

static int enter(mixnet_sessions *s, mixnet_session *e, mix_time idle_after) {
    int status = mix_map_put(&s->by_tag, e->way.tag, e);
    if (status == MIX_OK)
        status = mix_map_put(&s->by_number, &e->number, e);
    if (status == MIX_OK)
        status = mix_timers_set(&s->idles, &e->idle, e->active + idle_after);
    return status;
}

int mixnet_sessions_add(mixnet_sessions *s, mixnet_session **out, const mixnet_way *way,
                        mix_time idle_after, mix_time now) {
    uint16_t number;
    if (s->by_tag.len == s->by_tag.max)
        return MIX_ERR_LIMIT;
    mixnet_session *e = mix_alloc_zero(1, sizeof *e);
    if (!e)
        return MIX_ERR_MEMORY;
    int status = mixnet_pool_take(&s->pool, s->env, &number);
    if (status != MIX_OK) {
        mix_free(e);
        return status;
    }
    e->way = *way;
    e->number = number;
    e->started = e->since = e->active = now;
    status = enter(s, e, idle_after);
    if (status != MIX_OK)
        mixnet_sessions_remove(s, e);
    else
        *out = e;
    return status;
}

void mixnet_sessions_remove(mixnet_sessions *s, mixnet_session *e) {
    mix_timers_stop(&s->flushes, &e->flush);
    mix_timers_stop(&s->idles, &e->idle);
    mix_map_take(&s->by_tag, e->way.tag);
    mix_map_take(&s->by_number, &e->number);
    mixnet_pool_give(&s->pool, e->number);
    free_session(e);
}

/* The original's clock ticks all the time and is restarted when a bundle leaves (5-ipr.md §5.4): a
 * packet waits for the next tick. Only that tick needs a timer. */
static mix_time next_beat(const mixnet_session *e, mix_time now) {
    return e->started + ((now - e->started) / e->period + 1) * e->period;
}

int mixnet_session_put(mixnet_sessions *s, mixnet_session *e, mix_buf *out, mix_bytes packet,
                       mix_time now) {
    size_t before = out->len;
    int status = mix_bundler_put(&e->bundler, out, packet);
    if (status != MIX_OK)
        return status;
    if (out->len > before)
        e->started = now;
    if (e->bundler.waiting.len == 0) {
        mix_timers_stop(&s->flushes, &e->flush);
        return MIX_OK;
    }
    if (mix_timer_runs(&e->flush) && out->len == before)
        return MIX_OK;
    return mix_timers_set(&s->flushes, &e->flush, next_beat(e, now)) == MIX_OK
               ? MIX_OK
               : mix_bundler_flush(&e->bundler, out);
}

mixnet_session *mixnet_sessions_beat(mixnet_sessions *s, mix_buf *out, mix_time now) {
    mix_timer *t = mix_timers_pop(&s->flushes, now);
    if (!t)
        return NULL;
    mixnet_session *e = of_flush(t);
    size_t before = out->len;
    if (mix_bundler_flush(&e->bundler, out) == MIX_OK && out->len > before)
        e->started = now;
    return e;
}

mixnet_session *mixnet_sessions_silent(mixnet_sessions *s, mix_time idle_after, mix_time now) {
    mix_timer *t;
    while ((t = mix_timers_pop(&s->idles, now)) != NULL) {
        mixnet_session *e = of_idle(t);
        if (now - e->active >= idle_after)
            return e;
        (void)mix_timers_set(&s->idles, t, e->active + idle_after); /* its place is still there */
    }
    return NULL;
}

mix_time mixnet_sessions_deadline(const mixnet_sessions *s) {
    mix_time flush = mix_timers_deadline(&s->flushes), idle = mix_timers_deadline(&s->idles);
    return flush < idle ? flush : idle;
}
