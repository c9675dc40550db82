/* SPDX-License-Identifier: Apache-2.0 */
/* A list taken apart while it comes in. Outside of values this knows the whole grammar; inside of
 * them only where they end. */
#include "directory/json.h"

#include "base/alloc.h"

#include <assert.h>

enum { KEY_MAX = 32 }; /* longer keys are none that anyone looks for */

typedef enum state {
    WANT_VALUE = 0, /* a value */
    WANT_FIRST_KEY, /* after '{': a key or '}' */
    WANT_KEY,       /* after ',' in an object */
    IN_KEY,
    WANT_COLON,
    WANT_FIRST_ELEMENT, /* after '[': a value or ']' */
    IN_VALUE,
    WANT_COMMA, /* after a value: ',' or what closes the container */
    AT_END,     /* the outermost object is closed: nothing but white space */
} state;

struct mix_json_split {
    const char *const *path;
    size_t path_len, limit;
    mix_json_split_visitor visitor;
    state state;
    size_t depth;    /* open objects on the way */
    bool in_list;    /* inside of the array */
    bool found;      /* the list was seen */
    size_t elements; /* so far */
    size_t at;       /* bytes so far, for complaints */
    char key[KEY_MAX];
    size_t key_len;
    mix_buf raw;    /* the value so far */
    bool skipping;  /* it is larger than the limit: what raw holds is not all */
    size_t nesting; /* of the value's own brackets */
    bool in_text, escaped;
};

int mix_json_split_new(mix_json_split **out, const char *const *path, size_t depth, size_t limit,
                       const mix_json_split_visitor *visitor) {
    assert(depth >= 1 && depth <= MIX_JSON_SPLIT_DEPTH);
    mix_json_split *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    s->path = path;
    s->path_len = depth;
    s->limit = limit;
    s->visitor = *visitor;
    *out = s;
    return MIX_OK;
}

void mix_json_split_free(mix_json_split *s) {
    if (!s)
        return;
    mix_buf_deinit(&s->raw);
    mix_free(s);
}

bool mix_json_split_found(const mix_json_split *s) {
    return s->found;
}

