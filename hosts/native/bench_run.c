/* SPDX-License-Identifier: Apache-2.0 */
/* The measurements on one tunnel, one after the other. */
#include "bench.h"
#include "base/address.h"
#include "env.h"
#include "mix/dns.h"
#include "mix/fetch.h"
#include "mix/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    AT_ONCE = 6,
    SMALL = 10000,
    MIDDLE = 100000,
    LARGE = 1000000,
    TIMES_MOST = 64,
    ECHO_BYTES = 100,
};
#define REQUEST_MOST MIX_SECONDS(180)
#define ANSWER_MOST MIX_SECONDS(20) /* a ping's, an echo's */

typedef struct get {
    uint32_t id; /* 0: over */
    uint64_t got;
} get;

typedef struct run {
    const bench_plan *plan;
    const bench_out *out;
    client *client;
    uv_loop_t loop;
    uv_timer_t timer;
    const char *item;
    bool done;
    mix_failure failure; /* of the item */
    get gets[AT_ONCE];
    size_t under_way;
    uint32_t lookup, socket;
    mix_time at; /* when it was done */
    mix_time round_trip;
    double times[TIMES_MOST]; /* ms */
    size_t count;
    uint8_t *body;
} run;

/* ---- figures ---- */

static void put(run *r, const char *item, double value, const char *unit) {
    r->out->figure(r->out->user, item, value, unit);
}

