/* SPDX-License-Identifier: Apache-2.0 */
/* The side that uses SURBs: for each sender tag a stock, what waits for it, and when to ask for
 * more (2-messages.md §14).
 *
 * Bounds: senders, SURBs of each and bytes of all stocks, bytes that wait for each. A peer who
 * sends too many SURBs loses its own oldest ones; when senders or bytes are too many, the sender
 * goes from whom nothing came for the longest time. */
#ifndef MIX_MESSAGES_SENDERS_H
#define MIX_MESSAGES_SENDERS_H

#include "base/map.h"
#include "base/timers.h"
#include "messages/outgoing.h"
#include "messages/stock.h"
#include "traffic/traffic.h"

typedef struct mix_senders_config {
    size_t max_senders;
    size_t max_surbs;       /* in the stock of one sender; more than `most` and `request_most` */
    size_t max_stock_bytes; /* of all */
    size_t max_waiting; /* bytes of replies that wait for one sender, unless it is a single one */
    uint32_t least;     /* SURBs that data never use (10) */
    uint32_t most;      /* with these, no more are asked for (200) */
    uint32_t buffer;    /* asked for above what is needed */
    uint32_t request_least, request_most; /* amounts in one request (10, 50) */
    uint32_t max_rerequests;
    mix_time rerequest_check; /* 5 s */
    mix_time rerequest_after; /* without SURBs for so long: asks again */
    mix_time drop_after;      /* then what waits is dropped */
} mix_senders_config;

/* A fragment that needs a new SURB. */
typedef struct mix_again {
    struct mix_again *next;
    mix_packet_size size;
    mix_lane lane;
    uint32_t limit, count;
    uint8_t id[MIX_FRAGMENT_ID_LEN];
    size_t len;
    uint8_t fragment[];
} mix_again;

typedef struct mix_again_queue {
    mix_again *first, *last;
    size_t count, bytes;
} mix_again_queue;

/* Who is next: senders that can send now, in a ring for each lane that replies use. */
typedef struct mix_turn {
    struct mix_sender *before, *after;
} mix_turn;
enum { MIX_TURN_DATA, MIX_TURN_REQUEST, MIX_TURNS };

typedef struct mix_sender {
    mix_timer timer; /* runs while something waits for SURBs; first member */
    uint8_t tag[MIX_SENDER_TAG_LEN];
    uint64_t number; /* never used again for another */
    mix_stock stock;
    uint32_t pending; /* SURBs asked for and not received */
    uint32_t asked;   /* by a request that has not left yet; 0: there is none */
    uint32_t rerequests;
    mix_time received; /* when SURBs came last */
    mix_outgoing_queue waiting;
    mix_outgoing *request; /* what `asked` became, once it was looked at */
    mix_again_queue again, request_again;
    struct mix_sender *older, *newer; /* by time of reception */
    mix_turn turns[MIX_TURNS];
} mix_sender;

typedef struct mix_senders {
    mix_senders_config cfg;
    mix_map by_tag, by_number;
    mix_sender *oldest, *newest, *turn[MIX_TURNS];
    mix_timers timers;
    size_t stock_bytes;
    uint64_t numbers;
} mix_senders;

/* MIX_ERR_RANDOM. */
int mix_senders_init(mix_senders *s, const mix_senders_config *cfg, const mix_env *env);
void mix_senders_deinit(mix_senders *s); /* wipes */
mix_sender *mix_senders_find(const mix_senders *s, const uint8_t tag[static MIX_SENDER_TAG_LEN]);
mix_sender *mix_senders_find_number(const mix_senders *s, uint64_t number);

/* SURBs came: into the sender's stock, which is made if need be. additional: they came alone, as
 * those asked for do. MIX_ERR_MEMORY: none was taken. */
int mix_senders_receive(mix_senders *s, const uint8_t tag[static MIX_SENDER_TAG_LEN],
                        const mix_surb_list *list, bool additional, mix_time now);
/* Bytes of reply that may still be written for it. */
size_t mix_sender_room(const mix_senders *s, const mix_sender *e);
/* A reply: taken over. MIX_BLOCKED, MIX_ERR_MEMORY: it is still the caller's. */
int mix_senders_write(mix_senders *s, mix_sender *e, mix_outgoing *o, mix_time now);
/* A fragment that was lost. MIX_ERR_LIMIT, MIX_ERR_MEMORY: it is forgotten. */
int mix_senders_again(mix_senders *s, mix_sender *e, const mix_traffic_event *ev, mix_time now);

/* Whose turn it is to send data (from again, else from waiting), or a request (from request_again,
 * else asked). NULL: nobody's. It has a SURB for it. */
mix_sender *mix_senders_next(const mix_senders *s, int turn);
/* What was looked at is gone, with the SURB that the stock gives next. Returns how many messages (0
 * or 1) left whole with it. */
size_t mix_senders_sent(mix_senders *s, mix_sender *e, int turn, mix_time now);

mix_time mix_senders_deadline(const mix_senders *s);
typedef struct mix_senders_dropped {
    uint8_t tag[MIX_SENDER_TAG_LEN];
    size_t fragments;
} mix_senders_dropped;
/* Asks again where SURBs are overdue. True when it gave up what waited for a sender, told in *out:
 * call it again then. */
bool mix_senders_tick(mix_senders *s, mix_time now, mix_senders_dropped *out);
/* A new key rotation: all SURBs become possibly stale, and as many new ones are asked for. */
void mix_senders_refresh(mix_senders *s, mix_time now);
/* §14.3, clean-up: drops SURBs that came before `before` or are of the rotation `past`, all stale
 * ones if so told, and senders from whom nothing came since `before`, or who have nothing and were
 * not heard of for drop_after. */
void mix_senders_clean(mix_senders *s, mix_time now, mix_time before, mix_rotation past,
                       bool stale_too);
/* Removes one for whom nothing waits any more. */
void mix_senders_forget(mix_senders *s, mix_sender *e);

#endif
