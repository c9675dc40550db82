/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, MixPackets, acknowledgements in front of messages: streams cut anywhere, and what bad
 * input gets. */
#include "mix/errors.h"
#include "sphinx/wire.h"
#include "testing.h"

#include <stdlib.h>

static void rotations_by_parity(void **state) {
    (void)state;
    assert_int_equal(mix_rotation_of(0), MIX_ROTATION_UNKNOWN);
    assert_int_equal(mix_rotation_of(0xffffffff), MIX_ROTATION_UNKNOWN);
    assert_int_equal(mix_rotation_of(1), MIX_ROTATION_ODD);
    assert_int_equal(mix_rotation_of(2), MIX_ROTATION_EVEN);
    assert_int_equal(mix_rotation_of(0xfffffffe), MIX_ROTATION_EVEN);
}

static void sizes_outside_the_table(void **state) {
    (void)state;
    mix_packet_size size = 77;
    assert_int_equal(mix_packet_len(0), 0);
    assert_int_equal(mix_packet_len(8), 0);
    assert_int_equal(mix_payload_len(0), 0);
    assert_int_equal(mix_plaintext_len(255), 0);
    for (size_t len = 0; len < 40000; len++) {
        int status = mix_packet_size_of(&size, len);
        assert_status(status, len > 0 && status == MIX_OK ? MIX_OK : MIX_ERR_SPHINX_SIZE);
        if (status == MIX_OK)
            assert_int_equal(mix_packet_len(size), len);
    }
    assert_int_equal(MIX_FRAME_MAX, 4 + mix_packet_len(MIX_SIZE_EXTENDED32));
}

/* A stream of frames of all kinds, and what was put in. */
enum { FRAMES = 12 };
static void make_stream(mix_buf *stream, mix_frame frames[static FRAMES], mix_test_env *env) {
    for (size_t i = 0; i < FRAMES; i++) {
        mix_frame *f = &frames[i];
        f->version = (uint8_t)(7 + mix_test_below(env, 2));
        f->size = (mix_packet_size)(1 + mix_test_below(env, 7));
        f->type = mix_test_below(env, 2) ? MIX_PACKET_TYPE_OUTFOX : MIX_PACKET_TYPE_MIX;
        f->rotation = (mix_rotation)mix_test_below(env, 3);
        mix_buf packet = {0};
        uint8_t *p = mix_buf_space(&packet, mix_packet_len(f->size));
        assert_non_null(p);
        assert_int_equal(env->env.random(env, p, packet.len), 0);
        f->packet = mix_buf_bytes(&packet); /* freed by the caller */
        assert_status(mix_frame_encode(stream, f->version, f->type, f->rotation, f->packet),
                      MIX_OK);
    }
}

/* Feeds the stream in pieces and checks that the same frames come out. */
static void read_stream(const mix_buf *stream, const mix_frame frames[static FRAMES],
                        mix_test_env *env, size_t longest) {
    mix_buf held = {0};
    size_t at = 0, done = 0;
    while (at < stream->len) {
        size_t n = 1 + (size_t)mix_test_below(env, longest);
        n = n < stream->len - at ? n : stream->len - at;
        mix_buf_put(&held, stream->data + at, n);
        at += n;
        mix_frame f;
        size_t used;
        while (mix_frame_decode(&f, &used, mix_buf_bytes(&held)) == MIX_OK) {
            const mix_frame *want = &frames[done++];
            assert_int_equal(f.version, want->version);
            assert_int_equal(f.size, want->size);
            assert_int_equal(f.type, want->type);
            assert_int_equal(f.rotation, f.version == 8 ? want->rotation : MIX_ROTATION_UNKNOWN);
            assert_bytes(f.packet, want->packet);
            mix_buf_consume(&held, used);
        }
    }
    assert_int_equal(done, FRAMES);
    assert_int_equal(held.len, 0);
    mix_buf_deinit(&held);
}

static void streams_of_frames_at_any_cut(void **state) {
    (void)state;
    mix_test_env env;
    mix_test_env_init(&env, 5);
    mix_buf stream = {0};
    mix_frame frames[FRAMES];
    make_stream(&stream, frames, &env);
    read_stream(&stream, frames, &env, stream.len * 2); /* mostly whole */
    read_stream(&stream, frames, &env, 1);
    for (int i = 0; i < 10; i++)
        read_stream(&stream, frames, &env, 9000);
    mix_buf_deinit(&stream);
    for (size_t i = 0; i < FRAMES; i++) {
        mix_buf packet = {.data = (uint8_t *)(uintptr_t)frames[i].packet.data,
                          .len = frames[i].packet.len};
        mix_buf_deinit(&packet);
    }
}

