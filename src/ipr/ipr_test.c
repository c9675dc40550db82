/* SPDX-License-Identifier: Apache-2.0 */
/* The session engine against a scripted exit that reads and writes through wire.h, in virtual time. */
#include "ipr/ipr.h"
#include "ipr/probe.h"
#include "ipr/reorder.h"
#include "mix/errors.h"
#include "testing.h"

static const mix_ipr_ips IPS = {{10, 0, 18, 52}, {0xfc, [15] = 9}};

/* One client; the exit's side is what the test makes of the messages. */
typedef struct scene {
    mix_test_env env;
    mix_ipr *ipr;
    mix_time now;
    mix_ipr_request got;  /* the last request that came out, its bundle in bytes */
    mix_lp_frame frame;
    uint8_t bytes[4096];
    uint32_t surbs;
} scene;

static void setup(scene *s, const mix_ipr_config *config) {
    *s = (scene){.now = MIX_SECONDS(100)};
    mix_test_env_init(&s->env, 7);
    assert_status(mix_ipr_new(&s->ipr, config, &s->env.env), MIX_OK);
}

/* Takes the next message out and reads it as the exit does; false when there is none. */
static bool take(scene *s, size_t room) {
    mix_ipr_message m;
    if (mix_ipr_drain(s->ipr, &m, room, s->now) == MIX_DONE)
        return false;
    assert_true(m.bytes.len <= sizeof s->bytes);
    memcpy(s->bytes, m.bytes.data, m.bytes.len);
    s->surbs = m.surbs;
    mix_ipr_sent(s->ipr, s->now);
    mix_bytes in = mix_bytes_of(s->bytes, m.bytes.len);
    s->frame = (mix_lp_frame){.payload = in};
    if (mix_lp_decode(&s->frame, in) != MIX_OK)
        s->frame = (mix_lp_frame){.payload = in};
    assert_status(mix_ipr_request_decode(&s->got, s->frame.payload), MIX_OK);
    return true;
}

static int answer(scene *s, const mix_ipr_response *p, uint32_t seq) {
    mix_buf payload = {0}, message = {0};
    assert_status(mix_ipr_response_encode(&payload, p), MIX_OK);
    if (s->frame.kind == MIX_LP_STREAM)
        mix_lp_encode(&message, s->frame.stream_id, MIX_LP_DATA, seq, mix_buf_bytes(&payload));
    else
        mix_buf_put_bytes(&message, mix_buf_bytes(&payload));
    int status = mix_ipr_feed(s->ipr, mix_buf_bytes(&message), s->now);
    mix_buf_deinit(&payload);
    mix_buf_deinit(&message);
    return status;
}

static mix_ipr_response success(const scene *s) {
    return (mix_ipr_response){.version = s->got.version, .kind = MIX_IPR_RES_CONNECT, .id = s->got.id, .success = true, .ips = IPS,
                              .mtu = 1500};
}

static void expect(scene *s, mix_ipr_event_kind kind, mix_ipr_event *ev) {
    mix_ipr_event local;
    ev = ev ? ev : &local;
    assert_status(mix_ipr_next(s->ipr, ev, s->now), MIX_OK);
    assert_int_equal(ev->kind, kind);
}

static void expect_nothing(scene *s) {
    mix_ipr_event ev;
    assert_status(mix_ipr_next(s->ipr, &ev, s->now), MIX_DONE);
}

static void bring_up(scene *s, uint8_t version) {
    mix_ipr_event ev;
    assert_status(mix_ipr_connect(s->ipr, version, s->now), MIX_OK);
    assert_true(take(s, 1581));
    assert_int_equal(s->got.kind, MIX_IPR_REQ_CONNECT);
    assert_true(s->got.has_timeout); /* never 0, of which nym-node dies */
    assert_int_equal(s->got.buffer_timeout, 10);
    s->now += MIX_MS(200);
    mix_ipr_response p = success(s);
    assert_status(answer(s, &p, 0), MIX_OK);
    expect(s, MIX_IPR_EVENT_CONNECTED, &ev);
    assert_memory_equal(&ev.ips, &IPS, sizeof IPS);
    assert_int_equal(ev.version, version);
    assert_int_equal(ev.mtu, version == 10 ? 1500 : MIX_IPR_MTU_DEFAULT);
}

