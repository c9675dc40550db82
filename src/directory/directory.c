/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: rounds of requests, what is made of them, when the next is due. */
#include "directory/directory.h"

#include "base/alloc.h"
#include "directory/pick.h"
#include "directory/release.h"
#include "directory/request.h"
#include "directory/wire_stored.h"

#include <assert.h>
#include <stdio.h>

#define REFRESH MIX_SECONDS(300)
#define TOO_OLD MIX_SECONDS(3300) /* as the original: eleven refreshes in a row failed */
#define RETRY MIX_MS(500)         /* of one request, doubled each time */
#define ROUND_RETRY MIX_SECONDS(10)
#define EXITS_AGAIN MIX_SECONDS(60)
#define STORED_EXITS_TOO_OLD MIX_SECONDS(3600) /* of a run that lasted: who begins asks anew */

struct mix_directory {
    const mix_env *env;
    char *urls[MIX_DIRECTORY_URLS_MAX];
    size_t url_count, base; /* base: that which answered last */
    bool tls, bincode, has_preferred_gateway, has_preferred_exit;
    uint8_t preferred_gateway[MIX_KEY_LEN];
    mix_recipient preferred_exit;
    mix_request requests[MIX_REQUESTS];
    uint64_t last_id;
    mix_buf url; /* of the last call */

    /* A round makes a topology. */
    bool in_round, repeated;
    uint32_t failed_rounds; /* since the last good one */
    mix_time round_at;      /* when the next begins; MIX_NEVER while one runs */
    mix_time good_until;    /* when the topology is too old; MIX_NEVER without one */

    mix_topology *current, *retired, *next; /* next: its event was not pulled yet */
    bool has_next;                          /* also when next is NULL: it is lost */
    uint64_t serial;
    mix_kept_list gateways, mixnodes; /* of the newest topology */
    mix_rewarded rewarded;
    mix_page_metadata metadata;
    bool has_lists;
    mix_kept_exits exits;
    bool has_exits, exits_event, exits_failed, topology_failed;
    mix_time exits_again; /* not before */
    mix_error topology_error, exits_error;
    mix_rotation_info rotation;
    bool has_rotation;
    mix_blames bad_entries, bad_exits;

    /* The stored value. */
    bool stores, store_due;
    int64_t fetched, described;      /* wall times of lists and exits */
    bool stored_lists, stored_exits; /* they come from it, and no answer has replaced them */
    bool renewed_in_vain;            /* what it told is the best there is */
    bool topology_kept, exits_kept;  /* of the failures that are yet to be told */
    mix_buf value;                   /* given out */
};

/* time ± a fraction: 8 is an eighth. So that many clients do not come at once, and keep no common
 * beat. */
static mix_time jittered(mix_directory *d, mix_time time, uint32_t part) {
    uint32_t at = 500;
    if (mix_pick_below(d->env, 1001, &at) != MIX_OK)
        mix_log(d->env, MIX_LOG_WARN, "directory", "no random bytes for the next refresh's time");
    return time - time / part + time / part * 2 * at / 1000;
}

static bool under_way(const mix_directory *d, mix_request_kind kind) {
    mix_request_state s = d->requests[kind].state;
    return s == MIX_REQUEST_READY || s == MIX_REQUEST_SENT || s == MIX_REQUEST_WAITING;
}

static void start_round(mix_directory *d, mix_time now) {
    for (int i = 0; i < MIX_REQUESTS_OF_TOPOLOGY; i++)
        mix_request_start(&d->requests[i], d->base);
    mix_request *rotation = &d->requests[MIX_REQUEST_ROTATION];
    if ((!d->has_rotation || d->stored_lists) && !under_way(d, MIX_REQUEST_ROTATION))
        mix_request_start(rotation, d->base);
    if (d->stored_exits) /* as at the start of a run that had nothing stored */
        mix_directory_ask_exits(d, now);
    d->in_round = true;
    d->round_at = MIX_NEVER;
}

