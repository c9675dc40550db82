/* SPDX-License-Identifier: Apache-2.0 */
/* The engine driven by bytes: good, damaged and invented answers in any order, time, choices.
 * Memory stays below its bound, it never spins, and once the directory answers well it always gets
 * back to a topology. */
#include "alloc_fail.h"
#include "directory_testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BOUND = 8 << 20 };

static void must(bool holds) {
    if (!holds)
        abort();
}

static void answer(net *n, mix_reader *in, int how) {
    mix_request_kind kind = (mix_request_kind)(mix_read_u8(in) % MIX_REQUESTS);
    static const int statuses[] = {200, 200, 200, 206, 302, 404, 503, 0};
    mix_directory_answer a = {.id = n->last_id[kind], .status = 200, .last = true};
    mix_buf body = {0};
    if (how == 0) { /* well, but for a few bytes */
        mix_buf_put_bytes(&body, mix_buf_bytes(&n->cached[kind]));
        for (uint8_t k = mix_read_u8(in) % 4; k > 0; k--)
            body.data[mix_read_u16(in) % body.len] = mix_read_u8(in);
        a.body = mix_buf_bytes(&body);
    } else if (how == 1) { /* invented, perhaps only a piece */
        uint8_t form = mix_read_u8(in);
        a.status = statuses[form & 7];
        a.last = form & 8;
        a.content_type = mix_bytes_str(form & 16 ? "application/bincode" : "application/json");
        a.body = mix_read_bytes(in, mix_read_u8(in));
    } else {
        a.failure = "broken";
    }
    (void)mix_directory_feed(n->d, &a, n->now);
    mix_buf_deinit(&body);
}

static void choose(net *n, mix_reader *in) {
    mix_entry e[4];
    mix_exit x[4];
    size_t count = 0;
    const uint8_t *gateway = n->gateways[mix_read_u8(in) % NET_GATEWAYS].identity;
    if (mix_directory_entries(n->d, e, 4, &count, NULL, n->now) == MIX_OK)
        must(count > 0 && count <= 4);
    if (mix_directory_exits(n->d, gateway, x, 4, &count, NULL, n->now) == MIX_OK)
        must(count > 0 && count <= 4);
    mix_directory_exit_failed(n->d, gateway, n->now);
    mix_directory_entry_failed(n->d, gateway, n->now);
    const mix_node *route[MIX_LAYERS + 1];
    if (n->topology)
        (void)mix_topology_route(n->topology, &n->t.env, gateway, route);
}

static void step(net *n, mix_reader *in) {
    switch (mix_read_u8(in) % 8) {
    case 0:
    case 1:
        answer(n, in, 0);
        break;
    case 2:
    case 3:
        answer(n, in, 1);
        break;
    case 4:
        answer(n, in, 2);
        break;
    case 5:
        n->now += (mix_time)mix_read_u16(in) * 20000;
        (void)mix_directory_tick(n->d, n->now);
        must(mix_directory_deadline(n->d) > n->now);
        break;
    case 6:
        choose(n, in);
        break;
    default:
        mix_directory_refresh(n->d, n->now);
        mix_directory_ask_exits(n->d, n->now);
    }
    net_serve(n); /* all are silent: this only learns the ids */
    net_pull(n);
    must(mix_alloc_live_bytes() < MEMORY_BOUND && mix_alloc_peak_bytes() < MEMORY_BOUND);
}

/* Made once: searching for keys and writing bodies would be most of the work. */
static void net_copy(net *n) {
    static net model;
    if (model.url_count == 0) {
        net_init(&model, 1);
        model.urls[1] = "https://two.test/";
        model.url_count = 2;
        net_cache(&model);
    }
    *n = model;
    mix_test_env_init(&n->t, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    net n;
    mix_reader in = {.in = mix_bytes_of(data, size)};
    net_copy(&n);
    n.url_count = 1 + mix_read_u8(&in) % 2;
    size_t live = mix_alloc_live();
    mix_alloc_fail_at(0, 0);
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = SILENT;
    must(net_open(&n, NULL) == MIX_OK);
    net_run(&n);
    for (int steps = 0; in.in.len > 0 && steps < 200; steps++)
        step(&n, &in);
    for (int i = 0; i < MIX_REQUESTS; i++)
        n.manner[i] = WELL;
    uint64_t before = n.topology ? n.topology->serial : 0;
    net_until(&n, n.now + MIX_SECONDS(1000));
    net_pull(&n);
    must(n.topology && n.topology->serial > before);
    must(n.topology->count == NET_MIXNODES + NET_GATEWAYS);
    mix_directory_free(n.d);
    must(mix_alloc_live() == live);
    return 0;
}
