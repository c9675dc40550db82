/* SPDX-License-Identifier: Apache-2.0 */
/* The engines above the stack: made with the tunnel, run by its pump. */
#include "tunnel/internal.h"

#include "sockets/sockets.h"

#include <stdio.h>

#define DNS_TIMEOUT MIX_SECONDS(10)
#define STREAM_TIMEOUT MIX_SECONDS(30)
#define KEEPALIVE MIX_SECONDS(60)
/* So long what waits bears that nothing gets to the exit. An exit forgets who is silent for as
 * long, so most connections are gone by then, and whoever waits should learn why. */
#define STANDS_MOST MIX_SECONDS(60)
enum { ROUNDS = 32 };

mix_tunnel_engines *mix_tunnel_engines_of(const mix_tunnel *t) {
    return (mix_tunnel_engines *)(uintptr_t)&t->engines;
}

const mix_env *mix_tunnel_env(const mix_tunnel *t) {
    return t->env;
}

const mix_tunnel_config *mix_tunnel_options(const mix_tunnel *t) {
    return &t->cfg;
}

/* ---- time ---- */

mix_time mix_tunnel_transport_time(const mix_tunnel *t, mix_time now) {
    return (t->stands ? t->stands_since : now) - t->stood;
}

static void let_time_run(mix_tunnel *t, mix_time now) {
    bool through = t->running && t->flowing && t->exit_up && !t->exit_slow && t->tcpip;
    bool cut = t->had_stack && t->running && !through;
    if (cut && !t->cut)
        t->cut_since = now;
    t->cut = cut;
    bool stand = t->had_stack && !through && !(cut && now - t->cut_since >= STANDS_MOST);
    if (stand == t->stands)
        return;
    if (stand)
        t->stands_since = now;
    else
        t->stood += now - t->stands_since;
    t->stands = stand;
}

/* The tunnel's reason; one that is being mended may have none at the moment. */
static void put_reason(const mix_tunnel *t, mix_error *out, const char *before) {
    int code = t->reason.code != MIX_OK ? t->reason.code
               : t->flowing             ? MIX_ERR_IPR_SILENT
                                        : MIX_ERR_GATEWAY_CLOSED;
    const char *words = t->reason.words[0] ? t->reason.words : mix_error_text(code);
    const char *layer = t->reason.layer ? t->reason.layer : "tunnel";
    mix_error_note(out, code, layer, t->reason.number, "%snothing gets to the exit (%s): %s",
                   before, mix_tunnel_state_name(t->phase), words);
}

const mix_error *mix_tunnel_blame(mix_tunnel *t, int status) {
    static const int limits[] = {MIX_ERR_DNS_TIMEOUT,           MIX_ERR_TCP_TIMEOUT,
                                 MIX_ERR_TCP_STALLED,           MIX_ERR_HTTP_CONNECT_TIMEOUT,
                                 MIX_ERR_HTTP_RESPONSE_TIMEOUT, MIX_ERR_HTTP_IDLE};
    bool is_limit = false;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        is_limit |= limits[i] == status;
    if (!t->cut || !is_limit)
        return NULL;
    put_reason(t, &t->blame, "");
    return &t->blame;
}

void mix_tunnel_add_blame(const mix_tunnel *t, mix_error *e) {
    mix_error why = {0};
    size_t len = strlen(e->words);
    if (!t->cut)
        return;
    put_reason(t, &why, "; ");
    (void)snprintf(e->words + len, sizeof e->words - len, "%s", why.words);
}

/* ---- options ---- */

static int read_servers(mix_dns_config *d, const mix_tunnel_config *cfg, mix_error *e) {
    static const char *const usual[] = {"8.8.8.8:53", "1.1.1.1:53"};
    const char *const *servers = cfg->dns_server_count > 0 ? cfg->dns_servers : usual;
    size_t count = cfg->dns_server_count > 0 ? cfg->dns_server_count : 2;
    if (count > MIX_DNS_SERVERS)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", (int64_t)count,
                              "%zu name servers, %d are the most", count, MIX_DNS_SERVERS);
    for (size_t i = 0; i < count; i++)
        if (mix_address_parse(&d->servers[i], servers[i]) != MIX_OK || d->servers[i].port == 0)
            return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0,
                                  "'%.60s' is no name server: \"address:port\" is needed",
                                  servers[i]);
    return MIX_OK;
}

