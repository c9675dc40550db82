/* SPDX-License-Identifier: Apache-2.0 */
/* TCP streams and UDP sockets for hosts: tcpip's sockets under numbers that are never used twice,
 * and names whose addresses are tried one after the other (RFC 8305, with a mixnet's times). */
#include "mix/socket.h"

#include "base/alloc.h"
#include "tunnel/doors.h"

#include <assert.h>
#include <stdio.h>

enum { TRIES = 8, NONE = -1 };
#define NEXT_TRY MIX_MS(1500) /* without an answer; a round trip takes up to half of that */

static_assert((int)MIX_SOCKET_READABLE == (int)MIX_TCPIP_READABLE &&
                  (int)MIX_SOCKET_WRITABLE == (int)MIX_TCPIP_WRITABLE &&
                  (int)MIX_SOCKET_CONNECTED == (int)MIX_TCPIP_CONNECTED &&
                  (int)MIX_SOCKET_ENDED == (int)MIX_TCPIP_ENDED &&
                  (int)MIX_SOCKET_FAILED == (int)MIX_TCPIP_FAILED,
              "readiness is passed on as it is");

typedef struct attempt {
    mix_address to;
    int number; /* tcpip's; NONE: not yet, or failed */
} attempt;

typedef struct socket {
    struct socket *next;
    uint32_t id, lookup;         /* lookup 0: none under way */
    bool udp, connecting, named; /* named: host is no number */
    int number;                  /* tcpip's, of UDP or once connected; NONE */
    mix_address remote;
    unsigned told, armed; /* readiness: changes that were told; bits that the host waits for */
    mix_error failure;
    /* while connecting */
    uint16_t port;
    attempt tries[TRIES];
    size_t count, begun;
    mix_time give_up; /* in the host's time */
    mix_time next_at;
    char host[MIX_DNS_NAME_MAX + 3];
} socket;

typedef struct sockets {
    socket *first;
    unsigned count;
    uint32_t last_id, last_told; /* last_told: where next() goes on, for fairness */
} sockets;

static sockets *door(const mix_tunnel *t) {
    return mix_tunnel_door(t, MIX_DOOR_SOCKETS);
}

