/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in either format, piece by piece, and what does not depend on the format. */
#include "directory/wire.h"

#include "base/alloc.h"
#include "base/text.h"
#include "directory/wire_bincode.h"
#include "directory/wire_json.h"

mix_wire_format mix_wire_format_of(mix_bytes content_type) {
    static const char bincode[] = "application/bincode";
    size_t n = sizeof bincode - 1;
    if (!mix_text_same(mix_bytes_slice(content_type, 0, n), bincode))
        return MIX_WIRE_JSON;
    bool ends = content_type.len == n || content_type.data[n] == ';' || content_type.data[n] == ' ';
    return ends ? MIX_WIRE_BINCODE : MIX_WIRE_JSON;
}

bool mix_page_metadata_agree(const mix_page_metadata *a, const mix_page_metadata *b) {
    const mix_interval *x = &a->fresh, *y = &b->fresh;
    return a->status == b->status && a->epoch_id == b->epoch_id &&
           a->rotation_id == b->rotation_id && x->id == y->id &&
           x->epochs_in_interval == y->epochs_in_interval &&
           x->current_epoch_id == y->current_epoch_id &&
           x->total_elapsed_epochs == y->total_elapsed_epochs &&
           x->current_epoch_start == y->current_epoch_start &&
           x->epoch_seconds == y->epoch_seconds && x->epoch_nanos == y->epoch_nanos;
}

struct mix_list {
    mix_wire_format format;
    const char *name;
    mix_list_visitor visitor;
    mix_json_fault fault; /* of JSON; its error is set for the length of a call */
    mix_json_split *split;
    mix_page page;
    bool has_metadata, has_pagination;
    mix_buf body; /* of bincode */
    int status;
};

static bool is_described(const mix_list *l) {
    return l->visitor.described != NULL;
}

/* The frames of a path for complaints: nodes.data[3] or data[3]. */
typedef struct frames {
    mix_json top, nodes, data;
} frames;

static const mix_json *frames_at(frames *f, mix_list *l, bool in_nodes) {
    f->top = (mix_json){.fault = &l->fault};
    f->nodes = (mix_json){.up = &f->top, .key = "nodes", .fault = &l->fault};
    return in_nodes ? &f->nodes : &f->top;
}

static bool key_is(mix_bytes key, const char *name) {
    return mix_bytes_equal(key, mix_bytes_str(name));
}

static int on_member(void *user, size_t depth, mix_bytes key, mix_bytes raw) {
    mix_list *l = user;
    frames f;
    bool in_nodes = depth == 2;
    const mix_json *up = frames_at(&f, l, in_nodes);
    bool metadata = !in_nodes && !is_described(l) && key_is(key, "metadata");
    bool pagination = in_nodes == !is_described(l) && key_is(key, "pagination");
    mix_json at = {.up = up, .fault = &l->fault};
    at.key = metadata               ? "metadata"
             : pagination           ? "pagination"
             : key_is(key, "data")  ? "data"
             : key_is(key, "nodes") ? "nodes"
                                    : "…";
    yyjson_doc *doc;
    if (mix_json_parse(&doc, &at, raw) != MIX_OK) /* what nobody looks at must be JSON, too */
        return l->fault.status;
    at.value = yyjson_doc_get_root(doc);
    if (metadata || pagination) {
        if (!yyjson_is_obj(at.value))
            mix_json_wrong(&at, "an object");
        else if (metadata ? l->has_metadata : l->has_pagination)
            mix_json_wrong(&at, "it once");
        else if (metadata)
            mix_json_read_metadata(&l->page.metadata, &at);
        else
            mix_json_read_pagination(&l->page.pagination, &at);
        l->has_metadata = l->has_metadata || metadata;
        l->has_pagination = l->has_pagination || pagination;
    }
    yyjson_doc_free(doc);
    return l->fault.status;
}

static int on_element(void *user, size_t index, mix_bytes raw) {
    mix_list *l = user;
    frames f;
    l->page.count++;
    if (raw.len == 0) {
        l->page.skipped++;
        return MIX_OK;
    }
    f.data =
        (mix_json){.up = frames_at(&f, l, !is_described(l)), .key = "data", .fault = &l->fault};
    mix_json at = mix_json_element(&f.data, index, NULL);
    yyjson_doc *doc;
    if (mix_json_parse(&doc, &at, raw) != MIX_OK)
        return l->fault.status;
    at.value = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(at.value))
        mix_json_wrong(&at, "an object");
    mix_described described;
    mix_skimmed skimmed;
    if (is_described(l))
        mix_json_read_described(&described, &at);
    else
        mix_json_read_skimmed(&skimmed, &at);
    int status = l->fault.status;
    if (status == MIX_OK)
        status = is_described(l) ? l->visitor.described(l->visitor.user, &described)
                                 : l->visitor.skimmed(l->visitor.user, &skimmed);
    yyjson_doc_free(doc);
    return status;
}

