/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel randomness, clocks, log lines. */
#include "env.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int env_random(void *user, uint8_t *out, size_t len) {
    (void)user;
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        out += n;
        len -= (size_t)n;
    }
    return 0;
}

static int64_t env_wall_time(void *user) {
    struct timespec t;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void env_log(void *user, mix_log_level level, const char *layer, const char *text) {
    static const char *const names[] = {"", "error", "warning", "info", "debug", "trace"};
    int64_t wall = env_wall_time(NULL);
    time_t seconds = (time_t)(wall / 1000000);
    struct tm tm;
    char stamp[24];
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(user, "%s.%03dZ %s %s: %s\n", stamp, (int)(wall / 1000 % 1000), names[level], layer,
            text);
    fflush(user);
}

void host_env_init(mix_env *env, FILE *log, mix_log_level level) {
    *env = (mix_env){.user = log,
                     .random = env_random,
                     .wall_time = env_wall_time,
                     .log = log ? env_log : NULL,
                     .log_level = level};
}

mix_time host_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (mix_time)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