static int data(scene *s, const char *text, uint32_t seq) {
    mix_buf bundle = {0};
    mix_bundle_put(&bundle, mix_bytes_str(text));
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_DATA, .bundle = mix_buf_bytes(&bundle)};
    int status = answer(s, &p, seq);
    mix_buf_deinit(&bundle);
    return status;
}

static void expect_packet(scene *s, const char *text) {
    mix_ipr_event ev;
    expect(s, MIX_IPR_EVENT_PACKET, &ev);
    assert_bytes(ev.packet, mix_bytes_str(text));
}

/* Moves time to the deadline and ticks; fails when it lies after `latest`. */
static void advance(scene *s, mix_time latest) {
    mix_time at = mix_ipr_deadline(s->ipr);
    assert_true(at != MIX_NEVER && at <= latest);
    s->now = at > s->now ? at : s->now;
    assert_status(mix_ipr_tick(s->ipr, s->now), MIX_OK);
}

static void connects_in_each_version(void **state) {
    (void)state;
    for (uint8_t version = 8; version <= 10; version++) {
        scene s;
        setup(&s, NULL);
        assert_status(mix_ipr_write(s.ipr, mix_bytes_str("early"), s.now), MIX_BLOCKED);
        bring_up(&s, version);
        assert_int_equal(s.surbs, MIX_IPR_CONNECT_SURBS);
        assert_int_equal(s.got.provider, MIX_IPR_ROUTER);
        assert_int_equal(s.frame.kind == MIX_LP_STREAM, version > 8);
        assert_status(mix_ipr_write(s.ipr, mix_bytes_str("packet"), s.now), MIX_OK);
        assert_true(take(&s, 1581));
        assert_int_equal(s.got.version, version == 8 ? 8 : 9);
        assert_int_equal(s.frame.seq, version == 8 ? 0 : 1);
        mix_bytes packet;
        assert_true(mix_bundle_take(&packet, &s.got.bundle));
        assert_bytes(packet, mix_bytes_str("packet"));
        assert_status(data(&s, "answer", 1), MIX_OK);
        expect_packet(&s, "answer");
        mix_ipr_free(s.ipr);
    }
}

static void version_9_joins_after_3_s(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    mix_time start = s.now;
    assert_status(mix_ipr_connect(s.ipr, 10, s.now), MIX_OK);
    assert_true(take(&s, 1581) && s.got.version == 10);
    assert_false(take(&s, 1581));
    advance(&s, start + MIX_SECONDS(3));
    assert_true(s.now == start + MIX_SECONDS(3));
    assert_true(take(&s, 1581) && s.got.version == 9);
    mix_ipr_response p = success(&s);
    assert_status(answer(&s, &p, 0), MIX_OK);
    expect(&s, MIX_IPR_EVENT_CONNECTED, NULL);
    p.id++; /* an answer to nobody */
    assert_status(answer(&s, &p, 0), MIX_ERR_IPR_STREAM);
    expect_nothing(&s);
    mix_ipr_free(s.ipr);
}

static void refusal_and_silence_end_the_connect(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    mix_ipr_event ev;
    assert_status(mix_ipr_connect(s.ipr, 9, s.now), MIX_OK);
    assert_true(take(&s, 1581));
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_CONNECT, .id = s.got.id, .reason = MIX_IPR_NO_ADDRESS};
    assert_status(answer(&s, &p, 0), MIX_OK);
    expect(&s, MIX_IPR_EVENT_DENIED, &ev);
    assert_int_equal(ev.reason, MIX_IPR_NO_ADDRESS);
    assert_bytes(ev.text, mix_bytes_str("no available ip address"));
    mix_time start = s.now;
    assert_status(mix_ipr_connect(s.ipr, 9, s.now), MIX_OK); /* the same engine, again */
    assert_true(take(&s, 1581));
    advance(&s, start + MIX_SECONDS(60));
    expect(&s, MIX_IPR_EVENT_LOST, &ev);
    assert_status(ev.status, MIX_ERR_IPR_TIMEOUT);
    assert_true(mix_ipr_deadline(s.ipr) == MIX_NEVER);
    mix_ipr_free(s.ipr);
}

