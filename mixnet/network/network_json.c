/* SPDX-License-Identifier: Apache-2.0 */
/* network.json and keys.json, both ways. */
#include "mixnet/network/network.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

static const char *const kinds[] = {[MIXNET_MIX] = "mix", [MIXNET_GATEWAY] = "gateway", [MIXNET_EXIT] = "exit"};

/* --- writing --- */

static int finish(mix_buf *out, yyjson_mut_doc *doc) {
    size_t len = 0;
    char *text = doc ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY, &len) : NULL;
    yyjson_mut_doc_free(doc);
    if (!text)
        return MIX_ERR_MEMORY;
    mix_buf_put(out, text, len);
    mix_buf_put_u8(out, '\n');
    mix_wipe(text, len);
    free(text);
    return mix_buf_status(out);
}

static bool put_key(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *name, const uint8_t key[static MIX_KEY_LEN]) {
    char storage[64];
    mix_buf text = mix_buf_fixed(storage, sizeof storage);
    if (mix_base58_encode(&text, mix_bytes_of(key, MIX_KEY_LEN)) != MIX_OK)
        return false;
    return yyjson_mut_obj_add_strncpy(doc, o, name, (const char *)text.data, text.len);
}

static bool put_member(yyjson_mut_doc *doc, yyjson_mut_val *list, const mixnet_member *m) {
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    char ip[MIX_ADDRESS_TEXT];
    mix_ip_format(ip, &m->address);
    bool ok = yyjson_mut_obj_add_str(doc, o, "name", m->name) && yyjson_mut_obj_add_uint(doc, o, "id", m->id) &&
              yyjson_mut_obj_add_str(doc, o, "kind", kinds[m->kind]) && put_key(doc, o, "identity", m->identity) &&
              yyjson_mut_obj_add_strcpy(doc, o, "ip", ip) && yyjson_mut_obj_add_uint(doc, o, "mix_port", m->address.port);
    if (ok && m->kind == MIXNET_MIX)
        return yyjson_mut_obj_add_uint(doc, o, "layer", m->layer);
    return ok && yyjson_mut_obj_add_str(doc, o, "hostname", m->hostname) && yyjson_mut_obj_add_uint(doc, o, "ws_port", m->ws_port) &&
           yyjson_mut_obj_add_uint(doc, o, "wss_port", m->wss_port);
}

int mixnet_network_write(mix_buf *out, const mixnet_network *net) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    bool ok = root != NULL;
    yyjson_mut_doc_set_root(doc, root);
    ok = ok && yyjson_mut_obj_add_uint(doc, root, "format", 1) && yyjson_mut_obj_add_str(doc, root, "version", net->version) &&
         yyjson_mut_obj_add_bool(doc, root, "noise", net->noise);
    yyjson_mut_val *clock = ok ? yyjson_mut_obj_add_obj(doc, root, "clock") : NULL;
    const mix_rotation_info *c = &net->clock;
    ok = clock && yyjson_mut_obj_add_uint(doc, clock, "validity_epochs", c->validity_epochs) &&
         yyjson_mut_obj_add_uint(doc, clock, "initial_epoch", c->initial_epoch) &&
         yyjson_mut_obj_add_uint(doc, clock, "epoch", c->epoch) &&
         yyjson_mut_obj_add_sint(doc, clock, "epoch_start_us", c->epoch_start) &&
         yyjson_mut_obj_add_sint(doc, clock, "epoch_length_us", c->epoch_length);
    yyjson_mut_val *list = ok ? yyjson_mut_obj_add_arr(doc, root, "nodes") : NULL;
    ok = list != NULL;
    for (size_t i = 0; i < net->count && ok; i++)
        ok = put_member(doc, list, &net->members[i]);
    if (ok)
        return finish(out, doc);
    yyjson_mut_doc_free(doc);
    return MIX_ERR_MEMORY;
}

