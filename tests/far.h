/* SPDX-License-Identifier: Apache-2.0 */
/* The far side of a tunnel for tests: hosts with TCP and UDP by a small stack of our own (not lwIP,
 * which shares the process with the side under test and has globals), and a link with delay and
 * loss in virtual time. It checks what it gets (checksums, lengths) and stops the test at a
 * malformed packet. Handlers are called from within far_run(). */
#ifndef MIX_TESTS_FAR_H
#define MIX_TESTS_FAR_H

#include "base/address.h"
#include "base/buf.h"
#include "testing.h"

typedef struct far far;
typedef struct far_conn far_conn;

typedef struct far_handlers {
    void (*opened)(void *user, far_conn *c);
    void (*received)(void *user, far_conn *c, mix_bytes data);
    void (*ended)(void *user, far_conn *c); /* the near side sends no more */
    void (*gone)(void *user, far_conn *c);  /* both sides ended, or a reset: c is freed after it */
    void (*datagram)(void *user, far *f, const mix_address *from, const mix_address *to,
                     mix_bytes data);
} far_handlers; /* any may be NULL */

typedef struct far_options {
    mix_time delay;  /* of each packet, each way */
    mix_time jitter; /* mean of an exponential share on top: packets overtake each other */
    double loss;     /* share of packets lost, each way */
    uint32_t window; /* that the far side announces; default 1 MiB (scaled) */
    bool no_scaling; /* far side knows no window scaling */
    bool careful;    /* it sends as common servers do (far_careful.c); else what the window lets
                        through, and all again after a second without an acknowledgement */
    uint64_t seed;
} far_options;

/* The side under test. */
typedef struct far_near {
    void *user;
    void (*feed)(void *user, mix_bytes packet, mix_time now);
    bool (*drain)(void *user, mix_buf *out, mix_time now); /* appends one packet */
    mix_time (*deadline)(void *user);
    void (*tick)(void *user, mix_time now);
    void (*pump)(void *user, mix_time now); /* after each feed and tick; may be NULL */
} far_near;

far *far_new(const far_options *options, const far_near *near, const far_handlers *handlers,
             void *user);
void far_free(far *f);
/* TCP connects to ports that nobody listens on are reset; to a silent one nothing answers. */
void far_listen(far *f, uint16_t port);
void far_silence(far *f, uint16_t port);

/* Runs until done(user) or virtual time `until`; returns whether done() held. done NULL: to the
 * end. */
bool far_run(far *f, bool (*done)(void *user), mix_time until);
mix_time far_now(const far *f);
/* Moves time to a new near side's first moment; starts at 1 s. */
void far_set_options(far *f, const far_options *options); /* from now on; the seed is not taken */

void far_write(far_conn *c, mix_bytes data);
void far_end(far_conn *c); /* sends no more after what was written */
void far_reset(far_conn *c);
void *far_user(const far_conn *c);
void far_set_user(far_conn *c, void *user);
uint16_t far_port(const far_conn *c);          /* that it came to */
mix_address far_peer(const far_conn *c);       /* whence */
uint64_t far_unacked(const far_conn *c);       /* bytes written and not acknowledged yet */
void far_stop_reading(far_conn *c, bool stop); /* the window closes */
void far_send_datagram(far *f, const mix_address *from, const mix_address *to, mix_bytes data);
/* Any bytes as an IP packet to the near side, after the link's delay. */
void far_inject(far *f, mix_bytes packet);

typedef struct far_stats {
    uint64_t to_far, to_near, lost; /* packets */
    uint64_t data_segments, data_bytes,
        repeated;               /* from the near side; repeated: segments with nothing new */
    uint64_t sent_again;        /* segments, by a careful sender */
    uint64_t ticks, idle_ticks; /* calls of near.tick, and those after which it gave no packet */
    unsigned connections, resets;
    uint32_t last_isn;
    uint16_t last_mss;
    bool last_sack_permitted;
    uint8_t last_scale;
} far_stats;
const far_stats *far_get_stats(const far *f);

#endif
