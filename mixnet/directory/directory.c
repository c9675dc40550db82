/* SPDX-License-Identifier: Apache-2.0 */
/* A table of paths, and what each answers. */
#include "mixnet/directory/directory.h"

#include "base/alloc.h"
#include "base/text.h"
#include "directory/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

const char *const mixnet_directory_headers[] = {
    "access-control-allow-origin: *",
    "access-control-allow-headers: *",
    "access-control-allow-methods: GET,POST",
    "cache-control: no-store",
    NULL,
};

/* One request being answered. */
typedef struct call {
    const mixnet_network *net;
    mix_crypto *crypto;
    int64_t wall;
    uint32_t epoch, rotation;
    const mixnet_request *request;
    mix_wire_format format;
    mixnet_answer *out;
    mix_buf texts; /* what the structs borrow while they are encoded; of fixed size, so it never moves */
} call;

typedef bool (*chooser)(const mixnet_member *m);
static bool any(const mixnet_member *m) {
    (void)m;
    return true;
}
static bool is_mix(const mixnet_member *m) {
    return m->kind == MIXNET_MIX;
}
static bool is_entry(const mixnet_member *m) {
    return m->kind != MIXNET_MIX; /* an exit is an entry too (§8.3) */
}
static bool is_exit(const mixnet_member *m) {
    return m->kind == MIXNET_EXIT;
}

static int fail(call *c, int status, const char *message) {
    c->out->status = status;
    c->out->content_type = "application/json";
    mix_buf_put_str(&c->out->body, "{\"message\":\"");
    mix_buf_put_str(&c->out->body, message);
    mix_buf_put_str(&c->out->body, "\"}");
    return mix_buf_status(&c->out->body);
}

/* --- what the structs of the wire hold of a member --- */

static int sphinx_public(call *c, const mixnet_member *m, uint32_t rotation, uint8_t out[static MIX_KEY_LEN]) {
    uint8_t secret[MIX_KEY_LEN];
    int status = mixnet_member_sphinx(c->crypto, m, rotation, secret);
    if (status == MIX_OK)
        mix_x25519_public(out, secret);
    mix_wipe(secret, sizeof secret);
    return status;
}

static mix_node_roles roles_of(const mixnet_member *m) {
    return (mix_node_roles){.mixnode = is_mix(m), .entry = is_entry(m), .exit_nr = is_exit(m), .exit_ipr = is_exit(m)};
}

static int skimmed_of(call *c, const mixnet_member *m, mix_skimmed *out) {
    static const mix_skimmed_role roles[] = {
        [MIXNET_MIX] = MIX_SKIMMED_MIXNODE, [MIXNET_GATEWAY] = MIX_SKIMMED_ENTRY, [MIXNET_EXIT] = MIX_SKIMMED_EXIT};
    *out = (mix_skimmed){.id = m->id,
                         .ips = {m->address},
                         .ip_count = 1,
                         .mix_port = m->address.port,
                         .role = roles[m->kind],
                         .layer = m->layer,
                         .supported = roles_of(m),
                         .has_entry = is_entry(m),
                         .ws_port = m->ws_port,
                         .has_wss_port = m->wss_port != 0,
                         .wss_port = m->wss_port,
                         .performance = MIX_PERFORMANCE_ONE};
    out->ips[0].port = 0;
    if (is_entry(m))
        out->hostname = mix_bytes_str(m->hostname);
    memcpy(out->identity, m->identity, MIX_KEY_LEN);
    return sphinx_public(c, m, c->rotation, out->sphinx_key);
}

/* "client.encryption@gateway" of the exit's IP packet router, kept in c->texts. */
static int router_address(call *c, const mixnet_member *m, mix_bytes *out) {
    mixnet_service_keys keys;
    size_t start = c->texts.len;
    int status = mixnet_member_router(c->crypto, m, &keys);
    if (status == MIX_OK)
        status = mix_base58_encode(&c->texts, MIX_BYTES(keys.identity_public));
    mix_buf_put_u8(&c->texts, '.');
    if (status == MIX_OK)
        status = mix_base58_encode(&c->texts, MIX_BYTES(keys.encryption_public));
    mix_buf_put_u8(&c->texts, '@');
    if (status == MIX_OK)
        status = mix_base58_encode(&c->texts, MIX_BYTES(m->identity));
    mix_wipe(&keys, sizeof keys);
    *out = mix_bytes_of(c->texts.data + start, c->texts.len - start);
    return status;
}

