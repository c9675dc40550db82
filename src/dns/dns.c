/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups, and the questions that they share. */
#include "dns/internal.h"

#include "sockets/sockets.h"

enum { LOOKUPS_MAX = 1024 };
#define SETTLE                                                                                     \
    MIX_MS(120) /* for the other family's answer, once one has addresses: most come together */
#define GRACE MIX_SECONDS(3600)
#define LEAST_TTL MIX_SECONDS(10)
#define MOST_TTL MIX_SECONDS(3600)
#define NEGATIVE_TTL MIX_SECONDS(60)

static void *ares_take(size_t size) {
    return mix_alloc(size > 0 ? size : 1);
}
static void *ares_retake(void *p, size_t size) {
    return mix_realloc(p, size > 0 ? size : 1);
}

static void take_config(mix_dns *d, const mix_dns_config *config) {
    mix_dns_config *c = &d->config;
    *c = *config;
    if (c->timeout == 0)
        c->timeout = MIX_SECONDS(10);
    if (c->cache_entries == 0)
        c->cache_entries = 512;
}

int mix_dns_new(mix_dns **out, const mix_dns_config *config) {
    *out = NULL;
    mix_dns *d = mix_alloc_zero(1, sizeof *d);
    if (!d)
        return MIX_ERR_MEMORY;
    d->lookups_end = &d->lookups;
    take_config(d, config);
    d->config.doh = NULL;
    int status =
        ares_library_init_mem(ARES_LIB_INIT_ALL, ares_take, mix_free, ares_retake) == ARES_SUCCESS
            ? MIX_OK
            : MIX_ERR_MEMORY;
    if (status != MIX_OK) {
        mix_free(d);
        return status;
    }
    for (size_t i = 0; i < MIX_DNS_SERVERS && status == MIX_OK; i++)
        if (config->servers[i].family != 0)
            status = mix_dns_server_open(&d->servers[d->server_count++], &config->servers[i]);
    if (status == MIX_OK && config->doh)
        status = mix_dns_doh_init(d, config->doh);
    if (status == MIX_OK && d->server_count == 0 && !(d->doh && d->doh_host[0] == 0))
        status = MIX_ERR_ARGUMENT;
    if (status != MIX_OK)
        mix_dns_free(d);
    else
        *out = d;
    return status;
}

static void free_question(mix_dns *d, question *q) {
    for (question **at = &d->questions; *at; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            break;
        }
    mix_dns_answer_deinit(&q->answer);
    mix_free(q);
}

void mix_dns_free(mix_dns *d) {
    if (!d)
        return;
    for (size_t i = 0; i < d->server_count; i++)
        if (d->servers[i].channel)
            ares_destroy(d->servers[i].channel);
    ares_library_cleanup();
    while (d->lookups) {
        lookup *l = d->lookups;
        d->lookups = l->next;
        mix_free(l);
    }
    while (d->questions)
        free_question(d, d->questions);
    mix_dns_answer_deinit(&d->given_answers[0]);
    mix_dns_answer_deinit(&d->given_answers[1]);
    mix_free(d);
}

static mix_time keep_for(const answer *a) {
    mix_time ttl = MIX_SECONDS(a->ttl);
    if (a->status == MIX_OK)
        return ttl < LEAST_TTL ? LEAST_TTL : ttl > MOST_TTL ? MOST_TTL : ttl;
    if (a->status == MIX_ERR_DNS_NOT_FOUND || a->status == MIX_ERR_DNS_NO_DATA)
        return ttl == 0 || ttl > NEGATIVE_TTL ? NEGATIVE_TTL : ttl;
    return 0; /* failures are told, not kept */
}

/* An answer for the question: the first that says something counts; failures wait for the other
 * servers, of which the next is asked now. */
void mix_dns_settle(mix_dns *d, question *q, answer *a, const char *alias) {
    bool final = a->status == MIX_OK || a->status == MIX_ERR_DNS_NOT_FOUND ||
                 a->status == MIX_ERR_DNS_NO_DATA;
    if (final || !mix_dns_is_wanted(q))
        mix_dns_ask_no_more(d, q);
    if (!final && q->asking > 0) {
        mix_dns_answer_deinit(a);
        mix_dns_ask_next(d, q);
        return;
    }
    if (alias[0] != 0 && a->status == MIX_ERR_DNS_NO_DATA) {
        mix_dns_answer_deinit(a);
        if (q->hops < MIX_DNS_HOPS) {
            q->hops++;
            mix_dns_copy(q->asked, alias);
            mix_dns_ask(d, q);
            return;
        }
        *a = (answer){.status = MIX_ERR_DNS_CHAIN};
    }
    mix_dns_answer_deinit(&q->answer);
    q->answer = *a;
    q->done = true;
    q->expires = d->now + keep_for(a);
}

