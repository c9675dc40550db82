/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, fragments, reply blocks and whole packets against what the original's code made
 * (testdata/messages.json). */
#include "base/text.h"
#include "messages/fragment.h"
#include "messages/reassembly.h"
#include "mix/errors.h"
#include "sphinx/sphinx.h"
#include "traffic/ack.h"
#include "traffic/payload.h"
#include "vectors.h"

#include <stdlib.h>

static struct {
    mix_crypto *crypto;
    mix_sphinx *sphinx;
    mix_test_env env;
} kit;

#define EACH(v, row, name)                                                                         \
    for (size_t at_ = 0, max_ = yyjson_arr_size(mix_vec((v), (v)->root, name));                    \
         at_ < max_ && ((row) = yyjson_arr_get(mix_vec((v), (v)->root, name), at_)) != NULL;       \
         at_++)

static mix_bytes member(mix_vectors *v, yyjson_val *object, const char *key) {
    return mix_vec_hex(v, object, key);
}
static size_t size_member(mix_vectors *v, yyjson_val *object, const char *key) {
    return (size_t)mix_vec_u64(v, object, key);
}
static bool is_string(mix_vectors *v, yyjson_val *object, const char *key, const char *want) {
    return strcmp(mix_vec_str(v, object, key), want) == 0;
}
static yyjson_val *client_of(mix_vectors *v, const char *name) {
    return mix_vec(v, mix_vec(v, v->root, "clients"), name);
}
/* Pattern(n) of the vectors, behind an optional first byte. */
static void put_pattern(mix_buf *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        mix_buf_put_u8(out, (uint8_t)(31 * i + 7));
}

/* ---- keys and addresses ---- */

static void check_sizes(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "packet_sizes") {
        mix_vectors_at(v, "packet_sizes %s", mix_vec_str(v, row, "name"));
        mix_packet_size size = (mix_packet_size)mix_vec_u64(v, row, "tag");
        VCHECK(v, mix_packet_len(size) == mix_vec_u64(v, row, "packet_size"));
        VCHECK(v, mix_payload_len(size) == mix_vec_u64(v, row, "payload_size"));
        VCHECK(v, mix_plaintext_len(size) == mix_vec_u64(v, row, "plaintext_size"));
        VCHECK(v, MIX_SPHINX_HEADER_LEN == mix_vec_u64(v, row, "header_size"));
        if (size == MIX_SIZE_ACK)
            continue;
        VCHECK(v, mix_fragment_space(size) == mix_vec_u64(v, row, "fragment_space_forward"));
        VCHECK(v, mix_fragment_space(size) == mix_vec_u64(v, row, "fragment_space_reply"));
    }
    VCHECK(v, MIX_SURB_ACK_LEN == mix_vec_u64(v, v->root, "surb_ack_len"));
}

static yyjson_val *node_by_id(mix_vectors *v, uint64_t id) {
    yyjson_val *row;
    EACH(v, row, "nodes") {
        if (mix_vec_u64(v, row, "node_id") == id)
            return row;
    }
    return NULL;
}

static void check_client(mix_vectors *v, const char *name, uint64_t gateway) {
    yyjson_val *client = client_of(v, name);
    uint8_t key[MIX_KEY_LEN];
    mix_recipient r = {0};
    mix_vectors_at(v, "client %s", name);
    mix_x25519_public(key, member(v, client, "encryption_private").data);
    VBYTES(v, MIX_BYTES(key), member(v, client, "encryption_public"));
    VSTATUS(v, mix_ed25519_public(kit.crypto, key, member(v, client, "identity_private").data),
            MIX_OK);
    VBYTES(v, MIX_BYTES(key), member(v, client, "identity_public"));
    VSTATUS(v, mix_recipient_parse(&r, mix_bytes_str(mix_vec_str(v, client, "recipient"))), MIX_OK);
    VBYTES(v, MIX_BYTES(r.identity), member(v, client, "identity_public"));
    VBYTES(v, MIX_BYTES(r.encryption), member(v, client, "encryption_public"));
    VBYTES(v, MIX_BYTES(r.gateway), member(v, node_by_id(v, gateway), "identity_public"));
}

static void check_keys(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "nodes") {
        uint8_t key[MIX_KEY_LEN];
        mix_vectors_at(v, "node %d", (int)mix_vec_u64(v, row, "node_id"));
        mix_x25519_public(key, member(v, row, "sphinx_private").data);
        VBYTES(v, MIX_BYTES(key), member(v, row, "sphinx_public"));
    }
    check_client(v, "alice", 41);
    check_client(v, "bob", 51);
}

/* What each refused text is refused for. */
static int recipient_error(const char *why) {
    static const struct {
        const char *why;
        int status;
    } rows[] = {{"no at sign", MIX_ERR_RECIPIENT_TEXT},
                {"two at signs", MIX_ERR_RECIPIENT_TEXT},
                {"no dot", MIX_ERR_RECIPIENT_TEXT},
                {"two dots", MIX_ERR_RECIPIENT_TEXT},
                {"bad base58 character", MIX_ERR_BASE58_CHAR},
                {"short identity", MIX_ERR_BASE58_LENGTH},
                {"leading space", MIX_ERR_BASE58_CHAR},
                {"trailing newline", MIX_ERR_BASE58_CHAR}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].why, why) == 0)
            return rows[i].status;
    }
    return MIX_OK;
}

