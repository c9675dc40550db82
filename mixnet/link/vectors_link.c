/* SPDX-License-Identifier: Apache-2.0 */
/* The Noise transcript of testdata/sphinx.json, made by the original's code: both sides write it
 * byte for byte; and the frames of its framing part through a link. */
#include "mixnet/link/link.h"
#include "mixnet/link/noise.h"
#include "mixnet/link/wire.h"
#include "vectors.h"

static mix_crypto *crypto;

/* An env whose only randomness is one ephemeral key. */
static int one_key(void *user, uint8_t *out, size_t len) {
    memcpy(out, user, len);
    return len == MIX_KEY_LEN ? 0 : -1;
}

static mix_bytes body_of(mix_vectors *v, mixnet_noise_kind kind, mix_bytes frame) {
    mix_bytes message = {0};
    size_t used = 0;
    VSTATUS(v, mixnet_noise_decode(&message, &used, kind, frame), MIX_OK);
    VCHECK(v, used == frame.len);
    for (size_t len = 0; len < frame.len; len++)
        VSTATUS(v, mixnet_noise_decode(&message, &used, kind, mix_bytes_slice(frame, 0, len)),
                MIX_DONE);
    mixnet_noise_kind other =
        kind == MIXNET_NOISE_DATA ? MIXNET_NOISE_HANDSHAKE : MIXNET_NOISE_DATA;
    VSTATUS(v, mixnet_noise_decode(&message, &used, other, frame), MIX_ERR_NOISE);
    return message;
}

static void check_noise_keys(mix_vectors *v, yyjson_val *o, const mixnet_noise *i,
                             const mixnet_noise *r) {
    VBYTES(v, MIX_BYTES(i->public_key), mix_vec_hex(v, o, "initiator_static_public"));
    VBYTES(v, MIX_BYTES(r->public_key), mix_vec_hex(v, o, "responder_static_public"));
    VBYTES(v, MIX_BYTES(i->psk), mix_vec_hex(v, o, "psk"));
    VBYTES(v, MIX_BYTES(r->psk), mix_vec_hex(v, o, "psk"));
}

static void check_data(mix_vectors *v, yyjson_val *o, mixnet_noise *initiator,
                       mixnet_noise *responder) {
    yyjson_val *row;
    size_t k, n;
    mix_buf sealed = {0}, opened = {0};
    yyjson_arr_foreach(mix_vec(v, o, "data_frames"), k, n, row) {
        mix_vectors_at(v, "noise.data_frames[%zu]", k);
        bool forth = strcmp(mix_vec_str(v, row, "direction"), "i2r") == 0;
        mix_bytes frame = mix_vec_hex(v, row, "frame"), plain = mix_vec_hex(v, row, "plaintext");
        mix_buf_truncate(&sealed, 0);
        mix_buf_truncate(&opened, 0);
        mixnet_noise_head_encode(&sealed, MIXNET_NOISE_DATA, plain.len + MIXNET_NOISE_TAG);
        VSTATUS(v, mixnet_noise_seal(forth ? initiator : responder, crypto, &sealed, plain),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&sealed), frame);
        VSTATUS(v,
                mixnet_noise_open(forth ? responder : initiator, crypto, &opened,
                                  body_of(v, MIXNET_NOISE_DATA, frame)),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&opened), plain);
    }
    VSTATUS(v,
            mixnet_noise_open(initiator, crypto, &opened,
                              mix_bytes_slice(mix_buf_bytes(&sealed), MIXNET_NOISE_HEAD, SIZE_MAX)),
            MIX_ERR_AEAD); /* once only */
    mix_buf_deinit(&sealed);
    mix_buf_deinit(&opened);
}

