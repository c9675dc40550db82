/* SPDX-License-Identifier: Apache-2.0 */
/* Every entry of testdata/gateway.json, made by the original's code: read, compared, and written
 * again byte for byte. */
#include "base/text.h"
#include "gateway/wire_handshake.h"
#include "gateway/wire_refusals.h"
#include "mix/errors.h"
#include "sphinx/wire.h"
#include "vectors.h"

static mix_crypto *crypto;
static mix_bytes shared_key, seed;
static uint8_t identity[MIX_KEY_LEN];

/* An env whose randomness is what the vectors hold: the bytes of each row in turn, then failure. */
typedef struct script {
    mix_env env;
    mix_bytes left[4];
    size_t at;
} script;

static int scripted(void *user, uint8_t *out, size_t len) {
    script *s = user;
    if (s->at == sizeof s->left / sizeof *s->left || s->left[s->at].len != len)
        return -1;
    memcpy(out, s->left[s->at++].data, len);
    return 0;
}

static mix_env *script_of(script *s, mix_bytes first, mix_bytes second) {
    *s = (script){.env = {.random = scripted, .user = s}, .left = {first, second}};
    return &s->env;
}

static mix_bytes bytes_of(const mix_buf *b) {
    return mix_buf_bytes(b);
}

static mix_bytes text_of(mix_vectors *v, yyjson_val *o, const char *key) {
    return mix_bytes_str(mix_vec_str(v, o, key));
}

static void check_constants(mix_vectors *v) {
    yyjson_val *o = mix_vec(v, v->root, "constants"), *row;
    VCHECK(v, mix_vec_u64(v, o, "current_protocol_version") == MIX_GATEWAY_VERSION);
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, o, "packet_sizes"), i, n, row) {
        mix_vectors_at(v, "packet size %s", mix_vec_str(v, row, "name"));
        mix_packet_size size = MIX_SIZE_ACK;
        VSTATUS(v, mix_packet_size_of(&size, (size_t)mix_vec_u64(v, row, "size")), MIX_OK);
        VCHECK(v, mix_plaintext_len(size) == mix_vec_u64(v, row, "plaintext"));
        size_t pushed =
            size == MIX_SIZE_ACK ? mix_plaintext_len(size) : mix_plaintext_len(size) - 386 - 19;
        VCHECK(v, pushed == mix_vec_u64(v, row, "pushed"));
        VCHECK(v, 2 + 19 + mix_packet_len(size) + MIX_FRAME_HEAD + MIX_AEAD_TAG_LEN <=
                      MIX_GATEWAY_BINARY_MAX);
    }
}

/* ---- handshakes ---- */

static void check_envelope(mix_vectors *v, yyjson_val *message, uint8_t version, mix_bytes data) {
    mix_buf out = {0}, scratch = {0};
    mix_bytes text = text_of(v, message, "text");
    VSTATUS(v,
            mix_text_encode(
                &out, &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = version, .data = data}),
            MIX_OK);
    VBYTES(v, bytes_of(&out), text);
    mix_text t;
    VSTATUS(v, mix_text_decode(&t, &scratch, MIX_TEXT_HANDSHAKE, text, NULL), MIX_OK);
    VCHECK(v, t.type == MIX_TEXT_PAYLOAD && t.version == version);
    VBYTES(v, t.data, data);
    VSTATUS(v, mix_text_decode(&t, &scratch, MIX_TEXT_REQUEST, text, NULL), MIX_OK);
    VCHECK(v, t.type == MIX_TEXT_REGISTER && t.version == version);
    mix_buf_deinit(&out);
    mix_buf_deinit(&scratch);
}

static void check_keys(mix_vectors *v, yyjson_val *h, const char *who,
                       uint8_t public[static MIX_KEY_LEN]) {
    static const struct {
        const char *private_part, *public_part;
        bool signs;
    } rows[] = {{"_identity_private_hex", "_identity_public_hex", true},
                {"_ephemeral_private_hex", "_ephemeral_public_hex", false}};
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        uint8_t key[MIX_KEY_LEN];
        snprintf(name, sizeof name, "%s%s", who, rows[i].private_part);
        mix_bytes private = mix_vec_hex(v, h, name);
        snprintf(name, sizeof name, "%s%s", who, rows[i].public_part);
        if (rows[i].signs)
            VSTATUS(v, mix_ed25519_public(crypto, key, private.data), MIX_OK);
        else
            mix_x25519_public(key, private.data);
        VBYTES(v, MIX_BYTES(key), mix_vec_hex(v, h, name));
        if (rows[i].signs)
            memcpy(public, key, MIX_KEY_LEN);
    }
    if (strcmp(who, "client") != 0)
        return;
    mix_buf text = {0};
    VSTATUS(v, mix_base58_encode(&text, mix_bytes_of(public, MIX_KEY_LEN)), MIX_OK);
    VBYTES(v, bytes_of(&text), text_of(v, h, "client_identity_public_base58"));
    mix_buf_deinit(&text);
}

/* Both sides with the ephemeral secrets, salts and nonces of the transcript must write the
 * transcript. */
