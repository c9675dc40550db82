/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's clocks, for third parties that ask for the time: answered from the host's wall time, so that the module imports no
 * clock of its own. */
#include "imports.h"

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *out) {
    (void)id;
    int64_t wall = (int64_t)mix_host_wall_time();
    out->tv_sec = (time_t)(wall / 1000000);
    out->tv_nsec = (long)(wall % 1000000 * 1000);
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    int64_t wall = (int64_t)mix_host_wall_time();
    out->tv_sec = (time_t)(wall / 1000000);
    out->tv_usec = (suseconds_t)(wall % 1000000);
    return 0;
}

time_t time(time_t *out) {
    time_t now = (time_t)(mix_host_wall_time() / 1e6);
    if (out)
        *out = now;
    return now;
}
