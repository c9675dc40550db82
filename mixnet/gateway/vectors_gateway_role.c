/* SPDX-License-Identifier: Apache-2.0 */
/* testdata/gateway.json, made by the original's code, replayed against the gateway: what its client
 * sent goes in, what the gateway sent must come out byte for byte. */
#include "gateway/wire_handshake.h"
#include "mixnet/gateway/gateway.h"
#include "vectors.h"

enum { CONN = 7 };

/* Randomness: what the transcript says if it has the length that is asked for, else a counter. */
static struct {
    mix_env env;
    mix_bytes next[2];
    uint8_t counter;
    int64_t wall;
} host;

static mix_crypto *crypto;
static mixnet_gateway *gateway;
static mix_time now;

static int draw(void *user, uint8_t *out, size_t len) {
    (void)user;
    for (size_t i = 0; i < 2; i++) {
        if (host.next[i].len != len || len == 0)
            continue;
        memcpy(out, host.next[i].data, len);
        host.next[i] = (mix_bytes){0};
        return 0;
    }
    memset(out, ++host.counter, len);
    return 0;
}

static int64_t wall(void *user) {
    (void)user;
    return host.wall;
}

static void new_gateway(mix_vectors *v, mix_bytes seed) {
    mixnet_gateway_config config = {0};
    memcpy(config.seed, seed.data, MIX_KEY_LEN);
    mixnet_gateway_free(gateway);
    VSTATUS(v, mixnet_gateway_new(&gateway, &config, crypto, &host.env), MIX_OK);
}

static mix_bytes str(mix_vectors *v, yyjson_val *o, const char *key) {
    return mix_bytes_str(mix_vec_str(v, o, key));
}

static void open_conn(mix_vectors *v, uint64_t conn) {
    VSTATUS(v, mixnet_gateway_opened(gateway, conn, now), MIX_OK);
}

static void send(mix_vectors *v, uint64_t conn, mixnet_ws_kind kind, mix_bytes message) {
    VSTATUS(v, mixnet_gateway_feed(gateway, conn, kind, message, now), MIX_OK);
}

/* What comes next on the connection, if it is of this kind; else a failed check and no bytes. */
static mix_bytes take(mix_vectors *v, uint64_t conn, mixnet_ws_kind kind) {
    mixnet_gateway_out out = {0};
    VSTATUS(v, mixnet_gateway_drain(gateway, conn, &out, now), MIX_OK);
    VCHECK(v, out.kind == kind);
    return out.kind == kind ? out.bytes : (mix_bytes){0};
}

static void expect(mix_vectors *v, uint64_t conn, mix_bytes text) {
    VBYTES(v, take(v, conn, MIXNET_WS_TEXT), text);
}

/* An error of this text, in one or two parts. */
static void expect_error(mix_vectors *v, uint64_t conn, const char *front, mix_bytes rest) {
    mix_buf words = {0}, text = {0};
    mix_buf_put_str(&words, front);
    mix_buf_put_bytes(&words, rest);
    VSTATUS(
        v,
        mix_text_encode(&text, &(mix_text){.type = MIX_TEXT_ERROR, .text = mix_buf_bytes(&words)}),
        MIX_OK);
    expect(v, conn, mix_buf_bytes(&text));
    mix_buf_deinit(&words);
    mix_buf_deinit(&text);
}

static void expect_refusal(mix_vectors *v, uint64_t conn, const char *front, mix_bytes rest,
                           int times) {
    while (times-- > 0)
        expect_error(v, conn, front, rest);
    (void)take(v, conn, MIXNET_WS_CLOSE);
}

static void expect_quiet(mix_vectors *v, uint64_t conn) {
    mixnet_gateway_out out;
    VSTATUS(v, mixnet_gateway_drain(gateway, conn, &out, now), MIX_DONE);
}

/* ---- registration ---- */