/* The order of the checks (1-sphinx.md §2.2): the first wrong field is the one that is named. */
static void frames_name_the_wrong_field(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[4];
        size_t len;
        int status;
    } rows[] = {
        {{0}, 0, MIX_DONE},
        {{6, 1}, 2, MIX_DONE}, /* under three bytes nothing is judged */
        {{6, 9, 9}, 3, MIX_ERR_FRAME_VERSION},
        {{9, 9, 9}, 3, MIX_ERR_FRAME_VERSION},
        {{8, 9, 9}, 3, MIX_DONE},
        {{8, 9, 9, 3}, 4, MIX_ERR_FRAME_ROTATION},
        {{8, 9, 9, 2}, 4, MIX_ERR_FRAME_SIZE},
        {{8, 0, 0, 2}, 4, MIX_ERR_FRAME_SIZE},
        {{8, 7, 1, 2}, 4, MIX_ERR_FRAME_TYPE},
        {{8, 7, 3, 2}, 4, MIX_ERR_FRAME_TYPE},
        {{7, 8, 1}, 3, MIX_ERR_FRAME_SIZE},
        {{7, 7, 1}, 3, MIX_ERR_FRAME_TYPE},
        {{7, 7, 2}, 3, MIX_DONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mix_frame f = {.version = 55};
        size_t used = 66;
        assert_status(mix_frame_decode(&f, &used, mix_bytes_of(rows[i].bytes, rows[i].len)),
                      rows[i].status);
        assert_int_equal(f.version, 55);
        assert_int_equal(used, 66);
    }
}

static void frames_that_cannot_be_made(void **state) {
    (void)state;
    uint8_t packet[386] = {0};
    mix_buf out = {0};
    assert_status(mix_frame_encode(&out, 6, 0, 0, MIX_BYTES(packet)), MIX_ERR_FRAME_VERSION);
    assert_status(mix_frame_encode(&out, 9, 0, 0, MIX_BYTES(packet)), MIX_ERR_FRAME_VERSION);
    assert_status(mix_frame_encode(&out, 8, 1, 0, MIX_BYTES(packet)), MIX_ERR_FRAME_TYPE);
    assert_status(mix_frame_encode(&out, 8, 0, 3, MIX_BYTES(packet)), MIX_ERR_FRAME_ROTATION);
    assert_status(mix_frame_encode(&out, 8, 0, 0, mix_bytes_of(packet, 385)), MIX_ERR_SPHINX_SIZE);
    assert_int_equal(out.len, 0);
    uint8_t small[389];
    out = mix_buf_fixed(small, sizeof small);
    assert_status(mix_frame_encode(&out, 8, 0, 0, MIX_BYTES(packet)), MIX_ERR_LIMIT);
    assert_int_equal(out.len, 0);
    assert_status(mix_frame_encode(&out, 7, 0, 0, MIX_BYTES(packet)), MIX_OK);
    assert_int_equal(out.len, 389);
}