static int copy_config(mix_directory *d, const mix_directory_config *config) {
    if (config->url_count < 1 || config->url_count > MIX_DIRECTORY_URLS_MAX)
        return MIX_ERR_ARGUMENT;
    for (size_t i = 0; i < config->url_count; i++) {
        size_t len = strlen(config->urls[i]);
        if (len == 0 || len > MIX_DIRECTORY_URL_LEN_MAX)
            return MIX_ERR_ARGUMENT;
        while (len > 0 && config->urls[i][len - 1] == '/')
            len--;
        d->urls[i] = mix_alloc(len + 2);
        if (!d->urls[i])
            return MIX_ERR_MEMORY;
        d->url_count = i + 1;
        snprintf(d->urls[i], len + 2, "%.*s/", (int)len, config->urls[i]);
    }
    d->tls = config->tls;
    d->stores = config->stores;
    d->bincode = config->bincode;
    d->has_preferred_gateway = config->preferred_gateway != NULL;
    if (config->preferred_gateway)
        memcpy(d->preferred_gateway, config->preferred_gateway, MIX_KEY_LEN);
    d->has_preferred_exit = config->preferred_exit != NULL;
    if (config->preferred_exit)
        d->preferred_exit = *config->preferred_exit;
    return MIX_OK;
}

/* The event of a new topology, or of its loss; one that nobody has pulled yet is replaced. */
static void offer(mix_directory *d, mix_topology *t) {
    mix_topology_free(d->next);
    d->next = t;
    d->has_next = true;
    if (t)
        t->serial = ++d->serial;
}

/* The stored value */

/* What this run asks for is in it. Random bytes are drawn and dropped. */
static bool suffices(mix_directory *d, const mix_directory_config *config, const mix_stored *s,
                     const mix_topology *t, mix_time now) {
    const mix_selection from = {.env = d->env,
                                .mixnodes = &s->mixnodes,
                                .gateways = &s->gateways,
                                .exits = &s->exits,
                                .topology = t,
                                .now = now};
    const uint8_t *gateway = config->preferred_gateway;
    mix_entry entry;
    mix_exit exit;
    size_t count = 0;
    int status =
        gateway ? mix_select_entry(&from, d->tls, gateway, &entry, NULL)
                : mix_select_entries(&from, d->tls, NULL, &d->bad_entries, &entry, 1, &count, NULL);
    if (status == MIX_OK && config->entry)
        status = mix_topology_check(t, config->entry);
    if (status == MIX_OK && config->preferred_exit)
        status = mix_kept_exits_find(&s->exits, config->preferred_exit->gateway)
                     ? mix_topology_check(t, config->preferred_exit->gateway)
                     : MIX_ERR_NO_EXIT;
    else if (status == MIX_OK)
        status = mix_select_exits(&from, NULL, &d->bad_exits, &exit, 1, &count, NULL);
    return status == MIX_OK;
}

/* Why it is not taken; NULL: nothing speaks against it. */
static const char *objection(mix_directory *d, const mix_stored *s, mix_time age, int64_t wall) {
    uint8_t asked[MIX_KEY_LEN];
    if (mix_stored_digest(asked, d->urls, d->url_count) != MIX_OK)
        return "no memory";
    if (memcmp(asked, s->asked, sizeof asked) != 0)
        return "it is of other URLs";
    if (s->fetched > wall || s->described > wall)
        return "it is from the future";
    if (s->fetched < 0 || age >= REFRESH)
        return "it is too old";
    if (s->described < 0 || wall - s->described >= STORED_EXITS_TOO_OLD)
        return "its exits are too old";
    return NULL;
}

/* Goes on where the run that stored it was: *s is d's afterwards. */
static void adopt(mix_directory *d, mix_stored *s, mix_topology *t, mix_time age, mix_time now) {
    mix_time wait = jittered(d, REFRESH, 10) - age;
    d->mixnodes = s->mixnodes;
    d->gateways = s->gateways;
    d->rewarded = s->rewarded;
    d->metadata = s->metadata;
    d->exits = s->exits;
    d->rotation = s->rotation;
    d->fetched = s->fetched;
    d->described = s->described;
    d->has_lists = d->has_exits = d->has_rotation = true;
    d->stored_lists = d->stored_exits = d->exits_event = true;
    d->round_at = now + (wait > ROUND_RETRY ? wait : ROUND_RETRY); /* not while somebody waits */
    d->good_until = now + TOO_OLD - age;
    *s = (mix_stored){0};
    offer(d, t);
    mix_log(d->env, MIX_LOG_INFO, "directory",
            "stored topology of epoch %u, rotation %u: %zu nodes, %d s old", t->epoch_id,
            t->rotation_id, t->count, (int)(age / MIX_SECONDS(1)));
}