static int read_limits(mix_tunnel_config *c, mix_error *e) {
    const struct {
        mix_time *value, usual, least;
        const char *name;
    } times[] = {{&c->dns_timeout, DNS_TIMEOUT, 0, "dns_timeout"},
                 {&c->stream_timeout, STREAM_TIMEOUT, 0, "stream_timeout"},
                 {&c->keepalive, KEEPALIVE, -1, "keepalive"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (*times[i].value < times[i].least || *times[i].value > MIX_SECONDS(86400))
            return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0, "%s is out of its range",
                                  times[i].name);
        if (*times[i].value == 0)
            *times[i].value = times[i].usual;
    }
    if (c->per_host < 0 || c->per_host > 64 || c->max_redirects < -1)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0, "%s is out of its range",
                              c->max_redirects < -1 ? "max_redirects" : "per_host");
    return MIX_OK;
}

/* ---- life ---- */

static int make_tls(mix_tunnel *t, mix_error *e) {
    mix_tls_config c = {.extra_roots = mix_bytes_of(t->cfg.roots, t->cfg.roots_len),
                        .only_extra = t->cfg.only_roots};
    int status = mix_tls_new(&t->engines.tls, &c, t->env);
    if (status == MIX_ERR_TLS_ROOTS)
        mix_error_note(e, status, "tls", 0,
                       t->cfg.roots_len > 0 ? "roots: not PEM certificates, or a malformed one"
                                            : "only_roots is set, but roots has no certificate");
    return status;
}

static int make_engines(mix_tunnel *t, const mix_dns_config *dns, mix_error *e) {
    mix_tunnel_engines *g = &t->engines;
    mix_http_config http = {.per_host = t->cfg.per_host,
                            .connect_timeout = t->cfg.stream_timeout,
                            .keepalive = t->cfg.keepalive};
    mix_fetch_config fetch = {.max_redirects = t->cfg.max_redirects,
                              .user_agent = t->cfg.user_agent};
    int status = mix_tls_begin(t->env);
    if (status == MIX_OK)
        status = make_tls(t, e);
    if (status == MIX_OK)
        status = mix_dns_new(&g->dns, dns);
    if (status == MIX_ERR_DNS_NAME)
        status = mix_error_note(e, MIX_ERR_ARGUMENT, "tunnel", 0,
                                "doh_url: '%.80s' is no host name", dns->doh);
    if (status == MIX_OK)
        status = mix_http_new(&g->http, &http, g->dns, g->tls);
    if (status == MIX_OK)
        status = mix_fetch_new(&g->fetch, &fetch, g->http);
    if (status == MIX_OK && t->cfg.doh_url)
        status = mix_tunnel_doh_new(&g->doh, t->cfg.doh_url, dns->doh, g->dns, g->http);
    return status;
}

int mix_tunnel_transport_new(mix_tunnel *t, mix_error *e) {
    char doh[MIX_DNS_NAME_MAX + 1];
    mix_dns_config dns = {.doh = t->cfg.doh_url ? doh : NULL};
    if (t->cfg.ip_packets)
        return MIX_OK;
    int status = read_limits(&t->cfg, e);
    if (status == MIX_OK)
        status = read_servers(&dns, &t->cfg, e);
    if (status == MIX_OK && t->cfg.doh_url)
        status = mix_tunnel_doh_host(doh, t->cfg.doh_url, e);
    dns.timeout = t->cfg.dns_timeout;
    if (status != MIX_OK)
        return status;
    status = mix_sockets_begin(t->env);
    if (status == MIX_ERR_LIMIT)
        return mix_error_note(e, status, "tunnel", 0,
                              "another tunnel of this process has a TCP/IP stack already");
    t->seam = status == MIX_OK;
    if (status == MIX_OK)
        status = make_engines(t, &dns, e);
    return status == MIX_OK ? mix_doors_begin(t) : status;
}

void mix_tunnel_transport_free(mix_tunnel *t) {
    mix_tunnel_engines *g = &t->engines;
    mix_doors_free(t);
    mix_tunnel_doh_free(g->doh);
    mix_fetch_free(g->fetch);
    mix_http_free(g->http);
    mix_dns_free(g->dns);
    mix_tls_free(g->tls);
    *g = (mix_tunnel_engines){0};
    if (t->seam)
        mix_sockets_end();
    t->seam = false;
}

int mix_tunnel_transport_start(mix_tunnel *t) {
    return t->seam ? mix_sockets_renew() : MIX_OK;
}