static void check_recipients(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "recipients") {
        mix_bytes text = mix_bytes_str(mix_vec_str(v, row, "string"));
        mix_recipient r = {0};
        mix_buf out = {0};
        mix_vectors_at(v, "recipient %s", (const char *)text.data);
        if (!mix_vec_bool(v, row, "valid")) {
            VSTATUS(v, mix_recipient_parse(&r, text), recipient_error(mix_vec_str(v, row, "why")));
            continue;
        }
        VSTATUS(v, mix_recipient_parse(&r, text), MIX_OK);
        mix_recipient_encode(&out, &r);
        VBYTES(v, mix_buf_bytes(&out), member(v, row, "bytes"));
        VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 0, 32), member(v, row, "identity"));
        VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 32, 32), member(v, row, "encryption"));
        VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 64, 32), member(v, row, "gateway"));
        mix_buf_truncate(&out, 0);
        VSTATUS(v, mix_recipient_format(&out, &r), MIX_OK);
        VBYTES(v, mix_buf_bytes(&out), text);
        mix_buf_deinit(&out);
    }
    EACH(v, row, "identity_points") {
        mix_vectors_at(v, "identity_points %s", mix_vec_str(v, row, "identity"));
        VCHECK(v, mix_ed25519_is_point(member(v, row, "identity").data) ==
                      mix_vec_bool(v, row, "accepted"));
    }
    yyjson_val *tag = mix_vec(v, v->root, "sender_tag");
    mix_buf text = {0};
    VSTATUS(v, mix_base58_encode(&text, member(v, tag, "bytes")), MIX_OK);
    VBYTES(v, mix_buf_bytes(&text), mix_bytes_str(mix_vec_str(v, tag, "base58")));
    mix_buf_deinit(&text);
}

static void check_addresses(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "node_addresses") {
        const char *text = mix_vec_str(v, row, "address");
        mix_address a = {0}, again = {0};
        uint8_t padded[MIX_ADDRESS_PADDED];
        size_t used = 0;
        mix_buf out = {0};
        mix_vectors_at(v, "node_addresses %s", text);
        VSTATUS(v, mix_address_parse(&a, text), MIX_OK);
        mix_address_encode(&out, &a);
        VBYTES(v, mix_buf_bytes(&out), member(v, row, "bytes"));
        mix_address_pad(padded, MIX_ADDRESS_ACK, &a);
        VBYTES(v, mix_bytes_of(padded, MIX_ADDRESS_ACK), member(v, row, "padded19"));
        mix_address_pad(padded, sizeof padded, &a);
        VBYTES(v, MIX_BYTES(padded), member(v, row, "padded32"));
        VSTATUS(v, mix_address_decode(&again, &used, MIX_BYTES(padded)), MIX_OK);
        VCHECK(v, used == out.len && memcmp(&a, &again, sizeof a) == 0);
        mix_buf_deinit(&out);
    }
}

static void check_payloads(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "payload_encryption") {
        yyjson_val *client = client_of(v, mix_vec_str(v, row, "recipient"));
        uint8_t key[MIX_KEY_LEN];
        mix_buf sealed = {0}, opened = {0};
        mix_vectors_at(v, "payload_encryption %zu", at_);
        mix_x25519_public(key, member(v, row, "ephemeral_private").data);
        VBYTES(v, MIX_BYTES(key), member(v, row, "ephemeral_public"));
        mix_x25519(key, member(v, client, "encryption_private").data,
                   member(v, row, "ephemeral_public").data);
        VBYTES(v, MIX_BYTES(key), member(v, row, "dh"));
        mix_hkdf_blake3(key, MIX_PAYLOAD_KEY_LEN, MIX_BYTES(key), (mix_bytes){0}, (mix_bytes){0});
        VBYTES(v, mix_bytes_of(key, MIX_PAYLOAD_KEY_LEN), member(v, row, "key"));
        mix_buf_put_bytes(&sealed, member(v, row, "ephemeral_public"));
        mix_buf_put_bytes(&sealed, member(v, row, "ciphertext"));
        VSTATUS(v,
                mix_payload_open_forward(kit.crypto, &opened,
                                         member(v, client, "encryption_private").data,
                                         mix_buf_bytes(&sealed)),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&opened), member(v, row, "plaintext"));
        mix_buf_deinit(&sealed);
        mix_buf_deinit(&opened);
    }
    EACH(v, row, "reply_key_digests") {
        uint8_t digest[MIX_KEY_LEN];
        mix_vectors_at(v, "reply_key_digests %zu", at_);
        mix_blake3(digest, member(v, row, "key"));
        VBYTES(v, MIX_BYTES(digest), member(v, row, "digest"));
    }
}

/* ---- packets, hop by hop ---- */

