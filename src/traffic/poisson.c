/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential variates without libm, whose logarithms differ in the last bit from system to system.
 */
#include "traffic/poisson.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "mix/errors.h"

#include <assert.h>

#pragma STDC FP_CONTRACT OFF

/* −ln(f) for f in [1/2, 1]: 2·atanh(s) with s = (1−f)/(1+f) ≤ 1/3, whose series gains nearly a
 * decimal digit a term. */
static double minus_log(double f) {
    double s = (1.0 - f) / (1.0 + f), square = s * s, sum = 0.0;
    for (int k = 35; k > 0; k -= 2)
        sum = sum * square + 1.0 / k;
    return 2.0 * s * sum;
}

/* −ln(u) for u uniform in (0, 1]: u = f·2^−zeros, where the leading zeros of the first word are the
 * exponent (no exponent is cut off before 2^−64, unlike with 53 bits in one) and the second word is
 * the fraction. */
static double variate(const uint8_t bytes[static 16]) {
    const double ln2 = 0x1.62e42fefa39efp-1;
    uint64_t exponent = mix_get_u64(bytes), fraction = mix_get_u64(bytes + 8) >> 11;
    int zeros = exponent ? __builtin_clzll(exponent) : 64;
    double f = 1.0 - (double)fraction * 0x1p-54; /* (1/2, 1] */
    return zeros * ln2 + minus_log(f);
}

int mix_exponential(const mix_env *env, uint64_t mean, uint64_t *out, size_t count) {
    assert(count <= MIX_EXPONENTIAL_MAX && mean < (uint64_t)1 << 53);
    uint8_t bytes[MIX_EXPONENTIAL_MAX * 16];
    memset(out, 0, count * sizeof *out);
    if (mean == 0)
        return MIX_OK;
    int status = mix_random(env, bytes, count * 16);
    for (size_t i = 0; status == MIX_OK && i < count; i++)
        out[i] = (uint64_t)(variate(bytes + 16 * i) * (double)mean + 0.5);
    mix_wipe(bytes, sizeof bytes);
    return status;
}

static int step(mix_slots *next, int64_t from, const mix_env *env, mix_time mean) {
    uint64_t wait = 0;
    int status = mix_exponential(env, (uint64_t)mean * 1000, &wait, 1);
    if (status == MIX_OK)
        *next = (mix_slots){.running = true, .next = from + (int64_t)wait};
    return status;
}

int mix_slots_start(mix_slots *s, const mix_env *env, mix_time mean, mix_time now) {
    return step(s, now * 1000, env, mean);
}

void mix_slots_start_now(mix_slots *s, mix_time now) {
    *s = (mix_slots){.running = true, .next = now * 1000};
}

void mix_slots_stop(mix_slots *s) {
    *s = (mix_slots){0};
}

mix_time mix_slots_deadline(const mix_slots *s) {
    return s->running ? (s->next + 999) / 1000 : MIX_NEVER;
}

int mix_slots_after(mix_slots *next, const mix_slots *s, const mix_env *env, mix_time mean,
                    mix_time now) {
    bool slept = now - mix_slots_deadline(s) > MIX_SLOTS_CATCH_UP;
    return step(next, slept ? now * 1000 : s->next, env, mean);
}
