/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes are kept, their URLs, and the joining of lists and roles. */
#include "directory/snapshot.h"

#include "base/alloc.h"
#include "directory/release.h"

#include <stdio.h>
#include <stdlib.h>

/* Room for one more of size bytes; NULL when there is no memory. */
static void *grow(void *items, size_t count, size_t *cap, size_t size) {
    if (count < *cap)
        return items;
    size_t more = *cap == 0 ? 32 : *cap * 2;
    void *bigger = mix_realloc(items, more * size);
    if (bigger)
        *cap = more;
    return bigger;
}

void mix_kept_deinit(mix_kept_list *l) {
    mix_free(l->nodes);
    mix_buf_deinit(&l->texts);
    *l = (mix_kept_list){0};
}

/* Letters, digits, '-' and '.', as in names of hosts: what an operator writes must not become
 * another part of a URL. */
static bool is_hostname(mix_bytes name) {
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i], letter = c | 0x20;
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
            return false;
    }
    return name.len > 0 && name.len <= MIX_HOSTNAME_MAX && name.data[0] != '.' &&
           name.data[0] != '-';
}

int mix_kept_add(mix_kept_list *l, const mix_skimmed *node) {
    if (l->seen == MIX_LIST_NODES_MAX)
        return MIX_ERR_DIRECTORY_SIZE;
    l->seen++;
    uint32_t percent = mix_performance_percent(node->performance);
    if (percent < MIX_PERCENT_LEAST || node->ip_count == 0)
        return MIX_OK;
    mix_kept_node *nodes = grow(l->nodes, l->count, &l->cap, sizeof *nodes);
    if (!nodes)
        return MIX_ERR_MEMORY;
    l->nodes = nodes;
    mix_kept_node k = {
        .id = node->id,
        .ip_count = (uint8_t)(node->ip_count < MIX_KEPT_IPS ? node->ip_count : MIX_KEPT_IPS),
        .percent = (uint8_t)percent,
        .exit_ipr = node->supported.exit_ipr,
        .has_entry = node->has_entry,
        .has_wss_port = node->has_wss_port,
        .mix_port = node->mix_port,
        .ws_port = node->ws_port,
        .wss_port = node->wss_port,
        .hostname = (uint32_t)l->texts.len,
    };
    memcpy(k.identity, node->identity, MIX_KEY_LEN);
    memcpy(k.sphinx_key, node->sphinx_key, MIX_KEY_LEN);
    memcpy(k.ips, node->ips, k.ip_count * sizeof *k.ips);
    if (is_hostname(node->hostname)) {
        k.hostname_len = (uint8_t)node->hostname.len;
        mix_buf_put_bytes(&l->texts, node->hostname);
        if (l->texts.failed)
            return MIX_ERR_MEMORY;
    }
    l->nodes[l->count++] = k;
    return MIX_OK;
}

const mix_kept_node *mix_kept_find(const mix_kept_list *l,
                                   const uint8_t identity[static MIX_KEY_LEN]) {
    for (size_t i = 0; i < l->count; i++) {
        if (memcmp(l->nodes[i].identity, identity, MIX_KEY_LEN) == 0)
            return &l->nodes[i];
    }
    return NULL;
}

bool mix_kept_url(char out[static MIX_URL_MAX], const mix_kept_list *l, const mix_kept_node *node,
                  bool tls, size_t which) {
    char host[MIX_HOSTNAME_MAX + 1], ip[MIX_ADDRESS_TEXT];
    bool named = node->hostname_len > 0;
    if (!node->has_entry || (tls && (!node->has_wss_port || !named || which > 0)))
        return false;
    if (named && which == 0) {
        snprintf(host, sizeof host, "%.*s", node->hostname_len,
                 (const char *)l->texts.data + node->hostname);
    } else {
        if (which - named >= node->ip_count)
            return false;
        const mix_address *a = &node->ips[which - named];
        mix_ip_format(ip, a);
        snprintf(host, sizeof host, a->family == 6 ? "[%s]" : "%s", ip);
    }
    uint16_t port = tls ? node->wss_port : node->ws_port;
    char suffix[8] = "";
    if (port != (tls ? 443 : 80))
        snprintf(suffix, sizeof suffix, ":%u", port);
    snprintf(out, MIX_URL_MAX, "%s://%s%s/", tls ? "wss" : "ws", host, suffix);
    return true;
}

/* Roles by id, and nodes by id: sorted, the first of equal ids counts. */
typedef struct by_id {
    uint32_t id;
    uint32_t order;
    mix_role role;
    const mix_kept_node *node;
} by_id;

static int compare_ids(const void *left, const void *right) {
    const by_id *a = left, *b = right;
    return a->id != b->id        ? (a->id < b->id ? -1 : 1)
           : a->order < b->order ? -1
                                 : a->order > b->order;
}

static size_t sort_ids(by_id *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        rows[i].order = (uint32_t)i;
    qsort(rows, count, sizeof *rows, compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || rows[kept - 1].id != rows[i].id)
            rows[kept++] = rows[i];
    }
    return kept;
}

static size_t list_roles(by_id *rows, const mix_rewarded *rewarded) {
    size_t n = 0;
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++) {
        for (size_t i = 0; i < rewarded->sets[role].count; i++)
            rows[n++] = (by_id){.id = rewarded->sets[role].ids[i], .role = (mix_role)role};
    }
    return sort_ids(rows, n);
}

