/* SPDX-License-Identifier: Apache-2.0 */
/* The supply of SURBs against an exit that keeps to 2-messages.md §14, in virtual time: links with
 * delay and loss, a Poisson uplink, a server that is faster than any supply. */
#include "messages/economy.h"
#include "testing.h"

#include <math.h>

enum { BUNDLE = 1440, SLOTS = 50, RESERVE = 10, BUFFER = 50, LIMIT = 200, PARTS = 4 };

/* ---- a small world: a clock of 1 ms steps, messages under way in both directions ---- */

typedef enum kind { SURBS, ACKS, REPLY, REQUEST } kind;

typedef struct message {
    kind kind;
    uint32_t surbs;    /* carried up */
    uint32_t amount;   /* asked for */
    uint32_t sequence; /* of a reply */
    bool additional;
    int packets, arrived; /* up: complete when all have arrived */
} message;

typedef struct flight {
    int64_t at; /* ms */
    message *m;
    bool up;
} flight;

typedef struct world {
    mix_test_env rng;
    mix_economy economy;
    int64_t ms;
    double loss; /* of a packet on its whole way */
    flight flights[4096];
    size_t flying;
    message pool[65536];
    size_t pooled;
    message *queue[4096]; /* uplink packets that wait for a slot */
    size_t queue_len;
    int64_t next_slot_us, turn;
    int64_t cover, refills_in_idle;
    /* the exit (§14) */
    int32_t fresh, pending, most;
    int64_t queued; /* replies that wait for SURBs */
    uint32_t sequence;
    /* the client's view of the stream of replies */
    uint32_t next_sequence, ahead[1024];
    size_t ahead_len;
    int64_t came[1024], received, acks, last_reply, longest_gap;
    bool report_gaps;
    int64_t left; /* bundles that the server still has */
} world;

static double exponential(world *w, double mean) {
    return -log(1.0 - mix_test_unit(&w->rng)) * mean;
}

static message *new_message(world *w, message m) {
    message *p = &w->pool[w->pooled++ % 65536];
    *p = m;
    return p;
}

static void fly(world *w, message *m, bool up) {
    double delay = 15;
    for (int i = 0; i < 3; i++)
        delay += exponential(w, 15);
    bool lost = mix_test_unit(&w->rng) < w->loss;
    while (lost && (up || m->kind == REQUEST)) { /* is retransmitted */
        delay += 1600;
        lost = mix_test_unit(&w->rng) < w->loss;
        if (m->kind == REQUEST && w->fresh > 0)
            w->fresh--; /* with a SURB of its own */
    }
    if (lost)
        return;
    assert_true(w->flying < sizeof w->flights / sizeof *w->flights);
    w->flights[w->flying++] = (flight){w->ms + (int64_t)delay, m, up};
}

static void exit_ask(world *w) {
    int64_t have = w->fresh + w->pending;
    if (w->fresh == 0 || have >= LIMIT || have >= w->queued + RESERVE + BUFFER)
        return;
    int64_t amount = w->queued + BUFFER < 50 ? w->queued + BUFFER : 50;
    w->fresh--;
    w->pending += (int32_t)amount;
    fly(w, new_message(w, (message){.kind = REQUEST, .amount = (uint32_t)amount}), false);
}

static void exit_send(world *w) {
    while (w->queued > 0 && w->fresh > RESERVE) {
        w->fresh--;
        w->queued--;
        fly(w, new_message(w, (message){.kind = REPLY, .sequence = w->sequence++}), false);
    }
    exit_ask(w);
}

static void exit_receive(world *w, const message *m) {
    w->fresh += (int32_t)m->surbs;
    if (m->additional)
        w->pending = w->pending > (int32_t)m->surbs ? w->pending - (int32_t)m->surbs : 0;
    w->most = w->fresh > w->most ? w->fresh : w->most;
    exit_send(w);
}

static mix_time now_of(const world *w) {
    return w->ms * 1000;
}

