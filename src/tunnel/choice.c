/* SPDX-License-Identifier: Apache-2.0 */
/* Which gateway and which exit, and what is done when they fail. */
#include "tunnel/internal.h"

#include "base/alloc.h"

#define ROUND_FIRST MIX_SECONDS(1)    /* pause between rounds of exits, doubled each time */
#define ROUND_LONGEST MIX_SECONDS(30) /* and between rounds of gateways */
#define ENTRY_AGAIN MIX_SECONDS(10)   /* when none could be chosen */
#define FORGETS MIX_SECONDS(50)       /* an exit forgets who is silent for 60 s */

void mix_tunnel_choice_reset(mix_tunnel *t) {
    t->topology_due = t->exits_known = t->gateway_begun = t->entry_wanted = false;
    t->flowing = t->exit_up = t->exit_slow = t->exit_trying = t->exit_again = false;
    t->exit_chosen = t->addressed = false;
    t->exit_count = t->exit_at = 0;
    t->rounds = 0;
    t->rotation_id = MIX_ROTATION_ID_UNKNOWN;
    t->entry_at = t->exits_at = t->exit_until = t->doubt_at = MIX_NEVER;
    t->round_stored = false;
    t->skipped_seen = t->late_seen = 0;
}

/* ---- the gateway ---- */

static bool plain(const char *url) {
    return strncmp(url, "ws://", 5) == 0;
}

const mix_registration *mix_tunnel_known_gateway(const mix_tunnel *t) {
    const mix_registration *r = &mix_gateway_identity(t->gateway)->registration;
    if (!r->present || (plain(r->url) && !t->cfg.plain_gateway) ||
        (t->has_gateway && memcmp(r->gateway, t->preferred_gateway, MIX_KEY_LEN) != 0))
        return NULL;
    return r;
}

/* The gateway that knows us can be connected to before the directory has answered. */
static bool begin_with_known(mix_tunnel *t, mix_time now) {
    const mix_registration *r = mix_tunnel_known_gateway(t);
    if (!r)
        return false;
    if (mix_gateway_choose(t->gateway, r->gateway, mix_bytes_str(r->url), now) != MIX_OK)
        return false;
    memcpy(t->entry, r->gateway, MIX_KEY_LEN);
    t->entry_known = true;
    return true;
}

static void begin_gateway(mix_tunnel *t, mix_time now) {
    t->gateway_begun = mix_gateway_start(t->gateway, now) == MIX_OK;
}

/* No gateway can be had: the end of a setup; a tunnel that was ready looks again later. Not before
 * the directory was asked. */
static void no_entry(mix_tunnel *t, const mix_error *e, mix_time now) {
    t->reason = *e;
    if (mix_directory_renew(t->directory, now))
        return;
    if (!t->was_ready)
        mix_tunnel_fail(t, e);
    t->entry_at = now + ENTRY_AGAIN;
}

static void choose_entry(mix_tunnel *t, mix_time now) {
    mix_entry entries[MIX_TUNNEL_ENTRIES];
    size_t count = 0;
    mix_error e = {0};
    int status = mix_directory_entries(t->directory, entries, MIX_TUNNEL_ENTRIES, &count, &e, now);
    if (mix_tunnel_own(t, status, now) != MIX_OK || count == 0) {
        if (e.code == MIX_OK)
            mix_error_note(&e, status == MIX_OK ? MIX_ERR_NO_ENTRY : status, "tunnel", 0, "%s",
                           mix_error_text(status));
        if (t->retry_at == 0)
            no_entry(t, &e, now);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        status =
            mix_gateway_choose(t->gateway, entries[i].identity, mix_bytes_str(entries[i].url), now);
        if (status != MIX_OK) {
            mix_directory_entry_failed(t->directory, entries[i].identity, now);
            continue;
        }
        memcpy(t->entry, entries[i].identity, MIX_KEY_LEN);
        t->entry_known = true;
        t->entry_wanted = false;
        t->entry_at = MIX_NEVER;
        if (!t->gateway_begun)
            begin_gateway(t, now);
        return;
    }
    mix_error_note(&e, status, "tunnel", 0, "no gateway's URL can be used");
    no_entry(t, &e, now);
}