static void check_noise(mix_vectors *v) {
    yyjson_val *o = mix_vec(v, v->root, "noise"), *text;
    mixnet_noise initiator, responder, *writer = &initiator, *reader = &responder;
    VCHECK(v, strcmp(mix_vec_str(v, o, "pattern"), "Noise_XKpsk3_25519_AESGCM_SHA256") == 0);
    mix_bytes peer = mix_vec_hex(v, o, "responder_static_public");
    mix_bytes mine = mix_vec_hex(v, o, "initiator_ephemeral_secret"),
              other = mix_vec_hex(v, o, "responder_ephemeral_secret");
    mix_env env = {.random = one_key, .user = (void *)(uintptr_t)mine.data};
    VSTATUS(v,
            mixnet_noise_init(&initiator, crypto, &env,
                              mix_vec_hex(v, o, "initiator_static_secret").data, peer.data),
            MIX_OK);
    env.user = (void *)(uintptr_t)other.data;
    VSTATUS(v,
            mixnet_noise_init(&responder, crypto, &env,
                              mix_vec_hex(v, o, "responder_static_secret").data, NULL),
            MIX_OK);
    check_noise_keys(v, o, &initiator, &responder);
    size_t k, n;
    mix_buf frame = {0}, message = {0};
    yyjson_arr_foreach(mix_vec(v, o, "handshake_frames"), k, n, text) {
        mix_vectors_at(v, "noise.handshake_frames[%zu]", k);
        VCHECK(v, mixnet_noise_writes(writer) && !mixnet_noise_writes(reader));
        mix_buf_truncate(&frame, 0);
        mix_buf_truncate(&message, 0);
        VSTATUS(v, mixnet_noise_write(writer, crypto, &message), MIX_OK);
        mixnet_noise_head_encode(&frame, MIXNET_NOISE_HANDSHAKE, message.len);
        mix_buf_put_bytes(&frame, mix_buf_bytes(&message));
        mix_bytes expected = mix_vec_hex_value(v, text);
        VBYTES(v, mix_buf_bytes(&frame), expected);
        VSTATUS(v, mixnet_noise_read(reader, crypto, body_of(v, MIXNET_NOISE_HANDSHAKE, expected)),
                MIX_OK);
        mixnet_noise *turn = writer;
        writer = reader;
        reader = turn;
    }
    mix_vectors_at(v, "noise");
    VCHECK(v, n == 3 && mixnet_noise_done(&initiator) && mixnet_noise_done(&responder));
    VBYTES(v, MIX_BYTES(initiator.hash), mix_vec_hex(v, o, "handshake_hash"));
    VBYTES(v, MIX_BYTES(responder.hash), mix_vec_hex(v, o, "handshake_hash"));
    VBYTES(v, MIX_BYTES(responder.peer), mix_vec_hex(v, o, "initiator_static_public"));
    check_data(v, o, &initiator, &responder);
    mix_buf_deinit(&frame);
    mix_buf_deinit(&message);
    mixnet_noise_wipe(&initiator);
    mixnet_noise_wipe(&responder);
}

static void check_frames(mix_vectors *v) {
    yyjson_val *framing = mix_vec(v, v->root, "framing"), *row;
    size_t i, n;
    mix_frame frame;
    mixnet_link *l;
    VSTATUS(v, mixnet_link_new(&l, &(mixnet_link_config){0}, NULL, NULL, 0), MIX_OK);
    yyjson_arr_foreach(mix_vec(v, framing, "full_ack_frames"), i, n, row) {
        mix_vectors_at(v, "framing.full_ack_frames[%zu]", i);
        mix_bytes in = mix_vec_hex(v, row, "frame"), whole = in;
        for (; in.len > 1; in = mix_bytes_slice(in, 1, SIZE_MAX)) {
            mix_bytes byte = mix_bytes_slice(in, 0, 1);
            VSTATUS(v, mixnet_link_feed(l, &byte, &frame), MIX_DONE);
        }
        VSTATUS(v, mixnet_link_feed(l, &in, &frame), MIX_OK);
        VBYTES(v, frame.packet, mix_bytes_slice(whole, whole.len - frame.packet.len, SIZE_MAX));
        VCHECK(v, frame.packet.len == mix_packet_len(MIX_SIZE_ACK) && in.len == 0);
    }
    mixnet_link_free(l);
    yyjson_arr_foreach(mix_vec(v, framing, "rejected_headers"), i, n, row) {
        mix_vectors_at(v, "framing.rejected_headers[%zu]", i);
        mix_bytes in = mix_vec_hex(v, row, "bytes");
        VSTATUS(v, mixnet_link_new(&l, &(mixnet_link_config){0}, NULL, NULL, 0), MIX_OK);
        int status = mixnet_link_feed(l, &in, &frame);
        VCHECK(v, status < 0 && mix_error_ends(status) == MIX_ENDS_STREAM);
        VSTATUS(v, mixnet_link_feed(l, &in, &frame), status);
        mixnet_link_free(l);
    }
}

int main(void) {
    mix_vectors v;
    mix_vectors_open(&v, "link", "sphinx.json");
    if (mix_crypto_new(&crypto) != MIX_OK)
        return 1;
    check_noise(&v);
    check_frames(&v);
    mix_crypto_free(crypto);
    return mix_vectors_close(&v);
}