/* The last one of an id counts: gateways before mix nodes, each list from its end (§8). */
static size_t list_nodes(by_id *rows, const mix_kept_list *mixnodes,
                         const mix_kept_list *gateways) {
    size_t n = 0;
    for (size_t i = gateways->count; i-- > 0;)
        rows[n++] = (by_id){.id = gateways->nodes[i].id, .node = &gateways->nodes[i]};
    for (size_t i = mixnodes->count; i-- > 0;)
        rows[n++] = (by_id){.id = mixnodes->nodes[i].id, .node = &mixnodes->nodes[i]};
    return sort_ids(rows, n);
}

static void join(mix_node *out, const by_id *nodes, size_t node_count, const by_id *roles,
                 size_t role_count) {
    size_t r = 0;
    for (size_t i = 0; i < node_count; i++) {
        const mix_kept_node *k = nodes[i].node;
        while (r < role_count && roles[r].id < nodes[i].id)
            r++;
        mix_address address = k->ips[0];
        address.port = k->mix_port;
        out[i] = (mix_node){.id = k->id};
        out[i].role = r < role_count && roles[r].id == k->id ? roles[r].role : MIX_ROLE_NONE;
        memcpy(out[i].identity, k->identity, MIX_KEY_LEN);
        memcpy(out[i].sphinx_key, k->sphinx_key, MIX_KEY_LEN);
        mix_address_pad(out[i].address, MIX_NODE_ADDRESS_LEN, &address);
    }
}

static int sufficient(const mix_topology *t, const mix_rewarded *rewarded, mix_error *e) {
    for (int i = 0; i < MIX_LAYERS; i++) {
        if (t->layer_count[i] == 0)
            return mix_error_note(e, MIX_ERR_DIRECTORY_INSUFFICIENT, "directory", i + 1,
                                  "no usable node in layer %d (%zu known nodes)", i + 1, t->count);
    }
    if (rewarded->sets[MIX_ROLE_ENTRY].count + rewarded->sets[MIX_ROLE_EXIT].count == 0)
        return mix_error_note(e, MIX_ERR_DIRECTORY_INSUFFICIENT, "directory", 0,
                              "the rewarded set names no gateway");
    return MIX_OK;
}

int mix_snapshot_topology(mix_topology **out, const mix_kept_list *mixnodes,
                          const mix_kept_list *gateways, const mix_rewarded *rewarded,
                          const mix_page_metadata *metadata, mix_error *e) {
    size_t node_count = mixnodes->count + gateways->count, role_count = 0;
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++)
        role_count += rewarded->sets[role].count;
    by_id *rows = mix_alloc_zero(node_count + role_count + 1, sizeof *rows);
    mix_node *nodes = mix_alloc_zero(node_count + 1, sizeof *nodes);
    mix_topology *t = NULL;
    int status = MIX_ERR_MEMORY;
    if (rows && nodes) {
        by_id *roles = rows + node_count;
        node_count = list_nodes(rows, mixnodes, gateways);
        role_count = list_roles(roles, rewarded);
        join(nodes, rows, node_count, roles, role_count);
        status = mix_topology_new(&t, nodes, node_count, metadata->rotation_id, metadata->epoch_id);
    }
    mix_free(rows);
    mix_free(nodes);
    if (status != MIX_OK)
        return mix_error_note(e, status, "directory", 0, "topology: no memory");
    t->refreshed_at = metadata->refreshed_at;
    status = sufficient(t, rewarded, e);
    if (status == MIX_OK)
        *out = t;
    else
        mix_topology_free(t);
    return status;
}

void mix_kept_exits_deinit(mix_kept_exits *l) {
    mix_free(l->exits);
    *l = (mix_kept_exits){0};
}

static int keep_exit(mix_kept_exits *l, const mix_kept_exit *exit) {
    mix_kept_exit *exits = grow(l->exits, l->count, &l->cap, sizeof *exits);
    if (!exits)
        return MIX_ERR_MEMORY;
    l->exits = exits;
    l->exits[l->count++] = *exit;
    return MIX_OK;
}

int mix_kept_exits_put(mix_kept_exits *l, const mix_kept_exit *exit) {
    if (l->seen == MIX_LIST_NODES_MAX)
        return MIX_ERR_DIRECTORY_SIZE;
    l->seen++;
    return keep_exit(l, exit);
}

int mix_kept_exits_add(mix_kept_exits *l, const mix_described *node) {
    if (l->seen == MIX_LIST_NODES_MAX)
        return MIX_ERR_DIRECTORY_SIZE;
    l->seen++;
    mix_bytes release = node->build[MIX_BUILD_VERSION];
    mix_kept_exit x = {.ipr_version = mix_release_ipr_version(release)};
    if (x.ipr_version == 0 || mix_recipient_parse(&x.address, node->ipr_address) != MIX_OK ||
        memcmp(x.address.gateway, node->identity, MIX_KEY_LEN) != 0)
        return MIX_OK;
    memcpy(x.identity, node->identity, MIX_KEY_LEN);
    snprintf(x.release, sizeof x.release, "%.*s",
             (int)(release.len < MIX_RELEASE_MAX ? release.len : MIX_RELEASE_MAX),
             (const char *)release.data);
    return keep_exit(l, &x);
}

const mix_kept_exit *mix_kept_exits_find(const mix_kept_exits *l,
                                         const uint8_t identity[static MIX_KEY_LEN]) {
    for (size_t i = 0; i < l->count; i++) {
        if (memcmp(l->exits[i].identity, identity, MIX_KEY_LEN) == 0)
            return &l->exits[i];
    }
    return NULL;
}