static socket *find(const mix_tunnel *t, uint32_t id) {
    const sockets *d = door(t);
    socket *s = d ? d->first : NULL;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static int begin(mix_tunnel *t, void **state) {
    (void)t;
    *state = mix_alloc_zero(1, sizeof(sockets));
    return *state ? MIX_OK : MIX_ERR_MEMORY;
}

/* ---- the end of one ---- */

static void stop_trying(mix_tunnel *t, socket *s, mix_time now) {
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    if (s->lookup != 0)
        mix_dns_cancel(mix_tunnel_engines_of(t)->dns, s->lookup);
    s->lookup = 0;
    for (size_t i = 0; i < s->begun; i++)
        if (s->tries[i].number != NONE && stack)
            mix_tcpip_abort(stack, s->tries[i].number, now);
    s->count = s->begun = 0;
    s->connecting = false;
    s->give_up = s->next_at = MIX_NEVER;
}

static void shut(mix_tunnel *t, socket *s, bool reset, mix_time now) {
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    stop_trying(t, s, now);
    if (s->number != NONE && stack) {
        if (reset)
            mix_tcpip_abort(stack, s->number, now);
        else
            mix_tcpip_close(stack, s->number, now);
    }
    s->number = NONE;
}

static void remove_socket(sockets *d, socket *s) {
    socket **at = &d->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    d->count--;
    mix_free(s);
}

static void free_all(mix_tunnel *t, void *state) {
    sockets *d = state;
    while (d && d->first) {
        shut(t, d->first, true, 0);
        remove_socket(d, d->first);
    }
    mix_free(d);
}

static void note_late(const mix_tunnel *t, socket *s, int late) {
    mix_error_note(&s->failure, late, s->lookup != 0 ? "dns" : "tcpip", 0, "%.60s: %s", s->host,
                   mix_error_text(late));
    mix_tunnel_add_blame(t, &s->failure);
}

static void fail(mix_tunnel *t, socket *s, mix_time now) {
    int late = s->lookup != 0 ? MIX_ERR_DNS_TIMEOUT : MIX_ERR_TCP_TIMEOUT;
    if (s->failure.code == MIX_OK)
        note_late(t, s, late);
    shut(t, s, true, now);
}

/* ---- trying addresses ---- */

/* What an address answered says more than that another one did not. */
static int weight(int code) {
    switch (code) {
    case MIX_OK:
        return 0;
    case MIX_ERR_IP_FAMILY:
        return 1;
    case MIX_ERR_TCP_TIMEOUT:
        return 2;
    default:
        return 3;
    }
}

static void note_try(mix_tunnel *t, socket *s, const attempt *a, int status) {
    char text[MIX_ADDRESS_TEXT];
    const mix_error *why = mix_tunnel_blame(t, status);
    if (weight(status) <= weight(s->failure.code))
        return;
    if (why) {
        s->failure = *why;
        return;
    }
    mix_address_format(text, &a->to);
    mix_error_note(&s->failure, status, "tcpip", 0, "%.60s%s%s%s: %s", s->named ? s->host : "",
                   s->named ? " (" : "", text, s->named ? ")" : "", mix_error_text(status));
}

static void win(mix_tunnel *t, socket *s, attempt *a, mix_time now) {
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    s->number = a->number;
    a->number = NONE;
    stop_trying(t, s, now);
    mix_error_clear(&s->failure);
    s->remote = a->to;
    s->armed = MIX_SOCKET_READABLE;
    mix_tcpip_set_keepalive(stack, s->number, mix_tunnel_options(t)->keepalive);
}

/* Those under way; true: one has won. */
static bool look_at_tries(mix_tunnel *t, socket *s, mix_time now) {
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    for (size_t i = 0; i < s->begun; i++) {
        attempt *a = &s->tries[i];
        unsigned ready = a->number != NONE ? mix_tcpip_ready(stack, a->number) : 0;
        if (ready & MIX_TCPIP_CONNECTED) {
            win(t, s, a, now);
            return true;
        }
        if (ready & MIX_TCPIP_FAILED) {
            note_try(t, s, a, mix_tcpip_status(stack, a->number));
            mix_tcpip_close(stack, a->number, now);
            a->number = NONE;
            s->next_at = now;
        }
    }
    return false;
}

static int begin_try(mix_tunnel *t, attempt *a, mix_time now) {
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    int status = mix_tcpip_open(stack, &a->number, MIX_TCPIP_STREAM, a->to.family);
    if (status != MIX_OK) {
        a->number = NONE;
        return status;
    }
    status = mix_tcpip_connect(stack, a->number, &a->to, now);
    if (status != MIX_OK) {
        mix_tcpip_abort(stack, a->number, now);
        a->number = NONE;
    }
    return status;
}

static bool any_under_way(const socket *s) {
    for (size_t i = 0; i < s->begun; i++)
        if (s->tries[i].number != NONE)
            return true;
    return false;
}

static void go_on(mix_tunnel *t, socket *s, mix_time now) {
    if (look_at_tries(t, s, now))
        return;
    while (s->begun < s->count && s->next_at <= now) {
        attempt *a = &s->tries[s->begun++];
        int status = begin_try(t, a, now);
        if (status == MIX_OK)
            s->next_at = now + NEXT_TRY;
        else
            note_try(t, s, a, status);
    }
    if (s->lookup == 0 && s->begun == s->count && !any_under_way(s))
        fail(t, s, now);
}

/* ---- verbs ---- */

static void turn(mix_tunnel *t, void *state, mix_time now) {
    const sockets *d = state;
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    for (socket *s = d->first; s; s = s->next) {
        if (s->connecting && stack)
            go_on(t, s, now);
        int status =
            s->number != NONE && !s->udp && stack ? mix_tcpip_status(stack, s->number) : MIX_OK;
        if (status != MIX_OK && s->failure.code == MIX_OK) {
            char text[MIX_ADDRESS_TEXT];
            const mix_error *why = mix_tunnel_blame(t, status);
            mix_address_format(text, &s->remote);
            if (why)
                s->failure = *why;
            else
                mix_error_note(&s->failure, status, "tcpip", 0, "%s: %s", text,
                               mix_error_text(status));
        }
    }
}

/* Families in turn, beginning with the first record's. */
static void take_addresses(socket *s, const mix_dns_event *ev) {
    int family = 0;
    bool used[MIX_DNS_RECORDS_MAX * 2] = {false};
    while (s->count < TRIES) {
        size_t pick = ev->count, any = ev->count;
        for (size_t i = ev->count; i-- > 0;) {
            if (used[i] || ev->records[i].ip.family == 0)
                continue;
            any = i;
            if (ev->records[i].ip.family != family)
                pick = i;
        }
        pick = pick < ev->count ? pick : any;
        if (pick == ev->count)
            return;
        used[pick] = true;
        attempt *a = &s->tries[s->count++];
        *a = (attempt){.to = ev->records[pick].ip, .number = NONE};
        a->to.port = s->port;
        family = a->to.family;
    }
}

static bool resolved(mix_tunnel *t, void *state, const mix_dns_event *ev, mix_time now) {
    const sockets *d = state;
    socket *s = d->first;
    while (s && (s->lookup == 0 || s->lookup != ev->id))
        s = s->next;
    if (!s)
        return false;
    s->lookup = 0;
    s->next_at = now;
    if (ev->status == MIX_OK) {
        take_addresses(s, ev);
    } else {
        s->failure = ev->failure;
        fail(t, s, now);
    }
    return true;
}

static void end(mix_tunnel *t, void *state, const mix_error *why, mix_time now) {
    const sockets *d = state;
    for (socket *s = d->first; s; s = s->next) {
        if (s->failure.code == MIX_OK)
            s->failure = *why;
        shut(t, s, true, now);
    }
}

/* Numbers of the stack that is gone mean nothing on the new one. Who was still trying begins anew.
 */
static void moved(mix_tunnel *t, void *state, mix_time now) {
    const sockets *d = state;
    (void)t;
    for (socket *s = d->first; s; s = s->next) {
        if (s->connecting) {
            s->begun = 0;
            s->next_at = now;
            continue;
        }
        s->number = NONE;
        if (s->failure.code == MIX_OK)
            mix_error_note(&s->failure, MIX_ERR_TCP_MOVED, "tcpip", 0, "%s",
                           mix_error_text(MIX_ERR_TCP_MOVED));
    }
}

static unsigned ready_of(mix_tunnel *t, const socket *s) {
    if (s->connecting)
        return 0;
    if (s->number == NONE)
        return MIX_SOCKET_FAILED | MIX_SOCKET_READABLE | MIX_SOCKET_WRITABLE;
    if (!mix_tunnel_tcpip(t))
        return 0;
    unsigned ready = mix_tcpip_ready(mix_tunnel_tcpip(t), s->number);
    return s->udp ? ready & (unsigned)(MIX_SOCKET_READABLE | MIX_SOCKET_WRITABLE) : ready;
}

/* Whether there is news; then it counts as told. A host that leaves things unread or unwritten is
 * not told again before it has tried. */
static bool tell(mix_tunnel *t, socket *s, mix_tunnel_event *ev) {
    unsigned states = MIX_SOCKET_CONNECTED | MIX_SOCKET_ENDED | MIX_SOCKET_FAILED;
    unsigned ready = ready_of(t, s);
    if ((ready & states & ~s->told) == 0 && (ready & s->armed) == 0)
        return false;
    s->told |= ready & states;
    s->armed &= ~ready;
    ev->kind = MIX_TUNNEL_EVENT_SOCKET;
    ev->id = s->id;
    ev->what = ready;
    if (ready & MIX_SOCKET_FAILED)
        mix_tunnel_tell(&ev->failure, &s->failure);
    return true;
}

static int next(mix_tunnel *t, void *state, mix_tunnel_event *ev, mix_time now) {
    sockets *d = state;
    socket *from = d->first;
    (void)now;
    while (from && from->id != d->last_told)
        from = from->next;
    from = from && from->next ? from->next : d->first;
    socket *s = from;
    for (unsigned i = 0; i < d->count; i++, s = s->next ? s->next : d->first) {
        if (!tell(t, s, ev))
            continue;
        d->last_told = s->id;
        return MIX_OK;
    }
    return MIX_DONE;
}

static mix_time deadline(const mix_tunnel *t, const void *state) {
    const sockets *d = state;
    mix_time at = MIX_NEVER;
    (void)t;
    for (const socket *s = d->first; s; s = s->next)
        if (s->connecting && s->begun < s->count)
            at = mix_earlier(at, s->next_at);
    return at;
}

static mix_time limit(const mix_tunnel *t, const void *state) {
    const sockets *d = state;
    mix_time at = MIX_NEVER;
    (void)t;
    for (const socket *s = d->first; s; s = s->next)
        at = mix_earlier(at, s->give_up);
    return at;
}

static void expire(mix_tunnel *t, void *state, mix_time host, mix_time now) {
    const sockets *d = state;
    for (socket *s = d->first; s; s = s->next)
        if (s->give_up <= host)
            fail(t, s, now);
}

const mix_door mix_door_sockets = {
    .begin = begin,
    .free = free_all,
    .turn = turn,
    .resolved = resolved,
    .moved = moved,
    .end = end,
    .next = next,
    .deadline = deadline,
    .limit = limit,
    .expire = expire,
};

/* ---- calls ---- */

static int new_socket(sockets *d, socket **out) {
    *out = NULL;
    if (d->count >= MIX_TCPIP_SOCKETS)
        return MIX_ERR_SOCKET_LIMIT;
    socket *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    s->number = NONE;
    s->give_up = s->next_at = MIX_NEVER;
    *out = s;
    return MIX_OK;
}

static void add_socket(sockets *d, socket *s, uint32_t *id) {
    socket **at = &d->first;
    while (*at)
        at = &(*at)->next;
    *at = s;
    d->count++;
    if (++d->last_id == 0)
        d->last_id = 1;
    *id = s->id = d->last_id;
}

/* Numbers are tried as they are, names are looked up. */
static int begin_connect(mix_tunnel *t, socket *s, const char *host, mix_time now) {
    mix_address number;
    s->connecting = true;
    s->named = mix_ip_parse(&number, mix_bytes_str(host)) != MIX_OK;
    if (s->named)
        return mix_dns_lookup(mix_tunnel_engines_of(t)->dns, &s->lookup, host,
                              MIX_DNS_IP4 | MIX_DNS_IP6, now);
    number.port = s->port;
    s->tries[0] = (attempt){.to = number, .number = NONE};
    s->count = 1;
    s->next_at = now;
    return MIX_OK;
}

int mix_tunnel_connect(mix_tunnel *t, uint32_t *id, const char *host, uint16_t port,
                       mix_time timeout, mix_time now) {
    mix_time at = now;
    socket *s;
    *id = 0;
    int status = mix_tunnel_transport_begin(t, &at);
    if (status != MIX_OK)
        return status;
    if (port == 0 || timeout < 0)
        return MIX_ERR_ARGUMENT;
    status = new_socket(door(t), &s);
    if (status != MIX_OK)
        return status;
    s->port = port;
    s->give_up = now + (timeout > 0 ? timeout : mix_tunnel_options(t)->stream_timeout);
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    status = begin_connect(t, s, host, at);
    if (status != MIX_OK) {
        mix_free(s);
        return status;
    }
    add_socket(door(t), s, id);
    mix_tunnel_pump(t, now);
    return MIX_OK;
}

int mix_tunnel_udp(mix_tunnel *t, uint32_t *id, int family, mix_time now) {
    socket *s;
    *id = 0;
    int status = mix_tunnel_transport_begin(t, &now);
    if (status != MIX_OK)
        return status;
    mix_tcpip *stack = mix_tunnel_tcpip(t);
    if (!stack)
        return MIX_ERR_STATE;
    status = new_socket(door(t), &s);
    if (status != MIX_OK)
        return status;
    status = mix_tcpip_open(stack, &s->number, MIX_TCPIP_DATAGRAM, family);
    if (status != MIX_OK) {
        mix_free(s);
        return status;
    }
    s->udp = true;
    s->armed = MIX_SOCKET_READABLE;
    add_socket(door(t), s, id);
    return MIX_OK;
}

/* The socket for a call on one that is up; else *status is the call's answer. */
static socket *usable(mix_tunnel *t, uint32_t id, bool udp, int *status) {
    socket *s = find(t, id);
    *status = !s || s->udp != udp    ? MIX_ERR_ARGUMENT
              : s->connecting        ? MIX_DONE
              : s->number == NONE    ? s->failure.code
              : !mix_tunnel_tcpip(t) ? MIX_ERR_STATE
                                     : MIX_OK;
    return *status == MIX_OK ? s : NULL;
}

static void wait_for(const mix_tunnel *t, uint32_t id, unsigned bit, bool wait) {
    socket *s = find(t, id);
    if (s)
        s->armed = wait ? s->armed | bit : s->armed & ~bit;
}

int mix_tunnel_socket_write(mix_tunnel *t, uint32_t id, const uint8_t *data, size_t len,
                            size_t *taken, mix_time now) {
    int status;
    socket *s = usable(t, id, false, &status);
    *taken = 0;
    if (s)
        status = mix_tcpip_write(mix_tunnel_tcpip(t), s->number, mix_bytes_of(data, len), taken,
                                 mix_tunnel_transport_time(t, now));
    if (status == MIX_DONE)
        return MIX_BLOCKED; /* CONNECTED tells */
    wait_for(t, id, MIX_SOCKET_WRITABLE,
             status == MIX_BLOCKED || (status == MIX_OK && *taken < len));
    if (s)
        mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_socket_read(mix_tunnel *t, uint32_t id, uint8_t *out, size_t cap, size_t *got,
                           mix_time now) {
    int status;
    socket *s = usable(t, id, false, &status);
    *got = 0;
    if (s)
        status = mix_tcpip_read(mix_tunnel_tcpip(t), s->number, out, cap, got,
                                mix_tunnel_transport_time(t, now));
    wait_for(t, id, MIX_SOCKET_READABLE, status == MIX_DONE || (status == MIX_OK && *got > 0));
    if (*got > 0 && mix_tcpip_waiting(mix_tunnel_tcpip(t)) > 0)
        mix_tunnel_pump(t, now); /* the window is wider */
    return status;
}

int mix_tunnel_socket_shutdown(mix_tunnel *t, uint32_t id, mix_time now) {
    int status;
    const socket *s = usable(t, id, false, &status);
    if (!s)
        return status == MIX_DONE ? MIX_ERR_STATE : status;
    status = mix_tcpip_shutdown(mix_tunnel_tcpip(t), s->number, mix_tunnel_transport_time(t, now));
    mix_tunnel_pump(t, now);
    return status;
}

int mix_tunnel_udp_send(mix_tunnel *t, uint32_t id, const mix_endpoint *to, const uint8_t *data,
                        size_t len, mix_time now) {
    int status;
    const socket *s = usable(t, id, true, &status);
    if (!s)
        return status;
    mix_address a = {.family = to->family, .port = to->port};
    memcpy(a.octets, to->octets, to->family == 4 ? 4 : sizeof a.octets);
    status = mix_tcpip_send(mix_tunnel_tcpip(t), s->number, &a, mix_bytes_of(data, len),
                            mix_tunnel_transport_time(t, now));
    wait_for(t, id, MIX_SOCKET_WRITABLE, status == MIX_BLOCKED);
    mix_tunnel_pump(t, now);
    return status;
}

static void put_endpoint(mix_endpoint *out, const mix_address *a) {
    *out = (mix_endpoint){.family = a->family, .port = a->port};
    memcpy(out->octets, a->octets, sizeof out->octets);
}

int mix_tunnel_udp_receive(mix_tunnel *t, uint32_t id, mix_endpoint *from, uint8_t *out, size_t cap,
                           size_t *got, mix_time now) {
    int status;
    mix_address a = {0};
    const socket *s = usable(t, id, true, &status);
    (void)now;
    *got = 0;
    if (!s)
        return status;
    status = mix_tcpip_receive(mix_tunnel_tcpip(t), s->number, &a, out, cap, got);
    wait_for(t, id, MIX_SOCKET_READABLE, status == MIX_OK || status == MIX_DONE);
    put_endpoint(from, &a);
    return status;
}

int mix_tunnel_socket_remote(const mix_tunnel *t, uint32_t id, mix_endpoint *out) {
    const socket *s = find(t, id);
    if (!s || s->udp)
        return MIX_ERR_ARGUMENT;
    if (s->remote.family == 0)
        return MIX_ERR_STATE;
    put_endpoint(out, &s->remote);
    return MIX_OK;
}

void mix_tunnel_socket_close(mix_tunnel *t, uint32_t id, bool reset, mix_time now) {
    socket *s = find(t, id);
    if (!s)
        return;
    shut(t, s, reset, mix_tunnel_transport_time(t, now));
    remove_socket(door(t), s);
    mix_tunnel_pump(t, now);
}
