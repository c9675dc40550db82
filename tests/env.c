/* SPDX-License-Identifier: Apache-2.0 */
/* The env of tests and the comparing asserts. */
#include "testing.h"

#include "mix/errors.h"

#include <stdlib.h>

static void print_hex(const char *what, mix_bytes b) {
    fprintf(stderr, "  %s (%zu) ", what, b.len);
    for (size_t i = 0; i < b.len && i < 512; i++)
        fprintf(stderr, "%02x", b.data[i]);
    fprintf(stderr, b.len > 512 ? "…\n" : "\n");
}

void mix_test_bytes(mix_bytes got, mix_bytes want, const char *file, int line) {
    if (mix_bytes_equal(got, want))
        return;
    print_hex("got ", got);
    print_hex("want", want);
    _fail(file, line);
}

void mix_test_status(int got, int want, const char *what, const char *file, int line) {
    if (got == want)
        return;
    fprintf(stderr, "  %s gave %s (%d), expected %s (%d)\n", what, mix_error_name(got), got,
            mix_error_name(want), want);
    _fail(file, line);
}

static uint64_t rotate(uint64_t v, int n) {
    return v << n | v >> (64 - n);
}

uint64_t mix_test_random(mix_test_env *t) {
    uint64_t *s = t->state, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t mix_test_below(mix_test_env *t, uint64_t bound) {
    return mix_test_random(t) % bound;
}

double mix_test_unit(mix_test_env *t) {
    return (double)(mix_test_random(t) >> 11) * 0x1p-53;
}

static int env_random(void *user, uint8_t *out, size_t len) {
    mix_test_env *t = user;
    if (t->fail_random > 0 && --t->fail_random == 0)
        return -1;
    while (len > 0) {
        uint64_t v = mix_test_random(t);
        size_t n = len < sizeof v ? len : sizeof v;
        memcpy(out, &v, n);
        out += n;
        len -= n;
    }
    return 0;
}

static int64_t env_wall(void *user) {
    return ((mix_test_env *)user)->wall;
}

static void env_log(void *user, mix_log_level level, const char *layer, const char *text) {
    (void)user;
    fprintf(stderr, "%d %s: %s\n", (int)level, layer, text);
}

void mix_test_env_init(mix_test_env *t, uint64_t seed) {
    *t = (mix_test_env){.env = {.random = env_random, .wall_time = env_wall}, .wall = 1767225600000000};
    t->env.user = t;
    if (getenv("MIX_TEST_LOG")) {
        t->env.log = env_log;
        t->env.log_level = MIX_LOG_TRACE;
    }
    for (int i = 0; i < 4; i++) { /* splitmix64 spreads the seed */
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        t->state[i] = z ^ z >> 31;
    }
}