static void check_transcript(mix_vectors *v, yyjson_val *h, const mix_bytes m[static 4]) {
    uint8_t client[MIX_KEY_LEN], gateway[MIX_KEY_LEN];
    check_keys(v, h, "client", client);
    check_keys(v, h, "gateway", gateway);
    mix_bytes idc = mix_vec_hex(v, h, "client_identity_private_hex"),
              x = mix_vec_hex(v, h, "client_ephemeral_private_hex");
    mix_bytes idg = mix_vec_hex(v, h, "gateway_identity_private_hex"),
              y = mix_vec_hex(v, h, "gateway_ephemeral_private_hex");
    mix_bytes key = mix_vec_hex(v, h, "shared_key_hex");
    mix_handshake c = {0}, g = {0};
    mix_buf out[4] = {{0}};
    script s;
    VSTATUS(
        v,
        mix_handshake_start(&c, &out[0], script_of(&s, x, mix_bytes_slice(m[0], 64, 16)), client),
        MIX_OK);
    VSTATUS(v,
            mix_handshake_accept(&g, &out[1], crypto,
                                 script_of(&s, y, mix_bytes_slice(m[1], 112, 12)), idg.data, m[0]),
            MIX_OK);
    VSTATUS(v,
            mix_handshake_answer(&c, &out[2], crypto,
                                 script_of(&s, mix_bytes_slice(m[2], 80, 12), (mix_bytes){0}),
                                 idc.data, gateway, m[1]),
            MIX_OK);
    VSTATUS(v, mix_handshake_finish(&g, &out[3], crypto, m[2]), MIX_OK);
    for (size_t i = 0; i < 4; i++) {
        VBYTES(v, bytes_of(&out[i]), m[i]);
        mix_buf_deinit(&out[i]);
    }
    VBYTES(v, MIX_BYTES(c.key), key);
    VBYTES(v, MIX_BYTES(g.key), key);
    VBYTES(v, MIX_BYTES(g.peer_identity), mix_bytes_of(client, MIX_KEY_LEN));
    VSTATUS(v, mix_handshake_done_decode(m[3]), MIX_OK);
    uint8_t dh[MIX_KEY_LEN];
    mix_x25519(dh, x.data, g.ephemeral);
    VBYTES(v, MIX_BYTES(dh), mix_vec_hex(v, h, "dh_hex"));
    mix_x25519(dh, y.data, c.ephemeral);
    VBYTES(v, MIX_BYTES(dh), mix_vec_hex(v, h, "dh_hex"));
    /* Another gateway's identity must not pass. */
    mix_buf none = {0};
    gateway[0] ^= 1;
    VCHECK(v, mix_handshake_answer(&c, &none, crypto,
                                   script_of(&s, mix_bytes_slice(m[2], 80, 12), (mix_bytes){0}),
                                   idc.data, gateway, m[1]) == MIX_ERR_GATEWAY_IDENTITY);
    VCHECK(v, none.len == 0);
}

static void check_handshakes(mix_vectors *v) {
    static const size_t lengths[] = {80, 124, 92, 1};
    yyjson_val *h, *message;
    size_t i, n, k, count;
    yyjson_arr_foreach(mix_vec(v, v->root, "handshakes"), i, n, h) {
        uint64_t proposed = mix_vec_u64(v, h, "proposed_protocol");
        uint8_t chosen = (uint8_t)(proposed < MIX_GATEWAY_VERSION ? proposed : MIX_GATEWAY_VERSION);
        VCHECK(v, mix_vec_u64(v, h, "negotiated_protocol") == chosen);
        mix_bytes m[4] = {{0}};
        VCHECK(v, yyjson_arr_size(mix_vec(v, h, "messages")) == 4);
        yyjson_arr_foreach(mix_vec(v, h, "messages"), k, count, message) {
            mix_vectors_at(v, "handshakes[%zu].messages[%zu]", i, k);
            m[k] = mix_vec_hex(v, message, "data_hex");
            VCHECK(v, m[k].len == lengths[k]);
            VCHECK(v,
                   strcmp(mix_vec_str(v, message, "from"), k % 2 == 0 ? "client" : "gateway") == 0);
            check_envelope(v, message, k == 0 ? (uint8_t)proposed : chosen, m[k]);
        }
        mix_vectors_at(v, "handshakes[%zu]", i);
        check_transcript(v, h, m);
        uint8_t digest[MIX_KEY_LEN];
        mix_buf text = {0};
        mix_blake3(digest, mix_vec_hex(v, h, "shared_key_hex"));
        VBYTES(v, MIX_BYTES(digest), mix_vec_hex(v, h, "shared_key_blake3_hex"));
        VSTATUS(v, mix_base58_encode(&text, mix_vec_hex(v, h, "shared_key_hex")), MIX_OK);
        VBYTES(v, bytes_of(&text), text_of(v, h, "shared_key_base58"));
        mix_buf_truncate(&text, 0);
        VSTATUS(
            v,
            mix_text_encode(
                &text, &(mix_text){.type = MIX_TEXT_REGISTERED, .version = chosen, .status = true}),
            MIX_OK);
        VBYTES(v, bytes_of(&text), text_of(v, h, "register_response_text"));
        mix_buf_deinit(&text);
    }
}

