/* SPDX-License-Identifier: Apache-2.0 */
/* The bincode form of skimmed lists (4-directory.md §5), in both directions: fields in their order,
 * nothing left out. */
#include "directory/wire_bincode.h"

#include "directory/wire_text.h"

/* A reader that knows where it is, so that a complaint can name the field. After a failure reads
 * give zeros. */
typedef struct field_reader {
    mix_reader r;
    size_t size; /* of the body */
    const char *name;
    mix_error *error;
    int status;
    bool in_node;
    size_t node; /* its index */
} field_reader;

static void wrong(field_reader *f, const char *field, const char *expected) {
    if (f->status != MIX_OK)
        return;
    size_t at = f->size - f->r.in.len;
    const char *found = f->r.bad ? " (it ends too early)" : "";
    f->r.bad = true;
    if (f->in_node)
        f->status = mix_error_note(f->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", (int64_t)at,
                                   "%s: nodes.data[%zu].%s: expected %s before byte %zu%s", f->name,
                                   f->node, field, expected, at, found);
    else
        f->status = mix_error_note(f->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", (int64_t)at,
                                   "%s: %s: expected %s before byte %zu%s", f->name, field,
                                   expected, at, found);
}

static uint64_t read_uint(field_reader *f, const char *field, uint64_t max) {
    uint64_t v = mix_read_varint(&f->r);
    if (f->r.bad || v > max) {
        wrong(f, field, "an integer of its size");
        return 0;
    }
    return v;
}

static uint32_t read_u32(field_reader *f, const char *field) {
    return (uint32_t)read_uint(f, field, UINT32_MAX);
}

static uint16_t read_u16(field_reader *f, const char *field) {
    return (uint16_t)read_uint(f, field, UINT16_MAX);
}

/* A boolean, or whether an optional value follows. */
static bool read_bool(field_reader *f, const char *field) {
    uint8_t v = mix_read_u8(&f->r);
    if (f->r.bad || v > 1)
        wrong(f, field, "0 or 1");
    return v == 1;
}

static mix_bytes read_text(field_reader *f, const char *field) {
    uint64_t len = mix_read_varint(&f->r);
    mix_bytes text = mix_read_bytes(&f->r, len > f->r.in.len ? f->r.in.len + 1 : (size_t)len);
    if (f->r.bad || !mix_is_utf8(text))
        wrong(f, field, "a text");
    return f->r.bad ? (mix_bytes){0} : text;
}

static void write_text(mix_buf *out, mix_bytes text) {
    mix_buf_put_varint(out, text.len);
    mix_buf_put_bytes(out, text);
}

static void read_key(field_reader *f, const char *field, uint8_t out[static MIX_KEY_LEN],
                     bool identity) {
    mix_bytes text = read_text(f, field);
    if (f->r.bad || !(identity ? mix_identity_parse : mix_key_parse)(out, text))
        wrong(f, field,
              identity ? "an Ed25519 key (base58 of 32 bytes, a point of the curve)"
                       : "a key (base58 of 32 bytes)");
}

static void write_key(mix_buf *out, const uint8_t key[static MIX_KEY_LEN]) {
    char text[MIX_KEY_TEXT];
    mix_key_format(text, key);
    write_text(out, mix_bytes_str(text));
}

static void read_status(field_reader *f, mix_page_metadata *m) {
    if (!read_bool(f, "metadata.status"))
        return;
    if (read_uint(f, "metadata.status", 1) == 0) {
        m->status = MIX_PAGE_NO_UPDATES;
        return;
    }
    m->status = MIX_PAGE_FRESH;
    m->fresh.id = read_u32(f, "metadata.status.fresh.id");
    m->fresh.epochs_in_interval = read_u32(f, "metadata.status.fresh.epochs_in_interval");
    if (!mix_time_parse_strict(&m->fresh.current_epoch_start,
                               read_text(f, "metadata.status.fresh.current_epoch_start")))
        wrong(f, "metadata.status.fresh.current_epoch_start", "a time as RFC 3339 writes it");
    m->fresh.current_epoch_id = read_u32(f, "metadata.status.fresh.current_epoch_id");
    m->fresh.epoch_seconds = read_uint(f, "metadata.status.fresh.epoch_length.secs", UINT64_MAX);
    m->fresh.epoch_nanos = read_u32(f, "metadata.status.fresh.epoch_length.nanos");
    m->fresh.total_elapsed_epochs = read_u32(f, "metadata.status.fresh.total_elapsed_epochs");
}