/* The addresses of the resolver over HTTPS stand before every question: for an hour beyond their
 * end they still serve, while they are asked for anew (RFC 8767). */
static bool is_usable(const mix_dns *d, const question *q) {
    bool graced = d->doh && !q->doh &&
                  (q->answer.status == MIX_OK || q->answer.status == MIX_ERR_DNS_NO_DATA);
    return q->done && !q->stale && q->expires + (graced ? GRACE : 0) > d->now;
}

/* Makes room: what has ended, and if that is not enough what ends first. */
static void shrink(mix_dns *d) {
    size_t kept = 0;
    question *first = NULL;
    for (question *q = d->questions, *next; q; q = next) {
        next = q->next;
        if (q->pending > 0 || q->lookups > 0 || !q->done)
            continue;
        if (!is_usable(d, q)) {
            free_question(d, q);
            continue;
        }
        kept++;
        if (!first || q->expires < first->expires)
            first = q;
    }
    if (first && kept >= d->config.cache_entries)
        free_question(d, first);
}

static question *new_question(mix_dns *d, const char *name, uint16_t type) {
    shrink(d);
    question *q = mix_alloc_zero(1, sizeof *q);
    if (!q)
        return NULL;
    mix_dns_copy(q->name, name);
    mix_dns_copy(q->asked, name);
    q->type = type;
    q->doh = mix_dns_doh_is_for(d, name, type);
    q->give_up = d->now + d->config.timeout;
    q->next = d->questions;
    d->questions = q;
    q->lookups++; /* stays while the first answer comes, which may be at once */
    mix_dns_ask(d, q);
    q->lookups--;
    return q;
}

/* The one that is kept of a name and type, and the one that is being asked; what is of no use any
 * more is marked. Newer ones come first. */
static void find_questions(mix_dns *d, const char *name, uint16_t type, question **kept,
                           question **asking) {
    *kept = *asking = NULL;
    for (question *q = d->questions; q; q = q->next) {
        if (q->type != type || q->stale || strcmp(q->name, name) != 0)
            continue;
        if (!q->done && q->lookups == 0 && !q->refresh &&
            d->now > q->give_up - d->config.timeout / 2)
            q->stale = true; /* nobody waited for it any more, and it may never come */
        else if (!q->done)
            *asking = *asking ? *asking : q;
        else if (!*kept && is_usable(d, q))
            *kept = q;
        else
            q->stale = true;
    }
}

/* The question for a name and type: one that is being asked or kept, or a new one. */
static question *question_for(mix_dns *d, const char *name, uint16_t type) {
    question *kept, *asking;
    find_questions(d, name, type, &kept, &asking);
    if (kept) {
        d->stats.from_cache++;
        kept->lookups++; /* stays while room is made */
        if (kept->expires <= d->now && !asking && (asking = new_question(d, name, type)))
            asking->refresh = true;
        kept->lookups--;
        return kept;
    }
    if (asking) {
        d->stats.shared++;
        return asking;
    }
    return new_question(d, name, type);
}

static int begin(mix_dns *d, uint32_t *id, lookup **out, mix_time now) {
    size_t n = 0;
    *id = 0;
    d->now = now;
    mix_sockets_set_time(now);
    for (const lookup *l = d->lookups; l; l = l->next)
        n++;
    if (n >= LOOKUPS_MAX)
        return MIX_ERR_LIMIT;
    lookup *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    l->give_up = now + d->config.timeout;
    l->settle = MIX_NEVER;
    *out = l;
    return MIX_OK;
}

static int finish_begin(mix_dns *d, uint32_t *id, lookup *l) {
    d->stats.lookups++;
    if (++d->last_id == 0)
        d->last_id = 1;
    *id = l->id = d->last_id;
    *d->lookups_end = l;
    d->lookups_end = &l->next;
    return MIX_OK;
}

static int add_question(mix_dns *d, lookup *l, const char *name, uint16_t type) {
    question *q = question_for(d, name, type);
    if (!q)
        return MIX_ERR_MEMORY;
    q->lookups++;
    l->cached = q->done && (l->count == 0 || l->cached);
    l->questions[l->count++] = q;
    return MIX_OK;
}