static void mix_packets_name_the_wrong_field(void **state) {
    (void)state;
    uint8_t whole[2 + 7 + 386] = {0, 1, 4, 6, 253, 127, 0, 0, 1};
    static const struct {
        size_t at;
        uint8_t value;
        size_t len;
        int status;
    } rows[] = {
        {0, 0, sizeof whole, MIX_OK},
        {0, 2, sizeof whole, MIX_OK},
        {0, 1, sizeof whole, MIX_ERR_FRAME_TYPE},
        {1, 3, sizeof whole, MIX_ERR_FRAME_ROTATION},
        {2, 5, sizeof whole, MIX_ERR_ADDRESS},
        {2, 6, sizeof whole, MIX_ERR_SPHINX_SIZE}, /* a longer address leaves too little */
        {0, 0, sizeof whole - 1, MIX_ERR_SPHINX_SIZE},
        {0, 0, 9, MIX_ERR_SPHINX_SIZE},
        {0, 0, 8, MIX_ERR_ADDRESS},
        {0, 0, 2, MIX_ERR_ADDRESS},
        {0, 0, 1, MIX_ERR_TRUNCATED},
        {0, 0, 0, MIX_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *copy = malloc(rows[i].len + 1); /* of exact size but for row 0 */
        assert_non_null(copy);
        memcpy(copy, whole, rows[i].len);
        if (rows[i].at < rows[i].len)
            copy[rows[i].at] = rows[i].value;
        mix_packet p = {.type = 99};
        assert_status(mix_packet_decode_v2(&p, mix_bytes_of(copy, rows[i].len)), rows[i].status);
        assert_int_equal(p.type == 99, rows[i].status != MIX_OK);
        free(copy);
    }
    mix_packet p = {.type = 99};
    assert_status(mix_packet_decode_v1(&p, (mix_bytes){0}), MIX_ERR_TRUNCATED);
    assert_status(mix_packet_decode_v1(&p, mix_bytes_of(whole, sizeof whole)), MIX_ERR_ADDRESS);
    assert_int_equal(p.type, 99);
}

static void mix_packets_that_cannot_be_made(void **state) {
    (void)state;
    uint8_t packet[386] = {0};
    const mix_packet good = {.next_hop = {.family = 4}, .packet = MIX_BYTES(packet)};
    mix_buf out = {0};
    mix_packet p = good;
    p.type = 1;
    assert_status(mix_packet_encode_v1(&out, &p), MIX_ERR_FRAME_TYPE);
    p = good;
    p.rotation = 3;
    assert_status(mix_packet_encode_v2(&out, &p), MIX_ERR_FRAME_ROTATION);
    p = good;
    p.next_hop.family = 5;
    assert_status(mix_packet_encode_v2(&out, &p), MIX_ERR_ADDRESS);
    p = good;
    p.packet.len = 385;
    assert_status(mix_packet_encode_v2(&out, &p), MIX_ERR_SPHINX_SIZE);
    assert_int_equal(out.len, 0);
    assert_status(mix_packet_encode_v2(&out, &good), MIX_OK);
    assert_int_equal(out.len, 2 + 7 + 386);
    mix_buf_deinit(&out);
}

static void acks_in_front_of_messages(void **state) {
    (void)state;
    uint8_t hop[MIX_ADDRESS_PADDED] = {4, 6, 253, 127, 0, 0, 1}, packet[386];
    memset(packet, 0x55, sizeof packet);
    mix_buf plain = {0};
    assert_status(mix_surb_ack_encode(&plain, hop, mix_bytes_of(packet, 385)), MIX_ERR_SPHINX_ACK);
    assert_int_equal(plain.len, 0);
    assert_status(mix_surb_ack_encode(&plain, hop, MIX_BYTES(packet)), MIX_OK);
    assert_int_equal(plain.len, 405);

    mix_address first = {0};
    mix_bytes ack = {0}, message = mix_bytes_str("untouched");
    assert_status(mix_surb_ack_split(&first, &ack, &message, mix_bytes_of(plain.data, 404)),
                  MIX_ERR_SPHINX_ACK);
    assert_status(mix_surb_ack_split(&first, &ack, &message, (mix_bytes){0}), MIX_ERR_SPHINX_ACK);
    plain.data[0] = 5;
    assert_status(mix_surb_ack_split(&first, &ack, &message, mix_buf_bytes(&plain)),
                  MIX_ERR_SPHINX_ACK);
    plain.data[0] = 4;
    assert_bytes(message, mix_bytes_str("untouched"));
    assert_int_equal(first.family, 0);
    assert_status(mix_surb_ack_split(&first, &ack, &message, mix_buf_bytes(&plain)), MIX_OK);
    assert_int_equal(message.len, 0);
    mix_buf_put_str(&plain, "hello");
    assert_status(mix_surb_ack_split(&first, &ack, &message, mix_buf_bytes(&plain)), MIX_OK);
    assert_bytes(message, mix_bytes_str("hello"));
    assert_bytes(ack, MIX_BYTES(packet));
    assert_int_equal(first.port, 1789);
    mix_buf_deinit(&plain);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rotations_by_parity),
    cmocka_unit_test(sizes_outside_the_table),
    cmocka_unit_test(streams_of_frames_at_any_cut),
    cmocka_unit_test(frames_name_the_wrong_field),
    cmocka_unit_test(frames_that_cannot_be_made),
    cmocka_unit_test(mix_packets_name_the_wrong_field),
    cmocka_unit_test(mix_packets_that_cannot_be_made),
    cmocka_unit_test(acks_in_front_of_messages),
};

MIX_TEST_MAIN(sphinx_wire_test, tests)
