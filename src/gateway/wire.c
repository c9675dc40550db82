/* SPDX-License-Identifier: Apache-2.0 */
/* Positions and names of everything between client and entry gateway; the only file of this folder
 * that knows JSON. */
#include "gateway/wire.h"

#include "base/alloc.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <yyjson.h>

/* ---- the vocabulary: one row a type, one row a member ---- */

typedef enum member_kind {
    MEMBER_U8,
    MEMBER_U8_OR_NULL, /* null, also when missing, sets no_version */
    MEMBER_U64,
    MEMBER_I64,
    MEMBER_BOOL,
    MEMBER_STRING,
    MEMBER_BYTES,     /* array of integers */
    MEMBER_BASE64,    /* string */
    MEMBER_POINT,     /* array of 32: an Ed25519 key */
    MEMBER_SIGNATURE, /* array of 64 */
    MEMBER_TYPED,     /* the value of typedError */
} member_kind;

typedef struct member {
    const char *name, *other; /* other: a synonym that is understood, not written */
    member_kind kind;
    bool optional; /* a missing one is zero */
    size_t at;     /* where in mix_text */
} member;

enum { MEMBERS = 6 };
typedef struct shape {
    const char *name, *other;
    int sides; /* of mix_text_side */
    member members[MEMBERS];
} shape;

#define AT(field) offsetof(mix_text, field)
#define VERSION {"protocol_version", NULL, MEMBER_U8, true, AT(version)}
#define UPGRADE {"upgrade_mode", NULL, MEMBER_BOOL, true, AT(upgrade_mode)}

