/* SPDX-License-Identifier: Apache-2.0 */
/* The test internet's names: a table from options and answers to DNS questions. */
#include "internet_dns.h"

#include "base/address.h"
#include "base/alloc.h"

enum {
    HEADER = 12,
    NAME_MAX_LEN = 255,
    LABEL_MAX = 63,
    ENTRIES_MAX = 65536,
    TTL_DEFAULT = 300,
    TTL_NEGATIVE = 60,
    TYPE_A = 1,
    TYPE_SOA = 6,
    TYPE_AAAA = 28,
    TYPE_OPT = 41,
    CLASS_IN = 1,
    FLAG_ANSWER = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080,
    FORMERR = 1,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5
};

/* A name as it stands in a message: labels with their lengths, lower case, and the root's zero. */
typedef struct wire_name {
    uint8_t bytes[NAME_MAX_LEN];
    size_t len;
} wire_name;

typedef struct entry {
    wire_name name;
    mix_address address;
    uint32_t ttl;
} entry;

struct dns_names {
    entry *entries;
    size_t count;
};

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool same_name(const wire_name *a, const wire_name *b) {
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Text "a.example" or "a.example."; false when it is no name. */
static bool name_from_text(wire_name *out, mix_bytes text) {
    if (text.len > 0 && text.data[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len + 2 > NAME_MAX_LEN)
        return false;
    *out = (wire_name){.len = text.len + 2};
    size_t label = 0; /* where the current one's length goes */
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '.') {
            out->bytes[i + 1] = lower(text.data[i]);
            continue;
        }
        size_t len = i - label;
        if (len == 0 || len > LABEL_MAX)
            return false;
        out->bytes[label] = (uint8_t)len;
        label = i + 1;
    }
    return true;
}

static size_t known(const dns_names *n, const wire_name *name, uint8_t family) {
    size_t found = 0;
    for (size_t i = 0; i < n->count; i++)
        found += same_name(&n->entries[i].name, name) &&
                 (family == 0 || n->entries[i].address.family == family);
    return found;
}

static bool read_ttl(uint32_t *out, const char *text) {
    uint64_t ttl = 0;
    for (; *text >= '0' && *text <= '9' && ttl <= INT32_MAX; text++)
        ttl = ttl * 10 + (uint64_t)(*text - '0');
    *out = (uint32_t)ttl;
    return *text == 0 && ttl <= INT32_MAX; /* RFC 2181 §8 */
}

static int add_entry(dns_names *n, const char *text, mix_error *e) {
    entry *added = &n->entries[n->count];
    *added = (entry){.ttl = TTL_DEFAULT};
    const char *equals = strchr(text, '=');
    const char *comma = equals ? strchr(equals, ',') : NULL;
    if (!equals || !name_from_text(&added->name, mix_bytes_of(text, (size_t)(equals - text))))
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                              "'%s' does not read NAME=IP[,TTL]: the name is not valid", text);
    mix_bytes ip =
        comma ? mix_bytes_of(equals + 1, (size_t)(comma - equals - 1)) : mix_bytes_str(equals + 1);
    if (mix_ip_parse(&added->address, ip) != MIX_OK)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                              "'%s' does not read NAME=IP[,TTL]: the address is not valid", text);
    if (comma && (comma[1] == 0 || !read_ttl(&added->ttl, comma + 1)))
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                              "'%s' does not read NAME=IP[,TTL]: the TTL is not valid", text);
    if (known(n, &added->name, added->address.family) >= DNS_PER_NAME)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0,
                              "'%s': a name has at most %d addresses of a family", text,
                              DNS_PER_NAME);
    n->count++;
    return MIX_OK;
}

int dns_names_new(dns_names **out, const char *const *entries, size_t count, mix_error *e) {
    if (count > ENTRIES_MAX)
        return mix_error_note(e, MIX_ERR_ARGUMENT, "internet", 0, "more than %d names",
                              ENTRIES_MAX);
    dns_names *n = mix_alloc_zero(1, sizeof *n);
    if (n)
        n->entries = mix_alloc_zero(count + 1, sizeof *n->entries);
    if (!n || !n->entries) {
        dns_names_free(n);
        return mix_error_note(e, MIX_ERR_MEMORY, "internet", 0, "no memory for names");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = add_entry(n, entries[i], e);
        if (rc != MIX_OK) {
            dns_names_free(n);
            return rc;
        }
    }
    *out = n;
    return MIX_OK;
}

void dns_names_free(dns_names *n) {
    if (n)
        mix_free(n->entries);
    mix_free(n);
}

typedef struct question {
    wire_name name;
    mix_bytes bytes; /* as asked, for the echo */
    uint16_t type, class;
    bool edns;
} question;

/* Reads the name at the reader; compression has no place in a question. */
static bool read_name(mix_reader *r, wire_name *out) {
    *out = (wire_name){0};
    for (;;) {
        uint8_t len = mix_read_u8(r);
        const uint8_t *label = mix_read(r, len);
        if (r->bad || len > LABEL_MAX || out->len + 1 + len > NAME_MAX_LEN)
            return false;
        out->bytes[out->len++] = len;
        if (len == 0)
            return true;
        for (size_t i = 0; i < len; i++)
            out->bytes[out->len++] = lower(label[i]);
    }
}

