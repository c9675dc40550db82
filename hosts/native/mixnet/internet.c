/* SPDX-License-Identifier: Apache-2.0 */
/* The internet behind the local mixnet's exit. What a client's packet meets, in order: forwards,
 * names, the flows it belongs to, addresses of our own, and the world. Everything but answers of
 * our own is a flow of the NAT's table, which hides all clients behind one guest of libslirp; so
 * its small tables do not matter, and a flow may change from one IP family to the other on its way
 * to a local server. */
#include "internet.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/queue.h"
#include "internet_dns.h"
#include "internet_flows.h"
#include "internet_forward.h"
#include "internet_slirp.h"
#include "internet_tun.h"

#include <sys/resource.h>

enum {
    MTU_DEFAULT = 1500,
    MTU_MIN = 1280,
    FLOWS_MAX = 4096,
    SOCKETS_MAX = 1024,
    WAITING_MAX = 256, /* packets that clients send while they are given one */
    WAITING_BYTES = 512 * 1024,
    SPLITS = 64 /* datagrams in fragments that are on their way to clients */
};

/* A datagram from outside in fragments: only the first one has ports, so it is kept where the
 * others go. */
typedef struct split {
    bool used;
    uint16_t id;
    mix_address server, from, to; /* from, to: as the client knows them */
} split;

struct internet {
    const mix_env *env;
    uv_timer_t timer; /* of flows; at once: for what waits */
    internet_on_packet *on_packet;
    void *user;
    internet_on_closed *closed;
    void *closed_user;
    unsigned parts; /* timer, usernet or TUN, DNS server: not yet closed */
    bool upstream_dns, busy, closing, torn;
    uint16_t mtu;
    forwards forwards;
    dns_names *names;
    dns_server *dns;
    mix_address dns_address;
    flows *flows;
    usernet *usernet; /* one of them */
    tun *tun;
    mix_queue waiting;
    mix_buf up, down; /* the packet being made, in each direction */
    split splits[SPLITS];
    size_t next_split;
    internet_stats stats;
};

static const mix_address gateway4 = {.family = 4, .octets = {10, 0, 0, 1}};
static const mix_address gateway6 = {.family = 6, .octets = {0xfc, [15] = 1}};

