/* SPDX-License-Identifier: Apache-2.0 */
/* Socket calls on descriptors of tcpip/'s sockets. */
#include "sockets/internal.h"

#include "mix/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

seam_state mix_seam;

static int failed(int error) {
    errno = error;
    return -1;
}

/* What POSIX calls it. */
static int error_of(int status) {
    switch (status) {
    case MIX_OK:
        return 0;
    case MIX_DONE:
    case MIX_BLOCKED:
        return EAGAIN;
    case MIX_ERR_TCP_REFUSED:
        return ECONNREFUSED;
    case MIX_ERR_TCP_RESET:
        return ECONNRESET;
    case MIX_ERR_TCP_TIMEOUT:
    case MIX_ERR_TCP_STALLED:
        return ETIMEDOUT;
    case MIX_ERR_TCP_UNREACHABLE:
    case MIX_ERR_IPR_REFUSED:
        return EHOSTUNREACH;
    case MIX_ERR_IP_FAMILY:
        return EAFNOSUPPORT;
    case MIX_ERR_SOCKET_LIMIT:
        return EMFILE;
    case MIX_ERR_SOCKET_CLOSED:
        return EPIPE;
    case MIX_ERR_DATAGRAM_SIZE:
        return EMSGSIZE;
    case MIX_ERR_MEMORY:
        return ENOBUFS;
    case MIX_ERR_STATE:
        return ENOTCONN;
    case MIX_ERR_ARGUMENT:
        return EINVAL;
    default:
        return EIO;
    }
}

static int first_fd(void) {
    return FIRST_FD + mix_seam.stacks * MIX_TCPIP_SOCKETS;
}

/* Of a stack that is gone. */
static bool has_moved(int fd) {
    return fd >= FIRST_FD && (fd < first_fd() || fd >= first_fd() + MIX_TCPIP_SOCKETS);
}

/* The socket's number, or −1 with EBADF, or with ECONNRESET if its stack is gone. */
static int number_of(int fd) {
    if (has_moved(fd))
        return failed(ECONNRESET);
    if (!mix_seam.stack || fd < FIRST_FD || mix_tcpip_kind_of(mix_seam.stack, fd - first_fd()) == 0)
        return failed(EBADF);
    return fd - first_fd();
}

static bool is_stream(int number) {
    return mix_tcpip_kind_of(mix_seam.stack, number) == MIX_TCPIP_STREAM;
}

int mix_seam_from_sockaddr(mix_address *out, const struct sockaddr *in, socklen_t len) {
    *out = (mix_address){0};
    if (in->sa_family == AF_INET && len >= (socklen_t)sizeof(struct sockaddr_in)) {
        struct sockaddr_in a;
        memcpy(&a, in, sizeof a);
        *out = (mix_address){.family = 4, .port = ntohs(a.sin_port)};
        memcpy(out->octets, &a.sin_addr, 4);
        return MIX_OK;
    }
    if (in->sa_family == AF_INET6 && len >= (socklen_t)sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 a;
        memcpy(&a, in, sizeof a);
        *out = (mix_address){.family = 6, .port = ntohs(a.sin6_port)};
        memcpy(out->octets, &a.sin6_addr, 16);
        return MIX_OK;
    }
    return MIX_ERR_ADDRESS;
}

void mix_seam_to_sockaddr(struct sockaddr *out, socklen_t *len, const mix_address *in) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(in->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(in->port)};
    const void *from = in->family == 4 ? (const void *)&four : &six;
    socklen_t size = in->family == 4 ? (socklen_t)sizeof four : (socklen_t)sizeof six;
    memcpy(&four.sin_addr, in->octets, 4);
    memcpy(&six.sin6_addr, in->octets, 16);
    memcpy(out, from, *len < size ? *len : size);
    *len = size;
}

