/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the far side's hosts and link. */
#ifndef MIX_TESTS_FAR_INTERNAL_H
#define MIX_TESTS_FAR_INTERNAL_H

#include "far.h"

enum { FAR_SCALE = 5, FAR_HELD = 1024, FAR_SACKED = 64 };
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
    /* far_careful.c */
    uint32_t window, threshold, highest_out;
    double most;  /* segments in the window when one was lost last */
    mix_time cut; /* when that was */
    bool recovering;
    uint32_t recover_at, again_at; /* lost segments before again_at were sent again */
    struct {
        uint32_t from, to;
    } sacked[FAR_SACKED];
    size_t sacked_count;
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

/* far_careful.c: of connections with options.careful */
void far_careful_begin(far_conn *c);
void far_careful_options(far_conn *c, mix_bytes options);
void far_careful_acked(far_conn *c, uint32_t bytes);
void far_careful_timeout(far_conn *c);
void far_careful_transmit(far_conn *c);       /* what is lost, again */
uint32_t far_careful_room(const far_conn *c); /* for new data */
void far_send_data(far_conn *c, uint32_t seq, uint32_t len);

uint64_t far_random(far *f);
void far_link_send(far *f, mix_bytes packet, bool to_far);
void far_host_receive(far *f, mix_bytes packet);
mix_time far_host_deadline(const far *f);
void far_host_tick(far *f);
void far_host_reap(far *f);
void far_host_free(far *f);

#endif
