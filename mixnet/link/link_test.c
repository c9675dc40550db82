/* SPDX-License-Identifier: Apache-2.0 */
/* Links back to back, bytes passed by hand: whole, byte by byte, at random cuts; and hostile ones.
 */
#include "alloc_fail.h"
#include "mixnet/link/link.h"
#include "mixnet/link/wire.h"
#include "testing.h"

typedef struct pair {
    mix_test_env env;
    mix_crypto *crypto;
    mixnet_link *from, *to; /* from connects */
    mixnet_link_stats sent, received;
    uint8_t public_from[MIX_KEY_LEN];
} pair;

static void setup(pair *p, bool noise) {
    *p = (pair){0};
    mix_test_env_init(&p->env, 4);
    assert_status(mix_crypto_new(&p->crypto), MIX_OK);
    mixnet_link_noise ours = {.secret = {0x10}}, theirs = {.secret = {0x20}};
    mix_x25519_public(ours.peer, theirs.secret);
    mix_x25519_public(p->public_from, ours.secret);
    mixnet_link_config config = {
        .connects = true, .noise = noise ? &ours : NULL, .stats = &p->sent};
    assert_status(mixnet_link_new(&p->from, &config, p->crypto, &p->env.env, 0), MIX_OK);
    config = (mixnet_link_config){.noise = noise ? &theirs : NULL, .stats = &p->received};
    assert_status(mixnet_link_new(&p->to, &config, p->crypto, &p->env.env, 0), MIX_OK);
}

static void teardown(pair *p) {
    mixnet_link_free(p->from);
    mixnet_link_free(p->to);
    mix_crypto_free(p->crypto);
}

static size_t frame_of(mix_buf *out, uint8_t version, mix_packet_size size, uint8_t fill) {
    static uint8_t packet[33133];
    size_t before = out->len;
    memset(packet, fill, sizeof packet);
    assert_status(mix_frame_encode(out, version, MIX_PACKET_TYPE_MIX, MIX_ROTATION_UNKNOWN,
                                   mix_bytes_of(packet, mix_packet_len(size))),
                  MIX_OK);
    return out->len - before;
}

/* All that is waiting at one end goes to the other, at most `most` bytes a time; frames are
 * appended to out, packet after packet. */
static void pass(mixnet_link *from, mixnet_link *to, size_t most, mix_test_env *cuts,
                 mix_buf *out) {
    mix_buf wire = {0};
    while (mixnet_link_drain(from, &wire) == MIX_OK)
        assert_true(wire.len <= 100 * MIXNET_LINK_DRAIN_MAX);
    for (mix_bytes in = mix_buf_bytes(&wire); in.len > 0;) {
        mix_frame frame;
        int status;
        mix_bytes part =
            mix_bytes_slice(in, 0, cuts ? 1 + (size_t)mix_test_below(cuts, most) : most);
        in = mix_bytes_slice(in, part.len, SIZE_MAX);
        while ((status = mixnet_link_feed(to, &part, &frame)) == MIX_OK)
            mix_buf_put_bytes(out, frame.packet);
        assert_status(status, MIX_DONE);
        assert_int_equal(part.len, 0);
    }
    mix_buf_deinit(&wire);
}

/* The handshake, and the frames that wait for it. */
static void shake(pair *p, size_t most, mix_buf *frames) {
    mix_buf none = {0};
    for (int i = 0; i < 3; i++) {
        pass(p->from, p->to, most, NULL, frames ? frames : &none);
        pass(p->to, p->from, most, NULL, &none);
    }
    assert_int_equal(none.len, 0);
    assert_true(mixnet_link_open(p->from) && mixnet_link_open(p->to));
}