static void write_status(mix_buf *out, const mix_page_metadata *m) {
    mix_buf_put_u8(out, m->status != MIX_PAGE_NONE);
    if (m->status == MIX_PAGE_NONE)
        return;
    mix_buf_put_varint(out, m->status == MIX_PAGE_FRESH);
    if (m->status != MIX_PAGE_FRESH)
        return;
    char start[MIX_TIME_TEXT];
    mix_time_format_strict(start, m->fresh.current_epoch_start);
    mix_buf_put_varint(out, m->fresh.id);
    mix_buf_put_varint(out, m->fresh.epochs_in_interval);
    write_text(out, mix_bytes_str(start));
    mix_buf_put_varint(out, m->fresh.current_epoch_id);
    mix_buf_put_varint(out, m->fresh.epoch_seconds);
    mix_buf_put_varint(out, m->fresh.epoch_nanos);
    mix_buf_put_varint(out, m->fresh.total_elapsed_epochs);
}

static void read_head(field_reader *f, mix_page *page) {
    read_status(f, &page->metadata);
    page->metadata.epoch_id = read_u32(f, "metadata.absolute_epoch_id");
    page->metadata.rotation_id = read_u32(f, "metadata.rotation_id");
    page->metadata.refreshed_at = mix_time_parse_lenient(read_text(f, "metadata.refreshed_at"));
    page->pagination.total = read_uint(f, "nodes.pagination.total", UINT64_MAX);
    page->pagination.page = read_uint(f, "nodes.pagination.page", UINT64_MAX);
    page->pagination.size = read_uint(f, "nodes.pagination.size", UINT64_MAX);
}

static void write_head(mix_buf *out, const mix_page *page) {
    char refreshed[MIX_TIME_TEXT];
    mix_time_format_human(refreshed, page->metadata.refreshed_at);
    write_status(out, &page->metadata);
    mix_buf_put_varint(out, page->metadata.epoch_id);
    mix_buf_put_varint(out, page->metadata.rotation_id);
    write_text(out, mix_bytes_str(refreshed));
    mix_buf_put_varint(out, page->pagination.total);
    mix_buf_put_varint(out, page->pagination.page);
    mix_buf_put_varint(out, page->pagination.size);
}

static void read_ips(field_reader *f, mix_skimmed *node) {
    uint64_t count = read_uint(f, "ip_addresses", UINT64_MAX);
    for (uint64_t i = 0; i < count && !f->r.bad; i++) {
        mix_address ip = {.family = read_uint(f, "ip_addresses", 1) == 0 ? 4 : 6};
        mix_read_into(&f->r, ip.octets, ip.family == 4 ? 4 : 16);
        if (f->r.bad)
            wrong(f, "ip_addresses", "an IP address");
        else if (node->ip_count < MIX_NODE_IPS)
            node->ips[node->ip_count++] = ip;
    }
}

static void write_ips(mix_buf *out, const mix_skimmed *node) {
    mix_buf_put_varint(out, node->ip_count);
    for (size_t i = 0; i < node->ip_count; i++) {
        bool six = node->ips[i].family == 6;
        mix_buf_put_varint(out, six);
        mix_buf_put(out, node->ips[i].octets, six ? 16 : 4);
    }
}