int mixnet_network_write_keys(mix_buf *out, const mixnet_network *net) {
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    bool ok = root != NULL;
    yyjson_mut_doc_set_root(doc, root);
    for (size_t i = 0; i < net->count && ok; i++) {
        if (net->members[i].has_seed)
            ok = put_key(doc, root, net->members[i].name, net->members[i].seed);
    }
    if (ok)
        return finish(out, doc);
    yyjson_mut_doc_free(doc);
    return MIX_ERR_MEMORY;
}

/* --- reading --- */

static int wrong(mix_error *e, const char *where, const char *what) {
    return mix_error_note(e, MIX_ERR_NETWORK_FILE, "mixnet", 0, "%s: %s", where, what);
}

static bool get_number(yyjson_val *o, const char *name, uint64_t max, uint64_t *out) {
    yyjson_val *v = yyjson_obj_get(o, name);
    *out = yyjson_get_uint(v);
    return yyjson_is_uint(v) && *out <= max;
}

static bool get_text(yyjson_val *o, const char *name, char *out, size_t size) {
    const char *text = yyjson_get_str(yyjson_obj_get(o, name));
    return text && snprintf(out, size, "%s", text) < (int)size;
}

static int read_clock(mix_rotation_info *c, yyjson_val *o, mix_error *e) {
    uint64_t validity, initial, epoch;
    yyjson_val *start = yyjson_obj_get(o, "epoch_start_us"), *length = yyjson_obj_get(o, "epoch_length_us");
    if (!get_number(o, "validity_epochs", UINT32_MAX, &validity) || validity == 0 || !get_number(o, "initial_epoch", UINT32_MAX, &initial) ||
        !get_number(o, "epoch", UINT32_MAX, &epoch) || !yyjson_is_int(start) || !yyjson_is_int(length) || yyjson_get_sint(length) <= 0)
        return wrong(e, "clock", "expected validity_epochs, initial_epoch, epoch, epoch_start_us and epoch_length_us");
    *c = (mix_rotation_info){.validity_epochs = (uint32_t)validity, .initial_epoch = (uint32_t)initial, .epoch = (uint32_t)epoch,
                             .epoch_start = yyjson_get_sint(start), .epoch_length = yyjson_get_sint(length)};
    return MIX_OK;
}

static int read_member(mixnet_member *m, yyjson_val *o, size_t index, mix_error *e) {
    char where[32], ip[MIX_ADDRESS_TEXT], kind[16], key[64];
    uint64_t id, mix_port, ws = 0, wss = 0, layer = 0;
    snprintf(where, sizeof where, "nodes[%zu]", index);
    *m = (mixnet_member){0};
    if (!get_text(o, "name", m->name, sizeof m->name) || !get_text(o, "kind", kind, sizeof kind))
        return wrong(e, where, "expected name and kind");
    m->kind = strcmp(kind, "mix") == 0 ? MIXNET_MIX : strcmp(kind, "gateway") == 0 ? MIXNET_GATEWAY : MIXNET_EXIT;
    if (strcmp(kind, kinds[m->kind]) != 0)
        return wrong(e, where, "kind: expected mix, gateway or exit");
    if (!get_number(o, "id", UINT32_MAX, &id) || !get_number(o, "mix_port", UINT16_MAX, &mix_port) || !get_text(o, "ip", ip, sizeof ip) ||
        mix_ip_parse(&m->address, mix_bytes_str(ip)) != MIX_OK)
        return wrong(e, where, "expected id, ip and mix_port");
    if (!get_text(o, "identity", key, sizeof key) || mix_base58_decode_exact(m->identity, MIX_KEY_LEN, mix_bytes_str(key)) != MIX_OK)
        return wrong(e, where, "identity: expected the base58 text of 32 bytes");
    if (m->kind == MIXNET_MIX && (!get_number(o, "layer", MIX_LAYERS, &layer) || layer == 0))
        return wrong(e, where, "layer: expected 1, 2 or 3");
    if (m->kind != MIXNET_MIX && (!get_number(o, "ws_port", UINT16_MAX, &ws) || !get_number(o, "wss_port", UINT16_MAX, &wss) ||
                                  !get_text(o, "hostname", m->hostname, sizeof m->hostname)))
        return wrong(e, where, "expected hostname, ws_port and wss_port");
    m->id = (uint32_t)id;
    m->layer = (uint8_t)layer;
    m->address.port = (uint16_t)mix_port;
    m->ws_port = (uint16_t)ws;
    m->wss_port = (uint16_t)wss;
    return MIX_OK;
}