static void client_send(world *w, message m, int packets) {
    m.packets = packets;
    message *p = new_message(w, m);
    for (int i = 0; i < packets; i++)
        w->queue[w->queue_len++] = p;
    assert_true(w->queue_len < 4096);
    if (m.surbs > 0)
        mix_economy_sent(&w->economy, m.surbs, m.additional, now_of(w));
}

static bool client_refill(world *w, bool idle) {
    uint32_t n = mix_economy_refill(&w->economy, idle, now_of(w));
    if (n == 0)
        return false;
    client_send(w, (message){.kind = SURBS, .surbs = n, .additional = true},
                (int)((n * 460 + 23 + 1603) / 1604));
    w->refills_in_idle += idle;
    return true;
}

/* TCP's acknowledgements that wait, up to four bundled, with what SURBs fit beside them. */
static bool client_acks(world *w) {
    if (w->acks == 0)
        return false;
    int64_t bundled = w->acks < 4 ? w->acks : 4;
    w->acks -= bundled;
    uint32_t n = mix_economy_attach(&w->economy, 40 + (size_t)bundled * 40, 0);
    client_send(w, (message){.kind = ACKS, .surbs = n}, 1);
    return true;
}

/* In sequence by a wait of 150 ms, as ipr/ does it: what is given up then is known to be lost. */
static void client_order(world *w) {
    for (;;) {
        size_t found = w->ahead_len;
        int64_t oldest = INT64_MAX;
        for (size_t i = 0; i < w->ahead_len; i++) {
            found = w->ahead[i] == w->next_sequence ? i : found;
            oldest = w->came[i] < oldest ? w->came[i] : oldest;
        }
        if (found < w->ahead_len) {
            w->ahead[found] = w->ahead[--w->ahead_len];
            w->came[found] = w->came[w->ahead_len];
        } else if (w->ahead_len > 0 && w->ms - oldest > 150) {
            if (w->report_gaps)
                mix_economy_used(&w->economy, 1, now_of(w));
            w->left++; /* the server's TCP sends it again */
        } else {
            return;
        }
        w->next_sequence++;
    }
}

static void client_receive(world *w, const message *m) {
    bool late = m->kind == REPLY && m->sequence < w->next_sequence; /* reported as lost already */
    if (!late || !w->report_gaps)
        mix_economy_used(&w->economy, 1, now_of(w));
    if (m->kind == REQUEST) {
        mix_economy_requested(&w->economy, m->amount, now_of(w));
        return;
    }
    w->received++;
    w->longest_gap =
        w->ms - w->last_reply > w->longest_gap ? w->ms - w->last_reply : w->longest_gap;
    w->last_reply = w->ms;
    assert_true(w->ahead_len < 1024);
    if (late)
        return;
    w->came[w->ahead_len] = w->ms;
    w->ahead[w->ahead_len++] = m->sequence;
    w->acks += w->received % 3 == 0; /* one for three segments */
}

/* Lanes take turns; nothing is written before there is a slot for it, so no queue stands. */
static void slot(world *w) {
    bool any = w->queue_len > 0;
    for (int i = 0; i < 2 && !any; i++)
        any = w->turn++ % 2 == 0 ? client_refill(w, false) : client_acks(w);
    if (!any && !client_refill(w, true)) {
        w->cover++;
        return;
    }
    fly(w, w->queue[0], true);
    memmove(w->queue, w->queue + 1, --w->queue_len * sizeof *w->queue);
}

static void step(world *w) {
    w->ms++;
    for (size_t i = 0; i < w->flying;) {
        flight f = w->flights[i];
        if (f.at > w->ms) {
            i++;
            continue;
        }
        w->flights[i] = w->flights[--w->flying];
        if (!f.up)
            client_receive(w, f.m);
        else if (++f.m->arrived == f.m->packets)
            exit_receive(w, f.m);
    }
    client_order(w);
    while (w->next_slot_us <= w->ms * 1000) {
        slot(w);
        w->next_slot_us += (int64_t)exponential(w, 1e6 / (double)SLOTS);
    }
    if (w->left > 0 && w->queued < 64) { /* the server fills what the window leaves */
        int64_t n = w->left < 64 - w->queued ? w->left : 64 - w->queued;
        w->left -= n;
        w->queued += n;
        exit_send(w);
    }
}

