/* SPDX-License-Identifier: Apache-2.0 */
/* What the core asks of mix_env besides wall time. */
#include "base/log.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

void mix_log(const mix_env *env, mix_log_level level, const char *layer, const char *format, ...) {
    if (!mix_log_on(env, level))
        return;
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    env->log(env->user, level, layer, line);
}

int mix_random(const mix_env *env, void *out, size_t len) {
    if (len == 0 || env->random(env->user, out, len) == 0)
        return MIX_OK;
    mix_wipe(out, len);
    return MIX_ERR_RANDOM;
}
