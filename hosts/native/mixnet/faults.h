/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong between nodes on purpose: frames that are late, lost, overtaken, doubled or
 * damaged, link by link. Each link has a generator of its own, made from the seed: the n-th frame
 * of a link meets the same fate in every run, whatever the others do. No I/O; time is a parameter.
 *
 * A delay alone keeps the order of a link's frames, as TCP does; what is reordered is held back by
 * FAULTS_HELD_MS more, and the following ones overtake it. Damage is one flipped bit of the packet:
 * the frame around it stays readable. */
#ifndef HOSTS_NATIVE_MIXNET_FAULTS_H
#define HOSTS_NATIVE_MIXNET_FAULTS_H

#include "base/bytes.h"
#include "base/error.h"
#include "mix/env.h"

enum {
    FAULTS_DELAY_MAX_MS = 60000,
    FAULTS_HELD_MS = 20,
    FAULTS_WAITING_MAX = 20000,  /* frames that are held, of all links; more are dropped … */
    FAULTS_BYTES_MAX = 64 << 20, /* … and of more bytes */
};

typedef enum faults_kind {
    FAULTS_LOSS,
    FAULTS_REORDER,
    FAULTS_DUPLICATE,
    FAULTS_CORRUPT,
    FAULTS_SHARES
} faults_kind;

typedef struct faults_rule {
    mix_time delay, jitter;      /* of each frame; up to jitter more, evenly spread */
    double share[FAULTS_SHARES]; /* of the frames, 0…1 */
    unsigned set;                /* which of these count, for faults_apply */
} faults_rule;
/* The names that faults_set knows: those of the shares, "delay", NULL. */
extern const char *const faults_names[FAULTS_SHARES + 2];
/* Reads one: "delay" "MS[,JITTER]", "loss" "0.05", … MIX_ERR_ARGUMENT: e says what may stand there.
 */
int faults_set(faults_rule *rule, const char *name, const char *value, mix_error *e);

typedef struct faults faults;

int faults_new(faults **out, size_t nodes,
               uint64_t seed); /* of links between so many nodes; MIX_ERR_MEMORY */
void faults_free(faults *f);

/* What is set in the rule holds from now on for the links that match; FAULTS_ANY matches all.
 * MIX_ERR_MEMORY: nothing changed. */
#define FAULTS_ANY SIZE_MAX
int faults_apply(faults *f, size_t from, size_t to, const faults_rule *rule);
void faults_clear(faults *f); /* no faults any more; what is held still comes */

/* Whether frames must be given to feed at all. */
bool faults_any(const faults *f);
/* Takes a frame of a link; what becomes of it comes out of drain. Both are numbers of nodes.
 * MIX_BLOCKED: too many are held, it is dropped. MIX_ERR_MEMORY. */
int faults_feed(faults *f, size_t from, size_t to, mix_bytes frame, mix_time now);
typedef struct faults_out {
    size_t to;
    mix_bytes frame;
} faults_out;
/* The next frame whose time has come, valid until the next call; MIX_DONE when there is none. */
int faults_drain(faults *f, faults_out *out, mix_time now);
mix_time faults_deadline(const faults *f);

typedef struct faults_stats {
    uint64_t frames; /* that were fed */
    uint64_t happened[FAULTS_SHARES];
    uint64_t full, no_memory; /* dropped */
    size_t waiting;
} faults_stats;
void faults_get_stats(const faults *f, faults_stats *out);

#endif