static const shape shapes[MIX_TEXT_TYPES] = {
    [MIX_TEXT_AUTHENTICATE] = {"authenticateV2",
                               NULL,
                               MIX_TEXT_REQUEST,
                               {{"protocolVersion", NULL, MEMBER_U8, false, AT(version)},
                                {"clientIdentity", NULL, MEMBER_POINT, false, AT(identity)},
                                {"addressCiphertext", NULL, MEMBER_BASE64, false, AT(data)},
                                {"nonce", NULL, MEMBER_BASE64, false, AT(nonce)},
                                {"requestUnixTimestamp", NULL, MEMBER_U64, false, AT(timestamp)},
                                {"requestSignature", NULL, MEMBER_SIGNATURE, false,
                                 AT(signature)}}},
    [MIX_TEXT_REGISTER] = {"registerHandshakeInitRequest",
                           "handshakePayload",
                           MIX_TEXT_REQUEST,
                           {VERSION, {"data", NULL, MEMBER_BYTES, false, AT(data)}}},
    [MIX_TEXT_TICKET] = {"ecashCredential",
                         NULL,
                         MIX_TEXT_REQUEST,
                         {{"enc_credential", NULL, MEMBER_BYTES, false, AT(data)},
                          {"iv", "nonce", MEMBER_BYTES, false, AT(nonce)}}},
    [MIX_TEXT_UPGRADE] = {"upgradeModeJWT",
                          NULL,
                          MIX_TEXT_REQUEST,
                          {{"token", NULL, MEMBER_STRING, false, AT(text)}}},
    [MIX_TEXT_CLAIM] = {"claimFreeTestnetBandwidth", NULL, MIX_TEXT_REQUEST, {{0}}},
    [MIX_TEXT_SEALED_REQUEST] = {"encryptedRequest",
                                 NULL,
                                 MIX_TEXT_REQUEST,
                                 {{"ciphertext", NULL, MEMBER_BYTES, false, AT(data)},
                                  {"nonce", NULL, MEMBER_BYTES, false, AT(nonce)}}},
    [MIX_TEXT_ASK_PROTOCOL] = {"supportedProtocol", NULL, MIX_TEXT_REQUEST, {{0}}},
    [MIX_TEXT_AUTHENTICATE_OLD] = {"authenticate",
                                   NULL,
                                   MIX_TEXT_REQUEST,
                                   {{"protocol_version", NULL, MEMBER_U8_OR_NULL, true,
                                     AT(version)},
                                    {"address", NULL, MEMBER_STRING, false, AT(text)},
                                    {"enc_address", NULL, MEMBER_STRING, false, AT(data)},
                                    {"iv", NULL, MEMBER_STRING, false, AT(nonce)}}},
    [MIX_TEXT_CREDENTIAL] = {"bandwidthCredential",
                             NULL,
                             MIX_TEXT_REQUEST,
                             {{"enc_credential", NULL, MEMBER_BYTES, false, AT(data)},
                              {"iv", NULL, MEMBER_BYTES, false, AT(nonce)}}},
    [MIX_TEXT_CREDENTIAL_2] = {"bandwidthCredentialV2",
                               NULL,
                               MIX_TEXT_REQUEST,
                               {{"enc_credential", NULL, MEMBER_BYTES, false, AT(data)},
                                {"iv", NULL, MEMBER_BYTES, false, AT(nonce)}}},
    [MIX_TEXT_AUTHENTICATED] = {"authenticate",
                                NULL,
                                MIX_TEXT_RESPONSE,
                                {VERSION,
                                 {"status", NULL, MEMBER_BOOL, false, AT(status)},
                                 {"bandwidth_remaining", NULL, MEMBER_I64, false, AT(amount)},
                                 UPGRADE}},
    [MIX_TEXT_REGISTERED] = {"register",
                             NULL,
                             MIX_TEXT_RESPONSE,
                             {VERSION, {"status", NULL, MEMBER_BOOL, false, AT(status)}, UPGRADE}},
    [MIX_TEXT_SEALED_RESPONSE] = {"encryptedResponse",
                                  NULL,
                                  MIX_TEXT_RESPONSE,
                                  {{"ciphertext", NULL, MEMBER_BYTES, false, AT(data)},
                                   {"nonce", NULL, MEMBER_BYTES, false, AT(nonce)}}},
    [MIX_TEXT_BANDWIDTH] = {"bandwidth",
                            NULL,
                            MIX_TEXT_RESPONSE,
                            {{"available_total", NULL, MEMBER_I64, false, AT(amount)}, UPGRADE}},
    [MIX_TEXT_SENT] = {"send",
                       NULL,
                       MIX_TEXT_RESPONSE,
                       {{"remaining_bandwidth", NULL, MEMBER_I64, false, AT(amount)}, UPGRADE}},
    [MIX_TEXT_PROTOCOL] = {"supportedProtocol",
                           NULL,
                           MIX_TEXT_RESPONSE,
                           {{"version", NULL, MEMBER_U8, false, AT(version)}}},
    [MIX_TEXT_ERROR] = {"error",
                        NULL,
                        MIX_TEXT_RESPONSE,
                        {{"message", NULL, MEMBER_STRING, false, AT(text)}}},
    [MIX_TEXT_TYPED_ERROR] = {"typedError",
                              NULL,
                              MIX_TEXT_RESPONSE,
                              {{"error", NULL, MEMBER_TYPED, false, 0}}},
    [MIX_TEXT_PAYLOAD] = {"handshakePayload",
                          NULL,
                          MIX_TEXT_HANDSHAKE,
                          {VERSION, {"data", NULL, MEMBER_BYTES, false, AT(data)}}},
    [MIX_TEXT_FAILURE] = {"handshakeError",
                          NULL,
                          MIX_TEXT_HANDSHAKE,
                          {{"message", NULL, MEMBER_STRING, false, AT(text)}}},
};

const char *mix_text_name(mix_text_type type) {
    return type < MIX_TEXT_TYPES ? shapes[type].name : "unknown";
}

/* ---- reading ---- */

static void *json_malloc(void *ctx, size_t size) {
    (void)ctx;
    return mix_alloc(size);
}
static void *json_realloc(void *ctx, void *p, size_t old_size, size_t size) {
    (void)ctx;
    (void)old_size;
    return mix_realloc(p, size);
}
static void json_free(void *ctx, void *p) {
    (void)ctx;
    mix_free(p);
}