static void begin(run *r, const char *item) {
    r->item = item;
    r->count = 0;
    r->out->begins(r->out->user, item);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest value that is not below so great a share of them. */
static double share_of(run *r, double share) {
    size_t at = (size_t)(share * (double)r->count);
    qsort(r->times, r->count, sizeof *r->times, ascending);
    return r->times[at < r->count ? at : r->count - 1];
}

static void note(run *r, mix_time took) {
    if (r->count < TIMES_MOST)
        r->times[r->count++] = (double)took / 1000;
}

/* Seconds that this process has computed. */
static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- waiting ---- */

static void finish(run *r) {
    r->done = true;
    r->at = host_now();
}

static void fail(run *r, int code, const char *words) {
    if (r->failure.code == MIX_OK) {
        r->failure.code = code;
        snprintf(r->failure.words, sizeof r->failure.words, "%s", words);
    }
    finish(r);
}

static void on_timer(uv_timer_t *timer) {
    fail(timer->data, MIX_ERR_HTTP_IDLE, "no answer came");
}

static mix_time start(run *r) {
    r->done = false;
    r->failure = (mix_failure){0};
    return host_now();
}

/* Until finish(), or so long. The exit status; what failed is told. */
static int wait_for(run *r, mix_time most) {
    uv_update_time(&r->loop);
    uv_timer_start(&r->timer, on_timer, (uint64_t)(most / 1000), 0);
    int status = client_run(r->client, &r->done);
    uv_timer_stop(&r->timer);
    if (status == 0 && r->failure.code != MIX_OK)
        status = client_complain("bench", r->item, &r->failure);
    return status;
}

/* ---- requests ---- */

static void read_all(run *r, get *g) {
    static uint8_t piece[65536];
    size_t got = 1;
    while (got > 0 && mix_tunnel_fetch_read(client_tunnel(r->client), g->id, piece, sizeof piece,
                                            &got, host_now()) == MIX_OK)
        g->got += got;
}

static void on_finished(run *r, get *g, const mix_failure *why) {
    mix_response answer;
    char words[64];
    read_all(r, g);
    if (why->code != MIX_OK) {
        r->failure = *why;
    } else if (mix_tunnel_fetch_response(client_tunnel(r->client), g->id, &answer) == MIX_OK &&
               answer.status >= 400) {
        snprintf(words, sizeof words, "the server answered %d", answer.status);
        fail(r, MIX_ERR_HTTP_PROTOCOL, words);
    }
    mix_tunnel_fetch_close(client_tunnel(r->client), g->id, host_now());
    g->id = 0;
    if (--r->under_way == 0 || r->failure.code != MIX_OK)
        finish(r);
}

static void on_fetch(run *r, const mix_tunnel_event *ev) {
    get *g = NULL;
    for (int i = 0; i < AT_ONCE; i++)
        if (r->gets[i].id == ev->id)
            g = &r->gets[i];
    if (g && ev->what == MIX_FETCH_WHAT_READABLE)
        read_all(r, g);
    else if (g && ev->what == MIX_FETCH_WHAT_FINISHED)
        on_finished(r, g, &ev->failure);
}

/* So many at a time, each with a body of so many bytes (0: GET); to the end of the last. */
static int request(run *r, const char *url, size_t count, size_t upload, mix_time *took) {
    mix_request q = {.method = upload > 0 ? "POST" : "GET",
                     .url = url,
                     .has_body = upload > 0,
                     .body = r->body,
                     .body_len = upload,
                     .timeout = REQUEST_MOST};
    mix_time from = start(r);
    for (r->under_way = 0; r->under_way < count; r->under_way++) {
        get *g = &r->gets[r->under_way];
        g->got = 0;
        int status = mix_tunnel_fetch(client_tunnel(r->client), &g->id, &q, host_now());
        if (status != MIX_OK)
            return client_complain("bench", url, &(mix_failure){.code = status});
    }
    int status = wait_for(r, REQUEST_MOST + ANSWER_MOST);
    *took = r->at - from;
    return status;
}

/* ---- the items ---- */

static int measure_pings(run *r) {
    size_t count = r->plan->quick ? 3 : 10;
    begin(r, "ping");
    for (size_t i = 0; i < count; i++) {
        mix_time from = start(r);
        (void)mix_tunnel_ping(client_tunnel(r->client), from);
        int status = wait_for(r, ANSWER_MOST);
        if (status != 0)
            return status;
        note(r, r->round_trip);
    }
    put(r, "ping_min", share_of(r, 0), "ms");
    put(r, "ping_median", share_of(r, 0.5), "ms");
    return 0;
}

static int measure_requests(run *r, const char *small, const char *middle) {
    size_t count = r->plan->quick ? 3 : 9;
    mix_time took;
    begin(r, "first_request");
    int status = request(r, small, 1, 0, &took);
    if (status != 0)
        return status;
    put(r, "first_request", (double)took / 1000, "ms");
    begin(r, "warm_request");
    for (size_t i = 0; i < count && status == 0; i++) {
        status = request(r, small, 1, 0, &took);
        note(r, took);
    }
    if (status != 0)
        return status;
    put(r, "warm_request", share_of(r, 0.5), "ms");
    begin(r, "parallel_6");
    status = request(r, middle, AT_ONCE, 0, &took);
    if (status == 0)
        put(r, "parallel_6", (double)took / 1000, "ms");
    return status;
}

/* The name in a URL; false: there is a number. */
static bool host_of(const char *url, char *out, size_t cap) {
    mix_address number;
    const char *from = strstr(url, "://");
    from = from ? from + 3 : url;
    size_t len = strcspn(from, "/?#");
    for (size_t i = 0; i < len; i++)
        if (from[i] == '@')
            return host_of(from + i + 1, out, cap);
    len = strcspn(from, ":/?#");
    if (len == 0 || len >= cap || from[0] == '[')
        return false;
    memcpy(out, from, len);
    out[len] = 0;
    return mix_ip_parse(&number, mix_bytes_str(out)) != MIX_OK;
}

static int measure_lookups(run *r, const char *url) {
    char host[256];
    size_t count = r->plan->quick ? 1 : 5;
    if (!host_of(url, host, sizeof host))
        return 0;
    begin(r, "dns_lookup");
    for (size_t i = 0; i < count; i++) {
        mix_tunnel_forget_names(client_tunnel(r->client));
        mix_time from = start(r);
        int status = mix_tunnel_lookup(client_tunnel(r->client), &r->lookup, host,
                                       MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, from);
        if (status != MIX_OK)
            return client_complain("bench", host, &(mix_failure){.code = status});
        status = wait_for(r, ANSWER_MOST);
        if (status != 0)
            return status;
        note(r, r->at - from);
    }
    put(r, "dns_lookup", share_of(r, 0.5), "ms");
    return 0;
}

/* Rate, and where cpu is set what a megabyte costs this process. expected 0: any size. */
static int measure_transfer(run *r, const char *item, const char *url, size_t expected,
                            size_t upload, const char *cpu) {
    mix_time took;
    begin(r, item);
    double before = cpu_seconds();
    int status = request(r, url, 1, upload, &took);
    double spent = cpu_seconds() - before, bytes = (double)(upload ? upload : r->gets[0].got);
    if (status != 0)
        return status;
    if (expected > 0 && r->gets[0].got != expected)
        return client_complain(
            "bench", item,
            &(mix_failure){.code = MIX_ERR_HTTP_PROTOCOL, .words = "the answer has another size"});
    put(r, item, bytes / (double)took * 1000, "kB/s");
    if (cpu)
        put(r, cpu, spent / (bytes / 1e6), "s/MB");
    return 0;
}

static int measure_uploads(run *r, const char *url) {
    bool quick = r->plan->quick;
    int status = measure_transfer(r, "upload_100kb", url, 0, MIDDLE, quick ? "cpu_upload" : NULL);
    if (status == 0 && !quick)
        status = measure_transfer(r, "upload_1mb", url, 0, LARGE, "cpu_upload");
    return status;
}

static int send_echo(run *r) {
    int status = mix_tunnel_websocket_write(client_tunnel(r->client), r->socket, false, r->body,
                                            ECHO_BYTES, host_now());
    return status == MIX_OK ? 0 : client_complain("bench", r->item, &(mix_failure){.code = status});
}

static int measure_echoes(run *r, const char *url) {
    size_t count = r->plan->quick ? 10 : 40;
    mix_websocket_options o = {.url = url};
    begin(r, "websocket_open");
    mix_time from = start(r);
    int status = mix_tunnel_websocket(client_tunnel(r->client), &r->socket, &o, from);
    if (status != MIX_OK)
        return client_complain("bench", url, &(mix_failure){.code = status});
    status = wait_for(r, MIX_SECONDS(90));
    if (status == 0)
        put(r, "websocket_open", (double)(r->at - from) / 1000, "ms");
    begin(r, "websocket_echo");
    for (size_t i = 0; i < count && status == 0; i++) {
        from = start(r);
        status = send_echo(r);
        if (status == 0)
            status = wait_for(r, ANSWER_MOST);
        note(r, r->at - from);
    }
    mix_tunnel_websocket_drop(client_tunnel(r->client), r->socket, host_now());
    r->socket = 0;
    if (status != 0)
        return status;
    put(r, "websocket_echo_p50", share_of(r, 0.5), "ms");
    put(r, "websocket_echo_p95", share_of(r, 0.95), "ms");
    return 0;
}

/* ---- which of them ---- */

static int measure_own(run *r) {
    const char *site = "https://" BENCH_HOST;
    char small[128], middle[128], large[128], few[128];
    bool quick = r->plan->quick;
    snprintf(small, sizeof small, "%s/bytes/%d", site, ECHO_BYTES);
    snprintf(few, sizeof few, "%s/bytes/%d", site, SMALL);
    snprintf(middle, sizeof middle, "%s/bytes/%d", site, MIDDLE);
    snprintf(large, sizeof large, "%s/bytes/%d", site, LARGE);
    int status = measure_requests(r, small, few);
    if (status == 0)
        status = measure_lookups(r, site);
    if (status == 0)
        status =
            measure_transfer(r, "download_100kb", middle, MIDDLE, 0, quick ? "cpu_download" : NULL);
    if (status == 0 && !quick)
        status = measure_transfer(r, "download_1mb", large, LARGE, 0, "cpu_download");
    if (status == 0)
        status = measure_uploads(r, "https://" BENCH_HOST "/sink");
    return status == 0 ? measure_echoes(r, "wss://" BENCH_HOST "/echo") : status;
}

static int measure_url(run *r, const char *url) {
    int status = measure_requests(r, url, url);
    if (status == 0)
        status = measure_lookups(r, url);
    if (status == 0 && r->gets[0].got >= SMALL) /* less says nothing of a rate */
        status = measure_transfer(r, "download", url, 0, 0, "cpu_download");
    if (status == 0 && r->plan->upload)
        status = measure_uploads(r, r->plan->upload);
    if (status == 0 && r->plan->websocket)
        status = measure_echoes(r, r->plan->websocket);
    return status;
}

static void on_websocket(run *r, const mix_tunnel_event *ev) {
    if (ev->what == MIX_WEBSOCKET_WHAT_OPEN || ev->what == MIX_WEBSOCKET_WHAT_MESSAGE)
        finish(r);
    else if (ev->what == MIX_WEBSOCKET_WHAT_ERROR)
        r->failure = ev->failure;
    else if (ev->what == MIX_WEBSOCKET_WHAT_CLOSED)
        fail(r, MIX_ERR_WEBSOCKET_LOST, "the server closed");
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    run *r = user;
    if (ev->kind == MIX_TUNNEL_EVENT_FETCH) {
        on_fetch(r, ev);
    } else if (ev->kind == MIX_TUNNEL_EVENT_WEBSOCKET && ev->id == r->socket) {
        on_websocket(r, ev);
    } else if (ev->kind == MIX_TUNNEL_EVENT_DNS && ev->id == r->lookup) {
        r->failure = ev->failure;
        finish(r);
    } else if (ev->kind == MIX_TUNNEL_EVENT_PONG) {
        r->round_trip = ev->round_trip;
        finish(r);
    }
}

static int measure(run *r) {
    mix_tunnel_stats stats;
    begin(r, "setup");
    int status = client_up(r->client);
    if (status != 0)
        return status;
    mix_tunnel_get_stats(client_tunnel(r->client), &stats);
    put(r, "setup", (double)stats.setup / 1000, "ms");
    status = measure_pings(r);
    if (status == 0)
        status = r->plan->url ? measure_url(r, r->plan->url) : measure_own(r);
    client_down(r->client);
    return status;
}

int bench_run(const bench_plan *plan, const bench_out *out) {
    run *r = calloc(1, sizeof *r);
    int status = CLIENT_EXIT_OTHER;
    if (r)
        r->body = calloc(1, LARGE);
    if (r && r->body) {
        client_events events = {r, on_event};
        r->plan = plan;
        r->out = out;
        uv_loop_init(&r->loop);
        uv_timer_init(&r->loop, &r->timer);
        r->timer.data = r;
        status = client_new(&r->client, &r->loop, "bench", &plan->client, &events);
        if (status == 0)
            status = measure(r);
        uv_close((uv_handle_t *)&r->timer, NULL);
        client_free(r->client);
        uv_run(&r->loop, UV_RUN_DEFAULT);
        uv_loop_close(&r->loop);
    } else {
        fprintf(stderr, "lwmix bench: out of memory\n");
    }
    if (r)
        free(r->body);
    free(r);
    return status;
}
