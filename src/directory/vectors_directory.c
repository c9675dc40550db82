/* SPDX-License-Identifier: Apache-2.0 */
/* testdata/directory: answers that the original's client accepted, in JSON and bincode; each is
 * read, written back, and broken in every place. Which keys may be missing is 4-directory.md §4's
 * word, repeated here. */
#include "base/alloc.h"
#include "base/text.h"
#include "directory/directory.h"
#include "directory/wire.h"
#include "vectors.h"

#include <stdlib.h>

typedef enum kind { SKIMMED, DESCRIBED, REWARDED, ROTATION } kind;

static const struct {
    const char *file;
    kind kind;
    bool full; /* every key is there */
} files[] = {
    {"entry-gateways.json", SKIMMED, true},      {"entry-gateways.branches.json", SKIMMED, true},
    {"mixnodes-active.json", SKIMMED, true},     {"skimmed.json", SKIMMED, true},
    {"exit-gateways.json", SKIMMED, true},       {"described.json", DESCRIBED, true},
    {"rewarded-set.json", REWARDED, true},       {"key-rotation-info.json", ROTATION, true},
    {"min/entry-gateways.json", SKIMMED, false}, {"min/mixnodes-active.json", SKIMMED, false},
    {"min/skimmed.json", SKIMMED, false},        {"min/described.json", DESCRIBED, false},
    {"min/rewarded-set.json", REWARDED, false},  {"min/key-rotation-info.json", ROTATION, false},
};

/* What an answer was decoded to; its text lies in pool. */
typedef struct answer {
    kind kind;
    mix_page page;
    mix_skimmed skimmed[8];
    mix_described described[8];
    size_t count;
    mix_rewarded rewarded;
    mix_rotation_info rotation;
    uint8_t pool[8192];
    size_t pooled;
} answer;

static mix_bytes keep(answer *a, mix_bytes text) {
    uint8_t *at = a->pool + a->pooled;
    if (text.len == 0 || text.len > sizeof a->pool - a->pooled)
        return (mix_bytes){0};
    memcpy(at, text.data, text.len);
    a->pooled += text.len;
    return mix_bytes_of(at, text.len);
}

static int on_skimmed(void *user, const mix_skimmed *node) {
    answer *a = user;
    a->skimmed[a->count] = *node;
    a->skimmed[a->count++].hostname = keep(a, node->hostname);
    return MIX_OK;
}

static int on_described(void *user, const mix_described *node) {
    answer *a = user;
    mix_described *d = &a->described[a->count++];
    *d = *node;
    d->hostname = keep(a, node->hostname);
    d->ipr_address = keep(a, node->ipr_address);
    for (size_t i = 0; i < MIX_BUILD_FIELDS; i++)
        d->build[i] = keep(a, node->build[i]);
    return MIX_OK;
}

/* In pieces of random sizes when t is given. */
static int decode_list(answer *a, mix_bytes body, mix_wire_format format, mix_test_env *t,
                       uint64_t longest, mix_error *e) {
    const mix_list_visitor visitor = {a, a->kind == SKIMMED ? on_skimmed : NULL,
                                      a->kind == DESCRIBED ? on_described : NULL};
    mix_list *list = NULL;
    int status = mix_list_new(&list, format, a->kind == SKIMMED ? "list" : "described", &visitor);
    while (status == MIX_OK && body.len > 0) {
        size_t n = t ? 1 + (size_t)mix_test_below(t, longest) : body.len;
        status = mix_list_feed(list, mix_bytes_slice(body, 0, n), e);
        body = mix_bytes_slice(body, n, body.len);
    }
    if (status == MIX_OK)
        status = mix_list_end(list, &a->page, e);
    mix_list_free(list);
    return status;
}

static int decode(answer *a, kind k, mix_bytes body, mix_error *e) {
    *a = (answer){.kind = k};
    return k == REWARDED   ? mix_rewarded_decode(&a->rewarded, body, e)
           : k == ROTATION ? mix_rotation_info_decode(&a->rotation, body, e)
                           : decode_list(a, body, MIX_WIRE_JSON, NULL, 0, e);
}