static void check_handshake_failures(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "handshake_failures_gateway"), i, n, row) {
        mix_vectors_at(v, "handshake failure %s", mix_vec_str(v, row, "name"));
        mix_handshake h = {0};
        script s;
        mix_buf out = {0};
        VSTATUS(v,
                mix_handshake_accept(&h, &out, crypto,
                                     script_of(&s, (mix_bytes){0}, (mix_bytes){0}), seed.data,
                                     mix_vec_hex(v, row, "init_hex")),
                MIX_ERR_GATEWAY_HANDSHAKE);
        VCHECK(v, out.len == 0);
        const char *error = mix_refusal_text(MIX_REFUSAL_HANDSHAKE_REQUEST);
        VBYTES(v, text_of(v, row, "error"), mix_bytes_str(error));
        VSTATUS(v,
                mix_text_encode(
                    &out, &(mix_text){.type = MIX_TEXT_FAILURE, .text = mix_bytes_str(error)}),
                MIX_OK);
        VBYTES(v, bytes_of(&out), text_of(v, row, "sent_text"));
        mix_buf_deinit(&out);
    }
}

/* ---- sealing and authentication ---- */

static void check_aead(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "aead"), i, n, row) {
        mix_vectors_at(v, "aead[%zu]", i);
        mix_bytes nonce = mix_vec_hex(v, row, "nonce_hex"),
                  plain = mix_vec_hex(v, row, "plaintext_hex"),
                  sealed = mix_vec_hex(v, row, "ciphertext_hex");
        VCHECK(v, sealed.len == plain.len + MIX_AEAD_TAG_LEN);
        script s;
        mix_buf frame = {0}, opened = {0};
        VSTATUS(v,
                mix_gateway_frame_seal(&frame, crypto, script_of(&s, nonce, (mix_bytes){0}),
                                       shared_key.data, 1, plain, (mix_bytes){0}),
                MIX_OK);
        VBYTES(v, mix_bytes_slice(bytes_of(&frame), MIX_FRAME_HEAD, SIZE_MAX), sealed);
        mix_text t = {.type = MIX_TEXT_SEALED_RESPONSE, .data = sealed, .nonce = nonce};
        VSTATUS(v, mix_text_open(&opened, crypto, shared_key.data, &t), MIX_OK);
        VBYTES(v, bytes_of(&opened), plain);
        mix_buf_deinit(&frame);
        mix_buf_deinit(&opened);
    }
}

/* The text must read as a sound request of our identity; t keeps what scratch holds. */
static void read_authentication(mix_vectors *v, mix_text *t, mix_buf *scratch, mix_bytes text) {
    VSTATUS(v, mix_text_decode(t, scratch, MIX_TEXT_REQUEST, text, NULL), MIX_OK);
    VCHECK(v, t->type == MIX_TEXT_AUTHENTICATE);
    VBYTES(v, MIX_BYTES(t->identity), MIX_BYTES(identity));
    VSTATUS(v, mix_authenticate_check_signature(crypto, t), MIX_OK);
    VSTATUS(v, mix_authenticate_check_key(crypto, t, shared_key.data), MIX_OK);
    uint8_t address[MIX_KEY_LEN];
    VSTATUS(
        v,
        mix_gcm_siv_open(crypto, address, shared_key.data, t->nonce.data, (mix_bytes){0}, t->data),
        MIX_OK);
    VBYTES(v, MIX_BYTES(address), MIX_BYTES(identity));
    mix_buf again = {0};
    VSTATUS(v, mix_text_encode(&again, t), MIX_OK);
    VBYTES(v, bytes_of(&again), text);
    mix_buf_deinit(&again);
}

static void check_authentication(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    mix_buf scratch = {0}, out = {0};
    mix_text t = {0};
    yyjson_arr_foreach(mix_vec(v, v->root, "authenticate_v2"), i, n, row) {
        mix_vectors_at(v, "authenticate_v2[%zu]", i);
        mix_bytes text = text_of(v, row, "text"), nonce = mix_vec_hex(v, row, "nonce_hex");
        read_authentication(v, &t, &scratch, text);
        VBYTES(v, t.nonce, nonce);
        VCHECK(v, t.version == mix_vec_u64(v, row, "protocol_version"));
        VCHECK(v, t.timestamp == mix_vec_u64(v, row, "timestamp"));
        VBYTES(v, MIX_BYTES(t.signature), mix_vec_hex(v, row, "signature_hex"));
        mix_authenticate_payload(&out, &t);
        VCHECK(v, out.len == 101);
        VBYTES(v, bytes_of(&out), mix_vec_hex(v, row, "signed_payload_hex"));
        mix_buf_truncate(&out, 0);
        script s;
        VSTATUS(v,
                mix_authenticate_write(&out, crypto, script_of(&s, nonce, (mix_bytes){0}),
                                       seed.data, identity, shared_key.data, t.version,
                                       t.timestamp),
                MIX_OK);
        VBYTES(v, bytes_of(&out), text);
        mix_buf_truncate(&out, 0);
        t.timestamp++;
        VSTATUS(v, mix_authenticate_check_signature(crypto, &t), MIX_ERR_SIGNATURE);
        t.nonce.len--;
        VSTATUS(v, mix_authenticate_check_key(crypto, &t, shared_key.data), MIX_ERR_ARGUMENT);
    }
    mix_vectors_at(v, "authenticate_v2_by_library");
    read_authentication(v, &t, &scratch,
                        text_of(v, mix_vec(v, v->root, "authenticate_v2_by_library"), "text"));
    VSTATUS(v, mix_authenticate_check_key(crypto, &t, seed.data), MIX_ERR_AEAD);
    mix_buf_deinit(&scratch);
    mix_buf_deinit(&out);
}

