/* SPDX-License-Identifier: Apache-2.0 */
/* Reading in the order in which headers stand; writing with checksums. */
#include "mixnet/exit/packet.h"

#include "mix/errors.h"

enum {
    HOP_BY_HOP = 0,
    ICMP = 1,
    TCP = 6,
    UDP = 17,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    ICMP6 = 58,
    DESTINATION_OPTIONS = 60,
};
enum { V4_LEN = 20, V6_LEN = 40, TCP_LEN = 20, ICMP_LEN = 8, TIMESTAMP_LEN = 20, HOPS = 64 };
enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };
/* How much of a refused packet its refusal quotes: all of it within the smallest MTU of each family
 * (RFC 1812, RFC 4443). */
enum { QUOTE_V4 = 576 - V4_LEN - ICMP_LEN, QUOTE_V6 = 1280 - V6_LEN - ICMP_LEN };

static mix_address address(uint8_t family, const uint8_t *octets) {
    mix_address a = {.family = family};
    memcpy(a.octets, octets, family == 4 ? 4 : 16);
    return a;
}

/* --- reading --- */

/* Steps over one extension header; its length counts units of `unit` bytes, `more` of them not
 * counted. */
static uint8_t skip_extension(mix_reader *r, size_t unit, size_t more) {
    mix_bytes start = r->in;
    uint8_t next = mix_read_u8(r);
    size_t len = (mix_read_u8(r) + more) * unit;
    r->in = start;
    mix_skip(r, len);
    return next;
}

static uint8_t skip_authentication(mix_reader *r) {
    if (r->in.len < 12 || r->in.data[1] < 1)
        r->bad = true;
    return r->bad ? 0 : skip_extension(r, 4, 2);
}

/* Gives the number of the transport header; fragments are bad. */
static uint8_t skip_v4(mix_reader *r, mixnet_ip *ip) {
    const uint8_t *h = mix_read(r, V4_LEN);
    if (!h)
        return 0;
    size_t len = (size_t)(h[0] & 15) * 4;
    if (len < V4_LEN || mix_get_u16(h + 2) < len || (mix_get_u16(h + 6) & 0x3fff) != 0)
        r->bad = true;
    ip->source = address(4, h + 12);
    ip->destination = address(4, h + 16);
    mix_skip(r, r->bad ? 0 : len - V4_LEN);
    return h[9] == AUTHENTICATION && !r->bad ? skip_authentication(r) : h[9];
}

static uint8_t skip_v6(mix_reader *r, mixnet_ip *ip) {
    const uint8_t *h = mix_read(r, V6_LEN);
    if (!h)
        return 0;
    uint8_t next = h[6];
    ip->source = address(6, h + 8);
    ip->destination = address(6, h + 24);
    if (next == HOP_BY_HOP)
        next = skip_extension(r, 8, 1);
    while (!r->bad) {
        const uint8_t *f;
        switch (next) {
        case HOP_BY_HOP: /* stands first or nowhere */
            r->bad = true;
            return 0;
        case DESTINATION_OPTIONS:
        case ROUTING:
            next = skip_extension(r, 8, 1);
            break;
        case AUTHENTICATION:
            next = skip_authentication(r);
            break;
        case FRAGMENT:
            f = mix_read(r, 8);
            if (f && (mix_get_u16(f + 2) & 0xff9f) != 0)
                r->bad = true;
            next = f ? f[0] : 0;
            break;
        default:
            return next;
        }
    }
    return 0;
}

