/* SPDX-License-Identifier: Apache-2.0 */
/* The side doors of a tunnel: what goes through it, at the height of fetch/. Each door is a file
 * with a state of its own, and one row of verbs; doors.c calls them all, in the order of the rows.
 *
 *   fetches.c     mix/fetch.h        websockets.c  mix/websocket.h
 *   lookups.c     mix/dns.h          sockets.c     mix/socket.h
 *
 * Time: the engines of transport.c, and the doors with them, live in a time of their own, which
 * stands still while nothing gets through to the exit, for a minute at most: what waits then does
 * not time out, and later it does for the tunnel's reason (mix_tunnel_blame). Public calls ask
 * mix_tunnel_transport_begin() for it; the verbs below are given it. The host's time counts where a
 * user sets a limit for the whole of something: limit and expire.
 *
 * A public call that may have brought something about ends with mix_tunnel_pump(). */
#ifndef MIX_TUNNEL_DOORS_H
#define MIX_TUNNEL_DOORS_H

#include "base/error.h"
#include "base/timers.h"
#include "dns/dns.h"
#include "fetch/fetch.h"
#include "http/http.h"
#include "mix/tunnel.h"
#include "tls/tls.h"
#include "tunnel/doh.h"
#include "tunnel/stack.h"

/* Made with the tunnel, freed with it; all NULL with ip_packets. The stack below them comes and
 * goes with our address (mix_tunnel_tcpip()): sockets of one that is gone answer with
 * MIX_ERR_TCP_MOVED. */
typedef struct mix_tunnel_engines {
    mix_tls *tls;
    mix_dns *dns;
    mix_http *http;
    mix_fetch *fetch;
    mix_tunnel_doh *doh; /* NULL: names are asked of name servers */
} mix_tunnel_engines;
mix_tunnel_engines *mix_tunnel_engines_of(const mix_tunnel *t);
const mix_env *mix_tunnel_env(const mix_tunnel *t);
/* The options, with defaults put in for dns_timeout, stream_timeout and keepalive; its pointers are
 * gone. */
const mix_tunnel_config *mix_tunnel_options(const mix_tunnel *t);

/* At the begin of a public call that starts something: MIX_ERR_STATE before the first READY, and
 * from stop or failure on. *now becomes the engines' time. */
int mix_tunnel_transport_begin(const mix_tunnel *t, mix_time *now);
/* For all other calls: the engines' time. */
mix_time mix_tunnel_transport_time(const mix_tunnel *t, mix_time now);

typedef enum mix_door_kind {
    MIX_DOOR_FETCHES,
    MIX_DOOR_LOOKUPS,
    MIX_DOOR_WEBSOCKETS,
    MIX_DOOR_SOCKETS,
    MIX_DOORS
} mix_door_kind;

/* Verbs that a door has no use for are NULL. */
typedef struct mix_door {
    int (*begin)(mix_tunnel *t, void **state); /* with the tunnel, engines are there; NULL after an
                                                  error. MIX_ERR_MEMORY */
    void (*free)(mix_tunnel *t, void *state);  /* before the engines are */
    /* Runs what is due and ready. */
    void (*turn)(mix_tunnel *t, void *state, mix_time now);
    /* An answer of dns/, which several doors use; true: it was of this door. */
    bool (*resolved)(mix_tunnel *t, void *state, const mix_dns_event *ev, mix_time now);
    /* All sockets of the stack are gone: there is a new one, on other addresses. */
    void (*moved)(mix_tunnel *t, void *state, mix_time now);
    /* All ends, for this reason; an event for each that was under way. Then nothing is, and what is
     * still to be read stays so. May come twice. */
    void (*end)(mix_tunnel *t, void *state, const mix_error *why, mix_time now);
    /* One event for the host (kind, id, what and so on; failure is empty at first), or MIX_DONE. */
    int (*next)(mix_tunnel *t, void *state, mix_tunnel_event *ev, mix_time now);
    mix_time (*deadline)(const mix_tunnel *t, const void *state);
    /* In the host's time: when expire has something to do, or MIX_NEVER. */
    mix_time (*limit)(const mix_tunnel *t, const void *state);
    void (*expire)(mix_tunnel *t, void *state, mix_time host, mix_time now);
} mix_door;

/* One row each: `const mix_door mix_door_sockets = {…}` in sockets.c. */
extern const mix_door mix_door_fetches, mix_door_lookups, mix_door_sockets, mix_door_websockets;

void *mix_tunnel_door(const mix_tunnel *t, mix_door_kind kind); /* a door's state */
/* The tunnel's reason in place of a time limit of an engine, which ran out because nothing gets to
 * the exit; NULL: status is what happened. Valid until the next call. */
const mix_error *mix_tunnel_blame(mix_tunnel *t, int status);
/* Where the limit is the user's own its code stays: adds the reason to its words, if there is one.
 */
void mix_tunnel_add_blame(const mix_tunnel *t, mix_error *e);
/* mix_http_next(), with the blame where it belongs. */
int mix_tunnel_next_http(mix_tunnel *t, mix_http *h, mix_http_event *ev);
/* An error as hosts are told it. */
void mix_tunnel_tell(mix_failure *out, const mix_error *e);

/* ---- doors.c: all of them, for transport.c and tunnel.c ---- */
int mix_doors_begin(mix_tunnel *t);
void mix_doors_free(mix_tunnel *t);
void mix_doors_turn(mix_tunnel *t, mix_time now);
void mix_doors_resolved(mix_tunnel *t, const mix_dns_event *ev, mix_time now);
void mix_doors_moved(mix_tunnel *t, mix_time now);
void mix_doors_end(mix_tunnel *t, const mix_error *why, mix_time now);
int mix_doors_next(mix_tunnel *t, mix_tunnel_event *ev, mix_time now);
mix_time mix_doors_deadline(const mix_tunnel *t);
mix_time mix_doors_limit(const mix_tunnel *t);
void mix_doors_expire(mix_tunnel *t, mix_time host, mix_time now);

/* ---- transport.c ---- */
/* Options and engines, before anything else of the tunnel draws randomness. MIX_ERR_ARGUMENT,
 * MIX_ERR_TLS_ROOTS, MIX_ERR_LIMIT, MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_tunnel_transport_new(mix_tunnel *t, mix_error *e);
void mix_tunnel_transport_free(mix_tunnel *t);
int mix_tunnel_transport_start(mix_tunnel *t); /* MIX_ERR_RANDOM */
/* All that is under way ends for this reason, and nothing is remembered of servers and names. */
void mix_tunnel_transport_stop(mix_tunnel *t, const mix_error *why, mix_time now);
/* Runs what is due and ready, up to the doors; now: the host's time. */
void mix_tunnel_transport_turn(mix_tunnel *t, mix_time now);
void mix_tunnel_transport_moved(mix_tunnel *t);              /* another stack */
mix_time mix_tunnel_transport_deadline(const mix_tunnel *t); /* in the host's time */

#endif