static int parse(yyjson_doc **out, mix_bytes text, mix_error *e) {
    static const yyjson_alc memory = {json_malloc, json_realloc, json_free, NULL};
    if (text.len > MIX_GATEWAY_TEXT_MAX)
        return mix_error_note(e, MIX_ERR_GATEWAY_LONG, "gateway", (int64_t)text.len,
                              "a text of %zu bytes", text.len);
    if (text.len == 0)
        return mix_error_note(e, MIX_ERR_GATEWAY_JSON, "gateway", 0, "an empty text");
    yyjson_read_err error;
    /* Without the in-situ flag the reader does not write to its input. */
    *out = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, YYJSON_READ_NOFLAG, &memory,
                            &error);
    if (*out)
        return MIX_OK;
    if (error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return mix_error_note(e, MIX_ERR_MEMORY, "gateway", 0, "a text of %zu bytes", text.len);
    return mix_error_note(e, MIX_ERR_GATEWAY_JSON, "gateway", (int64_t)error.pos, "%s at byte %zu",
                          error.msg, error.pos);
}

/* Where a value stands, for messages: type and member. */
typedef struct place {
    const char *type, *member;
    mix_error *e;
} place;

static int wrong(const place *p, const char *what) {
    return mix_error_note(p->e, MIX_ERR_GATEWAY_FIELD, "gateway", 0, "%s: %s %s", p->type,
                          p->member, what);
}

static bool is_named(yyjson_val *string, const char *name) {
    return name && yyjson_equals_strn(string, name, strlen(name));
}

static int read_int(int64_t *out, yyjson_val *v, int64_t least, int64_t most, const place *p) {
    bool fits =
        yyjson_is_sint(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) <= (uint64_t)INT64_MAX);
    int64_t n = fits ? yyjson_get_sint(v) : 0;
    if (!fits || n < least || n > most)
        return wrong(p, most == UINT8_MAX ? "is not an integer of 0 to 255"
                                          : "is not a 64-bit integer");
    *out = n;
    return MIX_OK;
}

/* An array of bytes to `to`, which has room for all of them. */
static int read_array(uint8_t *to, yyjson_val *v, const place *p) {
    yyjson_arr_iter items = yyjson_arr_iter_with(v);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&items)) != NULL;) {
        int64_t n;
        if (read_int(&n, item, 0, UINT8_MAX, p) != MIX_OK)
            return wrong(p, "holds something else than integers of 0 to 255");
        *to++ = (uint8_t)n;
    }
    return MIX_OK;
}

static int read_fixed(uint8_t *to, size_t len, yyjson_val *v, const place *p) {
    if (!yyjson_is_arr(v) || yyjson_arr_size(v) != len)
        return wrong(p, len == MIX_KEY_LEN ? "is not an array of 32 bytes"
                                           : "is not an array of 64 bytes");
    return read_array(to, v, p);
}

/* Strings, arrays and base64 go to the front of *room; each is shorter than its text, so the room
 * suffices. */
static int read_bytes(mix_bytes *out, uint8_t **room, size_t left, member_kind kind, yyjson_val *v,
                      const place *p) {
    size_t len = 0;
    if (kind == MEMBER_BYTES) {
        if (!yyjson_is_arr(v))
            return wrong(p, "is not an array of bytes");
        int status = read_array(*room, v, p);
        if (status != MIX_OK)
            return status;
        len = yyjson_arr_size(v);
    } else {
        if (!yyjson_is_str(v))
            return wrong(p, "is not a string");
        mix_bytes text = mix_bytes_of(yyjson_get_str(v), yyjson_get_len(v));
        mix_buf b = mix_buf_fixed(*room, left);
        if (kind == MEMBER_STRING)
            mix_buf_put_bytes(&b, text);
        else if (mix_base64_decode(&b, text) != MIX_OK)
            return wrong(p, "is not base64");
        len = b.len;
    }
    *out = mix_bytes_of(*room, len);
    *room += len;
    return MIX_OK;
}

