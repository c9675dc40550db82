/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON forms of 4-directory.md §3 and §4, in both directions. Each reading function has its
 * writing one beside it. */
#include "directory/wire_json.h"

#include "base/alloc.h"
#include "directory/wire_text.h"

/* Calls of the readers below go on after a failure: getters give zeros then, and the fault holds
 * the first one. */

static void read_key(uint8_t out[static MIX_KEY_LEN], const mix_json *object, const char *key,
                     bool identity) {
    mix_json m = mix_json_optional(object, key);
    mix_bytes text = m.value && yyjson_is_str(m.value) ? mix_json_as_text(&m) : (mix_bytes){0};
    if (!(identity ? mix_identity_parse : mix_key_parse)(out, text))
        mix_json_wrong(&m, identity ? "an Ed25519 key (base58 of 32 bytes, a point of the curve)"
                                    : "a key (base58 of 32 bytes)");
}

static void write_key(mix_json_writer *w, const char *name, const uint8_t key[static MIX_KEY_LEN]) {
    char text[MIX_KEY_TEXT];
    mix_key_format(text, key);
    mix_json_put_str(w, name, text);
}

static size_t read_ips(mix_address ips[static MIX_NODE_IPS], const mix_json *object,
                       const char *key) {
    mix_json array = mix_json_array(object, key);
    size_t kept = 0, index, max;
    yyjson_val *value;
    yyjson_arr_foreach(array.value, index, max, value) {
        mix_json at = mix_json_element(&array, index, value);
        mix_bytes text = yyjson_is_str(value) ? mix_json_as_text(&at) : (mix_bytes){0};
        mix_address ip;
        if (mix_ip_parse(&ip, text) != MIX_OK)
            mix_json_wrong(&at, "an IP address");
        else if (kept < MIX_NODE_IPS)
            ips[kept++] = ip;
    }
    return kept;
}

static void write_ips(mix_json_writer *w, const char *key, const mix_address *ips, size_t count) {
    mix_json_open(w, key, '[');
    for (size_t i = 0; i < count; i++) {
        char text[MIX_ADDRESS_TEXT];
        mix_ip_format(text, &ips[i]);
        mix_json_put_str(w, NULL, text);
    }
    mix_json_close(w, ']');
}

/* Lenient: a text, of any form. */
static int64_t read_time(const mix_json *object, const char *key) {
    return mix_time_parse_lenient(mix_json_text(object, key));
}

static void write_time(mix_json_writer *w, const char *key, int64_t time) {
    char text[MIX_TIME_TEXT];
    mix_time_format_human(text, time);
    mix_json_put_str(w, key, text);
}

static int64_t read_time_strict(const mix_json *object, const char *key) {
    mix_json m = mix_json_optional(object, key);
    mix_bytes text = m.value && yyjson_is_str(m.value) ? mix_json_as_text(&m) : (mix_bytes){0};
    int64_t time = 0;
    if (!mix_time_parse_strict(&time, text))
        mix_json_wrong(&m, "a time as RFC 3339 writes it");
    return time;
}

static void write_time_strict(mix_json_writer *w, const char *key, int64_t time) {
    char text[MIX_TIME_TEXT];
    mix_time_format_strict(text, time);
    mix_json_put_str(w, key, text);
}

/* The one object in which unknown keys are an error (§3.2). */
static void read_duration(const mix_json *object, const char *key, uint64_t *seconds,
                          uint32_t *nanos) {
    mix_json d = mix_json_object(object, key);
    *seconds = mix_json_uint(&d, "secs", UINT64_MAX);
    *nanos = mix_json_u32(&d, "nanos");
    if (d.value && yyjson_obj_size(d.value) != 2)
        mix_json_wrong(&d, "secs and nanos only");
}

static void write_duration(mix_json_writer *w, const char *key, uint64_t seconds, uint32_t nanos) {
    mix_json_open(w, key, '{');
    mix_json_put_uint(w, "secs", seconds);
    mix_json_put_uint(w, "nanos", nanos);
    mix_json_close(w, '}');
}