static bool take_stored(mix_directory *d, const mix_directory_config *config, mix_time now) {
    mix_stored s = {0};
    mix_topology *t = NULL;
    mix_error e = {0};
    const char *why = e.words;
    int64_t wall = d->env->wall_time(d->env->user);
    if (mix_stored_decode(&s, config->stored, &e) == MIX_OK) {
        mix_time age = s.fetched >= 0 && s.fetched <= wall ? wall - s.fetched : 0;
        why = objection(d, &s, age, wall);
        if (!why && mix_snapshot_topology(&t, &s.mixnodes, &s.gateways, &s.rewarded, &s.metadata,
                                          &e) != MIX_OK)
            why = e.words;
        if (!why && !suffices(d, config, &s, t, now))
            why = "a gateway or an exit is not in it";
        if (!why)
            adopt(d, &s, t, age, now);
    }
    if (why) {
        mix_topology_free(t);
        mix_log(d->env, MIX_LOG_DEBUG, "directory", "the stored value is not used: %s", why);
    }
    mix_stored_deinit(&s);
    return !why;
}

/* Its bytes in d->value. */
static bool write_value(mix_directory *d) {
    mix_stored s = {
        .fetched = d->fetched,
        .described = d->described,
        .metadata = d->metadata,
        .rotation = d->rotation,
        .rewarded = d->rewarded,
        .mixnodes = d->mixnodes,
        .gateways = d->gateways,
        .exits = d->exits,
    };
    mix_buf_truncate(&d->value, 0);
    int status = mix_stored_digest(s.asked, d->urls, d->url_count);
    if (status == MIX_OK)
        status = mix_stored_encode(&d->value, &s);
    if (status != MIX_OK)
        mix_log(d->env, MIX_LOG_DEBUG, "directory", "nothing is stored: %s",
                mix_error_text(status));
    return status == MIX_OK;
}

bool mix_directory_is_stored(const mix_directory *d) {
    return d->stored_lists || d->stored_exits;
}

bool mix_directory_renewing(const mix_directory *d, mix_directory_part part) {
    bool lists = d->stored_lists && d->in_round,
         exits = d->stored_exits && under_way(d, MIX_REQUEST_DESCRIBED);
    return !d->renewed_in_vain && (lists || (exits && part == MIX_DIRECTORY_PART_EXITS));
}

bool mix_directory_renew(mix_directory *d, mix_time now) {
    if (!mix_directory_is_stored(d) || d->renewed_in_vain)
        return false;
    if (d->stored_lists)
        mix_directory_refresh(d, now);
    if (d->stored_exits)
        mix_directory_ask_exits(d, now);
    return mix_directory_renewing(d, MIX_DIRECTORY_PART_EXITS);
}

int mix_directory_new(mix_directory **out, const mix_directory_config *config, const mix_env *env,
                      mix_time now) {
    mix_directory *d = mix_alloc_zero(1, sizeof *d);
    if (!d)
        return MIX_ERR_MEMORY;
    d->env = env;
    for (size_t i = 0; i < MIX_REQUESTS; i++)
        mix_request_init(&d->requests[i], (mix_request_kind)i);
    d->good_until = MIX_NEVER;
    d->exits_again = now;
    int status = copy_config(d, config);
    if (status != MIX_OK) {
        mix_directory_free(d);
        return status;
    }
    if (config->stored.len == 0 || !take_stored(d, config, now)) {
        start_round(d, now);
        if (config->exits)
            mix_directory_ask_exits(d, now);
    }
    *out = d;
    return MIX_OK;
}

void mix_directory_free(mix_directory *d) {
    if (!d)
        return;
    for (size_t i = 0; i < MIX_REQUESTS; i++)
        mix_request_deinit(&d->requests[i]);
    for (size_t i = 0; i < d->url_count; i++)
        mix_free(d->urls[i]);
    mix_topology_free(d->current);
    mix_topology_free(d->retired);
    mix_topology_free(d->next);
    mix_kept_deinit(&d->gateways);
    mix_kept_deinit(&d->mixnodes);
    mix_kept_exits_deinit(&d->exits);
    mix_rewarded_deinit(&d->rewarded);
    mix_buf_deinit(&d->url);
    mix_buf_deinit(&d->value);
    mix_free(d);
}