static bool same_ip(const mix_address *a, const mix_address *b) {
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static bool is_icmp(const packet *p) {
    return p->protocol == PACKET_ICMP || p->protocol == PACKET_ICMP6;
}

static mix_time now_of(internet *i) {
    return (mix_time)uv_now(i->timer.loop) * 1000;
}

static void on_timer(uv_timer_t *timer);

static void schedule(internet *i, mix_time now) {
    mix_time at = flows_deadline(i->flows);
    if (i->waiting.items > 0 || i->closing)
        at = now;
    if (at == MIX_NEVER)
        uv_timer_stop(&i->timer);
    else
        uv_timer_start(&i->timer, on_timer, at > now ? (uint64_t)(at - now + 999) / 1000 : 0, 0);
}

/* Gives what is in down to the client. busy keeps internet_send from starting over in the middle of
 * it. */
static void emit(internet *i) {
    if (i->down.failed)
        i->stats.drop_full++;
    else if (!i->closing && i->down.len > 0) {
        bool was = i->busy;
        i->busy = true;
        i->stats.to_clients++;
        i->on_packet(i->user, mix_buf_bytes(&i->down));
        i->busy = was;
        if (!was && (i->waiting.items > 0 || i->closing))
            uv_timer_start(&i->timer, on_timer, 0, 0);
    }
    mix_buf_truncate(&i->down, 0);
}

static void emit_outside(internet *i) {
    if (i->up.failed || (i->tun && !tun_write(i->tun, mix_buf_bytes(&i->up))))
        i->stats.drop_full++;
    else if (i->usernet)
        usernet_input(i->usernet, mix_buf_bytes(&i->up));
    mix_buf_truncate(&i->up, 0);
}

static void on_flow_end(void *user, const flow *f) {
    internet *i = user;
    bool open = f->protocol == PACKET_TCP && f->ended & FLOW_ANSWERED && !(f->ended & FLOW_RESET);
    if (!open)
        return;
    packet_reset(&i->up, &f->guest, &f->server, f->next); /* else the connection stays */
    emit_outside(i);
}

static bool is_client(const mix_address *a) {
    static const uint8_t net6[14] = {0xfc};
    uint16_t host = mix_get_u16(a->octets + (a->family == 4 ? 2 : 14));
    bool net = a->family == 4 ? a->octets[0] == 10 && a->octets[1] == 0
                              : memcmp(a->octets, net6, sizeof net6) == 0;
    return net && host > 1 && !(a->family == 4 && host == 0xffff);
}

static bool nowhere4(const uint8_t *o) {
    static const uint8_t slirp[3] = {192, 0, 0};
    return o[0] == 0 || o[0] == 127 || o[0] >= 224 || (o[0] == 10 && o[1] == 0) ||
           (o[0] == 169 && o[1] == 254) || (memcmp(o, slirp, 3) == 0 && o[3] < 8);
}

static bool nowhere6(const uint8_t *o) {
    static const uint8_t zeros[12] = {0}, mapped[12] = {[10] = 0xff, 0xff}, clients[14] = {0xfc};
    return o[0] == 0xff || (o[0] == 0xfe && (o[1] & 0xc0) == 0x80) || memcmp(o, zeros, 12) == 0 ||
           memcmp(o, mapped, 12) == 0 || memcmp(o, clients, 14) == 0 ||
           memcmp(o, usernet_guest6.octets, 8) == 0;
}

/* Multicast, broadcast, loopback also in its IPv4-mapped form, link-local, the clients' and
 * libslirp's own networks. */
static bool nowhere(const mix_address *a) {
    return a->family == 4 ? nowhere4(a->octets) : nowhere6(a->octets);
}

/* A packet of f goes on, towards its server. */
static void send_out(internet *i, flow *f, const packet *p, mix_time now) {
    flows_touch(i->flows, f, p, true, now);
    packet_readdress(&i->up, p, &f->guest, &f->server);
    emit_outside(i);
}

static void start_flow(internet *i, const packet *p, const mix_address *server, mix_time now) {
    if (p->protocol == PACKET_TCP &&
        (packet_tcp_flags(p) & (PACKET_SYN | PACKET_ACK | PACKET_RST | PACKET_FIN)) != PACKET_SYN) {
        i->stats.refused++;
        packet_refuse(&i->down, p); /* of a connection that is over */
        emit(i);
        return;
    }
    bool room = i->tun || usernet_has_room(i->usernet);
    flow *f = room ? flows_add(i->flows, p, server, now) : NULL;
    if (f)
        send_out(i, f, p, now);
    else
        i->stats.drop_full++;
}

/* False: the question is for another server. */
static bool answer_name(internet *i, const packet *p) {
    uint8_t storage[DNS_ANSWER_MAX];
    mix_buf answer = mix_buf_fixed(storage, sizeof storage);
    int rc = packet_checksum_good(p)
                 ? dns_answer(i->names, &answer, mix_bytes_slice(p->transport, 8, SIZE_MAX),
                              i->upstream_dns)
                 : MIX_ERR_TRUNCATED;
    if (rc == MIX_DONE)
        return false;
    if (rc != MIX_OK) {
        i->stats.dns_bad++;
        return true;
    }
    i->stats.dns_answers++;
    packet_make_udp(&i->down, &p->to, &p->from, mix_buf_bytes(&answer));
    emit(i);
    return true;
}

static void answer_self(internet *i, const packet *p) {
    if (packet_is_echo_request(p)) {
        packet_echo(&i->down, p);
    } else {
        i->stats.refused++;
        packet_refuse(&i->down, p);
    }
    emit(i);
}

/* in: p as it came. */
static void route(internet *i, const packet *p, mix_bytes in, mix_time now) {
    bool ports = p->protocol == PACKET_TCP || p->protocol == PACKET_UDP;
    const mix_address *server = ports ? forwards_find(&i->forwards, &p->to) : NULL;
    if (!server && p->protocol == PACKET_UDP && p->to.port == DNS_PORT && answer_name(i, p))
        return;
    if (!server && p->protocol == PACKET_TCP && p->to.port == DNS_PORT && !i->upstream_dns)
        server = &i->dns_address;
    flow *f = flows_find(i->flows, p);
    bool again = f && p->protocol == PACKET_TCP && packet_tcp_flags(p) & PACKET_SYN &&
                 f->ended & ~FLOW_ANSWERED;
    if (again) { /* the client uses the port of a connection that is over */
        flows_drop(i->flows, f);
        f = NULL;
    }
    if (f)
        send_out(i, f, p, now);
    else if (server)
        start_flow(i, p, server, now);
    else if (same_ip(&p->to, &gateway4) || same_ip(&p->to, &gateway6) ||
             forwards_have(&i->forwards, &p->to))
        answer_self(i, p);
    else if (nowhere(&p->to))
        i->stats.drop_destination++;
    else if (i->tun)
        i->stats.drop_full += !tun_write(i->tun, in);
    else if (p->protocol == PACKET_ICMP6) /* libslirp has no echo of its own over IPv6 */
        i->stats.drop_protocol++;
    else
        start_flow(i, p, &p->to, now);
}

static void from_client_packet(internet *i, mix_bytes in, mix_time now) {
    packet p;
    i->stats.from_clients++;
    packet_fault fault = packet_read(&p, in);
    if (fault == PACKET_MALFORMED)
        i->stats.drop_malformed++;
    else if (fault == PACKET_FRAGMENT)
        i->stats.drop_fragment++;
    else if (fault == PACKET_PROTOCOL || (!i->tun && is_icmp(&p) && !packet_is_echo_request(&p)))
        i->stats.drop_protocol++;
    else if (!is_client(&p.from))
        i->stats.drop_source++;
    else
        route(i, &p, in, now);
}

static void drain(internet *i, mix_time now) {
    mix_bytes in;
    while (!i->closing && mix_queue_peek(&i->waiting, &in, NULL)) {
        from_client_packet(i, in, now);
        mix_queue_pop(&i->waiting);
    }
}

void internet_send(internet *i, mix_bytes ip_packet) {
    if (i->closing)
        return;
    if (i->busy) { /* from inside of on_packet: libslirp is at work, or a packet of ours is being
                      given */
        if (mix_queue_push(&i->waiting, ip_packet, 0) != MIX_OK)
            i->stats.drop_full++;
        return;
    }
    mix_time now = now_of(i);
    i->busy = true;
    from_client_packet(i, ip_packet, now);
    drain(i, now);
    i->busy = false;
    schedule(i, now);
}

/* The later fragments of a datagram whose first one went by. */
static void give_fragment(internet *i, const packet *p) {
    for (size_t k = 0; k < SPLITS; k++) {
        const split *s = &i->splits[k];
        if (s->used && s->id == p->id && same_ip(&s->server, &p->from)) {
            packet_readdress(&i->down, p, &s->from, &s->to);
            emit(i);
            return;
        }
    }
    i->stats.drop_stray++;
}

static void give_error(internet *i, const packet *p) {
    packet_trouble trouble;
    packet inner;
    const flow *f =
        packet_error_read(p, &trouble, &inner) ? flows_find_sent(i->flows, &inner) : NULL;
    if (!f) {
        i->stats.drop_stray++;
        return;
    }
    packet_error_make(&i->down, trouble, f->client.family == 4 ? &gateway4 : &gateway6, &inner,
                      &f->client, &f->asked);
    emit(i);
}

static void give(internet *i, const packet *p, flow *f) {
    if (p->more || p->offset) {
        if (f->client.family != p->from.family || f->client.family == 6) {
            i->stats.drop_fragment++;
            return;
        }
        i->splits[i->next_split] = (split){
            .used = true, .id = p->id, .server = p->from, .from = f->asked, .to = f->client};
        i->next_split = (i->next_split + 1) % SPLITS;
    }
    flows_touch(i->flows, f, p, false, (mix_time)uv_now(i->timer.loop) * 1000);
    packet_readdress(&i->down, p, &f->asked, &f->client);
    if (f->client.family == 6 && i->down.len > i->mtu) {
        i->stats.drop_fragment++;
        mix_buf_truncate(&i->down, 0);
        return;
    }
    emit(i);
}

static void from_outside(void *user, mix_bytes ip_packet) {
    internet *i = user;
    packet p;
    packet_fault fault = packet_read(&p, ip_packet);
    if (i->closing || fault == PACKET_MALFORMED || fault == PACKET_PROTOCOL ||
        p.to.octets[0] == 0xff)
        return; /* multicasts of libslirp's or the kernel's */
    if (fault == PACKET_FRAGMENT && p.offset != 0) {
        give_fragment(i, &p);
        return;
    }
    if (is_icmp(&p) && !packet_is_echo_reply(&p)) {
        give_error(i, &p);
        return;
    }
    flow *f = flows_find_answer(i->flows, &p);
    if (f)
        give(i, &p, f);
    else
        i->stats.drop_stray++;
}

/* The kernel sends to clients itself what is no answer of a forward. */
static void from_kernel(void *user, mix_bytes ip_packet) {
    internet *i = user;
    mix_address to = {.family = ip_packet.data[0] >> 4};
    bool v4 = to.family == 4 && ip_packet.len >= 20, v6 = to.family == 6 && ip_packet.len >= 40;
    if (v4 || v6)
        memcpy(to.octets, ip_packet.data + (v4 ? 16 : 24), v4 ? 4 : 16);
    if ((v4 || v6) && is_client(&to)) {
        mix_buf_put_bytes(&i->down, ip_packet);
        emit(i);
    } else {
        from_outside(user, ip_packet);
    }
}

static void on_part_closed(void *user) {
    internet *i = user;
    if (--i->parts == 0 && i->closed)
        i->closed(i->closed_user);
}

static void on_timer_closed(uv_handle_t *handle) {
    on_part_closed(handle->data);
}

static void tear_down(internet *i) {
    if (i->torn)
        return;
    i->torn = true;
    uv_close((uv_handle_t *)&i->timer, on_timer_closed);
    if (i->usernet)
        usernet_close(i->usernet, on_part_closed, i);
    if (i->tun && i->flows)
        flows_end_all(i->flows); /* libslirp ends its connections itself */
    if (i->tun)
        tun_close(i->tun, on_part_closed, i);
    if (i->dns)
        dns_server_close(i->dns, on_part_closed, i);
}

static void on_timer(uv_timer_t *timer) {
    internet *i = timer->data;
    if (i->closing) {
        tear_down(i);
        return;
    }
    mix_time now = now_of(i);
    i->busy = true;
    drain(i, now);
    if (!i->closing)
        flows_tick(i->flows, now);
    i->busy = false;
    schedule(i, now);
}

void internet_close(internet *i, internet_on_closed *closed, void *user) {
    if (!i || i->closing)
        return;
    i->closing = true;
    i->closed = closed;
    i->closed_user = user;
    if (i->busy)
        uv_timer_start(&i->timer, on_timer, 0, 0);
    else
        tear_down(i);
}

void internet_free(internet *i) {
    if (!i)
        return;
    usernet_free(i->usernet);
    tun_free(i->tun);
    dns_server_free(i->dns);
    dns_names_free(i->names);
    flows_free(i->flows);
    forwards_deinit(&i->forwards);
    mix_queue_deinit(&i->waiting);
    mix_buf_deinit(&i->up);
    mix_buf_deinit(&i->down);
    mix_free(i);
}

internet_stats internet_stats_of(const internet *i) {
    internet_stats s = i->stats;
    s.dns_answers += dns_server_stats_of(i->dns)->answers;
    s.dns_bad += dns_server_stats_of(i->dns)->bad;
    s.flows = flows_count(i->flows);
    return s;
}

/* Half of what this process may open: the rest is for links, listeners and clients. */
static size_t sockets_max(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > SOCKETS_MAX)
        return SOCKETS_MAX;
    return (size_t)limit.rlim_cur / 2;
}

