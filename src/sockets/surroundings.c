/* SPDX-License-Identifier: Apache-2.0 */
/* The rest that the libraries would ask the operating system for: time and randomness from what the
 * host gives; of names only numbers; no file, no environment variable, no service. */
#include "sockets/internal.h"

#include "base/alloc.h"
#include "base/log.h"
#include "mix/errors.h"

#include <string.h>

int mix_sockets_begin(const mix_env *env) {
    if (mix_seam.env)
        return MIX_ERR_LIMIT;
    int status = mix_random(env, mix_seam.secret, sizeof mix_seam.secret);
    if (status != MIX_OK)
        return status;
    mix_seam.env = env;
    mix_seam.random_failed = false;
    mix_seam.now = 0;
    return MIX_OK;
}

void mix_sockets_end(void) {
    mix_sockets_attach(NULL);
    mix_seam.env = NULL;
    mix_wipe(mix_seam.secret, sizeof mix_seam.secret);
}

int mix_sockets_renew(void) {
    if (!mix_seam.random_failed)
        return MIX_OK;
    int status = mix_random(mix_seam.env, mix_seam.secret, sizeof mix_seam.secret);
    mix_seam.random_failed = status != MIX_OK;
    return status;
}

void mix_sockets_attach(mix_tcpip *t) {
    for (int i = 0; mix_seam.stack && i < MIX_TCPIP_SOCKETS; i++)
        mix_tcpip_abort(mix_seam.stack, i, mix_seam.now);
    if (mix_seam.stack)
        mix_seam.stacks = (mix_seam.stacks + 1) % STACKS;
    mix_seam.stack = t;
}

void mix_sockets_set_time(mix_time now) {
    if (now > mix_seam.now)
        mix_seam.now = now;
}

mix_time mix_sockets_now(void) {
    return mix_seam.now;
}

bool mix_sockets_random_failed(void) {
    return mix_seam.random_failed;
}

static int64_t wall(void) {
    return mix_seam.env ? mix_seam.env->wall_time(mix_seam.env->user) : 0;
}

int mix_sock_clock_gettime(clockid_t id, struct timespec *out) {
    int64_t t = id == CLOCK_REALTIME ? wall() : ++mix_seam.now;
    out->tv_sec = (time_t)(t / 1000000);
    out->tv_nsec = (long)(t % 1000000 * 1000);
    return 0;
}

int mix_sock_gettimeofday(struct timeval *restrict out, void *restrict zone) {
    int64_t t = wall();
    (void)zone;
    out->tv_sec = (time_t)(t / 1000000);
    out->tv_usec = (suseconds_t)(t % 1000000);
    return 0;
}

time_t mix_sock_time(time_t *out) {
    time_t t = (time_t)(wall() / 1000000);
    if (out)
        *out = t;
    return t;
}

/* It cannot fail, as its callers have it. Without a host that gives randomness nothing may go on,
 * but what is drawn until the tunnel ends must not be predictable either: it comes from the secret
 * that begin() drew. */
void mix_sock_random(void *out, size_t len) {
    if (mix_seam.env && mix_random(mix_seam.env, out, len) == MIX_OK)
        return;
    mix_seam.random_failed = true;
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        mix_seam.drawn++;
        uint64_t v =
            mix_siphash(mix_seam.secret, (const uint8_t *)&mix_seam.drawn, sizeof mix_seam.drawn);
        memcpy((uint8_t *)out + at, &v, len - at < sizeof v ? len - at : sizeof v);
    }
}

static int port_of(const char *service) {
    int port = 0;
    for (; service && *service; service++) {
        if (*service < '0' || *service > '9' || port > 6553)
            return -1;
        port = port * 10 + (*service - '0');
    }
    return port <= 0xffff ? port : -1;
}

/* A name here means that somebody would look it up outside the tunnel: there is no such way. */
int mix_sock_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                         struct addrinfo **out) {
    mix_address a;
    int port = port_of(service), wanted = hints ? hints->ai_family : AF_UNSPEC;
    *out = NULL;
    if (!host || port < 0 || mix_ip_parse(&a, mix_bytes_str(host)) != MIX_OK)
        return EAI_NONAME;
    int family = a.family == 4 ? AF_INET : AF_INET6;
    if (wanted != AF_UNSPEC && wanted != family)
        return EAI_NONAME;
    struct {
        struct addrinfo info;
        struct sockaddr_in6 addr;
    } *made = mix_alloc_zero(1, sizeof *made);
    if (!made)
        return EAI_MEMORY;
    a.port = (uint16_t)port;
    socklen_t len = sizeof made->addr;
    mix_seam_to_sockaddr((struct sockaddr *)&made->addr, &len, &a);
    made->info.ai_family = family;
    made->info.ai_addr = (struct sockaddr *)&made->addr;
    made->info.ai_addrlen = len;
    made->info.ai_socktype = hints ? hints->ai_socktype : 0;
    made->info.ai_protocol = hints ? hints->ai_protocol : 0;
    *out = &made->info;
    return 0;
}

void mix_sock_freeaddrinfo(struct addrinfo *list) {
    mix_free(list); /* one entry in one piece */
}

const char *mix_sock_gai_strerror(int code) {
    return code == EAI_MEMORY ? "out of memory" : "not a numeric address";
}

struct servent *mix_sock_getservbyname(const char *name, const char *protocol) {
    (void)name, (void)protocol;
    return NULL;
}

struct servent *mix_sock_getservbyport(int port, const char *protocol) {
    (void)port, (void)protocol;
    return NULL;
}

FILE *mix_sock_fopen(const char *restrict path, const char *restrict mode) {
    (void)path, (void)mode;
    return NULL;
}

char *mix_sock_getenv(const char *name) {
    (void)name;
    return NULL;
}
