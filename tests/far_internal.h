/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the far side's hosts and link. */
#ifndef MIX_TESTS_FAR_INTERNAL_H
#define MIX_TESTS_FAR_INTERNAL_H

#include "far.h"

enum { FAR_SCALE = 5, FAR_HELD = 1024 };
enum { FAR_SYN, FAR_UP };

struct far_conn {
    far *far;
    far_conn *next;
    void *user;
    mix_address local, remote;
    int state;
    uint16_t mss;
    uint8_t peer_scale;
    bool scaled, stopped;
    bool dead; /* freed as soon as no handler is on the stack */
    uint32_t first_out, acked, next_out, peer_window; /* out.data begins at acked */
    uint32_t next_in, highest_in, fin_at;
    bool ending, fin_sent, fin_acked, fin_seen, fin_got;
    mix_buf out;
    struct {
        uint32_t seq;
        mix_buf data;
    } held[FAR_HELD]; /* arrived before their turn */
    mix_time resend_at;
};

typedef struct far_packet {
    struct far_packet *next;
    mix_time at;
    bool to_far;
    size_t len;
    uint8_t data[];
} far_packet;

struct far {
    far_options options;
    far_near near;
    far_handlers handlers;
    void *user;
    mix_test_env random;
    mix_time now;
    far_conn *conns;
    far_packet *under_way;
    far_stats stats;
    bool listens[65536], silent[65536];
};

uint64_t far_random(far *f);
void far_link_send(far *f, mix_bytes packet, bool to_far);
void far_host_receive(far *f, mix_bytes packet);
mix_time far_host_deadline(const far *f);
void far_host_tick(far *f);
void far_host_reap(far *f);
void far_host_free(far *f);

#endif