static int open_parts(internet *i, uv_loop_t *loop, const internet_options *opt, mix_error *e) {
    int rc = forwards_init(&i->forwards, opt->forward, opt->forwards, e);
    for (size_t k = 0; opt->tun && rc == MIX_OK && k < opt->forwards; k++)
        if (i->forwards.items[k].server.family == 6) /* no route leads from a device to ::1 */
            rc = mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                                "'%s': with a TUN device HOST is an IPv4 address", opt->forward[k]);
    if (rc == MIX_OK)
        rc = dns_names_new(&i->names, opt->resolve, opt->resolves, e);
    if (rc != MIX_OK)
        return rc;
    rc = flows_new(&i->flows, FLOWS_MAX, &usernet_guest4, &usernet_guest6, on_flow_end, i, i->env);
    if (rc != MIX_OK)
        return mix_error_note(e, rc, "internet", 0, "no table of flows");
    rc = dns_server_new(&i->dns, loop, i->names, e);
    i->parts += i->dns != NULL;
    if (rc != MIX_OK)
        return rc;
    i->dns_address =
        (mix_address){.family = 4, .octets = {127, 0, 0, 1}, .port = dns_server_port(i->dns)};
    if (opt->tun) {
        rc = tun_new(&i->tun, loop, &usernet_guest4, i->mtu, from_kernel, i, e);
        i->parts += i->tun != NULL;
    } else {
        rc = usernet_new(&i->usernet, loop, sockets_max(), i->mtu, from_outside, i, e);
        i->parts += i->usernet != NULL;
    }
    return rc;
}

static void free_failed(void *user) {
    internet_free(user);
}

int internet_new(internet **out, uv_loop_t *loop, const internet_options *opt, const mix_env *env,
                 internet_on_packet *on_packet, void *user, mix_error *e) {
    *out = NULL;
    if (opt->mtu != 0 && (opt->mtu < MTU_MIN || opt->mtu > MTU_DEFAULT))
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", opt->mtu,
                              "the MTU is %d and not within %d to %d", opt->mtu, MTU_MIN,
                              MTU_DEFAULT);
    internet *i = mix_alloc_zero(1, sizeof *i);
    if (!i)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for the internet");
    i->env = env;
    i->on_packet = on_packet;
    i->user = user;
    i->upstream_dns = opt->upstream_dns;
    i->mtu = opt->mtu ? opt->mtu : MTU_DEFAULT;
    mix_queue_init(&i->waiting, WAITING_MAX, WAITING_BYTES);
    uv_timer_init(loop, &i->timer);
    i->timer.data = i;
    i->parts = 1;
    int rc = open_parts(i, loop, opt, e);
    if (rc != MIX_OK) {
        internet_close(i, free_failed, i);
        return rc;
    }
    *out = i;
    return MIX_OK;
}
