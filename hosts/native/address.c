/* SPDX-License-Identifier: Apache-2.0 */
/* Between mix_address and struct sockaddr. */
#include "address.h"

#include <netinet/in.h>
#include <string.h>

mix_address host_address(const struct sockaddr *a) {
    mix_address out = {0};
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
        out.family = 4;
        out.port = ntohs(v4->sin_port);
        memcpy(out.octets, &v4->sin_addr, 4);
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;
        out.family = 6;
        out.port = ntohs(v6->sin6_port);
        memcpy(out.octets, &v6->sin6_addr, 16);
    }
    return out;
}

void host_sockaddr(struct sockaddr_storage *out, const mix_address *a) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    memcpy(&v4.sin_addr, a->octets, 4);
    memcpy(&v6.sin6_addr, a->octets, 16);
    memset(out, 0, sizeof *out);
    if (a->family == 4)
        memcpy(out, &v4, sizeof v4);
    else
        memcpy(out, &v6, sizeof v6);
}

void host_address_unmap(mix_address *a) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (a->family != 6 || memcmp(a->octets, mapped, sizeof mapped) != 0)
        return;
    a->family = 4;
    memmove(a->octets, a->octets + sizeof mapped, 4);
    memset(a->octets + 4, 0, sizeof a->octets - 4);
}

bool host_is_loopback(const mix_address *a) {
    static const uint8_t v6[16] = {[15] = 1};
    mix_address plain = *a;
    host_address_unmap(&plain);
    return plain.family == 4 ? plain.octets[0] == 127 : memcmp(plain.octets, v6, sizeof v6) == 0;
}
