/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS version 5 as bytes. */
#include "proxy/socks_wire.h"

#include "mix/errors.h"

#include <string.h>

/* What a reader says at its end: the input was too short, or so much of it was used. */
static int finish(const mix_reader *r, mix_bytes in, size_t *used) {
    if (r->bad)
        return MIX_DONE;
    *used = in.len - r->in.len;
    return MIX_OK;
}

int socks_read_greeting(mix_bytes in, size_t *used, bool *anyone, bool *by_password) {
    mix_reader r = {.in = in};
    if (in.len > 0 && in.data[0] != SOCKS_VERSION)
        return MIX_ERR_ARGUMENT;
    mix_skip(&r, 1);
    mix_bytes methods = mix_read_bytes(&r, mix_read_u8(&r));
    *anyone = methods.len > 0 && memchr(methods.data, SOCKS_ANYONE, methods.len);
    *by_password = methods.len > 0 && memchr(methods.data, SOCKS_BY_PASSWORD, methods.len);
    return finish(&r, in, used);
}

int socks_read_password(mix_bytes in, size_t *used, mix_bytes *user, mix_bytes *password) {
    mix_reader r = {.in = in};
    if (in.len > 0 && in.data[0] != 1)
        return MIX_ERR_ARGUMENT;
    mix_skip(&r, 1);
    *user = mix_read_bytes(&r, mix_read_u8(&r));
    *password = mix_read_bytes(&r, mix_read_u8(&r));
    int status = finish(&r, in, used);
    return status == MIX_OK && user->len == 0 ? MIX_ERR_ARGUMENT : status;
}

static int name_status(mix_bytes name) {
    return name.len == 0 || memchr(name.data, 0, name.len) ? MIX_ERR_DNS_NAME : MIX_OK;
}

/* Kind, address and port; r.bad when they are not all there. */
static int read_target(mix_reader *r, socks_target *to) {
    mix_bytes name = {0};
    bool was_there = r->in.len > 0;
    uint8_t kind = mix_read_u8(r);
    *to = (socks_target){.by_name = kind == SOCKS_NAME};
    if (kind == SOCKS_IP4 || kind == SOCKS_IP6) {
        to->number.family = kind == SOCKS_IP4 ? 4 : 6;
        mix_read_into(r, to->number.octets, kind == SOCKS_IP4 ? 4 : 16);
    } else if (kind == SOCKS_NAME) {
        name = mix_read_bytes(r, mix_read_u8(r));
    } else if (was_there) {
        return MIX_ERR_ADDRESS;
    }
    to->number.port = mix_read_u16(r);
    if (r->bad)
        return MIX_OK;
    if (!to->by_name) {
        mix_ip_format(to->host, &to->number);
        return MIX_OK;
    }
    if (name_status(name) == MIX_OK)
        memcpy(to->host, name.data, name.len);
    return name_status(name);
}

int socks_read_request(mix_bytes in, size_t *used, uint8_t *command, socks_target *to) {
    mix_reader r = {.in = in};
    if (in.len > 0 && in.data[0] != SOCKS_VERSION)
        return MIX_ERR_ARGUMENT;
    mix_skip(&r, 1);
    *command = mix_read_u8(&r);
    mix_skip(&r, 1); /* reserved */
    int status = read_target(&r, to);
    if (status != MIX_OK) {
        *used = status == MIX_ERR_ADDRESS ? in.len : in.len - r.in.len;
        return status;
    }
    return finish(&r, in, used);
}

int socks_read_datagram(mix_bytes in, socks_target *to, mix_bytes *payload) {
    mix_reader r = {.in = in};
    mix_skip(&r, 2); /* reserved */
    uint8_t fragment = mix_read_u8(&r);
    int status = read_target(&r, to);
    if (r.bad)
        return MIX_ERR_TRUNCATED;
    if (fragment != 0)
        return MIX_ERR_LIMIT;
    *payload = r.in;
    return status;
}

void socks_write_method(mix_buf *out, uint8_t method) {
    mix_buf_put_u8(out, SOCKS_VERSION);
    mix_buf_put_u8(out, method);
}

void socks_write_password_status(mix_buf *out, bool right) {
    mix_buf_put_u8(out, 1);
    mix_buf_put_u8(out, right ? 0 : 1);
}

static void write_address(mix_buf *out, const mix_address *a) {
    static const mix_address none = {.family = 4};
    if (!a)
        a = &none;
    mix_buf_put_u8(out, a->family == 4 ? SOCKS_IP4 : SOCKS_IP6);
    mix_buf_put(out, a->octets, a->family == 4 ? 4 : 16);
    mix_buf_put_u16(out, a->port);
}

void socks_write_reply(mix_buf *out, socks_reply reply, const mix_address *bound) {
    mix_buf_put_u8(out, SOCKS_VERSION);
    mix_buf_put_u8(out, (uint8_t)reply);
    mix_buf_put_u8(out, 0);
    write_address(out, bound);
}

void socks_write_datagram_head(mix_buf *out, const mix_address *from) {
    mix_buf_put_zeros(out, 3);
    write_address(out, from);
}

void socks_write_version4_refusal(mix_buf *out) {
    mix_buf_put_u8(out, 0);
    mix_buf_put_u8(out, 0x5b);
    mix_buf_put_zeros(out, 6);
}
