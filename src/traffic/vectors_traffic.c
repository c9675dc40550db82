/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, payload encryption and acknowledgements against what the original's code made
 * (testdata/messages.json). */
#include "mix/errors.h"
#include "traffic/ack.h"
#include "traffic/keys.h"
#include "traffic/payload.h"
#include "vectors.h"

static void check_recipient(mix_vectors *v, yyjson_val *row) {
    mix_recipient text = {0}, bytes = {0};
    mix_bytes string = mix_bytes_str(mix_vec_str(v, row, "string"));
    mix_vectors_at(v, "recipient %s", (const char *)string.data);
    if (!mix_vec_bool(v, row, "valid")) {
        VCHECK(v, mix_recipient_parse(&text, string) < 0);
        return;
    }
    mix_buf out = {0};
    VSTATUS(v, mix_recipient_parse(&text, string), MIX_OK);
    VSTATUS(v, mix_recipient_decode(&bytes, mix_vec_hex(v, row, "bytes")), MIX_OK);
    VBYTES(v, MIX_BYTES(text.identity), mix_vec_hex(v, row, "identity"));
    VBYTES(v, MIX_BYTES(text.encryption), mix_vec_hex(v, row, "encryption"));
    VBYTES(v, MIX_BYTES(text.gateway), mix_vec_hex(v, row, "gateway"));
    mix_recipient_encode(&out, &text);
    VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, row, "bytes"));
    mix_buf_truncate(&out, 0);
    VSTATUS(v, mix_recipient_format(&out, &bytes), MIX_OK);
    VBYTES(v, mix_buf_bytes(&out), string);
    mix_buf_deinit(&out);
}

/* A Recipient with this identity, all else good. */
static void check_point(mix_vectors *v, yyjson_val *row, mix_bytes good) {
    uint8_t bytes[MIX_RECIPIENT_LEN];
    mix_recipient r;
    memcpy(bytes, good.data, sizeof bytes);
    memcpy(bytes, mix_vec_hex(v, row, "identity").data, MIX_KEY_LEN);
    int want = mix_vec_bool(v, row, "accepted") ? MIX_OK : MIX_ERR_RECIPIENT_KEY;
    VSTATUS(v, mix_recipient_decode(&r, MIX_BYTES(bytes)), want);
    memcpy(bytes, good.data, MIX_KEY_LEN);
    memcpy(bytes + 64, mix_vec_hex(v, row, "identity").data, MIX_KEY_LEN);
    VSTATUS(v, mix_recipient_decode(&r, MIX_BYTES(bytes)), want);
}

static void check_recipients(mix_vectors *v) {
    size_t i, max;
    yyjson_val *row;
    yyjson_arr_foreach(mix_vec(v, v->root, "recipients"), i, max, row) check_recipient(v, row);
    yyjson_val *first = yyjson_arr_get_first(mix_vec(v, v->root, "recipients"));
    mix_bytes good = mix_vec_hex(v, first, "bytes");
    yyjson_arr_foreach(mix_vec(v, v->root, "identity_points"), i, max, row) {
        mix_vectors_at(v, "identity_points %zu", i);
        check_point(v, row, good);
    }
}

/* An env that hands out given bytes. */
static int scripted_random(void *user, uint8_t *out, size_t len) {
    mix_reader *r = user;
    mix_read_into(r, out, len);
    return r->bad ? -1 : 0;
}

static void check_payload_encryption(mix_vectors *v, mix_crypto *c) {
    size_t i, max;
    yyjson_val *row;
    yyjson_arr_foreach(mix_vec(v, v->root, "payload_encryption"), i, max, row) {
        mix_vectors_at(v, "payload_encryption %zu", i);
        yyjson_val *client =
            mix_vec(v, mix_vec(v, v->root, "clients"), mix_vec_str(v, row, "recipient"));
        mix_reader script = {.in = mix_vec_hex(v, row, "ephemeral_private")};
        mix_env env = {.user = &script, .random = scripted_random};
        mix_bytes plaintext = mix_vec_hex(v, row, "plaintext");
        mix_buf out = {0}, opened = {0};
        VSTATUS(v,
                mix_payload_seal_forward(
                    c, &env, &out, mix_vec_hex(v, client, "encryption_public").data, plaintext),
                MIX_OK);
        VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 0, 32),
               mix_vec_hex(v, row, "ephemeral_public"));
        VBYTES(v, mix_bytes_slice(mix_buf_bytes(&out), 32, out.len),
               mix_vec_hex(v, row, "ciphertext"));
        VSTATUS(v,
                mix_payload_open_forward(c, &opened,
                                         mix_vec_hex(v, client, "encryption_private").data,
                                         mix_buf_bytes(&out)),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&opened), plaintext);
        mix_buf_deinit(&out);
        mix_buf_deinit(&opened);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "reply_key_digests"), i, max, row) {
        mix_vectors_at(v, "reply_key_digests %zu", i);
        mix_buf out = {0};
        VSTATUS(v, mix_payload_seal_reply(c, &out, mix_vec_hex(v, row, "key").data, (mix_bytes){0}),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, row, "digest"));
        mix_buf_deinit(&out);
    }
}