/* Optional, but whole if it is there. */
static mix_node_roles read_roles(const mix_json *object, const char *key) {
    mix_json r = mix_json_optional(object, key);
    if (!r.value)
        return (mix_node_roles){0};
    r = mix_json_object(object, key);
    return (mix_node_roles){
        .mixnode = mix_json_bool(&r, "mixnode"),
        .entry = mix_json_bool(&r, "entry"),
        .exit_nr = mix_json_bool(&r, "exit_nr"),
        .exit_ipr = mix_json_bool(&r, "exit_ipr"),
    };
}

static void write_roles(mix_json_writer *w, const char *key, mix_node_roles roles) {
    mix_json_open(w, key, '{');
    mix_json_put_bool(w, "mixnode", roles.mixnode);
    mix_json_put_bool(w, "entry", roles.entry);
    mix_json_put_bool(w, "exit_nr", roles.exit_nr);
    mix_json_put_bool(w, "exit_ipr", roles.exit_ipr);
    mix_json_close(w, '}');
}

static void write_text_or_null(mix_json_writer *w, const char *key, mix_bytes text) {
    if (text.len > 0)
        mix_json_put_text(w, key, text);
    else
        mix_json_put_null(w, key);
}

static void write_port_or_null(mix_json_writer *w, const char *key, bool has, uint16_t port) {
    if (has)
        mix_json_put_uint(w, key, port);
    else
        mix_json_put_null(w, key);
}

/* §3.4 */

static void read_status(mix_page_metadata *m, const mix_json *object) {
    mix_json status = mix_json_optional(object, "status");
    if (!status.value)
        return;
    if (yyjson_equals_str(status.value, "no-updates")) {
        m->status = MIX_PAGE_NO_UPDATES;
        return;
    }
    if (!yyjson_is_obj(status.value)) {
        mix_json_wrong(&status, "null, \"no-updates\" or {\"fresh\": …}");
        return;
    }
    mix_json fresh = mix_json_object(&status, "fresh");
    m->status = MIX_PAGE_FRESH;
    m->fresh = (mix_interval){
        .id = mix_json_u32(&fresh, "id"),
        .epochs_in_interval = mix_json_u32(&fresh, "epochs_in_interval"),
        .current_epoch_start = read_time_strict(&fresh, "current_epoch_start"),
        .current_epoch_id = mix_json_u32(&fresh, "current_epoch_id"),
        .total_elapsed_epochs = mix_json_u32(&fresh, "total_elapsed_epochs"),
    };
    read_duration(&fresh, "epoch_length", &m->fresh.epoch_seconds, &m->fresh.epoch_nanos);
}

static void write_status(mix_json_writer *w, const mix_page_metadata *m) {
    if (m->status == MIX_PAGE_NONE) {
        mix_json_put_null(w, "status");
    } else if (m->status == MIX_PAGE_NO_UPDATES) {
        mix_json_put_str(w, "status", "no-updates");
    } else {
        mix_json_open(w, "status", '{');
        mix_json_open(w, "fresh", '{');
        mix_json_put_uint(w, "id", m->fresh.id);
        mix_json_put_uint(w, "epochs_in_interval", m->fresh.epochs_in_interval);
        write_time_strict(w, "current_epoch_start", m->fresh.current_epoch_start);
        mix_json_put_uint(w, "current_epoch_id", m->fresh.current_epoch_id);
        write_duration(w, "epoch_length", m->fresh.epoch_seconds, m->fresh.epoch_nanos);
        mix_json_put_uint(w, "total_elapsed_epochs", m->fresh.total_elapsed_epochs);
        mix_json_close(w, '}');
        mix_json_close(w, '}');
    }
}

void mix_json_read_metadata(mix_page_metadata *m, const mix_json *object) {
    *m = (mix_page_metadata){0};
    read_status(m, object);
    m->epoch_id = mix_json_u32(object, "absolute_epoch_id");
    m->rotation_id = mix_json_u32(object, "rotation_id");
    m->refreshed_at = read_time(object, "refreshed_at");
}

static void write_metadata(mix_json_writer *w, const mix_page_metadata *m) {
    mix_json_open(w, "metadata", '{');
    write_status(w, m);
    mix_json_put_uint(w, "absolute_epoch_id", m->epoch_id);
    mix_json_put_uint(w, "rotation_id", m->rotation_id);
    write_time(w, "refreshed_at", m->refreshed_at);
    mix_json_close(w, '}');
}