/* The two numbers of {"out_of_bandwidth":{"required":…,"available":…}}, or the string
 * "ticket_replay" (§3.9). */
static int read_typed(mix_text *out, yyjson_val *v, place p) {
    if (is_named(v, "ticket_replay"))
        return MIX_OK;
    yyjson_val *inner =
        yyjson_is_obj(v) && yyjson_obj_size(v) == 1 ? yyjson_obj_get(v, "out_of_bandwidth") : NULL;
    if (!yyjson_is_obj(inner))
        return wrong(&p, "is neither out_of_bandwidth nor ticket_replay");
    yyjson_val *required = NULL, *available = NULL, *key;
    yyjson_obj_iter keys = yyjson_obj_iter_with(inner);
    while ((key = yyjson_obj_iter_next(&keys)) != NULL) {
        yyjson_val **slot = is_named(key, "required")    ? &required
                            : is_named(key, "available") ? &available
                                                         : NULL;
        if (slot && *slot)
            return wrong(&p, "has a doubled member");
        if (slot)
            *slot = yyjson_obj_iter_get_val(key);
    }
    out->out_of_bandwidth = true;
    p.member = "required";
    int status = read_int(&out->required, required, INT64_MIN, INT64_MAX, &p);
    p.member = "available";
    return status != MIX_OK ? status : read_int(&out->amount, available, INT64_MIN, INT64_MAX, &p);
}

static int read_member(mix_text *out, const member *m, yyjson_val *v, uint8_t **room, size_t left,
                       const place *p) {
    uint8_t *to = (uint8_t *)out + m->at;
    int64_t n = 0;
    int status = MIX_OK;
    switch (m->kind) {
    case MEMBER_U8_OR_NULL:
        out->no_version = yyjson_is_null(v);
        if (out->no_version)
            return MIX_OK;
        /* fall through */
    case MEMBER_U8:
        status = read_int(&n, v, 0, UINT8_MAX, p);
        *to = (uint8_t)n;
        return status;
    case MEMBER_I64:
        return read_int((int64_t *)(void *)to, v, INT64_MIN, INT64_MAX, p);
    case MEMBER_U64:
        if (!yyjson_is_uint(v))
            return wrong(p, "is not an unsigned 64-bit integer");
        *(uint64_t *)(void *)to = yyjson_get_uint(v);
        return MIX_OK;
    case MEMBER_BOOL:
        if (!yyjson_is_bool(v))
            return wrong(p, "is neither true nor false");
        *(bool *)(void *)to = yyjson_get_bool(v);
        return MIX_OK;
    case MEMBER_STRING:
    case MEMBER_BYTES:
    case MEMBER_BASE64:
        return read_bytes((mix_bytes *)(void *)to, room, left, m->kind, v, p);
    case MEMBER_POINT:
        status = read_fixed(to, MIX_KEY_LEN, v, p);
        return status != MIX_OK || mix_ed25519_is_point(to) ? status
                                                            : wrong(p, "is not an Ed25519 key");
    case MEMBER_SIGNATURE:
        return read_fixed(to, MIX_SIGNATURE_LEN, v, p);
    case MEMBER_TYPED:
        return read_typed(out, v, *p);
    }
    return MIX_ERR_ARGUMENT;
}

/* The members' values by the row's order; missing optional ones are NULL. An array holds the type
 * and then them in order. */
static int collect(yyjson_val *found[static MEMBERS], const shape *s, yyjson_val *root, place p) {
    size_t count = 0;
    while (count < MEMBERS && s->members[count].name)
        count++;
    memset(found, 0, sizeof *found * MEMBERS);
    if (yyjson_is_arr(root)) {
        p.member = "the array";
        if (yyjson_arr_size(root) > count + 1)
            return wrong(&p, "has too many members");
        for (size_t i = 0; i < count; i++)
            found[i] = yyjson_arr_get(root, i + 1);
    }
    yyjson_obj_iter keys = yyjson_obj_iter_with(root);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&keys)) != NULL;) {
        for (size_t i = 0; i < count; i++) {
            p.member = s->members[i].name;
            if (!is_named(key, s->members[i].name) && !is_named(key, s->members[i].other))
                continue;
            if (found[i])
                return wrong(&p, "is doubled");
            found[i] = yyjson_obj_iter_get_val(key);
        }
    }
    for (size_t i = 0; i < count; i++) {
        p.member = s->members[i].name;
        if (!found[i] && !s->members[i].optional)
            return wrong(&p, "is missing");
    }
    return MIX_OK;
}