static int read_network(mixnet_network *net, yyjson_val *root, mix_error *e) {
    yyjson_val *list = yyjson_obj_get(root, "nodes"), *o;
    uint64_t format;
    size_t i, n;
    if (!get_number(root, "format", 1, &format) || !get_text(root, "version", net->version, sizeof net->version))
        return wrong(e, "network.json", "expected format 1 and a version");
    yyjson_val *noise = yyjson_obj_get(root, "noise");
    if (noise && !yyjson_is_bool(noise))
        return wrong(e, "noise", "expected true or false");
    net->noise = yyjson_get_bool(noise);
    int status = read_clock(&net->clock, yyjson_obj_get(root, "clock"), e);
    if (status != MIX_OK)
        return status;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > MIXNET_MEMBERS_MAX)
        return wrong(e, "nodes", "expected a list of at most 256");
    yyjson_arr_foreach(list, i, n, o) {
        status = read_member(&net->members[i], o, i, e);
        if (status != MIX_OK)
            return status;
        net->count++;
    }
    return MIX_OK;
}

int mixnet_network_read(mixnet_network *out, mix_bytes text, mix_error *e) {
    yyjson_doc *doc = text.len > 0 ? yyjson_read((const char *)text.data, text.len, 0) : NULL;
    mixnet_network *net = mix_alloc_zero(1, sizeof *net);
    int status = !net ? MIX_ERR_MEMORY : !doc ? wrong(e, "network.json", "not JSON") : read_network(net, yyjson_doc_get_root(doc), e);
    if (status == MIX_OK)
        *out = *net;
    mix_free(net);
    yyjson_doc_free(doc);
    return status;
}

static int read_seed(mixnet_member *m, yyjson_val *root, mix_crypto *crypto, mix_error *e) {
    const char *text = yyjson_get_str(yyjson_obj_get(root, m->name));
    uint8_t identity[MIX_KEY_LEN], public[MIX_KEY_LEN];
    if (!text)
        return MIX_OK; /* another host runs it */
    if (mix_base58_decode_exact(m->seed, MIX_KEY_LEN, mix_bytes_str(text)) != MIX_OK)
        return wrong(e, m->name, "expected the base58 text of 32 bytes");
    m->has_seed = true;
    int status = mixnet_member_identity(crypto, m, identity);
    if (status == MIX_OK)
        status = mix_ed25519_public(crypto, public, identity);
    if (status == MIX_OK && memcmp(public, m->identity, MIX_KEY_LEN) != 0)
        status = wrong(e, m->name, "this seed does not belong to the identity in network.json");
    mix_wipe(identity, sizeof identity);
    return status;
}

int mixnet_network_read_keys(mixnet_network *net, mix_bytes text, mix_crypto *crypto, mix_error *e) {
    yyjson_doc *doc = text.len > 0 ? yyjson_read((const char *)text.data, text.len, 0) : NULL;
    int status = doc && yyjson_is_obj(yyjson_doc_get_root(doc)) ? MIX_OK : wrong(e, "keys.json", "not a JSON object");
    for (size_t i = 0; i < net->count && status == MIX_OK; i++)
        status = read_seed(&net->members[i], yyjson_doc_get_root(doc), crypto, e);
    yyjson_doc_free(doc);
    return status;
}