static void check_acks(mix_vectors *v, mix_crypto *c) {
    size_t i, max;
    yyjson_val *row;
    yyjson_arr_foreach(mix_vec(v, v->root, "surb_acks"), i, max, row) {
        mix_vectors_at(v, "surb_acks %s", mix_vec_str(v, row, "name"));
        yyjson_val *owner =
            mix_vec(v, mix_vec(v, v->root, "clients"), mix_vec_str(v, row, "owner"));
        const uint8_t *key = mix_vec_hex(v, owner, "ack_key").data;
        mix_bytes payload = mix_vec_hex(v, row, "payload"),
                  want = mix_vec_hex(v, row, "fragment_id");
        uint8_t id[MIX_FRAGMENT_ID_LEN], sealed[MIX_ACK_PLAINTEXT_LEN];
        VSTATUS(v, mix_ack_open(c, id, key, payload), MIX_OK);
        VBYTES(v, MIX_BYTES(id), want);
        mix_reader script = {.in = payload}; /* the IV is its first 16 bytes */
        mix_env env = {.user = &script, .random = scripted_random};
        VSTATUS(v, mix_ack_seal(c, &env, sealed, key, want.data), MIX_OK);
        VBYTES(v, MIX_BYTES(sealed), payload);
    }
}

/* What the gateway delivers, opened and sealed again. */
static void check_delivered(mix_vectors *v, mix_crypto *c, yyjson_val *row) {
    mix_bytes delivered = mix_vec_hex(v, row, "delivered"), want = mix_vec_hex(v, row, "decrypted");
    mix_bytes sealed = mix_bytes_slice(delivered, MIX_KEY_LEN, delivered.len);
    mix_buf opened = {0}, again = {0};
    if (strcmp(mix_vec_str(v, row, "kind"), "reply") == 0) {
        const uint8_t *key = mix_vec_hex(v, row, "surb_encryption_key").data;
        VSTATUS(v, mix_payload_open_reply(c, &opened, key, sealed), MIX_OK);
        VSTATUS(v, mix_payload_seal_reply(c, &again, key, want), MIX_OK);
        VBYTES(v, mix_buf_bytes(&again), delivered);
    } else {
        yyjson_val *to = mix_vec(v, mix_vec(v, v->root, "clients"), mix_vec_str(v, row, "to"));
        VSTATUS(v,
                mix_payload_open_forward(c, &opened, mix_vec_hex(v, to, "encryption_private").data,
                                         delivered),
                MIX_OK);
    }
    VBYTES(v, mix_buf_bytes(&opened), want);
    mix_buf_deinit(&opened);
    mix_buf_deinit(&again);
}

static void check_packets(mix_vectors *v, mix_crypto *c) {
    size_t i, max, j, rows;
    yyjson_val *group, *row;
    yyjson_arr_foreach(mix_vec(v, v->root, "packets"), i, max, group) {
        yyjson_arr_foreach(mix_vec(v, group, "packets"), j, rows, row) {
            mix_vectors_at(v, "packets %s %zu", mix_vec_str(v, group, "name"), j);
            check_delivered(v, c, row);
        }
    }
}

int main(void) {
    mix_vectors v;
    mix_crypto *c = NULL;
    mix_vectors_open(&v, "traffic", "messages.json");
    VSTATUS(&v, mix_crypto_new(&c), MIX_OK);
    check_recipients(&v);
    check_payload_encryption(&v, c);
    check_acks(&v, c);
    check_packets(&v, c);
    mix_crypto_free(c);
    return mix_vectors_close(&v);
}