void mix_json_read_pagination(mix_pagination *p, const mix_json *object) {
    *p = (mix_pagination){
        .total = mix_json_uint(object, "total", UINT64_MAX),
        .page = mix_json_uint(object, "page", UINT64_MAX),
        .size = mix_json_uint(object, "size", UINT64_MAX),
    };
}

static void write_pagination(mix_json_writer *w, const mix_pagination *p) {
    mix_json_open(w, "pagination", '{');
    mix_json_put_uint(w, "total", p->total);
    mix_json_put_uint(w, "page", p->page);
    mix_json_put_uint(w, "size", p->size);
    mix_json_close(w, '}');
}

/* §4.1 */

static const struct {
    const char *name;
    mix_skimmed_role role;
} role_names[] = {
    {"EntryGateway", MIX_SKIMMED_ENTRY}, /* the name that is written */
    {"ExitGateway", MIX_SKIMMED_EXIT},   {"Standby", MIX_SKIMMED_STANDBY},
    {"Inactive", MIX_SKIMMED_INACTIVE},  {"entry", MIX_SKIMMED_ENTRY},
    {"gateway", MIX_SKIMMED_ENTRY},      {"exit", MIX_SKIMMED_EXIT},
};

static void read_role(mix_skimmed *node, const mix_json *object) {
    mix_json role = mix_json_optional(object, "role");
    mix_json other = mix_json_optional(object, "epoch_role");
    if (!role.value && other.value)
        role = other;
    for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++) {
        if (yyjson_equals_str(role.value, role_names[i].name)) {
            node->role = role_names[i].role;
            return;
        }
    }
    if (!yyjson_is_obj(role.value)) {
        mix_json_wrong(&role, "{\"Mixnode\": {\"layer\": …}} or the name of a role");
        return;
    }
    mix_json mixnode = mix_json_object(&role, "Mixnode");
    node->role = MIX_SKIMMED_MIXNODE;
    node->layer = (uint8_t)mix_json_uint(&mixnode, "layer", UINT8_MAX);
}

static void write_role(mix_json_writer *w, const mix_skimmed *node) {
    if (node->role == MIX_SKIMMED_MIXNODE) {
        mix_json_open(w, "role", '{');
        mix_json_open(w, "Mixnode", '{');
        mix_json_put_uint(w, "layer", node->layer);
        mix_json_close(w, '}');
        mix_json_close(w, '}');
    } else {
        mix_json_put_str(w, "role", role_names[node->role - MIX_SKIMMED_ENTRY].name);
    }
}

static void read_entry(mix_skimmed *node, const mix_json *object) {
    mix_json entry = mix_json_optional(object, "entry");
    if (!entry.value)
        return;
    entry = mix_json_object(object, "entry");
    node->has_entry = true;
    node->hostname = mix_json_optional_text(&entry, "hostname");
    node->ws_port = mix_json_u16(&entry, "ws_port");
    node->has_wss_port = mix_json_optional_u16(&entry, "wss_port", &node->wss_port);
}

static void write_entry(mix_json_writer *w, const mix_skimmed *node) {
    if (!node->has_entry) {
        mix_json_put_null(w, "entry");
        return;
    }
    mix_json_open(w, "entry", '{');
    write_text_or_null(w, "hostname", node->hostname);
    mix_json_put_uint(w, "ws_port", node->ws_port);
    write_port_or_null(w, "wss_port", node->has_wss_port, node->wss_port);
    mix_json_close(w, '}');
}

void mix_json_read_skimmed(mix_skimmed *node, const mix_json *object) {
    *node = (mix_skimmed){.id = mix_json_u32(object, "node_id")};
    read_key(node->identity, object, "ed25519_identity_pubkey", true);
    node->ip_count = read_ips(node->ips, object, "ip_addresses");
    node->mix_port = mix_json_u16(object, "mix_port");
    read_key(node->sphinx_key, object, "x25519_sphinx_pubkey", false);
    read_role(node, object);
    node->supported = read_roles(object, "supported_roles");
    read_entry(node, object);
    mix_json p = mix_json_optional(object, "performance");
    mix_bytes text = p.value && yyjson_is_str(p.value) ? mix_json_as_text(&p) : (mix_bytes){0};
    if (!mix_performance_parse(&node->performance, text))
        mix_json_wrong(&p, "a text with a decimal from 0 to 1");
}