static int encode(mix_buf *out, const answer *a) {
    return a->kind == REWARDED   ? mix_rewarded_encode(out, &a->rewarded)
           : a->kind == ROTATION ? mix_rotation_info_encode(out, &a->rotation)
           : a->kind == DESCRIBED
               ? mix_described_encode(out, &a->page.pagination, a->described, a->count)
               : mix_skimmed_encode(out, MIX_WIRE_JSON, &a->page, a->skimmed, a->count);
}

static bool is_one_of(const char *key, const char *const *list) {
    for (; *list; list++) {
        if (strcmp(*list, key) == 0)
            return true;
    }
    return false;
}

/* Not looked at by the decoder, not written by the encoder. */
static const char *const ignored[] = {"auxiliary_details", "network_requester", "authenticator",
                                      "wireguard",         "lewes_protocol",    NULL};
static const char *const optional[] = {"status",
                                       "supported_roles",
                                       "hostname",
                                       "wss_port",
                                       "last_polled",
                                       "declared_role",
                                       "ip_packet_router",
                                       "cargo_triple",
                                       "pre_announced_x25519_sphinx_key",
                                       "x25519_versioned_noise",
                                       NULL};

/* Times may differ in zeros behind the point. */
static bool same_text(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    while (*a == '0')
        a++;
    while (*b == '0')
        b++;
    return strcmp(a, b) == 0;
}

/* All that stands in `want` stands in `got`; both ways when full. */
static void compare(mix_vectors *v, yyjson_val *want, yyjson_val *got, bool full) {
    size_t i, max;
    yyjson_val *key, *value;
    if (yyjson_is_obj(want)) {
        VCHECK(v, yyjson_is_obj(got) && (!full || yyjson_obj_size(want) == yyjson_obj_size(got)));
        yyjson_obj_foreach(want, i, max, key, value) {
            if (!is_one_of(yyjson_get_str(key), ignored))
                compare(v, value, yyjson_obj_get(got, yyjson_get_str(key)), full);
        }
    } else if (yyjson_is_arr(want)) {
        VCHECK(v, yyjson_is_arr(got) && yyjson_arr_size(want) == yyjson_arr_size(got));
        yyjson_arr_foreach(want, i, max, value) {
            compare(v, value, yyjson_arr_get(got, i), full);
        }
    } else if (yyjson_is_str(want)) {
        VCHECK(v, yyjson_is_str(got) && same_text(yyjson_get_str(want), yyjson_get_str(got)));
    } else {
        VCHECK(v, yyjson_equals(want, got));
    }
}

static mix_bytes text_of(yyjson_mut_doc *doc) {
    size_t len = 0;
    char *text = yyjson_mut_write(doc, 0, &len); /* freed by the caller */
    return mix_bytes_of(text, len);
}

typedef enum change { REMOVED, MADE_NULL, WRONG_TYPE, UNKNOWN_KEY_INSIDE, CHANGES } change;

typedef struct place {
    mix_vectors *v;
    const char *file;
    kind kind;
    yyjson_doc *doc;
    char pointer[256]; /* "/nodes/data/1/mix_port" */
    char path[256];    /* "nodes.data[1].mix_port" */
} place;

/* May it be missing or null? */
static bool is_optional(const place *p, const char *key) {
    if (strcmp(key, "entry") == 0)
        return !strstr(p->path, "_role") &&
               !strstr(p->path, "roles"); /* of a node; as a role's name it is required */
    if (strcmp(key, "epoch_id") == 0)
        return p->kind == REWARDED;
    return is_one_of(key, optional);
}