static world *new_world(uint64_t seed, double loss, bool report_gaps) {
    static world w;
    mix_economy_config cfg;
    memset(&w, 0, sizeof w);
    mix_test_env_init(&w.rng, seed);
    mix_economy_config_init(&cfg);
    mix_economy_init(&w.economy, &cfg, 0);
    w.loss = loss;
    w.report_gaps = report_gaps;
    client_send(
        &w, (message){.kind = SURBS, .surbs = mix_economy_attach(&w.economy, 80, cfg.first)}, 4);
    return &w;
}

static void run(world *w, int64_t ms) {
    for (int64_t end = w->ms + ms; w->ms < end;)
        step(w);
}

/* ---- rows ---- */

/* What 50 packets a second can supply at most, in replies. */
static double ceiling(void) {
    return (double)SLOTS * 1604.0 / 460.0;
}

typedef struct row {
    const char *name;
    double loss;
    bool report_gaps;
    double least; /* share of the supply's ceiling that must be reached */
    int64_t gap;  /* ms: the longest wait for a reply */
} row;

static void check_download(const row *r, uint64_t seed, double *share, int *most) {
    world *w = new_world(seed, r->loss, r->report_gaps);
    run(w, 2000);
    int64_t start = w->ms;
    w->last_reply = w->ms;
    w->left = 10000000 / BUNDLE;
    int64_t want = w->left;
    while (w->received < want && w->ms - start < 300000)
        step(w);
    *share = (double)want * 1000 / (double)(w->ms - start) / ceiling();
    run(w, 5000);
    *most = w->most;
    if (*share < r->least || w->longest_gap > r->gap || w->most > LIMIT)
        fail_msg("%s, seed %d: %.3f of the ceiling, longest gap %d ms, most in stock %d", r->name,
                 (int)seed, *share, (int)w->longest_gap, (int)w->most);
}

static void test_download(void **state) {
    (void)state;
    static const row rows[] = {
        {"no loss", 0, true, 0.85, 400},
        {"1 % loss", 0.01, true, 0.85, 500},
        {"10 % loss, gaps reported", 0.10, true, 0.72, 2000},
        {"1 % loss, gaps not reported", 0.01, false, 0.80, 2500},
        {"4 % loss, gaps not reported", 0.04, false, 0.55, 4000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double sum = 0, least = 1;
        int most = 0;
        for (uint64_t seed = 1; seed <= 10; seed++) {
            double share;
            int stock;
            check_download(&rows[i], seed, &share, &stock);
            sum += share;
            least = share < least ? share : least;
            most = stock > most ? stock : most;
        }
        printf("%s: mean %.3f, least %.3f of the supply, most in stock %d\n", rows[i].name,
               sum / 10, least, most);
    }
}

/* After the stock is full, idle slots carry cover and nothing else. */
static void test_idle(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        world *w = new_world(seed, 0, true);
        run(w, 5000);
        int64_t refills = w->refills_in_idle, cover = w->cover;
        assert_true(refills > 0 && w->fresh > (int32_t)w->economy.cfg.target - 10);
        run(w, 60000);
        assert_int_equal(w->refills_in_idle, refills);
        assert_true(w->cover - cover > 2700 && w->cover - cover < 3300);
        assert_true(w->most <= LIMIT);
    }
}

/* Answers to small requests are there at once: the stock waits at the exit. */
static void test_first_answer(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        world *w = new_world(seed, 0, true);
        w->left = 1;
        while (w->received == 0 && w->ms < 3000)
            step(w);
        assert_true(w->ms < 700); /* four packets up at 20 ms each, five hops each way */
    }
}