static yyjson_val *node_at(mix_vectors *v, const mix_address *address) {
    yyjson_val *row;
    EACH(v, row, "nodes") {
        mix_address a;
        if (mix_address_parse(&a, mix_vec_str(v, row, "address")) == MIX_OK &&
            memcmp(&a, address, sizeof a) == 0)
            return row;
    }
    return NULL;
}

/* At the last node: *plaintext is borrowed from payload. */
static void check_end(mix_vectors *v, yyjson_val *hop, const mix_sphinx_result *r,
                      mix_bytes payload, mix_bytes *plaintext) {
    static const uint8_t no_identifier[MIX_SPHINX_IDENTIFIER_LEN] = {0};
    VCHECK(v, r->kind == MIX_SPHINX_FINAL);
    VBYTES(v, MIX_BYTES(r->destination), member(v, hop, "destination"));
    VBYTES(v, MIX_BYTES(r->identifier), member(v, hop, "identifier"));
    VBYTES(v, MIX_BYTES(r->identifier), MIX_BYTES(no_identifier));
    VSTATUS(v, mix_sphinx_unpad(plaintext, payload), MIX_OK);
}

static void check_forward(mix_vectors *v, yyjson_val *hop, const mix_sphinx_result *r,
                          mix_address *next) {
    uint8_t padded[MIX_SPHINX_ADDRESS_LEN];
    mix_address want = {0};
    VCHECK(v, r->kind == MIX_SPHINX_FORWARD);
    VCHECK(v, r->delay_ns == mix_vec_u64(v, hop, "delay_nanos"));
    VSTATUS(v, mix_address_decode(next, NULL, MIX_BYTES(r->next_address)), MIX_OK);
    VSTATUS(v, mix_address_parse(&want, mix_vec_str(v, hop, "next_hop")), MIX_OK);
    mix_address_pad(padded, sizeof padded, &want);
    VBYTES(v, MIX_BYTES(r->next_address), MIX_BYTES(padded)); /* its padding is zero, too */
}

/* Follows a packet over all hops and compares them with the recorded ones; out gets the last
 * payload, *plaintext borrows from it. */
static void travel(mix_vectors *v, const mix_address *first_hop, mix_bytes packet, yyjson_val *hops,
                   mix_buf *out, mix_bytes *plaintext) {
    mix_buf now = {0};
    mix_address at = *first_hop;
    mix_buf_put_bytes(&now, packet);
    size_t count = yyjson_arr_size(hops);
    for (size_t i = 0; i < count; i++) {
        yyjson_val *hop = yyjson_arr_get(hops, i), *node = node_at(v, &at);
        mix_sphinx_result r = {0};
        if (!VCHECK(v, node && mix_vec_u64(v, node, "node_id") == mix_vec_u64(v, hop, "node_id")))
            break;
        mix_buf_truncate(out, 0);
        if (!VSTATUS(v,
                     mix_sphinx_process(kit.crypto, &r, out, member(v, node, "sphinx_private").data,
                                        mix_buf_bytes(&now)),
                     MIX_OK))
            break;
        VCHECK(v, r.version == mix_vec_u64(v, hop, "version"));
        if (i + 1 == count) {
            check_end(v, hop, &r, mix_buf_bytes(out), plaintext);
        } else {
            check_forward(v, hop, &r, &at);
            mix_buf_truncate(&now, 0);
            mix_buf_put_bytes(&now, mix_buf_bytes(out));
        }
    }
    mix_buf_deinit(&now);
}

/* The delays that count: all but the last hop's. */
static uint64_t delay_of(mix_vectors *v, yyjson_val *hops) {
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < yyjson_arr_size(hops); i++)
        sum += mix_vec_u64(v, yyjson_arr_get(hops, i), "delay_nanos");
    return sum;
}

/* An acknowledgement in front of a message; returns the delay to expect. */
static uint64_t check_ack(mix_vectors *v, yyjson_val *row, mix_address first_hop, mix_bytes packet,
                          const char *owner, uint8_t id[static MIX_FRAGMENT_ID_LEN]) {
    yyjson_val *client = client_of(v, owner), *hops = mix_vec(v, row, "hops");
    mix_address want = {0};
    mix_buf payload = {0};
    mix_bytes plaintext = {0};
    VSTATUS(v, mix_address_parse(&want, mix_vec_str(v, row, "first_hop")), MIX_OK);
    VCHECK(v, memcmp(&want, &first_hop, sizeof want) == 0);
    travel(v, &first_hop, packet, hops, &payload, &plaintext);
    VBYTES(v, plaintext, member(v, row, "payload"));
    VBYTES(v, member(v, client, "identity_public"),
           member(v, yyjson_arr_get_last(hops), "destination"));
    VSTATUS(v, mix_ack_open(kit.crypto, id, member(v, client, "ack_key").data, plaintext), MIX_OK);
    VBYTES(v, mix_bytes_of(id, MIX_FRAGMENT_ID_LEN), member(v, row, "fragment_id"));
    mix_buf_deinit(&payload);
    return delay_of(v, hops);
}

