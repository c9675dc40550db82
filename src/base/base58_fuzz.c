/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: what decodes must encode to the same text again; any bytes: what encodes must decode to them. */
#include "base/text.h"
#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size);
    mix_buf bytes = {0}, text = {0};
    if (mix_base58_decode(&bytes, in) == MIX_OK) {
        if (mix_base58_encode(&text, mix_buf_bytes(&bytes)) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&text), in))
            abort();
    }
    mix_buf_truncate(&bytes, 0);
    mix_buf_truncate(&text, 0);
    if (mix_base58_encode(&text, in) == MIX_OK) {
        if (mix_base58_decode(&bytes, mix_buf_bytes(&text)) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&bytes), in))
            abort();
    }
    uint8_t key[32];
    (void)mix_base58_decode_exact(key, sizeof key, in);
    mix_buf_deinit(&bytes);
    mix_buf_deinit(&text);
    return 0;
}
