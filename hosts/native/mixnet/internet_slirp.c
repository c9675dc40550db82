/* SPDX-License-Identifier: Apache-2.0 */
/* libslirp on a libuv loop. Its rhythm is fill (which descriptors and timeout do you want), sleep,
 * poll (look at them): here the loop sleeps, an idle handle that runs once before the next sleep
 * does both after anything has happened, and each descriptor has a poll handle. */
#include "internet_slirp.h"

#include "base/alloc.h"
#include "internet_packet.h"

#include <slirp/libslirp.h>

enum {
    ETHERNET = 14,
    ETHERTYPE_V4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_V6 = 0x86dd,
    ARP_LEN = 28,
    PACKET_MAX = 65535,
    SLIRP_IDLE_MS = 1000 /* what libslirp asks for when it waits for nothing */
};

/* 192.0.0.0/29 is no place of the internet (RFC 7335), and the other prefix is one of our own (RFC
 * 4193). */
const mix_address usernet_guest4 = {.family = 4, .octets = {192, 0, 0, 2}};
const mix_address usernet_guest6 = {
    .family = 6, .octets = {0xfd, 0x6c, 0x77, 0x6d, 0x69, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

typedef struct socket_watch {
    uv_poll_t poll;
    usernet *owner;
    int wanted;  /* by the last fill, SLIRP_POLL_… */
    int watched; /* what poll was started with, UV_… */
    int ready;   /* SLIRP_POLL_… since the last poll */
} socket_watch;

struct usernet {
    Slirp *slirp;
    SlirpConfig config;
    uv_idle_t soon;
    uv_timer_t timer;
    socket_watch **watches; /* by descriptor, which is libslirp's index too; NULL: none */
    size_t places;          /* of watches */
    size_t open, open_max;  /* sockets */
    uint64_t ticked;        /* the loop's time when libslirp last read its clock */
    bool ready, closing;
    unsigned handles; /* of libuv, that are not closed yet */
    usernet_on_packet *on_packet;
    void *user;
    void (*closed)(void *user);
    void *closed_user;
    uint8_t frame[ETHERNET + PACKET_MAX];
};

static void on_handle_closed(usernet *n) {
    if (--n->handles == 0 && n->closing && n->closed)
        n->closed(n->closed_user);
}

static void on_own_closed(uv_handle_t *handle) {
    on_handle_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle) {
    socket_watch *w = handle->data;
    on_handle_closed(w->owner);
    mix_free(w);
}

static void on_soon(uv_idle_t *soon);

static void wake(usernet *n) {
    if (!n->closing)
        uv_idle_start(&n->soon, on_soon);
}

static socket_watch *find_watch(const usernet *n, int fd) {
    return fd >= 0 && (size_t)fd < n->places ? n->watches[fd] : NULL;
}

static void unregister_fd(int fd, void *user) {
    usernet *n = user;
    socket_watch *w = find_watch(n, fd);
    if (!w)
        return;
    n->watches[fd] = NULL;
    n->open--;
    uv_close((uv_handle_t *)&w->poll,
             on_watch_closed); /* the loop forgets the descriptor before libslirp closes it */
}

static bool make_place(usernet *n, int fd) {
    if ((size_t)fd < n->places)
        return true;
    size_t places = ((size_t)fd + 64) & ~(size_t)63;
    socket_watch **watches = mix_realloc(n->watches, places * sizeof *watches);
    if (!watches)
        return false;
    memset(watches + n->places, 0, (places - n->places) * sizeof *watches);
    n->watches = watches;
    n->places = places;
    return true;
}

static void register_fd(int fd, void *user) {
    usernet *n = user;
    unregister_fd(fd, user);
    socket_watch *w =
        fd < 0 || n->closing || !make_place(n, fd) ? NULL : mix_alloc_zero(1, sizeof *w);
    if (!w)
        return; /* the socket stays deaf until libslirp gives it up */
    w->owner = n;
    if (uv_poll_init(n->timer.loop, &w->poll, fd) != 0) {
        mix_free(w);
        return;
    }
    w->poll.data = w;
    n->handles++;
    n->open++;
    n->watches[fd] = w;
}

/* libslirp reads whenever it is told of an error, also when its buffer is full, and then aborts: so
 * an error is told as what it waits for, and found by its next call. Urgent data is ordinary data,
 * since its sockets have SO_OOBINLINE. */
static void on_ready(uv_poll_t *poll, int status, int events) {
    socket_watch *w = poll->data;
    if (status < 0) { /* libuv's way to say POLLERR; it has stopped the handle */
        w->watched = 0;
        w->ready |= w->wanted & (SLIRP_POLL_IN | SLIRP_POLL_OUT);
    }
    w->ready |=
        (events & UV_READABLE ? SLIRP_POLL_IN : 0) | (events & UV_WRITABLE ? SLIRP_POLL_OUT : 0);
    w->owner->ready = true;
    wake(w->owner);
}

static int add_poll(int fd, int events, void *user) {
    socket_watch *w = find_watch(user, fd);
    if (!w)
        return -1;
    w->wanted = events;
    return fd;
}

static int get_revents(int fd, void *user) {
    const socket_watch *w = find_watch(user, fd);
    return w ? w->ready & w->wanted : 0;
}

static void watch_wanted(socket_watch *w) {
    int events = (w->wanted & SLIRP_POLL_IN ? UV_READABLE : 0) |
                 (w->wanted & SLIRP_POLL_OUT ? UV_WRITABLE : 0);
    if (events == w->watched)
        return;
    if (events)
        uv_poll_start(&w->poll, events, on_ready);
    else
        uv_poll_stop(&w->poll);
    w->watched = events;
}

static void on_timer(uv_timer_t *timer) {
    usernet *n = timer->data;
    n->ready = true;
    wake(n);
}

static void fill(usernet *n) {
    for (size_t i = 0; i < n->places; i++)
        if (n->watches[i])
            n->watches[i]->wanted = n->watches[i]->ready = 0;
    uint32_t timeout = UINT32_MAX;
    slirp_pollfds_fill(n->slirp, &timeout, add_poll, n);
    for (size_t i = 0; i < n->places; i++)
        if (n->watches[i])
            watch_wanted(n->watches[i]);
    if (timeout < SLIRP_IDLE_MS)
        uv_timer_start(&n->timer, on_timer, timeout, 0);
    else
        uv_timer_stop(&n->timer);
}

static void on_soon(uv_idle_t *soon) {
    usernet *n = soon->data;
    uv_idle_stop(soon);
    if (n->ready) {
        n->ready = false;
        n->ticked = uv_now(soon->loop);
        slirp_pollfds_poll(n->slirp, 0, get_revents, n);
    }
    fill(n);
}

static ssize_t send_packet(const void *data, size_t len, void *user) {
    usernet *n = user;
    const uint8_t *f = data;
    if (len > ETHERNET && !n->closing &&
        (mix_get_u16(f + 12) == ETHERTYPE_V4 || mix_get_u16(f + 12) == ETHERTYPE_V6))
        n->on_packet(n->user, mix_bytes_of(f + ETHERNET, len - ETHERNET));
    return (ssize_t)len;
}

static void guest_error(const char *words, void *user) {
    (void)words; /* what a client did wrong: nothing to tell the operator */
    (void)user;
}

static int64_t clock_ns(void *user) {
    (void)user;
    return (int64_t)uv_hrtime();
}

/* Timers are for router advertisements alone, and our guest needs none. */
static void *timer_new(SlirpTimerCb callback, void *callback_user, void *user) {
    (void)callback;
    (void)callback_user;
    return user;
}
static void timer_free(void *timer, void *user) {
    (void)timer;
    (void)user;
}
static void timer_mod(void *timer, int64_t at, void *user) {
    (void)timer;
    (void)at;
    (void)user;
}

static void notify(void *user) {
    wake(user);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
};

static void input_frame(usernet *n, uint16_t type, mix_bytes payload) {
    memset(n->frame, 0, 6);
    memcpy(n->frame + 6, guest_mac, sizeof guest_mac);
    mix_put_u16(n->frame + 12, type);
    memcpy(n->frame + ETHERNET, payload.data, payload.len);
    slirp_input(n->slirp, n->frame, (int)(ETHERNET + payload.len));
}

/* Tells libslirp once, by a gratuitous ARP reply and a neighbour advertisement, who the guest is;
 * its tables have no expiry. */
static int introduce(usernet *n) {
    uint8_t arp[ARP_LEN] = {0, 1, ETHERTYPE_V4 >> 8, ETHERTYPE_V4 & 0xff, 6, 4, 0, 2};
    memcpy(arp + 8, guest_mac, 6);
    memcpy(arp + 14, usernet_guest4.octets, 4);
    memcpy(arp + 18, guest_mac, 6);
    memcpy(arp + 24, usernet_guest4.octets, 4);
    input_frame(n, ETHERTYPE_ARP, MIX_BYTES(arp));
    mix_address router = usernet_guest6;
    router.octets[15] = 1;
    uint8_t advert[32] = {136, 0, 0, 0, 0x20};
    memcpy(advert + 8, usernet_guest6.octets, 16);
    advert[24] = 2; /* the target's link address, 8 bytes */
    advert[25] = 1;
    memcpy(advert + 26, guest_mac, 6);
    mix_buf out = {0};
    packet_make(&out, PACKET_ICMP6, &usernet_guest6, &router, MIX_BYTES(advert));
    int rc = mix_buf_status(&out);
    if (rc == MIX_OK) {
        out.data[7] = 255; /* neighbour discovery's hop limit */
        input_frame(n, ETHERTYPE_V6, mix_buf_bytes(&out));
    }
    mix_buf_deinit(&out);
    return rc;
}

static void configure(SlirpConfig *c, uint16_t mtu) {
    *c = (SlirpConfig){.version = 4,
                       .in_enabled = true,
                       .in6_enabled = true,
                       .disable_host_loopback = true,
                       .disable_dns = true,
                       .disable_dhcp = true,
                       .if_mtu = mtu,
                       .if_mru = mtu,
                       .vprefix_len = USERNET_PREFIX6};
    uint32_t net = mix_get_u32(usernet_guest4.octets) & ~7u;
    c->vnetwork.s_addr = htonl(net);
    c->vnetmask.s_addr = htonl(~7u);
    c->vhost.s_addr = htonl(net + 1);
    c->vnameserver.s_addr = htonl(net + 3);
    c->vdhcp_start.s_addr = htonl(net + 4);
    memcpy(&c->vprefix_addr6, usernet_guest6.octets, 8);
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] = 1;
    c->vnameserver6.s6_addr[15] = 3;
}

/* libslirp reads its clock only when polled: after an idle time new sockets would be born too old.
 * 1: sockets are not looked at. */
static void tick(usernet *n) {
    n->ticked = uv_now(n->timer.loop);
    slirp_pollfds_poll(n->slirp, 1, get_revents, n);
}

int usernet_new(usernet **out, uv_loop_t *loop, size_t sockets_max, uint16_t mtu,
                usernet_on_packet *on_packet, void *user, mix_error *e) {
    *out = NULL;
    usernet *n = mix_alloc_zero(1, sizeof *n);
    if (!n)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for user-mode NAT");
    n->open_max = sockets_max;
    n->on_packet = on_packet;
    n->user = user;
    uv_idle_init(loop, &n->soon);
    uv_timer_init(loop, &n->timer);
    n->soon.data = n->timer.data = n;
    n->handles = 2;
    *out = n; /* also on failure: the handles are the loop's now */
    configure(&n->config, mtu);
    n->slirp = slirp_new(&n->config, &callbacks, n);
    if (!n->slirp)
        return mix_error_note(e, MIX_ERR_STATE, "internet", 0, "libslirp does not start");
    tick(n);
    if (introduce(n) != MIX_OK)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for user-mode NAT");
    return MIX_OK;
}

void usernet_input(usernet *n, mix_bytes ip_packet) {
    if (n->closing || ip_packet.len == 0 || ip_packet.len > PACKET_MAX)
        return;
    if (uv_now(n->timer.loop) != n->ticked)
        tick(n);
    input_frame(n, ip_packet.data[0] >> 4 == 4 ? ETHERTYPE_V4 : ETHERTYPE_V6, ip_packet);
    wake(n);
}

bool usernet_has_room(const usernet *n) {
    return n->open < n->open_max;
}

void usernet_close(usernet *n, void (*closed)(void *user), void *user) {
    n->closing = true;
    n->closed = closed;
    n->closed_user = user;
    if (n->slirp)
        slirp_cleanup(n->slirp);
    n->slirp = NULL;
    for (size_t i = 0; i < n->places; i++)
        unregister_fd((int)i, n);
    uv_close((uv_handle_t *)&n->soon, on_own_closed);
    uv_close((uv_handle_t *)&n->timer, on_own_closed);
}

void usernet_free(usernet *n) {
    if (!n)
        return;
    mix_free(n->watches);
    mix_free(n);
}
