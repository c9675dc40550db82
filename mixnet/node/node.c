/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline of a node, in the order of 1-sphinx.md §2.4. */
#include "mixnet/node/node.h"

#include "base/alloc.h"
#include "base/timers.h"
#include "mixnet/node/replay.h"

enum { QUEUE_PACKETS = 20000 };

typedef struct node_key {
    bool there;
    uint32_t rotation_id;
    uint8_t secret[MIX_KEY_LEN];
    mixnet_replay seen;
} node_key;

/* A frame that waits for its time, or a message for a client. */
typedef struct parcel {
    mix_timer timer; /* first, so that a timer is its parcel */
    struct parcel *next;
    mix_address to;
    uint8_t destination[MIX_KEY_LEN];
    size_t len;
    uint8_t data[];
} parcel;

struct mixnet_node {
    mixnet_node_config config;
    mix_crypto *crypto;
    const mix_env *env;
    node_key keys[2]; /* primary, secondary */
    mix_timers delayed;
    parcel *given;          /* the frame of the last drain */
    parcel *first, *last;   /* messages for clients */
    parcel *given_message;
    size_t messages;
    mix_buf work;           /* the packet being opened */
    mixnet_node_stats stats;
};

int mixnet_node_new(mixnet_node **out, const mixnet_node_config *config, mix_crypto *crypto, const mix_env *env) {
    mixnet_node *n = mix_alloc_zero(1, sizeof *n);
    if (!n)
        return MIX_ERR_MEMORY;
    n->config = *config;
    n->config.max_delay = config->max_delay ? config->max_delay : MIX_SECONDS(10);
    n->config.queue_packets = config->queue_packets ? config->queue_packets : QUEUE_PACKETS;
    n->config.frame_version = config->frame_version ? config->frame_version : 7;
    n->crypto = crypto;
    n->env = env;
    *out = n;
    return MIX_OK;
}

static void free_parcel(parcel *p) {
    if (p)
        mix_free_wiped(p, sizeof *p + p->len);
}

static void drop_key(node_key *k) {
    mixnet_replay_deinit(&k->seen);
    mix_wipe(k, sizeof *k);
}

void mixnet_node_free(mixnet_node *n) {
    if (!n)
        return;
    for (mix_timer *t; (t = mix_timers_pop(&n->delayed, MIX_NEVER)) != NULL;)
        free_parcel((parcel *)t);
    mix_timers_deinit(&n->delayed);
    while (n->first) {
        parcel *p = n->first;
        n->first = p->next;
        free_parcel(p);
    }
    free_parcel(n->given);
    free_parcel(n->given_message);
    drop_key(&n->keys[0]);
    drop_key(&n->keys[1]);
    mix_buf_deinit_wiped(&n->work);
    mix_free(n);
}

int mixnet_node_set_key(mixnet_node *n, bool primary, uint32_t rotation_id, const uint8_t secret[static MIX_KEY_LEN]) {
    node_key *k = &n->keys[!primary], *other = &n->keys[primary];
    if (k->there && k->rotation_id == rotation_id) {
        memcpy(k->secret, secret, MIX_KEY_LEN);
        return MIX_OK;
    }
    if (other->there && other->rotation_id == rotation_id) { /* what was announced becomes current, or the other way round */
        node_key moved = *other;
        *other = *k;
        *k = moved;
        mix_wipe(&moved, sizeof moved);
        memcpy(k->secret, secret, MIX_KEY_LEN);
        return MIX_OK;
    }
    mixnet_replay seen;
    int status = mixnet_replay_init(&seen, n->env);
    if (status != MIX_OK)
        return status;
    drop_key(k);
    *k = (node_key){.there = true, .rotation_id = rotation_id, .seen = seen};
    memcpy(k->secret, secret, MIX_KEY_LEN);
    return MIX_OK;
}

void mixnet_node_drop_secondary(mixnet_node *n) {
    drop_key(&n->keys[1]);
}

/* --- keys (§2.5) --- */