static void check_inner(mix_vectors *v, yyjson_val *row, mix_text_side side, mix_text_type type) {
    script s;
    mix_buf scratch = {0}, plain = {0}, out = {0};
    mix_text t;
    mix_inner inner;
    mix_bytes text = text_of(v, row, "text"), json = text_of(v, row, "inner_json");
    VSTATUS(v, mix_text_decode(&t, &scratch, side, text, NULL), MIX_OK);
    VCHECK(v, t.type == type);
    VBYTES(v, t.nonce, mix_vec_hex(v, row, "nonce_hex"));
    VSTATUS(v, mix_text_open(&plain, crypto, shared_key.data, &t), MIX_OK);
    VBYTES(v, bytes_of(&plain), json);
    VSTATUS(v, mix_inner_decode(&inner, side, bytes_of(&plain), NULL), MIX_OK);
    mix_buf_truncate(&plain, 0);
    VSTATUS(v, mix_inner_encode(&plain, &inner), MIX_OK);
    VBYTES(v, bytes_of(&plain), json);
    VSTATUS(v,
            mix_text_seal(&out, crypto, script_of(&s, t.nonce, (mix_bytes){0}), shared_key.data,
                          type, json),
            MIX_OK);
    VBYTES(v, bytes_of(&out), text);
    mix_buf_deinit(&scratch);
    mix_buf_deinit(&plain);
    mix_buf_deinit(&out);
}

static void check_encrypted_requests(mix_vectors *v) {
    static const struct {
        const char *name;
        mix_inner want;
    } rows[] = {
        {"forget_me_both", {.type = MIX_INNER_FORGET_ME, .client = true, .stats = true}},
        {"forget_me_client_only", {.type = MIX_INNER_FORGET_ME, .client = true}},
        {"remember_me_vpn", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_VPN}},
        {"remember_me_mixnet", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_MIXNET}},
        {"remember_me_wasm", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_WASM}},
        {"remember_me_native", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_NATIVE}},
        {"remember_me_socks5", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_SOCKS5}},
        {"remember_me_unknown", {.type = MIX_INNER_REMEMBER_ME, .session = MIX_SESSION_UNKNOWN}},
    };
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "encrypted_client_requests"), i, n, row) {
        mix_vectors_at(v, "encrypted request %s", mix_vec_str(v, row, "name"));
        if (!VCHECK(v, i < sizeof rows / sizeof *rows &&
                           strcmp(mix_vec_str(v, row, "name"), rows[i].name) == 0))
            continue;
        check_inner(v, row, MIX_TEXT_REQUEST, MIX_TEXT_SEALED_REQUEST);
        mix_inner got;
        VSTATUS(v, mix_inner_decode(&got, MIX_TEXT_REQUEST, text_of(v, row, "inner_json"), NULL),
                MIX_OK);
        VCHECK(v, got.type == rows[i].want.type && got.client == rows[i].want.client &&
                      got.stats == rows[i].want.stats && got.session == rows[i].want.session);
        VSTATUS(v, mix_inner_decode(&got, MIX_TEXT_RESPONSE, text_of(v, row, "inner_json"), NULL),
                MIX_ERR_GATEWAY_TYPE);
    }
}

/* ---- texts ---- */

/* The struct of this row, built from what the document says, must encode to the text and be what
 * the text decodes to. */
static void check_built(mix_vectors *v, mix_text_side side, const mix_text *want, mix_bytes text) {
    mix_buf out = {0}, scratch = {0};
    mix_text got = {0};
    VSTATUS(v, mix_text_encode(&out, want), MIX_OK);
    VBYTES(v, bytes_of(&out), text);
    VSTATUS(v, mix_text_decode(&got, &scratch, side, text, NULL), MIX_OK);
    VCHECK(v, got.type == want->type && got.version == want->version &&
                  got.status == want->status && got.upgrade_mode == want->upgrade_mode &&
                  got.amount == want->amount && got.required == want->required &&
                  got.out_of_bandwidth == want->out_of_bandwidth &&
                  got.no_version == want->no_version);
    VBYTES(v, got.data, want->data);
    VBYTES(v, got.nonce, want->nonce);
    VBYTES(v, got.text, want->text);
    mix_buf_deinit(&out);
    mix_buf_deinit(&scratch);
}

static void check_ticket(mix_vectors *v, yyjson_val *row) {
    mix_bytes plain = mix_vec_hex(v, row, "plaintext_hex"),
              payment = mix_vec_hex(v, row, "payment_hex");
    mix_ticket t;
    VCHECK(v, plain.len == payment.len + 88);
    VSTATUS(v, mix_ticket_decode(&t, plain), MIX_OK);
    VBYTES(v, t.payment, payment);
    VCHECK(v, t.spend_date == 2461306 && t.epoch == 42);
    uint8_t sixes[MIX_TICKET_PAY_INFO];
    memset(sixes, 6, sizeof sixes);
    VBYTES(v, mix_bytes_of(t.pay_info, MIX_TICKET_PAY_INFO), MIX_BYTES(sixes));
    mix_buf out = {0};
    mix_ticket_encode(&out, &t);
    VBYTES(v, bytes_of(&out), plain);
    VSTATUS(v, mix_ticket_decode(&t, mix_bytes_slice(plain, 0, plain.len - 1)),
            MIX_ERR_GATEWAY_FIELD);
    mix_buf_truncate(&out, 0);
    script s;
    VSTATUS(v,
            mix_text_seal(&out, crypto,
                          script_of(&s, mix_vec_hex(v, row, "nonce_hex"), (mix_bytes){0}),
                          shared_key.data, MIX_TEXT_TICKET, plain),
            MIX_OK);
    VBYTES(v, bytes_of(&out), text_of(v, row, "text"));
    mix_buf_deinit(&out);
}

