/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what each asks for, how much it may be answered, what its pages add up to. */
#include "directory/request.h"

#include "base/alloc.h"

#include <stdio.h>

static const struct {
    const char *name; /* in errors */
    const char *path;
    size_t limit; /* bytes of one answer */
    bool paged;
    bool bincode; /* has that form */
} table[MIX_REQUESTS] = {
    [MIX_REQUEST_REWARDED] = {"rewarded-set", "v1/nym-nodes/rewarded-set", 128 << 10, false, false},
    [MIX_REQUEST_MIXNODES] = {"mixnodes", "v2/unstable/nym-nodes/skimmed/mixnodes/active", 8 << 20,
                              true, true},
    [MIX_REQUEST_GATEWAYS] = {"entry-gateways", "v2/unstable/nym-nodes/skimmed/entry-gateways",
                              8 << 20, true, true},
    [MIX_REQUEST_ROTATION] = {"key-rotation-info", "v1/epoch/key-rotation-info", 16 << 10, false,
                              false},
    [MIX_REQUEST_DESCRIBED] = {"described", "v2/nym-nodes/described", 32 << 20, true, false},
};

const char *mix_request_name(mix_request_kind kind) {
    return table[kind].name;
}

void mix_request_init(mix_request *r, mix_request_kind kind) {
    *r = (mix_request){.kind = kind};
}

void mix_request_drop(mix_request *r) {
    if (r->list) { /* a page that broke off leaves nothing */
        r->kept.count = r->before.nodes;
        r->kept.seen = r->before.seen;
        mix_buf_truncate(&r->kept.texts, r->before.texts);
        r->exits.count = r->before.exits;
        r->exits.seen = r->before.exits_seen;
    }
    mix_list_free(r->list);
    r->list = NULL;
    mix_buf_deinit(&r->body);
    r->received = 0;
}

static void forget(mix_request *r) {
    mix_request_drop(r);
    mix_kept_deinit(&r->kept);
    mix_kept_exits_deinit(&r->exits);
    mix_rewarded_deinit(&r->rewarded);
    r->metadata = (mix_page_metadata){0};
    r->mismatch = false;
    r->skipped = 0;
}

void mix_request_deinit(mix_request *r) {
    forget(r);
    r->state = MIX_REQUEST_IDLE;
}

void mix_request_stop(mix_request *r) {
    if (r->state == MIX_REQUEST_SENT)
        r->cancel_id = r->id;
    mix_request_drop(r);
    r->state = MIX_REQUEST_IDLE;
}

void mix_request_start(mix_request *r, size_t base) {
    mix_request_stop(r);
    forget(r);
    r->base = base;
    r->page = 0;
    r->tries = 0;
    mix_error_clear(&r->error);
    r->state = MIX_REQUEST_READY;
}

int mix_request_path(const mix_request *r, mix_buf *out, bool bincode) {
    mix_buf_put_str(out, table[r->kind].path);
    if (table[r->kind].paged) {
        char query[48];
        bool binary = bincode && table[r->kind].bincode;
        snprintf(query, sizeof query, "?page=%u%s", r->page, binary ? "&output=bincode" : "");
        mix_buf_put_str(out, query);
    }
    return mix_buf_status(out);
}

/* It says what we would like; the answer's form is chosen by the query (§3.1). */
const char *mix_request_accept(const mix_request *r, bool bincode) {
    return bincode && table[r->kind].bincode ? "application/bincode, application/json"
                                             : "application/json";
}

void mix_request_sent(mix_request *r, uint64_t id, mix_time now) {
    r->state = MIX_REQUEST_SENT;
    r->id = id;
    r->at = now + MIX_REQUEST_SILENCE;
    r->whole_until = now + MIX_REQUEST_WHOLE;
}

static int on_skimmed(void *user, const mix_skimmed *node) {
    mix_request *r = user;
    int status = mix_kept_add(&r->kept, node);
    if (status != MIX_OK)
        mix_error_note(&r->error, status, "directory", MIX_LIST_NODES_MAX,
                       status == MIX_ERR_MEMORY ? "%s: no memory" : "%s: too many nodes",
                       mix_request_name(r->kind));
    return status;
}

static int on_described(void *user, const mix_described *node) {
    mix_request *r = user;
    int status = mix_kept_exits_add(&r->exits, node);
    if (status != MIX_OK)
        mix_error_note(&r->error, status, "directory", MIX_LIST_NODES_MAX,
                       status == MIX_ERR_MEMORY ? "%s: no memory" : "%s: too many nodes",
                       mix_request_name(r->kind));
    return status;
}