static void frames_arrive_however_they_are_cut(void **state) {
    (void)state;
    static const size_t most[] = {1, 3, 1000, 40000, SIZE_MAX};
    static const mix_packet_size sizes[] = {MIX_SIZE_ACK, MIX_SIZE_REGULAR, MIX_SIZE_EXTENDED32,
                                            MIX_SIZE_ACK, MIX_SIZE_REGULAR};
    for (int noise = 0; noise < 2; noise++) {
        for (size_t m = 0; m < 10; m++) {
            pair p;
            setup(&p, noise);
            mix_buf frames = {0}, expected = {0}, got = {0};
            for (uint8_t i = 0; i < 5; i++) {
                size_t len = frame_of(&frames, i % 2 ? 8 : 7, sizes[i], i);
                mix_bytes frame = mix_bytes_slice(mix_buf_bytes(&frames), frames.len - len, len);
                size_t packet = mix_packet_len(sizes[i]);
                mix_buf_put_bytes(&expected, mix_bytes_slice(frame, len - packet, packet));
                assert_status(mixnet_link_write(p.from, frame), MIX_OK);
            }
            if (noise)
                shake(&p, most[m / 2], &got);
            pass(p.from, p.to, most[m / 2] == SIZE_MAX ? 100000 : most[m / 2],
                 m % 2 ? &p.env : NULL, &got);
            assert_bytes(mix_buf_bytes(&got), mix_buf_bytes(&expected));
            assert_int_equal(p.sent.frames_out, 5);
            assert_int_equal(p.received.frames_in, 5);
            assert_int_equal(p.sent.bytes_out, p.received.bytes_in);
            assert_int_equal(p.sent.bytes_in, p.received.bytes_out);
            mix_buf_deinit(&frames);
            mix_buf_deinit(&expected);
            mix_buf_deinit(&got);
            teardown(&p);
        }
    }
}

static void both_ends_know_each_other(void **state) {
    (void)state;
    pair p;
    uint8_t key[MIX_KEY_LEN];
    setup(&p, true);
    assert_false(mixnet_link_open(p.from) || mixnet_link_peer(p.to, key));
    assert_true(mixnet_link_deadline(p.to) == MIX_MS(MIXNET_LINK_HANDSHAKE_MS));
    shake(&p, 1, NULL);
    assert_true(mixnet_link_peer(p.to, key));
    assert_bytes(MIX_BYTES(key), MIX_BYTES(p.public_from));
    assert_true(mixnet_link_deadline(p.to) == MIX_NEVER &&
                mixnet_link_deadline(p.from) == MIX_NEVER);
    assert_int_equal(p.sent.handshakes, 1);
    assert_int_equal(p.received.handshakes, 1);
    teardown(&p);
}

/* Frames may wait in a link long before there is a connection. */
static void a_handshake_begins_with_the_connection(void **state) {
    (void)state;
    pair p;
    const mix_time at = MIX_MS(60000);
    setup(&p, true);
    mixnet_link_connected(p.from, at);
    assert_status(mixnet_link_tick(p.from, at + MIX_MS(MIXNET_LINK_HANDSHAKE_MS) - 1), MIX_OK);
    shake(&p, 1, NULL);
    mixnet_link_connected(p.from, at);
    assert_true(mixnet_link_deadline(p.from) == MIX_NEVER);
    teardown(&p);
    setup(&p, true);
    mixnet_link_connected(p.from, at);
    assert_status(mixnet_link_tick(p.from, at + MIX_MS(MIXNET_LINK_HANDSHAKE_MS)),
                  MIX_ERR_LINK_TIMEOUT);
    teardown(&p);
}

static void a_handshake_has_its_time(void **state) {
    (void)state;
    pair p;
    setup(&p, true);
    assert_status(mixnet_link_tick(p.to, MIX_MS(MIXNET_LINK_HANDSHAKE_MS) - 1), MIX_OK);
    assert_status(mixnet_link_tick(p.to, MIX_MS(MIXNET_LINK_HANDSHAKE_MS)), MIX_ERR_LINK_TIMEOUT);
    assert_status(mixnet_link_tick(p.to, MIX_NEVER), MIX_ERR_LINK_TIMEOUT);
    mix_frame frame;
    mix_bytes in = {0};
    assert_status(mixnet_link_feed(p.to, &in, &frame), MIX_ERR_LINK_TIMEOUT);
    assert_int_equal(p.received.late, 1);
    teardown(&p);
}

/* Each bit of what one side of a handshake sends, turned over, is noticed by the other. */
static void nothing_of_a_handshake_can_be_changed(void **state) {
    (void)state;
    for (size_t step = 0; step < 3; step++) {
        size_t len = step == 2 ? 72 : 56;
        for (size_t at = 0; at < len; at++) {
            pair p;
            setup(&p, true);
            mix_buf wire = {0};
            mixnet_link *ends[] = {p.from, p.to};
            mix_frame frame;
            for (size_t i = 0; i <= step; i++) {
                mix_buf_truncate(&wire, 0);
                assert_status(mixnet_link_drain(ends[i % 2], &wire), MIX_OK);
                mix_bytes in = mix_buf_bytes(&wire);
                if (i == step) {
                    assert_int_equal(wire.len, len);
                    wire.data[at] ^= 0x40;
                }
                int status = mixnet_link_feed(ends[(i + 1) % 2], &in, &frame);
                bool reserved = at >= 5 && at < 8, length = at == 3 || at == 4;
                if (i < step || reserved)
                    assert_status(status, MIX_DONE);
                else if (length &&
                         status == MIX_DONE) /* it waits for more, until its time is over */
                    assert_status(mixnet_link_tick(ends[(i + 1) % 2], MIX_SECONDS(2)),
                                  MIX_ERR_LINK_TIMEOUT);
                else /* the top bit of an X25519 key is ignored by its arithmetic, but it is hashed
                      */
                    assert_true(status == MIX_ERR_NOISE || status == MIX_ERR_AEAD);
            }
            mix_buf_deinit(&wire);
            teardown(&p);
        }
    }
}