/* The first key to try, and whether the other one may be tried when it fails. */
static node_key *key_for(mixnet_node *n, mix_rotation rotation, bool *second) {
    *second = false;
    if (rotation == MIX_ROTATION_UNKNOWN) {
        *second = n->keys[1].there;
        return n->keys[0].there ? &n->keys[0] : NULL;
    }
    bool odd = rotation == MIX_ROTATION_ODD;
    for (int i = 0; i < 2; i++) {
        if (n->keys[i].there && (n->keys[i].rotation_id & 1) == odd)
            return &n->keys[i];
    }
    return NULL;
}

/* Opens the header under the right key and checks for a replay. */
static int open_packet(mixnet_node *n, mix_sphinx_opened *opened, const mix_frame *frame) {
    bool second;
    node_key *k = key_for(n, frame->rotation, &second);
    if (!k) {
        n->stats.expired_key++;
        return MIX_ERR_NODE_KEY;
    }
    int status = mix_sphinx_open(n->crypto, opened, k->secret, frame->packet);
    if (status == MIX_ERR_SPHINX_MAC && second) {
        k = &n->keys[1];
        status = mix_sphinx_open(n->crypto, opened, k->secret, frame->packet);
    }
    if (status != MIX_OK) {
        n->stats.bad++;
        return status;
    }
    int fresh = mixnet_replay_check(&k->seen, opened->replay_tag);
    if (fresh == MIX_OK)
        return MIX_OK;
    mix_sphinx_opened_deinit(opened);
    if (fresh == MIX_DONE)
        n->stats.replays++;
    else
        n->stats.no_memory++;
    return fresh == MIX_DONE ? MIX_ERR_NODE_REPLAY : fresh;
}

/* --- sending --- */

static parcel *new_parcel(mixnet_node *n, size_t len) {
    parcel *p = mix_alloc_zero(1, sizeof *p + len);
    if (!p)
        n->stats.no_memory++;
    else
        p->len = len;
    return p;
}

/* Frames a packet and lets it wait until `at`. */
static int dispatch(mixnet_node *n, const mix_address *to, uint8_t type, mix_rotation rotation, mix_bytes packet, mix_time at) {
    if (n->delayed.len >= n->config.queue_packets) {
        n->stats.full++;
        return MIX_ERR_LIMIT;
    }
    parcel *p = new_parcel(n, packet.len + 4);
    if (!p)
        return MIX_ERR_MEMORY;
    mix_buf frame = mix_buf_fixed(p->data, p->len);
    int status = mix_frame_encode(&frame, n->config.frame_version, type, rotation, packet);
    p->len = frame.len;
    p->to = *to;
    if (status == MIX_OK)
        status = mix_timers_set(&n->delayed, &p->timer, at);
    if (status != MIX_OK) {
        n->stats.no_memory += status == MIX_ERR_MEMORY;
        p->len = packet.len + 4;
        free_parcel(p);
    }
    return status;
}

int mixnet_node_send(mixnet_node *n, const mix_packet *packet, mix_time now) {
    if (n->delayed.len >= n->config.queue_packets)
        return MIX_BLOCKED;
    int status = dispatch(n, &packet->next_hop, packet->type, packet->rotation, packet->packet, now);
    n->stats.sent += status == MIX_OK;
    return status;
}

/* --- receiving --- */

static int forward(mixnet_node *n, const mix_frame *frame, const mix_sphinx_result *r, mix_time now) {
    mix_address next;
    if (!n->config.mix) {
        n->stats.refused_role++;
        return MIX_ERR_NODE_ROLE;
    }
    int status = mix_address_decode(&next, NULL, MIX_BYTES(r->next_address));
    if (status != MIX_OK) {
        n->stats.bad_address++;
        return status;
    }
    uint64_t micros = r->delay_ns / 1000, most = (uint64_t)n->config.max_delay;
    mix_time at = now + (mix_time)(micros < most ? micros : most);
    status = dispatch(n, &next, frame->type, frame->rotation, mix_buf_bytes(&n->work), at);
    n->stats.forwarded += status == MIX_OK;
    return status;
}