/* The value of "type": of an object it must be there once, of an array it is the first. */
static int find_type(mix_text_type *out, mix_text_side side, yyjson_val *root, mix_error *e) {
    yyjson_val *type = yyjson_arr_get_first(root), *key;
    size_t seen = type != NULL;
    yyjson_obj_iter keys = yyjson_obj_iter_with(root);
    while ((key = yyjson_obj_iter_next(&keys)) != NULL) {
        if (!is_named(key, "type"))
            continue;
        type = yyjson_obj_iter_get_val(key);
        seen++;
    }
    if (seen != 1 || !yyjson_is_str(type))
        return mix_error_note(e, MIX_ERR_GATEWAY_TYPE, "gateway", 0,
                              seen > 1 ? "the member type is doubled"
                                       : "the member type is missing or no string");
    for (size_t i = 0; i < MIX_TEXT_TYPES; i++) {
        if ((shapes[i].sides & (int)side) == 0 ||
            !(is_named(type, shapes[i].name) || is_named(type, shapes[i].other)))
            continue;
        *out = (mix_text_type)i;
        return MIX_OK;
    }
    return mix_error_note(e, MIX_ERR_GATEWAY_TYPE, "gateway", 0, "the type '%.64s' is unknown",
                          yyjson_get_str(type));
}

static int decode_root(mix_text *out, uint8_t *room, size_t left, mix_text_side side,
                       yyjson_val *root, mix_error *e) {
    mix_text t = {0};
    int status = find_type(&t.type, side, root, e);
    if (status != MIX_OK)
        return status;
    const shape *s = &shapes[t.type];
    yyjson_val *found[MEMBERS];
    place p = {.type = s->name, .e = e};
    status = collect(found, s, root, p);
    uint8_t *end = room + left;
    for (size_t i = 0; i < MEMBERS && status == MIX_OK && s->members[i].name; i++) {
        p.member = s->members[i].name;
        if (found[i])
            status = read_member(&t, &s->members[i], found[i], &room, (size_t)(end - room), &p);
        else
            t.no_version |= s->members[i].kind == MEMBER_U8_OR_NULL;
    }
    if (status == MIX_OK)
        *out = t;
    return status;
}

int mix_text_decode(mix_text *out, mix_buf *scratch, mix_text_side side, mix_bytes text,
                    mix_error *e) {
    yyjson_doc *doc = NULL;
    int status = parse(&doc, text, e);
    if (status != MIX_OK)
        return status;
    mix_buf_truncate(scratch, 0);
    uint8_t *room = mix_buf_space(scratch, text.len);
    status = mix_buf_status(scratch);
    if (status == MIX_OK)
        status = decode_root(out, room, text.len, side, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    return status;
}

/* ---- writing ---- */

static void put_i64(mix_buf *out, int64_t v) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, v);
    mix_buf_put_str(out, text);
}

static void put_u64(mix_buf *out, uint64_t v) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, v);
    mix_buf_put_str(out, text);
}

static void put_string(mix_buf *out, mix_bytes s) {
    static const char names[] = "btnvfr"; /* of the control characters 8 to 13 */
    mix_buf_put_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\') {
            mix_buf_put(out, (const uint8_t[]){'\\', c}, 2);
        } else if (c >= 8 && c <= 13 && c != 11) {
            mix_buf_put(out, (const uint8_t[]){'\\', (uint8_t)names[c - 8]}, 2);
        } else if (c < 0x20) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
            mix_buf_put_str(out, escape);
        } else {
            mix_buf_put_u8(out, c);
        }
    }
    mix_buf_put_u8(out, '"');
}