static void read_entry(field_reader *f, mix_skimmed *node) {
    node->has_entry = read_bool(f, "entry");
    if (!node->has_entry)
        return;
    if (read_bool(f, "entry.hostname"))
        node->hostname = read_text(f, "entry.hostname");
    node->ws_port = read_u16(f, "entry.ws_port");
    node->has_wss_port = read_bool(f, "entry.wss_port");
    if (node->has_wss_port)
        node->wss_port = read_u16(f, "entry.wss_port");
}

static void write_entry(mix_buf *out, const mix_skimmed *node) {
    mix_buf_put_u8(out, node->has_entry);
    if (!node->has_entry)
        return;
    mix_buf_put_u8(out, node->hostname.len > 0);
    if (node->hostname.len > 0)
        write_text(out, node->hostname);
    mix_buf_put_varint(out, node->ws_port);
    mix_buf_put_u8(out, node->has_wss_port);
    if (node->has_wss_port)
        mix_buf_put_varint(out, node->wss_port);
}

static void read_node(field_reader *f, mix_skimmed *node) {
    *node = (mix_skimmed){.id = read_u32(f, "node_id")};
    read_key(f, "ed25519_identity_pubkey", node->identity, true);
    read_ips(f, node);
    node->mix_port = read_u16(f, "mix_port");
    read_key(f, "x25519_sphinx_pubkey", node->sphinx_key, false);
    node->role = (mix_skimmed_role)read_uint(f, "role", MIX_SKIMMED_INACTIVE);
    if (node->role == MIX_SKIMMED_MIXNODE)
        node->layer = mix_read_u8(&f->r);
    node->supported.mixnode = read_bool(f, "supported_roles.mixnode");
    node->supported.entry = read_bool(f, "supported_roles.entry");
    node->supported.exit_nr = read_bool(f, "supported_roles.exit_nr");
    node->supported.exit_ipr = read_bool(f, "supported_roles.exit_ipr");
    read_entry(f, node);
    if (!mix_performance_parse(&node->performance, read_text(f, "performance")))
        wrong(f, "performance", "a text with a decimal from 0 to 1");
}

static void write_node(mix_buf *out, const mix_skimmed *node) {
    char performance[MIX_PERFORMANCE_TEXT];
    mix_performance_format(performance, node->performance);
    mix_buf_put_varint(out, node->id);
    write_key(out, node->identity);
    write_ips(out, node);
    mix_buf_put_varint(out, node->mix_port);
    write_key(out, node->sphinx_key);
    mix_buf_put_varint(out, node->role);
    if (node->role == MIX_SKIMMED_MIXNODE)
        mix_buf_put_u8(out, node->layer);
    mix_buf_put_u8(out, node->supported.mixnode);
    mix_buf_put_u8(out, node->supported.entry);
    mix_buf_put_u8(out, node->supported.exit_nr);
    mix_buf_put_u8(out, node->supported.exit_ipr);
    write_entry(out, node);
    write_text(out, mix_bytes_str(performance));
}

int mix_bincode_read_page(mix_page *out, mix_bytes body, const char *name,
                          const mix_list_visitor *visitor, mix_error *e) {
    field_reader f = {.r = {.in = body}, .size = body.len, .name = name, .error = e};
    mix_page page = {0};
    read_head(&f, &page);
    uint64_t count = read_uint(&f, "nodes.data", UINT64_MAX); /* not believed: the bytes decide */
    f.in_node = true;
    for (; f.status == MIX_OK && f.node < count; f.node++) {
        mix_skimmed node;
        read_node(&f, &node);
        if (f.status == MIX_OK)
            f.status = visitor->skimmed(visitor->user, &node);
    }
    f.in_node = false;
    if (f.r.in.len > 0)
        wrong(&f, "nodes.data", "the end");
    if (f.status != MIX_OK)
        return f.status;
    page.count = f.node;
    *out = page;
    return MIX_OK;
}

int mix_bincode_write_page(mix_buf *out, const mix_page *page, const mix_skimmed *nodes,
                           size_t count) {
    size_t mark = out->len;
    write_head(out, page);
    mix_buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++)
        write_node(out, &nodes[i]);
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}
