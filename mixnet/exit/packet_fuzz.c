/* SPDX-License-Identifier: Apache-2.0 */
/* The packet reader, and what is made of what it read: each made packet must be readable and have
 * right checksums. */
#include "mixnet/exit/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_made(const mix_buf *made) {
    mixnet_ip ip;
    mix_bytes p = mix_buf_bytes(made);
    if (p.len == 0)
        return;
    if (!mixnet_ip_parse(&ip, p) || ip.header + ip.transport.len != p.len)
        abort();
    if (mixnet_ip_checksum(&ip.source, &ip.destination, p.data[ip.source.family == 4 ? 9 : 6],
                           ip.transport) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const mix_ipr_ips own = {.v4 = {10, 0, 0, 1}, .v6 = {0xfc, [15] = 1}};
    mix_bytes in = mix_bytes_of(data, size);
    mixnet_ip ip;
    mix_address to;
    mix_buf made = {0};
    bool whole = mixnet_ip_parse(&ip, in);
    if (whole && !mixnet_ip_destination(&to, in))
        abort();
    if (whole) {
        (void)mixnet_ip_refuse(&made, &ip, in, &own);
        check_made(&made);
        mix_buf_truncate(&made, 0);
        if (ip.transport.len < 60000)
            (void)mixnet_ip_echo(&made, &ip);
        if (made.len > 0 &&
            mixnet_ip_parse(&ip, mix_buf_bytes(&made))) /* timestamps have lengths of their own */
            check_made(&made);
    }
    mix_buf_deinit(&made);
    return 0;
}