static void check_acks(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "surb_acks") {
        mix_address first_hop = {0};
        mix_bytes packet = {0}, rest = {0}, bytes = member(v, row, "bytes");
        uint8_t id[MIX_FRAGMENT_ID_LEN];
        mix_vectors_at(v, "surb_acks %s", mix_vec_str(v, row, "name"));
        VSTATUS(v, mix_surb_ack_split(&first_hop, &packet, &rest, bytes), MIX_OK);
        VCHECK(v, rest.len == 0 && bytes.len == MIX_SURB_ACK_LEN);
        uint64_t delay = check_ack(v, row, first_hop, packet, mix_vec_str(v, row, "owner"), id);
        VCHECK(v, delay == mix_vec_u64(v, row, "total_delay_nanos"));
        mix_vectors_sweep(v);
    }
}

/* A reply SURB as it stands in a list, used for this plaintext: gives just this packet. */
static void check_use(mix_vectors *v, mix_bytes reply_surb, const mix_address *first_hop,
                      mix_bytes plaintext, mix_bytes want) {
    mix_buf packet = {0};
    uint8_t to[MIX_SPHINX_ADDRESS_LEN] = {0}, padded[MIX_SPHINX_ADDRESS_LEN];
    mix_bytes surb = mix_bytes_slice(reply_surb, MIX_SURB_KEY_LEN, reply_surb.len);
    VSTATUS(v, mix_surb_check(surb), MIX_OK);
    VSTATUS(
        v, mix_surb_use(kit.sphinx, &packet, to, surb, want.len - MIX_SPHINX_HEADER_LEN, plaintext),
        MIX_OK);
    VBYTES(v, mix_buf_bytes(&packet), want);
    mix_address_pad(padded, sizeof padded, first_hop);
    VBYTES(v, MIX_BYTES(to), MIX_BYTES(padded));
    mix_buf_deinit(&packet);
}

static void check_surbs(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "reply_surbs") {
        yyjson_val *applied = mix_vec(v, row, "applied"), *hops = mix_vec(v, applied, "hops");
        mix_bytes surb = member(v, row, "bytes"), packet = member(v, applied, "packet"), got = {0};
        uint8_t digest[MIX_KEY_LEN];
        mix_address first_hop = {0};
        mix_buf plaintext = {0}, payload = {0};
        mix_vectors_at(v, "reply_surbs %s", mix_vec_str(v, row, "name"));
        uint16_t version =
            mix_vec_bool(v, row, "explicit_payload_keys") ? MIX_SPHINX_V258 : MIX_SPHINX_V259;
        VCHECK(v, surb.len ==
                      MIX_SURB_KEY_LEN + mix_surb_len(size_member(v, row, "hops_count"), version));
        VBYTES(v, mix_bytes_slice(surb, 0, MIX_SURB_KEY_LEN), member(v, row, "encryption_key"));
        mix_blake3(digest, member(v, row, "encryption_key"));
        VBYTES(v, MIX_BYTES(digest), member(v, row, "key_digest"));
        put_pattern(&plaintext, size_member(v, applied, "plaintext_pattern_len"));
        VSTATUS(v, mix_address_parse(&first_hop, mix_vec_str(v, applied, "first_hop")), MIX_OK);
        check_use(v, surb, &first_hop, mix_buf_bytes(&plaintext), packet);
        travel(v, &first_hop, packet, hops, &payload, &got);
        VBYTES(v, got, mix_buf_bytes(&plaintext));
        VBYTES(v, member(v, yyjson_arr_get_last(hops), "destination"),
               member(v, client_of(v, mix_vec_str(v, row, "created_by")), "identity_public"));
        mix_buf_deinit(&plaintext);
        mix_buf_deinit(&payload);
        mix_vectors_sweep(v);
    }
}

/* ---- messages ---- */

static bool type_is(const mix_nym_message *m, const char *name) {
    static const char *const names[] = {"plain", "repliable", "reply"};
    return strcmp(names[m->type], name) == 0;
}

static bool content_is(const mix_nym_message *m, const char *name) {
    static const char *const repliable[] = {"data_v1", "additional_surbs_v1", "heartbeat_v1",
                                            "data_v2", "additional_surbs_v2", "heartbeat_v2"};
    if (m->type == MIX_NYM_REPLIABLE)
        return strcmp(repliable[m->content + 3 * (m->surbs.version - 1)], name) == 0;
    return strcmp(m->content == MIX_NYM_SURB_REQUEST ? "surb_request" : "data", name) == 0;
}

static void check_list(mix_vectors *v, const mix_surb_list *list, yyjson_val *want) {
    if (!VCHECK(v, list->count == yyjson_arr_size(want)))
        return;
    for (size_t i = 0; i < list->count; i++) {
        yyjson_val *row = yyjson_arr_get(want, i);
        mix_bytes surb = mix_surb_list_at(list, i);
        uint8_t digest[MIX_KEY_LEN];
        VBYTES(v, surb, member(v, row, "bytes"));
        VBYTES(v, mix_bytes_slice(surb, 0, MIX_SURB_KEY_LEN), member(v, row, "encryption_key"));
        mix_blake3(digest, mix_bytes_slice(surb, 0, MIX_SURB_KEY_LEN));
        VBYTES(v, MIX_BYTES(digest), member(v, row, "key_digest"));
    }
}

