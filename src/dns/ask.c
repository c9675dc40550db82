/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that are asked, and when. c-ares asks the servers of a channel one after the other,
 * so each server has a channel of its own and the first good answer counts. */
#include "dns/internal.h"

#include "sockets/sockets.h"

enum {
    ASKED_MOST = 32, /* questions at a time of one server: each has a socket of its own, of which
                        there are 240 for everybody, and a channel looks after MIX_DNS_FDS */
};
/* Before the first answer: three round trips through the tunnel; then c-ares fits its waits to what
 * it has measured. */
#define FIRST_WAIT MIX_MS(1200)
/* The next server is asked when what was asked before has left the stack, so that the question goes
 * in a packet of its own, by another route; or after so long, if the stack always has more to send.
 */
#define NEXT_MOST MIX_MS(100)

static void on_socket(void *data, ares_socket_t fd, int readable, int writable) {
    server *s = data;
    size_t i = 0;
    unsigned events = (readable ? MIX_SOCKETS_IN : 0u) | (writable ? MIX_SOCKETS_OUT : 0u);
    while (i < s->fd_count && s->fds[i].fd != fd)
        i++;
    if (i == s->fd_count && events != 0 && s->fd_count < MIX_DNS_FDS)
        s->fds[s->fd_count++] = (struct wanted){.fd = fd};
    if (i == s->fd_count)
        return;
    s->fds[i].events = events;
    if (events == 0)
        s->fds[i] = s->fds[--s->fd_count];
}

int mix_dns_server_open(server *s, const mix_address *address) {
    char csv[MIX_ADDRESS_TEXT];
    struct ares_options o = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
        .timeout = (int)(FIRST_WAIT / 1000),
        .maxtimeout = 5000,
        .tries = 4,
        .ndots = 1,
        .udp_max_queries = 1, /* a port for each question */
        .sock_state_cb = on_socket,
        .sock_state_cb_data = s,
        .lookups = "b",
        .qcache_max_ttl = 0, /* its own cache is off */
    };
    int status =
        ares_init_options(&s->channel, &o,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_MAXTIMEOUTMS |
                              ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_UDP_MAX_QUERIES |
                              ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS | ARES_OPT_QUERY_CACHE);
    if (status != ARES_SUCCESS) {
        s->channel = NULL;
        return status == ARES_ENOMEM ? MIX_ERR_MEMORY : MIX_ERR_DNS_SERVER;
    }
    mix_address_format(csv, address);
    status = ares_set_servers_csv(s->channel, csv);
    return status == ARES_SUCCESS  ? MIX_OK
           : status == ARES_ENOMEM ? MIX_ERR_MEMORY
                                   : MIX_ERR_ARGUMENT;
}

static void run_server(server *s) {
    ares_fd_events_t events[MIX_DNS_FDS];
    size_t n = 0;
    for (size_t i = 0; i < s->fd_count; i++) {
        /* c-ares keeps a datagram that did not fit our short queue, but does not ask to be told
         * when there is room: it would send it when its time is up. */
        unsigned ready = mix_sockets_ready(s->fds[i].fd) &
                         (s->fds[i].events | MIX_SOCKETS_OUT | MIX_SOCKETS_ERR);
        if (ready == 0)
            continue;
        events[n++] = (ares_fd_events_t){
            .fd = s->fds[i].fd,
            .events = (ready & ~(unsigned)MIX_SOCKETS_OUT ? ARES_FD_EVENT_READ : 0u) |
                      (ready & MIX_SOCKETS_OUT ? ARES_FD_EVENT_WRITE : 0u)};
    }
    (void)ares_process_fds(s->channel, events, n, ARES_PROCESS_FLAG_NONE);
}

static void on_answer(void *arg, ares_status_t status, size_t timeouts,
                      const ares_dns_record_t *in) {
    ask *k = arg;
    mix_dns *d = k->dns;
    question *q = k->question;
    bool current = !q->done && k->hops == q->hops;
    (void)timeouts;
    k->server->asks--;
    mix_free(k);
    q->pending--;
    if (!current || status == ARES_EDESTRUCTION)
        return;
    q->asking--;
    answer a;
    char alias[MIX_DNS_NAME_MAX + 1];
    mix_dns_answer_read(&a, alias, status, in, q->asked, q->type);
    mix_dns_settle(d, q, &a, alias);
}

/* Which servers a question may be asked of now: all, as long as they answer alike; without those
 * that are behind, once another one is nearly idle. 0: it is to wait. */
