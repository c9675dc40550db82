/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of epochs and key rotations, from what the directory says once. Spec: 2-messages.md
 * §14.3, 1-sphinx.md §2.5, 4-directory.md §10. Times are microseconds since 1970
 * (mix_env.wall_time). */
#ifndef MIX_DIRECTORY_ROTATION_H
#define MIX_DIRECTORY_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

/* The decoder gives only usable ones: validity_epochs > 0 and epoch_length > 0. */
typedef struct mix_rotation_info {
    uint32_t validity_epochs; /* epochs of one rotation */
    uint32_t initial_epoch;   /* the epoch in which rotation 0 began */
    uint32_t epoch;           /* the reference: this epoch … */
    int64_t epoch_start;      /* … began then */
    int64_t epoch_length;
} mix_rotation_info;

/* The epoch that should run at this time; at its bounds (0, 2³²−1) when the clock is far off. */
uint32_t mix_rotation_epoch_at(const mix_rotation_info *info, int64_t wall);
/* The rotation of an epoch; 0 before the initial one. */
uint32_t mix_rotation_id_at(const mix_rotation_info *info, uint32_t epoch);
/* When a rotation begins; INT64_MIN or INT64_MAX when that lies outside of all time. */
int64_t mix_rotation_start(const mix_rotation_info *info, uint32_t rotation_id);
/* Whether the network's epochs stand still: a topology of this epoch, refreshed at that time, fits
 * neither 2 s before nor 2 s after it. Reply blocks are then kept longer. */
bool mix_rotation_stuck(const mix_rotation_info *info, uint32_t epoch, int64_t refreshed_at);

#endif
