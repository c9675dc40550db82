/* SPDX-License-Identifier: Apache-2.0 */
/* Epochs and rotations by integer arithmetic that keeps to its bounds: the numbers come from the
 * directory. */
#include "directory/rotation.h"

static int64_t clamped_add(int64_t a, int64_t b) {
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t clamped_sub(int64_t a, int64_t b) {
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return difference;
}

uint32_t mix_rotation_epoch_at(const mix_rotation_info *info, int64_t wall) {
    int64_t passed = clamped_sub(wall, info->epoch_start);
    int64_t epochs = passed / info->epoch_length;
    if (passed % info->epoch_length < 0)
        epochs--; /* floor */
    int64_t epoch = clamped_add(epochs, info->epoch);
    return epoch < 0 ? 0 : epoch > UINT32_MAX ? UINT32_MAX : (uint32_t)epoch;
}

uint32_t mix_rotation_id_at(const mix_rotation_info *info, uint32_t epoch) {
    return epoch < info->initial_epoch ? 0 : (epoch - info->initial_epoch) / info->validity_epochs;
}

int64_t mix_rotation_start(const mix_rotation_info *info, uint32_t rotation_id) {
    int64_t epochs, offset;
    if (__builtin_mul_overflow((int64_t)rotation_id, (int64_t)info->validity_epochs, &epochs))
        return INT64_MAX;
    epochs = clamped_add(epochs, (int64_t)info->initial_epoch - info->epoch);
    if (__builtin_mul_overflow(epochs, info->epoch_length, &offset))
        return epochs < 0 ? INT64_MIN : INT64_MAX;
    return clamped_add(info->epoch_start, offset);
}

bool mix_rotation_stuck(const mix_rotation_info *info, uint32_t epoch, int64_t refreshed_at) {
    const int64_t margin = 2000000;
    return epoch != mix_rotation_epoch_at(info, clamped_sub(refreshed_at, margin)) &&
           epoch != mix_rotation_epoch_at(info, clamped_add(refreshed_at, margin));
}