static bool read_transport(mixnet_ip *ip, uint8_t protocol, mix_bytes t) {
    switch (protocol) {
    case TCP:
        if (t.len < TCP_LEN || t.data[12] >> 4 < 5 || t.len < (size_t)(t.data[12] >> 4) * 4)
            return false;
        ip->kind = MIXNET_IP_TCP;
        break;
    case UDP:
        ip->kind = MIXNET_IP_UDP;
        if (t.len < 8)
            return false;
        break;
    case ICMP:
        ip->kind = MIXNET_IP_ICMP4;
        /* Timestamps have one length. */
        return t.len >= ICMP_LEN &&
               ((t.data[0] != 13 && t.data[0] != 14) || t.data[1] != 0 || t.len == TIMESTAMP_LEN);
    case ICMP6:
        ip->kind = MIXNET_IP_ICMP6;
        return t.len >= ICMP_LEN;
    default:
        ip->kind = MIXNET_IP_OTHER;
        return true;
    }
    ip->source.port = mix_get_u16(t.data);
    ip->destination.port = mix_get_u16(t.data + 2);
    return true;
}

bool mixnet_ip_parse(mixnet_ip *out, mix_bytes packet) {
    mix_reader r = {.in = packet};
    mixnet_ip ip = {0};
    unsigned version = packet.len > 0 ? packet.data[0] >> 4 : 0;
    if (version != 4 && version != 6)
        return false;
    uint8_t protocol = version == 4 ? skip_v4(&r, &ip) : skip_v6(&r, &ip);
    if (r.bad || !read_transport(&ip, protocol, r.in))
        return false;
    size_t len =
        version == 4 ? mix_get_u16(packet.data + 2) : V6_LEN + mix_get_u16(packet.data + 4);
    ip.header = packet.len - r.in.len;
    ip.transport = mix_bytes_slice(mix_bytes_slice(packet, 0, len), ip.header, packet.len);
    *out = ip;
    return true;
}

bool mixnet_ip_destination(mix_address *out, mix_bytes packet) {
    unsigned version = packet.len > 0 ? packet.data[0] >> 4 : 0;
    if (version == 4 && packet.len >= V4_LEN)
        *out = address(4, packet.data + 16);
    else if (version == 6 && packet.len >= V6_LEN)
        *out = address(6, packet.data + 24);
    else
        return false;
    return true;
}

/* --- writing --- */

static uint32_t sum(uint32_t s, const uint8_t *p, size_t len) {
    for (; len > 1; p += 2, len -= 2)
        s += mix_get_u16(p);
    return len ? s + ((uint32_t)*p << 8) : s;
}

