/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says, taken out of c-ares' memory: records of the type, aliases on the way, for
 * how long. A hostile server's answer costs no more than its bounds. */
#include "dns/internal.h"

#include <stdio.h>

void mix_dns_answer_deinit(answer *a) {
    mix_free(a->records);
    mix_buf_deinit(&a->texts);
    *a = (answer){0};
}

void mix_dns_answer_note(answer *a, int64_t number, const char *words) {
    a->number = number;
    mix_buf_put_str(&a->texts, words);
    mix_buf_put_u8(&a->texts, 0);
    if (mix_buf_status(&a->texts) != MIX_OK)
        mix_buf_deinit(&a->texts);
}

static int status_of(ares_status_t status) {
    switch (status) {
    case ARES_SUCCESS:
        return MIX_OK;
    case ARES_ENODATA:
        return MIX_ERR_DNS_NO_DATA;
    case ARES_ENOTFOUND:
        return MIX_ERR_DNS_NOT_FOUND;
    case ARES_ETIMEOUT:
        return MIX_ERR_DNS_TIMEOUT;
    case ARES_ENOMEM:
        return MIX_ERR_MEMORY;
    case ARES_EBADRESP:
    case ARES_EFORMERR:
        return MIX_ERR_DNS_MALFORMED;
    default:
        return MIX_ERR_DNS_SERVER;
    }
}

bool mix_dns_same_name(const char *a, const char *b) {
    for (;; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a,
             y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return (x == 0 && y == '.' && b[1] == 0) || (y == 0 && x == '.' && a[1] == 0);
        if (x == 0)
            return true;
    }
}

/* Text in quotes, as zone files have it; what is not printable becomes \DDD. */
static void put_quoted(mix_buf *out, const uint8_t *data, size_t len) {
    mix_buf_put_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        char escaped[5];
        if (data[i] < 32 || data[i] > 126) {
            snprintf(escaped, sizeof escaped, "\\%03u", (unsigned)data[i]);
            mix_buf_put_str(out, escaped);
        } else {
            if (data[i] == '"' || data[i] == '\\')
                mix_buf_put_u8(out, '\\');
            mix_buf_put_u8(out, data[i]);
        }
    }
    mix_buf_put_u8(out, '"');
}

static void put_hex(mix_buf *out, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char two[3];
        snprintf(two, sizeof two, "%02x", (unsigned)data[i]);
        mix_buf_put_str(out, two);
    }
}

static void put_number(mix_buf *out, unsigned long n) {
    char text[24];
    snprintf(text, sizeof text, "%lu", n);
    mix_buf_put_str(out, text);
}

static void put_ip(mix_buf *out, mix_address *ip, int family, const void *octets) {
    char text[MIX_ADDRESS_TEXT];
    *ip = (mix_address){.family = (uint8_t)family};
    memcpy(ip->octets, octets, family == 4 ? 4 : 16);
    mix_ip_format(text, ip);
    mix_buf_put_str(out, text);
}

static void put_options(mix_buf *out, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
    for (size_t i = 0; i < ares_dns_rr_get_opt_cnt(rr, key); i++) {
        const unsigned char *value;
        size_t len;
        unsigned short id = ares_dns_rr_get_opt(rr, key, i, &value, &len);
        mix_buf_put_str(out, i > 0 ? " key" : "key");
        put_number(out, id);
        mix_buf_put_str(out, "=");
        put_hex(out, value, len);
    }
}

static void put_value(mix_buf *out, mix_address *ip, const ares_dns_rr_t *rr,
                      ares_dns_rr_key_t key) {
    const unsigned char *data;
    size_t len = 0;
    switch (ares_dns_rr_key_datatype(key)) {
    case ARES_DATATYPE_INADDR:
        put_ip(out, ip, 4, ares_dns_rr_get_addr(rr, key));
        break;
    case ARES_DATATYPE_INADDR6:
        put_ip(out, ip, 6, ares_dns_rr_get_addr6(rr, key));
        break;
    case ARES_DATATYPE_U8:
        put_number(out, ares_dns_rr_get_u8(rr, key));
        break;
    case ARES_DATATYPE_U16:
        put_number(out, ares_dns_rr_get_u16(rr, key));
        break;
    case ARES_DATATYPE_U32:
        put_number(out, ares_dns_rr_get_u32(rr, key));
        break;
    case ARES_DATATYPE_NAME: {
        const char *name = ares_dns_rr_get_str(rr, key);
        mix_buf_put_str(out, name && *name ? name : ".");
        break;
    }
    case ARES_DATATYPE_STR: {
        const char *text = ares_dns_rr_get_str(rr, key);
        put_quoted(out, (const uint8_t *)text, text ? strlen(text) : 0);
        break;
    }
    case ARES_DATATYPE_BINP:
        data = ares_dns_rr_get_bin(rr, key, &len);
        put_quoted(out, data, len);
        break;
    case ARES_DATATYPE_BIN:
        data = ares_dns_rr_get_bin(rr, key, &len);
        put_hex(out, data, len);
        break;
    case ARES_DATATYPE_ABINP:
        for (size_t i = 0; i < ares_dns_rr_get_abin_cnt(rr, key); i++) {
            data = ares_dns_rr_get_abin(rr, key, i, &len);
            if (i > 0)
                mix_buf_put_u8(out, ' ');
            put_quoted(out, data, len);
        }
        break;
    case ARES_DATATYPE_OPT:
        put_options(out, rr, key);
        break;
    default:
        break;
    }
}

