/* SPDX-License-Identifier: Apache-2.0 */
/* What the page has to know of a local network, and the policy that follows from it. */
#include "playground/local.h"

#include "base/text.h"
#include "files.h"
#include "mixnet/network/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

typedef struct description {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    bool ok;
} description;

static void put(description *d, yyjson_mut_val *object, const char *name, const char *text) {
    d->ok = d->ok && (!text || yyjson_mut_obj_add_strcpy(d->doc, object, name, text));
}

static yyjson_mut_val *put_object(description *d, const char *name) {
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(d->doc, d->root, name);
    d->ok = d->ok && o;
    return o;
}

static void put_members(description *d, const mixnet_network *net) {
    static const char *const kinds[] = {
        [MIXNET_MIX] = "mix", [MIXNET_GATEWAY] = "gateway", [MIXNET_EXIT] = "exit"};
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, d->root, "nodes");
    for (size_t i = 0; d->ok && list && i < net->count; i++) {
        const mixnet_member *m = &net->members[i];
        char storage[64];
        mix_buf text = mix_buf_fixed(storage, sizeof storage - 1);
        yyjson_mut_val *o = yyjson_mut_arr_add_obj(d->doc, list);
        (void)mix_base58_encode(&text, mix_bytes_of(m->identity, MIX_KEY_LEN));
        storage[text.len] = 0;
        put(d, o, "name", m->name);
        put(d, o, "kind", kinds[m->kind]);
        put(d, o, "identity", storage);
        d->ok = d->ok && (m->layer == 0 || yyjson_mut_obj_add_uint(d->doc, o, "layer", m->layer));
    }
    d->ok = d->ok && list;
}

static void put_site(description *d, const local_site *site) {
    yyjson_mut_val *o = put_object(d, "site");
    put(d, o, "http", site->http);
    put(d, o, "https", site->https);
    put(d, o, "ws", site->ws);
    put(d, o, "wss", site->wss);
    put(d, o, "direct", site->direct);
}

static int fail(mix_error *e, const char *folder, const char *what, const char *why) {
    return mix_error_note(e, MIX_ERR_STATE_FOLDER, "playground", 0, "%.60s/%s: %.80s", folder, what,
                          why);
}

/* The directory without TLS, of the line that the mixnet left there. */
static int read_directory(const char *folder, char *out, size_t size, mix_error *e) {
    mix_buf text = {0};
    int error = host_file_read(folder, "ready.json", &text);
    if (error)
        return fail(e, folder, "ready.json", "does 'lwmix mixnet' run there?");
    yyjson_doc *doc = yyjson_read((char *)text.data, text.len, 0);
    const char *url = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "directory_http"));
    bool good = url && snprintf(out, size, "%s", url) < (int)size && !strpbrk(url, " ;,'\"");
    yyjson_doc_free(doc);
    mix_buf_deinit(&text);
    return good ? MIX_OK : fail(e, folder, "ready.json", "it names no directory");
}

static int read_network(const char *folder, mixnet_network *net, mix_error *e) {
    mix_buf text = {0};
    int error = host_file_read(folder, "network.json", &text);
    int status = error ? fail(e, folder, "network.json", strerror(error))
                       : mixnet_network_read(net, mix_buf_bytes(&text), e);
    mix_buf_deinit(&text);
    for (size_t i = 0; status == MIX_OK && i < net->count; i++) {
        if (net->members[i].hostname[0])
            status = fail(e, folder, "network.json",
                          "gateways have names that no browser finds; make it with 'lwmix mixnet "
                          "--nameless'");
    }
    return status;
}

/* Scripts and styles of our own, no inline ones; connections to this network, and to any place that
 * TLS protects: the main network's directory and gateways, and sites fetched directly to compare.
 */
static void write_policy(mix_buf *out, const char *directory, const mixnet_network *net,
                         const local_site *site) {
    char text[64];
    const char *path = strstr(directory, "/api");
    size_t origin = path ? (size_t)(path - directory) : strlen(directory);
    mix_buf_put_str(
        out,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src "
        "'self'; "
        "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "connect-src 'self' https: wss: ");
    mix_buf_put(out, directory, origin);
    for (size_t i = 0; i < net->count; i++) {
        const mixnet_member *m = &net->members[i];
        char ip[MIX_ADDRESS_TEXT];
        mix_ip_format(ip, &m->address);
        snprintf(text, sizeof text, m->address.family == 6 ? " ws://[%.40s]:%u" : " ws://%.40s:%u",
                 ip, m->ws_port);
        if (m->ws_port > 0)
            mix_buf_put_str(out, text);
    }
    if (site->direct) {
        mix_buf_put_u8(out, ' ');
        mix_buf_put_str(out, site->direct);
    }
    mix_buf_put_u8(out, 0);
}

static int write_config(description *d, const char *folder, const char *directory,
                        const mixnet_network *net, const local_site *site, mix_buf *out,
                        mix_error *e) {
    mix_buf roots = {0};
    int error = host_file_read(folder, "ca.pem", &roots);
    if (error)
        return fail(e, folder, "ca.pem", strerror(error));
    put(d, d->root, "network", "local");
    put(d, d->root, "directory", directory);
    d->ok = d->ok &&
            yyjson_mut_obj_add_strncpy(d->doc, d->root, "roots", (char *)roots.data, roots.len);
    mix_buf_deinit(&roots);
    put_members(d, net);
    if (site->http)
        put_site(d, site);
    size_t len = 0;
    char *json = d->ok ? yyjson_mut_write(d->doc, 0, &len) : NULL;
    mix_buf_put(out, json ? json : "", len);
    mix_buf_put_u8(out, 0);
    free(json);
    return len > 0 ? mix_buf_status(out) : MIX_ERR_MEMORY;
}

int local_describe(const char *folder, const local_site *site, mix_buf *config, mix_buf *policy,
                   mix_error *e) {
    char directory[256];
    mixnet_network *net = calloc(1, sizeof *net);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    description d = {doc, doc ? yyjson_mut_obj(doc) : NULL, true};
    int status =
        net && d.root ? read_directory(folder, directory, sizeof directory, e) : MIX_ERR_MEMORY;
    if (status == MIX_OK)
        status = read_network(folder, net, e);
    if (status == MIX_OK) {
        yyjson_mut_doc_set_root(doc, d.root);
        write_policy(policy, directory, net, site);
        status = write_config(&d, folder, directory, net, site, config, e);
    }
    if (status == MIX_OK)
        status = mix_buf_status(policy);
    yyjson_mut_doc_free(doc);
    free(net);
    return status;
}