static int begin_list(mix_request *r, mix_bytes content_type) {
    bool described = r->kind == MIX_REQUEST_DESCRIBED;
    const mix_list_visitor visitor = {r, described ? NULL : on_skimmed,
                                      described ? on_described : NULL};
    mix_wire_format format = described ? MIX_WIRE_JSON : mix_wire_format_of(content_type);
    r->before.nodes = r->kept.count;
    r->before.seen = r->kept.seen;
    r->before.texts = r->kept.texts.len;
    r->before.exits = r->exits.count;
    r->before.exits_seen = r->exits.seen;
    int status = mix_list_new(&r->list, format, mix_request_name(r->kind), &visitor);
    if (status != MIX_OK)
        mix_error_note(&r->error, status, "directory", 0, "%s: no memory",
                       mix_request_name(r->kind));
    return status;
}

static size_t nodes_so_far(const mix_request *r) {
    return r->skipped + (r->kind == MIX_REQUEST_DESCRIBED ? r->exits.seen : r->kept.seen);
}

/* §3.3: on until as many nodes came as there are said to be. Each page must bring some, so this
 * ends. */
static int end_page(mix_request *r) {
    mix_page page;
    int status = mix_list_end(r->list, &page, &r->error);
    if (status != MIX_OK)
        return status;
    if (r->page == 0)
        r->metadata = page.metadata;
    else if (!mix_page_metadata_agree(&r->metadata, &page.metadata))
        r->mismatch = true;
    mix_list_free(r->list);
    r->list = NULL; /* its nodes stay */
    mix_request_drop(r);
    r->skipped += page.skipped;
    size_t have = nodes_so_far(r);
    if (have >= page.pagination.total || r->mismatch) {
        r->state = MIX_REQUEST_DONE;
        return MIX_OK;
    }
    if (page.count == page.skipped || r->page + 1 == MIX_REQUEST_PAGES_MAX)
        return mix_error_note(&r->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", (int64_t)have,
                              "%s: %zu nodes on %u pages, though there are said to be %llu",
                              mix_request_name(r->kind), have, r->page + 1,
                              (unsigned long long)page.pagination.total);
    r->page++;
    r->tries = 0;
    r->state = MIX_REQUEST_READY;
    return MIX_OK;
}

static int end_body(mix_request *r) {
    mix_bytes body = mix_buf_bytes(&r->body);
    int status = r->kind == MIX_REQUEST_REWARDED
                     ? mix_rewarded_decode(&r->rewarded, body, &r->error)
                     : mix_rotation_info_decode(&r->rotation, body, &r->error);
    mix_request_drop(r);
    if (status == MIX_OK)
        r->state = MIX_REQUEST_DONE;
    return status;
}

/* The answer is no success: its first words may say why. */
static int refused(mix_request *r, int http_status, mix_bytes body, bool last) {
    const size_t most = 64;
    mix_buf_put_bytes(&r->body, mix_bytes_slice(body, 0, most - r->body.len));
    if (!last && r->body.len < most && !r->body.failed)
        return MIX_OK;
    char words[65] = "";
    for (size_t i = 0; i < r->body.len && i < most; i++)
        words[i] = r->body.data[i] >= ' ' && r->body.data[i] <= '~' ? (char)r->body.data[i] : '?';
    return mix_error_note(&r->error, MIX_ERR_DIRECTORY_STATUS, "directory", http_status,
                          "%s: HTTP status %d%s%s", mix_request_name(r->kind), http_status,
                          words[0] ? ": " : "", words);
}

int mix_request_piece(mix_request *r, int http_status, mix_bytes content_type, mix_bytes body,
                      bool last, mix_time now) {
    if (body.len > 0 || r->received == 0)
        r->at =
            now + MIX_REQUEST_SILENCE < r->whole_until ? now + MIX_REQUEST_SILENCE : r->whole_until;
    if (http_status < 200 || http_status > 299)
        return refused(r, http_status, body, last);
    if (body.len > table[r->kind].limit - r->received)
        return mix_error_note(&r->error, MIX_ERR_DIRECTORY_SIZE, "directory",
                              (int64_t)table[r->kind].limit, "%s: more than %zu bytes",
                              mix_request_name(r->kind), table[r->kind].limit);
    r->received += body.len;
    int status = MIX_OK;
    if (table[r->kind].paged) {
        if (!r->list)
            status = begin_list(r, content_type);
        if (status == MIX_OK)
            status = mix_list_feed(r->list, body, &r->error);
        return status == MIX_OK && last ? end_page(r) : status;
    }
    mix_buf_put_bytes(&r->body, body);
    if (r->body.failed)
        return mix_error_note(&r->error, MIX_ERR_MEMORY, "directory", 0, "%s: no memory",
                              mix_request_name(r->kind));
    return last ? end_body(r) : MIX_OK;
}

bool mix_request_passing(const mix_request *r) {
    int64_t status = r->error.number;
    switch (r->error.code) {
    case MIX_ERR_DIRECTORY_UNREACHABLE:
    case MIX_ERR_DIRECTORY_TIMEOUT:
    case MIX_ERR_MEMORY:
        return true;
    case MIX_ERR_DIRECTORY_STATUS:
        return status >= 500 || status == 408 || status == 425 || status == 429;
    default:
        return false;
    }
}
