/* SPDX-License-Identifier: Apache-2.0 */
/* IP packets of both families, read, readdressed and made. */
#include "internet_packet.h"

enum {
    V4_HEADER = 20,
    V6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP_HEADER = 8,
    HOPS = 64,
    V4_DONT_FRAGMENT = 0x4000,
    V4_MORE = 0x2000,
    V4_OFFSET = 0x1fff,
    TCP_URGENT = 32,
    ERROR_QUOTE = 512 /* bytes of a packet that its error quotes at most */
};

static uint32_t sum(uint32_t acc, const uint8_t *data, size_t len) {
    for (; len > 1; data += 2, len -= 2)
        acc += (uint32_t)data[0] << 8 | data[1];
    if (len)
        acc += (uint32_t)data[0] << 8;
    return (acc & 0xffff) + (acc >> 16);
}

static uint16_t fold(uint32_t acc) {
    while (acc >> 16)
        acc = (acc & 0xffff) + (acc >> 16);
    return (uint16_t)acc;
}

static size_t octets(const mix_address *a) {
    return a->family == 4 ? 4 : 16;
}

static uint32_t sum_address(uint32_t acc, const mix_address *a) {
    return sum(acc, a->octets, octets(a));
}

/* Of the whole transport with its pseudo header; ICMPv4 has none. */
static uint16_t transport_sum(uint8_t protocol, const mix_address *from, const mix_address *to,
                              mix_bytes transport) {
    uint32_t acc = 0;
    if (protocol != PACKET_ICMP)
        acc = sum_address(sum_address((uint32_t)transport.len + protocol, from), to);
    return fold(sum(fold(acc), transport.data, transport.len));
}

static size_t checksum_at(uint8_t protocol) {
    return protocol == PACKET_TCP ? 16 : protocol == PACKET_UDP ? 6 : 2;
}

bool packet_checksum_good(const packet *p) {
    if (p->protocol == PACKET_UDP && p->from.family == 4 && mix_get_u16(p->transport.data + 6) == 0)
        return true; /* none given */
    return transport_sum(p->protocol, &p->from, &p->to, p->transport) == 0xffff;
}

static bool is_icmp(const packet *p) {
    return p->protocol == PACKET_ICMP || p->protocol == PACKET_ICMP6;
}

bool packet_is_echo_request(const packet *p) {
    return is_icmp(p) && p->offset == 0 &&
           p->transport.data[0] == (p->protocol == PACKET_ICMP ? 8 : 128);
}

bool packet_is_echo_reply(const packet *p) {
    return is_icmp(p) && p->offset == 0 &&
           p->transport.data[0] == (p->protocol == PACKET_ICMP ? 0 : 129);
}

uint8_t packet_tcp_flags(const packet *p) {
    return p->transport.data[13] & 0x3f;
}

uint32_t packet_tcp_ack(const packet *p) {
    return mix_get_u32(p->transport.data + 8);
}

/* The ports, and whether lengths within the transport fit. A first fragment (more) is shorter than
 * its headers say. */
static packet_fault read_transport(packet *p) {
    const uint8_t *t = p->transport.data;
    size_t len = p->transport.len;
    if ((p->protocol == PACKET_ICMP) != (p->from.family == 4) && is_icmp(p))
        return PACKET_PROTOCOL;
    if (p->protocol == PACKET_TCP) {
        if (len < TCP_HEADER || (size_t)(t[12] >> 4) * 4 < TCP_HEADER ||
            (size_t)(t[12] >> 4) * 4 > len)
            return PACKET_MALFORMED;
    } else if (p->protocol == PACKET_UDP) {
        if (len < UDP_HEADER || mix_get_u16(t + 4) < UDP_HEADER ||
            (mix_get_u16(t + 4) > len && !p->more))
            return PACKET_MALFORMED;
        if (mix_get_u16(t + 4) < len)
            p->transport.len = mix_get_u16(t + 4);
    } else if (is_icmp(p)) {
        if (len < ICMP_HEADER)
            return PACKET_MALFORMED;
    } else {
        return PACKET_PROTOCOL;
    }
    if (is_icmp(p)) {
        p->from.port = packet_is_echo_request(p) ? mix_get_u16(t + 4) : 0;
        p->to.port = packet_is_echo_reply(p) ? mix_get_u16(t + 4) : 0;
    } else {
        p->from.port = mix_get_u16(t);
        p->to.port = mix_get_u16(t + 2);
    }
    return PACKET_OK;
}