/* The gateway in use has another URL by now, or no packet can be routed to it any more. */
static void review_entry(mix_tunnel *t, mix_time now) {
    mix_entry today;
    mix_error e = {0};
    if (!t->entry_known || !t->gateway_begun || t->entry_wanted)
        return;
    if (mix_topology_check(t->topology, t->entry) != MIX_OK) {
        mix_error_note(&t->reason, MIX_ERR_NO_ROUTE, "tunnel", 0, "the gateway in use is gone");
        mix_directory_entry_failed(t->directory, t->entry, now);
        t->entry_wanted = true;
    } else if (mix_directory_entry(t->directory, &today, t->entry, &e) == MIX_OK) {
        (void)mix_gateway_choose(t->gateway, t->entry, mix_bytes_str(today.url), now);
    }
}

static void exit_over(mix_tunnel *t) {
    t->exit_up = t->exit_slow = t->exit_trying = false;
}

/* Whether packets may be given to the session: claims of bandwidth are answered before the first
 * packet is looked at. */
static void note_flow(mix_tunnel *t, mix_time now) {
    mix_gateway_state s = mix_gateway_state_of(t->gateway);
    bool flows = s == MIX_GATEWAY_IS_READY || s == MIX_GATEWAY_IS_CLAIMING;
    if (flows == t->flowing)
        return;
    t->flowing = flows;
    if (!flows) {
        t->stopped_flowing = now;
        t->exit_again = t->exit_again || t->exit_trying;
        t->exit_trying = false;
    } else if (t->exit_up && now - t->stopped_flowing > FORGETS) {
        exit_over(t);
        t->exit_again = true;
    }
}

/* Several in a row: most likely it is the host's own network, which may be back any time. */
static void all_gateways_failed(mix_tunnel *t, const mix_error *e, mix_time now) {
    if (!t->was_ready || mix_error_ends(e->code) == MIX_ENDS_TUNNEL) {
        mix_tunnel_fail(t, e);
        return;
    }
    t->reason = *e;
    t->entry_wanted = true;
    t->entry_at = now + ROUND_LONGEST;
}

/* Of a try in vain: whether the directory may know why. A gateway that minds the time of day is
 * there, and ours. */
static bool may_be_gone(int code) {
    return code != MIX_ERR_GATEWAY_STALE && code != MIX_ERR_GATEWAY_CLOCK;
}

void mix_tunnel_on_gateway(mix_tunnel *t, const mix_gateway_event *ev, mix_time now) {
    switch (ev->kind) {
    case MIX_GATEWAY_READY:
        mix_directory_entry_works(t->directory, t->entry);
        break;
    case MIX_GATEWAY_LOST:
        t->reason = *ev->error;
        break;
    case MIX_GATEWAY_WANTED:
        if (t->entry_known)
            mix_directory_entry_failed(t->directory, t->entry, now);
        t->reason = *ev->error;
        t->entry_wanted = true;
        (void)mix_directory_renew(t->directory, now);
        break;
    case MIX_GATEWAY_FAILED:
        all_gateways_failed(t, ev->error, now);
        break;
    case MIX_GATEWAY_STATE:
        if (ev->state == MIX_GATEWAY_IS_PAUSING && may_be_gone(mix_gateway_error(t->gateway)->code))
            (void)mix_directory_renew(t->directory, now);
        break;
    default:
        break;
    }
}

/* ---- the layers above it ---- */