static void packets_share_a_message_while_they_fit(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    static uint8_t big[1500], small[52];
    for (int n = 0; n < 4; n++)
        assert_status(mix_ipr_write(s.ipr, MIX_BYTES(small), s.now), MIX_OK);
    assert_status(mix_ipr_write(s.ipr, MIX_BYTES(big), s.now), MIX_OK);
    assert_status(mix_ipr_write(s.ipr, MIX_BYTES(big), s.now), MIX_OK);
    assert_status(mix_ipr_write(s.ipr, mix_bytes_of(big, 1501), s.now), MIX_ERR_ARGUMENT);
    static const size_t counts[] = {3, 1, 1, 1}; /* 3 small ones fit 201 bytes; a large one goes alone though it does not fit */
    for (size_t k = 0; k < 4; k++) {
        size_t count = 0;
        mix_bytes packet;
        assert_true(take(&s, 201));
        assert_int_equal(s.frame.seq, k + 1);
        while (mix_bundle_take(&packet, &s.got.bundle))
            count++;
        assert_int_equal(count, counts[k]);
    }
    assert_false(take(&s, 201));
    mix_ipr_free(s.ipr);
}

static void a_full_queue_blocks_and_loses_nothing(void **state) {
    (void)state;
    scene s;
    mix_ipr_config config = {.queue_bytes = 3000};
    setup(&s, &config);
    bring_up(&s, 9);
    static uint8_t packet[1000];
    for (int n = 0; n < 3; n++)
        assert_status(mix_ipr_write(s.ipr, MIX_BYTES(packet), s.now), MIX_OK);
    assert_int_equal(mix_ipr_room(s.ipr), 0);
    assert_status(mix_ipr_write(s.ipr, MIX_BYTES(packet), s.now), MIX_BLOCKED);
    for (int n = 0; n < 3; n++)
        assert_true(take(&s, 1000));
    assert_int_equal(mix_ipr_room(s.ipr), 3000);
    mix_ipr_free(s.ipr);
}

static void frames_come_back_into_order(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    data(&s, "one", 1);
    data(&s, "three", 3);
    data(&s, "four", 4);
    expect_packet(&s, "one");
    expect_nothing(&s);
    s.now += MIX_MS(30);
    data(&s, "two", 2);
    data(&s, "two", 2); /* a duplicate of a frame that waits */
    expect_packet(&s, "two");
    expect_packet(&s, "three");
    expect_packet(&s, "four");
    expect_nothing(&s);
    data(&s, "six", 6);
    expect_nothing(&s);
    advance(&s, s.now + MIX_MS(150)); /* five is lost */
    expect_packet(&s, "six");
    data(&s, "five", 5); /* it was only late */
    expect_packet(&s, "five");
    data(&s, "zero", 0); /* unnumbered: at once */
    expect_packet(&s, "zero");
    expect_nothing(&s);
    mix_ipr_free(s.ipr);
}

/* One packet of each kind in a frame; only what has an order waits for the frame before. */
static int mixed_data(scene *s, uint32_t seq) {
    mix_buf bundle = {0};
    const struct {
        uint8_t version, protocol;
    } kinds[] = {{4, 6}, {4, 17}, {4, 1}, {6, 6}, {6, 17}, {6, 58}, {4, 58}, {5, 17}};
    for (size_t n = 0; n < sizeof kinds / sizeof *kinds; n++) {
        uint8_t packet[40] = {(uint8_t)(kinds[n].version << 4)};
        packet[kinds[n].version == 6 ? 6 : 9] = kinds[n].protocol;
        packet[39] = (uint8_t)(n + 1);
        mix_bundle_put(&bundle, MIX_BYTES(packet));
    }
    uint8_t cut[19] = {0x40, [9] = 17}, cut6[39] = {0x60, [6] = 17};
    mix_bundle_put(&bundle, MIX_BYTES(cut));
    mix_bundle_put(&bundle, MIX_BYTES(cut6));
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_DATA, .bundle = mix_buf_bytes(&bundle)};
    int status = answer(s, &p, seq);
    mix_buf_deinit(&bundle);
    return status;
}

