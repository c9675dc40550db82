/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a gateway may deliver: acknowledgements and messages of any length, among packets on
 * their way. */
#include "base/alloc.h"
#include "mix/errors.h"
#include "testing.h"
#include "traffic/traffic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
    mix_test_env env;
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mix_client_keys keys;
    mix_recipient peer;
} world;

static void make_world(void) {
    mix_test_env_init(&world.env, 1);
    if (mix_crypto_new(&world.crypto) != MIX_OK ||
        mix_sphinx_new(&world.sphinx, world.crypto, &world.env.env) != MIX_OK)
        abort();
    mix_x25519_public(world.peer.encryption, world.keys.encryption_secret);
}

/* Chunks, each behind its length: two bytes. */
static void feed_all(mix_traffic *t, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_time now = 0;
    while (r.in.len > 2) {
        size_t len = mix_read_u16(&r) & 0xfff;
        mix_bytes chunk = mix_read_bytes(&r, len < r.in.len ? len : r.in.len);
        int status = mix_traffic_feed(t, chunk, now += 1000);
        if (status != MIX_OK && status != MIX_BLOCKED && status != MIX_ERR_ACK)
            abort();
        mix_traffic_event ev;
        while (len % 3 == 0 && mix_traffic_next(t, &ev) == MIX_OK) {
            if (ev.kind == MIX_TRAFFIC_DELIVERED && ev.bytes.len <= 48)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const uint8_t fragment[1611] = {0x80};
    if (!world.crypto)
        make_world();
    mix_traffic_config cfg;
    mix_traffic_config_init(&cfg);
    cfg.crypto = world.crypto;
    cfg.sphinx = world.sphinx;
    cfg.keys = &world.keys;
    mix_traffic *t;
    if (mix_traffic_new(&t, &cfg, &world.env.env) != MIX_OK)
        abort();
    mix_traffic_item item = {
        .fragment = MIX_BYTES(fragment), .size = MIX_SIZE_REGULAR, .recipient = &world.peer};
    for (uint8_t i = 1; i <= 4; i++) {
        item.id[4] = i;
        if (mix_traffic_write(t, &item, 0) != MIX_OK)
            abort();
    }
    feed_all(t, mix_bytes_of(data, len));
    mix_traffic_free(t);
    return 0;
}