static void take_keys(mix_client_keys *k, const mix_identity *id, const uint8_t *gateway) {
    memcpy(k->identity_public, id->public_key, MIX_KEY_LEN);
    memcpy(k->encryption_secret, id->encryption_secret, MIX_KEY_LEN);
    memcpy(k->encryption_public, id->encryption_public, MIX_KEY_LEN);
    memcpy(k->ack_key, id->ack_key, sizeof k->ack_key);
    memcpy(k->gateway, gateway, MIX_KEY_LEN);
}

static int make_layers(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    mix_messages_config m;
    mix_traffic_config c;
    mix_economy_config economy;
    take_keys(&l->keys, mix_gateway_identity(t->gateway), t->entry);
    mix_messages_config_client(&m);
    m.crypto = t->crypto;
    m.sphinx = t->sphinx;
    m.keys = &l->keys;
    m.answer_requests = false; /* the economy does */
    m.surbs_together = 10;
    mix_traffic_config_init(&c);
    c.crypto = t->crypto;
    c.sphinx = t->sphinx;
    c.keys = &l->keys;
    c.pacing_off = t->cfg.pacing_off;
    c.copies = !t->cfg.copies_off;
    c.cover_off = t->cfg.cover_off;
    c.learns = true;
    int status = mix_messages_new(&l->messages, &m, t->env);
    if (status == MIX_OK)
        status = mix_traffic_new(&l->traffic, &c, t->env);
    if (status != MIX_OK)
        return status;
    mix_messages_set_reach(l->messages, mix_traffic_reach(l->traffic));
    mix_economy_config_init(&economy);
    mix_economy_init(&l->economy, &economy, now);
    t->topology_due = true;
    return MIX_OK;
}

/* A new snapshot; the one before stays valid until the next but one. */
static int give_topology(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    const mix_rotation_info *rotation = mix_directory_rotation(t->directory);
    int status = mix_messages_set_topology(l->messages, t->topology, now);
    if (status == MIX_OK)
        status = mix_traffic_set_topology(l->traffic, t->topology, now);
    if (status != MIX_OK)
        return status;
    if (rotation)
        mix_messages_set_rotations(l->messages, rotation, now);
    uint32_t id = t->topology ? t->topology->rotation_id : t->rotation_id;
    if (id != t->rotation_id && t->rotation_id != MIX_ROTATION_ID_UNKNOWN)
        mix_economy_renew(&l->economy, now); /* the exit drops those of the past */
    t->rotation_id = id;
    return MIX_OK;
}

static bool keep_layers(mix_tunnel *t, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    bool other = l->messages && memcmp(l->keys.gateway, t->entry, MIX_KEY_LEN) != 0;
    if (other) {
        mix_tunnel_drop_layers(t);
        exit_over(t);
        t->exit_again = t->exit_chosen; /* our address is another */
    }
    if (!l->messages && (!t->flowing || !t->topology))
        return false;
    int status = MIX_OK;
    if (!l->messages)
        status = make_layers(t, now);
    if (status == MIX_OK && t->topology_due)
        status = give_topology(t, now);
    if (status == MIX_OK) {
        t->topology_due = false;
        return true;
    }
    if (status == MIX_ERR_NO_ROUTE) {
        t->topology_due = false; /* review_entry looks for another gateway */
        t->entry_wanted = true;
    } else if (!l->traffic) {
        mix_tunnel_drop_layers(t);
    }
    mix_tunnel_own(t, status, now);
    return false;
}

/* ---- the exit ---- */

static void connect_exit(mix_tunnel *t, bool other, mix_time now) {
    mix_tunnel_layers *l = &t->layers;
    int status = mix_ipr_connect(t->ipr, t->exit.ipr_version, now);
    if (mix_tunnel_own(t, status, now) != MIX_OK)
        return;
    mix_messages_cancel(l->messages, t->session);
    mix_traffic_cancel(l->traffic, t->session);
    t->session++;
    if (other) {
        mix_economy_renew(&l->economy, now);
        l->replies_seen = mix_messages_get_peer(l->messages, &t->exit.address).replies;
    }
    t->exit_trying = true;
    t->exit_again = false;
    t->stats.exits++;
    mix_log(t->env, MIX_LOG_DEBUG, "tunnel", "connecting to exit %zu of %zu, version %u",
            t->exit_at, t->exit_count, t->exit.ipr_version);
}