static void check_fields(mix_vectors *v, const mix_nym_message *m, yyjson_val *want) {
    VCHECK(v, type_is(m, mix_vec_str(v, want, "type")));
    if (yyjson_obj_get(want, "content"))
        VCHECK(v, content_is(m, mix_vec_str(v, want, "content")));
    if (yyjson_obj_get(want, "message"))
        VBYTES(v, m->data, member(v, want, "message"));
    if (yyjson_obj_get(want, "sender_tag"))
        VBYTES(v, MIX_BYTES(m->tag), member(v, want, "sender_tag"));
    if (yyjson_obj_get(want, "key_rotation"))
        VCHECK(v, m->surbs.rotation == mix_vec_u64(v, want, "key_rotation"));
    if (yyjson_obj_get(want, "amount"))
        VCHECK(v, m->amount == mix_vec_u64(v, want, "amount"));
    if (yyjson_obj_get(want, "recipient")) {
        mix_buf text = {0};
        VSTATUS(v, mix_recipient_format(&text, &m->recipient), MIX_OK);
        VBYTES(v, mix_buf_bytes(&text), mix_bytes_str(mix_vec_str(v, want, "recipient")));
        mix_buf_deinit(&text);
    }
    if (yyjson_obj_get(want, "surbs"))
        check_list(v, &m->surbs, mix_vec(v, want, "surbs"));
}

/* The message as the fragments carry it. */
static void put_padded(mix_buf *out, const mix_split *plan, mix_bytes message) {
    mix_buf_put_bytes(out, message);
    mix_buf_put_u8(out, 1);
    mix_buf_put_zeros(out, plan->zeros);
}

static void check_messages(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "nym_messages") {
        mix_bytes bytes = member(v, row, "bytes"), unpadded = {0};
        mix_nym_message m = {0};
        mix_buf out = {0}, padded = {0};
        mix_vectors_at(v, "nym_messages %s", mix_vec_str(v, row, "name"));
        VSTATUS(v, mix_nym_decode(&m, bytes), MIX_OK);
        check_fields(v, &m, mix_vec(v, row, "fields"));
        mix_nym_encode(&out, &m);
        VBYTES(v, mix_buf_bytes(&out), bytes);
        mix_split plan = mix_split_plan(bytes.len, mix_fragment_space(MIX_SIZE_REGULAR));
        put_padded(&padded, &plan, bytes);
        VCHECK(v, padded.len == mix_vec_u64(v, row, "padded_len_regular_forward"));
        VCHECK(v, plan.fragments == mix_vec_u64(v, row, "fragments_regular_forward"));
        VSTATUS(v, mix_message_unpad(&unpadded, mix_buf_bytes(&padded)), MIX_OK);
        VBYTES(v, unpadded, bytes);
        mix_buf_deinit(&out);
        mix_buf_deinit(&padded);
        mix_vectors_sweep(v);
    }
}

typedef struct refusal {
    const char *why;
    int status;
} refusal;

static const refusal REFUSED_MESSAGES[] = {
    {"empty", MIX_ERR_MESSAGE_EMPTY},
    {"unknown type 3", MIX_ERR_MESSAGE_TYPE},
    {"repliable without content tag", MIX_ERR_MESSAGE_TRUNCATED},
    {"repliable with unknown content tag 6", MIX_ERR_MESSAGE_CONTENT_TAG},
    {"repliable data v2 without any content", MIX_ERR_MESSAGE_CONTENT},
    {"repliable data v2 with 3 bytes of content", MIX_ERR_SURB_LIST_HEADER},
    {"repliable data v2 with key rotation 3", MIX_ERR_SURB_LIST_ROTATION},
    {"repliable data v1 with 3 bytes of content", MIX_ERR_SURB_LIST_HEADER},
    {"repliable data v2 with too few surb bytes", MIX_ERR_SURB_LIST_COUNT},
    {"reply without tag", MIX_ERR_MESSAGE_TRUNCATED},
    {"reply with unknown tag", MIX_ERR_MESSAGE_CONTENT_TAG},
    {"reply data, empty", MIX_ERR_MESSAGE_CONTENT},
    {"surb request with a trailing byte", MIX_ERR_SURB_REQUEST},
    {NULL, 0},
};
static const refusal REFUSED_FRAGMENTS[] = {
    {"6 bytes", MIX_ERR_FRAGMENT_TRUNCATED},
    {"set id 0", MIX_ERR_FRAGMENT_SET},
    {"first bit not set", MIX_ERR_FRAGMENT_MARK},
    {"total 0", MIX_ERR_FRAGMENT_POSITION},
    {"current 0", MIX_ERR_FRAGMENT_POSITION},
    {"current above total", MIX_ERR_FRAGMENT_POSITION},
    {"link flag in the middle", MIX_ERR_FRAGMENT_LINK_PLACE},
    {"link flag on the last of 10", MIX_ERR_FRAGMENT_LINK_PLACE},
    {"link byte without top bit", MIX_ERR_FRAGMENT_LINK_MARK},
    {"truncated link", MIX_ERR_FRAGMENT_TRUNCATED},
    {"linked to itself", MIX_ERR_FRAGMENT_LINK_SET},
    {"linked to set 0", MIX_ERR_FRAGMENT_LINK_SET},
    {NULL, 0},
};