static void break_at(place *p, const char *key, change how) {
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(p->doc, NULL);
    yyjson_mut_val *at = yyjson_mut_doc_ptr_get(doc, p->pointer);
    bool accepted = how == UNKNOWN_KEY_INSIDE
                        ? strcmp(key, "epoch_duration") != 0 && strcmp(key, "epoch_length") != 0
                        : how != WRONG_TYPE && is_optional(p, key);
    if (how == UNKNOWN_KEY_INSIDE) {
        if (!yyjson_mut_is_obj(at)) {
            yyjson_mut_doc_free(doc);
            return;
        }
        yyjson_mut_obj_add_str(doc, at, "key_of_the_future", "value");
    } else if (how == REMOVED) {
        yyjson_mut_doc_ptr_remove(doc, p->pointer);
    } else {
        bool is_array = yyjson_mut_is_arr(at);
        yyjson_mut_val *to = how == MADE_NULL ? yyjson_mut_null(doc)
                             : is_array       ? yyjson_mut_obj(doc)
                                              : yyjson_mut_arr(doc);
        yyjson_mut_doc_ptr_set(doc, p->pointer, to);
    }
    mix_bytes body = text_of(doc);
    mix_vectors_at(p->v, "%s: %s, change %d", p->file, p->path, (int)how);
    mix_error e = {0};
    answer a;
    int status = decode(&a, p->kind, body, &e);
    VSTATUS(p->v, status, accepted ? MIX_OK : MIX_ERR_DIRECTORY_MALFORMED);
    if (!accepted && !VCHECK(p->v, e.code == status && strstr(e.words, p->path)))
        fprintf(stderr, "  noted: %s\n", e.words);
    mix_rewarded_deinit(&a.rewarded);
    free((void *)(uintptr_t)body.data);
    yyjson_mut_doc_free(doc);
}

static void break_below(place *p, yyjson_val *value) {
    size_t i, max, pointer = strlen(p->pointer), path = strlen(p->path);
    yyjson_val *key, *member;
    if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, i, max, key, member) {
            const char *name = yyjson_get_str(key);
            if (is_one_of(name, ignored))
                continue;
            snprintf(p->pointer + pointer, sizeof p->pointer - pointer, "/%s", name);
            snprintf(p->path + path, sizeof p->path - path, path > 0 ? ".%s" : "%s", name);
            for (int how = 0; how < CHANGES; how++)
                break_at(p, name, (change)how);
            break_below(p, member);
        }
    } else if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, max, member) {
            snprintf(p->pointer + pointer, sizeof p->pointer - pointer, "/%zu", i);
            snprintf(p->path + path, sizeof p->path - path, "[%zu]", i);
            break_at(p, "", WRONG_TYPE);
            break_below(p, member);
        }
    }
    p->pointer[pointer] = p->path[path] = 0;
}

/* The nodes are the same, whatever way they were read. */
static void same_answer(mix_vectors *v, const answer *a, const answer *b) {
    mix_buf x = {0}, y = {0};
    VSTATUS(v, encode(&x, a), MIX_OK);
    VSTATUS(v, encode(&y, b), MIX_OK);
    VBYTES(v, mix_buf_bytes(&x), mix_buf_bytes(&y));
    mix_buf_deinit(&x);
    mix_buf_deinit(&y);
}

static void in_pieces(mix_vectors *v, kind k, mix_bytes body, const answer *whole) {
    mix_test_env t;
    mix_test_env_init(&t, body.len);
    static const uint64_t longest[] = {1, 7, 100, 3000};
    for (size_t i = 0; i < 4; i++) {
        answer a = {.kind = k};
        mix_error e = {0};
        VSTATUS(v, decode_list(&a, body, MIX_WIRE_JSON, &t, longest[i], &e), MIX_OK);
        same_answer(v, &a, whole);
    }
}

