/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "tunnel/hosts_testing.h"

#include "mix/errors.h"
#include "tls/tls.h"

#include <openssl/err.h>
#include <stdlib.h>

enum { OUT = 4096 };

static struct rest {
    hosts s;
    world_member *exit;
    mix_buf out[OUT]; /* from the exit, for the hosts */
    size_t first, count;
    identity ca, server;
    SSL_CTX *ctx;
    mix_buf pem;
    bool up;
} r;

/* ---- the exit's internet is the far side, and the far side's near side is the world ---- */

static bool to_nobody(mix_bytes packet) {
    static const uint8_t nobody[] = {93, 184, 216, 66};
    return packet.len > 20 && packet.data[0] == 0x45 && memcmp(packet.data + 16, nobody, 4) == 0;
}

static bool is_syn(mix_bytes packet) {
    size_t tcp = packet.data[0] >> 4 == 4 ? 20 : 40;
    uint8_t protocol = packet.data[tcp == 20 ? 9 : 6];
    return protocol == 6 && packet.len > tcp + 13 && (packet.data[tcp + 13] & 0x12) == 0x02;
}

static void to_internet(void *user, world *w, world_member *exit, mix_bytes packet) {
    (void)user, (void)w;
    r.exit = exit;
    r.s.syns += is_syn(packet);
    if (r.s.mute || to_nobody(packet))
        return;
    assert_true(r.count < OUT);
    mix_buf *b = &r.out[(r.first + r.count++) % OUT];
    mix_buf_truncate(b, 0);
    mix_buf_put_bytes(b, packet);
}

static void moved(void) {
    world_turn(&r.s.net);
    if (r.s.options.turn)
        r.s.options.turn();
}

static void near_feed(void *user, mix_bytes packet, mix_time now) {
    (void)user;
    sim_run(&r.s.net.sim, now);
    if (!r.s.mute)
        world_from_internet(&r.s.net, r.exit, packet);
    moved();
}

static bool near_drain(void *user, mix_buf *out, mix_time now) {
    (void)user, (void)now;
    if (r.count == 0)
        return false;
    mix_buf_put_bytes(out, mix_buf_bytes(&r.out[r.first]));
    r.first = (r.first + 1) % OUT;
    r.count--;
    return true;
}

static mix_time near_deadline(void *user) {
    (void)user;
    return sim_next(&r.s.net.sim);
}

static void near_tick(void *user, mix_time now) {
    (void)user;
    sim_run(&r.s.net.sim, now);
    moved();
}

/* ---- hosts ---- */

static void flush(host_conn *c) {
    char *data;
    long n = BIO_get_mem_data(c->out, &data);
    if (n > 0 && c->far)
        far_write(c->far, mix_bytes_of(data, (size_t)n));
    (void)BIO_reset(c->out);
}

void host_send(host_conn *c, mix_bytes data) {
    if (c->far && !c->ssl)
        far_write(c->far, data);
    if (c->far && c->ssl && data.len > 0)
        SSL_write(c->ssl, data.data, (int)data.len);
    if (c->ssl)
        flush(c);
}

void host_close(host_conn *c) {
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        flush(c);
    }
    if (c->far)
        far_end(c->far);
}

void host_reset(host_conn *c) {
    if (c->far)
        far_reset(c->far);
}

static void far_opened(void *user, far_conn *f) {
    host_conn *c = calloc(1, sizeof *c);
    (void)user;
    c->far = f;
    c->port = far_port(f);
    r.s.opened++;
    if (c->port == 443) {
        c->ssl = SSL_new(r.ctx);
        c->in = BIO_new(BIO_s_mem());
        c->out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(c->in, -1);
        SSL_set_bio(c->ssl, c->in, c->out);
        SSL_set_accept_state(c->ssl);
    }
    far_set_user(f, c);
    if (r.s.options.opened)
        r.s.options.opened(c);
}