static int refusal_of(const refusal *rows, const char *why) {
    while (rows->why && strcmp(rows->why, why) != 0)
        rows++;
    return rows->status;
}

static void check_refusals(mix_vectors *v) {
    static const uint8_t no_mark[] = {0, 2, 3};
    yyjson_val *row;
    mix_nym_message m;
    mix_fragment f;
    mix_bytes message = {0};
    EACH(v, row, "nym_messages_rejected") {
        const char *why = mix_vec_str(v, row, "why");
        mix_vectors_at(v, "nym_messages_rejected %s", why);
        VSTATUS(v, mix_nym_decode(&m, member(v, row, "bytes")), refusal_of(REFUSED_MESSAGES, why));
    }
    EACH(v, row, "fragments_rejected") {
        const char *why = mix_vec_str(v, row, "why");
        mix_vectors_at(v, "fragments_rejected %s", why);
        VSTATUS(v, mix_fragment_decode(&f, member(v, row, "bytes")),
                refusal_of(REFUSED_FRAGMENTS, why));
    }
    VSTATUS(v, mix_message_unpad(&message, MIX_BYTES(no_mark)), MIX_ERR_MESSAGE_PADDING);
}

/* ---- fragments ---- */

static void check_required(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "required_fragments") {
        size_t n[4];
        for (size_t i = 0; i < 4; i++)
            n[i] = (size_t)yyjson_get_uint(yyjson_arr_get(row, i));
        mix_vectors_at(v, "required_fragments of %zu in %zu", n[1], n[0]);
        mix_split plan = mix_split_plan(n[1] - 1, n[0]);
        VCHECK(v, plan.fragments == n[2]);
        VCHECK(v, plan.zeros == n[3]);
    }
}

/* Feeds the fragments in the order of arrival given (or backwards): the message comes with the last
 * one, once. */
static void check_reassembly(mix_vectors *v, yyjson_val *row, mix_bytes message) {
    static const mix_reassembly_limits limits = {1 << 20, 16, 16, MIX_SECONDS(1800)};
    yyjson_val *fragments = mix_vec(v, row, "fragments"), *order = yyjson_obj_get(row, "order");
    mix_reassembly *r = NULL;
    mix_buf out = {0};
    mix_bytes got = {0};
    size_t count = yyjson_arr_size(fragments);
    VSTATUS(v, mix_reassembly_new(&r, &limits, &kit.env.env), MIX_OK);
    for (size_t i = 0; i < count; i++) {
        size_t at = yyjson_is_arr(order) ? (size_t)yyjson_get_uint(yyjson_arr_get(order, i))
                                         : count - 1 - i;
        mix_bytes fragment = mix_vec_hex_value(v, yyjson_arr_get(fragments, at));
        int status = mix_reassembly_feed(r, &out, 0, fragment, (mix_time)i);
        if (i + 1 == count || status != MIX_DONE)
            VSTATUS(v, status, i + 1 == count ? MIX_OK : MIX_DONE);
    }
    VCHECK(v, out.len == mix_vec_u64(v, row, "padded_len"));
    VSTATUS(v, mix_message_unpad(&got, mix_buf_bytes(&out)), MIX_OK);
    VBYTES(v, got, message);
    VSTATUS(v,
            mix_reassembly_feed(r, &out, 0, mix_vec_hex_value(v, yyjson_arr_get(fragments, 0)), 0),
            MIX_DONE);
    mix_reassembly_stats stats = mix_reassembly_get_stats(r);
    VCHECK(v, stats.messages == 1 && stats.duplicates == 1 && stats.sets == 0 && stats.bytes == 0);
    mix_reassembly_free(r);
    mix_buf_deinit(&out);
}