static int keep_message(mixnet_node *n, const uint8_t destination[static MIX_KEY_LEN], mix_bytes message) {
    if (n->messages >= n->config.queue_packets) {
        n->stats.full++;
        return MIX_ERR_LIMIT;
    }
    parcel *p = new_parcel(n, message.len);
    if (!p)
        return MIX_ERR_MEMORY;
    memcpy(p->destination, destination, MIX_KEY_LEN);
    if (message.len > 0)
        memcpy(p->data, message.data, message.len);
    if (n->last)
        n->last->next = p;
    else
        n->first = p;
    n->last = p;
    n->messages++;
    n->stats.delivered++;
    return MIX_OK;
}

/* §2.6: the message is handed over first, then the acknowledgement leaves with type and rotation of the packet that brought it. */
static int finish_here(mixnet_node *n, const mix_frame *frame, const mix_sphinx_result *r, mix_time now) {
    mix_bytes plaintext, ack, message;
    mix_address first_hop;
    if (!n->config.final) {
        n->stats.refused_role++;
        return MIX_ERR_NODE_ROLE;
    }
    int status = mix_sphinx_unpad(&plaintext, mix_buf_bytes(&n->work));
    if (status != MIX_OK) {
        n->stats.bad++;
        return status;
    }
    if (frame->size == MIX_SIZE_ACK)
        return keep_message(n, r->destination, plaintext);
    status = mix_surb_ack_split(&first_hop, &ack, &message, plaintext);
    if (status != MIX_OK) {
        n->stats.bad_ack++;
        return status;
    }
    status = keep_message(n, r->destination, message);
    if (dispatch(n, &first_hop, frame->type, frame->rotation, ack, now) == MIX_OK)
        n->stats.acks++;
    return status;
}

int mixnet_node_feed(mixnet_node *n, const mix_frame *frame, mix_time now) {
    mix_sphinx_opened opened;
    mix_sphinx_result result;
    n->stats.received++;
    if (frame->type != MIX_PACKET_TYPE_MIX) {
        n->stats.bad++;
        return MIX_ERR_FRAME_TYPE;
    }
    int status = open_packet(n, &opened, frame);
    if (status != MIX_OK)
        return status;
    mix_buf_truncate(&n->work, 0);
    status = mix_sphinx_finish(n->crypto, &result, &n->work, &opened, frame->packet);
    if (status != MIX_OK) {
        n->stats.bad += status != MIX_ERR_MEMORY;
        n->stats.no_memory += status == MIX_ERR_MEMORY;
        return status;
    }
    return result.kind == MIX_SPHINX_FORWARD ? forward(n, frame, &result, now) : finish_here(n, frame, &result, now);
}

/* --- giving --- */

int mixnet_node_drain(mixnet_node *n, mixnet_node_out *out, mix_time now) {
    free_parcel(n->given);
    n->given = (parcel *)mix_timers_pop(&n->delayed, now);
    if (!n->given)
        return MIX_DONE;
    *out = (mixnet_node_out){.next = n->given->to, .frame = mix_bytes_of(n->given->data, n->given->len), .due = n->given->timer.at};
    return MIX_OK;
}

int mixnet_node_next(mixnet_node *n, mixnet_node_final *out) {
    free_parcel(n->given_message);
    parcel *p = n->given_message = n->first;
    if (!p)
        return MIX_DONE;
    n->first = p->next;
    if (!n->first)
        n->last = NULL;
    n->messages--;
    memcpy(out->destination, p->destination, MIX_KEY_LEN);
    out->message = mix_bytes_of(p->data, p->len);
    return MIX_OK;
}

mix_time mixnet_node_deadline(const mixnet_node *n) {
    return mix_timers_deadline(&n->delayed);
}

void mixnet_node_get_stats(const mixnet_node *n, mixnet_node_stats *out) {
    *out = n->stats;
    out->waiting = n->delayed.len;
}
