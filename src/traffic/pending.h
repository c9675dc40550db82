/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments on their way: each is in exactly one list (a lane, unacknowledged, or finished), and
 * all are found by their identifier. An entry is one allocation, made when the fragment is taken;
 * nothing later on its way needs memory. */
#ifndef MIX_TRAFFIC_PENDING_H
#define MIX_TRAFFIC_PENDING_H

#include "base/map.h"
#include "base/timers.h"
#include "traffic/reach.h"
#include "traffic/traffic.h"

typedef enum mix_pending_list {
    MIX_PENDING_LANES = 0,         /* the first MIX_LANES lists are the lanes */
    MIX_PENDING_AGAIN = MIX_LANES, /* to be retransmitted: a lane too */
    MIX_PENDING_SENT,              /* unacknowledged, timer running */
    MIX_PENDING_FINISHED,          /* waits to be given as an event */
    MIX_PENDING_LISTS,
} mix_pending_list;
enum { MIX_PENDING_QUEUES = MIX_PENDING_AGAIN + 1 }; /* lists from which packets are sent */

typedef struct mix_entry mix_entry;
struct mix_entry {
    mix_timer timer; /* first member; always in the heap, at MIX_NEVER when it does not run */
    mix_entry *previous, *next;
    mix_pending_list list;
    mix_traffic_event event; /* what the caller told of it, and how it ended; bytes: the fragment */
    bool is_reply;
    mix_recipient recipient;
    uint8_t surb_key[MIX_PAYLOAD_KEY_LEN];
    mix_rotation surb_rotation;
    mix_bytes surb;
    uint64_t expected; /* ns: delays of the packet and its acknowledgement */
    mix_way way;       /* of the packet that was sent last */
    mix_time sent_at;  /* when that was */
    bool copied;       /* since then it was sent once more, by copy_way */
    mix_way copy_way;
    size_t size;    /* bytes of this allocation */
    uint8_t tail[]; /* fragment, surb */
};

typedef struct mix_pending {
    mix_map by_id;
    mix_timers timers;
    struct {
        mix_entry *first, *last;
        size_t len;
    } list[MIX_PENDING_LISTS];
    size_t turn; /* the queue that sent last */
} mix_pending;

int mix_pending_init(mix_pending *p, size_t max, const mix_env *env); /* MIX_ERR_RANDOM */
void mix_pending_deinit(mix_pending *p);
/* Copies the item to the end of its lane. MIX_ERR_FRAGMENT_TWICE, MIX_ERR_MEMORY, MIX_ERR_LIMIT. */
int mix_pending_add(mix_pending *p, const mix_traffic_item *item);
void mix_pending_remove(mix_pending *p, mix_entry *e); /* and frees */
mix_entry *mix_pending_find(const mix_pending *p, const uint8_t id[static MIX_FRAGMENT_ID_LEN]);
void mix_pending_move(mix_pending *p, mix_entry *e,
                      mix_pending_list to); /* to the end of a list; stops the timer */
void mix_pending_wait(mix_pending *p, mix_entry *e,
                      mix_time until); /* to the list SENT, timer started */
void mix_pending_finish(mix_pending *p, mix_entry *e, mix_traffic_event_kind how, int why);
/* The entry whose turn it is to be sent, left where it is; NULL when no queue has one. Queues take
 * turns. */
mix_entry *mix_pending_first(mix_pending *p);
/* The next entry whose time is up, its timer stopped; NULL when there is none. */
mix_entry *mix_pending_overdue(mix_pending *p, mix_time now);
size_t mix_pending_waiting(const mix_pending *p); /* in all queues */

#endif
