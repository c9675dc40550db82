/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel's state, shared by the files of this folder: tunnel.c (life and the host's ports),
 * pump.c (bytes between the layers), choice.c (which gateway and exit, and what is done when they
 * fail), values.c (what is stored between runs), stack.c and transport.c (what goes through it),
 * stale.c, and those doors that are part of the tunnel (doors.h). */
#ifndef MIX_TUNNEL_INTERNAL_H
#define MIX_TUNNEL_INTERNAL_H

#include "base/queue.h"
#include "directory/directory.h"
#include "gateway/gateway.h"
#include "ipr/ipr.h"
#include "messages/economy.h"
#include "messages/messages.h"
#include "mix/tunnel.h"
#include "traffic/reach.h"
#include "traffic/traffic.h"
#include "tunnel/doors.h"
#include "tunnel/stack.h"

enum { MIX_VALUE_IDENTITY, MIX_VALUE_DIRECTORY, MIX_VALUES };
enum {
    MIX_TUNNEL_EXITS = 8, /* of one round of choices */
    MIX_TUNNEL_ENTRIES = 4,
    MIX_TUNNEL_CALLS = 16, /* requests under way */
    MIX_TUNNEL_NOTES = 24, /* events that wait, packets aside */
    MIX_TUNNEL_WORDS = 160,
};

/* The layers that know the client's address; made anew with each gateway. */
typedef struct mix_tunnel_layers {
    mix_client_keys keys;
    mix_messages *messages;
    mix_traffic *traffic;
    mix_economy economy;
    uint64_t replies_seen; /* of the present exit */
    size_t avoided;        /* mix nodes that seem to be gone */
    uint32_t stale;        /* reply blocks made before that was known, yet to be used up: */
    mix_time stale_at;     /* the next one now */
} mix_tunnel_layers;

typedef struct mix_tunnel_note {
    mix_tunnel_event event;
    char text[MIX_TUNNEL_WORDS];
} mix_tunnel_note;

/* What the host is to store, or delete (empty). */
typedef struct mix_tunnel_value {
    mix_buf bytes;
    bool due;
} mix_tunnel_value;

struct mix_tunnel {
    const mix_env *env;
    mix_tunnel_config cfg; /* its pointers are not used after new */
    char *urls[MIX_DIRECTORY_URLS_MAX];
    size_t url_count;
    bool has_gateway, has_exit; /* preferred ones */
    uint8_t preferred_gateway[MIX_KEY_LEN];
    mix_recipient preferred_exit;

    mix_vault vault;  /* seals what is stored */
    mix_buf snapshot; /* what the directory said to an earlier run; until the first start */

    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mix_gateway *gateway;
    mix_directory *directory; /* while it runs */
    mix_ipr *ipr;             /* while it runs */
    mix_tunnel_layers layers; /* messages NULL: there are none */

    mix_tunnel_state state, phase;
    mix_error reason;  /* of the present trouble */
    mix_error verdict; /* code set: it fails at the end of the pump */
    bool running, was_ready, closing;
    mix_time started, setup_until, closing_until, setup_took;
    mix_time retry_at; /* after a failure of our own; 0: none */

    /* directory */
    uint64_t generation; /* of the directory engine: the upper half of call ids */
    uint64_t calls[MIX_TUNNEL_CALLS];
    size_t calls_len;
    uint64_t cancels[MIX_TUNNEL_CALLS];
    size_t cancels_len;
    const mix_topology *topology;
    bool topology_due; /* the layers have not taken it over yet */
    bool exits_known;
    mix_time doubt_at; /* when what is stored is doubted, if it is not ready by then; MIX_NEVER */
    uint32_t rotation_id;

    /* gateway */
    bool gateway_begun, entry_wanted, flowing;
    uint8_t entry[MIX_KEY_LEN]; /* in use, or tried last */
    bool entry_known;
    mix_time entry_at; /* when to look for one again; MIX_NEVER */
    mix_time stopped_flowing;