static void read_file(mix_vectors *v, size_t index) {
    char name[96];
    snprintf(name, sizeof name, "testdata/directory/%s", files[index].file);
    mix_vectors_at(v, "%s", files[index].file);
    yyjson_doc *doc = yyjson_read_file(name, 0, NULL, NULL);
    if (!VCHECK(v, doc != NULL))
        return;
    size_t len = 0;
    char *text = yyjson_write(doc, YYJSON_WRITE_PRETTY, &len);
    answer a;
    mix_error e = {0};
    if (!VSTATUS(v, decode(&a, files[index].kind, mix_bytes_of(text, len), &e), MIX_OK))
        fprintf(stderr, "  noted: %s\n", e.words);
    mix_buf out = {0};
    VSTATUS(v, encode(&out, &a), MIX_OK);
    yyjson_doc *again = yyjson_read((char *)out.data, out.len, 0);
    VCHECK(v, again != NULL);
    compare(v, yyjson_doc_get_root(doc), yyjson_doc_get_root(again), files[index].full);
    if (files[index].kind == SKIMMED || files[index].kind == DESCRIBED)
        in_pieces(v, files[index].kind, mix_bytes_of(text, len), &a);
    place p = {.v = v, .file = files[index].file, .kind = files[index].kind, .doc = doc};
    break_below(&p, yyjson_doc_get_root(doc));
    mix_rewarded_deinit(&a.rewarded);
    yyjson_doc_free(again);
    yyjson_doc_free(doc);
    mix_buf_deinit(&out);
    free(text);
}

static yyjson_val *keys_of(mix_vectors *v, uint32_t id) {
    size_t i, max;
    yyjson_val *node;
    yyjson_arr_foreach(mix_vec(v, v->root, "nodes"), i, max, node) {
        if (mix_vec_u64(v, node, "node_id") == id)
            return node;
    }
    return NULL;
}

/* keys.json holds the same keys in hexadecimal. */
static void keys_match(mix_vectors *v, size_t index) {
    char name[96];
    snprintf(name, sizeof name, "directory/%s", files[index].file);
    mix_vectors file;
    mix_vectors_open(&file, "directory", name);
    size_t len = 0;
    char *text = yyjson_write(file.doc, 0, &len);
    answer a;
    VSTATUS(v, decode(&a, files[index].kind, mix_bytes_of(text, len), NULL), MIX_OK);
    mix_vectors_at(v, "%s: keys", files[index].file);
    for (size_t i = 0; i < a.count; i++) {
        bool described = a.kind == DESCRIBED;
        yyjson_val *keys = keys_of(v, described ? a.described[i].id : a.skimmed[i].id);
        mix_bytes identity = mix_vec_hex(v, mix_vec(v, keys, "identity"), "public_hex");
        mix_bytes four = mix_vec_hex(v, mix_vec(v, keys, "sphinx_rotation_4"), "public_hex");
        mix_bytes five = mix_vec_hex(v, mix_vec(v, keys, "sphinx_rotation_5"), "public_hex");
        if (described) {
            VBYTES(v, MIX_BYTES(a.described[i].identity), identity);
            VBYTES(v, MIX_BYTES(a.described[i].current.key), four);
            if (a.described[i].has_announced)
                VBYTES(v, MIX_BYTES(a.described[i].announced.key), five);
        } else {
            VBYTES(v, MIX_BYTES(a.skimmed[i].identity), identity);
            VBYTES(v, MIX_BYTES(a.skimmed[i].sphinx_key), four);
        }
    }
    free(text);
    yyjson_doc_free(file.doc);
}