/* Rounds */

static void round_failed(mix_directory *d, const mix_error *error, mix_time now) {
    for (int i = 0; i < MIX_REQUESTS_OF_TOPOLOGY; i++)
        mix_request_stop(&d->requests[i]);
    d->topology_error = *error;
    d->topology_failed = true;
    d->topology_kept = d->stored_lists;
    d->renewed_in_vain |= d->stored_lists;
    d->in_round = false;
    mix_time wait = ROUND_RETRY << (d->failed_rounds < 5 ? d->failed_rounds : 5);
    d->failed_rounds++;
    d->round_at = now + jittered(d, wait < REFRESH ? wait : REFRESH, 4);
    mix_log(d->env, MIX_LOG_WARN, "directory", "no new topology: %s: %s",
            mix_error_name(error->code), error->words);
}

static void round_succeeded(mix_directory *d, mix_topology *t, mix_time now) {
    mix_request *mixnodes = &d->requests[MIX_REQUEST_MIXNODES],
                *gateways = &d->requests[MIX_REQUEST_GATEWAYS];
    mix_kept_deinit(&d->mixnodes);
    mix_kept_deinit(&d->gateways);
    d->mixnodes = mixnodes->kept;
    d->gateways = gateways->kept;
    mixnodes->kept = gateways->kept = (mix_kept_list){0};
    mix_rewarded_deinit(&d->rewarded);
    d->rewarded = d->requests[MIX_REQUEST_REWARDED].rewarded;
    d->requests[MIX_REQUEST_REWARDED].rewarded = (mix_rewarded){0};
    d->metadata = mixnodes->metadata;
    d->fetched = d->env->wall_time(d->env->user);
    d->stored_lists = false;
    d->store_due = d->stores;
    d->has_lists = true;
    d->base = gateways->base;
    d->in_round = d->repeated = d->topology_failed = false;
    d->failed_rounds = 0;
    d->round_at = now + jittered(d, REFRESH, 10);
    d->good_until = now + TOO_OLD;
    mix_log(d->env, MIX_LOG_INFO, "directory", "topology of epoch %u, rotation %u: %zu nodes",
            t->epoch_id, t->rotation_id, t->count);
    offer(d, t);
}

/* §8.1; false notes which do not agree. */
static bool consistent(mix_directory *d, mix_error *e) {
    const mix_request *mixnodes = &d->requests[MIX_REQUEST_MIXNODES],
                      *gateways = &d->requests[MIX_REQUEST_GATEWAYS];
    uint32_t epoch = d->requests[MIX_REQUEST_REWARDED].rewarded.epoch_id;
    const mix_page_metadata *a = &mixnodes->metadata, *b = &gateways->metadata;
    if (mixnodes->mismatch || gateways->mismatch)
        mix_error_note(
            e, MIX_ERR_DIRECTORY_INCONSISTENT, "directory", 0,
            "%s: its pages differ in their metadata",
            mix_request_name(mixnodes->mismatch ? MIX_REQUEST_MIXNODES : MIX_REQUEST_GATEWAYS));
    else if (!mix_page_metadata_agree(a, b))
        mix_error_note(e, MIX_ERR_DIRECTORY_INCONSISTENT, "directory", 0,
                       "mixnodes and entry-gateways differ: epochs %u and %u, rotations %u and %u, "
                       "or their status",
                       a->epoch_id, b->epoch_id, a->rotation_id, b->rotation_id);
    else if (epoch != a->epoch_id)
        mix_error_note(e, MIX_ERR_DIRECTORY_INCONSISTENT, "directory", 0,
                       "rewarded-set is of epoch %u, the lists of nodes are of epoch %u", epoch,
                       a->epoch_id);
    else
        return true;
    return false;
}

