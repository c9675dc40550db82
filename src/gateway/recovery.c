/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a session that failed: the same gateway after a pause, a new registration,
 * another gateway, or the end. */
#include "gateway/internal.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void note(mix_gateway *g, int code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void note(mix_gateway *g, int code, const char *format, va_list args) {
    char words[MIX_ERROR_WORDS];
    (void)vsnprintf(words, sizeof words, format, args);
    for (char *p = words; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?'; /* some come from the peer */
    }
    (void)mix_error_note(&g->error, code, "gateway", g->failure_number, "%s", words);
    g->failure_number = 0;
}

void mix_gateway_enter(mix_gateway *g, mix_gateway_state state, mix_time alarm) {
    if (g->state != state) {
        g->say_state = true;
        mix_log(g->env, MIX_LOG_DEBUG, "gateway", "%s", mix_gateway_state_name(state));
    }
    g->state = state;
    g->alarm = alarm;
}

void mix_gateway_dial(mix_gateway *g, mix_time now) {
    g->link++;
    g->connect_due = true;
    g->stats.connections++;
    mix_gateway_enter(g, MIX_GATEWAY_IS_CONNECTING, now + g->cfg.connect_timeout);
}

void mix_gateway_hang_up(mix_gateway *g) {
    if (g->link_known) {
        g->close_due = true;
        g->close_link = g->link;
    }
    g->connect_due = g->link_known = g->link_up = false;
    mix_buf_truncate(&g->text, 0);
    mix_handshake_wipe(&g->handshake);
    g->step = 0;
    g->registered = g->claimed = false;
    g->asked = MIX_ASKED_NOTHING;
    g->asked_after = g->flight = 0;
    g->vain_claims = g->noise = g->refused = 0;
    g->say_ready = false;
}

/* The pause doubles with each try; its second half is random, so that clients of a gateway that
 * went down do not come back all at once. Without randomness the whole pause is kept: it is no
 * secret. */
static void pause_before_next(mix_gateway *g, mix_time now) {
    mix_time pause = g->cfg.pause_first;
    for (unsigned i = 1; i < g->tries && pause < g->cfg.pause_longest; i++)
        pause *= 2;
    if (pause > g->cfg.pause_longest)
        pause = g->cfg.pause_longest;
    uint32_t r;
    if (mix_random(g->env, &r, sizeof r) == MIX_OK)
        pause = pause / 2 + (mix_time)((uint64_t)(pause / 2) * r >> 32);
    mix_gateway_enter(g, MIX_GATEWAY_IS_PAUSING, now + pause);
}

static void drop_packets(mix_gateway *g) {
    mix_queue_deinit(&g->queue);
}

static void give_up(mix_gateway *g) {
    drop_packets(g);
    g->chosen = false;
    g->verdict = g->error;
    g->say_failed = true;
    mix_gateway_enter(g, MIX_GATEWAY_IS_FAILED, MIX_NEVER);
}

static void replace(mix_gateway *g) {
    if (g->replaced >= g->cfg.replacements) {
        give_up(g);
        return;
    }
    g->replaced++;
    drop_packets(g);
    g->chosen = false;
    g->verdict = g->error;
    g->say_wanted = true;
    mix_gateway_enter(g, MIX_GATEWAY_IS_CHOOSING, MIX_NEVER);
}

static unsigned most_tries(const mix_gateway *g, mix_remedy remedy) {
    if (!mix_session_has_key(g) || remedy == MIX_REMEDY_INSIST)
        return g->cfg.tries_new;
    return g->answered ? g->cfg.tries_known : g->cfg.tries_stored;
}

static void recover(mix_gateway *g, mix_remedy remedy, mix_time now) {
    unsigned tries = most_tries(g, remedy);
    mix_log(g->env, MIX_LOG_WARN, "gateway", "%s: %s", mix_error_text(g->error.code),
            g->error.words);
    if (g->state == MIX_GATEWAY_IS_READY) {
        g->say_lost = true;
        g->lost = g->error;
        if (now - g->ready_at >= g->cfg.good_session) {
            g->tries = g->replaced = 0;
            g->reregistered = g->clock_corrected = false;
        }
    }
    mix_gateway_hang_up(g);
    g->tries++;
    if (remedy == MIX_REMEDY_REREGISTER && mix_session_has_key(g) && !g->reregistered) {
        mix_wipe(&g->id.registration, sizeof g->id.registration);
        g->reregistered = true;
        pause_before_next(g, now);
    } else if ((remedy == MIX_REMEDY_RECONNECT || remedy == MIX_REMEDY_INSIST) &&
               g->tries < tries) {
        pause_before_next(g, now);
    } else if (remedy == MIX_REMEDY_INSIST) {
        give_up(g);
    } else {
        replace(g);
    }
}

void mix_gateway_fail(mix_gateway *g, int code, mix_remedy remedy, mix_time now, const char *format,
                      ...) {
    va_list args;
    va_start(args, format);
    note(g, code, format, args);
    va_end(args);
    recover(g, remedy, now);
}

void mix_gateway_refused(mix_gateway *g, mix_bytes words, mix_time now) {
    mix_refusal r = mix_refusal_find(words);
    mix_remedy remedy = mix_refusal_remedy(r);
    int code = mix_refusal_error(r);
    int64_t server;
    bool at_once = false;
    if (code == MIX_ERR_GATEWAY_CLOCK && !g->clock_corrected &&
        mix_refusal_clock_decode(&server, words)) {
        /* Only this gateway sees the time that we give, so its own clock serves. */
        g->clock_offset = server - g->env->wall_time(g->env->user) / 1000000;
        g->clock_corrected = true;
        g->last_timestamp = 0; /* those were of another clock */
    } else if (code == MIX_ERR_GATEWAY_CLOCK) {
        remedy = MIX_REMEDY_REPLACE;
    } else if (code == MIX_ERR_GATEWAY_STALE) {
        /* Another run authenticated just now: the next second will do, at once. Or our clock went
         * back. */
        at_once = g->clock_ahead == 0;
        g->clock_ahead = g->clock_ahead * 2 + 1 < MIX_GATEWAY_AHEAD_MOST ? g->clock_ahead * 2 + 1
                                                                         : MIX_GATEWAY_AHEAD_MOST;
    } else if (code == MIX_ERR_GATEWAY_VERSION && g->state == MIX_GATEWAY_IS_AUTHENTICATING &&
               !g->version_asked) {
        /* The version was remembered; the gateway may speak an older one since. */
        g->version = g->id.registration.version = 0;
        remedy = MIX_REMEDY_RECONNECT;
    }
    if (remedy == MIX_REMEDY_NONE)
        remedy = MIX_REMEDY_RECONNECT;
    mix_gateway_fail(g, code, remedy, now, "the gateway says: %.*s",
                     (int)(words.len < 120 ? words.len : 120),
                     words.len > 0 ? (const char *)words.data : "");
    if (at_once && g->state == MIX_GATEWAY_IS_PAUSING)
        mix_gateway_dial(g, now);
}

int mix_gateway_nonsense(mix_gateway *g, int code, mix_time now, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note(g, code, format, args);
    va_end(args);
    g->stats.refused_messages++;
    mix_log(g->env, MIX_LOG_DEBUG, "gateway", "%s: %s", mix_error_text(code), g->error.words);
    if (++g->noise >= MIX_GATEWAY_NOISE)
        mix_gateway_fail(g, MIX_ERR_GATEWAY_NOISE, MIX_REMEDY_RECONNECT, now,
                         "%u messages in a row", g->noise);
    return code;
}
