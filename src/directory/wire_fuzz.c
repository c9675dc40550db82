/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders of the directory's answers. The first byte chooses one (below 4: JSON of a kind;
 * else bincode), the second the size of pieces. What is accepted must survive being written and
 * read again, and must not depend on how it was cut. */
#include "directory/wire.h"
#include "testing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT = 64 };

typedef struct kept {
    mix_page page;
    mix_skimmed skimmed[KEPT];
    mix_described described[KEPT];
    size_t count;
    mix_buf json, binary; /* every node of its own, written when it was visited */
} kept;

static int on_skimmed(void *user, const mix_skimmed *node) {
    kept *k = user;
    const mix_page page = {0};
    if (mix_skimmed_encode(&k->json, MIX_WIRE_JSON, &page, node, 1) != MIX_OK ||
        mix_skimmed_encode(&k->binary, MIX_WIRE_BINCODE, &page, node, 1) != MIX_OK)
        abort();
    k->count++;
    return MIX_OK;
}

static int on_described(void *user, const mix_described *node) {
    kept *k = user;
    const mix_pagination pagination = {0};
    if (mix_described_encode(&k->json, &pagination, node, 1) != MIX_OK)
        abort();
    k->count++;
    return MIX_OK;
}

static void forget(kept *k) {
    mix_buf_deinit(&k->json);
    mix_buf_deinit(&k->binary);
    *k = (kept){0};
}

static int read_list(kept *k, mix_bytes in, mix_wire_format format, bool described, size_t piece) {
    const mix_list_visitor visitor = {k, described ? NULL : on_skimmed,
                                      described ? on_described : NULL};
    mix_list *l = NULL;
    mix_error e = {0};
    if (mix_list_new(&l, format, "fuzz", &visitor) != MIX_OK)
        abort();
    int status = MIX_OK;
    for (size_t at = 0; at < in.len && status == MIX_OK; at += piece)
        status = mix_list_feed(l, mix_bytes_slice(in, at, piece), &e);
    if (status == MIX_OK)
        status = mix_list_end(l, &k->page, &e);
    if (status != MIX_OK && (e.code != status || e.words[0] == 0))
        abort(); /* each failure is noted */
    mix_list_free(l);
    return status;
}

static void must_equal(const mix_buf *a, const mix_buf *b) {
    if (!mix_bytes_equal(mix_buf_bytes(a), mix_buf_bytes(b)))
        abort();
}

/* One node, written alone, is read as what it was. */
static int again_skimmed(void *user, const mix_skimmed *node) {
    kept again = {0};
    kept *first = user;
    mix_buf one = {0};
    const mix_page page = {0};
    for (int format = 0; format < 2; format++) {
        if (mix_skimmed_encode(&one, (mix_wire_format)format, &page, node, 1) != MIX_OK ||
            read_list(&again, mix_buf_bytes(&one), (mix_wire_format)format, false, SIZE_MAX / 2) !=
                MIX_OK)
            abort();
        mix_buf wanted = {0};
        if (mix_skimmed_encode(&wanted, MIX_WIRE_BINCODE, &page, node, 1) != MIX_OK)
            abort();
        must_equal(&again.binary, &wanted);
        mix_buf_deinit(&wanted);
        mix_buf_truncate(&one, 0);
        forget(&again);
    }
    mix_buf_deinit(&one);
    first->count++;
    return MIX_OK;
}

static void list(mix_bytes in, mix_wire_format format, bool described, size_t piece) {
    kept whole = {0}, cut = {0};
    int status = read_list(&whole, in, format, described, in.len + 1);
    if (read_list(&cut, in, format, described, piece) != status ||
        (status == MIX_OK && whole.count != cut.count))
        abort();
    if (status == MIX_OK) {
        must_equal(&whole.json, &cut.json);
        if (!mix_page_metadata_agree(&whole.page.metadata, &cut.page.metadata) ||
            whole.page.count != cut.page.count)
            abort();
    }
    if (status == MIX_OK && !described) {
        kept counted = {0};
        const mix_list_visitor visitor = {.user = &counted, .skimmed = again_skimmed};
        mix_page page;
        if (mix_list_decode(&page, in, format, "fuzz", &visitor, NULL) != MIX_OK)
            abort();
    }
    forget(&whole);
    forget(&cut);
}

static void rewarded(mix_bytes in) {
    mix_rewarded r = {0}, again = {0};
    mix_buf one = {0}, two = {0};
    if (mix_rewarded_decode(&r, in, NULL) == MIX_OK) {
        if (mix_rewarded_encode(&one, &r) != MIX_OK ||
            mix_rewarded_decode(&again, mix_buf_bytes(&one), NULL) != MIX_OK ||
            mix_rewarded_encode(&two, &again) != MIX_OK)
            abort();
        must_equal(&one, &two);
    }
    mix_rewarded_deinit(&r);
    mix_rewarded_deinit(&again);
    mix_buf_deinit(&one);
    mix_buf_deinit(&two);
}

static void rotation(mix_bytes in) {
    mix_rotation_info info, again;
    if (mix_rotation_info_decode(&info, in, NULL) != MIX_OK)
        return;
    mix_buf text = {0};
    if (info.validity_epochs == 0 || info.epoch_length <= 0 ||
        mix_rotation_info_encode(&text, &info) != MIX_OK ||
        mix_rotation_info_decode(&again, mix_buf_bytes(&text), NULL) != MIX_OK ||
        again.epoch != info.epoch || again.epoch_start != info.epoch_start ||
        again.epoch_length != info.epoch_length)
        abort();
    uint32_t id = mix_rotation_id_at(&info, mix_rotation_epoch_at(&info, 1795377600000000));
    (void)mix_rotation_start(&info, id);
    (void)mix_rotation_stuck(&info, info.epoch, INT64_MAX);
    mix_buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    mix_bytes in = mix_bytes_of(data + 2, size - 2);
    size_t piece = (size_t)data[1] + 1;
    switch (data[0]) {
    case 0:
        list(in, MIX_WIRE_JSON, false, piece);
        break;
    case 1:
        list(in, MIX_WIRE_JSON, true, piece);
        break;
    case 2:
        rewarded(in);
        break;
    case 3:
        rotation(in);
        break;
    default:
        list(in, MIX_WIRE_BINCODE, false, piece);
    }
    return 0;
}