static void far_received(void *user, far_conn *f, mix_bytes data) {
    host_conn *c = far_user(f);
    uint8_t plain[16384];
    int n;
    (void)user;
    if (!c->ssl) {
        if (r.s.options.received)
            r.s.options.received(c, data);
        return;
    }
    BIO_write(c->in, data.data, (int)data.len);
    while ((n = SSL_read(c->ssl, plain, sizeof plain)) > 0)
        if (r.s.options.received)
            r.s.options.received(c, mix_bytes_of(plain, (size_t)n));
    ERR_clear_error();
    flush(c);
}

static void far_ended(void *user, far_conn *f) {
    host_conn *c = far_user(f);
    (void)user;
    if (r.s.options.ended)
        r.s.options.ended(c);
    else
        host_close(c);
}

static void far_gone(void *user, far_conn *f) {
    host_conn *c = far_user(f);
    (void)user;
    if (!c)
        return;
    c->far = NULL;
    if (r.s.options.gone)
        r.s.options.gone(c);
    SSL_free(c->ssl);
    free(c);
}

/* ---- names ---- */

typedef struct name_row {
    const char *name; /* NULL: any other under "test" */
    uint8_t four[2];  /* the last byte of each */
    bool six;
} name_row;

static const name_row *row_of(const char *name) {
    static const name_row rows[] = {
        {"six.test", {0}, true},   {"both.test", {7}, true},  {"dead.test", {66, 7}, false},
        {"late.test", {66}, true}, {"none.test", {0}, false}, {NULL, {7}, false},
    };
    const name_row *row = rows;
    size_t n = strlen(name);
    if (n < 6 || strcmp(name + n - 5, ".test") != 0)
        return NULL;
    while (row->name && strcmp(row->name, name) != 0)
        row++;
    return row;
}

static void put_records(mix_buf *out, const name_row *row, bool six) {
    for (size_t i = 0; !six && i < 2 && row->four[i] != 0; i++) {
        mix_buf_put(out, "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\x5d\xb8\xd8", 15);
        mix_buf_put_u8(out, row->four[i]);
    }
    if (six && row->six) {
        mix_buf_put(out, "\xc0\x0c\0\34\0\1\0\0\1\0\0\20\x26\x06\x28\x00", 16);
        mix_buf_put_zeros(out, 11);
        mix_buf_put_u8(out, 7);
    }
}