/* Packets until there is none; a bit for each kind, bit 0 for those that were cut. */
static unsigned take_kinds(scene *s, unsigned *count) {
    mix_ipr_event ev;
    unsigned kinds = 0;
    for (*count = 0; mix_ipr_next(s->ipr, &ev, s->now) == MIX_OK; ++*count)
        kinds |= 1u << (ev.packet.len == 40 ? ev.packet.data[39] : 0);
    return kinds;
}

static void datagrams_wait_for_nothing(void **state) {
    (void)state;
    scene s;
    unsigned count;
    const unsigned datagrams = 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6;
    setup(&s, NULL);
    bring_up(&s, 9);
    assert_status(mixed_data(&s, 2), MIX_OK);
    assert_int_equal(take_kinds(&s, &count), datagrams);
    assert_int_equal(count, 4);
    assert_status(mixed_data(&s, 2), MIX_OK); /* the same frame again */
    assert_int_equal(take_kinds(&s, &count), 0);
    assert_status(data(&s, "one", 1), MIX_OK);
    expect_packet(&s, "one");
    assert_int_equal(take_kinds(&s, &count), 0x1ff & ~datagrams);
    assert_int_equal(count, 6);
    assert_status(mixed_data(&s, 3), MIX_OK); /* it is its turn: as they came */
    assert_int_equal(take_kinds(&s, &count), 0x1ff);
    assert_int_equal(count, 10);
    mix_ipr_free(s.ipr);
}

/* A frame of which nothing is left to wait still has its number. */
static void a_frame_of_datagrams_leaves_no_gap(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    mix_buf bundle = {0};
    uint8_t packet[28] = {0x45, [9] = 17};
    mix_bundle_put(&bundle, MIX_BYTES(packet));
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_DATA, .bundle = mix_buf_bytes(&bundle)};
    assert_status(answer(&s, &p, 2), MIX_OK);
    expect(&s, MIX_IPR_EVENT_PACKET, NULL);
    data(&s, "three", 3);
    expect_nothing(&s);
    data(&s, "one", 1);
    expect_packet(&s, "one");
    expect_packet(&s, "three");
    expect_nothing(&s);
    mix_ipr_stats stats;
    mix_ipr_get_stats(s.ipr, &stats);
    assert_int_equal(stats.skipped, 0);
    mix_buf_deinit(&bundle);
    mix_ipr_free(s.ipr);
}

static bool begins_with_n(void *user, mix_bytes packet) {
    ++*(int *)user;
    return packet.len > 0 && packet.data[0] == 'n';
}

/* What TCP says that it takes passes too; it is asked of nothing whose turn it is. */
static void what_is_next_passes(void **state) {
    (void)state;
    scene s;
    int asked = 0;
    mix_ipr_config config = {.is_next = begins_with_n, .user = &asked};
    setup(&s, &config);
    bring_up(&s, 9);
    data(&s, "one", 1);
    expect_packet(&s, "one");
    assert_int_equal(asked, 0);
    data(&s, "next", 3);
    expect_packet(&s, "next");
    data(&s, "four", 4);
    expect_nothing(&s);
    assert_true(asked > 0);
    data(&s, "two", 2);
    expect_packet(&s, "two");
    expect_packet(&s, "four");
    expect_nothing(&s);
    mix_ipr_free(s.ipr);
}

static void any_order_within_the_window_is_mended(void **state) {
    (void)state;
    enum { FRAMES = 2000, SPAN = 40 };
    mix_test_env env;
    mix_test_env_init(&env, 11);
    mix_reorder r;
    mix_reorder_init(&r, UINT32_MAX - 700, MIX_MS(150)); /* across the end of the numbers */
    uint32_t order[FRAMES], numbers[FRAMES], jitter[FRAMES], seq = UINT32_MAX - 700, placed = 0;
    for (uint32_t n = 0; n < FRAMES; n++, seq = seq == UINT32_MAX ? 1 : seq + 1) {
        numbers[n] = seq;
        jitter[n] = (uint32_t)mix_test_below(&env, SPAN);
    }
    for (uint32_t at = 0; placed < FRAMES; at++) { /* sorted by n + jitter: nothing moves by more than SPAN */
        for (uint32_t n = at < SPAN ? 0 : at - SPAN; n <= at && n < FRAMES; n++) {
            if (n + jitter[n] == at)
                order[placed++] = n;
        }
    }
    uint32_t due = 0;
    for (uint32_t n = 0; n < FRAMES; n++) {
        mix_bytes frame;
        assert_status(mix_reorder_put(&r, numbers[order[n]], mix_bytes_of(&order[n], sizeof *order), (mix_time)n), MIX_OK);
        for (; mix_reorder_next(&r, &frame, (mix_time)n); due++)
            assert_bytes(frame, mix_bytes_of(&due, sizeof due));
    }
    assert_int_equal(due, FRAMES);
    assert_int_equal(r.held, 0);
    assert_int_equal(r.bytes, 0);
    mix_reorder_deinit(&r);
}