int mix_list_new(mix_list **out, mix_wire_format format, const char *name,
                 const mix_list_visitor *visitor) {
    static const char *const skimmed_path[] = {"nodes", "data"}, *const described_path[] = {"data"};
    if ((visitor->skimmed == NULL) == (visitor->described == NULL) ||
        (visitor->described && format == MIX_WIRE_BINCODE))
        return MIX_ERR_ARGUMENT;
    mix_list *l = mix_alloc_zero(1, sizeof *l);
    if (!l)
        return MIX_ERR_MEMORY;
    l->format = format;
    l->name = name;
    l->visitor = *visitor;
    l->fault.answer = name;
    const mix_json_split_visitor parts = {l, on_member, on_element};
    int status = MIX_OK;
    if (format == MIX_WIRE_JSON)
        status = is_described(l)
                     ? mix_json_split_new(&l->split, described_path, 1, MIX_LIST_NODE_MAX, &parts)
                     : mix_json_split_new(&l->split, skimmed_path, 2, MIX_LIST_NODE_MAX, &parts);
    if (status != MIX_OK) {
        mix_list_free(l);
        return status;
    }
    *out = l;
    return MIX_OK;
}

void mix_list_free(mix_list *l) {
    if (!l)
        return;
    mix_json_split_free(l->split);
    mix_buf_deinit(&l->body);
    mix_free(l);
}

int mix_list_feed(mix_list *l, mix_bytes piece, mix_error *e) {
    if (l->status != MIX_OK)
        return l->status;
    l->fault.error = e;
    if (l->format == MIX_WIRE_JSON)
        return l->status = mix_json_split_feed(l->split, piece, &l->fault);
    if (piece.len > MIX_LIST_BINCODE_MAX - l->body.len)
        return l->status = mix_error_note(e, MIX_ERR_DIRECTORY_SIZE, "directory",
                                          MIX_LIST_BINCODE_MAX, "%s: more than %d bytes of bincode",
                                          l->name, MIX_LIST_BINCODE_MAX);
    mix_buf_put_bytes(&l->body, piece);
    if (mix_buf_status(&l->body) != MIX_OK)
        return l->status =
                   mix_error_note(e, MIX_ERR_MEMORY, "directory", 0, "%s: no memory", l->name);
    return MIX_OK;
}

static int end_json(mix_list *l, mix_page *out) {
    frames f;
    mix_json_split_end(l->split, &l->fault);
    mix_json missing = {.up = frames_at(&f, l, false), .fault = &l->fault};
    missing.key = "metadata";
    if (!l->has_metadata && !is_described(l))
        mix_json_wrong(&missing, "an object");
    missing.up = frames_at(&f, l, !is_described(l));
    missing.key = "pagination";
    if (!l->has_pagination)
        mix_json_wrong(&missing, "an object");
    missing.key = "data";
    if (!mix_json_split_found(l->split))
        mix_json_wrong(&missing, "an array");
    if (l->fault.status == MIX_OK)
        *out = l->page;
    return l->fault.status;
}

int mix_list_end(mix_list *l, mix_page *out, mix_error *e) {
    if (l->status != MIX_OK)
        return l->status;
    l->fault.error = e;
    l->status = l->format == MIX_WIRE_JSON
                    ? end_json(l, out)
                    : mix_bincode_read_page(out, mix_buf_bytes(&l->body), l->name, &l->visitor, e);
    return l->status;
}

int mix_list_decode(mix_page *out, mix_bytes body, mix_wire_format format, const char *name,
                    const mix_list_visitor *visitor, mix_error *e) {
    mix_list *l = NULL;
    int status = mix_list_new(&l, format, name, visitor);
    if (status == MIX_OK)
        status = mix_list_feed(l, body, e);
    if (status == MIX_OK)
        status = mix_list_end(l, out, e);
    mix_list_free(l);
    return status;
}

int mix_skimmed_encode(mix_buf *out, mix_wire_format format, const mix_page *page,
                       const mix_skimmed *nodes, size_t count) {
    return format == MIX_WIRE_JSON ? mix_json_write_skimmed_page(out, page, nodes, count)
                                   : mix_bincode_write_page(out, page, nodes, count);
}