/* quoted: within an ICMP error, so cut anywhere behind the header. */
static packet_fault read_v4_header(packet *p, mix_bytes in, bool quoted) {
    size_t header = (size_t)(in.data[0] & 15) * 4;
    if (in.len < V4_HEADER || header < V4_HEADER || header > in.len)
        return PACKET_MALFORMED;
    size_t total = mix_get_u16(in.data + 2);
    if (quoted && total > in.len)
        total = in.len;
    if (total < header || total > in.len || (!quoted && fold(sum(0, in.data, header)) != 0xffff))
        return PACKET_MALFORMED;
    uint16_t place = mix_get_u16(in.data + 6);
    *p = (packet){.service = in.data[1],
                  .hops = in.data[8],
                  .protocol = in.data[9],
                  .id = mix_get_u16(in.data + 4),
                  .offset = place & V4_OFFSET,
                  .more = place & V4_MORE,
                  .from = {.family = 4},
                  .to = {.family = 4},
                  .transport = mix_bytes_of(in.data + header, total - header)};
    memcpy(p->from.octets, in.data + 12, 4);
    memcpy(p->to.octets, in.data + 16, 4);
    if ((size_t)p->offset * 8 + p->transport.len + header > UINT16_MAX)
        return PACKET_MALFORMED;
    return PACKET_OK;
}

static packet_fault read_v6_header(packet *p, mix_bytes in, bool quoted) {
    if (in.len < V6_HEADER)
        return PACKET_MALFORMED;
    size_t len = mix_get_u16(in.data + 4);
    if (quoted && len > in.len - V6_HEADER)
        len = in.len - V6_HEADER;
    if (len > in.len - V6_HEADER)
        return PACKET_MALFORMED;
    *p = (packet){.service = (uint8_t)(in.data[0] << 4 | in.data[1] >> 4),
                  .hops = in.data[7],
                  .protocol = in.data[6],
                  .from = {.family = 6},
                  .to = {.family = 6},
                  .transport = mix_bytes_of(in.data + V6_HEADER, len)};
    memcpy(p->from.octets, in.data + 8, 16);
    memcpy(p->to.octets, in.data + 24, 16);
    /* hop-by-hop options, routing, destination options: each says how long it is */
    while (p->protocol == 0 || p->protocol == 43 || p->protocol == 60) {
        mix_bytes t = p->transport;
        if (t.len < 8 || t.len < ((size_t)t.data[1] + 1) * 8)
            return PACKET_MALFORMED;
        p->protocol = t.data[0];
        p->transport =
            mix_bytes_of(t.data + ((size_t)t.data[1] + 1) * 8, t.len - ((size_t)t.data[1] + 1) * 8);
    }
    return p->protocol == 44 ? PACKET_FRAGMENT : PACKET_OK;
}

static packet_fault read_header(packet *p, mix_bytes in, bool quoted) {
    if (in.len == 0)
        return PACKET_MALFORMED;
    switch (in.data[0] >> 4) {
    case 4:
        return read_v4_header(p, in, quoted);
    case 6:
        return read_v6_header(p, in, quoted);
    default:
        return PACKET_MALFORMED;
    }
}

packet_fault packet_read(packet *out, mix_bytes in) {
    packet_fault fault = read_header(out, in, false);
    if (fault != PACKET_OK)
        return fault;
    if (out->offset != 0)
        return PACKET_FRAGMENT;
    fault = read_transport(out);
    return fault == PACKET_OK && out->more ? PACKET_FRAGMENT : fault;
}

static void put_header(mix_buf *out, const packet *like, const mix_address *from,
                       const mix_address *to) {
    size_t len = like->transport.len;
    if (from->family == 4) {
        uint8_t h[V4_HEADER] = {0x45, like->service};
        mix_put_u16(h + 2, (uint16_t)(V4_HEADER + len));
        bool fragment = like->more || like->offset != 0;
        mix_put_u16(h + 4, fragment ? like->id : 0);
        mix_put_u16(h + 6, fragment ? (uint16_t)(like->offset | (like->more ? V4_MORE : 0))
                                    : V4_DONT_FRAGMENT);
        h[8] = like->hops;
        h[9] = like->protocol;
        memcpy(h + 12, from->octets, 4);
        memcpy(h + 16, to->octets, 4);
        mix_put_u16(h + 10, (uint16_t)~fold(sum(0, h, sizeof h)));
        mix_buf_put(out, h, sizeof h);
    } else {
        uint8_t h[V6_HEADER] = {(uint8_t)(0x60 | like->service >> 4),
                                (uint8_t)(like->service << 4)};
        mix_put_u16(h + 4, (uint16_t)len);
        h[6] = like->protocol;
        h[7] = like->hops;
        memcpy(h + 8, from->octets, 16);
        memcpy(h + 24, to->octets, 16);
        mix_buf_put(out, h, sizeof h);
    }
}