static bool read_question(question *q, mix_reader *r, uint16_t additional) {
    mix_bytes from = r->in;
    if (!read_name(r, &q->name))
        return false;
    q->type = mix_read_u16(r);
    q->class = mix_read_u16(r);
    q->bytes = mix_bytes_slice(from, 0, from.len - r->in.len);
    if (r->bad)
        return false;
    /* RFC 6891 §6.1.2: the root's name, then the type; whatever else is there is not read */
    q->edns = additional > 0 && r->in.len >= 11 && r->in.data[0] == 0 &&
              mix_get_u16(r->in.data + 1) == TYPE_OPT;
    return true;
}

static void put_record(mix_buf *out, const entry *e) {
    bool v4 = e->address.family == 4;
    mix_buf_put_u16(out, 0xc000 | HEADER); /* the question's name */
    mix_buf_put_u16(out, v4 ? TYPE_A : TYPE_AAAA);
    mix_buf_put_u16(out, CLASS_IN);
    mix_buf_put_u32(out, e->ttl);
    mix_buf_put_u16(out, v4 ? 4 : 16);
    mix_buf_put(out, e->address.octets, v4 ? 4 : 16);
}

/* RFC 2308: how long "no" may be remembered. */
static void put_soa(mix_buf *out) {
    mix_buf_put_u8(out, 0);
    mix_buf_put_u16(out, TYPE_SOA);
    mix_buf_put_u16(out, CLASS_IN);
    mix_buf_put_u32(out, TTL_NEGATIVE);
    mix_buf_put_u16(out, 22);
    mix_buf_put_u16(out, 0); /* server and mailbox: the root */
    static const uint32_t numbers[5] = {1, 3600, 600, 86400,
                                        TTL_NEGATIVE}; /* serial, refresh, retry, expire, minimum */
    for (size_t i = 0; i < 5; i++)
        mix_buf_put_u32(out, numbers[i]);
}

static void put_opt(mix_buf *out) {
    mix_buf_put_u8(out, 0);
    mix_buf_put_u16(out, TYPE_OPT);
    mix_buf_put_u16(out, 1232); /* the size of UDP messages that we take */
    mix_buf_put_u32(out, 0);
    mix_buf_put_u16(out, 0);
}

static void put_header(mix_buf *out, uint16_t id, uint16_t flags, const uint16_t counts[static 4]) {
    mix_buf_put_u16(out, id);
    mix_buf_put_u16(out, flags);
    for (size_t i = 0; i < 4; i++)
        mix_buf_put_u16(out, counts[i]);
}

static void put_answer(const dns_names *n, mix_buf *out, uint16_t id, uint16_t flags,
                       const question *q) {
    uint8_t family = q->type == TYPE_A ? 4 : q->type == TYPE_AAAA ? 6 : 0;
    size_t all = known(n, &q->name, 0), records = family ? known(n, &q->name, family) : 0;
    uint16_t code = all ? 0 : NXDOMAIN;
    if (q->class != CLASS_IN) {
        records = 0;
        code = REFUSED;
    }
    bool negative = records == 0 && code != REFUSED;
    put_header(out, id, (uint16_t)(flags | (code == REFUSED ? 0 : FLAG_AUTHORITATIVE) | code),
               (uint16_t[4]){1, (uint16_t)records, negative, q->edns});
    mix_buf_put_bytes(out, q->bytes);
    for (size_t i = 0; records > 0 && i < n->count; i++)
        if (n->entries[i].address.family == family && same_name(&n->entries[i].name, &q->name))
            put_record(out, &n->entries[i]);
    if (negative)
        put_soa(out);
    if (q->edns)
        put_opt(out);
}

int dns_answer(const dns_names *n, mix_buf *out, mix_bytes in, bool others_upstream) {
    mix_reader r = {.in = in};
    uint16_t id = mix_read_u16(&r), flags = mix_read_u16(&r), counts[4];
    for (size_t i = 0; i < 4; i++)
        counts[i] = mix_read_u16(&r);
    if (r.bad || flags & FLAG_ANSWER)
        return MIX_ERR_TRUNCATED;
    uint16_t keep = (uint16_t)(FLAG_ANSWER | FLAG_RECURSION_AVAILABLE |
                               (flags & (FLAG_OPCODE | FLAG_RECURSION_DESIRED)));
    static const uint16_t none[4] = {0};
    question q = {0};
    if (flags & FLAG_OPCODE)
        put_header(out, id, keep | NOTIMP, none);
    else if (counts[0] != 1 || !read_question(&q, &r, counts[3]))
        put_header(out, id, keep | FORMERR, none);
    else if (others_upstream && known(n, &q.name, 0) == 0)
        return MIX_DONE;
    else
        put_answer(n, out, id, keep, &q);
    return mix_buf_status(out);
}