/* Frame `late` after the others by so much; how many frames were given up for it. */
static uint64_t one_late(mix_reorder *r, mix_time *now, mix_time by) {
    uint64_t before = r->skipped;
    uint32_t first = r->next;
    mix_bytes frame;
    for (uint32_t n = 1; n < 4; n++) {
        assert_status(mix_reorder_put(r, first + n, mix_bytes_of("x", 1), *now), MIX_OK);
        assert_false(mix_reorder_next(r, &frame, *now));
    }
    mix_time arrival = *now + by, deadline = mix_reorder_deadline(r);
    assert_true(deadline != MIX_NEVER);
    if (deadline < arrival) {
        while (mix_reorder_next(r, &frame, deadline))
            continue;
    }
    *now = arrival;
    (void)mix_reorder_put(r, first, mix_bytes_of("x", 1), *now);
    while (mix_reorder_next(r, &frame, *now))
        continue;
    assert_int_equal(r->held, 0);
    *now += MIX_MS(10);
    return r->skipped - before;
}

static void late_and_lost_frames_are_told_apart(void **state) {
    (void)state;
    mix_reorder r;
    mix_time now = MIX_SECONDS(1);
    mix_reorder_init(&r, 1, MIX_MS(800));
    for (int n = 0; n < 2000; n++)
        assert_int_equal(one_late(&r, &now, MIX_MS(20)), 0);
    mix_time usual = mix_reorder_wait(&r);
    assert_in_range(usual, MIX_MS(25), MIX_MS(40));
    /* One that needs longer is given up once; then its likes are waited for. */
    assert_int_equal(one_late(&r, &now, MIX_MS(160)), 1);
    assert_in_range(mix_reorder_wait(&r), MIX_MS(200), MIX_MS(250));
    assert_int_equal(one_late(&r, &now, MIX_MS(160)), 0);
    for (int n = 0; n < 2000; n++)
        assert_int_equal(one_late(&r, &now, MIX_MS(20)), 0);
    /* What comes seconds later was lost: no reason to wait longer. */
    assert_int_equal(mix_reorder_wait(&r), usual);
    assert_int_equal(one_late(&r, &now, MIX_SECONDS(2)), 1);
    assert_int_equal(mix_reorder_wait(&r), usual);
    /* Never longer than the cap. */
    assert_int_equal(one_late(&r, &now, MIX_MS(790)), 1);
    assert_int_equal(mix_reorder_wait(&r), MIX_MS(800));
    mix_reorder_deinit(&r);
}

static void refusals_name_the_destination(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_INFO, .info = MIX_IPR_INFO_REFUSED, .level = 1};
    p.text = mix_bytes_str("[2606:4700:4700::1111]:25");
    assert_status(answer(&s, &p, 0), MIX_OK);
    mix_ipr_event ev;
    expect(&s, MIX_IPR_EVENT_REFUSED, &ev);
    assert_int_equal(ev.destination.family, 6);
    assert_int_equal(ev.destination.port, 25);
    assert_bytes(ev.text, p.text);
    p.text = mix_bytes_str("no address");
    assert_status(answer(&s, &p, 0), MIX_OK);
    p.info = MIX_IPR_INFO_GENERIC;
    p.text = mix_bytes_str("words");
    assert_status(answer(&s, &p, 0), MIX_OK);
    expect(&s, MIX_IPR_EVENT_NOTICE, &ev);
    assert_bytes(ev.text, mix_bytes_str("words"));
    expect_nothing(&s);
    mix_ipr_free(s.ipr);
}

