/* SPDX-License-Identifier: Apache-2.0 */
/* The seam as libcurl and c-ares see it: POSIX calls on descriptors, against the far side, in
 * virtual time. */
#include "sockets/seam.h"
#include "sockets/sockets.h"

#include "mix/errors.h"
#include "tcpip/near_testing.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

static struct {
    mix_test_env env;
    mix_tcpip *t;
    far *f;
    int fd;
    short wanted, got;
} w;

static void pump(void *user, mix_time now) {
    (void)user;
    mix_sockets_set_time(now);
}
static void echo(void *user, far_conn *c, mix_bytes data) {
    (void)user;
    far_write(c, data);
}
static void echo_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                          mix_bytes data) {
    (void)user;
    far_send_datagram(f, to, from, data);
}

static int setup(void **state) {
    static const far_near near = {&w.t, near_feed, near_drain, near_deadline, near_tick, pump};
    static const far_handlers handlers = {.received = echo, .datagram = echo_datagram};
    far_options o = {.delay = MIX_MS(50), .seed = 1};
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 2}},
                          .ip6 = {.family = 6, .octets = {0xfd, [15] = 2}}};
    (void)state;
    mix_test_env_init(&w.env, 1);
    w.f = far_new(&o, &near, &handlers, NULL);
    far_listen(w.f, 7);
    assert_status(mix_sockets_begin(&w.env.env), MIX_OK);
    assert_status(mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)), MIX_OK);
    mix_sockets_attach(w.t);
    pump(NULL, far_now(w.f));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mix_sockets_end();
    mix_tcpip_free(w.t);
    far_free(w.f);
    return 0;
}

static bool polled(void *user) {
    struct pollfd p = {.fd = w.fd, .events = w.wanted};
    (void)user;
    mix_sock_poll(&p, 1, -1);
    w.got = p.revents;
    return p.revents != 0;
}

static short wait_for(int fd, short wanted) {
    w.fd = fd;
    w.wanted = wanted;
    w.got = 0;
    far_run(w.f, polled, far_now(w.f) + MIX_SECONDS(40));
    return w.got;
}

static struct sockaddr_in host(uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&a.sin_addr, (uint8_t[]){192, 0, 2, 7}, 4);
    return a;
}

#define assert_errno(call, error)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_int_equal((call), -1);                                                              \
        assert_int_equal(errno, (error));                                                          \
    } while (0)

static int option(int fd, int level, int name) {
    int x = -1;
    socklen_t len = sizeof x;
    assert_int_equal(mix_sock_getsockopt(fd, level, name, &x, &len), 0);
    return x;
}