/* Authentication of version 1: three base58 texts. */
static void check_old_authentication(mix_vectors *v, yyjson_val *row) {
    uint8_t sealed[MIX_KEY_LEN + MIX_AEAD_TAG_LEN];
    mix_bytes nonce = mix_vec_hex(v, row, "nonce_hex");
    VSTATUS(v,
            mix_gcm_siv_seal(crypto, sealed, shared_key.data, nonce.data, (mix_bytes){0},
                             MIX_BYTES(identity)),
            MIX_OK);
    mix_buf texts[3] = {{0}};
    VSTATUS(v, mix_base58_encode(&texts[0], MIX_BYTES(identity)), MIX_OK);
    VSTATUS(v, mix_base58_encode(&texts[1], MIX_BYTES(sealed)), MIX_OK);
    VSTATUS(v, mix_base58_encode(&texts[2], nonce), MIX_OK);
    mix_text want = {.type = MIX_TEXT_AUTHENTICATE_OLD,
                     .version = 3,
                     .text = bytes_of(&texts[0]),
                     .data = bytes_of(&texts[1]),
                     .nonce = bytes_of(&texts[2])};
    check_built(v, MIX_TEXT_REQUEST, &want, text_of(v, row, "text"));
    for (size_t i = 0; i < 3; i++)
        mix_buf_deinit(&texts[i]);
}

static void check_control_requests(mix_vectors *v) {
    static const uint8_t two[] = {1, 2}, three[] = {3}, data[] = {0, 1, 2, 254, 255};
    const struct {
        const char *name;
        mix_text want;
    } rows[] = {
        {"supported_protocol", {.type = MIX_TEXT_ASK_PROTOCOL}},
        {"claim_free_testnet_bandwidth", {.type = MIX_TEXT_CLAIM}},
        {"upgrade_mode_jwt", {.type = MIX_TEXT_UPGRADE, .text = mix_bytes_str("aaa.bbb.ccc")}},
        {"bandwidth_credential_refused",
         {.type = MIX_TEXT_CREDENTIAL, .data = MIX_BYTES(two), .nonce = MIX_BYTES(three)}},
        {"bandwidth_credential_v2_refused",
         {.type = MIX_TEXT_CREDENTIAL_2, .data = MIX_BYTES(two), .nonce = MIX_BYTES(three)}},
        {"register_handshake_init",
         {.type = MIX_TEXT_REGISTER, .version = 6, .data = MIX_BYTES(data)}},
    };
    yyjson_val *row;
    size_t i, n, found = 0;
    yyjson_arr_foreach(mix_vec(v, v->root, "control_requests"), i, n, row) {
        const char *name = mix_vec_str(v, row, "name");
        mix_vectors_at(v, "control request %s", name);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            if (strcmp(name, rows[k].name) != 0)
                continue;
            check_built(v, MIX_TEXT_REQUEST, &rows[k].want, text_of(v, row, "text"));
            found++;
        }
        if (strcmp(name, "ecash_credential") == 0) {
            check_ticket(v, row);
            found++;
        } else if (strcmp(name, "authenticate_v1_refused") == 0) {
            check_old_authentication(v, row);
            found++;
        }
    }
    VCHECK(v, found == 8 && n == 8);
}

static void check_wrapper(mix_vectors *v) {
    static const uint8_t data[] = {1, 2, 3};
    const mix_text rows[] = {
        {.type = MIX_TEXT_PAYLOAD, .version = 6, .data = MIX_BYTES(data)},
        {.type = MIX_TEXT_FAILURE,
         .text = mix_bytes_str(mix_refusal_text(MIX_REFUSAL_HANDSHAKE_SIGNATURE))},
    };
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "handshake_wrapper"), i, n, row) {
        mix_vectors_at(v, "envelope %s", mix_vec_str(v, row, "name"));
        if (VCHECK(v,
                   i < 2 && strcmp(mix_vec_str(v, row, "name"), i == 0 ? "payload" : "error") == 0))
            check_built(v, MIX_TEXT_HANDSHAKE, &rows[i], text_of(v, row, "text"));
    }
}