static void write_skimmed(mix_json_writer *w, const char *key, const mix_skimmed *node) {
    mix_json_open(w, key, '{');
    mix_json_put_uint(w, "node_id", node->id);
    write_key(w, "ed25519_identity_pubkey", node->identity);
    write_ips(w, "ip_addresses", node->ips, node->ip_count);
    mix_json_put_uint(w, "mix_port", node->mix_port);
    write_key(w, "x25519_sphinx_pubkey", node->sphinx_key);
    write_role(w, node);
    write_roles(w, "supported_roles", node->supported);
    write_entry(w, node);
    char text[MIX_PERFORMANCE_TEXT];
    mix_performance_format(text, node->performance);
    mix_json_put_str(w, "performance", text);
    mix_json_close(w, '}');
}

static int written(mix_buf *out, size_t mark) {
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* A Noise key; NULL for none. */
static void write_noise(mix_json_writer *w, const char *name, const uint8_t *key, uint8_t version) {
    if (!key) {
        mix_json_put_null(w, name);
        return;
    }
    mix_json_open(w, name, '{');
    mix_json_put_uint(w, "supported_version", version);
    write_key(w, "x25519_pubkey", key);
    mix_json_close(w, '}');
}

static int write_page(mix_buf *out, const mix_page *page, const mix_skimmed *nodes, size_t count,
                      bool semi) {
    mix_json_writer w = {.out = out};
    size_t mark = out->len;
    mix_json_open(&w, NULL, '{');
    write_metadata(&w, &page->metadata);
    mix_json_open(&w, "nodes", '{');
    write_pagination(&w, &page->pagination);
    mix_json_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++) {
        if (semi)
            mix_json_open(&w, NULL, '{');
        write_skimmed(&w, semi ? "basic" : NULL, &nodes[i]);
        if (semi) {
            write_noise(&w, "x25519_noise_versioned_key",
                        nodes[i].has_noise ? nodes[i].noise_key : NULL, nodes[i].noise_version);
            mix_json_close(&w, '}');
        }
    }
    mix_json_close(&w, ']');
    mix_json_close(&w, '}');
    mix_json_close(&w, '}');
    return written(out, mark);
}

int mix_json_write_skimmed_page(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                                size_t count) {
    return write_page(out, page, nodes, count, false);
}

int mix_semi_skimmed_encode(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                            size_t count) {
    return write_page(out, page, nodes, count, true);
}

/* §4.4 */

static const char *const contract_names[] = {"legacy_mixnode", "legacy_gateway",
                                             "nym_node"}; /* by mix_contract_type */
static const char *const build_names[MIX_BUILD_FIELDS] = {
    "binary_name",   "build_timestamp", "build_version", "commit_sha",    "commit_timestamp",
    "commit_branch", "rustc_version",   "rustc_channel", "cargo_profile", "cargo_triple",
};

static void read_contract_type(mix_described *node, const mix_json *object) {
    mix_json type = mix_json_optional(object, "contract_node_type");
    for (size_t i = 0; i < sizeof contract_names / sizeof *contract_names; i++) {
        if (yyjson_equals_str(type.value, contract_names[i])) {
            node->contract_type = (mix_contract_type)i;
            return;
        }
    }
    mix_json_wrong(&type, "\"nym_node\", \"legacy_mixnode\" or \"legacy_gateway\"");
}

static void read_versioned_key(mix_versioned_key *out, const mix_json *object, const char *key) {
    mix_json m = mix_json_object(object, key);
    out->rotation_id = mix_json_u32(&m, "rotation_id");
    read_key(out->key, &m, "public_key", false);
}

static void write_versioned_key(mix_json_writer *w, const char *name,
                                const mix_versioned_key *key) {
    mix_json_open(w, name, '{');
    mix_json_put_uint(w, "rotation_id", key->rotation_id);
    write_key(w, "public_key", key->key);
    mix_json_close(w, '}');
}