int mix_sockets_address(mix_address *out, const void *sockaddr) {
    sa_family_t family;
    memcpy(&family, (const uint8_t *)sockaddr + offsetof(struct sockaddr, sa_family),
           sizeof family);
    return mix_seam_from_sockaddr(out, sockaddr,
                                  family == AF_INET ? (socklen_t)sizeof(struct sockaddr_in)
                                                    : (socklen_t)sizeof(struct sockaddr_in6));
}

unsigned mix_sockets_ready(int fd) {
    int number = number_of(fd);
    if (number < 0)
        return has_moved(fd) ? MIX_SOCKETS_IN | MIX_SOCKETS_OUT | MIX_SOCKETS_ERR : MIX_SOCKETS_ERR;
    unsigned ready = mix_tcpip_ready(mix_seam.stack, number);
    return (ready & MIX_TCPIP_READABLE ? MIX_SOCKETS_IN : 0u) |
           (ready & MIX_TCPIP_WRITABLE ? MIX_SOCKETS_OUT : 0u) |
           (ready & MIX_TCPIP_FAILED ? MIX_SOCKETS_ERR : 0u);
}

int mix_sockets_status(int fd) {
    int number = number_of(fd);
    if (number < 0)
        return has_moved(fd) ? MIX_ERR_TCP_MOVED : MIX_ERR_ARGUMENT;
    return mix_tcpip_status(mix_seam.stack, number);
}

unsigned mix_sockets_open(void) {
    mix_tcpip_stats stats = {0};
    if (mix_seam.stack)
        mix_tcpip_get_stats(mix_seam.stack, &stats);
    return stats.sockets;
}

uint64_t mix_sockets_moved(void) {
    return mix_seam.moved;
}

size_t mix_sockets_unsent(void) {
    return mix_seam.stack ? mix_tcpip_waiting(mix_seam.stack) : 0;
}

int mix_sock_socket(int family, int type, int protocol) {
    int number;
#ifdef SOCK_NONBLOCK
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
#endif
    (void)protocol;
    if (!mix_seam.stack)
        return failed(ENETDOWN);
    if (family != AF_INET && family != AF_INET6)
        return failed(EAFNOSUPPORT);
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return failed(EPROTONOSUPPORT);
    int status = mix_tcpip_open(mix_seam.stack, &number,
                                type == SOCK_STREAM ? MIX_TCPIP_STREAM : MIX_TCPIP_DATAGRAM,
                                family == AF_INET ? 4 : 6);
    mix_seam.moved++;
    return status == MIX_OK ? number + first_fd() : failed(error_of(status));
}

int mix_sock_connect(int fd, const struct sockaddr *to, socklen_t len) {
    mix_address a;
    int number = number_of(fd);
    if (number < 0)
        return -1;
    if (mix_seam_from_sockaddr(&a, to, len) != MIX_OK)
        return failed(EAFNOSUPPORT);
    int status = mix_tcpip_connect(mix_seam.stack, number, &a, mix_seam.now);
    if (status == MIX_ERR_STATE)
        return failed(mix_tcpip_ready(mix_seam.stack, number) & MIX_TCPIP_CONNECTED ? EISCONN
                                                                                    : EALREADY);
    if (status != MIX_OK)
        return failed(error_of(status));
    return is_stream(number) ? failed(EINPROGRESS) : 0;
}

/* Our address is the exit's to give, our port is drawn at random. */
int mix_sock_bind(int fd, const struct sockaddr *to, socklen_t len) {
    (void)to, (void)len;
    return number_of(fd) < 0 ? -1 : 0;
}

int mix_sock_listen(int fd, int backlog) {
    (void)fd, (void)backlog;
    return failed(EOPNOTSUPP);
}

int mix_sock_accept(int fd, struct sockaddr *from, socklen_t *len) {
    (void)fd, (void)from, (void)len;
    return failed(EOPNOTSUPP);
}