/* Port 53 answers questions, others send back what comes. */
static void far_datagram(void *user, far *f, const mix_address *from, const mix_address *to,
                         mix_bytes in) {
    char name[256] = "";
    size_t at = 12, len = 0;
    (void)user;
    if (to->port != 53) {
        far_send_datagram(f, to, from, in);
        return;
    }
    r.s.lookups++;
    for (; in.data[at] != 0; at += in.data[at] + 1u) {
        memcpy(name + len, in.data + at + 1, in.data[at]);
        len += in.data[at];
        name[len++] = '.';
    }
    name[len > 0 ? len - 1 : 0] = 0;
    if (strcmp(name, "hush.test") == 0)
        return;
    const name_row *row = row_of(name);
    bool six = mix_get_u16(in.data + at + 1) == 28;
    size_t count = !row ? 0 : six ? row->six : (row->four[0] != 0) + (size_t)(row->four[1] != 0);
    mix_buf out = {0};
    mix_buf_put(&out, in.data, 2);
    mix_buf_put_u16(&out, row ? 0x8180 : 0x8183);
    mix_buf_put_u16(&out, 1);
    mix_buf_put_u16(&out, (uint16_t)count);
    mix_buf_put_u32(&out, 0);
    mix_buf_put(&out, in.data + 12, at + 5 - 12);
    if (row)
        put_records(&out, row, six);
    far_send_datagram(f, to, from, mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

/* ---- life ---- */

static void on_event(void *user, const mix_tunnel_event *ev) {
    (void)user;
    if (r.s.options.event)
        r.s.options.event(ev);
}

static bool is_ready(void *user) {
    (void)user;
    return world_client_state(&r.s.client) == MIX_TUNNEL_READY;
}

static void begin_hosts(void) {
    const far_near near = {NULL, near_feed, near_drain, near_deadline, near_tick, NULL};
    const far_handlers handlers = {.opened = far_opened,
                                   .received = far_received,
                                   .ended = far_ended,
                                   .gone = far_gone,
                                   .datagram = far_datagram};
    r.s.far = far_new(&(far_options){.delay = MIX_MS(5), .seed = r.s.options.seed}, &near,
                      &handlers, NULL);
    for (size_t i = 0; i < 8 && r.s.options.ports[i] != 0; i++)
        far_listen(r.s.far, r.s.options.ports[i]);
    far_silence(r.s.far, 82);
    far_silence(r.s.far, 446);
    r.ca = identity_make(&(identity_options){.name = "Test CA", .ca = true});
    r.server = identity_make(
        &(identity_options){.name = "server", .names = "DNS:a.test,DNS:six.test", .issuer = &r.ca});
    r.ctx = identity_server(&r.server, &r.ca, "\x02h2\x08http/1.1");
    identity_pem(&r.pem, &r.ca);
}

hosts *hosts_begin(const hosts_options *options) {
    world_config c = {.plan = {.mixes_per_layer = 2, .gateways = 1, .exits = 1},
                      .access = MIX_MS(5),
                      .seed = options->seed,
                      .hop = {.delay = options->hop ? options->hop : MIX_MS(1)}};
    if (r.up) /* of a test that failed */
        hosts_end();
    memset(&r, 0, sizeof r);
    r.s.options = *options;
    r.up = true;
    assert_status(world_init(&r.s.net, &c), MIX_OK);
    r.s.net.internet = to_internet;
    assert_status(mix_tls_begin(&r.s.net.env.env), MIX_OK); /* before OpenSSL is used at all */
    begin_hosts();
    mix_tunnel_config usual = world_tunnel_config(&r.s.net), t = options->tunnel;
    t.directories = usual.directories;
    t.directory_count = usual.directory_count;
    t.roots = (const char *)r.pem.data;
    t.roots_len = r.pem.len;
    t.only_roots = true;
    assert_status(world_client_init(&r.s.client, &r.s.net, &t, options->seed), MIX_OK);
    r.s.client.on_event = on_event;
    assert_status(world_client_start(&r.s.client), MIX_OK);
    assert_true(world_run(&r.s.net, is_ready, NULL, MIX_SECONDS(20)));
    (void)hosts_run(NULL, MIX_SECONDS(1));
    return &r.s;
}

void hosts_end(void) {
    r.up = false;
    far_free(r.s.far);
    world_client_deinit(&r.s.client);
    world_deinit(&r.s.net);
    for (size_t i = 0; i < OUT; i++)
        mix_buf_deinit(&r.out[i]);
    SSL_CTX_free(r.ctx);
    identity_free(&r.server);
    identity_free(&r.ca);
    mix_buf_deinit(&r.pem);
}

mix_tunnel *hosts_tunnel(void) {
    return r.s.client.tunnel;
}

mix_time hosts_now(void) {
    return r.s.net.sim.now;
}

void hosts_turn(void) {
    moved();
}

bool hosts_degraded(void *user) {
    (void)user;
    return strstr(r.s.client.history, "degraded") != NULL;
}

bool hosts_ready_again(void *user) {
    return hosts_degraded(user) && is_ready(user);
}

bool hosts_run(bool (*done)(void *user), mix_time at_most) {
    hosts_turn();
    bool is_done = far_run(r.s.far, done, hosts_now() + at_most);
    sim_run(&r.s.net.sim, far_now(r.s.far)); /* when nothing has happened to the end */
    return is_done;
}