/* Answers the probe that is due as a filtering exit does. */
static void answer_probe(scene *s) {
    mix_bytes packet;
    assert_true(take(s, 1581));
    assert_int_equal(s->got.kind, MIX_IPR_REQ_DATA);
    assert_true(mix_bundle_take(&packet, &s->got.bundle));
    assert_int_equal(packet.len, MIX_PROBE_LEN);
    assert_memory_equal(packet.data + 12, IPS.v4, 4);
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_INFO, .info = MIX_IPR_INFO_REFUSED, .level = 1,
                          .text = mix_bytes_str("10.0.0.1:0")};
    s->now += MIX_MS(150);
    assert_status(answer(s, &p, 0), MIX_OK);
}

static void an_idle_session_stays_known(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    for (int n = 0; n < 5; n++) {
        mix_time quiet = s.now;
        advance(&s, quiet + MIX_SECONDS(50));
        assert_true(s.now >= quiet + MIX_SECONDS(39));
        answer_probe(&s);
        assert_false(take(&s, 1581)); /* no ping: nothing else was awaited */
        expect_nothing(&s);
    }
    mix_ipr_stats stats;
    mix_ipr_get_stats(s.ipr, &stats);
    assert_int_equal(stats.state, MIX_IPR_UP);
    assert_true(stats.round_trip == MIX_MS(150));
    mix_ipr_free(s.ipr);
}

static void an_exit_that_forgot_us_is_found_out(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    mix_time start = s.now;
    assert_status(mix_ipr_write(s.ipr, mix_bytes_str("packet"), s.now), MIX_OK);
    assert_true(take(&s, 1581));
    advance(&s, start + MIX_SECONDS(4));
    assert_true(take(&s, 1581)); /* the probe: dropped by the exit */
    assert_true(take(&s, 1581));
    assert_int_equal(s.got.kind, MIX_IPR_REQ_PING);
    mix_ipr_response pong = {.version = 9, .kind = MIX_IPR_RES_PONG, .id = s.got.id};
    assert_status(answer(&s, &pong, 0), MIX_OK);
    advance(&s, start + MIX_SECONDS(8));
    mix_ipr_event ev;
    expect(&s, MIX_IPR_EVENT_LOST, &ev);
    assert_status(ev.status, MIX_ERR_IPR_FORGOTTEN);
    bring_up(&s, 9); /* and the engine goes on */
    mix_ipr_free(s.ipr);
}

static void a_silent_exit_degrades_and_is_lost(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    mix_time start = s.now;
    mix_ipr_event ev;
    assert_status(mix_ipr_write(s.ipr, mix_bytes_str("packet"), s.now), MIX_OK);
    assert_true(take(&s, 1581));
    advance(&s, start + MIX_SECONDS(4));
    assert_true(take(&s, 1581) && take(&s, 1581));
    advance(&s, start + MIX_SECONDS(7));
    expect(&s, MIX_IPR_EVENT_DEGRADED, NULL);
    data(&s, "late", 1);
    expect(&s, MIX_IPR_EVENT_RECOVERED, NULL);
    expect_packet(&s, "late");
    while (take(&s, 1581)) {
    }
    assert_status(mix_ipr_write(s.ipr, mix_bytes_str("packet"), s.now), MIX_OK);
    start = s.now;
    for (int n = 0; n < MIX_IPR_PROBES; n++) {
        while (take(&s, 1581)) {
        }
        advance(&s, start + MIX_SECONDS(15));
    }
    expect(&s, MIX_IPR_EVENT_DEGRADED, NULL);
    expect(&s, MIX_IPR_EVENT_LOST, &ev);
    assert_status(ev.status, MIX_ERR_IPR_SILENT);
    mix_ipr_free(s.ipr);
}