static void drop_lookup(lookup *l) {
    for (size_t i = 0; i < l->count; i++)
        l->questions[i]->lookups--;
    mix_free(l);
}

int mix_dns_lookup(mix_dns *d, uint32_t *id, const char *name, unsigned families, mix_time now) {
    char checked[MIX_DNS_NAME_MAX + 1];
    mix_address number;
    lookup *l;
    bool is_number = mix_ip_parse(&number, mix_bytes_str(name)) == MIX_OK;
    int status = (families & 3) == 0 ? MIX_ERR_ARGUMENT
                 : is_number         ? MIX_OK
                                     : mix_dns_name(checked, name);
    if (status == MIX_OK)
        status = begin(d, id, &l, now);
    if (status != MIX_OK)
        return status;
    if (is_number)
        l->number = number;
    if (!is_number && (families & MIX_DNS_IP4))
        status = add_question(d, l, checked, ARES_REC_TYPE_A);
    if (!is_number && status == MIX_OK && (families & MIX_DNS_IP6))
        status = add_question(d, l, checked, ARES_REC_TYPE_AAAA);
    if (status != MIX_OK) {
        drop_lookup(l);
        return status;
    }
    return finish_begin(d, id, l);
}

int mix_dns_query(mix_dns *d, uint32_t *id, const char *name, uint16_t type, mix_time now) {
    char checked[MIX_DNS_NAME_MAX + 1];
    lookup *l;
    int status =
        type == 0 || !mix_dns_type_name(type) ? MIX_ERR_ARGUMENT : mix_dns_name(checked, name);
    if (status == MIX_OK)
        status = begin(d, id, &l, now);
    if (status == MIX_OK && (status = add_question(d, l, checked, type)) != MIX_OK)
        drop_lookup(l);
    return status == MIX_OK ? finish_begin(d, id, l) : status;
}

static void unlink_lookup(mix_dns *d, lookup *l) {
    lookup **at = &d->lookups;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (d->lookups_end == &l->next)
        d->lookups_end = at;
}

void mix_dns_cancel(mix_dns *d, uint32_t id) {
    for (lookup *l = d->lookups; l; l = l->next)
        if (l->id == id) {
            unlink_lookup(d, l);
            drop_lookup(l);
            return;
        }
}

/* All is answered, or enough is and the rest is late, or time is up. */
static bool is_ready(lookup *l, mix_time now) {
    bool all = true, some = l->number.family != 0;
    for (size_t i = 0; i < l->count; i++) {
        all &= l->questions[i]->done;
        some |= l->questions[i]->done && l->questions[i]->answer.status == MIX_OK;
    }
    if (some && !all && l->settle == MIX_NEVER)
        l->settle = now + SETTLE;
    return all || now >= l->give_up || now >= l->settle;
}

/* Copies an answer, so that the event outlives the question. */
static int copy_answer(answer *out, const answer *in) {
    mix_dns_answer_deinit(out);
    if (in->count > 0) {
        out->records = mix_alloc(in->count * sizeof *out->records);
        mix_buf_put_bytes(&out->texts, mix_buf_bytes(&in->texts));
        if (!out->records || mix_buf_status(&out->texts) != MIX_OK) {
            mix_dns_answer_deinit(out);
            return MIX_ERR_MEMORY;
        }
        memcpy(out->records, in->records, in->count * sizeof *out->records);
    }
    out->status = in->status;
    out->number = in->number;
    out->ttl = in->ttl;
    out->count = in->count;
    memcpy(out->canonical, in->canonical, sizeof out->canonical);
    return MIX_OK;
}

/* Of two families' failures the one that says more of the name: that there is none, before that a
 * server failed, before that the other family has nothing. */
static int worse(int a, int b) {
    const int order[] = {MIX_ERR_DNS_NOT_FOUND, MIX_ERR_DNS_CHAIN,   MIX_ERR_DNS_SERVER,
                         MIX_ERR_DNS_MALFORMED, MIX_ERR_DNS_TIMEOUT, MIX_ERR_MEMORY};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a != MIX_OK ? a : b;
}