static int described_of(call *c, const mixnet_member *m, mix_described *out) {
    static const char *const build[MIX_BUILD_FIELDS] = {
        "lwmix", "2026-01-01T00:00:00.000000000Z", "", "0000000000000000000000000000000000000000", "2026-01-01T00:00:00.000000000Z",
        "main",  "none",                           "c11", "release", "local"};
    *out = (mix_described){.id = m->id,
                           .contract_type = MIX_CONTRACT_NYM_NODE,
                           .last_polled = c->wall,
                           .ips = {m->address},
                           .ip_count = 1,
                           .hostname = mix_bytes_str(m->hostname),
                           .declared = roles_of(m),
                           .current = {.rotation_id = c->rotation},
                           .announced = {.rotation_id = c->rotation + 1},
                           .has_announced = true,
                           .ws_port = m->ws_port,
                           .has_wss_port = m->wss_port != 0,
                           .wss_port = m->wss_port};
    out->ips[0].port = 0;
    memcpy(out->identity, m->identity, MIX_KEY_LEN);
    for (int i = 0; i < MIX_BUILD_FIELDS; i++)
        out->build[i] = mix_bytes_str(i == MIX_BUILD_VERSION ? c->net->version : build[i]);
    int status = sphinx_public(c, m, c->rotation, out->current.key);
    if (status == MIX_OK)
        status = sphinx_public(c, m, c->rotation + 1, out->announced.key);
    memcpy(out->x25519, out->current.key, MIX_KEY_LEN);
    out->has_noise = c->net->noise;
    out->noise_version = MIXNET_NETWORK_NOISE_VERSION;
    if (status == MIX_OK && out->has_noise)
        status = mixnet_member_noise_public(c->crypto, m, out->noise_key);
    return status == MIX_OK && is_exit(m) ? router_address(c, m, &out->ipr_address) : status;
}

/* --- answers --- */

static mix_page page_of(const call *c, size_t count) {
    return (mix_page){.metadata = {.epoch_id = c->epoch, .rotation_id = c->rotation, .refreshed_at = c->wall},
                      .pagination = {.total = count, .page = 0, .size = count}};
}

static int skimmed_list(call *c, chooser choose) {
    mix_skimmed *nodes = mix_alloc_zero(MIXNET_MEMBERS_MAX, sizeof *nodes);
    size_t count = 0;
    int status = nodes ? MIX_OK : MIX_ERR_MEMORY;
    for (size_t i = 0; i < c->net->count && status == MIX_OK; i++) {
        if (choose(&c->net->members[i]))
            status = skimmed_of(c, &c->net->members[i], &nodes[count++]);
    }
    mix_page page = page_of(c, count);
    if (status == MIX_OK)
        status = mix_skimmed_encode(&c->out->body, c->format, &page, nodes, count);
    if (c->format == MIX_WIRE_BINCODE)
        c->out->content_type = "application/bincode";
    mix_free(nodes);
    return status;
}

static int all_nodes(call *c) {
    return skimmed_list(c, any);
}
static int entry_gateways(call *c) {
    return skimmed_list(c, is_entry);
}
static int exit_gateways(call *c) {
    return skimmed_list(c, is_exit);
}
static int mix_nodes(call *c) {
    return skimmed_list(c, is_mix);
}

static int described(call *c) {
    mix_described *nodes = mix_alloc_zero(MIXNET_MEMBERS_MAX, sizeof *nodes);
    int status = nodes ? MIX_OK : MIX_ERR_MEMORY;
    for (size_t i = 0; i < c->net->count && status == MIX_OK; i++)
        status = described_of(c, &c->net->members[i], &nodes[i]);
    mix_pagination pagination = {.total = c->net->count, .page = 0, .size = c->net->count};
    if (status == MIX_OK)
        status = mix_described_encode(&c->out->body, &pagination, nodes, c->net->count);
    mix_free(nodes);
    return status;
}