void mix_tunnel_transport_stop(mix_tunnel *t, const mix_error *why, mix_time now) {
    mix_time inner = mix_tunnel_transport_time(t, now);
    if (!t->seam)
        return;
    mix_doors_end(t, why, inner);
    if (t->engines.doh)
        mix_tunnel_doh_end(t->engines.doh, why, inner);
    mix_http_reset(t->engines.http, why, inner);
    mix_dns_forget(t->engines.dns);
}

void mix_tunnel_transport_moved(mix_tunnel *t) {
    t->had_stack = true;
    mix_sockets_attach(t->tcpip);
}

/* ---- the pump's part ---- */

int mix_tunnel_next_http(mix_tunnel *t, mix_http *h, mix_http_event *ev) {
    int status = mix_http_next(h, ev);
    const mix_error *why =
        status == MIX_OK && ev->kind == MIX_HTTP_FINISHED ? mix_tunnel_blame(t, ev->status) : NULL;
    if (why) {
        mix_http_blame(h, ev->id, why);
        ev->status = why->code;
    }
    return status;
}

static bool take_dns(mix_tunnel *t, mix_time now) {
    mix_tunnel_engines *g = &t->engines;
    mix_dns_event ev;
    bool any = false;
    mix_dns_tick(g->dns, now);
    while (mix_dns_next(g->dns, &ev, now) == MIX_OK) {
        const mix_error *why = mix_tunnel_blame(t, ev.status);
        any = true;
        if (why) {
            ev.status = why->code;
            ev.failure = *why;
        }
        if (!mix_http_resolved(g->http, &ev, now))
            mix_doors_resolved(t, &ev, now);
    }
    if (g->doh)
        any |= mix_tunnel_doh_turn(g->doh, now);
    return any;
}

static bool take_http(mix_tunnel *t, mix_time now) {
    mix_tunnel_engines *g = &t->engines;
    mix_http_event ev;
    bool any = false;
    mix_http_tick(g->http, now);
    while (mix_tunnel_next_http(t, g->http, &ev) == MIX_OK) {
        any = true;
        if (!mix_fetch_take(g->fetch, &ev, now) && g->doh)
            (void)mix_tunnel_doh_exchanged(g->doh, &ev, now);
    }
    return any;
}

void mix_tunnel_transport_turn(mix_tunnel *t, mix_time host) {
    let_time_run(t, host);
    if (!t->seam)
        return;
    mix_time now = mix_tunnel_transport_time(t, host);
    mix_sockets_set_time(now);
    mix_doors_expire(t, host, now);
    if (t->tcpip && mix_tcpip_deadline(t->tcpip) <= now)
        (void)mix_tcpip_tick(t->tcpip, now);
    bool any = true;
    for (int round = 0; any && round < ROUNDS; round++) {
        any = take_dns(t, now);
        any |= take_http(t, now);
    }
    mix_doors_turn(t, now);
    if (mix_sockets_random_failed() && t->running) {
        mix_error e = {0};
        mix_error_note(&e, MIX_ERR_RANDOM, "sockets", 0, "the host's randomness failed");
        mix_tunnel_fail(t, &e);
    }
}

mix_time mix_tunnel_transport_deadline(const mix_tunnel *t) {
    if (!t->seam)
        return MIX_NEVER;
    mix_time limit = mix_doors_limit(t);
    if (t->stands)
        return t->cut ? mix_earlier(limit, t->cut_since + STANDS_MOST) : limit;
    mix_time at = mix_doors_deadline(t);
    if (t->tcpip)
        at = mix_earlier(at, mix_tcpip_deadline(t->tcpip));
    at = mix_earlier(at, mix_dns_deadline(t->engines.dns));
    at = mix_earlier(at, mix_http_deadline(t->engines.http));
    if (t->engines.doh)
        at = mix_earlier(at, mix_tunnel_doh_deadline(t->engines.doh));
    return mix_earlier(limit, at == MIX_NEVER ? at : at + t->stood);
}

/* ---- for public calls ---- */

int mix_tunnel_transport_begin(const mix_tunnel *t, mix_time *now) {
    *now = mix_tunnel_transport_time(t, *now);
    bool open = t->seam && t->running && t->was_ready && !t->closing;
    return open && t->verdict.code == MIX_OK ? MIX_OK : MIX_ERR_STATE;
}