static void add_records(mix_dns *d, mix_dns_event *ev, const answer *a, uint32_t ttl) {
    for (size_t i = 0; i < a->count; i++)
        d->given[ev->count++] =
            (mix_dns_record){.type = a->records[i].type,
                             .ttl = ttl,
                             .ip = a->records[i].ip,
                             .text = (const char *)a->texts.data + a->records[i].text};
    if (ev->ttl > ttl)
        ev->ttl = ttl;
    mix_dns_copy(d->given_name, a->canonical);
}

static void give_number(mix_dns *d, mix_dns_event *ev, const mix_address *number) {
    mix_ip_format(d->given_name, number);
    d->given[0] = (mix_dns_record){.type = number->family == 4 ? 1 : 28,
                                   .ttl = UINT32_MAX,
                                   .ip = *number,
                                   .text = d->given_name};
    ev->count = 1;
    ev->cached = true;
}

/* What is known of a failure: the name, and the words of who failed. */
static void note_failure(mix_dns_event *ev, int status, const question *q) {
    const mix_buf *words = &q->answer.texts;
    bool told = q->done && status == q->answer.status && words->len > 1;
    ev->status = status;
    ev->ttl = 0;
    mix_error_note(&ev->failure, status, "dns", q->done ? q->answer.number : 0, "%s%s%s", q->name,
                   told ? ": " : "", told ? (const char *)words->data : "");
}

static void give(mix_dns *d, mix_dns_event *ev, const lookup *l) {
    int failure = MIX_OK;
    const question *why = NULL;
    *ev = (mix_dns_event){.id = l->id,
                          .cached = l->cached,
                          .canonical = d->given_name,
                          .records = d->given,
                          .ttl = UINT32_MAX};
    d->given_name[0] = 0;
    if (l->number.family != 0)
        give_number(d, ev, &l->number);
    for (size_t i = 0; i < l->count; i++) {
        const question *q = l->questions[i];
        int status = q->done ? q->answer.status : MIX_ERR_DNS_TIMEOUT;
        if (status == MIX_OK)
            status = copy_answer(&d->given_answers[i], &q->answer);
        if (status == MIX_OK) {
            add_records(d, ev, &d->given_answers[i],
                        q->expires > d->now ? (uint32_t)((q->expires - d->now) / 1000000) : 0);
        } else if (failure == MIX_OK || worse(failure, status) != failure) {
            failure = status;
            why = q;
        }
    }
    if (ev->count == 0)
        note_failure(ev, failure, why);
}

/* Once no lookup waits, what slower servers would still say is of no use: no more is asked of them.
 */
static void hush(mix_dns *d) {
    bool any = false;
    mix_dns_doh_hush(d);
    for (question *q = d->questions; q; q = q->next) {
        if (q->doh)
            continue;
        if (!q->done && mix_dns_is_wanted(q))
            return;
        any |= q->pending > 0;
    }
    for (size_t i = 0; any && i < d->server_count; i++)
        ares_cancel(d->servers[i].channel);
}

int mix_dns_next(mix_dns *d, mix_dns_event *ev, mix_time now) {
    if (now > d->now)
        d->now = now;
    for (lookup *l = d->lookups; l; l = l->next) {
        if (!is_ready(l, d->now))
            continue;
        unlink_lookup(d, l);
        give(d, ev, l);
        drop_lookup(l);
        hush(d);
        return MIX_OK;
    }
    return MIX_DONE;
}

int mix_dns_tick(mix_dns *d, mix_time now) {
    d->now = now > d->now ? now : d->now;
    mix_sockets_set_time(now);
    mix_dns_ask_tick(d);
    for (lookup *l = d->lookups; l; l = l->next)
        (void)is_ready(l, d->now); /* sets how long the rest is waited for */
    hush(d);
    return MIX_OK;
}

mix_time mix_dns_deadline(const mix_dns *d) {
    mix_time at = mix_dns_doh_waits(d) ? d->now : mix_dns_ask_deadline(d);
    for (lookup *l = d->lookups; l; l = l->next) {
        mix_time own = is_ready(l, d->now) ? d->now : mix_earlier(l->give_up, l->settle);
        at = mix_earlier(at, own);
    }
    return at;
}

void mix_dns_forget(mix_dns *d) {
    for (question *q = d->questions; q; q = q->next)
        q->stale |= q->done;
    shrink(d);
}

void mix_dns_get_stats(const mix_dns *d, mix_dns_stats *out) {
    *out = d->stats;
    out->cached = 0;
    for (const question *q = d->questions; q; q = q->next)
        out->cached += q->done && !q->stale;
}