static void read_keys(mix_described *node, const mix_json *host) {
    mix_json keys = mix_json_object(host, "keys");
    read_key(node->identity, &keys, "ed25519", true);
    read_key(node->x25519, &keys, "x25519", false);
    read_versioned_key(&node->current, &keys, "current_x25519_sphinx_key");
    node->has_announced = mix_json_optional(&keys, "pre_announced_x25519_sphinx_key").value != NULL;
    if (node->has_announced)
        read_versioned_key(&node->announced, &keys, "pre_announced_x25519_sphinx_key");
    node->has_noise = mix_json_optional(&keys, "x25519_versioned_noise").value != NULL;
    if (node->has_noise) {
        mix_json noise = mix_json_object(&keys, "x25519_versioned_noise");
        node->noise_version = (uint8_t)mix_json_uint(&noise, "supported_version", UINT8_MAX);
        read_key(node->noise_key, &noise, "x25519_pubkey", false);
    }
}

static void write_keys(mix_json_writer *w, const mix_described *node) {
    mix_json_open(w, "keys", '{');
    write_key(w, "ed25519", node->identity);
    write_key(w, "x25519", node->x25519);
    write_versioned_key(w, "current_x25519_sphinx_key", &node->current);
    if (node->has_announced)
        write_versioned_key(w, "pre_announced_x25519_sphinx_key", &node->announced);
    else
        mix_json_put_null(w, "pre_announced_x25519_sphinx_key");
    write_noise(w, "x25519_versioned_noise", node->has_noise ? node->noise_key : NULL,
                node->noise_version);
    mix_json_close(w, '}');
}

static void read_host(mix_described *node, const mix_json *description) {
    mix_json host = mix_json_object(description, "host_information");
    node->ip_count = read_ips(node->ips, &host, "ip_address");
    node->hostname = mix_json_optional_text(&host, "hostname");
    read_keys(node, &host);
}

static void write_host(mix_json_writer *w, const mix_described *node) {
    mix_json_open(w, "host_information", '{');
    write_ips(w, "ip_address", node->ips, node->ip_count);
    write_text_or_null(w, "hostname", node->hostname);
    write_keys(w, node);
    mix_json_close(w, '}');
}

static void read_build(mix_described *node, const mix_json *description) {
    mix_json build = mix_json_object(description, "build_information");
    for (size_t i = 0; i < MIX_BUILD_CARGO_TRIPLE; i++)
        node->build[i] = mix_json_text(&build, build_names[i]);
    node->build[MIX_BUILD_CARGO_TRIPLE] =
        mix_json_optional_text(&build, build_names[MIX_BUILD_CARGO_TRIPLE]);
}

static void write_build(mix_json_writer *w, const mix_described *node) {
    mix_json_open(w, "build_information", '{');
    for (size_t i = 0; i < MIX_BUILD_FIELDS; i++) {
        bool absent = i == MIX_BUILD_CARGO_TRIPLE && node->build[i].len == 0;
        mix_json_put_text(w, build_names[i], absent ? mix_bytes_str("unknown") : node->build[i]);
    }
    mix_json_close(w, '}');
}

static void read_websockets(mix_described *node, const mix_json *description) {
    mix_json ports = mix_json_object(description, "mixnet_websockets");
    node->ws_port = mix_json_u16(&ports, "ws_port");
    node->has_wss_port = mix_json_optional_u16(&ports, "wss_port", &node->wss_port);
}

static void write_websockets(mix_json_writer *w, const mix_described *node) {
    mix_json_open(w, "mixnet_websockets", '{');
    mix_json_put_uint(w, "ws_port", node->ws_port);
    write_port_or_null(w, "wss_port", node->has_wss_port, node->wss_port);
    mix_json_close(w, '}');
}

void mix_json_read_described(mix_described *node, const mix_json *object) {
    *node = (mix_described){.id = mix_json_u32(object, "node_id")};
    read_contract_type(node, object);
    mix_json d = mix_json_object(object, "description");
    mix_json polled = mix_json_optional(&d, "last_polled");
    if (polled.value)
        node->last_polled = read_time(&d, "last_polled");
    read_host(node, &d);
    node->declared = read_roles(&d, "declared_role");
    read_build(node, &d);
    if (mix_json_optional(&d, "ip_packet_router").value) {
        mix_json router = mix_json_object(&d, "ip_packet_router");
        node->ipr_address = mix_json_text(&router, "address");
    }
    read_websockets(node, &d);
}

