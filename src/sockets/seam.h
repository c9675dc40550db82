/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that third_party/seam.syms names on the right; each behaves as POSIX has the one on
 * the left, within what sockets.h says. Not for our own code. */
#ifndef MIX_SOCKETS_SEAM_H
#define MIX_SOCKETS_SEAM_H

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

int mix_sock_socket(int family, int type, int protocol);
int mix_sock_connect(int fd, const struct sockaddr *to, socklen_t len);
int mix_sock_bind(int fd, const struct sockaddr *to, socklen_t len);
int mix_sock_listen(int fd, int backlog);
int mix_sock_accept(int fd, struct sockaddr *from, socklen_t *len);
int mix_sock_shutdown(int fd, int how);
int mix_sock_close(int fd);
ssize_t mix_sock_send(int fd, const void *data, size_t len, int flags);
ssize_t mix_sock_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                        socklen_t to_len);
ssize_t mix_sock_recv(int fd, void *data, size_t len, int flags);
ssize_t mix_sock_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
                          socklen_t *from_len);
ssize_t mix_sock_read(int fd, void *data, size_t len);
ssize_t mix_sock_write(int fd, const void *data, size_t len);
int mix_sock_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int mix_sock_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int mix_sock_getsockname(int fd, struct sockaddr *out, socklen_t *len);
int mix_sock_getpeername(int fd, struct sockaddr *out, socklen_t *len);
int mix_sock_fcntl(int fd, int command, ...);
int mix_sock_ioctl(int fd, unsigned long request, ...);
int mix_sock_poll(struct pollfd *fds, nfds_t n, int timeout);
int mix_sock_select(int n, fd_set *in, fd_set *out, fd_set *err, struct timeval *timeout);
int mix_sock_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                         struct addrinfo **out);
void mix_sock_freeaddrinfo(struct addrinfo *list);
const char *mix_sock_gai_strerror(int code);
struct servent *mix_sock_getservbyname(const char *name, const char *protocol);
struct servent *mix_sock_getservbyport(int port, const char *protocol);
void mix_sock_random(void *out, size_t len);
int mix_sock_clock_gettime(clockid_t id, struct timespec *out);
int mix_sock_gettimeofday(struct timeval *restrict out, void *restrict zone);
time_t mix_sock_time(time_t *out);
FILE *mix_sock_fopen(const char *restrict path, const char *restrict mode);
char *mix_sock_getenv(const char *name);

#endif