static void next_exit(mix_tunnel *t, mix_time now) {
    bool other = !t->exit_chosen || memcmp(&t->exit.address, &t->exits[t->exit_at].address,
                                           sizeof t->exit.address) != 0;
    t->exit = t->exits[t->exit_at++];
    t->exit_chosen = true;
    connect_exit(t, other, now);
    if (!t->exit_trying)
        t->exit_at--; /* for want of memory: the same one later */
}

static void new_round(mix_tunnel *t, mix_time now) {
    mix_error e = {0};
    size_t count = 0;
    int status =
        mix_directory_exits(t->directory, t->entry, t->exits, MIX_TUNNEL_EXITS, &count, &e, now);
    if (mix_tunnel_own(t, status, now) == MIX_OK && count > 0) {
        t->exit_count = count;
        t->exit_at = 0;
        t->round_stored = mix_directory_is_stored(t->directory);
        t->refused_by_all = true;
        t->exits_at = MIX_NEVER;
        return;
    }
    t->exit_count = t->exit_at = 0;
    if (t->retry_at != 0 || mix_directory_renew(t->directory, now))
        return;
    if (e.code == MIX_OK)
        mix_error_note(&e, MIX_ERR_NO_EXIT, "tunnel", 0, "%s", mix_error_text(MIX_ERR_NO_EXIT));
    t->reason = e;
    if (!t->was_ready)
        mix_tunnel_fail(t, &e);
    t->exits_at = now + ROUND_LONGEST;
}

/* All exits were tried in vain. What is refused by all is not asked for again in a setup. */
static void end_round(mix_tunnel *t, mix_time now) {
    bool was_stored = t->round_stored;
    t->exit_count = t->exit_at = 0;
    t->round_stored = false;
    if (was_stored && (mix_directory_renewing(t->directory, MIX_DIRECTORY_PART_EXITS) ||
                       !mix_directory_is_stored(t->directory)))
        return; /* what the directory says now is tried before anything is given up */
    if (!t->was_ready && t->refused_by_all) {
        mix_tunnel_fail(t, &t->reason);
        return;
    }
    mix_time pause = ROUND_FIRST << (t->rounds < 5 ? t->rounds : 5);
    t->rounds++;
    t->exits_at = now + (pause < ROUND_LONGEST ? pause : ROUND_LONGEST);
    mix_directory_ask_exits(t->directory, now);
}

static void proceed_exit(mix_tunnel *t, mix_time now) {
    if (t->exit_up || t->exit_trying || t->closing || t->retry_at != 0)
        return;
    if (t->exit_until == MIX_NEVER && !t->was_ready)
        t->exit_until = now + t->cfg.connect_timeout;
    if (t->exit_again && t->exit_chosen) {
        connect_exit(t, t->layers.economy.stock == 0, now);
        return;
    }
    if (!t->exits_known || (t->exits_at != MIX_NEVER && now < t->exits_at))
        return;
    if (t->exit_at == t->exit_count &&
        mix_directory_renewing(t->directory, MIX_DIRECTORY_PART_EXITS))
        return;
    if (t->exit_at == t->exit_count)
        new_round(t, now);
    if (t->exit_at < t->exit_count)
        next_exit(t, now);
}