/* What is not in the struct is written as what it means when it is absent. */
static void write_described(mix_json_writer *w, const mix_described *node) {
    mix_json_open(w, NULL, '{');
    mix_json_put_uint(w, "node_id", node->id);
    mix_json_put_str(w, "contract_node_type", contract_names[node->contract_type]);
    mix_json_open(w, "description", '{');
    write_time(w, "last_polled", node->last_polled);
    write_host(w, node);
    write_roles(w, "declared_role", node->declared);
    mix_json_open(w, "auxiliary_details", '{');
    mix_json_put_null(w, "location");
    mix_json_open(w, "announce_ports", '{');
    mix_json_put_null(w, "verloc_port");
    mix_json_put_null(w, "mix_port");
    mix_json_close(w, '}');
    mix_json_put_bool(w, "accepted_operator_terms_and_conditions", true);
    mix_json_close(w, '}');
    write_build(w, node);
    mix_json_put_null(w, "network_requester");
    if (node->ipr_address.len > 0) {
        mix_json_open(w, "ip_packet_router", '{');
        mix_json_put_text(w, "address", node->ipr_address);
        mix_json_close(w, '}');
    } else {
        mix_json_put_null(w, "ip_packet_router");
    }
    mix_json_put_null(w, "authenticator");
    mix_json_put_null(w, "wireguard");
    write_websockets(w, node);
    mix_json_put_null(w, "lewes_protocol");
    mix_json_close(w, '}');
    mix_json_close(w, '}');
}

int mix_described_encode(mix_buf *out, const mix_pagination *pagination, const mix_described *nodes,
                         size_t count) {
    mix_json_writer w = {.out = out};
    size_t mark = out->len;
    mix_json_open(&w, NULL, '{');
    write_pagination(&w, pagination);
    mix_json_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++)
        write_described(&w, &nodes[i]);
    mix_json_close(&w, ']');
    mix_json_close(&w, '}');
    return written(out, mark);
}

/* §4.2 */

static const char *const set_names[MIX_ROLE_STANDBY + 1] = {
    NULL, "layer1", "layer2", "layer3", "entry_gateways", "exit_gateways", "standby",
};

void mix_rewarded_deinit(mix_rewarded *r) {
    for (size_t i = 0; i <= MIX_ROLE_STANDBY; i++)
        mix_free(r->sets[i].ids);
    *r = (mix_rewarded){0};
}

static void read_set(mix_rewarded *r, size_t role, const mix_json *object) {
    mix_json array = mix_json_array(object, set_names[role]);
    size_t count = yyjson_arr_size(array.value), index, max;
    if (count == 0)
        return;
    r->sets[role].ids = mix_alloc_zero(count, sizeof *r->sets[role].ids);
    if (!r->sets[role].ids) {
        object->fault->status = mix_error_note(object->fault->error, MIX_ERR_MEMORY, "directory", 0,
                                               "%s: no memory", object->fault->answer);
        return;
    }
    yyjson_val *value;
    yyjson_arr_foreach(array.value, index, max, value) {
        mix_json at = mix_json_element(&array, index, value);
        r->sets[role].ids[r->sets[role].count++] = (uint32_t)mix_json_as_uint(&at, UINT32_MAX);
    }
}

/* The answer as an object; *doc is the caller's to free. */
static mix_json whole(yyjson_doc **doc, mix_bytes body, mix_json_fault *fault) {
    mix_json at = {.fault = fault};
    if (mix_json_parse(doc, &at, body) != MIX_OK)
        return at;
    at.value = yyjson_doc_get_root(*doc);
    if (!yyjson_is_obj(at.value))
        mix_json_wrong(&at, "an object");
    return at;
}

int mix_rewarded_decode(mix_rewarded *out, mix_bytes body, mix_error *e) {
    mix_json_fault fault = {.answer = "rewarded-set", .error = e};
    yyjson_doc *doc;
    mix_rewarded r = {0};
    mix_json at = whole(&doc, body, &fault);
    if (mix_json_optional(&at, "epoch_id").value)
        r.epoch_id = mix_json_u32(&at, "epoch_id"); /* absent means 0 */
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++)
        read_set(&r, role, &at);
    yyjson_doc_free(doc);
    if (fault.status != MIX_OK)
        mix_rewarded_deinit(&r);
    else
        *out = r;
    return fault.status;
}