static void bincode_entry(mix_vectors *v, yyjson_val *entry) {
    char name[96];
    snprintf(name, sizeof name, "testdata/directory/%s", mix_vec_str(v, entry, "of"));
    mix_vectors_at(v, "bincode of %s", mix_vec_str(v, entry, "of"));
    mix_bytes bytes = mix_vec_hex(v, entry, "hex");
    yyjson_doc *doc = yyjson_read_file(name, 0, NULL, NULL);
    size_t len = 0;
    char *text = yyjson_write(doc, 0, &len);
    answer json, binary = {.kind = SKIMMED};
    mix_error e = {0};
    VSTATUS(v, decode(&json, SKIMMED, mix_bytes_of(text, len), &e), MIX_OK);
    if (!VSTATUS(v, decode_list(&binary, bytes, MIX_WIRE_BINCODE, NULL, 0, &e), MIX_OK))
        fprintf(stderr, "  noted: %s\n", e.words);
    same_answer(v, &binary, &json);
    mix_buf out = {0};
    VSTATUS(v, mix_skimmed_encode(&out, MIX_WIRE_BINCODE, &json.page, json.skimmed, json.count),
            MIX_OK);
    VBYTES(v, mix_buf_bytes(&out), bytes);
    for (size_t n = 0; n < bytes.len; n++) { /* every cut is too early */
        answer a = {.kind = SKIMMED};
        uint8_t *cut = malloc(n + 1); /* of its own, so that a read past the end is seen */
        memcpy(cut, bytes.data, n);
        VSTATUS(v, decode_list(&a, mix_bytes_of(cut, n), MIX_WIRE_BINCODE, NULL, 0, &e),
                MIX_ERR_DIRECTORY_MALFORMED);
        free(cut);
    }
    mix_buf_put_u8(&out, 0);
    answer longer = {.kind = SKIMMED};
    VSTATUS(v, decode_list(&longer, mix_buf_bytes(&out), MIX_WIRE_BINCODE, NULL, 0, &e),
            MIX_ERR_DIRECTORY_MALFORMED);
    mix_buf_deinit(&out);
    free(text);
    yyjson_doc_free(doc);
}

/* The set as a whole: the client takes its topology, entries and exits from it. */
static void feed_set(mix_vectors *v, mix_directory *d, const char *folder) {
    static const char *const parts[][2] = {{"rewarded-set", "rewarded-set"},
                                           {"mixnodes/active", "mixnodes-active"},
                                           {"entry-gateways", "entry-gateways"},
                                           {"key-rotation-info", "key-rotation-info"},
                                           {"described", "described"}};
    mix_directory_call call;
    size_t calls = 0;
    while (mix_directory_drain(d, &call, 0) == MIX_OK && calls < 10) {
        char name[96] = "";
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            if (strstr(call.url, parts[i][0]))
                snprintf(name, sizeof name, "testdata/directory/%s%s.json", folder, parts[i][1]);
        }
        calls++;
        yyjson_doc *doc = yyjson_read_file(name, 0, NULL, NULL);
        size_t len = 0;
        char *text = yyjson_write(doc, 0, &len);
        const mix_directory_answer a = {
            .id = call.id, .status = 200, .body = mix_bytes_of(text, len), .last = true};
        VSTATUS(v, mix_directory_feed(d, &a, 0), MIX_OK);
        free(text);
        yyjson_doc_free(doc);
    }
    VCHECK(v, calls == sizeof parts / sizeof *parts);
}

