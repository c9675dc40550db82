/* SPDX-License-Identifier: Apache-2.0 */
/* The session's state, shared by gateway.c (what the neighbours call), session.c (what is said) and
 * recovery.c (what to do when it fails). */
#ifndef MIX_GATEWAY_INTERNAL_H
#define MIX_GATEWAY_INTERNAL_H

#include "base/queue.h"
#include "gateway/gateway.h"
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"

enum {
    MIX_GATEWAY_THRESHOLD = 40000000, /* bytes; below, bandwidth is claimed (§3.13) */
    MIX_GATEWAY_NOISE = 16,           /* senseless messages in a row that end a connection */
    MIX_GATEWAY_EARLY = 16,           /* packets sent before a first claim is answered */
    MIX_GATEWAY_VAIN_CLAIMS = 3,      /* claims in a row after which a packet is still refused */
    MIX_GATEWAY_AHEAD_MOST = 60,      /* seconds; the gateway bears 120 */
};

/* A question whose answer is awaited beside packets. */
typedef enum mix_gateway_question {
    MIX_ASKED_NOTHING = 0,
    MIX_ASKED_CLAIM,
    MIX_ASKED_ALIVE
} mix_gateway_question;

struct mix_gateway {
    const mix_env *env;
    mix_gateway_config cfg; /* identity and vault point into here */
    mix_identity id;
    mix_vault vault;
    bool stores; /* there is a vault */
    mix_gateway_state state;
    mix_error error;
    int failure_number; /* for the next noted error */

    /* the gateway in use */
    bool chosen;
    uint8_t gateway[MIX_KEY_LEN];
    char url[MIX_GATEWAY_URL_MAX + 1];

    /* the connection */
    uint32_t link;
    bool link_known; /* the host was told to connect, and not yet to close */
    bool link_up;
    mix_time opened_at;
    mix_time alarm;       /* of the present state; unused when ready */
    mix_time heard_at;    /* any sound message */
    mix_time answered_at; /* an answer, or the first question that waits for one */

    /* orders to the host */
    bool connect_due, close_due;
    uint32_t close_link;
    mix_buf text; /* one text to send, empty: none */
    uint32_t text_link;
    mix_queue queue;

    /* the conversation */
    uint8_t version;    /* 0: not agreed yet */
    bool version_asked; /* on this connection */
    mix_handshake handshake;
    unsigned step;   /* of the registration: number of the message that is awaited, 2, 4 or 5 */
    bool registered; /* in this session */
    mix_gateway_question asked;
    mix_time asked_at;
    size_t asked_after; /* packets that will be answered before it */
    size_t flight;      /* packets not answered */
    int64_t remaining;
    unsigned vain_claims; /* since a packet was accepted */
    bool claimed;         /* since a packet was accepted */
    int64_t paid_day; /* UTC day, counted from 1970, of the last balance that is good for the day */
    unsigned noise;   /* senseless messages since a sound answer */
    unsigned refused; /* packets refused since one was accepted */

    /* the clock of authenticateV2 */
    int64_t clock_offset; /* seconds that the gateway is ahead of us */
    bool clock_corrected;
    int64_t clock_ahead; /* seconds added after a stale timestamp */
    int64_t last_timestamp;

    /* recovery */
    unsigned tries, replaced;
    bool reregistered;
    bool answered; /* a word came since the start */
    mix_time ready_at;

    /* events that wait */
    bool say_lost, say_ready, say_wanted, say_failed, say_store, say_state, say_bandwidth;
    mix_error lost, verdict;
    mix_queue pushed;
    bool pushed_given; /* the first pushed message was given out and can be dropped */
    mix_buf scratch;   /* members of the text being read */
    mix_buf plain;     /* the frame being opened */
    mix_buf store;     /* the value given out to be stored */

    mix_gateway_stats stats;
};

/* session.c */
void mix_session_begin(mix_gateway *g, mix_time now); /* the connection is open */
int mix_session_text(mix_gateway *g, mix_bytes message, mix_time now);
int mix_session_frame(mix_gateway *g, mix_bytes message, mix_time now);
bool mix_session_may_send(mix_gateway *g, size_t cost,
                          mix_time now); /* a packet of this cost; asks for bandwidth if not */
void mix_session_ask_alive(mix_gateway *g, mix_time now);
void mix_session_forget_us(mix_gateway *g); /* has the text for it sent */
bool mix_session_has_key(const mix_gateway *g);
bool mix_session_waits(const mix_gateway *g); /* for an answer, when ready */

/* recovery.c */
void mix_gateway_enter(mix_gateway *g, mix_gateway_state state, mix_time alarm);
void mix_gateway_dial(mix_gateway *g, mix_time now);
void mix_gateway_hang_up(mix_gateway *g); /* ends the connection, forgets what was said on it */
/* Notes the failure and does what the remedy says. The connection is over. */
void mix_gateway_fail(mix_gateway *g, int code, mix_remedy remedy, mix_time now, const char *format,
                      ...) __attribute__((format(printf, 5, 6)));
/* The same for a refusal in the gateway's own words. */
void mix_gateway_refused(mix_gateway *g, mix_bytes words, mix_time now);
/* A message that makes no sense here: notes code and words and returns the code; too many end the
 * connection. */
int mix_gateway_nonsense(mix_gateway *g, int code, mix_time now, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