/* Replays a transcript on connection CONN, which is the client's then. */
static void replay_handshake(mix_vectors *v, yyjson_val *h) {
    yyjson_val *messages = mix_vec(v, h, "messages");
    mix_bytes second = mix_vec_hex(v, yyjson_arr_get(messages, 1), "data_hex");
    new_gateway(v, mix_vec_hex(v, h, "gateway_identity_private_hex"));
    open_conn(v, CONN);
    host.next[0] = mix_vec_hex(v, h, "gateway_ephemeral_private_hex");
    host.next[1] = mix_bytes_slice(second, second.len - MIX_AEAD_NONCE_LEN, MIX_AEAD_NONCE_LEN);
    for (size_t i = 0; i < 4; i++) {
        mix_bytes text = str(v, yyjson_arr_get(messages, i), "text");
        if (i % 2 == 0)
            send(v, CONN, MIXNET_WS_TEXT, text);
        else
            expect(v, CONN, text);
    }
    expect(v, CONN, str(v, h, "register_response_text"));
    expect_quiet(v, CONN);
}

static void check_handshakes(mix_vectors *v) {
    yyjson_val *h;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "handshakes"), i, n, h) {
        mix_vectors_at(v, "handshakes[%zu]", i);
        replay_handshake(v, h);
        mix_bytes identity = mix_vec_hex(v, h, "client_identity_public_hex");
        VSTATUS(v, mixnet_gateway_deliver(gateway, identity.data, mix_bytes_str("to it"), now),
                MIX_OK);
        mix_gateway_frame frame = {0};
        mix_buf plain = {0};
        VSTATUS(
            v, mix_gateway_frame_decode(&frame, MIX_TEXT_RESPONSE, take(v, CONN, MIXNET_WS_BINARY)),
            MIX_OK);
        VSTATUS(v,
                mix_gateway_frame_open(&plain, crypto, mix_vec_hex(v, h, "shared_key_hex").data,
                                       &frame),
                MIX_OK);
        VBYTES(v, mix_buf_bytes(&plain), mix_bytes_str("to it"));
        mix_buf_deinit(&plain);
    }
}

/* The client of all other vectors, on connection CONN; with bandwidth. */
static void the_client(mix_vectors *v) {
    replay_handshake(v, yyjson_arr_get_first(mix_vec(v, v->root, "handshakes")));
    send(v, CONN, MIXNET_WS_TEXT, mix_bytes_str("{\"type\":\"claimFreeTestnetBandwidth\"}"));
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "server_responses"), i, n, row) {
        if (strcmp(mix_vec_str(v, row, "name"), "bandwidth") == 0)
            expect(v, CONN, str(v, row, "text"));
    }
}

static void check_handshake_failures(mix_vectors *v) {
    static const char front[] = "Failed to perform registration handshake: ";
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "handshake_failures_gateway"), i, n, row) {
        mix_vectors_at(v, "handshake failure %s", mix_vec_str(v, row, "name"));
        mix_buf text = {0};
        mix_bytes init = mix_vec_hex(v, row, "init_hex");
        VSTATUS(v,
                mix_text_encode(&text,
                                &(mix_text){.type = MIX_TEXT_PAYLOAD, .version = 6, .data = init}),
                MIX_OK);
        open_conn(v, 1);
        send(v, 1, MIXNET_WS_TEXT, mix_buf_bytes(&text));
        if (mix_ed25519_is_point(
                init.data)) /* else it is refused in front of the exchange (§3.6) */
            expect(v, 1, str(v, row, "sent_text"));
        expect_refusal(v, 1, front, str(v, row, "error"), 2);
        mix_buf_deinit(&text);
    }
}