static void put_array(mix_buf *out, mix_bytes b) {
    mix_buf_put_u8(out, '[');
    for (size_t i = 0; i < b.len; i++) {
        if (i > 0)
            mix_buf_put_u8(out, ',');
        put_u64(out, b.data[i]);
    }
    mix_buf_put_u8(out, ']');
}

static void put_typed(mix_buf *out, const mix_text *t) {
    if (!t->out_of_bandwidth) {
        mix_buf_put_str(out, "\"ticket_replay\"");
        return;
    }
    mix_buf_put_str(out, "{\"out_of_bandwidth\":{\"required\":");
    put_i64(out, t->required);
    mix_buf_put_str(out, ",\"available\":");
    put_i64(out, t->amount);
    mix_buf_put_str(out, "}}");
}

static void put_member(mix_buf *out, const mix_text *t, const member *m) {
    const uint8_t *from = (const uint8_t *)t + m->at;
    switch (m->kind) {
    case MEMBER_U8_OR_NULL:
        if (t->no_version) {
            mix_buf_put_str(out, "null");
            return;
        }
        /* fall through */
    case MEMBER_U8:
        put_u64(out, *from);
        return;
    case MEMBER_I64:
        put_i64(out, *(const int64_t *)(const void *)from);
        return;
    case MEMBER_U64:
        put_u64(out, *(const uint64_t *)(const void *)from);
        return;
    case MEMBER_BOOL:
        mix_buf_put_str(out, *(const bool *)(const void *)from ? "true" : "false");
        return;
    case MEMBER_STRING:
        put_string(out, *(const mix_bytes *)(const void *)from);
        return;
    case MEMBER_BYTES:
        put_array(out, *(const mix_bytes *)(const void *)from);
        return;
    case MEMBER_BASE64:
        mix_buf_put_u8(out, '"');
        (void)mix_base64_encode(out, *(const mix_bytes *)(const void *)from);
        mix_buf_put_u8(out, '"');
        return;
    case MEMBER_POINT:
        put_array(out, mix_bytes_of(from, MIX_KEY_LEN));
        return;
    case MEMBER_SIGNATURE:
        put_array(out, mix_bytes_of(from, MIX_SIGNATURE_LEN));
        return;
    case MEMBER_TYPED:
        put_typed(out, t);
        return;
    }
}

