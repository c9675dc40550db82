/* SPDX-License-Identifier: Apache-2.0 */
/* WASM: the C library's own names for the functions of the seam, which win over wasi-libc's.
 * Natively the libraries were renamed instead (third_party/seam.syms), and this file is not
 * compiled. */
#include "sockets/seam.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

int socket(int family, int type, int protocol) {
    return mix_sock_socket(family, type, protocol);
}
int connect(int fd, const struct sockaddr *to, socklen_t len) {
    return mix_sock_connect(fd, to, len);
}
int bind(int fd, const struct sockaddr *to, socklen_t len) {
    return mix_sock_bind(fd, to, len);
}
int listen(int fd, int backlog) {
    return mix_sock_listen(fd, backlog);
}
int accept(int fd, struct sockaddr *from, socklen_t *len) {
    return mix_sock_accept(fd, from, len);
}
int shutdown(int fd, int how) {
    return mix_sock_shutdown(fd, how);
}
int close(int fd) {
    return mix_sock_close(fd);
}
ssize_t send(int fd, const void *data, size_t len, int flags) {
    return mix_sock_send(fd, data, len, flags);
}
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len) {
    return mix_sock_sendto(fd, data, len, flags, to, to_len);
}
ssize_t recv(int fd, void *data, size_t len, int flags) {
    return mix_sock_recv(fd, data, len, flags);
}
ssize_t recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
                 socklen_t *from_len) {
    return mix_sock_recvfrom(fd, data, len, flags, from, from_len);
}
ssize_t read(int fd, void *data, size_t len) {
    return mix_sock_read(fd, data, len);
}
ssize_t write(int fd, const void *data, size_t len) {
    return mix_sock_write(fd, data, len);
}
int getsockopt(int fd, int level, int option, void *value, socklen_t *len) {
    return mix_sock_getsockopt(fd, level, option, value, len);
}
int setsockopt(int fd, int level, int option, const void *value, socklen_t len) {
    return mix_sock_setsockopt(fd, level, option, value, len);
}
int getsockname(int fd, struct sockaddr *out, socklen_t *len) {
    return mix_sock_getsockname(fd, out, len);
}
int getpeername(int fd, struct sockaddr *out, socklen_t *len) {
    return mix_sock_getpeername(fd, out, len);
}
int fcntl(int fd, int command, ...) {
    return mix_sock_fcntl(fd, command);
}
int ioctl(int fd, int request, ...) {
    return mix_sock_ioctl(fd, (unsigned long)request);
}
int poll(struct pollfd *fds, nfds_t n, int timeout) {
    return mix_sock_poll(fds, n, timeout);
}
int select(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict err,
           struct timeval *restrict timeout) {
    return mix_sock_select(n, in, out, err, timeout);
}
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    return mix_sock_getaddrinfo(host, service, hints, out);
}
void freeaddrinfo(struct addrinfo *list) {
    mix_sock_freeaddrinfo(list);
}
const char *gai_strerror(int code) {
    return mix_sock_gai_strerror(code);
}
struct servent *getservbyname(const char *name, const char *protocol) {
    return mix_sock_getservbyname(name, protocol);
}
struct servent *getservbyport(int port, const char *protocol) {
    return mix_sock_getservbyport(port, protocol);
}
void arc4random_buf(void *out, size_t len) {
    mix_sock_random(out, len);
}
FILE *fopen(const char *restrict path, const char *restrict mode) {
    return mix_sock_fopen(path, mode);
}
char *getenv(const char *name) {
    return mix_sock_getenv(name);
}
int clock_gettime(clockid_t id, struct timespec *out) {
    return mix_sock_clock_gettime(id, out);
}
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    return mix_sock_gettimeofday(out, zone);
}
time_t time(time_t *out) {
    return mix_sock_time(out);
}
