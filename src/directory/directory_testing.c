/* SPDX-License-Identifier: Apache-2.0 */
/* The network behind directory_testing.h. */
#include "directory_testing.h"

#include <stdlib.h>

/* Some point of the curve: the first from a start. */
static void point_of(uint8_t out[static MIX_KEY_LEN], uint32_t start) {
    memset(out, 0, MIX_KEY_LEN);
    mix_put_u32(out, start * 1000);
    while (!mix_ed25519_is_point(out))
        mix_put_u32(out, mix_get_u32(out) + 1);
}

static mix_skimmed skimmed_of(uint32_t id) {
    mix_skimmed s = {
        .id = id,
        .ip_count = 1,
        .ips = {{.family = 4, .octets = {10, 0, 0, (uint8_t)id}}},
        .mix_port = (uint16_t)(1000 + id),
        .performance = MIX_PERFORMANCE_ONE,
        .role = MIX_SKIMMED_STANDBY,
    };
    point_of(s.identity, id);
    memset(s.sphinx_key, (int)id, MIX_KEY_LEN);
    return s;
}

static void init_gateway(net *n, size_t i) {
    static const char *const hosts[] = {"g0.test", "g1.test", "g2.test", "g3.test"};
    static const char *const releases[] = {"1.37.0", "1.37.0", "1.31.0", "1.30.0"};
    static const uint64_t percents[] = {100, 100, 90, 60};
    mix_skimmed *s = &n->gateways[i];
    *s = skimmed_of(10 + (uint32_t)i);
    s->performance = percents[i] * (MIX_PERFORMANCE_ONE / 100);
    s->supported = (mix_node_roles){.entry = true, .exit_nr = i > 0, .exit_ipr = i > 0};
    s->has_entry = s->has_wss_port = true;
    s->hostname = mix_bytes_str(hosts[i]);
    s->ws_port = 9000;
    s->wss_port = 443;
    mix_described *d = &n->described[i];
    *d = (mix_described){.id = s->id, .contract_type = MIX_CONTRACT_NYM_NODE, .ws_port = 9000};
    memcpy(d->identity, s->identity, MIX_KEY_LEN);
    d->build[MIX_BUILD_VERSION] = mix_bytes_str(releases[i]);
    if (i > 0) {
        mix_recipient r = {{0}, {1, 2, 3}, {0}};
        point_of(r.identity, 100 + (uint32_t)i);
        memcpy(r.gateway, s->identity, MIX_KEY_LEN);
        mix_buf b = mix_buf_fixed(n->addresses[i], sizeof n->addresses[i]);
        assert_status(mix_recipient_format(&b, &r), MIX_OK);
        d->ipr_address = mix_buf_bytes(&b);
    }
}

void net_init(net *n, uint64_t seed) {
    memset(n, 0, sizeof *n);
    mix_test_env_init(&n->t, seed);
    n->now = MIX_SECONDS(100);
    n->urls[0] = "https://one.test/api/";
    n->url_count = 1;
    n->epoch = 100;
    n->rotation = 4;
    for (uint32_t i = 0; i < NET_MIXNODES; i++)
        n->mixnodes[i] = skimmed_of(1 + i);
    for (size_t i = 0; i < NET_GATEWAYS; i++)
        init_gateway(n, i);
}

int net_open(net *n, const mix_directory_config *changes) {
    mix_directory_config c =
        changes ? *changes : (mix_directory_config){.tls = true, .exits = true};
    c.urls = n->urls;
    c.url_count = n->url_count;
    c.bincode = n->bincode;
    return mix_directory_new(&n->d, &c, &n->t.env, n->now);
}

void net_close(net *n) {
    mix_directory_free(n->d);
    n->d = NULL;
    for (size_t i = 0; i < MIX_REQUESTS; i++)
        mix_buf_deinit(&n->cached[i]);
    mix_buf_deinit(&n->value);
}

static mix_request_kind kind_of(const char *url) {
    static const char *const parts[MIX_REQUESTS] = {
        "rewarded-set", "mixnodes/active", "entry-gateways", "key-rotation-info", "described"};
    for (size_t i = 0; i < MIX_REQUESTS; i++) {
        if (strstr(url, parts[i]))
            return (mix_request_kind)i;
    }
    fail_msg("what is %s?", url);
    return MIX_REQUESTS;
}

static void write_rewarded(net *n, mix_buf *out) {
    uint32_t ids[] = {1, 2, 3, 4, 5, 6, 10, 11, 12, 13};
    mix_rewarded r = {.epoch_id = n->epoch + n->epoch_of[MIX_REQUEST_REWARDED]};
    for (size_t layer = 0; layer < 3; layer++) {
        r.sets[MIX_ROLE_LAYER1 + layer].ids = ids + 2 * layer;
        r.sets[MIX_ROLE_LAYER1 + layer].count = 2;
    }
    r.sets[MIX_ROLE_ENTRY].ids = ids + 6;
    r.sets[MIX_ROLE_ENTRY].count = 1;
    r.sets[MIX_ROLE_EXIT].ids = ids + 7;
    r.sets[MIX_ROLE_EXIT].count = 3;
    assert_status(mix_rewarded_encode(out, &r), MIX_OK);
}