int mix_text_encode(mix_buf *out, const mix_text *t) {
    const shape *s = &shapes[t->type];
    size_t mark = out->len;
    mix_buf_put_str(out, "{\"type\":\"");
    mix_buf_put_str(out, s->name);
    mix_buf_put_u8(out, '"');
    for (size_t i = 0; i < MEMBERS && s->members[i].name; i++) {
        mix_buf_put_str(out, ",\"");
        mix_buf_put_str(out, s->members[i].name);
        mix_buf_put_str(out, "\":");
        put_member(out, t, &s->members[i]);
    }
    mix_buf_put_u8(out, '}');
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* ---- inner requests and responses ---- */

static const char *const inner_names[] = {"ForgetMe", "RememberMe", "ForgetMeAck", "RememberMeAck"};
static const char *const session_names[] = {"Vpn", "Mixnet", "Wasm", "Native", "Socks5", "Unknown"};
enum { INNERS = 4, SESSIONS = 6 };

static int read_bool(bool *out, yyjson_val *v, place p, const char *member) {
    p.member = member;
    if (!yyjson_is_bool(v))
        return wrong(&p, "is neither true nor false");
    *out = yyjson_get_bool(v);
    return MIX_OK;
}

static int read_session(mix_session_kind *out, yyjson_val *v, place p) {
    p.member = "session_type";
    for (size_t i = 0; i < SESSIONS; i++) {
        if (!is_named(v, session_names[i]))
            continue;
        *out = (mix_session_kind)i;
        return MIX_OK;
    }
    return wrong(&p, "is no known kind of session");
}

static int decode_inner(mix_inner *out, mix_text_side side, yyjson_val *root, mix_error *e) {
    mix_inner in = {0};
    size_t first = side == MIX_TEXT_REQUEST ? MIX_INNER_FORGET_ME : MIX_INNER_FORGET_ME_ACK,
           i = first;
    yyjson_val *body = NULL;
    for (; i < first + 2 && !body; i++)
        body = yyjson_obj_size(root) == 1 ? yyjson_obj_get(root, inner_names[i]) : NULL;
    if (!yyjson_is_obj(body))
        return mix_error_note(e, MIX_ERR_GATEWAY_TYPE, "gateway", 0,
                              "an encrypted text of unknown type");
    in.type = (mix_inner_type)(i - 1);
    place p = {.type = inner_names[in.type], .e = e};
    int status = MIX_OK;
    if (in.type == MIX_INNER_FORGET_ME) {
        status = read_bool(&in.client, yyjson_obj_get(body, "client"), p, "client");
        if (status == MIX_OK)
            status = read_bool(&in.stats, yyjson_obj_get(body, "stats"), p, "stats");
    } else if (in.type == MIX_INNER_REMEMBER_ME) {
        status = read_session(&in.session, yyjson_obj_get(body, "session_type"), p);
    }
    if (status == MIX_OK)
        *out = in;
    return status;
}

int mix_inner_decode(mix_inner *out, mix_text_side side, mix_bytes plain, mix_error *e) {
    yyjson_doc *doc = NULL;
    int status = parse(&doc, plain, e);
    if (status != MIX_OK)
        return status;
    status = decode_inner(out, side, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    return status;
}

int mix_inner_encode(mix_buf *out, const mix_inner *in) {
    char text[80];
    const char *name = inner_names[in->type];
    if (in->type == MIX_INNER_FORGET_ME)
        (void)snprintf(text, sizeof text, "{\"%s\":{\"client\":%s,\"stats\":%s}}", name,
                       in->client ? "true" : "false", in->stats ? "true" : "false");
    else if (in->type == MIX_INNER_REMEMBER_ME)
        (void)snprintf(text, sizeof text, "{\"%s\":{\"session_type\":\"%s\"}}", name,
                       session_names[in->session]);
    else
        (void)snprintf(text, sizeof text, "{\"%s\":{}}", name);
    mix_buf_put_str(out, text);
    return mix_buf_status(out);
}

/* ---- binary frames ---- */

int mix_gateway_frame_decode(mix_gateway_frame *out, mix_text_side side, mix_bytes in) {
    mix_reader r = {.in = in};
    uint8_t kind = mix_read_u8(&r), flag = mix_read_u8(&r);
    if (r.bad)
        return MIX_ERR_GATEWAY_FRAME_SHORT;
    if (flag > 1)
        return MIX_ERR_GATEWAY_FRAME_FLAG;
    const uint8_t *nonce = mix_read(&r, MIX_AEAD_NONCE_LEN);
    if (r.bad)
        return MIX_ERR_GATEWAY_FRAME_SHORT;
    if (kind == 0 || kind > (side == MIX_TEXT_REQUEST ? MIX_FRAME_PACKET_V2 : MIX_FRAME_PUSHED))
        return MIX_ERR_GATEWAY_FRAME_KIND;
    *out = (mix_gateway_frame){.kind = kind, .sealed = flag == 1, .nonce = nonce, .body = r.in};
    return MIX_OK;
}

void mix_gateway_frame_head(mix_buf *out, uint8_t kind,
                            const uint8_t nonce[static MIX_AEAD_NONCE_LEN]) {
    mix_buf_put_u8(out, kind);
    mix_buf_put_u8(out, 1);
    mix_buf_put(out, nonce, MIX_AEAD_NONCE_LEN);
}

void mix_packet_without_rotation(mix_bytes *type, mix_bytes *rest, mix_bytes packet_v2) {
    *type = mix_bytes_slice(packet_v2, 0, 1);
    *rest = mix_bytes_slice(packet_v2, 2, packet_v2.len);
}

size_t mix_packet_cost(mix_bytes packet_v2) {
    enum { ADDRESS = 2, LEAST = 386, MOST = 33133 }; /* packet sizes: §3.11 */
    if (packet_v2.len <= ADDRESS)
        return 0;
    uint8_t family = packet_v2.data[ADDRESS];
    size_t front = ADDRESS + (family == 4 ? 7 : 19);
    if ((family != 4 && family != 6) || packet_v2.len < front + LEAST ||
        packet_v2.len > front + MOST)
        return 0;
    return packet_v2.len - front;
}

/* ---- messages of the handshake ---- */

int mix_handshake_init_decode(mix_handshake_init *out, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_handshake_init m = {.identity = mix_read(&r, MIX_KEY_LEN)};
    m.ephemeral = mix_read(&r, MIX_KEY_LEN);
    m.salt = mix_read(&r, MIX_HANDSHAKE_SALT);
    if (r.bad || r.in.len != 0)
        return MIX_ERR_GATEWAY_HANDSHAKE;
    *out = m;
    return MIX_OK;
}

int mix_handshake_proof_decode(mix_handshake_proof *out, bool with_ephemeral, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_handshake_proof m = {.ephemeral = with_ephemeral ? mix_read(&r, MIX_KEY_LEN) : NULL};
    m.sealed = mix_read(&r, MIX_SEALED_SIGNATURE);
    m.nonce = mix_read(&r, MIX_AEAD_NONCE_LEN);
    if (r.bad || r.in.len != 0)
        return MIX_ERR_GATEWAY_HANDSHAKE;
    *out = m;
    return MIX_OK;
}

int mix_handshake_done_decode(mix_bytes in) {
    return in.len == 1 && in.data[0] == 1 ? MIX_OK : MIX_ERR_GATEWAY_HANDSHAKE;
}

void mix_handshake_init_encode(mix_buf *out, const mix_handshake_init *m) {
    mix_buf_put(out, m->identity, MIX_KEY_LEN);
    mix_buf_put(out, m->ephemeral, MIX_KEY_LEN);
    mix_buf_put(out, m->salt, MIX_HANDSHAKE_SALT);
}

void mix_handshake_proof_encode(mix_buf *out, const mix_handshake_proof *m) {
    if (m->ephemeral)
        mix_buf_put(out, m->ephemeral, MIX_KEY_LEN);
    mix_buf_put(out, m->sealed, MIX_SEALED_SIGNATURE);
    mix_buf_put(out, m->nonce, MIX_AEAD_NONCE_LEN);
}

void mix_handshake_done_encode(mix_buf *out) {
    mix_buf_put_u8(out, 1);
}

void mix_authenticate_payload(mix_buf *out, const mix_text *t) {
    mix_buf_put_u8(out, t->version);
    mix_buf_put(out, t->identity, MIX_KEY_LEN);
    mix_buf_put_bytes(out, t->data);
    mix_buf_put_bytes(out, t->nonce);
    mix_buf_put_u64(out, t->timestamp);
}

/* ---- tickets ---- */

int mix_ticket_decode(mix_ticket *out, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_ticket t = {0};
    uint32_t len = mix_read_u32(&r);
    t.payment = mix_read_bytes(&r, len);
    t.pay_info = mix_read(&r, MIX_TICKET_PAY_INFO);
    t.spend_date = (int32_t)mix_read_u32(&r);
    t.epoch = mix_read_u64(&r);
    if (r.bad || r.in.len != 0)
        return MIX_ERR_GATEWAY_FIELD;
    *out = t;
    return MIX_OK;
}

void mix_ticket_encode(mix_buf *out, const mix_ticket *t) {
    mix_buf_put_u32(out, (uint32_t)t->payment.len);
    mix_buf_put_bytes(out, t->payment);
    mix_buf_put(out, t->pay_info, MIX_TICKET_PAY_INFO);
    mix_buf_put_u32(out, (uint32_t)t->spend_date);
    mix_buf_put_u64(out, t->epoch);
}
