/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of the far side: see far.h. One file for the hosts' TCP and UDP; far_link.c has the packets
 * under way. */
#include "far_internal.h"

#include "mix/errors.h"

#include <stdlib.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
#define RESEND MIX_SECONDS(1)

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "far side: %s\n", what);
        abort();
    }
}

/* Tests let single allocations of the process fail: not this side's. */
static void put(mix_buf *b, mix_bytes bytes) {
    for (int tries = 0; tries < 3; tries++) {
        mix_buf_put_bytes(b, bytes);
        if (mix_buf_status(b) == MIX_OK)
            return;
        mix_buf_truncate(b, b->len);
    }
    must(false, "no memory");
}

static uint32_t sum16(uint32_t sum, mix_bytes b) {
    for (size_t i = 0; i < b.len; i++)
        sum += i & 1 ? b.data[i] : (uint32_t)b.data[i] << 8;
    return sum;
}

static uint16_t fold(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t pseudo(const mix_address *from, const mix_address *to, uint8_t protocol,
                       size_t len) {
    size_t n = from->family == 4 ? 4 : 16;
    uint32_t sum = sum16(protocol + (uint32_t)len, mix_bytes_of(from->octets, n));
    return sum16(sum, mix_bytes_of(to->octets, n));
}

/* Sends an IP packet around a TCP or UDP body whose checksum field, at `place`, is still zero. */
static void send_ip(far *f, const mix_address *from, const mix_address *to, uint8_t protocol,
                    uint8_t *body, size_t len, size_t place) {
    mix_buf out = {0};
    uint16_t sum = (uint16_t)~fold(sum16(pseudo(from, to, protocol, len), mix_bytes_of(body, len)));
    mix_put_u16(body + place, sum == 0 && protocol == 17 ? 0xffff : sum);
    if (from->family == 4) {
        uint8_t head[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol};
        mix_put_u16(head + 2, (uint16_t)(20 + len));
        memcpy(head + 12, from->octets, 4);
        memcpy(head + 16, to->octets, 4);
        mix_put_u16(head + 10, (uint16_t)~fold(sum16(0, MIX_BYTES(head))));
        put(&out, MIX_BYTES(head));
    } else {
        uint8_t head[40] = {0x60, 0, 0, 0, 0, 0, protocol, 64};
        mix_put_u16(head + 4, (uint16_t)len);
        memcpy(head + 8, from->octets, 16);
        memcpy(head + 24, to->octets, 16);
        put(&out, MIX_BYTES(head));
    }
    put(&out, mix_bytes_of(body, len));
    far_link_send(f, mix_buf_bytes(&out), false);
    mix_buf_deinit(&out);
}

void far_send_datagram(far *f, const mix_address *from, const mix_address *to, mix_bytes data) {
    uint8_t body[2048];
    must(data.len <= sizeof body - 8, "datagram too long");
    mix_put_u16(body, from->port);
    mix_put_u16(body + 2, to->port);
    mix_put_u16(body + 4, (uint16_t)(8 + data.len));
    mix_put_u16(body + 6, 0);
    if (data.len > 0)
        memcpy(body + 8, data.data, data.len);
    send_ip(f, from, to, 17, body, 8 + data.len, 6);
}

static uint32_t window_of(const far_conn *c) {
    return c->stopped ? 0 : c->far->options.window;
}

static void send_segment(far *f, const far_conn *c, uint8_t flags, uint32_t seq, mix_bytes data) {
    uint8_t body[2048];
    size_t head = 20;
    memset(body, 0, 64);
    mix_put_u16(body, c->local.port);
    mix_put_u16(body + 2, c->remote.port);
    mix_put_u32(body + 4, seq);
    mix_put_u32(body + 8, flags & ACK ? c->next_in : 0);
    uint32_t window = flags & SYN || !c->scaled ? window_of(c) : window_of(c) >> FAR_SCALE;
    mix_put_u16(body + 14, (uint16_t)(window > 0xffff ? 0xffff : window));
    if (flags & SYN) {
        const uint8_t options[] = {2, 4, 0x05, 0xb4, 1, 3, 3, FAR_SCALE, 1, 1, 4, 2};
        size_t n = !c->scaled ? 4 : c->far->options.careful ? sizeof options : 8;
        memcpy(body + 20, options, n);
        head += n;
    }
    body[12] = (uint8_t)(head / 4 << 4);
    body[13] = flags;
    must(head + data.len <= sizeof body, "segment too long");
    if (data.len > 0)
        memcpy(body + head, data.data, data.len);
    send_ip(f, &c->local, &c->remote, 6, body, head + data.len, 16);
}

static void acknowledge(far_conn *c) {
    send_segment(c->far, c, ACK, c->next_out, (mix_bytes){0});
}

void far_send_data(far_conn *c, uint32_t seq, uint32_t len) {
    send_segment(c->far, c, ACK | PSH, seq,
                 mix_bytes_slice(mix_buf_bytes(&c->out), seq - c->acked, len));
}

/* Sends what the peer's window lets through. */
static void transmit(far_conn *c) {
    if (c->far->options.careful)
        far_careful_transmit(c);
    while (c->state == FAR_UP && !c->dead) {
        uint32_t flight = c->next_out - c->acked;
        size_t at = flight, n = c->out.len > at ? c->out.len - at : 0;
        if (flight > c->out.len)
            return; /* the FIN is under way */
        if (n > c->mss)
            n = c->mss;
        if (n > 0 && flight + n > c->peer_window)
            n = c->peer_window > flight ? c->peer_window - flight : 0;
        if (c->far->options.careful && n > 0 && far_careful_room(c) < n)
            return;
        bool fin = c->ending && at + n == c->out.len;
        if (n == 0 && !fin)
            return;
        if (n == 0 && at < c->out.len)
            return;
        send_segment(c->far, c, (uint8_t)(ACK | (fin ? FIN : 0) | (n > 0 ? PSH : 0)), c->next_out,
                     mix_bytes_slice(mix_buf_bytes(&c->out), at, n));
        if (c->resend_at == MIX_NEVER)
            c->resend_at = c->far->now + RESEND;
        c->next_out += (uint32_t)n + (fin ? 1 : 0);
        if ((int32_t)(c->next_out - c->highest_out) > 0)
            c->highest_out = c->next_out;
        if (fin)
            c->fin_sent = true;
    }
}

void far_write(far_conn *c, mix_bytes data) {
    put(&c->out, data);
    transmit(c);
}

void far_end(far_conn *c) {
    c->ending = true;
    transmit(c);
}

static void drop_conn(far_conn *c) {
    far *f = c->far;
    for (far_conn **at = &f->conns; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    if (f->handlers.gone)
        f->handlers.gone(f->user, c);
    mix_buf_deinit(&c->out);
    for (int i = 0; i < FAR_HELD; i++)
        mix_buf_deinit(&c->held[i].data);
    free(c);
}

void far_reset(far_conn *c) {
    if (!c->dead)
        send_segment(c->far, c, RST | ACK, c->next_out, (mix_bytes){0});
    c->dead = true;
    c->resend_at = MIX_NEVER;
}

void far_host_reap(far *f) {
    for (far_conn *c = f->conns, *next; c; c = next) {
        next = c->next;
        if (c->dead)
            drop_conn(c);
    }
}

void far_stop_reading(far_conn *c, bool stop) {
    c->stopped = stop;
    acknowledge(c);
}

static void read_syn_options(far *f, far_conn *c, mix_bytes options) {
    mix_reader r = {.in = options};
    f->stats.last_scale = 0;
    f->stats.last_sack_permitted = false;
    while (r.in.len > 0) {
        uint8_t kind = mix_read_u8(&r);
        if (kind == 0)
            break;
        if (kind == 1)
            continue;
        uint8_t len = mix_read_u8(&r);
        must(len >= 2, "a TCP option without length");
        mix_reader value = {.in = mix_read_bytes(&r, len - 2u)};
        if (kind == 2)
            c->mss = f->stats.last_mss = mix_read_u16(&value);
        if (kind == 3) {
            c->peer_scale = f->stats.last_scale = mix_read_u8(&value);
            c->scaled = !f->options.no_scaling;
        }
        f->stats.last_sack_permitted |= kind == 4;
    }
    must(!r.bad, "TCP options that end early");
    if (!c->scaled)
        c->peer_scale = 0;
}

static far_conn *accept_conn(far *f, const mix_address *local, const mix_address *remote,
                             uint32_t seq, mix_bytes options) {
    far_conn *c = calloc(1, sizeof *c);
    must(c != NULL, "no memory");
    c->far = f;
    c->local = *local;
    c->remote = *remote;
    c->mss = 536;
    c->next_in = seq + 1;
    c->first_out = (uint32_t)far_random(f);
    c->acked = c->next_out = c->first_out + 1;
    c->resend_at = f->now + RESEND;
    read_syn_options(f, c, options);
    if (c->mss > 1400)
        c->mss = 1400;
    c->highest_out = c->again_at = c->acked;
    far_careful_begin(c);
    c->next = f->conns;
    f->conns = c;
    f->stats.last_isn = seq;
    f->stats.connections++;
    send_segment(f, c, SYN | ACK, c->first_out, (mix_bytes){0});
    return c;
}

static void hold(far_conn *c, uint32_t seq, mix_bytes data) {
    for (int i = 0; i < FAR_HELD; i++)
        if (c->held[i].data.len == 0) {
            c->held[i].seq = seq;
            put(&c->held[i].data, data);
            return;
        }
}

static bool take_held(far_conn *c) {
    for (int i = 0; i < FAR_HELD; i++) {
        mix_buf *b = &c->held[i].data;
        uint32_t behind = c->next_in - c->held[i].seq;
        if (b->len == 0 || (int32_t)behind < 0)
            continue;
        mix_buf data = *b;
        *b = (mix_buf){0};
        if (behind < data.len) {
            mix_bytes fresh = mix_bytes_slice(mix_buf_bytes(&data), behind, data.len);
            c->next_in += (uint32_t)fresh.len;
            if (c->far->handlers.received)
                c->far->handlers.received(c->far->user, c, fresh);
        }
        mix_buf_deinit(&data);
        return true;
    }
    return false;
}

static void on_data(far_conn *c, uint32_t seq, mix_bytes data) {
    far *f = c->far;
    f->stats.data_segments++;
    if ((int32_t)(seq + (uint32_t)data.len - c->highest_in) <= 0)
        f->stats.repeated++;
    else
        c->highest_in = seq + (uint32_t)data.len;
    if (!c->stopped && (int32_t)(seq + (uint32_t)data.len - c->next_in) > 0) {
        uint32_t before = c->next_in;
        hold(c, seq, data);
        while (take_held(c)) {
        }
        f->stats.data_bytes += c->next_in - before;
    }
}

static void on_ack(far_conn *c, uint32_t ack) {
    uint32_t n = ack - c->acked, most = (uint32_t)c->out.len + (c->fin_sent ? 1 : 0);
    if (n == 0 && c->far->options.careful)
        far_careful_acked(c, 0);
    if (n == 0 || n > most)
        return;
    c->acked = ack;
    if ((int32_t)(c->next_out - ack) < 0)
        c->next_out =
            ack; /* what was sent before we went back to its start has arrived after all */
    c->fin_acked |= c->fin_sent && n == c->out.len + 1;
    mix_buf_consume(&c->out, n > c->out.len ? c->out.len : n);
    if (c->far->options.careful)
        far_careful_acked(c, n);
    c->resend_at = c->acked == c->next_out ? MIX_NEVER : c->far->now + RESEND;
}

static void on_segment(far_conn *c, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window,
                       mix_bytes data) {
    far *f = c->far;
    if (flags & RST) {
        f->stats.resets++;
        c->dead = true;
        return;
    }
    if (flags & SYN) {
        send_segment(f, c, SYN | ACK, c->first_out, (mix_bytes){0}); /* ours was lost */
        return;
    }
    c->peer_window = (uint32_t)window << c->peer_scale;
    if (c->state == FAR_SYN && (flags & ACK)) {
        c->state = FAR_UP;
        c->highest_in = c->next_in;
        c->resend_at = MIX_NEVER;
        if (f->handlers.opened)
            f->handlers.opened(f->user, c);
    }
    on_ack(c, ack);
    if (data.len > 0)
        on_data(c, seq, data);
    if ((flags & FIN) && !c->fin_got) {
        c->fin_seen = true;
        c->fin_at = seq + (uint32_t)data.len;
    }
    bool news =
        data.len > 0 || (flags & FIN) || seq != c->next_in; /* the last: a keepalive probe */
    if (c->fin_seen && !c->fin_got && c->next_in == c->fin_at) {
        c->next_in++;
        c->fin_got = true;
        acknowledge(c);
        if (f->handlers.ended)
            f->handlers.ended(f->user, c);
        else
            far_end(c);
    } else if (news) {
        acknowledge(c);
    }
    transmit(c);
    c->dead |= c->fin_got && c->fin_acked;
}

static far_conn *find(far *f, const mix_address *local, const mix_address *remote) {
    far_conn *c = f->conns;
    while (c && (c->dead || memcmp(&c->local, local, sizeof *local) != 0 ||
                 memcmp(&c->remote, remote, sizeof *remote) != 0))
        c = c->next;
    return c;
}

static void on_tcp(far *f, mix_address *from, mix_address *to, mix_bytes body) {
    mix_reader r = {.in = body};
    from->port = mix_read_u16(&r);
    to->port = mix_read_u16(&r);
    uint32_t seq = mix_read_u32(&r), ack = mix_read_u32(&r);
    size_t head = (size_t)(mix_read_u8(&r) >> 4) * 4;
    uint8_t flags = mix_read_u8(&r);
    uint16_t window = mix_read_u16(&r);
    mix_skip(&r, 4);
    mix_bytes options = mix_read_bytes(&r, head - 20);
    must(!r.bad && head >= 20, "TCP header ends early");
    far_conn *c = find(f, to, from);
    if (f->silent[to->port])
        return;
    if (c) {
        if (f->options.careful)
            far_careful_options(c, options);
        on_segment(c, flags, seq, ack, window, r.in);
    } else if ((flags & (SYN | ACK)) == SYN && f->listens[to->port]) {
        accept_conn(f, to, from, seq, options);
    } else if (!(flags & RST)) {
        far_conn none = {.far = f,
                         .local = *to,
                         .remote = *from,
                         .next_in = seq + (uint32_t)r.in.len + (flags & SYN ? 1 : 0)};
        send_segment(f, &none, RST | ACK, flags & ACK ? ack : 0, (mix_bytes){0});
    }
}

void far_host_receive(far *f, mix_bytes packet) {
    mix_reader r = {.in = packet};
    mix_address from = {0}, to = {0};
    uint8_t protocol;
    must(packet.len >= 20, "an IP packet is too short");
    if (packet.data[0] >> 4 == 4) {
        must(packet.data[0] == 0x45 && mix_get_u16(packet.data + 2) == packet.len, "IPv4 length");
        must(fold(sum16(0, mix_bytes_slice(packet, 0, 20))) == 0xffff, "IPv4 checksum");
        protocol = packet.data[9];
        mix_skip(&r, 12);
        from.family = to.family = 4;
        mix_read_into(&r, from.octets, 4);
        mix_read_into(&r, to.octets, 4);
    } else {
        must(packet.data[0] >> 4 == 6 && packet.len >= 40 &&
                 mix_get_u16(packet.data + 4) + 40u == packet.len,
             "IPv6 length");
        protocol = packet.data[6];
        mix_skip(&r, 8);
        from.family = to.family = 6;
        mix_read_into(&r, from.octets, 16);
        mix_read_into(&r, to.octets, 16);
    }
    must(fold(sum16(pseudo(&from, &to, protocol, r.in.len), r.in)) == 0xffff,
         "TCP or UDP checksum");
    if (protocol == 6) {
        on_tcp(f, &from, &to, r.in);
    } else if (protocol == 17) {
        from.port = mix_read_u16(&r);
        to.port = mix_read_u16(&r);
        mix_skip(&r, 4);
        if (f->handlers.datagram && !f->silent[to.port])
            f->handlers.datagram(f->user, f, &from, &to, r.in);
    } else {
        must(false, "neither TCP nor UDP came");
    }
}

mix_time far_host_deadline(const far *f) {
    mix_time at = MIX_NEVER;
    for (const far_conn *c = f->conns; c; c = c->next)
        if (c->resend_at < at)
            at = c->resend_at;
    return at;
}

void far_host_tick(far *f) {
    for (far_conn *c = f->conns; c; c = c->next) {
        if (c->resend_at > f->now)
            continue;
        c->resend_at = f->now + RESEND;
        if (c->state == FAR_SYN) {
            send_segment(f, c, SYN | ACK, c->first_out, (mix_bytes){0});
            continue;
        }
        if (f->options.careful)
            far_careful_timeout(c);
        c->next_out = c->acked; /* all again */
        transmit(c);
    }
}

void far_host_free(far *f) {
    while (f->conns)
        drop_conn(f->conns);
}