static void check_fragmentation(mix_vectors *v) {
    yyjson_val *row;
    EACH(v, row, "fragmentation") {
        yyjson_val *fragments = mix_vec(v, row, "fragments"), *set_ids = mix_vec(v, row, "set_ids");
        size_t len = size_member(v, row, "message_pattern_len"),
               space = size_member(v, row, "space");
        uint32_t ids[8] = {0};
        mix_buf message = {0}, padded = {0}, out = {0};
        mix_vectors_at(v, "fragmentation of %zu in %zu", len, space);
        mix_buf_put_u8(&message, MIX_NYM_PLAIN);
        put_pattern(&message, len);
        mix_split plan = mix_split_plan(message.len, space);
        VCHECK(v, plan.sets == yyjson_arr_size(set_ids) && plan.sets <= 8);
        for (size_t i = 0; i < plan.sets; i++)
            ids[i] = (uint32_t)yyjson_get_uint(yyjson_arr_get(set_ids, i));
        put_padded(&padded, &plan, mix_buf_bytes(&message));
        VCHECK(v, padded.len == mix_vec_u64(v, row, "padded_len"));
        VCHECK(v, plan.fragments == mix_vec_u64(v, row, "fragments_count"));
        for (size_t i = 0, at = 0; i < plan.fragments; i++) {
            mix_fragment f = mix_split_at(&plan, ids, i), again;
            mix_buf_truncate(&out, 0);
            mix_fragment_encode_header(&out, &f);
            mix_buf_put_bytes(&out, mix_bytes_slice(mix_buf_bytes(&padded), at, f.payload.len));
            VBYTES(v, mix_buf_bytes(&out), mix_vec_hex_value(v, yyjson_arr_get(fragments, i)));
            VSTATUS(v, mix_fragment_decode(&again, mix_buf_bytes(&out)), MIX_OK);
            VCHECK(v, again.set == f.set && again.previous == f.previous && again.next == f.next);
            at += f.payload.len;
        }
        check_reassembly(v, row, mix_buf_bytes(&message));
        mix_buf_deinit(&message);
        mix_buf_deinit(&padded);
        mix_buf_deinit(&out);
        mix_vectors_sweep(v);
    }
}

/* ---- whole packets ---- */

/* The SURBs that Bob has got so far and not yet used; bytes live in the message kept with them. */
static struct {
    mix_buf message;
    mix_surb_list list;
    size_t used;
} bobs;

static mix_packet_size size_named(mix_vectors *v, const char *name) {
    yyjson_val *row;
    EACH(v, row, "packet_sizes") {
        if (is_string(v, row, "name", name))
            return (mix_packet_size)mix_vec_u64(v, row, "tag");
    }
    return 0;
}

/* The MixPacket in both forms. */
static void check_prefix(mix_vectors *v, yyjson_val *row, mix_packet *p) {
    mix_bytes bytes = member(v, row, "mix_packet_v2");
    mix_address want = {0};
    mix_buf out = {0};
    VSTATUS(v, mix_packet_decode_v2(p, bytes), MIX_OK);
    VCHECK(v, p->type == MIX_PACKET_TYPE_MIX && p->rotation == mix_vec_u64(v, row, "key_rotation"));
    VSTATUS(v, mix_address_parse(&want, mix_vec_str(v, row, "first_hop")), MIX_OK);
    VCHECK(v, memcmp(&want, &p->next_hop, sizeof want) == 0);
    VSTATUS(v, mix_packet_encode_v2(&out, p), MIX_OK);
    VBYTES(v, mix_buf_bytes(&out), bytes);
    mix_buf_truncate(&out, 0);
    VSTATUS(v, mix_packet_encode_v1(&out, p), MIX_OK);
    VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 0, out.len - p->packet.len),
           member(v, row, "mix_packet_v1_prefix"));
    VCHECK(v, p->packet.len == mix_packet_len(size_named(v, mix_vec_str(v, row, "packet_size"))));
    mix_buf_deinit(&out);
}

/* A reply: made with Bob's next SURB, opened with its key. */
static void check_reply(mix_vectors *v, yyjson_val *row, const mix_packet *p, mix_bytes plaintext,
                        mix_buf *opened) {
    mix_bytes key = member(v, row, "surb_encryption_key"), delivered = member(v, row, "delivered");
    uint8_t digest[MIX_KEY_LEN];
    if (!VCHECK(v, bobs.used < bobs.list.count))
        return;
    mix_bytes surb = mix_surb_list_at(&bobs.list, bobs.used++);
    mix_blake3(digest, key);
    VBYTES(v, mix_bytes_slice(delivered, 0, MIX_KEY_LEN), MIX_BYTES(digest));
    VBYTES(v, mix_bytes_slice(surb, 0, MIX_SURB_KEY_LEN), key);
    VCHECK(v, bobs.list.rotation == mix_vec_u64(v, row, "key_rotation"));
    check_use(v, surb, &p->next_hop, plaintext, p->packet);
    VSTATUS(v,
            mix_payload_open_reply(kit.crypto, opened, key.data,
                                   mix_bytes_slice(delivered, MIX_KEY_LEN, delivered.len)),
            MIX_OK);
}

/* One packet from the sender's gateway to the receiver's client; its contents are appended to
 * opened. */
