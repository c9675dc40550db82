/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a message: what decodes must encode to the same bytes (but for what is ignored
 * behind a list). */
#include "messages/wire.h"
#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size);
    mix_nym_message m;
    mix_buf out = {0};
    if (mix_nym_decode(&m, in) != MIX_OK)
        return 0;
    mix_nym_encode(&out, &m);
    bool rest_ignored = m.type == MIX_NYM_REPLIABLE && m.content != MIX_NYM_DATA;
    if (mix_buf_status(&out) != MIX_OK || out.len > size || (!rest_ignored && out.len != size) ||
        !mix_bytes_equal(mix_buf_bytes(&out), mix_bytes_slice(in, 0, out.len)))
        abort();
    mix_buf_deinit(&out);
    return 0;
}