static void check_envelopes(mix_vectors *v) {
    yyjson_val *row, *first = yyjson_arr_get_first(mix_vec(v, v->root, "handshakes"));
    size_t i, n;
    mixnet_gateway_stats stats;
    yyjson_arr_foreach(mix_vec(v, v->root, "parse_registration_handshake"), i, n, row) {
        mix_vectors_at(v, "parse_registration_handshake[%zu]", i);
        new_gateway(v, mix_vec_hex(v, first, "gateway_identity_private_hex"));
        open_conn(v, 1);
        send(v, 1, MIXNET_WS_TEXT,
             str(v, yyjson_arr_get_first(mix_vec(v, first, "messages")), "text"));
        (void)take(v, 1, MIXNET_WS_TEXT);
        send(v, 1, MIXNET_WS_TEXT, str(v, row, "text"));
        mixnet_gateway_get_stats(gateway, &stats);
        bool accepted = mix_vec_bool(v, row, "accepted");
        VCHECK(v, stats.handshake_noise == !accepted);
        VCHECK(v, stats.closed[MIXNET_CLOSE_REFUSED] == accepted); /* none of them is right */
    }
}

/* ---- authentication ---- */

/* Sends a (changed) authenticateV2 on a new connection. */
static void send_request(mix_vectors *v, const mix_text *t) {
    mix_buf text = {0};
    VSTATUS(v, mix_text_encode(&text, t), MIX_OK);
    open_conn(v, 1);
    send(v, 1, MIXNET_WS_TEXT, mix_buf_bytes(&text));
    mix_buf_deinit(&text);
}

/* The texts that the original has for a failure. */
static mix_bytes error_named(mix_vectors *v, const char *name) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "error_messages"), i, n, row) {
        if (strcmp(mix_vec_str(v, row, "name"), name) == 0)
            return str(v, row, "message");
    }
    VFAIL(v, name);
    return (mix_bytes){0};
}

static void sign(mix_vectors *v, mix_text *t) {
    mix_buf payload = {0};
    mix_authenticate_payload(&payload, t);
    VSTATUS(v,
            mix_ed25519_sign(crypto, t->signature,
                             mix_vec_hex(v, v->root, "client_identity_private_hex").data,
                             mix_buf_bytes(&payload)),
            MIX_OK);
    mix_buf_deinit(&payload);
}

static void check_refused_authentication(mix_vectors *v, const mix_text *good) {
    mix_text t = *good;
    uint8_t sealed[48];
    t.signature[0] ^= 1;
    send_request(v, &t);
    expect_refusal(v, 1, "", error_named(v, "auth InvalidSignature"), 2);
    t = *good;
    memcpy(sealed, t.data.data, sizeof sealed);
    sealed[0] ^= 1;
    t.data = MIX_BYTES(sealed);
    sign(v, &t);
    send_request(v, &t);
    expect_refusal(v, 1, "", error_named(v, "auth MalformedCiphertext"), 2);
    t = *good;
    t.nonce.len--;
    sign(v, &t);
    send_request(v, &t);
    expect_refusal(v, 1, "", error_named(v, "key MalformedNonce"), 2);
}

static void check_skew(mix_vectors *v, const mix_text *good) {
    int64_t kept = host.wall;
    mix_text t = *good;
    t.timestamp = 1700000001;
    host.wall = (int64_t)1795380679654935; /* of the text, in microseconds */
    send_request(v, &t);
    mix_text error = {0};
    mix_buf scratch = {0};
    VSTATUS(v,
            mix_text_decode(&error, &scratch, MIX_TEXT_RESPONSE, take(v, 1, MIXNET_WS_TEXT), NULL),
            MIX_OK);
    mix_bytes full = error_named(v, "auth ExcessiveTimestampSkew"),
              end = mix_bytes_str(" +00:00:00");
    size_t front = full.len - end.len - 3; /* the original has nanoseconds */
    VBYTES(v, mix_bytes_slice(error.text, 0, error.text.len - end.len),
           mix_bytes_slice(full, 0, front));
    mixnet_gateway_closed(gateway, 1, now);
    mix_buf_deinit(&scratch);
    host.wall = kept;
}