static void check_responses(mix_vectors *v) {
    const int64_t free_bytes = 68719476736;
    const struct {
        const char *name;
        mix_text want;
    } rows[] = {
        {"authenticate",
         {.type = MIX_TEXT_AUTHENTICATED, .version = 6, .status = true, .amount = free_bytes}},
        {"authenticate_failed",
         {.type = MIX_TEXT_AUTHENTICATED, .version = 4, .upgrade_mode = true}},
        {"register", {.type = MIX_TEXT_REGISTERED, .version = 6, .status = true}},
        {"bandwidth", {.type = MIX_TEXT_BANDWIDTH, .amount = free_bytes}},
        {"bandwidth_upgrade_mode",
         {.type = MIX_TEXT_BANDWIDTH, .amount = 40000001, .upgrade_mode = true}},
        {"send", {.type = MIX_TEXT_SENT, .amount = free_bytes - 2413}},
        {"send_negative", {.type = MIX_TEXT_SENT, .amount = -5}},
        {"supported_protocol", {.type = MIX_TEXT_PROTOCOL, .version = 6}},
        {"error",
         {.type = MIX_TEXT_ERROR,
          .text = mix_bytes_str(mix_refusal_text(MIX_REFUSAL_FIRST_REQUEST))}},
        {"typed_error_out_of_bandwidth",
         {.type = MIX_TEXT_TYPED_ERROR, .out_of_bandwidth = true, .required = 2413, .amount = 12}},
        {"typed_error_ticket_replay", {.type = MIX_TEXT_TYPED_ERROR}},
    };
    yyjson_val *row;
    size_t i, n, found = 0;
    yyjson_arr_foreach(mix_vec(v, v->root, "server_responses"), i, n, row) {
        const char *name = mix_vec_str(v, row, "name");
        mix_vectors_at(v, "response %s", name);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            if (strcmp(name, rows[k].name) != 0)
                continue;
            check_built(v, MIX_TEXT_RESPONSE, &rows[k].want, text_of(v, row, "text"));
            found++;
        }
        if (strcmp(name, "forget_me_ack") == 0 || strcmp(name, "remember_me_ack") == 0) {
            check_inner(v, row, MIX_TEXT_RESPONSE, MIX_TEXT_SEALED_RESPONSE);
            mix_inner inner;
            VSTATUS(
                v, mix_inner_decode(&inner, MIX_TEXT_RESPONSE, text_of(v, row, "inner_json"), NULL),
                MIX_OK);
            VCHECK(v, inner.type ==
                          (name[0] == 'f' ? MIX_INNER_FORGET_ME_ACK : MIX_INNER_REMEMBER_ME_ACK));
            found++;
        }
    }
    VCHECK(v, found == 13 && n == 13);
}

static void check_parser(mix_vectors *v, const char *list, mix_text_side side) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, list), i, n, row) {
        mix_bytes text = text_of(v, row, "text");
        mix_vectors_at(v, "%s[%zu] %.80s", list, i, mix_vec_str(v, row, "text"));
        mix_buf scratch = {0}, out = {0};
        mix_text t;
        mix_error e = {0};
        int status = mix_text_decode(&t, &scratch, side, text, &e);
        VCHECK(v, (status == MIX_OK) == mix_vec_bool(v, row, "accepted"));
        if (status == MIX_OK) {
            VSTATUS(v, mix_text_encode(&out, &t), MIX_OK);
            VBYTES(v, bytes_of(&out), text_of(v, row, "reserialised"));
        } else {
            VCHECK(v, e.code == status && e.words[0]);
        }
        mix_buf_deinit(&scratch);
        mix_buf_deinit(&out);
    }
}

/* ---- packets and frames ---- */

static bool same_packet(const mix_packet *p, uint64_t type, uint64_t rotation, const char *hop,
                        mix_bytes sphinx) {
    char text[MIX_ADDRESS_TEXT];
    mix_address_format(text, &p->next_hop);
    return p->type == type && p->rotation == rotation && strcmp(text, hop) == 0 &&
           mix_bytes_equal(p->packet, sphinx);
}

static void check_mix_packets(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "mix_packets"), i, n, row) {
        mix_vectors_at(v, "mix packet %s", mix_vec_str(v, row, "name"));
        mix_bytes v1 = mix_vec_hex(v, row, "v1_hex"), v2 = mix_vec_hex(v, row, "v2_hex"), type,
                  rest;
        mix_bytes sphinx = mix_vec_hex(v, row, "sphinx_hex");
        uint64_t kind = mix_vec_u64(v, row, "packet_type"),
                 rotation = mix_vec_u64(v, row, "key_rotation");
        const char *hop = mix_vec_str(v, row, "next_hop");
        mix_packet p;
        mix_buf out = {0};
        VSTATUS(v, mix_packet_decode_v2(&p, v2), MIX_OK);
        VCHECK(v, same_packet(&p, kind, rotation, hop, sphinx));
        VSTATUS(v, mix_packet_encode_v2(&out, &p), MIX_OK);
        VBYTES(v, bytes_of(&out), v2);
        mix_buf_truncate(&out, 0);
        VSTATUS(v, mix_packet_encode_v1(&out, &p), MIX_OK);
        VBYTES(v, bytes_of(&out), v1);
        VSTATUS(v, mix_packet_decode_v1(&p, v1), MIX_OK);
        VCHECK(v, same_packet(&p, kind, 0, hop, sphinx));
        VCHECK(v, mix_packet_cost(v2) == mix_vec_u64(v, row, "bandwidth_cost"));
        mix_packet_without_rotation(&type, &rest, v2);
        mix_buf_truncate(&out, 0);
        mix_buf_put_bytes(&out, type);
        mix_buf_put_bytes(&out, rest);
        VBYTES(v, bytes_of(&out), v1);
        mix_buf_deinit(&out);
    }
}

/* A refused binary request's answer is "Provided binary request was malformed - " and the library's
 * own words. */