static void set_is_offered(mix_vectors *v, mix_directory *d, mix_test_env *t) {
    mix_directory_event ev;
    VSTATUS(v, mix_directory_next(d, &ev), MIX_OK);
    VCHECK(v, ev.kind == MIX_DIRECTORY_TOPOLOGY);
    yyjson_val *exit_keys = keys_of(v, 5), *entry_keys = keys_of(v, 4);
    mix_bytes exit_id = mix_vec_hex(v, mix_vec(v, exit_keys, "identity"), "public_hex");
    mix_bytes entry_id = mix_vec_hex(v, mix_vec(v, entry_keys, "identity"), "public_hex");
    const mix_node *route[MIX_LAYERS + 1];
    VSTATUS(v, mix_topology_route(ev.topology, &t->env, exit_id.data, route), MIX_OK);
    VCHECK(v, route[0]->id == 1 && route[1]->id == 2 && route[2]->id == 3 && route[3]->id == 5);
    static const uint8_t first[] = {4, 21001 >> 8, 21001 & 255, 127, 0, 0, 1};
    VBYTES(v, mix_bytes_of(route[0]->address, 7), MIX_BYTES(first));
    VSTATUS(v, mix_directory_next(d, &ev), MIX_OK);
    VCHECK(v, ev.kind == MIX_DIRECTORY_EXITS);
    mix_entry entries[4];
    mix_exit exits[4];
    size_t count = 0;
    VSTATUS(v, mix_directory_entries(d, entries, 4, &count, NULL, 0), MIX_OK);
    VCHECK(v, count == 2 && strcmp(entries[0].url, "wss://entry1.nym.test:29001/") == 0);
    VBYTES(v, MIX_BYTES(entries[0].identity), entry_id);
    VBYTES(v, MIX_BYTES(entries[1].identity),
           exit_id); /* the only exit: as an entry it is the last */
    VSTATUS(v, mix_directory_exits(d, entry_id.data, exits, 4, &count, NULL, 0), MIX_OK);
    VCHECK(v, count == 1 && exits[0].ipr_version == 9);
    mix_buf address = {0};
    VSTATUS(v, mix_recipient_format(&address, &exits[0].address), MIX_OK);
    mix_buf_put_u8(&address, 0);
    VCHECK(v,
           strcmp((const char *)address.data, "HxT8XCzzeBz7Vr8ZXK7DuD3fym2ogmjTZtedjNBfdsbG."
                                              "6jjUMPRhBhQG7RfHWSgmmEwFjxdnBnXSDpL3Xa99UpWR@"
                                              "CerpY1qbC2CByb2XUieiMt3PitzDEWNi6G4r2dgaWQL3") == 0);
    mix_buf_deinit(&address);
}

/* By the answers, and by the value that is stored after them. */
static void set_is_accepted(mix_vectors *v, const char *folder) {
    mix_vectors_at(v, "set '%s'", folder);
    mix_test_env t;
    mix_test_env_init(&t, 1);
    static const char *const urls[] = {"https://validator.nymtech.net/api/"};
    mix_directory_config c = {
        .urls = urls, .url_count = 1, .tls = true, .exits = true, .stores = true};
    mix_directory *d = NULL, *later = NULL;
    mix_directory_event ev;
    mix_directory_call call;
    VSTATUS(v, mix_directory_new(&d, &c, &t.env, 0), MIX_OK);
    feed_set(v, d, folder);
    set_is_offered(v, d, &t);
    VSTATUS(v, mix_directory_next(d, &ev), MIX_OK);
    VCHECK(v, ev.kind == MIX_DIRECTORY_STORE);
    c.stored = ev.value;
    mix_vectors_at(v, "set '%s', stored", folder);
    VSTATUS(v, mix_directory_new(&later, &c, &t.env, 0), MIX_OK);
    VSTATUS(v, mix_directory_drain(later, &call, 0), MIX_DONE);
    set_is_offered(v, later, &t);
    VCHECK(v, mix_directory_rotation(later) &&
                  memcmp(mix_directory_rotation(later), mix_directory_rotation(d),
                         sizeof(mix_rotation_info)) == 0);
    VSTATUS(v, mix_directory_next(later, &ev), MIX_DONE);
    VSTATUS(v, mix_directory_next(d, &ev), MIX_DONE);
    mix_directory_free(later);
    mix_directory_free(d);
}

int main(void) {
    mix_vectors v, bincode;
    mix_vectors_open(&v, "directory", "directory/keys.json");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        read_file(&v, i);
        if (files[i].kind == SKIMMED || files[i].kind == DESCRIBED)
            keys_match(&v, i);
        mix_vectors_sweep(&v);
    }
    mix_vectors_open(&bincode, "directory", "directory/bincode.json");
    size_t i, max;
    yyjson_val *entry;
    yyjson_arr_foreach(bincode.root, i, max, entry) {
        bincode_entry(&v, entry);
    }
    yyjson_doc_free(bincode.doc);
    set_is_accepted(&v, "");
    set_is_accepted(&v, "min/");
    return mix_vectors_close(&v);
}