static void exit_failed(mix_tunnel *t, const mix_ipr_event *ev, mix_time now) {
    bool was_up = t->exit_up;
    exit_over(t);
    mix_error_clear(&t->reason);
    mix_error_note(&t->reason, ev->status, "ipr", ev->kind == MIX_IPR_EVENT_DENIED ? ev->reason : 0,
                   "%.*s", (int)ev->text.len, ev->text.len ? (const char *)ev->text.data : "");
    mix_log(t->env, MIX_LOG_WARN, "tunnel", "exit %s: %s", was_up ? "lost" : "tried in vain",
            t->reason.words);
    if (was_up || !t->flowing) {
        t->exit_again = true;
        if (ev->status == MIX_ERR_IPR_SILENT && t->layers.messages)
            mix_economy_renew(&t->layers.economy, now); /* it may have lost them all */
        return;
    }
    mix_directory_exit_failed(t->directory, t->exit.address.gateway, now);
    (void)mix_directory_renew(t->directory, now);
    t->refused_by_all = t->refused_by_all && ev->kind == MIX_IPR_EVENT_DENIED;
    if (t->exit_at == t->exit_count)
        end_round(t, now);
}

static void exit_connected(mix_tunnel *t, const mix_ipr_event *ev, mix_time now) {
    mix_directory_exit_works(t->directory, t->exit.address.gateway);
    exit_over(t);
    t->exit_up = true;
    t->rounds = 0;
    t->exit_until = MIX_NEVER;
    /* Another exit that gave the same addresses has another address in the internet. */
    bool same = t->addressed &&
                memcmp(&t->addressed_by, &t->exit.address, sizeof t->addressed_by) == 0 &&
                memcmp(t->ip4, ev->ips.v4, sizeof t->ip4) == 0 &&
                memcmp(t->ip6, ev->ips.v6, sizeof t->ip6) == 0 && t->mtu == ev->mtu;
    if (same)
        return; /* connections go on */
    mix_tunnel_event say = {.kind = MIX_TUNNEL_EVENT_ADDRESSES, .state = t->state, .mtu = ev->mtu};
    memcpy(say.ip4, ev->ips.v4, sizeof say.ip4);
    memcpy(say.ip6, ev->ips.v6, sizeof say.ip6);
    memcpy(t->ip4, ev->ips.v4, sizeof t->ip4);
    memcpy(t->ip6, ev->ips.v6, sizeof t->ip6);
    t->mtu = ev->mtu;
    t->addressed = true;
    t->addressed_by = t->exit.address;
    mix_tunnel_say(t, &say, (mix_bytes){0});
    if (mix_tunnel_own(t, mix_tunnel_stack_begin(t, now), now) != MIX_OK) {
        t->addressed = false; /* connected once more: then there may be memory */
        exit_over(t);
        t->exit_again = true;
    }
}

static void pass_words(mix_tunnel *t, mix_tunnel_event_kind kind, mix_bytes text) {
    mix_tunnel_event say = {.kind = kind, .state = t->state, .phase = t->phase};
    mix_tunnel_say(t, &say, text);
}

void mix_tunnel_on_ipr(mix_tunnel *t, const mix_ipr_event *ev, mix_time now) {
    switch (ev->kind) {
    case MIX_IPR_EVENT_PACKET:
        mix_tunnel_stack_feed(t, ev->packet, now);
        break;
    case MIX_IPR_EVENT_CONNECTED:
        exit_connected(t, ev, now);
        break;
    case MIX_IPR_EVENT_DENIED:
    case MIX_IPR_EVENT_LOST:
        exit_failed(t, ev, now);
        break;
    case MIX_IPR_EVENT_DEGRADED:
    case MIX_IPR_EVENT_RECOVERED:
        t->exit_slow = ev->kind == MIX_IPR_EVENT_DEGRADED;
        if (t->exit_slow)
            mix_error_note(&t->reason, MIX_ERR_IPR_SILENT, "ipr", 0, "answers are overdue");
        break;
    case MIX_IPR_EVENT_PONG: {
        mix_tunnel_event say = {.kind = MIX_TUNNEL_EVENT_PONG, .round_trip = ev->round_trip};
        mix_tunnel_say(t, &say, (mix_bytes){0});
        break;
    }
    case MIX_IPR_EVENT_REFUSED:
        if (t->tcpip)
            mix_tcpip_refuse(t->tcpip, &ev->destination, MIX_ERR_IPR_REFUSED,
                             mix_tunnel_transport_time(t, now));
        pass_words(t, MIX_TUNNEL_EVENT_REFUSED, ev->text);
        break;
    case MIX_IPR_EVENT_NOTICE:
        pass_words(t, MIX_TUNNEL_EVENT_NOTICE, ev->text);
        break;
    }
}