int mix_sock_shutdown(int fd, int how) {
    int number = number_of(fd);
    if (number < 0)
        return -1;
    if (!is_stream(number))
        return failed(ENOTCONN);
    int status = how == SHUT_RD ? MIX_OK : mix_tcpip_shutdown(mix_seam.stack, number, mix_seam.now);
    return status == MIX_OK ? 0 : failed(error_of(status));
}

int mix_sock_close(int fd) {
    int number = number_of(fd);
    if (number < 0)
        return has_moved(fd) ? 0 : -1;
    mix_seam.moved++;
    mix_tcpip_close(mix_seam.stack, number, mix_seam.now);
    return 0;
}

int mix_sockets_close(int fd) {
    return mix_sock_close(fd);
}

ssize_t mix_sock_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                        socklen_t to_len) {
    mix_address a;
    size_t taken = len;
    int status, number = number_of(fd);
    (void)flags;
    if (number < 0)
        return -1;
    if (to && mix_seam_from_sockaddr(&a, to, to_len) != MIX_OK)
        return failed(EAFNOSUPPORT);
    if (is_stream(number))
        status =
            mix_tcpip_write(mix_seam.stack, number, mix_bytes_of(data, len), &taken, mix_seam.now);
    else
        status = mix_tcpip_send(mix_seam.stack, number, to ? &a : NULL, mix_bytes_of(data, len),
                                mix_seam.now);
    if (status != MIX_OK)
        return failed(error_of(status));
    mix_seam.moved++;
    return (ssize_t)taken;
}

ssize_t mix_sock_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
                          socklen_t *from_len) {
    mix_address a = {0};
    size_t got = 0;
    int status, number = number_of(fd);
    if (number < 0)
        return -1;
    if (flags & MSG_PEEK)
        status = mix_tcpip_peek(mix_seam.stack, number, data, len, &got);
    else if (is_stream(number))
        status = mix_tcpip_read(mix_seam.stack, number, data, len, &got, mix_seam.now);
    else
        status = mix_tcpip_receive(mix_seam.stack, number, &a, data, len, &got);
    if (status != MIX_OK)
        return failed(error_of(status));
    mix_seam.moved++;
    if (a.family == 0)
        (void)mix_tcpip_remote(mix_seam.stack, number, &a);
    if (from && from_len && a.family != 0)
        mix_seam_to_sockaddr(from, from_len, &a);
    return (ssize_t)got;
}

ssize_t mix_sock_send(int fd, const void *data, size_t len, int flags) {
    return mix_sock_sendto(fd, data, len, flags, NULL, 0);
}

ssize_t mix_sock_recv(int fd, void *data, size_t len, int flags) {
    return mix_sock_recvfrom(fd, data, len, flags, NULL, NULL);
}

ssize_t mix_sock_read(int fd, void *data, size_t len) {
    return mix_sock_recvfrom(fd, data, len, 0, NULL, NULL);
}

ssize_t mix_sock_write(int fd, const void *data, size_t len) {
    return mix_sock_sendto(fd, data, len, 0, NULL, 0);
}

int mix_sock_getsockopt(int fd, int level, int option, void *value, socklen_t *len) {
    int x = 0, number = number_of(fd);
    bool error = level == SOL_SOCKET && option == SO_ERROR;
    if (number < 0 && !(error && has_moved(fd)))
        return -1;
    if (error)
        x = number < 0 ? ECONNRESET : error_of(mix_tcpip_status(mix_seam.stack, number));
    else if (level == SOL_SOCKET && option == SO_TYPE)
        x = is_stream(number) ? SOCK_STREAM : SOCK_DGRAM;
    else if (level == IPPROTO_TCP && option == TCP_NODELAY)
        x = 1;
    else
        return failed(ENOPROTOOPT);
    if (*len < (socklen_t)sizeof x)
        return failed(EINVAL);
    memcpy(value, &x, sizeof x);
    *len = sizeof x;
    return 0;
}