static int rewarded_set(call *c) {
    static const mix_role layers[] = {MIX_ROLE_LAYER1, MIX_ROLE_LAYER2, MIX_ROLE_LAYER3};
    uint32_t ids[MIX_ROLE_STANDBY + 1][MIXNET_MEMBERS_MAX];
    mix_rewarded r = {.epoch_id = c->epoch};
    for (size_t i = 0; i < c->net->count; i++) {
        const mixnet_member *m = &c->net->members[i];
        mix_role role = is_mix(m) ? layers[m->layer - 1] : is_exit(m) ? MIX_ROLE_EXIT : MIX_ROLE_ENTRY;
        ids[role][r.sets[role].count++] = m->id;
    }
    for (int role = 0; role <= MIX_ROLE_STANDBY; role++)
        r.sets[role].ids = ids[role];
    return mix_rewarded_encode(&c->out->body, &r);
}

static int rotation_info(call *c) {
    mix_rotation_info info = c->net->clock;
    info.epoch_start += (int64_t)(c->epoch - info.epoch) * info.epoch_length; /* of the running epoch */
    info.epoch = c->epoch;
    return mix_rotation_info_encode(&c->out->body, &info);
}

/* What nodes ask for (§13): all nodes, each with its Noise key. */
static int semi_skimmed(call *c) {
    mix_skimmed *nodes = mix_alloc_zero(MIXNET_MEMBERS_MAX, sizeof *nodes);
    int status = nodes ? MIX_OK : MIX_ERR_MEMORY;
    for (size_t i = 0; i < c->net->count && status == MIX_OK; i++) {
        status = skimmed_of(c, &c->net->members[i], &nodes[i]);
        nodes[i].has_noise = c->net->noise;
        nodes[i].noise_version = MIXNET_NETWORK_NOISE_VERSION;
        if (status == MIX_OK && c->net->noise)
            status = mixnet_member_noise_public(c->crypto, &c->net->members[i], nodes[i].noise_key);
    }
    mix_page page = page_of(c, c->net->count);
    if (status == MIX_OK)
        status = mix_semi_skimmed_encode(&c->out->body, &page, nodes, c->net->count);
    mix_free(nodes);
    return status;
}

/* POST {"addresses":["ip",…]}: which node, if any, has each. */
static int by_addresses(call *c) {
    yyjson_doc *doc = c->request->body.len > 0 ? yyjson_read((const char *)c->request->body.data, c->request->body.len, 0) : NULL;
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "addresses"), *item;
    yyjson_mut_doc *answer = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(answer), *existence = yyjson_mut_obj_add_obj(answer, root, "existence");
    size_t i, n, len = 0;
    bool good = yyjson_is_arr(list) && existence;
    yyjson_mut_doc_set_root(answer, root);
    yyjson_arr_foreach(list, i, n, item) {
        mix_address a;
        const char *text = yyjson_get_str(item);
        good = good && text && mix_ip_parse(&a, mix_bytes_str(text)) == MIX_OK;
        if (!good)
            break;
        yyjson_mut_val *id = yyjson_mut_null(answer);
        for (size_t k = 0; k < c->net->count; k++) {
            const mix_address *known = &c->net->members[k].address;
            if (known->family == a.family && memcmp(known->octets, a.octets, sizeof a.octets) == 0)
                id = yyjson_mut_uint(answer, c->net->members[k].id);
        }
        good = yyjson_mut_obj_add(existence, yyjson_mut_strcpy(answer, text), id);
    }
    char *text = good ? yyjson_mut_write(answer, 0, &len) : NULL;
    mix_buf_put(&c->out->body, text, text ? len : 0);
    free(text);
    yyjson_mut_doc_free(answer);
    yyjson_doc_free(doc);
    return good ? mix_buf_status(&c->out->body) : fail(c, 400, "addresses: expected a list of IP addresses");
}

