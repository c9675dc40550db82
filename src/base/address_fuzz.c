/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a node address, and as the text of one: what decodes comes back the same through
 * bytes and text. */
#include "base/address.h"
#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void through_text(const mix_address *a) {
    char text[MIX_ADDRESS_TEXT];
    mix_address again;
    mix_address_format(text, a);
    if (mix_address_parse(&again, text) != MIX_OK || memcmp(&again, a, sizeof again) != 0)
        abort();
}

static void bytes(mix_bytes in) {
    mix_address a, again;
    size_t used = 0;
    if (mix_address_decode(&a, &used, in) != MIX_OK)
        return;
    mix_buf compact = {0};
    uint8_t padded[MIX_ADDRESS_PADDED];
    mix_address_encode(&compact, &a);
    if (!mix_bytes_equal(mix_buf_bytes(&compact), mix_bytes_slice(in, 0, used)))
        abort();
    mix_address_pad(padded, sizeof padded, &a);
    if (mix_address_decode(&again, NULL, MIX_BYTES(padded)) != MIX_OK ||
        memcmp(&again, &a, sizeof a) != 0)
        abort();
    through_text(&a);
    mix_buf_deinit(&compact);
}

static void text(mix_bytes in) {
    char *copy = malloc(in.len + 1);
    if (!copy)
        return;
    if (in.len > 0)
        memcpy(copy, in.data, in.len);
    copy[in.len] = 0;
    mix_address a;
    if (mix_address_parse(&a, copy) == MIX_OK)
        through_text(&a);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bytes(mix_bytes_of(data, size));
    text(mix_bytes_of(data, size));
    return 0;
}