static void end_round(mix_directory *d, mix_time now) {
    for (int i = 0; i < MIX_REQUESTS_OF_TOPOLOGY; i++) {
        if (d->requests[i].state != MIX_REQUEST_DONE)
            return;
    }
    mix_error error = {0};
    if (!consistent(d, &error)) {
        if (d->repeated) {
            d->repeated = false;
            round_failed(d, &error, now);
            return;
        }
        mix_log(d->env, MIX_LOG_INFO, "directory", "asking again: %s", error.words);
        d->repeated = true;
        start_round(d, now);
        return;
    }
    mix_topology *t = NULL;
    d->repeated = false;
    if (mix_snapshot_topology(&t, &d->requests[MIX_REQUEST_MIXNODES].kept,
                              &d->requests[MIX_REQUEST_GATEWAYS].kept,
                              &d->requests[MIX_REQUEST_REWARDED].rewarded,
                              &d->requests[MIX_REQUEST_MIXNODES].metadata, &error) == MIX_OK)
        round_succeeded(d, t, now);
    else
        round_failed(d, &error, now);
}

static void done(mix_directory *d, mix_request *r, mix_time now) {
    if (r->kind < MIX_REQUESTS_OF_TOPOLOGY) {
        end_round(d, now);
    } else if (r->kind == MIX_REQUEST_ROTATION) {
        d->rotation = r->rotation;
        d->has_rotation = true;
    } else {
        mix_kept_exits_deinit(&d->exits);
        d->exits = r->exits;
        r->exits = (mix_kept_exits){0};
        d->has_exits = d->exits_event = true;
        d->exits_failed = d->stored_exits = false;
        d->described = d->env->wall_time(d->env->user);
        d->store_due = d->stores;
        d->exits_again = now + EXITS_AGAIN;
        mix_log(d->env, MIX_LOG_INFO, "directory", "%zu of %zu described nodes are exits",
                d->exits.count, d->exits.seen);
    }
}

/* The next base URL at once while there is one that was not tried; then, if it may pass, the same
 * again after a while. */
static void failed(mix_directory *d, mix_request *r, mix_time now) {
    if (r->state == MIX_REQUEST_SENT)
        r->cancel_id = r->id;
    mix_request_drop(r);
    r->tries++;
    mix_log(d->env, MIX_LOG_DEBUG, "directory", "try %u: %s", r->tries, r->error.words);
    bool passing = mix_request_passing(r);
    r->base = (r->base + 1) % d->url_count;
    if (r->tries < d->url_count) {
        r->state = MIX_REQUEST_READY;
        return;
    }
    if (passing && r->tries < d->url_count - 1 + MIX_REQUEST_TRIES) {
        r->state = MIX_REQUEST_WAITING;
        r->at = now + jittered(d, RETRY << (r->tries - d->url_count), 4);
        return;
    }
    r->state = MIX_REQUEST_FAILED;
    if (r->kind < MIX_REQUESTS_OF_TOPOLOGY) {
        mix_error error = r->error;
        d->repeated = false;
        round_failed(d, &error, now);
    } else if (r->kind == MIX_REQUEST_DESCRIBED) {
        d->exits_error = r->error;
        d->exits_failed = true;
        d->exits_kept = d->stored_exits;
        d->renewed_in_vain |= d->stored_exits;
        mix_log(d->env, MIX_LOG_WARN, "directory", "no descriptions: %s", r->error.words);
    } else {
        mix_log(d->env, MIX_LOG_WARN, "directory", "no key rotation: %s", r->error.words);
    }
}

/* To and from the host */

static bool give_cancel(mix_directory *d, mix_directory_call *out) {
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        uint64_t id = d->requests[i].cancel_id;
        if (id != 0) {
            d->requests[i].cancel_id = 0;
            *out = (mix_directory_call){.cancel = true, .id = id};
            return true;
        }
    }
    return false;
}

/* Its URL in d->url, or a failed try. */
static bool write_url(mix_directory *d, mix_request *r, mix_time now) {
    mix_buf_truncate(&d->url, 0);
    mix_buf_put_str(&d->url, d->urls[r->base]);
    (void)mix_request_path(r, &d->url, d->bincode);
    mix_buf_put_u8(&d->url, 0);
    if (!d->url.failed)
        return true;
    mix_error_note(&r->error, MIX_ERR_MEMORY, "directory", 0, "%s: no memory",
                   mix_request_name(r->kind));
    failed(d, r, now);
    return false;
}

int mix_directory_drain(mix_directory *d, mix_directory_call *out, mix_time now) {
    if (give_cancel(d, out))
        return MIX_OK;
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        mix_request *r = &d->requests[i];
        while (r->state == MIX_REQUEST_READY) {
            if (!write_url(d, r, now))
                continue;
            mix_request_sent(r, ++d->last_id, now);
            *out = (mix_directory_call){
                .id = r->id,
                .url = (const char *)d->url.data,
                .accept = mix_request_accept(r, d->bincode),
            };
            return MIX_OK;
        }
    }
    return MIX_DONE;
}