    /* exit */
    mix_exit exits[MIX_TUNNEL_EXITS];
    size_t exit_count, exit_at; /* exit_at: the one in use or tried last, + 1 */
    bool exit_up, exit_slow, exit_trying;
    bool exit_again;     /* the same one, before any other */
    bool refused_by_all; /* in this round */
    bool round_stored;   /* it was drawn from what was stored */
    mix_exit exit;       /* in use or tried last */
    bool exit_chosen;
    uint64_t session;    /* user number of its messages */
    unsigned rounds;     /* in vain, one after the other */
    mix_time exits_at;   /* when the next round begins; MIX_NEVER */
    mix_time exit_until; /* setup: then it has failed; MIX_NEVER */
    uint64_t skipped_seen, late_seen;
    uint8_t ip4[4], ip6[16];
    uint16_t mtu;
    bool addressed; /* the stack */
    mix_recipient addressed_by;
    mix_tcpip *tcpip; /* NULL: none */
    mix_time told_round_trip;
    mix_buf ip;

    /* what goes through it (transport.c) */
    mix_tunnel_engines engines;
    bool seam;                    /* the sockets are ours */
    bool had_stack;               /* from then on the engines' time can stand still */
    bool cut;                     /* nothing gets to the exit, */
    mix_time cut_since;           /* since then; while cut */
    bool stands;                  /* and their time stands still, for a minute at most */
    mix_time stands_since, stood; /* stood: for how long in all, before */
    mix_error blame;              /* what mix_tunnel_blame() gave last */
    void *doors[MIX_DOORS];

    /* to the host */
    mix_tunnel_note notes[MIX_TUNNEL_NOTES];
    size_t first_note, note_count;
    mix_tunnel_value values[MIX_VALUES];
    mix_queue down; /* IP packets */
    bool down_given;
    mix_buf packet, order;
    mix_tunnel_stats stats; /* those that no layer counts */
};

/* ---- tunnel.c ---- */
void mix_tunnel_say(mix_tunnel *t, const mix_tunnel_event *ev, mix_bytes text);
/* Ends all with this error, at the end of the pump. */
void mix_tunnel_fail(mix_tunnel *t, const mix_error *why);
/* State and phase as they follow from the parts; an event when they changed. */
void mix_tunnel_judge(mix_tunnel *t, mix_time now);
void mix_tunnel_end(mix_tunnel *t, mix_tunnel_state last, mix_time now);
void mix_tunnel_drop_layers(mix_tunnel *t);
/* A failure of our own (memory, randomness): all is tried again a little later. */
int mix_tunnel_own(mix_tunnel *t, int status, mix_time now);

/* ---- values.c ---- */
/* The stored value of an earlier run, if it opens: what make_directory gives to the engine. */
void mix_tunnel_take_snapshot(mix_tunnel *t, mix_bytes stored);
void mix_tunnel_store_identity(mix_tunnel *t, const mix_store_change *change);
void mix_tunnel_store_directory(mix_tunnel *t, mix_bytes content);
/* The next value for the host; false: none is due, and nothing of the last one is left. */
bool mix_tunnel_next_value(mix_tunnel *t, mix_store_change *out);
void mix_tunnel_drop_values(mix_tunnel *t);

/* ---- stack.c ---- */
void mix_tunnel_stack_config(mix_tunnel *t, mix_ipr_config *ipr);
/* With the addresses that the exit gave: a new stack. MIX_ERR_MEMORY, MIX_ERR_RANDOM. */
int mix_tunnel_stack_begin(mix_tunnel *t, mix_time now);
void mix_tunnel_stack_end(mix_tunnel *t);
/* To the stack, or to the host. */
void mix_tunnel_stack_feed(mix_tunnel *t, mix_bytes packet, mix_time now);
bool mix_tunnel_stack_drain(mix_tunnel *t, mix_time now); /* from it; whether any */
/* ---- choice.c ---- */
void mix_tunnel_on_directory(mix_tunnel *t, const mix_directory_event *ev, mix_time now);
void mix_tunnel_on_gateway(mix_tunnel *t, const mix_gateway_event *ev, mix_time now);
void mix_tunnel_on_ipr(mix_tunnel *t, const mix_ipr_event *ev, mix_time now);
/* What can be begun now: the next gateway, the layers, the next exit. */
void mix_tunnel_proceed(mix_tunnel *t, mix_time now);
mix_time mix_tunnel_choice_deadline(const mix_tunnel *t);
void mix_tunnel_choice_tick(mix_tunnel *t, mix_time now);
void mix_tunnel_choice_reset(mix_tunnel *t);
/* Where we are registered, if that gateway is to be used again; NULL: it is not. */
const mix_registration *mix_tunnel_known_gateway(const mix_tunnel *t);

/* ---- stale.c ---- */
mix_time mix_tunnel_stale_deadline(const mix_tunnel *t);
void mix_tunnel_stale_turn(mix_tunnel *t, mix_time now);

#endif