static void check_authentication(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    yyjson_arr_foreach(mix_vec(v, v->root, "authenticate_v2"), i, n, row) {
        mix_vectors_at(v, "authenticate_v2[%zu]", i);
        mix_bytes text = str(v, row, "text");
        mix_text good;
        mix_buf scratch = {0}, answer = {0};
        VSTATUS(v, mix_text_decode(&good, &scratch, MIX_TEXT_REQUEST, text, NULL), MIX_OK);
        host.wall = (int64_t)mix_vec_u64(v, row, "timestamp") * 1000000;
        new_gateway(v, mix_vec_hex(v, v->root, "shared_key_hex"));
        send_request(v, &good);
        expect_refusal(v, 1, "", error_named(v, "auth NotRegistered"), 2);
        the_client(v);
        mixnet_gateway_closed(gateway, CONN, now);
        check_refused_authentication(v, &good);
        check_skew(v, &good);
        open_conn(v, 2);
        send(v, 2, MIXNET_WS_TEXT, text);
        VSTATUS(v,
                mix_text_encode(&answer, &(mix_text){.type = MIX_TEXT_AUTHENTICATED,
                                                     .version = (uint8_t)mix_vec_u64(
                                                         v, row, "protocol_version"),
                                                     .status = true,
                                                     .amount = 68719476736}),
                MIX_OK);
        expect(v, 2, mix_buf_bytes(&answer));
        mixnet_gateway_closed(gateway, 2, now);
        open_conn(v, 3);
        send(v, 3, MIXNET_WS_TEXT, text);
        expect_refusal(v, 3, "", error_named(v, "auth RequestReuse"), 2);
        mix_buf_deinit(&scratch);
        mix_buf_deinit(&answer);
    }
}

/* ---- requests ---- */

/* What each request gets before and after authentication; NULL: more than one text, looked at
 * elsewhere. */
static const struct {
    const char *name, *fresh, *active;
} answers[] = {
    {"supported_protocol", "", ""},
    {"claim_free_testnet_bandwidth", "Only 'Register' or 'Authenticate' requests are allowed", ""},
    {"upgrade_mode_jwt", "Only 'Register' or 'Authenticate' requests are allowed",
     "The received request is not valid in the current context: this gateway knows no upgrade "
     "mode"},
    {"ecash_credential", "Only 'Register' or 'Authenticate' requests are allowed",
     "The received request is not valid in the current context: this gateway takes no tickets"},
    {"register_handshake_init", NULL,
     "The received request is not valid in the current context: received illegal message of type "
     "RegisterHandshakeInitRequest in an authenticated client"},
    {"authenticate_v1_refused",
     "the legacy authentication method is no longer supported. please update your client",
     "The received request is not valid in the current context: received illegal message of type "
     "Authenticate in an "
     "authenticated client"},
    {"bandwidth_credential_refused", "Only 'Register' or 'Authenticate' requests are allowed",
     "The received request is not valid in the current context: coconut credential are not longer "
     "supported"},
    {"bandwidth_credential_v2_refused", "Only 'Register' or 'Authenticate' requests are allowed",
     "The received request is not valid in the current context: coconut credential are not longer "
     "supported"},
};

static void check_control_requests(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    the_client(v);
    yyjson_arr_foreach(mix_vec(v, v->root, "control_requests"), i, n, row) {
        mix_vectors_at(v, "control request %s", mix_vec_str(v, row, "name"));
        VCHECK(v, i < sizeof answers / sizeof *answers &&
                      strcmp(mix_vec_str(v, row, "name"), answers[i].name) == 0);
        send(v, CONN, MIXNET_WS_TEXT, str(v, row, "text"));
        if (*answers[i].active)
            expect_error(v, CONN, answers[i].active, (mix_bytes){0});
        else
            (void)take(v, CONN, MIXNET_WS_TEXT);
        expect_quiet(v, CONN);
        open_conn(v, 1);
        send(v, 1, MIXNET_WS_TEXT, str(v, row, "text"));
        if (answers[i].fresh && *answers[i].fresh)
            expect_refusal(v, 1, answers[i].fresh, (mix_bytes){0}, 1);
        mixnet_gateway_closed(gateway, 1, now);
    }
}