static void a_stream_as_posix_has_it(void **state) {
    struct sockaddr_in to = host(7), name;
    char buf[100];
    (void)state;
    int fd = mix_sock_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 16);
    assert_int_equal(mix_sock_fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(mix_sock_fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(mix_sock_ioctl(fd, FIONBIO, NULL), 0);
    assert_errno(mix_sock_send(fd, "x", 1, 0), ENOTCONN);
    assert_errno(mix_sock_recv(fd, buf, 1, 0), ENOTCONN);
    assert_errno(mix_sock_connect(fd, (void *)&to, sizeof to), EINPROGRESS);
    assert_errno(mix_sock_connect(fd, (void *)&to, sizeof to), EALREADY);
    assert_errno(mix_sock_send(fd, "x", 1, 0), EAGAIN);
    assert_errno(mix_sock_recv(fd, buf, 1, 0), EAGAIN);
    assert_int_equal(wait_for(fd, POLLOUT), POLLOUT);
    assert_int_equal(option(fd, SOL_SOCKET, SO_ERROR), 0);
    assert_errno(mix_sock_connect(fd, (void *)&to, sizeof to), EISCONN);
    socklen_t len = sizeof name;
    assert_int_equal(mix_sock_getpeername(fd, (void *)&name, &len), 0);
    assert_int_equal(len, sizeof name);
    assert_int_equal(name.sin_port, htons(7));
    assert_memory_equal(&name.sin_addr, &to.sin_addr, 4);
    assert_int_equal(mix_sock_getsockname(fd, (void *)&name, &len), 0);
    assert_true(ntohs(name.sin_port) >= 49152);
    assert_int_equal(mix_sock_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    assert_int_equal(mix_sock_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)), 0);
    assert_int_equal(mix_sock_write(fd, "hello", 5), 5);
    assert_int_equal(wait_for(fd, POLLIN), POLLIN);
    assert_int_equal(mix_sock_recv(fd, buf, sizeof buf, MSG_PEEK), 5);
    assert_int_equal(mix_sock_read(fd, buf, 2), 2);
    assert_int_equal(mix_sock_recv(fd, buf + 2, sizeof buf, 0), 3);
    assert_memory_equal(buf, "hello", 5);
    assert_errno(mix_sock_recv(fd, buf, 1, 0), EAGAIN);
    assert_int_equal(mix_sock_shutdown(fd, SHUT_WR), 0);
    assert_errno(mix_sock_send(fd, "x", 1, 0), EPIPE);
    assert_int_equal(wait_for(fd, POLLIN), POLLIN);
    assert_int_equal(mix_sock_recv(fd, buf, 1, 0), 0);
    assert_int_equal(mix_sock_close(fd), 0);
    assert_errno(mix_sock_close(fd), EBADF);
    assert_errno(mix_sock_recv(fd, buf, 1, 0), EBADF);
    assert_int_equal(mix_sockets_open(), 0);
}

