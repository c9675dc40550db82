/* SPDX-License-Identifier: Apache-2.0 */
/* The table of forwards: public addresses and ports that are local servers. */
#include "internet_forward.h"

#include "base/alloc.h"

enum { FORWARDS_MAX = 65536 };

static bool same_ip(const mix_address *a, const mix_address *b) {
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static bool read_address(mix_address *out, const char *text, size_t len) {
    static const char local[] = "localhost:";
    char copy[MIX_ADDRESS_TEXT];
    bool named = len > sizeof local - 1 && memcmp(text, local, sizeof local - 1) == 0;
    if (named) {
        text += sizeof local - 2; /* the colon */
        len -= sizeof local - 2;
    }
    size_t at = named ? sizeof "127.0.0.1" - 1 : 0;
    if (at + len >= sizeof copy)
        return false;
    memcpy(copy, "127.0.0.1", at);
    memcpy(copy + at, text, len);
    copy[at + len] = 0;
    return mix_address_parse(out, copy) == MIX_OK && out->port != 0;
}

static int add(forwards *f, const char *text, mix_error *e) {
    const char *equals = strchr(text, '=');
    forward added;
    if (!equals || !read_address(&added.asked, text, (size_t)(equals - text)))
        return mix_error_note(
            e, MIX_ERR_ARGUMENT, "internet", 0,
            "'%s' does not read IP:PORT=HOST:PORT: the first address is not valid", text);
    if (!read_address(&added.server, equals + 1, strlen(equals + 1)))
        return mix_error_note(
            e, MIX_ERR_ARGUMENT, "internet", 0,
            "'%s' does not read IP:PORT=HOST:PORT: the second address is not valid", text);
    if (forwards_find(f, &added.asked))
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                              "'%s': this address and port are forwarded already", text);
    f->items[f->count++] = added;
    return MIX_OK;
}

int forwards_init(forwards *f, const char *const *entries, size_t count, mix_error *e) {
    *f = (forwards){0};
    if (count > FORWARDS_MAX)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0, "more than %d forwards",
                              FORWARDS_MAX);
    f->items = mix_alloc_zero(count + 1, sizeof *f->items);
    if (!f->items)
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for forwards");
    int rc = MIX_OK;
    for (size_t i = 0; rc == MIX_OK && i < count; i++)
        rc = add(f, entries[i], e);
    return rc;
}

void forwards_deinit(forwards *f) {
    mix_free(f->items);
    *f = (forwards){0};
}

const mix_address *forwards_find(const forwards *f, const mix_address *asked) {
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].asked.port == asked->port && same_ip(&f->items[i].asked, asked))
            return &f->items[i].server;
    return NULL;
}

bool forwards_have(const forwards *f, const mix_address *asked) {
    for (size_t i = 0; i < f->count; i++)
        if (same_ip(&f->items[i].asked, asked))
            return true;
    return false;
}