static void check_packet(mix_vectors *v, yyjson_val *row, mix_buf *opened) {
    static const uint8_t cover_id[MIX_FRAGMENT_ID_LEN] = {0};
    yyjson_val *to = client_of(v, mix_vec_str(v, row, "to")), *hops = mix_vec(v, row, "hops");
    mix_packet p = {0};
    mix_buf payload = {0};
    mix_bytes plaintext = {0}, ack = {0}, delivered = {0};
    mix_address ack_hop = {0};
    uint8_t ack_id[MIX_FRAGMENT_ID_LEN] = {0};
    check_prefix(v, row, &p);
    travel(v, &p.next_hop, p.packet, hops, &payload, &plaintext);
    VBYTES(v, member(v, yyjson_arr_get_last(hops), "destination"),
           member(v, to, "identity_public"));
    VCHECK(v,
           plaintext.len == mix_plaintext_len(size_named(v, mix_vec_str(v, row, "packet_size"))));
    VSTATUS(v, mix_surb_ack_split(&ack_hop, &ack, &delivered, plaintext), MIX_OK);
    uint64_t delay = check_ack(v, mix_vec(v, row, "surb_ack"), ack_hop, ack,
                               mix_vec_str(v, row, "from"), ack_id);
    VBYTES(v, delivered, member(v, row, "delivered"));
    if (is_string(v, row, "kind", "reply")) {
        check_reply(v, row, &p, plaintext, opened);
        delay += 3 * 15000000; /* what a replier expects of hops that it does not know */
    } else {
        VSTATUS(v,
                mix_payload_open_forward(kit.crypto, opened,
                                         member(v, to, "encryption_private").data, delivered),
                MIX_OK);
        delay += delay_of(v, hops);
    }
    VBYTES(v, mix_buf_bytes(opened), member(v, row, "decrypted"));
    VCHECK(v, mix_cover_is(mix_buf_bytes(opened)) == is_string(v, row, "kind", "cover"));
    if (is_string(v, row, "kind", "cover")) {
        VBYTES(v, MIX_BYTES(ack_id), MIX_BYTES(cover_id));
    } else {
        VBYTES(v, MIX_BYTES(ack_id), member(v, row, "fragment_id"));
        VCHECK(v, delay == mix_vec_u64(v, row, "total_delay_nanos"));
    }
    mix_buf_deinit(&payload);
}

static void check_group_message(mix_vectors *v, yyjson_val *group, mix_bytes message) {
    mix_nym_message m = {0};
    VSTATUS(v, mix_nym_decode(&m, message), MIX_OK);
    if (yyjson_obj_get(group, "nym_message"))
        VBYTES(v, message, member(v, group, "nym_message"));
    if (yyjson_obj_get(group, "message"))
        VBYTES(v, m.data, member(v, group, "message"));
    if (m.surbs.count > 0) {
        mix_buf_put_bytes(&bobs.message, message);
        VSTATUS(v, mix_nym_decode(&m, mix_buf_bytes(&bobs.message)), MIX_OK);
        bobs.list = m.surbs;
    }
}

static void check_group(mix_vectors *v, yyjson_val *group) {
    static const mix_reassembly_limits limits = {1 << 20, 16, 16, MIX_SECONDS(1800)};
    yyjson_val *rows = mix_vec(v, group, "packets");
    mix_reassembly *r = NULL;
    mix_buf padded = {0};
    int status = MIX_DONE;
    bool cover = is_string(v, yyjson_arr_get_first(rows), "kind", "cover");
    VSTATUS(v, mix_reassembly_new(&r, &limits, &kit.env.env), MIX_OK);
    for (size_t i = 0; i < yyjson_arr_size(rows); i++) {
        yyjson_val *row = yyjson_arr_get(rows, i);
        mix_buf opened = {0};
        uint8_t id[MIX_FRAGMENT_ID_LEN];
        mix_fragment f = {0};
        mix_vectors_at(v, "packets %s, %zu", mix_vec_str(v, group, "name"), i);
        check_packet(v, row, &opened);
        if (!cover) {
            VSTATUS(v, status, MIX_DONE);
            VSTATUS(v, mix_fragment_decode(&f, mix_buf_bytes(&opened)), MIX_OK);
            mix_fragment_id_encode(id, f.set, f.current);
            VBYTES(v, MIX_BYTES(id), member(v, row, "fragment_id"));
            status = mix_reassembly_feed(r, &padded, 0, mix_buf_bytes(&opened), 0);
        }
        mix_buf_deinit(&opened);
    }
    mix_bytes message = {0};
    if (!cover && VSTATUS(v, status, MIX_OK) &&
        VSTATUS(v, mix_message_unpad(&message, mix_buf_bytes(&padded)), MIX_OK))
        check_group_message(v, group, message);
    mix_reassembly_free(r);
    mix_buf_deinit(&padded);
    mix_vectors_sweep(v);
}

static void check_packets(mix_vectors *v) {
    yyjson_val *group;
    EACH(v, group, "packets") check_group(v, group);
    mix_buf_deinit(&bobs.message);
}

int main(void) {
    mix_vectors v;
    mix_vectors_open(&v, "messages", "messages.json");
    mix_test_env_init(&kit.env, 1);
    VSTATUS(&v, mix_crypto_new(&kit.crypto), MIX_OK);
    VSTATUS(&v, mix_sphinx_new(&kit.sphinx, kit.crypto, &kit.env.env), MIX_OK);
    check_sizes(&v);
    check_keys(&v);
    check_recipients(&v);
    check_addresses(&v);
    check_payloads(&v);
    check_acks(&v);
    check_surbs(&v);
    check_messages(&v);
    check_refusals(&v);
    check_required(&v);
    check_fragmentation(&v);
    check_packets(&v);
    mix_sphinx_free(kit.sphinx);
    mix_crypto_free(kit.crypto);
    return mix_vectors_close(&v);
}