static void write_body(net *n, mix_request_kind kind, uint32_t page, mix_buf *out) {
    size_t count = kind == MIX_REQUEST_MIXNODES ? NET_MIXNODES : NET_GATEWAYS;
    size_t size = n->page_size ? n->page_size : count,
           from = page * size < count ? page * size : count;
    size_t some = count - from < size ? count - from : size;
    mix_page p = {.metadata = {.epoch_id = n->epoch + n->epoch_of[kind],
                               .rotation_id = n->rotation,
                               .refreshed_at = n->now},
                  .pagination = {.total = count + n->total_more, .page = page, .size = some}};
    if (kind == MIX_REQUEST_REWARDED) {
        write_rewarded(n, out);
    } else if (kind == MIX_REQUEST_ROTATION) {
        const mix_rotation_info info = {24, 0, n->epoch, 1795377600000000, 3600000000};
        assert_status(mix_rotation_info_encode(out, &info), MIX_OK);
    } else if (kind == MIX_REQUEST_DESCRIBED) {
        assert_status(mix_described_encode(out, &p.pagination, n->described + from, some), MIX_OK);
    } else {
        const mix_skimmed *nodes = kind == MIX_REQUEST_MIXNODES ? n->mixnodes : n->gateways;
        assert_status(mix_skimmed_encode(out, n->bincode ? MIX_WIRE_BINCODE : MIX_WIRE_JSON, &p,
                                         nodes + from, some),
                      MIX_OK);
    }
}

void net_cache(net *n) {
    for (size_t i = 0; i < MIX_REQUESTS; i++)
        write_body(n, (mix_request_kind)i, 0, &n->cached[i]);
}

static void give(net *n, const mix_directory_answer *whole) {
    mix_directory_answer a = *whole;
    mix_bytes rest = whole->body;
    do {
        size_t size = n->in_pieces ? 1 + (size_t)mix_test_below(&n->t, 300) : rest.len;
        a.body = mix_bytes_slice(rest, 0, size);
        rest = mix_bytes_slice(rest, size, rest.len);
        a.last = rest.len == 0;
        if (mix_directory_feed(n->d, &a, n->now) != MIX_OK)
            return;
    } while (rest.len > 0);
}

static void answer(net *n, const mix_directory_call *call, mix_request_kind kind) {
    manner m = n->manner[kind];
    if (n->times[kind] > 0 && --n->times[kind] == 0)
        n->manner[kind] = WELL;
    const char *page = strstr(call->url, "page=");
    bool list = n->bincode && (kind == MIX_REQUEST_MIXNODES || kind == MIX_REQUEST_GATEWAYS);
    mix_directory_answer a = {.id = call->id, .status = 200};
    a.content_type = mix_bytes_str(list ? "application/bincode" : "application/json");
    mix_buf body = {0};
    if (m == SILENT)
        return;
    if (m == BREAKS) {
        a.failure = "connection refused";
    } else if (m == REFUSES) {
        a.status = n->status[kind];
        mix_buf_put_str(&body, "{\"message\":\"no\tway\"}");
    } else if (m == SAYS) {
        mix_buf_put_str(&body, n->text[kind]);
        a.content_type = (mix_bytes){0};
    } else if (n->cached[kind].len == 0) {
        write_body(n, kind, page ? (uint32_t)strtoul(page + 5, NULL, 10) : 0, &body);
    }
    a.body = mix_buf_bytes(m == WELL && n->cached[kind].len > 0 ? &n->cached[kind] : &body);
    give(n, &a);
    mix_buf_deinit(&body);
}

void net_serve(net *n) {
    mix_directory_call call;
    while (mix_directory_drain(n->d, &call, n->now) == MIX_OK) {
        assert_true(++n->all_calls < NET_CALLS); /* it ends */
        assert_true(call.id != 0);
        if (call.cancel) {
            n->cancels++;
            n->cancelled = call.id;
            continue;
        }
        mix_request_kind kind = kind_of(call.url);
        n->calls[kind]++;
        n->last_id[kind] = call.id;
        n->last_accept[kind] = call.accept;
        snprintf(n->last_url[kind], sizeof n->last_url[kind], "%s", call.url);
        answer(n, &call, kind);
    }
}

void net_pull(net *n) {
    mix_directory_event ev;
    n->events = n->topologies = n->exits = n->failures = n->losses = n->stores = 0;
    while (mix_directory_next(n->d, &ev) == MIX_OK) {
        assert_true(++n->events < 100);
        n->topologies += ev.kind == MIX_DIRECTORY_TOPOLOGY;
        n->exits += ev.kind == MIX_DIRECTORY_EXITS;
        n->failures += ev.kind == MIX_DIRECTORY_FAILED;
        n->losses += ev.kind == MIX_DIRECTORY_LOST;
        n->stores += ev.kind == MIX_DIRECTORY_STORE;
        if (ev.kind == MIX_DIRECTORY_FAILED)
            n->failed = ev;
        if (ev.kind == MIX_DIRECTORY_STORE) {
            mix_buf_truncate(&n->value, 0);
            mix_buf_put_bytes(&n->value, ev.value);
        }
        if (ev.kind == MIX_DIRECTORY_TOPOLOGY || ev.kind == MIX_DIRECTORY_LOST)
            n->topology = ev.topology;
    }
}

void net_run(net *n) {
    net_serve(n);
    net_pull(n);
}

bool net_step(net *n, mix_time until) {
    mix_time at = mix_directory_deadline(n->d);
    if (at > until)
        return false;
    n->now = at > n->now ? at : n->now;
    assert_status(mix_directory_tick(n->d, n->now), MIX_OK);
    net_serve(n);
    return true;
}

void net_until(net *n, mix_time until) {
    size_t steps = 0;
    while (net_step(n, until))
        assert_true(++steps < 10000);
    n->now = until;
}

int net_answer(net *n, uint64_t id, int status, const char *body) {
    const mix_directory_answer a = {
        .id = id, .status = status, .body = mix_bytes_str(body), .last = true};
    return mix_directory_feed(n->d, &a, n->now);
}
