/* SPDX-License-Identifier: Apache-2.0 */
/* The stored value, written and read. */
#include "directory/wire_stored.h"

#include "base/alloc.h"
#include "directory/release.h"

enum { FORM = 1, EXIT_IPR = 1, HAS_ENTRY = 2, HAS_WSS_PORT = 4 };

void mix_stored_deinit(mix_stored *s) {
    mix_rewarded_deinit(&s->rewarded);
    mix_kept_deinit(&s->mixnodes);
    mix_kept_deinit(&s->gateways);
    mix_kept_exits_deinit(&s->exits);
    *s = (mix_stored){0};
}

int mix_stored_digest(uint8_t out[static MIX_KEY_LEN], char *const *urls, size_t count) {
    mix_buf all = {0};
    for (size_t i = 0; i < count; i++)
        mix_buf_put(&all, urls[i], strlen(urls[i]) + 1);
    int status = mix_buf_status(&all);
    if (status == MIX_OK)
        mix_blake3(out, mix_buf_bytes(&all));
    mix_buf_deinit(&all);
    return status;
}

/* ---- writing ---- */

static void put_head(mix_buf *out, const mix_stored *s) {
    mix_buf_put_u8(out, FORM);
    mix_buf_put_u64(out, (uint64_t)s->fetched);
    mix_buf_put_u64(out, (uint64_t)s->described);
    mix_buf_put(out, s->asked, sizeof s->asked);
    mix_buf_put_u32(out, s->metadata.epoch_id);
    mix_buf_put_u32(out, s->metadata.rotation_id);
    mix_buf_put_u64(out, (uint64_t)s->metadata.refreshed_at);
    mix_buf_put_u32(out, s->rotation.validity_epochs);
    mix_buf_put_u32(out, s->rotation.initial_epoch);
    mix_buf_put_u32(out, s->rotation.epoch);
    mix_buf_put_u64(out, (uint64_t)s->rotation.epoch_start);
    mix_buf_put_u64(out, (uint64_t)s->rotation.epoch_length);
}

static void put_rewarded(mix_buf *out, const mix_rewarded *r) {
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++) {
        mix_buf_put_u32(out, (uint32_t)r->sets[role].count);
        for (size_t i = 0; i < r->sets[role].count; i++)
            mix_buf_put_u32(out, r->sets[role].ids[i]);
    }
}

static void put_node(mix_buf *out, const mix_kept_list *l, const mix_kept_node *n) {
    mix_buf_put_u32(out, n->id);
    mix_buf_put(out, n->identity, sizeof n->identity);
    mix_buf_put(out, n->sphinx_key, sizeof n->sphinx_key);
    mix_buf_put_u8(out, n->percent);
    mix_buf_put_u8(out, (uint8_t)((n->exit_ipr ? EXIT_IPR : 0) | (n->has_entry ? HAS_ENTRY : 0) |
                                  (n->has_wss_port ? HAS_WSS_PORT : 0)));
    mix_buf_put_u16(out, n->mix_port);
    mix_buf_put_u16(out, n->ws_port);
    mix_buf_put_u16(out, n->wss_port);
    mix_buf_put_u8(out, n->ip_count);
    for (size_t i = 0; i < n->ip_count; i++) {
        mix_buf_put_u8(out, n->ips[i].family);
        mix_buf_put(out, n->ips[i].octets, n->ips[i].family == 6 ? 16 : 4);
    }
    mix_buf_put_u8(out, n->hostname_len);
    if (n->hostname_len > 0)
        mix_buf_put(out, l->texts.data + n->hostname, n->hostname_len);
}

static void put_list(mix_buf *out, const mix_kept_list *l) {
    mix_buf_put_u32(out, (uint32_t)l->count);
    for (size_t i = 0; i < l->count; i++)
        put_node(out, l, &l->nodes[i]);
}

static void put_exits(mix_buf *out, const mix_kept_exits *l) {
    mix_buf_put_u32(out, (uint32_t)l->count);
    for (size_t i = 0; i < l->count; i++) {
        const mix_kept_exit *x = &l->exits[i];
        size_t len = strlen(x->release);
        mix_recipient_encode(out, &x->address);
        mix_buf_put_u8(out, x->ipr_version);
        mix_buf_put_u8(out, (uint8_t)len);
        mix_buf_put(out, x->release, len);
    }
}