static void refused(void **state) {
    struct sockaddr_in to = host(81);
    char c;
    (void)state;
    int fd = mix_sock_socket(AF_INET, SOCK_STREAM, 0);
    assert_errno(mix_sock_connect(fd, (void *)&to, sizeof to), EINPROGRESS);
    assert_int_equal(wait_for(fd, POLLOUT), POLLOUT | POLLERR);
    assert_int_equal(option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert_status(mix_sockets_status(fd), MIX_ERR_TCP_REFUSED);
    assert_errno(mix_sock_recv(fd, &c, 1, 0), ECONNREFUSED);
    mix_address a = {.family = 4, .octets = {192, 0, 2, 7}};
    mix_sock_close(fd);
    fd = mix_sock_socket(AF_INET, SOCK_STREAM, 0);
    assert_errno(mix_sock_connect(fd, (void *)&to, sizeof to), EINPROGRESS);
    mix_tcpip_refuse(w.t, &a, MIX_ERR_IPR_REFUSED, far_now(w.f));
    assert_int_equal(option(fd, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    assert_status(mix_sockets_status(fd), MIX_ERR_IPR_REFUSED);
    mix_sock_close(fd);
}

static void datagrams(void **state) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(53)}, from;
    memcpy(&to.sin6_addr, (uint8_t[16]){0x20, 1, 0x0d, 0xb8}, 16);
    char buf[10];
    socklen_t len = sizeof from;
    (void)state;
    int fd = mix_sock_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    assert_errno(mix_sock_recvfrom(fd, buf, sizeof buf, 0, (void *)&from, &len), EAGAIN);
    assert_int_equal(mix_sockets_unsent(), 0);
    assert_int_equal(mix_sock_sendto(fd, "query", 5, 0, (void *)&to, sizeof to), 5);
    assert_int_equal(mix_sockets_unsent(), 1);
    assert_int_equal(wait_for(fd, POLLIN), POLLIN);
    assert_int_equal(mix_sockets_unsent(), 0);
    assert_int_equal(mix_sock_recvfrom(fd, buf, sizeof buf, 0, (void *)&from, &len), 5);
    assert_int_equal(from.sin6_port, to.sin6_port);
    assert_memory_equal(&from.sin6_addr, &to.sin6_addr, 16);
    assert_int_equal(mix_sock_connect(fd, (void *)&to, sizeof to), 0);
    assert_int_equal(mix_sock_send(fd, "again", 5, 0), 5);
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    assert_int_equal(mix_sock_select(fd + 1, &in, NULL, NULL, NULL), 0);
    assert_false(FD_ISSET(fd, &in));
    assert_int_equal(wait_for(fd, POLLIN), POLLIN);
    FD_SET(fd, &in);
    assert_int_equal(mix_sock_select(fd + 1, &in, NULL, NULL, NULL), 1);
    assert_true(FD_ISSET(fd, &in));
    char big[2000] = {0};
    assert_errno(mix_sock_send(fd, big, sizeof big, 0), EMSGSIZE);
    mix_sock_close(fd);
}

static void what_there_is_not(void **state) {
    struct sockaddr_in to = host(7);
    (void)state;
    assert_errno(mix_sock_socket(AF_UNSPEC, SOCK_STREAM, 0), EAFNOSUPPORT);
    assert_errno(mix_sock_socket(AF_INET, 77, 0), EPROTONOSUPPORT);
    assert_errno(mix_sock_connect(2, (void *)&to, sizeof to), EBADF);
    int fd = mix_sock_socket(AF_INET, SOCK_STREAM, 0);
    assert_errno(mix_sock_listen(fd, 1), EOPNOTSUPP);
    assert_errno(mix_sock_accept(fd, NULL, NULL), EOPNOTSUPP);
    assert_errno(mix_sock_connect(fd, (void *)&to, 3), EAFNOSUPPORT);
    mix_sockets_attach(NULL);
    assert_int_equal(mix_sockets_unsent(), 0);
    assert_int_equal(mix_sock_close(fd), 0);
    assert_errno(mix_sock_socket(AF_INET, SOCK_STREAM, 0), ENETDOWN);
    assert_null(mix_sock_fopen("/etc/resolv.conf", "r"));
    assert_null(mix_sock_getenv("PATH"));
    assert_null(mix_sock_getservbyname("http", "tcp"));
    assert_null(mix_sock_getservbyport(80, "tcp"));
}

static bool is_connected(void *user) {
    (void)user;
    return (mix_sockets_ready(w.fd) & MIX_SOCKETS_OUT) != 0;
}

/* Another stack: descriptors of the one before tell so until they are closed, and do nothing to
 * those of the new one. */
static void a_new_stack(void **state) {
    mix_tcpip_config c = {.ip4 = {.family = 4, .octets = {10, 0, 0, 3}}};
    struct sockaddr_in to = host(7);
    uint8_t byte = 1;
    int error = 0;
    socklen_t len = sizeof error;
    (void)state;
    w.fd = mix_sock_socket(AF_INET, SOCK_STREAM, 0);
    assert_errno(mix_sock_connect(w.fd, (void *)&to, sizeof to), EINPROGRESS);
    assert_true(far_run(w.f, is_connected, far_now(w.f) + MIX_SECONDS(5)));
    mix_sockets_attach(NULL);
    mix_tcpip_free(w.t);
    assert_errno(mix_sock_send(w.fd, &byte, 1, 0), ECONNRESET);
    assert_status(mix_tcpip_new(&w.t, &c, &w.env.env, far_now(w.f)), MIX_OK);
    mix_sockets_attach(w.t);
    int other = mix_sock_socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(other, w.fd);
    assert_errno(mix_sock_recv(w.fd, &byte, 1, 0), ECONNRESET);
    assert_errno(mix_sock_connect(w.fd, (void *)&to, sizeof to), ECONNRESET);
    assert_int_equal(mix_sockets_ready(w.fd), MIX_SOCKETS_IN | MIX_SOCKETS_OUT | MIX_SOCKETS_ERR);
    assert_int_equal(mix_sockets_status(w.fd), MIX_ERR_TCP_MOVED);
    assert_int_equal(mix_sock_getsockopt(w.fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, ECONNRESET);
    struct pollfd p = {.fd = w.fd, .events = POLLIN};
    assert_int_equal(mix_sock_poll(&p, 1, 0), 1);
    assert_int_equal(p.revents, POLLIN | POLLERR);
    assert_int_equal(mix_sock_close(w.fd), 0);
    assert_int_equal(mix_sockets_open(), 1);
    assert_status(mix_sockets_status(other), MIX_OK);
    assert_int_equal(mix_sock_close(other), 0);
    assert_errno(mix_sock_close(other), EBADF);
}

static void names_are_numbers(void **state) {
    struct addrinfo *found, six = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    (void)state;
    assert_int_equal(mix_sock_getaddrinfo("192.0.2.7", "443", NULL, &found), 0);
    assert_int_equal(found->ai_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)(void *)found->ai_addr)->sin_port, htons(443));
    assert_null(found->ai_next);
    mix_sock_freeaddrinfo(found);
    assert_int_equal(mix_sock_getaddrinfo("2001:db8::1", NULL, &six, &found), 0);
    assert_int_equal(found->ai_addrlen, sizeof(struct sockaddr_in6));
    mix_sock_freeaddrinfo(found);
    assert_int_equal(mix_sock_getaddrinfo("192.0.2.7", NULL, &six, &found), EAI_NONAME);
    const char *bad[][2] = {{"example.com", "80"}, {"localhost", NULL}, {"1.2.3.4", "http"},
                            {"1.2.3.4", "65536"},  {"", "1"},           {"1.2.3.4", "655360"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(mix_sock_getaddrinfo(bad[i][0], bad[i][1], NULL, &found), EAI_NONAME);
}

static void clocks_and_randomness_are_the_hosts(void **state) {
    struct timespec a, b;
    struct timeval v;
    uint8_t x[20], y[20];
    (void)state;
    mix_sockets_set_time(MIX_SECONDS(5000));
    mix_sockets_set_time(MIX_SECONDS(4000)); /* never back */
    mix_sock_clock_gettime(CLOCK_MONOTONIC, &a);
    mix_sock_clock_gettime(CLOCK_MONOTONIC, &b);
    assert_int_equal(a.tv_sec, 5000);
    assert_int_equal(b.tv_nsec - a.tv_nsec, 1000); /* and never the same twice */
    w.env.wall = 1700000000123456;
    mix_sock_clock_gettime(CLOCK_REALTIME, &a);
    mix_sock_gettimeofday(&v, NULL);
    assert_int_equal(a.tv_sec, 1700000000);
    assert_int_equal(a.tv_nsec, 123456000);
    assert_int_equal(v.tv_usec, 123456);
    assert_int_equal(mix_sock_time(NULL), 1700000000);
    mix_sock_random(x, sizeof x);
    assert_false(mix_sockets_random_failed());
    w.env.fail_random = 1;
    mix_sock_random(x, sizeof x);
    assert_true(mix_sockets_random_failed());
    w.env.fail_random = 1;
    mix_sock_random(y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
    w.env.fail_random = 1;
    assert_status(mix_sockets_renew(), MIX_ERR_RANDOM);
    assert_status(mix_sockets_renew(), MIX_OK);
    assert_false(mix_sockets_random_failed());
    assert_status(mix_sockets_begin(&w.env.env), MIX_ERR_LIMIT);
    mix_sockets_end();
    w.env.fail_random = 1;
    assert_status(mix_sockets_begin(&w.env.env), MIX_ERR_RANDOM);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_stream_as_posix_has_it, setup, teardown),
    cmocka_unit_test_setup_teardown(refused, setup, teardown),
    cmocka_unit_test_setup_teardown(datagrams, setup, teardown),
    cmocka_unit_test_setup_teardown(what_there_is_not, setup, teardown),
    cmocka_unit_test_setup_teardown(a_new_stack, setup, teardown),
    cmocka_unit_test_setup_teardown(names_are_numbers, setup, teardown),
    cmocka_unit_test_setup_teardown(clocks_and_randomness_are_the_hosts, setup, teardown),
};
MIX_TEST_MAIN(sockets_test, tests)
