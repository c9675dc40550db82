/* SPDX-License-Identifier: Apache-2.0 */
/* A TUN device on a libuv loop: the kernel's TCP/IP behind the exit. */
#include "internet_tun.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BURST = 64 /* packets a turn of the loop */, PACKET_MAX = 65535 };

struct tun {
    int fd;
    char name[IFNAMSIZ];
    uv_poll_t poll;
    bool polled, closing;
    tun_on_packet *on_packet;
    void *user;
    void (*closed)(void *user);
    void *closed_user;
    uint8_t packet[PACKET_MAX];
};

/* linux/ipv6.h has it, but cannot be included beside netinet/in.h. */
typedef struct address6_request {
    struct in6_addr address;
    uint32_t prefix;
    int index;
} address6_request;

static int failed(mix_error *e, const char *step) {
    int error = errno;
    return mix_error_note(e, MIX_ERR_STATE, "internet", error, "TUN device, %s: %s", step,
                          strerror(error));
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    tun *t = poll->data;
    (void)events;
    for (size_t i = 0; status == 0 && i < BURST && !t->closing; i++) {
        ssize_t n = read(t->fd, t->packet, sizeof t->packet);
        if (n <= 0)
            return;
        t->on_packet(t->user, mix_bytes_of(t->packet, (size_t)n));
    }
}

static void set_address(struct ifreq *r, const mix_address *a) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&in.sin_addr, a->octets, 4);
    memcpy(&r->ifr_addr, &in, sizeof in);
}

/* One address of IPv4; label is the device's name or an alias of it. */
static bool add_address4(int s, const char *label, const mix_address *a, const mix_address *mask) {
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", label);
    set_address(&r, a);
    if (ioctl(s, SIOCSIFADDR, &r) != 0)
        return false;
    set_address(&r, mask);
    return ioctl(s, SIOCSIFNETMASK, &r) == 0;
}

static bool write_setting(const char *family, const char *device, const char *setting,
                          const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, device, setting);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return done;
}

static int configure4(const tun *t, int s, const mix_address *guest, uint16_t mtu, mix_error *e) {
    static const mix_address own = {.family = 4, .octets = {10, 0, 0, 1}},
                             mask16 = {.octets = {255, 255}},
                             mask29 = {.octets = {255, 255, 255, 248}};
    mix_address neighbour = *guest;
    neighbour.octets[3]--;
    char alias[IFNAMSIZ + 2];
    snprintf(alias, sizeof alias, "%s:1", t->name);
    struct ifreq r = {.ifr_mtu = mtu};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", t->name);
    if (ioctl(s, SIOCSIFMTU, &r) != 0)
        return failed(e, "MTU");
    if (!add_address4(s, t->name, &own, &mask16))
        return failed(e, "10.0.0.1/16");
    if (!add_address4(s, alias, &neighbour, &mask29))
        return failed(e, "the address for forwards");
    if (!write_setting("ipv4", t->name, "route_localnet",
                       "1")) /* else 127.0.0.1 is no place for its packets */
        return failed(e, "route_localnet");
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(s, SIOCSIFFLAGS, &r) == 0 ? MIX_OK : failed(e, "up");
}

static int configure6(const tun *t, int s, mix_error *e) {
    address6_request r = {
        .address = {{{0xfc, [15] = 1}}}, .prefix = 112, .index = (int)if_nametoindex(t->name)};
    write_setting("ipv6", t->name, "disable_ipv6", "0"); /* where that is not needed, it may fail */
    return ioctl(s, SIOCSIFADDR, &r) == 0 ? MIX_OK : failed(e, "fc00::1/112");
}

static int configure(const tun *t, const mix_address *guest4, uint16_t mtu, mix_error *e) {
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = s < 0 ? failed(e, "socket") : configure4(t, s, guest4, mtu, e);
    if (s >= 0)
        close(s);
    if (rc != MIX_OK)
        return rc;
    s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    rc = s < 0 ? failed(e, "IPv6 socket") : configure6(t, s, e);
    if (s >= 0)
        close(s);
    return rc;
}

int tun_new(tun **out, uv_loop_t *loop, const mix_address *guest4, uint16_t mtu,
            tun_on_packet *on_packet, void *user, mix_error *e) {
    *out = NULL;
    tun *t = mix_alloc_zero(1, sizeof *t);
    if (!t)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for a TUN device");
    t->on_packet = on_packet;
    t->user = user;
    *out = t;
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0)
        return failed(e, "/dev/net/tun");
    struct ifreq r = {.ifr_name = "lwmix%d", .ifr_flags = IFF_TUN | IFF_NO_PI};
    if (ioctl(t->fd, TUNSETIFF, &r) != 0)
        return failed(e, "a device (that needs root)");
    memcpy(t->name, r.ifr_name, sizeof t->name);
    t->name[sizeof t->name - 1] = 0;
    int rc = configure(t, guest4, mtu, e);
    if (rc != MIX_OK)
        return rc;
    rc = uv_poll_init(loop, &t->poll, t->fd);
    if (rc != 0)
        return mix_error_note(e, MIX_ERR_STATE, "internet", rc, "TUN device, loop: %s",
                              uv_strerror(rc));
    t->polled = true;
    t->poll.data = t;
    rc = uv_poll_start(&t->poll, UV_READABLE, on_readable);
    return rc == 0 ? MIX_OK
                   : mix_error_note(e, MIX_ERR_STATE, "internet", rc, "TUN device, loop: %s",
                                    uv_strerror(rc));
}

bool tun_write(tun *t, mix_bytes ip_packet) {
    return !t->closing && write(t->fd, ip_packet.data, ip_packet.len) == (ssize_t)ip_packet.len;
}

const char *tun_name(const tun *t) {
    return t->name;
}

static void on_poll_closed(uv_handle_t *handle) {
    tun *t = handle->data;
    t->closed(t->closed_user);
}

void tun_close(tun *t, void (*closed)(void *user), void *user) {
    t->closing = true;
    t->closed = closed;
    t->closed_user = user;
    if (t->polled)
        uv_close((uv_handle_t *)&t->poll, on_poll_closed);
    if (t->fd >= 0)
        close(t->fd);
    if (!t->polled)
        closed(user);
}

void tun_free(tun *t) {
    mix_free(t);
}