int mix_stored_encode(mix_buf *out, const mix_stored *s) {
    size_t mark = out->len;
    put_head(out, s);
    put_rewarded(out, &s->rewarded);
    put_list(out, &s->mixnodes);
    put_list(out, &s->gateways);
    put_exits(out, &s->exits);
    int status = mix_buf_status(out);
    if (status == MIX_OK && out->len - mark > MIX_STORED_MAX)
        status = MIX_ERR_DIRECTORY_SIZE;
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* ---- reading: MIX_ERR_DIRECTORY_MALFORMED unless said otherwise ---- */

static int sound(bool holds) {
    return holds ? MIX_OK : MIX_ERR_DIRECTORY_MALFORMED;
}

static int read_head(mix_stored *s, mix_reader *r) {
    uint8_t form = mix_read_u8(r);
    s->fetched = (int64_t)mix_read_u64(r);
    s->described = (int64_t)mix_read_u64(r);
    mix_read_into(r, s->asked, sizeof s->asked);
    s->metadata.epoch_id = s->rewarded.epoch_id = mix_read_u32(r);
    s->metadata.rotation_id = mix_read_u32(r);
    s->metadata.refreshed_at = (int64_t)mix_read_u64(r);
    s->rotation.validity_epochs = mix_read_u32(r);
    s->rotation.initial_epoch = mix_read_u32(r);
    s->rotation.epoch = mix_read_u32(r);
    s->rotation.epoch_start = (int64_t)mix_read_u64(r);
    s->rotation.epoch_length = (int64_t)mix_read_u64(r);
    return sound(!r->bad && form == FORM && s->rotation.validity_epochs > 0 &&
                 s->rotation.epoch_length > 0);
}

static int read_rewarded(mix_rewarded *out, mix_reader *r) {
    size_t left = MIX_STORED_IDS_MAX;
    for (size_t role = MIX_ROLE_LAYER1; role <= MIX_ROLE_STANDBY; role++) {
        size_t count = mix_read_u32(r);
        if (count > left)
            return MIX_ERR_DIRECTORY_SIZE;
        left -= count;
        mix_bytes ids = mix_read_bytes(r, 4 * count);
        if (r->bad || count == 0) {
            if (r->bad)
                return MIX_ERR_DIRECTORY_MALFORMED;
            continue;
        }
        out->sets[role].ids = mix_alloc_zero(count, sizeof *out->sets[role].ids);
        if (!out->sets[role].ids)
            return MIX_ERR_MEMORY;
        out->sets[role].count = count;
        for (size_t i = 0; i < count; i++)
            out->sets[role].ids[i] = mix_get_u32(ids.data + 4 * i);
    }
    return MIX_OK;
}

static int read_ips(mix_skimmed *node, mix_reader *r) {
    node->ip_count = mix_read_u8(r);
    if (node->ip_count < 1 || node->ip_count > MIX_KEPT_IPS)
        return MIX_ERR_DIRECTORY_MALFORMED;
    for (size_t i = 0; i < node->ip_count; i++) {
        uint8_t family = mix_read_u8(r);
        if (family != 4 && family != 6)
            return MIX_ERR_DIRECTORY_MALFORMED;
        node->ips[i].family = family;
        mix_read_into(r, node->ips[i].octets, family == 6 ? 16 : 4);
    }
    return MIX_OK;
}

/* As if the node came with an answer: then the same rules say whether it is kept. */
static int read_node(mix_kept_list *l, mix_reader *r) {
    mix_skimmed node = {.id = mix_read_u32(r)};
    mix_read_into(r, node.identity, sizeof node.identity);
    mix_read_into(r, node.sphinx_key, sizeof node.sphinx_key);
    uint8_t percent = mix_read_u8(r), bits = mix_read_u8(r);
    node.performance = percent * (MIX_PERFORMANCE_ONE / 100);
    node.supported.exit_ipr = bits & EXIT_IPR;
    node.has_entry = bits & HAS_ENTRY;
    node.has_wss_port = bits & HAS_WSS_PORT;
    node.mix_port = mix_read_u16(r);
    node.ws_port = mix_read_u16(r);
    node.wss_port = mix_read_u16(r);
    int status = read_ips(&node, r);
    node.hostname = mix_read_bytes(r, mix_read_u8(r));
    if (status == MIX_OK)
        status = sound(!r->bad && percent <= 100 && bits < 8);
    size_t count = l->count;
    if (status == MIX_OK)
        status = mix_kept_add(l, &node);
    if (status == MIX_OK)
        status = sound(l->count == count + 1 && l->nodes[count].hostname_len == node.hostname.len);
    return status;
}

static int read_list(mix_kept_list *l, mix_reader *r) {
    int status = MIX_OK;
    for (uint32_t left = mix_read_u32(r); left > 0 && status == MIX_OK; left--)
        status = read_node(l, r);
    return status;
}

static int read_exit(mix_kept_exits *l, mix_reader *r) {
    mix_kept_exit x = {0};
    mix_read_into(r, x.address.identity, MIX_KEY_LEN);
    mix_read_into(r, x.address.encryption, MIX_KEY_LEN);
    mix_read_into(r, x.address.gateway, MIX_KEY_LEN);
    x.ipr_version = mix_read_u8(r);
    mix_bytes release = mix_read_bytes(r, mix_read_u8(r));
    if (r->bad || x.ipr_version < MIX_IPR_BEFORE_10 || x.ipr_version > MIX_IPR_BEFORE_10 + 1 ||
        release.len >= MIX_RELEASE_MAX || (release.len > 0 && memchr(release.data, 0, release.len)))
        return MIX_ERR_DIRECTORY_MALFORMED;
    memcpy(x.identity, x.address.gateway, MIX_KEY_LEN);
    if (release.len > 0)
        memcpy(x.release, release.data, release.len);
    return mix_kept_exits_put(l, &x);
}

static int read_exits(mix_kept_exits *l, mix_reader *r) {
    int status = MIX_OK;
    for (uint32_t left = mix_read_u32(r); left > 0 && status == MIX_OK; left--)
        status = read_exit(l, r);
    return status;
}

int mix_stored_decode(mix_stored *out, mix_bytes in, mix_error *e) {
    mix_stored s = {0};
    mix_reader r = {.in = in};
    int status = in.len > MIX_STORED_MAX ? MIX_ERR_DIRECTORY_SIZE : read_head(&s, &r);
    if (status == MIX_OK)
        status = read_rewarded(&s.rewarded, &r);
    if (status == MIX_OK)
        status = read_list(&s.mixnodes, &r);
    if (status == MIX_OK)
        status = read_list(&s.gateways, &r);
    if (status == MIX_OK)
        status = read_exits(&s.exits, &r);
    if (status == MIX_OK)
        status = sound(!r.bad && r.in.len == 0);
    if (status == MIX_OK) {
        *out = s;
        return MIX_OK;
    }
    mix_stored_deinit(&s);
    return mix_error_note(e, status, "directory", (int64_t)(in.len - r.in.len),
                          "the stored value cannot be used: %s (at byte %zu of %zu)",
                          mix_error_name(status), in.len - r.in.len, in.len);
}
