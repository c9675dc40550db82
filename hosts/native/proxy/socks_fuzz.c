/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send by SOCKS: the readers agree on every prefix, and stay within the input. */
#include "proxy/socks_wire.h"

#include "mix/errors.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void whole_and_cut(const uint8_t *data, size_t size) {
    uint8_t command;
    socks_target to, again;
    size_t used = 0, least = 0;
    int status = socks_read_request(mix_bytes_of(data, size), &used, &command, &to);
    if (status != MIX_OK)
        return;
    assert(used <= size && used <= SOCKS_REQUEST_MOST && to.host[0] != 0);
    for (size_t n = 0; n < used; n++)
        assert(socks_read_request(mix_bytes_of(data, n), &least, &command, &again) == MIX_DONE);
    assert(socks_read_request(mix_bytes_of(data, used), &least, &command, &again) == MIX_OK);
    assert(least == used && strcmp(again.host, to.host) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size), user, password;
    bool anyone, by_password;
    size_t used = 0;
    socks_target to;
    if (socks_read_greeting(in, &used, &anyone, &by_password) == MIX_OK)
        assert(used <= size && used <= SOCKS_GREETING_MOST);
    if (socks_read_password(in, &used, &user, &password) == MIX_OK)
        assert(used <= SOCKS_PASSWORD_MOST && user.len + password.len + 3 == used);
    whole_and_cut(data, size);
    if (socks_read_datagram(in, &to, &user) == MIX_OK) {
        mix_buf out = {0};
        assert(user.len < size && strlen(to.host) > 0);
        if (!to.by_name) {
            socks_write_datagram_head(&out, &to.number);
            assert(out.len + user.len == size && memcmp(out.data + 3, data + 3, out.len - 3) == 0);
        }
        mix_buf_deinit(&out);
    }
    return 0;
}