static int nothing(call *c) {
    mix_buf_put_str(&c->out->body, "null");
    return mix_buf_status(&c->out->body);
}

static const struct {
    const char *method, *path;
    int (*answer)(call *c);
} routes[] = {
    {"GET", "v1/epoch/key-rotation-info", rotation_info},
    {"GET", "v1/nym-nodes/rewarded-set", rewarded_set},
    {"GET", "v1/nym-nodes/described", described},
    {"GET", "v2/nym-nodes/described", described},
    {"GET", "v2/unstable/nym-nodes/skimmed", all_nodes},
    {"GET", "v2/unstable/nym-nodes/skimmed/entry-gateways", entry_gateways},
    {"GET", "v2/unstable/nym-nodes/skimmed/exit-gateways", exit_gateways},
    {"GET", "v2/unstable/nym-nodes/skimmed/mixnodes/active", mix_nodes},
    {"GET", "v2/unstable/nym-nodes/skimmed/mixnodes/all", mix_nodes},
    {"GET", "v2/unstable/nym-nodes/semi-skimmed", semi_skimmed},
    {"POST", "v1/unstable/nym-nodes/by-addresses", by_addresses},
    {"POST", "v1/nym-nodes/refresh-described", nothing},
};

/* The value of a parameter, empty when it is not there. */
static mix_bytes parameter(mix_bytes query, const char *name) {
    size_t n = strlen(name);
    while (query.len > 0) {
        const uint8_t *amp = memchr(query.data, '&', query.len);
        size_t len = amp ? (size_t)(amp - query.data) : query.len;
        if (len > n && memcmp(query.data, name, n) == 0 && query.data[n] == '=')
            return mix_bytes_of(query.data + n + 1, len - n - 1);
        query = mix_bytes_slice(query, len + 1, query.len);
    }
    return (mix_bytes){0};
}

/* The path without "/api/" in front and a slash behind; empty when it is not ours. */
static mix_bytes inner_path(mix_bytes path) {
    static const char prefix[] = "/api/";
    size_t n = sizeof prefix - 1;
    if (!mix_bytes_equal(mix_bytes_slice(path, 0, n), mix_bytes_str(prefix)))
        return (mix_bytes){0};
    path = mix_bytes_slice(path, n, path.len);
    if (path.len > 0 && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

static int route(call *c) {
    mix_bytes path = inner_path(c->request->path);
    bool known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!mix_bytes_equal(path, mix_bytes_str(routes[i].path)))
            continue;
        known = true;
        if (mix_bytes_equal(c->request->method, mix_bytes_str(routes[i].method)))
            return routes[i].answer(c);
    }
    return known ? fail(c, 405, "this path does not take that method") : fail(c, 404, "there is nothing at this path");
}

int mixnet_directory_answer(const mixnet_network *net, mix_crypto *crypto, int64_t wall, const mixnet_request *q, mixnet_answer *out) {
    *out = (mixnet_answer){.status = 200, .content_type = "application/json"};
    if (mix_bytes_equal(q->method, mix_bytes_str("OPTIONS"))) { /* also for unknown paths, or the browser hides their 404 */
        out->status = 204;
        out->content_type = NULL;
        return MIX_OK;
    }
    uint8_t *texts = mix_alloc(MIXNET_MEMBERS_MAX * 160);
    if (!texts)
        return MIX_ERR_MEMORY;
    call c = {.net = net, .crypto = crypto, .wall = wall, .request = q, .out = out};
    c.texts = mix_buf_fixed(texts, MIXNET_MEMBERS_MAX * 160);
    c.epoch = mix_rotation_epoch_at(&net->clock, wall);
    c.rotation = mix_rotation_id_at(&net->clock, c.epoch);
    bool bincode = mix_bytes_equal(parameter(q->query, "output"), mix_bytes_str("bincode"));
    c.format = bincode ? MIX_WIRE_BINCODE : MIX_WIRE_JSON;
    int status = route(&c);
    mix_free(texts);
    if (status != MIX_OK)
        mix_buf_deinit(&out->body);
    return status;
}