static void notice_and_goodbye(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 10);
    mix_ipr_response p = {.version = 10, .kind = MIX_IPR_RES_UNREQUESTED_DISCONNECT, .reason = MIX_IPR_MIXNET_TIMEOUT};
    assert_status(answer(&s, &p, 0), MIX_OK);
    mix_ipr_event ev;
    expect(&s, MIX_IPR_EVENT_LOST, &ev);
    assert_status(ev.status, MIX_ERR_IPR_DISCONNECTED);
    assert_bytes(ev.text, mix_bytes_str("client mixnet traffic timeout"));
    bring_up(&s, 9);
    assert_status(mix_ipr_disconnect(s.ipr, s.now), MIX_OK);
    assert_true(take(&s, 1581));
    assert_int_equal(s.got.kind, MIX_IPR_REQ_DISCONNECT);
    assert_true(mix_ipr_deadline(s.ipr) == MIX_NEVER);
    assert_status(data(&s, "too late", 1), MIX_ERR_IPR_STREAM);
    mix_ipr_free(s.ipr);
}

static void strangers_are_dropped(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    s.frame.stream_id ^= 1;
    assert_status(data(&s, "other stream", 1), MIX_ERR_IPR_STREAM);
    s.frame.stream_id ^= 1;
    assert_status(mix_ipr_feed(s.ipr, mix_bytes_str("short"), s.now), MIX_ERR_LP_NONE);
    uint8_t open[16] = {3};
    assert_status(mix_ipr_feed(s.ipr, MIX_BYTES(open), s.now), MIX_ERR_IPR_STREAM);
    open[10] = 2;
    assert_status(mix_ipr_feed(s.ipr, MIX_BYTES(open), s.now), MIX_ERR_LP_TYPE);
    expect_nothing(&s);
    mix_ipr_stats stats;
    mix_ipr_get_stats(s.ipr, &stats);
    assert_int_equal(stats.dropped, 4);
    mix_ipr_free(s.ipr);
}

static void a_flood_is_bounded(void **state) {
    (void)state;
    scene s;
    setup(&s, NULL);
    bring_up(&s, 9);
    mix_ipr_response p = {.version = 9, .kind = MIX_IPR_RES_INFO, .info = MIX_IPR_INFO_REFUSED, .text = mix_bytes_str("1.1.1.1:1")};
    for (int n = 0; n < 1000; n++)
        assert_status(answer(&s, &p, 0), MIX_OK);
    static char text[1400];
    memset(text, 'x', sizeof text - 1);
    int kept = 0;
    for (uint32_t n = 2; n < 3000; n++) /* number 1 never comes */
        kept += data(&s, text, n) == MIX_OK;
    assert_true(kept < 1000);
    p = (mix_ipr_response){.version = 9, .kind = MIX_IPR_RES_UNREQUESTED_DISCONNECT, .reason = MIX_IPR_TUN_TIMEOUT};
    assert_status(answer(&s, &p, 0), MIX_OK);
    mix_ipr_event ev;
    int refusals = 0;
    while (mix_ipr_next(s.ipr, &ev, s.now) == MIX_OK && ev.kind == MIX_IPR_EVENT_REFUSED)
        refusals++;
    assert_int_equal(ev.kind, MIX_IPR_EVENT_LOST); /* an end is never lost among notices */
    assert_in_range(refusals, 1, 32);
    mix_ipr_free(s.ipr);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connects_in_each_version),
    cmocka_unit_test(version_9_joins_after_3_s),
    cmocka_unit_test(refusal_and_silence_end_the_connect),
    cmocka_unit_test(packets_share_a_message_while_they_fit),
    cmocka_unit_test(a_full_queue_blocks_and_loses_nothing),
    cmocka_unit_test(frames_come_back_into_order),
    cmocka_unit_test(datagrams_wait_for_nothing),
    cmocka_unit_test(a_frame_of_datagrams_leaves_no_gap),
    cmocka_unit_test(what_is_next_passes),
    cmocka_unit_test(any_order_within_the_window_is_mended),
    cmocka_unit_test(late_and_lost_frames_are_told_apart),
    cmocka_unit_test(refusals_name_the_destination),
    cmocka_unit_test(an_idle_session_stays_known),
    cmocka_unit_test(an_exit_that_forgot_us_is_found_out),
    cmocka_unit_test(a_silent_exit_degrades_and_is_lost),
    cmocka_unit_test(notice_and_goodbye),
    cmocka_unit_test(strangers_are_dropped),
    cmocka_unit_test(a_flood_is_bounded),
};
MIX_TEST_MAIN(ipr_test, tests)
