/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a local socket: wasi-libc's has no path in it. Only its size matters here, none is ever opened. */
#ifndef COMPAT_SYS_UN_H
#define COMPAT_SYS_UN_H
#include <sys/socket.h>
struct compat_sockaddr_un {
    sa_family_t sun_family;
    char sun_path[108];
};
#define sockaddr_un compat_sockaddr_un
#endif