static void add_record(answer *out, const ares_dns_rr_t *rr, uint16_t type) {
    size_t keys, before = out->texts.len;
    const ares_dns_rr_key_t *key = ares_dns_rr_get_keys(ares_dns_rr_get_type(rr), &keys);
    record *r = &out->records[out->count];
    *r = (record){.type = type, .ttl = ares_dns_rr_get_ttl(rr), .text = before};
    for (size_t i = 0; i < keys; i++) {
        size_t start = out->texts.len;
        put_value(&out->texts, &r->ip, rr, key[i]);
        if (i + 1 < keys && out->texts.len > start)
            mix_buf_put_u8(&out->texts, ' ');
    }
    mix_buf_put_u8(&out->texts, 0);
    if (mix_buf_status(&out->texts) != MIX_OK) {
        mix_buf_truncate(&out->texts, before);
        out->status = MIX_ERR_MEMORY;
        return;
    }
    if (out->texts.len > MIX_DNS_TEXT_MAX) {
        mix_buf_truncate(&out->texts, before);
        return;
    }
    if (r->ttl < out->ttl)
        out->ttl = r->ttl;
    out->count++;
}

/* The name at the end of the aliases that begin at out->canonical; it may come in any order. */
static void follow_aliases(answer *out, const ares_dns_record_t *in) {
    for (int hops = 0; hops < 16; hops++) {
        const char *next = NULL;
        for (size_t i = 0; i < ares_dns_record_rr_cnt(in, ARES_SECTION_ANSWER) && !next; i++) {
            const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(in, ARES_SECTION_ANSWER, i);
            if (ares_dns_rr_get_type(rr) != ARES_REC_TYPE_CNAME ||
                ares_dns_rr_get_class(rr) != ARES_CLASS_IN ||
                !mix_dns_same_name(ares_dns_rr_get_name(rr), out->canonical))
                continue;
            next = ares_dns_rr_get_str(rr, ARES_RR_CNAME_CNAME);
            if (ares_dns_rr_get_ttl(rr) < out->ttl)
                out->ttl = ares_dns_rr_get_ttl(rr);
        }
        if (!next || strlen(next) > MIX_DNS_NAME_MAX)
            return;
        mix_dns_copy(out->canonical, next);
    }
}

/* RFC 2308: for how long there is no such thing is what the zone's SOA says. */
static void read_negative(answer *out, const ares_dns_record_t *in) {
    out->ttl = 0;
    for (size_t i = 0; in && i < ares_dns_record_rr_cnt(in, ARES_SECTION_AUTHORITY); i++) {
        const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(in, ARES_SECTION_AUTHORITY, i);
        if (ares_dns_rr_get_type(rr) != ARES_REC_TYPE_SOA)
            continue;
        uint32_t least = ares_dns_rr_get_u32(rr, ARES_RR_SOA_MINIMUM),
                 ttl = ares_dns_rr_get_ttl(rr);
        out->ttl = least < ttl ? least : ttl;
    }
}

void mix_dns_answer_read(answer *out, char alias[static MIX_DNS_NAME_MAX + 1], ares_status_t status,
                         const ares_dns_record_t *in, const char *name, uint16_t type) {
    *out = (answer){.status = status_of(status), .ttl = UINT32_MAX};
    alias[0] = 0;
    mix_dns_copy(out->canonical, name);
    if (in && type != ARES_REC_TYPE_CNAME)
        follow_aliases(out, in);
    if (out->status == MIX_OK &&
        (out->records = mix_alloc_zero(MIX_DNS_RECORDS_MAX, sizeof *out->records)) == NULL)
        out->status = MIX_ERR_MEMORY;
    for (size_t i = 0; out->status == MIX_OK && i < ares_dns_record_rr_cnt(in, ARES_SECTION_ANSWER);
         i++) {
        const ares_dns_rr_t *rr = ares_dns_record_rr_get_const(in, ARES_SECTION_ANSWER, i);
        if ((uint16_t)ares_dns_rr_get_type(rr) == type &&
            ares_dns_rr_get_class(rr) == ARES_CLASS_IN &&
            mix_dns_same_name(ares_dns_rr_get_name(rr), out->canonical) &&
            out->count < MIX_DNS_RECORDS_MAX)
            add_record(out, rr, type);
    }
    if (out->status == MIX_OK && out->count == 0)
        out->status = MIX_ERR_DNS_NO_DATA;
    if (out->status == MIX_ERR_DNS_NO_DATA && in &&
        ares_dns_record_rr_cnt(in, ARES_SECTION_ANSWER) > 0 &&
        !mix_dns_same_name(out->canonical, name) && mix_dns_name(alias, out->canonical) != MIX_OK)
        alias[0] = 0;
    if (out->status != MIX_OK) {
        mix_free(out->records);
        out->records = NULL;
        out->count = 0;
        mix_buf_deinit(&out->texts);
        read_negative(out, in);
        mix_dns_answer_note(out, in ? (int64_t)ares_dns_record_get_rcode(in) : 0,
                            status == ARES_SUCCESS ? "" : ares_strerror((int)status));
    }
}
