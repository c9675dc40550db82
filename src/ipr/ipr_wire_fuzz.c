/* SPDX-License-Identifier: Apache-2.0 */
/* Every reader of ipr/: what it accepts must be written to the same meaning again. */
#include "ipr/policy.h"
#include "ipr/wire.h"
#include "mix/errors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again_request(const mix_ipr_request *q) {
    mix_buf one = {0}, two = {0};
    mix_ipr_request back;
    if (mix_ipr_request_encode(&one, q) != MIX_OK || mix_ipr_request_decode(&back, mix_buf_bytes(&one)) != MIX_OK ||
        mix_ipr_request_encode(&two, &back) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&one), mix_buf_bytes(&two)))
        abort();
    mix_buf_deinit(&one);
    mix_buf_deinit(&two);
}

static void again_response(const mix_ipr_response *p) {
    mix_buf one = {0}, two = {0};
    mix_ipr_response back;
    if (mix_ipr_response_encode(&one, p) != MIX_OK || mix_ipr_response_decode(&back, mix_buf_bytes(&one), 0) != MIX_OK ||
        mix_ipr_response_encode(&two, &back) != MIX_OK || !mix_bytes_equal(mix_buf_bytes(&one), mix_buf_bytes(&two)))
        abort();
    mix_buf_deinit(&one);
    mix_buf_deinit(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size), packet;
    mix_ipr_request q;
    mix_ipr_response p;
    mix_lp_frame f;
    mix_policy policy;
    if (mix_ipr_request_decode(&q, in) == MIX_OK)
        again_request(&q);
    if (mix_ipr_response_decode(&p, in, 0) == MIX_OK)
        again_response(&p);
    (void)mix_ipr_response_decode(&p, in, 9);
    (void)mix_lp_decode(&f, in);
    if (mix_policy_parse(&policy, in, NULL) == MIX_OK)
        mix_policy_deinit(&policy);
    for (mix_bytes rest = in; mix_bundle_take(&packet, &rest);) {
    }
    return 0;
}