int mix_directory_feed(mix_directory *d, const mix_directory_answer *a, mix_time now) {
    mix_request *r = NULL;
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        if (d->requests[i].state == MIX_REQUEST_SENT && d->requests[i].id == a->id)
            r = &d->requests[i];
    }
    if (!r)
        return MIX_OK;
    int status;
    if (a->failure)
        status = mix_error_note(&r->error, MIX_ERR_DIRECTORY_UNREACHABLE, "directory", 0, "%s: %s",
                                mix_request_name(r->kind), a->failure);
    else
        status = mix_request_piece(r, a->status, a->content_type, a->body, a->last, now);
    if (status != MIX_OK) {
        failed(d, r, now);
        if (a->failure || a->last)
            r->cancel_id = 0; /* it is over for the host */
        return a->failure || a->last ? MIX_OK : MIX_ERR_LIMIT;
    }
    if (r->state == MIX_REQUEST_DONE)
        done(d, r, now);
    return MIX_OK;
}

/* Events */

static void pull_topology(mix_directory *d, mix_directory_event *ev) {
    mix_topology_free(d->retired);
    d->retired = d->current;
    d->current = d->next;
    d->next = NULL;
    d->has_next = false;
    ev->kind = d->current ? MIX_DIRECTORY_TOPOLOGY : MIX_DIRECTORY_LOST;
    ev->topology = d->current;
}

/* All parts are there, and none of them is about to be replaced. */
static bool can_store(const mix_directory *d) {
    return d->store_due && d->has_lists && d->has_exits && d->has_rotation && !d->in_round &&
           !under_way(d, MIX_REQUEST_DESCRIBED) && !under_way(d, MIX_REQUEST_ROTATION);
}

int mix_directory_next(mix_directory *d, mix_directory_event *ev) {
    *ev = (mix_directory_event){0};
    if (d->has_next) {
        pull_topology(d, ev);
    } else if (d->exits_event && d->current) { /* exits need a topology */
        d->exits_event = false;
        ev->kind = MIX_DIRECTORY_EXITS;
    } else if (d->topology_failed || d->exits_failed) {
        ev->kind = MIX_DIRECTORY_FAILED;
        ev->part = d->topology_failed ? MIX_DIRECTORY_PART_TOPOLOGY : MIX_DIRECTORY_PART_EXITS;
        ev->error = d->topology_failed ? d->topology_error : d->exits_error;
        ev->stored = d->topology_failed ? d->topology_kept : d->exits_kept;
        *(d->topology_failed ? &d->topology_failed : &d->exits_failed) = false;
    } else if (can_store(d)) {
        d->store_due = false;
        if (!write_value(d))
            return MIX_DONE;
        ev->kind = MIX_DIRECTORY_STORE;
        ev->value = mix_buf_bytes(&d->value);
    } else {
        mix_buf_deinit(&d->value);
        return MIX_DONE;
    }
    return MIX_OK;
}

mix_time mix_directory_deadline(const mix_directory *d) {
    mix_time at = d->round_at < d->good_until ? d->round_at : d->good_until;
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        const mix_request *r = &d->requests[i];
        if ((r->state == MIX_REQUEST_SENT || r->state == MIX_REQUEST_WAITING) && r->at < at)
            at = r->at;
    }
    return at;
}

int mix_directory_tick(mix_directory *d, mix_time now) {
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        mix_request *r = &d->requests[i];
        if (r->at > now)
            continue;
        if (r->state == MIX_REQUEST_WAITING) {
            r->state = MIX_REQUEST_READY;
        } else if (r->state == MIX_REQUEST_SENT) {
            mix_error_note(&r->error, MIX_ERR_DIRECTORY_TIMEOUT, "directory", 0,
                           "%s: no %s in time", mix_request_name((mix_request_kind)i),
                           r->received > 0 ? "end" : "answer");
            failed(d, r, now);
        }
    }
    if (d->good_until <= now) {
        d->good_until = MIX_NEVER;
        d->has_lists = false;
        offer(d, NULL);
        mix_log(d->env, MIX_LOG_WARN, "directory", "the topology is too old");
    }
    if (d->round_at <= now)
        start_round(d, now);
    return MIX_OK;
}