/* Whatever the original's parser refuses is refused, before and after authentication. */
static void check_parsing(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    mixnet_gateway_stats before, after;
    the_client(v);
    yyjson_arr_foreach(mix_vec(v, v->root, "parse_client_control_request"), i, n, row) {
        mix_vectors_at(v, "parse_client_control_request[%zu]", i);
        bool accepted = mix_vec_bool(v, row, "accepted");
        mix_bytes text = str(v, row, "text");
        mixnet_gateway_get_stats(gateway, &before);
        send(v, CONN, MIXNET_WS_TEXT, text);
        (void)take(v, CONN, MIXNET_WS_TEXT);
        expect_quiet(v, CONN);
        mixnet_gateway_get_stats(gateway, &after);
        VCHECK(v,
               (after.refused[MIX_REFUSAL_TEXT] == before.refused[MIX_REFUSAL_TEXT]) == accepted);
        open_conn(v, 1);
        send(v, 1, MIXNET_WS_TEXT, text);
        if (!accepted)
            expect_refusal(v, 1, mix_refusal_text(MIX_REFUSAL_FIRST_REQUEST), (mix_bytes){0}, 1);
        mixnet_gateway_closed(gateway, 1, now);
    }
}

static void check_encrypted_requests(mix_vectors *v) {
    yyjson_val *row, *answer, *responses = mix_vec(v, v->root, "server_responses");
    size_t i, n, k, count;
    the_client(v);
    yyjson_arr_foreach(mix_vec(v, v->root, "encrypted_client_requests"), i, n, row) {
        const char *name = mix_vec_str(v, row, "name");
        bool forget = strncmp(name, "forget_me", 9) == 0;
        mix_vectors_at(v, "encrypted request %s", name);
        yyjson_arr_foreach(responses, k, count, answer) {
            if (strcmp(mix_vec_str(v, answer, "name"),
                       forget ? "forget_me_ack" : "remember_me_ack") != 0)
                continue;
            host.next[0] = mix_vec_hex(v, answer, "nonce_hex");
            send(v, CONN, MIXNET_WS_TEXT, str(v, row, "text"));
            expect(v, CONN, str(v, answer, "text"));
        }
        mixnet_gateway_stats stats;
        mixnet_gateway_get_stats(gateway, &stats);
        VCHECK(v, stats.clients == 0 && stats.active == 1);
    }
}

/* ---- packets ---- */

/* The next packet for the forwarder is the v2 packet, with its rotation if that was sent. */
static void expect_forward(mix_vectors *v, yyjson_val *packet, bool rotation) {
    mix_packet p = {0};
    mix_buf again = {0};
    VSTATUS(v, mixnet_gateway_next(gateway, &p), MIX_OK);
    VCHECK(v, p.rotation == (rotation ? mix_vec_u64(v, packet, "key_rotation") : 0));
    VBYTES(v, p.packet, mix_vec_hex(v, packet, "sphinx_hex"));
    VCHECK(v, p.packet.len == mix_vec_u64(v, packet, "bandwidth_cost"));
    VSTATUS(v, rotation ? mix_packet_encode_v2(&again, &p) : mix_packet_encode_v1(&again, &p),
            MIX_OK);
    VBYTES(v, mix_buf_bytes(&again), mix_vec_hex(v, packet, rotation ? "v2_hex" : "v1_hex"));
    VSTATUS(v, mixnet_gateway_next(gateway, &p), MIX_DONE);
    mix_buf_deinit(&again);
}

static void expect_sent(mix_vectors *v, int64_t balance) {
    mix_buf text = {0};
    VSTATUS(v, mix_text_encode(&text, &(mix_text){.type = MIX_TEXT_SENT, .amount = balance}),
            MIX_OK);
    expect(v, CONN, mix_buf_bytes(&text));
    mix_buf_deinit(&text);
}