static void sides_and_kinds_must_fit(void **state) {
    (void)state;
    mix_frame frame;
    mix_buf wire = {0};
    pair plain, noise;
    setup(&plain, false);
    setup(&noise, true);
    frame_of(&wire, 8, MIX_SIZE_ACK, 1);
    mix_bytes in = mix_buf_bytes(&wire);
    assert_status(mixnet_link_write(plain.to, in), MIX_ERR_STATE); /* only one side sends */
    assert_status(mixnet_link_feed(plain.from, &in, &frame), MIX_ERR_STATE);
    assert_status(mixnet_link_write(plain.from, in), MIX_ERR_STATE);
    assert_status(mixnet_link_feed(noise.to, &in, &frame),
                  MIX_ERR_NOISE); /* frames instead of Noise */
    mix_buf_truncate(&wire, 0);
    assert_status(mixnet_link_drain(noise.from, &wire), MIX_OK);
    assert_status(mixnet_link_drain(noise.from, &wire), MIX_DONE);
    in = mix_buf_bytes(&wire);
    assert_status(mixnet_link_feed(plain.to, &in, &frame),
                  MIX_ERR_FRAME_VERSION); /* and the other way round */
    assert_int_equal(plain.sent.bad_frame, 1);
    assert_int_equal(plain.received.bad_frame, 1);
    assert_int_equal(noise.received.bad_noise, 1);
    mix_buf_deinit(&wire);
    teardown(&plain);
    teardown(&noise);
}

static void another_responder_is_noticed(void **state) {
    (void)state;
    pair p;
    setup(&p, true);
    mixnet_link *wrong;
    mixnet_link_noise key = {.secret = {0x30}};
    mix_buf wire = {0};
    mix_frame frame;
    assert_status(
        mixnet_link_new(&wrong, &(mixnet_link_config){.noise = &key}, p.crypto, &p.env.env, 0),
        MIX_OK);
    assert_status(mixnet_link_drain(p.from, &wire), MIX_OK);
    mix_bytes in = mix_buf_bytes(&wire);
    assert_status(mixnet_link_feed(wrong, &in, &frame), MIX_ERR_AEAD);
    mix_buf_deinit(&wire);
    mixnet_link_free(wrong);
    teardown(&p);
}

static void replayed_and_reordered_messages_break_the_link(void **state) {
    (void)state;
    for (int way = 0; way < 2; way++) {
        pair p;
        setup(&p, true);
        shake(&p, 1000, NULL);
        mix_buf frame = {0}, first = {0}, second = {0};
        mix_frame out;
        frame_of(&frame, 8, MIX_SIZE_ACK, 1);
        assert_status(mixnet_link_write(p.from, mix_buf_bytes(&frame)), MIX_OK);
        assert_status(mixnet_link_drain(p.from, &first), MIX_OK);
        assert_status(mixnet_link_write(p.from, mix_buf_bytes(&frame)), MIX_OK);
        assert_status(mixnet_link_drain(p.from, &second), MIX_OK);
        mix_bytes in = mix_buf_bytes(way ? &second : &first);
        if (way == 0) {
            assert_status(mixnet_link_feed(p.to, &in, &out), MIX_OK);
            in = mix_buf_bytes(&first);
        }
        assert_status(mixnet_link_feed(p.to, &in, &out), MIX_ERR_AEAD);
        mix_buf_deinit(&frame);
        mix_buf_deinit(&first);
        mix_buf_deinit(&second);
        teardown(&p);
    }
}