int mix_sock_setsockopt(int fd, int level, int option, const void *value, socklen_t len) {
    int x = 0, number = number_of(fd);
    if (number < 0)
        return -1;
    if (len >= (socklen_t)sizeof x)
        memcpy(&x, value, sizeof x);
    if (level == IPPROTO_TCP && option == TCP_NODELAY)
        mix_tcpip_set_nagle(mix_seam.stack, number, x == 0);
    else if (level == SOL_SOCKET && option == SO_KEEPALIVE)
        mix_tcpip_set_keepalive(mix_seam.stack, number, x ? MIX_SECONDS(60) : 0);
#ifdef TCP_KEEPIDLE
    else if (level == IPPROTO_TCP && option == TCP_KEEPIDLE)
        mix_tcpip_set_keepalive(mix_seam.stack, number, MIX_SECONDS(x));
#endif
    else
        return failed(ENOPROTOOPT);
    return 0;
}

int mix_sock_getsockname(int fd, struct sockaddr *out, socklen_t *len) {
    mix_address a;
    int number = number_of(fd);
    if (number < 0)
        return -1;
    if (mix_tcpip_local(mix_seam.stack, number, &a) != MIX_OK)
        return failed(EINVAL);
    mix_seam_to_sockaddr(out, len, &a);
    return 0;
}

int mix_sock_getpeername(int fd, struct sockaddr *out, socklen_t *len) {
    mix_address a;
    int number = number_of(fd);
    if (number < 0)
        return -1;
    if (mix_tcpip_remote(mix_seam.stack, number, &a) != MIX_OK)
        return failed(ENOTCONN);
    mix_seam_to_sockaddr(out, len, &a);
    return 0;
}

/* All sockets are non-blocking, whatever is asked. */
int mix_sock_fcntl(int fd, int command, ...) {
    if (number_of(fd) < 0)
        return -1;
    return command == F_GETFL ? O_RDWR | O_NONBLOCK : 0;
}

int mix_sock_ioctl(int fd, unsigned long request, ...) {
    if (number_of(fd) < 0)
        return -1;
    return request == FIONBIO ? 0 : failed(ENOTTY);
}

static unsigned interest(int fd, unsigned wanted) {
    return mix_sockets_ready(fd) & (wanted | MIX_SOCKETS_ERR);
}

/* Looks and returns: nothing here may wait. */
int mix_sock_poll(struct pollfd *fds, nfds_t n, int timeout) {
    int hits = 0;
    (void)timeout;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        unsigned got = interest(fds[i].fd, (fds[i].events & POLLIN ? MIX_SOCKETS_IN : 0u) |
                                               (fds[i].events & POLLOUT ? MIX_SOCKETS_OUT : 0u));
        fds[i].revents =
            (short)((got & MIX_SOCKETS_IN ? POLLIN : 0) | (got & MIX_SOCKETS_OUT ? POLLOUT : 0) |
                    (got & MIX_SOCKETS_ERR ? POLLERR : 0));
        hits += fds[i].revents != 0;
    }
    return hits;
}

static int keep_if(fd_set *set, int fd, bool ready) {
    if (!set || !FD_ISSET(fd, set))
        return 0;
    if (!ready)
        FD_CLR(fd, set);
    return ready;
}

int mix_sock_select(int n, fd_set *in, fd_set *out, fd_set *err, struct timeval *timeout) {
    int hits = 0;
    (void)timeout;
    for (int fd = 0; fd < n && fd < FD_SETSIZE; fd++) {
        if (!(in && FD_ISSET(fd, in)) && !(out && FD_ISSET(fd, out)) && !(err && FD_ISSET(fd, err)))
            continue;
        unsigned ready = mix_sockets_ready(fd);
        hits += keep_if(in, fd, ready & (MIX_SOCKETS_IN | MIX_SOCKETS_ERR));
        hits += keep_if(out, fd, ready & (MIX_SOCKETS_OUT | MIX_SOCKETS_ERR));
        hits += keep_if(err, fd, ready & MIX_SOCKETS_ERR);
    }
    return hits;
}