/* Puts ports or identifier into a transport; returns what its checksum loses and gains by it. */
static void put_ports(uint8_t *t, const packet *p, const mix_address *from, const mix_address *to,
                      uint32_t *lost, uint32_t *gained) {
    if (!is_icmp(p)) {
        *lost += (uint32_t)mix_get_u16(t) + mix_get_u16(t + 2);
        *gained += (uint32_t)from->port + to->port;
        mix_put_u16(t, from->port);
        mix_put_u16(t + 2, to->port);
    } else if (packet_is_echo_request(p) || packet_is_echo_reply(p)) {
        *lost += mix_get_u16(t + 4);
        mix_put_u16(t + 4, packet_is_echo_request(p) ? from->port : to->port);
        *gained += mix_get_u16(t + 4);
    }
}

void packet_readdress(mix_buf *out, const packet *p, const mix_address *from,
                      const mix_address *to) {
    put_header(out, p, from, to);
    uint8_t *t = mix_buf_space(out, p->transport.len);
    if (!t || p->transport.len == 0)
        return;
    memcpy(t, p->transport.data, p->transport.len);
    if (p->offset != 0)
        return; /* the checksum is in the first fragment */
    uint32_t lost = 0, gained = 0;
    put_ports(t, p, from, to, &lost, &gained);
    if (p->protocol != PACKET_ICMP) { /* all but ICMPv4 sum addresses up; lengths and protocol count
                                         the same in both families */
        lost = sum_address(sum_address(lost, &p->from), &p->to);
        gained = sum_address(sum_address(gained, from), to);
    }
    if (p->protocol == PACKET_TCP && t[13] & TCP_URGENT) {
        lost += TCP_URGENT + (uint32_t)mix_get_u16(t + 18);
        t[13] = (uint8_t)(t[13] & ~TCP_URGENT);
        mix_put_u16(t + 18, 0);
    }
    uint8_t *check = t + checksum_at(p->protocol);
    uint16_t old = mix_get_u16(check);
    if (p->protocol == PACKET_UDP && old == 0 && p->from.family == 4) {
        if (from->family == 6) /* must have one there */
            mix_put_u16(check, (uint16_t)~transport_sum(PACKET_UDP, from, to,
                                                        mix_bytes_of(t, p->transport.len)));
    } else {
        mix_put_u16(check, (uint16_t)~fold((uint32_t)(uint16_t)~old + (uint16_t)~fold(lost) +
                                           fold(gained))); /* RFC 1624 */
    }
    if (p->protocol == PACKET_UDP && mix_get_u16(check) == 0 && (old != 0 || from->family == 6))
        mix_put_u16(check, 0xffff);
}

void packet_make(mix_buf *out, uint8_t protocol, const mix_address *from, const mix_address *to,
                 mix_bytes transport) {
    put_header(out, &(packet){.protocol = protocol, .hops = HOPS, .transport = transport}, from,
               to);
    uint8_t *t = mix_buf_space(out, transport.len);
    if (!t)
        return;
    memcpy(t, transport.data, transport.len);
    uint8_t *check = t + checksum_at(protocol);
    mix_put_u16(check, 0);
    uint16_t value = (uint16_t)~transport_sum(protocol, from, to, mix_bytes_of(t, transport.len));
    mix_put_u16(check, protocol == PACKET_UDP && value == 0 ? 0xffff : value);
}

void packet_make_udp(mix_buf *out, const mix_address *from, const mix_address *to,
                     mix_bytes payload) {
    mix_buf t = {0};
    mix_buf_put_u16(&t, from->port);
    mix_buf_put_u16(&t, to->port);
    mix_buf_put_u16(&t, (uint16_t)(UDP_HEADER + payload.len));
    mix_buf_put_u16(&t, 0);
    mix_buf_put_bytes(&t, payload);
    if (t.failed)
        out->failed = true;
    else
        packet_make(out, PACKET_UDP, from, to, mix_buf_bytes(&t));
    mix_buf_deinit(&t);
}

static void make_tcp(mix_buf *out, const mix_address *from, const mix_address *to, uint32_t seq,
                     uint32_t ack, uint8_t flags) {
    uint8_t t[TCP_HEADER] = {0};
    mix_put_u16(t, from->port);
    mix_put_u16(t + 2, to->port);
    mix_put_u32(t + 4, seq);
    mix_put_u32(t + 8, ack);
    t[12] = TCP_HEADER / 4 << 4;
    t[13] = flags;
    packet_make(out, PACKET_TCP, from, to, MIX_BYTES(t));
}