static void check_refusal(mix_vectors *v, yyjson_val *row, int status, mix_bytes frame,
                          mix_bytes plain, const char *around) {
    mix_buf got = {0}, want = {0};
    VSTATUS(v, mix_refusal_binary_encode(&got, status, frame, plain), MIX_OK);
    mix_buf_put_str(&want, mix_refusal_text(MIX_REFUSAL_BINARY));
    mix_buf_put_str(&want, around);
    mix_buf_put_str(&want, mix_vec_str(v, row, "error"));
    VBYTES(v, bytes_of(&got), bytes_of(&want));
    mix_refusal r = mix_refusal_find(bytes_of(&got));
    VCHECK(v, r != MIX_REFUSAL_UNKNOWN && r != MIX_REFUSAL_BINARY);
    mix_buf_deinit(&got);
    mix_buf_deinit(&want);
}

static void check_malformed_packets(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "mix_packets_malformed"), i, n, row) {
        mix_vectors_at(v, "malformed packet %s", mix_vec_str(v, row, "name"));
        mix_bytes v2 = mix_vec_hex(v, row, "v2_hex");
        static const uint8_t head[] = {MIX_FRAME_PACKET_V2};
        mix_packet p;
        int status = mix_packet_decode_v2(&p, v2);
        VCHECK(v, (status == MIX_OK) == mix_vec_bool(v, row, "accepted"));
        if (status != MIX_OK)
            check_refusal(v, row, status, MIX_BYTES(head), v2,
                          mix_refusal_text(MIX_REFUSAL_BINARY_PACKET));
    }
}

/* As the gateway does it: frame, seal, packet. */
static int read_request(mix_buf *plain, mix_bytes raw) {
    mix_gateway_frame f;
    mix_packet p;
    int status = mix_gateway_frame_decode(&f, MIX_TEXT_REQUEST, raw);
    if (status == MIX_OK)
        status = mix_gateway_frame_open(plain, crypto, shared_key.data, &f);
    if (status != MIX_OK)
        return status;
    return f.kind == MIX_FRAME_PACKET_V1 ? mix_packet_decode_v1(&p, bytes_of(plain))
                                         : mix_packet_decode_v2(&p, bytes_of(plain));
}

static void check_frames(mix_vectors *v, const char *list, mix_text_side side,
                         const char *content) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, list), i, n, row) {
        mix_vectors_at(v, "%s %s", list, mix_vec_str(v, row, "name"));
        mix_bytes raw = mix_vec_hex(v, row, "raw_hex"), plain = mix_vec_hex(v, row, content);
        mix_gateway_frame f = {0};
        mix_buf out = {0};
        script s;
        VSTATUS(v, mix_gateway_frame_decode(&f, side, raw), MIX_OK);
        VCHECK(v, f.sealed && f.kind == mix_vec_u64(v, row, "kind"));
        VSTATUS(v, mix_gateway_frame_open(&out, crypto, shared_key.data, &f), MIX_OK);
        VBYTES(v, bytes_of(&out), plain);
        mix_buf_truncate(&out, 0);
        /* Cut anywhere, the two parts make the same frame. */
        mix_bytes front = mix_bytes_slice(plain, 0, 1), rest = mix_bytes_slice(plain, 1, SIZE_MAX);
        VSTATUS(v,
                mix_gateway_frame_seal(
                    &out, crypto,
                    script_of(&s, mix_bytes_of(f.nonce, MIX_AEAD_NONCE_LEN), (mix_bytes){0}),
                    shared_key.data, f.kind, front, rest),
                MIX_OK);
        VBYTES(v, bytes_of(&out), raw);
        mix_buf_truncate(&out, 0);
        if (side == MIX_TEXT_REQUEST)
            VSTATUS(v, read_request(&out, raw), MIX_OK);
        mix_buf_deinit(&out);
    }
}

static void check_malformed_frames(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "binary_requests_malformed"), i, n, row) {
        mix_vectors_at(v, "malformed frame %s", mix_vec_str(v, row, "name"));
        mix_bytes raw = mix_vec_hex(v, row, "raw_hex");
        mix_buf plain = {0};
        int status = read_request(&plain, raw);
        VCHECK(v, (status == MIX_OK) == mix_vec_bool(v, row, "accepted"));
        if (status != MIX_OK)
            check_refusal(v, row, status, raw, bytes_of(&plain), "");
        mix_buf_deinit(&plain);
    }
}

/* ---- error texts ---- */

/* Microseconds, where the library has nanoseconds. */
static void check_clock(mix_vectors *v, mix_bytes text) {
    static const char times[] =
        "2023-11-14 22:13:21.0 +00:00:00 whilst the server time is 2026-11-22 20:51:19.654935";
    int64_t server = 0;
    VCHECK(v, mix_refusal_clock_decode(&server, text) && server == 1795380679);
    mix_buf want = {0}, got = {0};
    mix_buf_put_str(&want, mix_refusal_text(MIX_REFUSAL_CLOCK));
    mix_buf_put_str(&want, times);
    VBYTES(v, mix_bytes_slice(text, 0, want.len), bytes_of(&want));
    mix_buf_put_str(&want, " +00:00:00");
    VSTATUS(v, mix_refusal_clock_encode(&got, 1700000001, 1795380679654935), MIX_OK);
    VBYTES(v, bytes_of(&got), bytes_of(&want));
    mix_buf_deinit(&want);
    mix_buf_deinit(&got);
}

