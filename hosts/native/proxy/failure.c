/* SPDX-License-Identifier: Apache-2.0 */
/* What the tunnel's errors are called in SOCKS and in HTTP. */
#include "proxy/connection.h"

typedef struct row {
    int code, status;
    socks_reply reply;
} row;

static row find(int code) {
    static const row rows[] = {
        {MIX_ERR_IPR_REFUSED, 403, SOCKS_NOT_ALLOWED},
        {MIX_ERR_DNS_NAME, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_NOT_FOUND, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_NO_DATA, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_SERVER, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_MALFORMED, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_CHAIN, 502, SOCKS_HOST_UNREACHABLE},
        {MIX_ERR_DNS_TIMEOUT, 504, SOCKS_TTL_EXPIRED},
        {MIX_ERR_TCP_TIMEOUT, 504, SOCKS_TTL_EXPIRED},
        {MIX_ERR_TCP_STALLED, 504, SOCKS_TTL_EXPIRED},
        {MIX_ERR_TCP_REFUSED, 502, SOCKS_REFUSED},
        {MIX_ERR_TCP_UNREACHABLE, 502, SOCKS_NETWORK_UNREACHABLE},
        {MIX_ERR_IP_FAMILY, 502, SOCKS_NETWORK_UNREACHABLE},
        {MIX_ERR_ARGUMENT, 400, SOCKS_FAILURE}, /* port 0 */
        {MIX_ERR_SOCKET_LIMIT, 503, SOCKS_FAILURE},
        {MIX_ERR_LIMIT, 503, SOCKS_FAILURE},
        {MIX_ERR_MEMORY, 503, SOCKS_FAILURE},
        {MIX_ERR_STATE, 503, SOCKS_FAILURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i];
    return (row){code, 502, SOCKS_FAILURE};
}

socks_reply failure_reply(int code) {
    return find(code).reply;
}

int failure_status(int code) {
    return find(code).status;
}