int mix_rewarded_encode(mix_buf *out, const mix_rewarded *r) {
    mix_json_writer w = {.out = out};
    size_t mark = out->len;
    mix_json_open(&w, NULL, '{');
    mix_json_put_uint(&w, "epoch_id", r->epoch_id);
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++) {
        mix_json_open(&w, set_names[role], '[');
        for (size_t i = 0; i < r->sets[role].count; i++)
            mix_json_put_uint(&w, NULL, r->sets[role].ids[i]);
        mix_json_close(&w, ']');
    }
    mix_json_close(&w, '}');
    return written(out, mark);
}

/* §4.3 */

/* A hundred years: keeps all sums of times far from their bounds. */
#define LONGEST_EPOCH UINT64_C(3155760000)

static void read_epoch_length(mix_rotation_info *info, const mix_json *object) {
    uint64_t seconds;
    uint32_t nanos;
    mix_json at = mix_json_optional(object, "epoch_duration");
    read_duration(object, "epoch_duration", &seconds, &nanos);
    if (seconds > LONGEST_EPOCH ||
        (seconds == 0 && nanos < 1000)) /* zero traps the original's client */
        mix_json_wrong(&at, "a duration above zero and up to a hundred years");
    else
        info->epoch_length = (int64_t)seconds * 1000000 + nanos / 1000;
}

int mix_rotation_info_decode(mix_rotation_info *out, mix_bytes body, mix_error *e) {
    mix_json_fault fault = {.answer = "key-rotation-info", .error = e};
    yyjson_doc *doc;
    mix_rotation_info info = {0};
    mix_json at = whole(&doc, body, &fault);
    mix_json state = mix_json_object(&at, "key_rotation_state");
    info.validity_epochs = mix_json_u32(&state, "validity_epochs");
    mix_json validity = mix_json_optional(&state, "validity_epochs");
    if (info.validity_epochs == 0)
        mix_json_wrong(&validity, "at least one epoch");
    info.initial_epoch = mix_json_u32(&state, "initial_epoch_id");
    info.epoch = mix_json_u32(&at, "current_absolute_epoch_id");
    info.epoch_start = read_time_strict(&at, "current_epoch_start");
    read_epoch_length(&info, &at);
    mix_json progress = mix_json_object(&at, "progress"); /* follows from the rest */
    (void)mix_json_u32(&progress, "current_key_rotation_id");
    (void)mix_json_u32(&progress, "current_rotation_starting_epoch");
    (void)mix_json_u32(&progress, "current_rotation_ending_epoch");
    yyjson_doc_free(doc);
    if (fault.status == MIX_OK)
        *out = info;
    return fault.status;
}

int mix_rotation_info_encode(mix_buf *out, const mix_rotation_info *info) {
    mix_json_writer w = {.out = out};
    size_t mark = out->len;
    uint32_t id = mix_rotation_id_at(info, info->epoch),
             first = info->initial_epoch + id * info->validity_epochs;
    mix_json_open(&w, NULL, '{');
    mix_json_open(&w, "key_rotation_state", '{');
    mix_json_put_uint(&w, "validity_epochs", info->validity_epochs);
    mix_json_put_uint(&w, "initial_epoch_id", info->initial_epoch);
    mix_json_close(&w, '}');
    mix_json_put_uint(&w, "current_absolute_epoch_id", info->epoch);
    write_time_strict(&w, "current_epoch_start", info->epoch_start);
    write_duration(&w, "epoch_duration", (uint64_t)info->epoch_length / 1000000,
                   (uint32_t)(info->epoch_length % 1000000) * 1000);
    mix_json_open(&w, "progress", '{');
    mix_json_put_uint(&w, "current_key_rotation_id", id);
    mix_json_put_uint(&w, "current_rotation_starting_epoch", first);
    mix_json_put_uint(&w, "current_rotation_ending_epoch", first + info->validity_epochs - 1);
    mix_json_close(&w, '}');
    mix_json_close(&w, '}');
    return written(out, mark);
}