/* The directory's own words after stored ones: of the round that was drawn from those, what is not
 * there any more is not tried, or not any longer. */
static void review_exits(mix_tunnel *t) {
    if (!t->round_stored || t->exit_up)
        return;
    size_t left = t->exit_at;
    for (size_t i = t->exit_at; i < t->exit_count; i++) {
        if (mix_directory_offers(t->directory, &t->exits[i].address))
            t->exits[left++] = t->exits[i];
    }
    t->exit_count = left;
    if (!mix_directory_offers(t->directory, &t->exit.address))
        t->exit_trying = t->exit_again = false;
}

/* ---- the directory ---- */

void mix_tunnel_on_directory(mix_tunnel *t, const mix_directory_event *ev, mix_time now) {
    switch (ev->kind) {
    case MIX_DIRECTORY_TOPOLOGY:
    case MIX_DIRECTORY_LOST:
        t->topology = ev->topology;
        t->topology_due = true;
        if (t->topology)
            review_entry(t, now);
        break;
    case MIX_DIRECTORY_EXITS:
        t->exits_known = true;
        review_exits(t);
        break;
    case MIX_DIRECTORY_STORE:
        mix_tunnel_store_directory(t, ev->value);
        break;
    case MIX_DIRECTORY_FAILED:
        if (ev->stored)
            break; /* it goes on with what was stored */
        if (ev->part == MIX_DIRECTORY_PART_EXITS && t->has_exit)
            t->exits_known = true; /* only its release stays unknown */
        else if (!t->was_ready)
            mix_tunnel_fail(t, &ev->error);
        else if (!t->topology)
            t->reason = ev->error;
        break;
    }
}

/* ---- together ---- */

void mix_tunnel_proceed(mix_tunnel *t, mix_time now) {
    if (!t->gateway_begun && begin_with_known(t, now))
        begin_gateway(t, now);
    bool choose = (t->entry_wanted || !t->gateway_begun) &&
                  !mix_directory_renewing(t->directory, MIX_DIRECTORY_PART_TOPOLOGY);
    if (choose && t->topology && (t->entry_at == MIX_NEVER || t->entry_at <= now))
        choose_entry(t, now);
    note_flow(t, now);
    if (keep_layers(t, now) && t->flowing && t->topology)
        proceed_exit(t, now);
}

mix_time mix_tunnel_choice_deadline(const mix_tunnel *t) {
    mix_time at = t->entry_at;
    if (!t->was_ready && t->doubt_at < at)
        at = t->doubt_at;
    if (t->exits_at < at && t->flowing && !t->exit_up && !t->exit_trying)
        at = t->exits_at;
    return t->exit_until < at ? t->exit_until : at;
}

void mix_tunnel_choice_tick(mix_tunnel *t, mix_time now) {
    if (t->doubt_at <= now) {
        t->doubt_at = MIX_NEVER;
        if (!t->was_ready)
            (void)mix_directory_renew(t->directory, now);
    }
    if (t->exit_until > now)
        return;
    mix_error e = t->reason;
    if (e.code == MIX_OK)
        mix_error_note(&e, MIX_ERR_IPR_TIMEOUT, "ipr", 0, "%s",
                       mix_error_text(MIX_ERR_IPR_TIMEOUT));
    mix_tunnel_fail(t, &e);
    t->exit_until = MIX_NEVER;
}
