/* SPDX-License-Identifier: Apache-2.0 */
/* tcpip/ driven by a script: calls, time, raw packets, and segments whose addresses, ports and
 * numbers fit a connection. */
#include "tcpip/tcpip.h"

#include "mix/errors.h"
#include "testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mix_tcpip *t;
static mix_reader in;
static mix_time now;
static struct {
    uint32_t seq, ack;
    uint16_t port;
    uint8_t local[16], remote[16];
    int family;
} last; /* of the newest TCP packet that came out, as the peer would answer it */

static const mix_address four = {.family = 4, .octets = {10, 0, 0, 2}},
                         six = {.family = 6, .octets = {0xfd, 0, [15] = 2}};

static void note(mix_bytes p) {
    mix_reader r = {.in = p};
    int family = p.data[0] >> 4;
    mix_skip(&r, family == 4 ? 12 : 8);
    size_t n = family == 4 ? 4 : 16;
    if (p.data[family == 4 ? 9 : 6] != 6)
        return;
    last.family = family;
    mix_read_into(&r, last.local, n);
    mix_read_into(&r, last.remote, n);
    last.port = mix_read_u16(&r);
    mix_skip(&r, 2);
    last.ack = mix_read_u32(&r);
    uint32_t ack = mix_read_u32(&r);
    uint8_t header = mix_read_u8(&r), flags = mix_read_u8(&r);
    mix_skip(&r, 6u + (header >> 4) * 4u - 20u);
    last.ack += (uint32_t)r.in.len + (flags & 3 ? 1 : 0);
    if (ack != 0)
        last.seq = ack;
}

/* A segment of the peer: script gives flags, offsets of both numbers, window, options and data. */
static void feed_segment(void) {
    uint8_t packet[1600] = {0};
    mix_buf b = mix_buf_fixed(packet, sizeof packet);
    uint8_t flags = mix_read_u8(&in), how = mix_read_u8(&in);
    size_t options = (how & 15) * 4u;
    if (options > 40)
        options = 40;
    mix_bytes opts = mix_read_bytes(&in, options),
              body = mix_read_bytes(&in, mix_read_u16(&in) % 1300);
    size_t len = 20 + opts.len + body.len;
    if (last.family == 0)
        return;
    if (last.family == 4) {
        mix_buf_put(&b,
                    (uint8_t[]){0x45, 0, (uint8_t)((len + 20) >> 8), (uint8_t)(len + 20), 0, 0, 0,
                                0, 64, 6, 0, 0},
                    12);
        mix_buf_put(&b, last.remote, 4);
        mix_buf_put(&b, last.local, 4);
    } else {
        mix_buf_put(&b, (uint8_t[]){0x60, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len, 6, 64}, 8);
        mix_buf_put(&b, last.remote, 16);
        mix_buf_put(&b, last.local, 16);
    }
    mix_buf_put_u16(&b, 80);
    mix_buf_put_u16(&b, last.port);
    mix_buf_put_u32(&b, last.seq + (uint32_t)(int32_t)(how & 16 ? (int16_t)mix_read_u16(&in) : 0));
    mix_buf_put_u32(&b, last.ack + (uint32_t)(int32_t)(how & 32 ? (int16_t)mix_read_u16(&in) : 0));
    mix_buf_put_u8(&b, (uint8_t)((20 + opts.len) / 4 << 4));
    mix_buf_put_u8(&b, flags);
    mix_buf_put_u16(&b, how & 64 ? mix_read_u16(&in) : 0xffff);
    mix_buf_put_u16(&b, 0);
    mix_buf_put_u16(&b, mix_read_u16(&in));
    mix_buf_put_bytes(&b, opts);
    mix_buf_put_bytes(&b, body);
    if (!(how & 128))
        last.seq += (uint32_t)body.len + (flags & 3 ? 1 : 0);
    (void)mix_tcpip_feed(t, mix_buf_bytes(&b), now);
}

static void call(uint8_t what, int socket) {
    uint8_t out[3000];
    size_t n;
    mix_address to = {.family = socket & 1 ? 6 : 4, .port = 80, .octets = {192, 0, 2, 1}};
    switch (what) {
    case 0:
        if (mix_tcpip_open(t, &socket, mix_read_u8(&in) & 1 ? MIX_TCPIP_DATAGRAM : MIX_TCPIP_STREAM,
                           to.family) == MIX_OK)
            (void)mix_tcpip_connect(t, socket, &to, now);
        break;
    case 1:
        memset(out, 'x', sizeof out);
        (void)mix_tcpip_write(t, socket, MIX_BYTES(out), &n, now);
        (void)mix_tcpip_send(t, socket, NULL, mix_bytes_of(out, 100), now);
        break;
    case 2:
        (void)mix_tcpip_read(t, socket, out, sizeof out, &n, now);
        (void)mix_tcpip_receive(t, socket, NULL, out, sizeof out, &n);
        break;
    case 3:
        (void)mix_tcpip_shutdown(t, socket, now);
        break;
    case 4:
        mix_tcpip_close(t, socket, now);
        break;
    case 5:
        mix_tcpip_refuse(t, &to, MIX_ERR_IPR_REFUSED, now);
        break;
    default:
        mix_tcpip_set_keepalive(t, socket, MIX_SECONDS(10));
    }
}

static void step(void) {
    mix_tcpip_event ev;
    uint8_t what = mix_read_u8(&in);
    if (what < 64) {
        call(what % 7, what / 7 % 4);
    } else if (what < 128) {
        feed_segment();
    } else if (what < 160) {
        (void)mix_tcpip_feed(t, mix_read_bytes(&in, mix_read_u8(&in)), now);
    } else if (what < 200) {
        now += (mix_time)mix_read_u16(&in) * 1000;
        (void)mix_tcpip_tick(t, now);
        if (mix_tcpip_deadline(t) <= now)
            __builtin_trap(); /* would be called for ever */
    } else {
        mix_buf out = {0};
        while (mix_tcpip_drain(t, &out, now) == MIX_OK) {
            note(mix_buf_bytes(&out));
            mix_buf_truncate(&out, 0);
        }
        mix_buf_deinit(&out);
        while (mix_tcpip_next(t, &ev) == MIX_OK) {
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_test_env env;
    mix_tcpip_config config = {.ip4 = four, .ip6 = six};
    mix_test_env_init(&env, 1);
    in = (mix_reader){.in = mix_bytes_of(data, size)};
    memset(&last, 0, sizeof last);
    now = 0;
    if (mix_tcpip_new(&t, &config, &env.env, now) != MIX_OK)
        return 0;
    while (in.in.len > 0 && !in.bad)
        step();
    mix_tcpip_free(t);
    return 0;
}