static void test_attach(void **state) {
    (void)state;
    mix_economy e;
    mix_economy_config cfg;
    mix_economy_config_init(&cfg);
    mix_economy_init(&e, &cfg, 0);
    assert_int_equal(mix_economy_attach(&e, 0, 0), 3);
    assert_int_equal(mix_economy_attach(&e, 201, 0), 3);
    assert_int_equal(mix_economy_attach(&e, 202, 0), 2);
    assert_int_equal(mix_economy_attach(&e, 1121, 0), 1);
    assert_int_equal(mix_economy_attach(&e, 1122, 0), 0);
    assert_int_equal(mix_economy_attach(&e, 1581, 0), 0); /* one packet exactly */
    assert_int_equal(mix_economy_attach(&e, 1582, 0), 3); /* a second one has room */
    assert_int_equal(mix_economy_attach(&e, 80, cfg.first), 13);
    mix_economy_sent(&e, cfg.target, false, 0);
    assert_int_equal(mix_economy_attach(&e, 0, 0), 0);
    assert_int_equal(mix_economy_attach(&e, 0, 1), 1); /* what must be is attached */
    assert_int_equal(mix_economy_refill(&e, true, 0), 0);
}

static void test_requests(void **state) {
    (void)state;
    mix_economy e;
    mix_economy_config cfg;
    mix_economy_config_init(&cfg);
    mix_economy_init(&e, &cfg, 0);
    mix_economy_sent(&e, 180, false, 0);
    mix_economy_requested(&e, 50, MIX_MS(100)); /* all of it may be under way */
    assert_int_equal(e.stock, 180);
    assert_int_equal(mix_economy_refill(&e, false, MIX_MS(100)), 0);
    mix_economy_requested(
        &e, 10, MIX_SECONDS(20)); /* an exit that asks now has fewer than 60: the rest was lost */
    assert_int_equal(e.stock, 60);
    assert_int_equal(e.owed, 60);
    assert_int_equal(mix_economy_refill(&e, false, MIX_SECONDS(20)), 0); /* it has enough */
    mix_economy_used(&e, 20, MIX_SECONDS(20));
    assert_int_equal(mix_economy_refill(&e, false, MIX_SECONDS(20)), 10); /* not at this rate */
    assert_int_equal(mix_economy_refill(&e, false, MIX_SECONDS(21)), 0);  /* which is over */
    assert_int_equal(mix_economy_refill(&e, true, MIX_SECONDS(21)), 10);  /* a free slot is free */
    mix_economy_requested(&e, 1, MIX_SECONDS(21));
    assert_int_equal(mix_economy_refill(&e, false, MIX_SECONDS(21)), 10); /* it asks once more */
    mix_economy_used(&e, 25, MIX_SECONDS(21));
    assert_int_equal(mix_economy_refill(&e, false, MIX_SECONDS(21)), 3); /* the first one counts */
    mix_economy_requested(&e, UINT32_MAX, MIX_SECONDS(20));
    assert_int_equal(e.owed, cfg.limit);
    mix_economy_renew(&e, MIX_SECONDS(21));
    assert_int_equal(e.stock + e.owed, 0);
}

/* Replies of a request or two leave it calm, those of a download do not, for 100 to 200 ms. */
static void test_calm(void **state) {
    (void)state;
    mix_economy_config cfg;
    mix_economy e;
    mix_economy_config_init(&cfg);
    mix_economy_init(&e, &cfg, 0);
    mix_economy_sent(&e, 100, true, 0);
    assert_true(mix_economy_is_calm(&e, 0));
    mix_economy_used(&e, 9, 0);
    assert_true(mix_economy_is_calm(&e, MIX_MS(50)));
    mix_economy_used(&e, 1, MIX_MS(50));
    assert_false(mix_economy_is_calm(&e, MIX_MS(50)));
    assert_false(mix_economy_is_calm(&e, MIX_MS(199)));
    assert_true(mix_economy_is_calm(&e, MIX_MS(200)));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_attach),       cmocka_unit_test(test_requests),
    cmocka_unit_test(test_first_answer), cmocka_unit_test(test_idle),
    cmocka_unit_test(test_calm),         cmocka_unit_test(test_download),
};
MIX_TEST_MAIN(economy_test, tests)