static int wrong(const mix_json_split *s, mix_json_fault *f, const char *expected) {
    if (f->status == MIX_OK)
        f->status =
            mix_error_note(f->error, MIX_ERR_DIRECTORY_MALFORMED, "directory", (int64_t)s->at,
                           "%s: not JSON: expected %s at byte %zu", f->answer, expected, s->at);
    return f->status;
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The key just read is the next one of the path. */
static bool on_path(const mix_json_split *s) {
    if (s->in_list || s->depth == 0 || s->depth > s->path_len)
        return false;
    const char *want = s->path[s->depth - 1];
    return strlen(want) == s->key_len && memcmp(s->key, want, s->key_len) == 0;
}

static int value_begins(mix_json_split *s, mix_json_fault *f, uint8_t c) {
    if (s->depth == 0) {
        if (c != '{')
            return wrong(s, f, "an object");
        s->depth = 1;
        s->state = WANT_FIRST_KEY;
        return MIX_OK;
    }
    if (on_path(s) && c == (s->depth == s->path_len ? '[' : '{')) {
        if (c == '[' && s->found)
            return wrong(s, f, "one list");
        s->in_list = s->found = c == '[';
        s->depth += c == '{';
        s->state = c == '[' ? WANT_FIRST_ELEMENT : WANT_FIRST_KEY;
        return MIX_OK;
    }
    if (c == ',' || c == ':' || c == ']' || c == '}')
        return wrong(s, f, "a value");
    mix_buf_truncate(&s->raw, 0);
    s->skipping = false;
    s->nesting = 0;
    s->in_text = s->escaped = false;
    s->state = IN_VALUE;
    return MIX_OK;
}

static int value_ends(mix_json_split *s, mix_json_fault *f, mix_bytes raw) {
    int status;
    s->state = WANT_COMMA;
    if (s->in_list)
        status =
            s->visitor.element(s->visitor.user, s->elements++, s->skipping ? (mix_bytes){0} : raw);
    else if (s->skipping)
        return MIX_OK;
    else
        status =
            s->visitor.member(s->visitor.user, s->depth, mix_bytes_of(s->key, s->key_len), raw);
    if (status != MIX_OK && f->status == MIX_OK)
        f->status = status;
    return status;
}

typedef enum place { INSIDE, LAST, BEHIND } place;

/* Whether this byte belongs to the value, ends it, or is the one behind it. */
static place place_of(mix_json_split *s, uint8_t c) {
    if (s->in_text) {
        bool quote = c == '"' && !s->escaped;
        s->escaped = c == '\\' && !s->escaped;
        s->in_text = !quote;
        return quote && s->nesting == 0 ? LAST : INSIDE;
    }
    if (c == '"')
        s->in_text = true;
    else if (c == '{' || c == '[')
        s->nesting++;
    else if (s->nesting > 0 && (c == '}' || c == ']'))
        return --s->nesting == 0 ? LAST : INSIDE;
    else if (s->nesting == 0 && (c == ',' || c == '}' || c == ']' || is_space(c)))
        return BEHIND; /* of a number or a word */
    return INSIDE;
}

/* Reads on from piece[*i], and moves *i on. A value that lies in one piece is not copied. */
static int value_goes_on(mix_json_split *s, mix_json_fault *f, mix_bytes piece, size_t *i) {
    size_t from = *i, to = from;
    place where = INSIDE;
    while (to < piece.len && where == INSIDE) {
        where = place_of(s, piece.data[to]);
        to += where != BEHIND;
    }
    mix_bytes run = mix_bytes_slice(piece, from, to - from);
    *i = to;
    s->at += run.len;
    s->skipping = s->skipping || run.len > s->limit - s->raw.len;
    if (where != INSIDE && s->raw.len == 0)
        return value_ends(s, f, run);
    if (!s->skipping)
        mix_buf_put_bytes(&s->raw, run);
    if (s->raw.failed)
        return f->status = mix_error_note(f->error, MIX_ERR_MEMORY, "directory", 0, "%s: no memory",
                                          f->answer);
    return where != INSIDE ? value_ends(s, f, mix_buf_bytes(&s->raw)) : MIX_OK;
}

static void key_goes_on(mix_json_split *s, uint8_t c) {
    if (c == '"' && !s->escaped) {
        s->state = WANT_COLON;
        return;
    }
    s->escaped = c == '\\' && !s->escaped;
    if (s->key_len < KEY_MAX)
        s->key[s->key_len++] = (char)c;
}

static void container_closes(mix_json_split *s) {
    if (s->in_list)
        s->in_list = false;
    else
        s->depth--;
    s->state = s->depth == 0 ? AT_END : WANT_COMMA;
}

static int between(mix_json_split *s, mix_json_fault *f, uint8_t c) {
    switch (s->state) {
    case WANT_FIRST_ELEMENT:
    case WANT_FIRST_KEY:
        if (c == (s->state == WANT_FIRST_KEY ? '}' : ']')) {
            container_closes(s);
            return MIX_OK;
        }
        if (s->state == WANT_FIRST_ELEMENT)
            return value_begins(s, f, c);
        /* fall through */
    case WANT_KEY:
        if (c != '"')
            return wrong(s, f, "a key");
        s->key_len = 0;
        s->escaped = false;
        s->state = IN_KEY;
        return MIX_OK;
    case WANT_COLON:
        if (c != ':')
            return wrong(s, f, "a colon");
        s->state = WANT_VALUE;
        return MIX_OK;
    case WANT_COMMA:
        if (c == (s->in_list ? ']' : '}')) {
            container_closes(s);
            return MIX_OK;
        }
        if (c != ',')
            return wrong(s, f, "a comma or the end of what is open");
        s->state = s->in_list ? WANT_VALUE : WANT_KEY;
        return MIX_OK;
    case AT_END:
        return wrong(s, f, "the end");
    default:
        return value_begins(s, f, c);
    }
}

int mix_json_split_feed(mix_json_split *s, mix_bytes piece, mix_json_fault *fault) {
    for (size_t i = 0; i < piece.len && fault->status == MIX_OK;) {
        uint8_t c = piece.data[i];
        if (s->state == IN_VALUE) {
            (void)value_goes_on(s, fault, piece, &i);
            continue;
        }
        if (s->state == IN_KEY)
            key_goes_on(s, c);
        else if (!is_space(c))
            (void)between(s, fault, c);
        if (s->state == IN_VALUE)
            continue; /* this byte is the value's first */
        i++;
        s->at++;
    }
    return fault->status;
}

int mix_json_split_end(mix_json_split *s, mix_json_fault *fault) {
    if (fault->status == MIX_OK && s->state != AT_END)
        return wrong(s, fault, "more, but it ends");
    return fault->status;
}