static void check_error_texts(mix_vectors *v) {
    static const struct {
        const char *name;
        mix_refusal want;
        int error;
    } rows[] = {
        {"handshake MalformedRequest", MIX_REFUSAL_HANDSHAKE_REQUEST, MIX_ERR_GATEWAY_REGISTRATION},
        {"handshake MalformedResponse", MIX_REFUSAL_HANDSHAKE_RESPONSE,
         MIX_ERR_GATEWAY_REGISTRATION},
        {"handshake InvalidSignature", MIX_REFUSAL_HANDSHAKE_SIGNATURE,
         MIX_ERR_GATEWAY_REGISTRATION},
        {"handshake NetworkError", MIX_REFUSAL_HANDSHAKE_NETWORK, MIX_ERR_GATEWAY_CLOSED},
        {"handshake ClosedStream", MIX_REFUSAL_HANDSHAKE_NETWORK, MIX_ERR_GATEWAY_CLOSED},
        {"handshake HandshakeFailure", MIX_REFUSAL_HANDSHAKE_REQUEST, MIX_ERR_GATEWAY_REGISTRATION},
        {"handshake Timeout", MIX_REFUSAL_HANDSHAKE_SLOW, MIX_ERR_GATEWAY_TIMEOUT},
        {"handshake ReceivedShutdown", MIX_REFUSAL_SHUTDOWN, MIX_ERR_GATEWAY_CLOSED},
        {"handshake RemoteError", MIX_REFUSAL_REMOTE, MIX_ERR_GATEWAY_REGISTRATION},
        {"handshake UnsupportedProtocol 7", MIX_REFUSAL_HANDSHAKE_VERSION, MIX_ERR_GATEWAY_VERSION},
        {"auth ExcessiveTimestampSkew", MIX_REFUSAL_CLOCK, MIX_ERR_GATEWAY_CLOCK},
        {"auth InvalidSignature", MIX_REFUSAL_SIGNATURE, MIX_ERR_GATEWAY_AUTHENTICATION},
        {"key MalformedNonce", MIX_REFUSAL_NONCE, MIX_ERR_GATEWAY_AUTHENTICATION},
        {"TicketReplay", MIX_REFUSAL_UNKNOWN,
         MIX_ERR_GATEWAY_REFUSED}, /* come only as typedError */
        {"OutOfBandwidth", MIX_REFUSAL_UNKNOWN, MIX_ERR_GATEWAY_REFUSED},
        {"auth NotRegistered", MIX_REFUSAL_NOT_REGISTERED, MIX_ERR_GATEWAY_NOT_REGISTERED},
        {"auth MalformedCiphertext", MIX_REFUSAL_ADDRESS, MIX_ERR_GATEWAY_NOT_REGISTERED},
        {"auth RequestReuse", MIX_REFUSAL_REUSE, MIX_ERR_GATEWAY_STALE},
    };
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "error_messages"), i, n, row) {
        const char *name = mix_vec_str(v, row, "name");
        mix_vectors_at(v, "error text %s", name);
        if (!VCHECK(v, i < sizeof rows / sizeof *rows && strcmp(name, rows[i].name) == 0))
            continue;
        mix_bytes text = text_of(v, row, "message");
        mix_refusal r = mix_refusal_find(text);
        VCHECK(v, r == rows[i].want);
        VCHECK(v, mix_refusal_error(r) == rows[i].error);
        /* In front of registration errors the gateway puts its own words; what it means must not
         * change. */
        mix_buf wrapped = {0};
        mix_buf_put_str(&wrapped, mix_refusal_text(MIX_REFUSAL_REGISTRATION));
        mix_buf_put_bytes(&wrapped, text);
        VCHECK(v, mix_refusal_find(bytes_of(&wrapped)) ==
                      (r == MIX_REFUSAL_UNKNOWN ? MIX_REFUSAL_REGISTRATION : r));
        mix_buf_deinit(&wrapped);
        if (r == MIX_REFUSAL_CLOCK)
            check_clock(v, text);
    }
}

int main(void) {
    mix_vectors v;
    mix_vectors_open(&v, "gateway", "gateway.json");
    if (mix_crypto_new(&crypto) != MIX_OK)
        return 2;
    shared_key = mix_vec_hex(&v, v.root, "shared_key_hex");
    seed = mix_vec_hex(&v, v.root, "client_identity_private_hex");
    VSTATUS(&v, mix_ed25519_public(crypto, identity, seed.data), MIX_OK);
    VBYTES(&v, MIX_BYTES(identity), mix_vec_hex(&v, v.root, "client_identity_public_hex"));
    yyjson_val *first = yyjson_arr_get_first(mix_vec(&v, v.root, "handshakes"));
    VBYTES(&v, shared_key, mix_vec_hex(&v, first, "shared_key_hex"));
    check_constants(&v);
    check_handshakes(&v);
    check_handshake_failures(&v);
    check_aead(&v);
    check_authentication(&v);
    check_encrypted_requests(&v);
    check_control_requests(&v);
    check_wrapper(&v);
    check_responses(&v);
    check_parser(&v, "parse_client_control_request", MIX_TEXT_REQUEST);
    check_parser(&v, "parse_server_response", MIX_TEXT_RESPONSE);
    check_parser(&v, "parse_registration_handshake", MIX_TEXT_HANDSHAKE);
    check_mix_packets(&v);
    check_malformed_packets(&v);
    check_frames(&v, "binary_requests", MIX_TEXT_REQUEST, "mix_packet_hex");
    check_malformed_frames(&v);
    check_frames(&v, "binary_responses", MIX_TEXT_RESPONSE, "message_hex");
    check_error_texts(&v);
    mix_crypto_free(crypto);
    return mix_vectors_close(&v);
}
