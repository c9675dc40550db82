/* SPDX-License-Identifier: Apache-2.0 */
/* The door of mix/dns.h: dns/ in the tunnel's own types. */
#include "tunnel/internal.h"

#include "base/alloc.h"
#include "mix/dns.h"

/* One that waits, or whose answer does. */
typedef struct lookup {
    struct lookup *next;
    uint32_t id; /* dns/'s */
    bool done;
    mix_error failure;
    mix_dns_answer answer;
    mix_record *records;
    mix_buf texts;
} lookup;

typedef struct lookups {
    lookup *first, **end;
    lookup *given; /* to the host, until its next call */
} lookups;

static int begin(mix_tunnel *t, void **state) {
    lookups *s = mix_alloc_zero(1, sizeof *s);
    (void)t;
    if (s)
        s->end = &s->first;
    *state = s;
    return s ? MIX_OK : MIX_ERR_MEMORY;
}

static void free_lookup(lookup *l) {
    if (!l)
        return;
    mix_free(l->records);
    mix_buf_deinit(&l->texts);
    mix_free(l);
}

static void free_all(mix_tunnel *t, void *state) {
    lookups *s = state;
    (void)t;
    while (s->first) {
        lookup *l = s->first;
        s->first = l->next;
        free_lookup(l);
    }
    free_lookup(s->given);
    mix_free(s);
}

static lookup *unlink_lookup(lookups *s, lookup **at) {
    lookup *l = *at;
    *at = l->next;
    if (s->end == &l->next)
        s->end = at;
    l->next = NULL;
    return l;
}

/* The event's bytes live until dns/ is called again, which is before the host sees them. */
static int copy(lookup *l, const mix_dns_event *ev) {
    mix_buf *b = &l->texts;
    if (ev->count > 0 && !(l->records = mix_alloc_zero(ev->count, sizeof *l->records)))
        return MIX_ERR_MEMORY;
    mix_buf_put_str(b, ev->canonical);
    mix_buf_put_u8(b, 0);
    for (size_t i = 0; i < ev->count; i++) {
        mix_buf_put_str(b, ev->records[i].text);
        mix_buf_put_u8(b, 0);
    }
    if (mix_buf_status(b) != MIX_OK)
        return MIX_ERR_MEMORY;
    const char *at = (const char *)b->data;
    l->answer = (mix_dns_answer){.ttl = ev->ttl,
                                 .cached = ev->cached,
                                 .canonical = at,
                                 .records = l->records,
                                 .count = ev->count};
    for (size_t i = 0; i < ev->count; i++) {
        at += strlen(at) + 1;
        l->records[i] = (mix_record){ev->records[i].type, ev->records[i].ttl, at};
    }
    return MIX_OK;
}

static void fail(lookup *l, const mix_error *why) {
    l->failure = *why;
    l->answer = (mix_dns_answer){.status = why->code, .canonical = ""};
    l->done = true;
}

static void fail_by_status(lookup *l, int status) {
    mix_error e = {0};
    mix_error_note(&e, status, "dns", 0, "%s", mix_error_text(status));
    fail(l, &e);
}

static bool resolved(mix_tunnel *t, void *state, const mix_dns_event *ev, mix_time now) {
    lookup *l = ((lookups *)state)->first;
    (void)t, (void)now;
    while (l && (l->done || l->id != ev->id))
        l = l->next;
    if (!l)
        return false;
    int status = ev->status == MIX_OK ? copy(l, ev) : MIX_OK;
    l->done = true;
    if (ev->status != MIX_OK)
        fail(l, &ev->failure);
    else if (status != MIX_OK)
        fail_by_status(l, status);
    return true;
}

static void end(mix_tunnel *t, void *state, const mix_error *why, mix_time now) {
    (void)now;
    for (lookup *l = ((lookups *)state)->first; l; l = l->next) {
        if (l->done)
            continue;
        mix_dns_cancel(t->engines.dns, l->id);
        fail(l, why);
    }
}

static int next(mix_tunnel *t, void *state, mix_tunnel_event *ev, mix_time now) {
    lookups *s = state;
    lookup **at = &s->first;
    (void)t, (void)now;
    free_lookup(s->given);
    s->given = NULL;
    while (*at && !(*at)->done)
        at = &(*at)->next;
    if (!*at)
        return MIX_DONE;
    lookup *l = s->given = unlink_lookup(s, at);
    ev->kind = MIX_TUNNEL_EVENT_DNS;
    ev->id = l->id;
    ev->dns = &l->answer;
    if (l->answer.status != MIX_OK)
        mix_tunnel_tell(&ev->failure, &l->failure);
    return MIX_OK;
}

const mix_door mix_door_lookups = {
    .begin = begin, .free = free_all, .resolved = resolved, .end = end, .next = next};

/* ---- the calls ---- */

static int ask(mix_tunnel *t, uint32_t *id, const char *name, unsigned families, uint16_t type,
               mix_time now) {
    mix_time inner = now;
    lookups *s = mix_tunnel_door(t, MIX_DOOR_LOOKUPS);
    *id = 0;
    int status = mix_tunnel_transport_begin(t, &inner);
    if (status != MIX_OK)
        return status;
    lookup *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    status = families ? mix_dns_lookup(t->engines.dns, &l->id, name, families, inner)
                      : mix_dns_query(t->engines.dns, &l->id, name, type, inner);
    if (status != MIX_OK) {
        mix_free(l);
        return status;
    }
    *id = l->id;
    *s->end = l;
    s->end = &l->next;
    mix_tunnel_pump(t, now);
    return MIX_OK;
}

int mix_tunnel_lookup(mix_tunnel *t, uint32_t *id, const char *name, unsigned families,
                      mix_time now) {
    unsigned bits = (families & MIX_LOOKUP_IP4 ? (unsigned)MIX_DNS_IP4 : 0u) |
                    (families & MIX_LOOKUP_IP6 ? (unsigned)MIX_DNS_IP6 : 0u);
    *id = 0;
    return bits != 0 ? ask(t, id, name, bits, 0, now) : MIX_ERR_ARGUMENT;
}

int mix_tunnel_query(mix_tunnel *t, uint32_t *id, const char *name, uint16_t type, mix_time now) {
    return ask(t, id, name, 0, type, now);
}

void mix_tunnel_lookup_cancel(mix_tunnel *t, uint32_t id) {
    lookups *s = mix_tunnel_door(t, MIX_DOOR_LOOKUPS);
    for (lookup **at = s ? &s->first : NULL; at && *at; at = &(*at)->next)
        if ((*at)->id == id) {
            lookup *l = unlink_lookup(s, at);
            if (!l->done)
                mix_dns_cancel(t->engines.dns, id);
            free_lookup(l);
            return;
        }
}

void mix_tunnel_forget_names(mix_tunnel *t) {
    if (t->engines.dns)
        mix_dns_forget(t->engines.dns);
}

uint16_t mix_record_type(const char *name) {
    return mix_dns_type(name);
}

const char *mix_record_type_name(uint16_t type) {
    return mix_dns_type_name(type);
}