void packet_reset(mix_buf *out, const mix_address *from, const mix_address *to, uint32_t seq) {
    make_tcp(out, from, to, seq, 0, PACKET_RST);
}

void packet_refuse(mix_buf *out, const packet *p) {
    if (p->protocol == PACKET_UDP) {
        packet_error_make(out, TROUBLE_PORT, &p->to, p, &p->from, &p->to);
    } else if (p->protocol == PACKET_TCP) { /* RFC 9293 §3.10.7.1 */
        uint8_t flags = packet_tcp_flags(p);
        size_t data = p->transport.len - (size_t)(p->transport.data[12] >> 4) * 4;
        uint32_t next = mix_get_u32(p->transport.data + 4) + (uint32_t)data +
                        (flags & PACKET_SYN ? 1 : 0) + (flags & PACKET_FIN ? 1 : 0);
        if (flags & PACKET_ACK && !(flags & PACKET_RST))
            make_tcp(out, &p->to, &p->from, packet_tcp_ack(p), 0, PACKET_RST);
        else if (!(flags & PACKET_RST))
            make_tcp(out, &p->to, &p->from, 0, next, PACKET_RST | PACKET_ACK);
    }
}

void packet_echo(mix_buf *out, const packet *p) {
    mix_buf t = {0};
    mix_buf_put_bytes(&t, p->transport);
    if (t.failed) {
        out->failed = true;
    } else {
        t.data[0] = p->protocol == PACKET_ICMP ? 0 : 129;
        packet_make(out, p->protocol, &p->to, &p->from, mix_buf_bytes(&t));
    }
    mix_buf_deinit(&t);
}

bool packet_error_read(const packet *p, packet_trouble *trouble, packet *inner) {
    if (!is_icmp(p) || p->offset != 0)
        return false;
    uint8_t type = p->transport.data[0], code = p->transport.data[1];
    if (type == (p->protocol == PACKET_ICMP ? 11 : 3))
        *trouble = TROUBLE_HOPS;
    else if (type != (p->protocol == PACKET_ICMP ? 3 : 1))
        return false;
    else if (code == (p->protocol == PACKET_ICMP ? 3 : 4))
        *trouble = TROUBLE_PORT;
    else
        *trouble = code == (p->protocol == PACKET_ICMP ? 1 : 3) ? TROUBLE_HOST : TROUBLE_NET;
    mix_bytes quote = mix_bytes_slice(p->transport, ICMP_HEADER, SIZE_MAX);
    if (read_header(inner, quote, true) != PACKET_OK || inner->offset != 0 ||
        inner->transport.len < 8)
        return false;
    if (is_icmp(inner) && packet_is_echo_request(inner)) {
        inner->from.port = mix_get_u16(inner->transport.data + 4);
        return true;
    }
    inner->from.port = mix_get_u16(inner->transport.data);
    inner->to.port = mix_get_u16(inner->transport.data + 2);
    return inner->protocol == PACKET_TCP || inner->protocol == PACKET_UDP;
}

void packet_error_make(mix_buf *out, packet_trouble trouble, const mix_address *reporter,
                       const packet *inner, const mix_address *from, const mix_address *to) {
    static const uint8_t codes[2][4] = {{0, 1, 3, 0}, {0, 3, 4, 0}};
    bool v6 = from->family == 6;
    mix_buf t = {0};
    mix_buf_put_u8(&t, (uint8_t)(trouble == TROUBLE_HOPS ? (v6 ? 3 : 11) : (v6 ? 1 : 3)));
    mix_buf_put_u8(&t, codes[v6][trouble]);
    mix_buf_put_zeros(&t, 6);
    packet cut = *inner;
    cut.more = false;
    cut.transport = mix_bytes_slice(inner->transport, 0, ERROR_QUOTE);
    put_header(&t, &cut, from, to);
    size_t at = t.len;
    mix_buf_put_bytes(&t, cut.transport);
    if (t.failed) {
        out->failed = true;
    } else {
        uint32_t lost = 0, gained = 0;
        put_ports(t.data + at, inner, from, to, &lost, &gained);
        packet_make(out, v6 ? PACKET_ICMP6 : PACKET_ICMP, reporter, from, mix_buf_bytes(&t));
    }
    mix_buf_deinit(&t);
}