static void queues_are_bounded_and_losses_counted(void **state) {
    (void)state;
    pair p;
    setup(&p, false);
    mix_buf frame = {0};
    frame_of(&frame, 7, MIX_SIZE_ACK, 1);
    for (int i = 0; i < MIXNET_LINK_QUEUE; i++)
        assert_status(mixnet_link_write(p.from, mix_buf_bytes(&frame)), MIX_OK);
    assert_status(mixnet_link_write(p.from, mix_buf_bytes(&frame)), MIX_BLOCKED);
    assert_int_equal(p.sent.full, 1);
    mix_buf wire = {0};
    assert_status(mixnet_link_drain(p.from, &wire), MIX_OK);
    assert_true(wire.len <= MIXNET_LINK_DRAIN_MAX && wire.len > MIXNET_LINK_DRAIN_MAX - frame.len);
    size_t left = MIXNET_LINK_QUEUE - wire.len / frame.len;
    mixnet_link_free(p.from);
    p.from = NULL;
    assert_int_equal(p.sent.broken, left);
    mix_buf_deinit(&wire);
    mix_buf_deinit(&frame);
    teardown(&p);
}

/* A peer that says it will send the longest of everything gets no more memory than that. */
static void memory_is_bounded(void **state) {
    (void)state;
    for (int noise = 0; noise < 2; noise++) {
        pair p;
        setup(&p, noise);
        if (noise)
            shake(&p, 1000, NULL);
        size_t before = mix_alloc_live_bytes();
        mix_buf frame = {0}, got = {0};
        mix_alloc_fail_at(0, 0);
        frame_of(&frame, 8, MIX_SIZE_EXTENDED32, 1);
        for (int i = 0; i < 100; i++)
            assert_status(mixnet_link_write(p.from, mix_buf_bytes(&frame)), MIX_OK);
        size_t queued = mix_alloc_live_bytes() - before;
        mix_frame out;
        mix_buf wire = {0};
        while (mixnet_link_drain(p.from, &wire) == MIX_OK) {
            for (mix_bytes in = mix_buf_bytes(&wire); in.len > 0;) {
                mix_bytes part = mix_bytes_slice(in, 0, 999);
                in = mix_bytes_slice(in, 999, SIZE_MAX);
                while (mixnet_link_feed(p.to, &part, &out) == MIX_OK)
                    continue;
            }
            mix_buf_truncate(&wire, 0);
            mix_buf_deinit(&wire);
        }
        assert_int_equal(p.received.frames_in, 100);
        assert_true(mix_alloc_peak_bytes() - before - queued < 6 * 65536u * 2u);
        mix_buf_deinit(&frame);
        mix_buf_deinit(&got);
        teardown(&p);
    }
}

/* Every allocation of a handshake and a frame fails once: an error, never a crash or a leak. */
static void any_allocation_may_fail(void **state) {
    (void)state;
    size_t live = mix_alloc_live(), n = 1;
    for (bool all = false; !all; n++) {
        pair p;
        mix_buf frame = {0}, wire = {0};
        mix_frame out;
        setup(&p, true);
        frame_of(&frame, 8, MIX_SIZE_REGULAR, 1);
        mix_alloc_fail_at(n, 0);
        int status = mixnet_link_write(p.from, mix_buf_bytes(&frame));
        for (int i = 0; i < 4 && status >= 0; i++) {
            mixnet_link *ends[] = {p.from, p.to};
            mix_buf_truncate(&wire, 0);
            status = mixnet_link_drain(ends[i % 2], &wire);
            mix_bytes in = mix_buf_bytes(&wire);
            if (status == MIX_OK)
                status = mixnet_link_feed(ends[(i + 1) % 2], &in, &out);
            if (i == 2 && status >= 0)
                i = 1 +
                    2 * (p.received.frames_in > 0); /* the side that connects has more to send */
        }
        all = mix_alloc_count() < n;
        assert_true(p.received.frames_in == 1 ||
                    (!all && status < 0)); /* a buffer may do without */
        mix_alloc_fail_at(0, 0);
        mix_buf_deinit(&frame);
        mix_buf_deinit(&wire);
        teardown(&p);
        assert_int_equal(mix_alloc_live(), live);
    }
    assert_in_range(n, 5, 200);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(frames_arrive_however_they_are_cut),
    cmocka_unit_test(both_ends_know_each_other),
    cmocka_unit_test(a_handshake_begins_with_the_connection),
    cmocka_unit_test(a_handshake_has_its_time),
    cmocka_unit_test(nothing_of_a_handshake_can_be_changed),
    cmocka_unit_test(sides_and_kinds_must_fit),
    cmocka_unit_test(another_responder_is_noticed),
    cmocka_unit_test(replayed_and_reordered_messages_break_the_link),
    cmocka_unit_test(queues_are_bounded_and_losses_counted),
    cmocka_unit_test(memory_is_bounded),
    cmocka_unit_test(any_allocation_may_fail),
};
MIX_TEST_MAIN(link_test, tests)