static void check_packets(mix_vectors *v) {
    yyjson_val *packet, *packets = mix_vec(v, v->root, "mix_packets"),
                        *requests = mix_vec(v, v->root, "binary_requests");
    size_t i, n;
    int64_t balance = 68719476736;
    the_client(v);
    VCHECK(v, yyjson_arr_size(requests) == 2 * yyjson_arr_size(packets));
    yyjson_arr_foreach(packets, i, n, packet) {
        for (size_t kind = 1; kind <= 2; kind++) {
            mix_vectors_at(v, "mix_packets[%zu] as kind %zu", i, kind);
            send(v, CONN, MIXNET_WS_BINARY,
                 mix_vec_hex(v, yyjson_arr_get(requests, 2 * i + kind - 1), "raw_hex"));
            balance -= (int64_t)mix_vec_u64(v, packet, "bandwidth_cost");
            expect_sent(v, balance);
            expect_forward(v, packet, kind == 2);
        }
    }
}

/* Accepted: one packet and its answer. Refused: the original's words, and nothing is charged. */
static void check_outcome(mix_vectors *v, yyjson_val *row, const char *front) {
    mix_packet p;
    if (mix_vec_bool(v, row, "accepted")) {
        VSTATUS(v, mixnet_gateway_next(gateway, &p), MIX_OK);
        (void)take(v, CONN, MIXNET_WS_TEXT);
    } else {
        expect_error(v, CONN, front, str(v, row, "error"));
    }
    VSTATUS(v, mixnet_gateway_next(gateway, &p), MIX_DONE);
    expect_quiet(v, CONN);
}

static void check_malformed(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    the_client(v);
    yyjson_arr_foreach(mix_vec(v, v->root, "binary_requests_malformed"), i, n, row) {
        mix_vectors_at(v, "malformed frame %s", mix_vec_str(v, row, "name"));
        send(v, CONN, MIXNET_WS_BINARY, mix_vec_hex(v, row, "raw_hex"));
        check_outcome(v, row, "Provided binary request was malformed - ");
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "mix_packets_malformed"), i, n, row) {
        mix_vectors_at(v, "malformed packet %s", mix_vec_str(v, row, "name"));
        mix_buf frame = {0};
        VSTATUS(v,
                mix_gateway_frame_seal(
                    &frame, crypto, &host.env, mix_vec_hex(v, v->root, "shared_key_hex").data,
                    MIX_FRAME_PACKET_V2, mix_vec_hex(v, row, "v2_hex"), (mix_bytes){0}),
                MIX_OK);
        send(v, CONN, MIXNET_WS_BINARY, mix_buf_bytes(&frame));
        check_outcome(
            v, row,
            "Provided binary request was malformed - failed to serialise created sphinx packet: ");
        mix_buf_deinit(&frame);
    }
}

static void check_pushed(mix_vectors *v) {
    yyjson_val *row;
    size_t i, n;
    the_client(v);
    mix_bytes identity = mix_vec_hex(v, v->root, "client_identity_public_hex");
    yyjson_arr_foreach(mix_vec(v, v->root, "binary_responses"), i, n, row) {
        mix_vectors_at(v, "binary response %s", mix_vec_str(v, row, "name"));
        mix_bytes raw = mix_vec_hex(v, row, "raw_hex");
        host.next[0] = mix_bytes_slice(raw, 2, MIX_AEAD_NONCE_LEN);
        VSTATUS(
            v,
            mixnet_gateway_deliver(gateway, identity.data, mix_vec_hex(v, row, "message_hex"), now),
            MIX_OK);
        VBYTES(v, take(v, CONN, MIXNET_WS_BINARY), raw);
    }
}

int main(void) {
    mix_vectors v;
    mix_vectors_open(&v, "gateway role", "gateway.json");
    host.env = (mix_env){.random = draw, .wall_time = wall};
    host.wall = (int64_t)1790000000 * 1000000;
    if (mix_crypto_new(&crypto) != MIX_OK)
        return 1;
    check_handshakes(&v);
    check_handshake_failures(&v);
    check_envelopes(&v);
    check_authentication(&v);
    check_control_requests(&v);
    check_parsing(&v);
    check_encrypted_requests(&v);
    check_packets(&v);
    check_malformed(&v);
    check_pushed(&v);
    mixnet_gateway_free(gateway);
    mix_crypto_free(crypto);
    return mix_vectors_close(&v);
}
