/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a SURB: what passes the check can be used, what does not cannot. And as a payload to
 * recover. */
#include "mix/errors.h"
#include "sphinx/sphinx.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(mix_sphinx *s, mix_bytes surb) {
    uint8_t first[MIX_SPHINX_ADDRESS_LEN] = {0};
    mix_buf out = {0};
    int checked = mix_surb_check(surb);
    int used = mix_surb_use(s, &out, first, surb, 64, mix_bytes_str("message"));
    if (used != checked || out.len != (used == MIX_OK ? MIX_SPHINX_HEADER_LEN + 64 : 0))
        abort();
    mix_buf_deinit(&out);
}

/* The first byte says how many bytes are seeds. */
static void recover(mix_crypto *c, mix_bytes in) {
    size_t seeds = in.len > 0 ? in.data[0] : 0;
    mix_buf out = {0};
    int status = mix_surb_recover(c, &out, mix_bytes_slice(in, 1, seeds),
                                  mix_bytes_slice(in, 1 + seeds, SIZE_MAX));
    if (status != MIX_OK && out.len != 0)
        abort();
    mix_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mix_crypto *c;
    static mix_sphinx *s;
    static mix_test_env env;
    if (!s) {
        mix_test_env_init(&env, 1);
        if (mix_crypto_new(&c) != MIX_OK || mix_sphinx_new(&s, c, &env.env) != MIX_OK)
            abort();
    }
    use(s, mix_bytes_of(data, size));
    recover(c, mix_bytes_of(data, size));
    return 0;
}