void mix_directory_refresh(mix_directory *d, mix_time now) {
    if (!d->in_round)
        start_round(d, now);
}

void mix_directory_ask_exits(mix_directory *d, mix_time now) {
    if (!under_way(d, MIX_REQUEST_DESCRIBED) && now >= d->exits_again)
        mix_request_start(&d->requests[MIX_REQUEST_DESCRIBED], d->base);
}

const mix_rotation_info *mix_directory_rotation(const mix_directory *d) {
    return d->has_rotation ? &d->rotation : NULL;
}

/* Choices */

/* What there is to choose from; MIX_ERR_STATE when there is nothing yet. */
static int selection(const mix_directory *d, mix_selection *s, mix_time now) {
    if (!d->has_lists)
        return MIX_ERR_STATE;
    *s = (mix_selection){
        .env = d->env,
        .mixnodes = &d->mixnodes,
        .gateways = &d->gateways,
        .exits = &d->exits,
        .topology = d->has_next ? d->next : d->current,
        .now = now,
    };
    return MIX_OK;
}

int mix_directory_entry(mix_directory *d, mix_entry *out,
                        const uint8_t identity[static MIX_KEY_LEN], mix_error *e) {
    mix_selection s;
    int status = selection(d, &s, 0);
    return status == MIX_OK ? mix_select_entry(&s, d->tls, identity, out, e) : status;
}

int mix_directory_entries(mix_directory *d, mix_entry *out, size_t max, size_t *count, mix_error *e,
                          mix_time now) {
    mix_selection s;
    int status = selection(d, &s, now);
    if (status != MIX_OK || max == 0)
        return status != MIX_OK ? status : MIX_ERR_ARGUMENT;
    if (!d->has_preferred_gateway)
        return mix_select_entries(&s, d->tls,
                                  d->has_preferred_exit ? d->preferred_exit.gateway : NULL,
                                  &d->bad_entries, out, max, count, e);
    status = mix_select_entry(&s, d->tls, d->preferred_gateway, out, e);
    if (status == MIX_OK)
        *count = 1;
    return status;
}

/* Where its release is not known, or too old, the older version of the protocol is spoken (§9). */
static void preferred_exit(const mix_directory *d, mix_exit *out) {
    const mix_kept_exit *known = mix_kept_exits_find(&d->exits, d->preferred_exit.gateway);
    *out = (mix_exit){.address = d->preferred_exit, .ipr_version = MIX_IPR_BEFORE_10};
    if (known) {
        out->ipr_version = known->ipr_version;
        memcpy(out->release, known->release, sizeof out->release);
    }
}

int mix_directory_exits(mix_directory *d, const uint8_t *entry, mix_exit *out, size_t max,
                        size_t *count, mix_error *e, mix_time now) {
    mix_selection s;
    if (max == 0)
        return MIX_ERR_ARGUMENT;
    if (d->has_preferred_exit) {
        preferred_exit(d, out);
        *count = 1;
        return MIX_OK;
    }
    int status = d->has_exits ? selection(d, &s, now) : MIX_ERR_STATE;
    return status == MIX_OK ? mix_select_exits(&s, entry, &d->bad_exits, out, max, count, e)
                            : status;
}

bool mix_directory_offers(const mix_directory *d, const mix_recipient *exit) {
    const mix_kept_exit *known = mix_kept_exits_find(&d->exits, exit->gateway);
    const mix_topology *t = d->has_next ? d->next : d->current;
    if (d->has_preferred_exit)
        return memcmp(exit, &d->preferred_exit, sizeof *exit) == 0;
    return known && memcmp(exit, &known->address, sizeof *exit) == 0 && t &&
           mix_topology_check(t, exit->gateway) == MIX_OK;
}

void mix_directory_entry_failed(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN],
                                mix_time now) {
    mix_blame_add(&d->bad_entries, identity, now);
}

void mix_directory_entry_works(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN]) {
    mix_blame_clear(&d->bad_entries, identity);
}

void mix_directory_exit_failed(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN],
                               mix_time now) {
    mix_blame_add(&d->bad_exits, identity, now);
}

void mix_directory_exit_works(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN]) {
    mix_blame_clear(&d->bad_exits, identity);
}