static uint16_t fold(uint32_t s) {
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

uint16_t mixnet_ip_checksum(const mix_address *source, const mix_address *destination,
                            uint8_t protocol, mix_bytes transport) {
    size_t n = source->family == 4 ? 4 : 16;
    uint32_t s = 0;
    if (protocol != ICMP) {
        s = sum(sum(0, source->octets, n), destination->octets, n);
        s += protocol + (uint32_t)transport.len;
    }
    return fold(sum(s, transport.data, transport.len));
}

/* Appends an IP header for a transport part of len bytes; the place of that part is returned,
 * zeroed, or NULL. */
static uint8_t *put_ip(mix_buf *out, const mix_address *from, const mix_address *to,
                       uint8_t protocol, size_t len) {
    size_t head = from->family == 4 ? V4_LEN : V6_LEN;
    uint8_t *p = mix_buf_space(out, head + len);
    if (!p)
        return NULL;
    memset(p, 0, head + len);
    if (from->family == 4) {
        p[0] = 0x45;
        mix_put_u16(p + 2, (uint16_t)(head + len));
        p[6] = 0x40; /* don't fragment */
        p[8] = HOPS;
        p[9] = protocol;
        memcpy(p + 12, from->octets, 4);
        memcpy(p + 16, to->octets, 4);
        mix_put_u16(p + 10, fold(sum(0, p, V4_LEN)));
    } else {
        p[0] = 0x60;
        mix_put_u16(p + 4, (uint16_t)len);
        p[6] = protocol;
        p[7] = HOPS;
        memcpy(p + 8, from->octets, 16);
        memcpy(p + 24, to->octets, 16);
    }
    return p + head;
}

/* RFC 9293 §3.10.7.1: what a closed port answers. */
static int put_reset(mix_buf *out, const mixnet_ip *ip) {
    const uint8_t *t = ip->transport.data;
    if (ip->transport.len < TCP_LEN || t[13] & FLAG_RST)
        return MIX_OK;
    uint8_t *r = put_ip(out, &ip->destination, &ip->source, TCP, TCP_LEN);
    if (!r)
        return MIX_ERR_MEMORY;
    mix_put_u16(r, ip->destination.port);
    mix_put_u16(r + 2, ip->source.port);
    r[12] = TCP_LEN / 4 << 4;
    if (t[13] & FLAG_ACK) {
        memcpy(r + 4, t + 8, 4);
        r[13] = FLAG_RST;
    } else {
        size_t head = (size_t)(t[12] >> 4) * 4,
               data = ip->transport.len > head ? ip->transport.len - head : 0;
        uint32_t next =
            mix_get_u32(t + 4) + (uint32_t)data + !!(t[13] & FLAG_SYN) + !!(t[13] & FLAG_FIN);
        mix_put_u32(r + 8, next);
        r[13] = FLAG_RST | FLAG_ACK;
    }
    mix_put_u16(r + 16,
                mixnet_ip_checksum(&ip->destination, &ip->source, TCP, mix_bytes_of(r, TCP_LEN)));
    return MIX_OK;
}

static bool answerable(const mixnet_ip *ip) {
    uint8_t type = ip->transport.len > 0 ? ip->transport.data[0] : 0;
    if (ip->kind == MIXNET_IP_ICMP4 && type != 8 && type != 13)
        return false;
    if (ip->kind == MIXNET_IP_ICMP6 && type < 128)
        return false;
    return ip->destination.family == 4 ? ip->destination.octets[0] < 224
                                       : ip->destination.octets[0] != 0xff;
}

int mixnet_ip_refuse(mix_buf *out, const mixnet_ip *ip, mix_bytes packet, const mix_ipr_ips *own) {
    bool v4 = ip->source.family == 4;
    if (!answerable(ip))
        return MIX_OK;
    if (ip->kind == MIXNET_IP_TCP)
        return put_reset(out, ip);
    mix_address from = address(v4 ? 4 : 6, v4 ? own->v4 : own->v6);
    mix_bytes quote = mix_bytes_slice(packet, 0, v4 ? QUOTE_V4 : QUOTE_V6);
    uint8_t protocol = v4 ? ICMP : ICMP6;
    uint8_t *p = put_ip(out, &from, &ip->source, protocol, ICMP_LEN + quote.len);
    if (!p)
        return MIX_ERR_MEMORY;
    p[0] = v4 ? 3 : 1;  /* unreachable: */
    p[1] = v4 ? 13 : 1; /* administratively prohibited */
    memcpy(p + ICMP_LEN, quote.data, quote.len);
    mix_put_u16(p + 2, mixnet_ip_checksum(&from, &ip->source, protocol,
                                          mix_bytes_of(p, ICMP_LEN + quote.len)));
    return MIX_OK;
}

int mixnet_ip_echo(mix_buf *out, const mixnet_ip *ip) {
    mix_bytes t = ip->transport;
    bool v4 = ip->source.family == 4;
    uint8_t protocol = v4 ? ICMP : ICMP6;
    if (ip->kind != (v4 ? MIXNET_IP_ICMP4 : MIXNET_IP_ICMP6) || t.len < ICMP_LEN ||
        t.data[0] != (v4 ? 8 : 128) || t.data[1] != 0)
        return MIX_OK;
    uint8_t *p = put_ip(out, &ip->destination, &ip->source, protocol, t.len);
    if (!p)
        return MIX_ERR_MEMORY;
    memcpy(p, t.data, t.len);
    p[0] = v4 ? 0 : 129;
    mix_put_u16(p + 2, 0);
    mix_put_u16(
        p + 2, mixnet_ip_checksum(&ip->destination, &ip->source, protocol, mix_bytes_of(p, t.len)));
    return MIX_OK;
}