static unsigned with_room(const mix_dns *d, bool room[static MIX_DNS_SERVERS]) {
    size_t least = SIZE_MAX;
    unsigned count = 0;
    for (size_t i = 0; i < d->server_count; i++) {
        room[i] = d->servers[i].asks < ASKED_MOST;
        count += room[i];
        least = d->servers[i].asks < least ? d->servers[i].asks : least;
    }
    return count == d->server_count || least < ASKED_MOST / 2 ? count : 0;
}

static void owe(mix_dns *d, question *q, size_t server) {
    q->owed |= 1u << server;
    q->asking++;
    d->servers[server].asks++;
}

static void owe_no_more(mix_dns *d, question *q, size_t server) {
    q->owed &= ~(1u << server);
    q->asking--;
    d->servers[server].asks--;
}

void mix_dns_ask_no_more(mix_dns *d, question *q) {
    for (size_t i = 0; i < d->server_count; i++)
        if (q->owed & 1u << i)
            owe_no_more(d, q, i);
}

void mix_dns_ask_next(mix_dns *d, question *q) {
    for (size_t i = 0; i < d->server_count; i++) {
        if (!(q->owed & 1u << i))
            continue;
        ask *k = mix_alloc(sizeof *k);
        if (!k) {
            owe_no_more(d, q, i);
            continue;
        }
        *k = (ask){.dns = d, .server = &d->servers[i], .question = q, .hops = q->hops};
        q->owed &= ~(1u << i);
        q->next_at = d->now + NEXT_MOST;
        q->pending++;
        d->stats.questions++;
        /* Gives the answer to the callback in any case, which may be at once. */
        (void)ares_query_dnsrec(d->servers[i].channel, q->asked, ARES_CLASS_IN,
                                (ares_dns_rec_type_t)q->type, on_answer, k, NULL);
        return;
    }
    if (q->asking == 0 && !q->done) {
        q->done = true;
        q->answer.status = MIX_ERR_MEMORY;
    }
}

void mix_dns_ask(mix_dns *d, question *q) {
    bool room[MIX_DNS_SERVERS];
    if (q->doh) {
        mix_dns_doh_ask(d, q);
        return;
    }
    q->waiting = with_room(d, room) == 0;
    if (q->waiting)
        return;
    for (size_t i = 0; i < d->server_count; i++)
        if (room[i])
            owe(d, q, i);
    mix_dns_ask_next(d, q);
}

/* Asks what waits, the oldest first, or forgets it when nobody waits for it any more. */
static void ask_waiting(mix_dns *d) {
    bool room[MIX_DNS_SERVERS];
    while (with_room(d, room) > 0) {
        question *oldest = NULL;
        for (question *q = d->questions; q; q = q->next)
            oldest = q->waiting ? q : oldest;
        if (!oldest)
            return;
        oldest->waiting = false;
        if (mix_dns_is_wanted(oldest))
            mix_dns_ask(d, oldest);
        else
            oldest->done = oldest->stale = true;
    }
}

/* Nobody waits for it any more: its places at servers are for others. Who asks for the same later
 * begins anew. */
static void let_go(mix_dns *d, question *q) {
    mix_dns_ask_no_more(d, q);
    q->stale = true;
}

/* Asks the next server, one for each question: those that go together share packets again. */
static void ask_due(mix_dns *d) {
    question *due[ASKED_MOST * MIX_DNS_SERVERS]; /* each has a place at a server */
    size_t n = 0;
    bool left = mix_sockets_unsent() == 0;
    for (question *q = d->questions; q; q = q->next) {
        if (q->owed == 0)
            continue;
        if (!mix_dns_is_wanted(q))
            let_go(d, q);
        else if ((left || q->next_at <= d->now) && n < sizeof due / sizeof *due)
            due[n++] = q;
    }
    while (n > 0) /* the oldest first */
        mix_dns_ask_next(d, due[--n]);
}

void mix_dns_ask_tick(mix_dns *d) {
    for (size_t i = 0; i < d->server_count; i++)
        run_server(&d->servers[i]);
    ask_due(d);
    ask_waiting(d);
}

mix_time mix_dns_ask_deadline(const mix_dns *d) {
    mix_time at = MIX_NEVER;
    bool left = mix_sockets_unsent() == 0;
    for (const question *q = d->questions; q; q = q->next)
        if (q->owed != 0 && mix_dns_is_wanted(q))
            at = mix_earlier(at, left ? d->now : q->next_at);
    for (size_t i = 0; i < d->server_count; i++) {
        struct timeval tv;
        if (!ares_timeout(d->servers[i].channel, NULL, &tv))
            continue;
        mix_time own = mix_sockets_now() + MIX_SECONDS(tv.tv_sec) + tv.tv_usec;
        at = mix_earlier(at, own);
    }
    return at;
}
