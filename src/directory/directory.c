/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: rounds of requests, what is made of them, when the next is due. */
#include "directory/directory.h"

#include "base/alloc.h"
#include "directory/pick.h"
#include "directory/release.h"
#include "directory/request.h"

#include <assert.h>
#include <stdio.h>

#define REFRESH MIX_SECONDS(300)
#define TOO_OLD MIX_SECONDS(3300) /* as the original: eleven refreshes in a row failed */
#define RETRY MIX_MS(500)         /* of one request, doubled each time */
#define ROUND_RETRY MIX_SECONDS(10)
#define EXITS_AGAIN MIX_SECONDS(60)

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
    bool has_lists;
    mix_kept_exits exits;
    bool has_exits, exits_event, exits_failed, topology_failed;
    mix_time exits_again; /* not before */
    mix_error topology_error, exits_error;
    mix_rotation_info rotation;
    bool has_rotation;
    mix_blames bad_entries, bad_exits;
};

/* time ± a fraction: 8 is an eighth. So that many clients do not come at once, and keep no common
 * beat. */
static mix_time jittered(mix_directory *d, mix_time time, uint32_t part) {
    uint32_t at = 500;
    if (mix_pick_below(d->env, 1001, &at) != MIX_OK)
        mix_log(d->env, MIX_LOG_WARN, "directory", "no random bytes for the next refresh's time");
    return time - time / part + time / part * 2 * at / 1000;
}

static void start_round(mix_directory *d) {
    for (int i = 0; i < MIX_REQUESTS_OF_TOPOLOGY; i++)
        mix_request_start(&d->requests[i], d->base);
    mix_request *rotation = &d->requests[MIX_REQUEST_ROTATION];
    if (!d->has_rotation &&
        (rotation->state == MIX_REQUEST_IDLE || rotation->state == MIX_REQUEST_FAILED))
        mix_request_start(rotation, d->base);
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
    d->bincode = config->bincode;
    d->has_preferred_gateway = config->preferred_gateway != NULL;
    if (config->preferred_gateway)
        memcpy(d->preferred_gateway, config->preferred_gateway, MIX_KEY_LEN);
    d->has_preferred_exit = config->preferred_exit != NULL;
    if (config->preferred_exit)
        d->preferred_exit = *config->preferred_exit;
    return MIX_OK;
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
    start_round(d);
    if (config->exits)
        mix_directory_ask_exits(d, now);
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
    mix_buf_deinit(&d->url);
    mix_free(d);
}

/* Rounds */

static void round_failed(mix_directory *d, const mix_error *error, mix_time now) {
    for (int i = 0; i < MIX_REQUESTS_OF_TOPOLOGY; i++)
        mix_request_stop(&d->requests[i]);
    d->topology_error = *error;
    d->topology_failed = true;
    d->in_round = false;
    mix_time wait = ROUND_RETRY << (d->failed_rounds < 5 ? d->failed_rounds : 5);
    d->failed_rounds++;
    d->round_at = now + jittered(d, wait < REFRESH ? wait : REFRESH, 4);
    mix_log(d->env, MIX_LOG_WARN, "directory", "no new topology: %s: %s",
            mix_error_name(error->code), error->words);
}

/* The event of a new topology, or of its loss; one that nobody has pulled yet is replaced. */
static void offer(mix_directory *d, mix_topology *t) {
    mix_topology_free(d->next);
    d->next = t;
    d->has_next = true;
    if (t)
        t->serial = ++d->serial;
}

static void round_succeeded(mix_directory *d, mix_topology *t, mix_time now) {
    mix_request *mixnodes = &d->requests[MIX_REQUEST_MIXNODES],
                *gateways = &d->requests[MIX_REQUEST_GATEWAYS];
    mix_kept_deinit(&d->mixnodes);
    mix_kept_deinit(&d->gateways);
    d->mixnodes = mixnodes->kept;
    d->gateways = gateways->kept;
    mixnodes->kept = gateways->kept = (mix_kept_list){0};
    mix_rewarded_deinit(&d->requests[MIX_REQUEST_REWARDED].rewarded);
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
        start_round(d);
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
        d->exits_failed = false;
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
        *(d->topology_failed ? &d->topology_failed : &d->exits_failed) = false;
    } else {
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
        start_round(d);
    return MIX_OK;
}

void mix_directory_refresh(mix_directory *d, mix_time now) {
    (void)now;
    if (!d->in_round)
        start_round(d);
}

void mix_directory_ask_exits(mix_directory *d, mix_time now) {
    mix_request *r = &d->requests[MIX_REQUEST_DESCRIBED];
    bool running = r->state == MIX_REQUEST_READY || r->state == MIX_REQUEST_SENT ||
                   r->state == MIX_REQUEST_WAITING;
    if (!running && now >= d->exits_again)
        mix_request_start(r, d->base);
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
