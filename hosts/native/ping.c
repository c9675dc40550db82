/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix ping: brings a tunnel up and measures round trips to the exit and back. */
#include "client.h"
#include "commands.h"
#include "env.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MOST = 10000 };

typedef struct ping {
    client *client;
    uv_loop_t *loop;
    uv_timer_t timer;
    bool json, waiting, done;
    long count, sent, lost, interval_ms, timeout_ms;
    size_t received;
    double times[COUNT_MOST]; /* ms */
    mix_time asked;
    int status;
} ping;

static void next(ping *p);

static void on_timer(uv_timer_t *timer) {
    ping *p = timer->data;
    if (p->waiting) {
        p->waiting = false;
        p->lost++;
        if (!p->json)
            printf("no answer to %ld within %ld ms\n", p->sent, p->timeout_ms);
    }
    next(p);
}

static void arm(ping *p, long ms) {
    uv_update_time(p->loop);
    uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

static void next(ping *p) {
    if (p->sent >= p->count) {
        p->done = true;
        uv_stop(p->loop);
        return;
    }
    p->sent++;
    p->asked = host_now();
    p->waiting = true;
    (void)mix_tunnel_ping(client_tunnel(p->client),
                          p->asked); /* without an exit just now it counts as lost */
    client_wake(p->client);
    arm(p, p->timeout_ms);
}

static void on_pong(ping *p, mix_time round_trip) {
    if (!p->waiting)
        return;
    double ms = (double)round_trip / 1000;
    p->waiting = false;
    p->times[p->received++] = ms;
    if (!p->json)
        printf("answer from the exit: n=%ld time=%.1f ms\n", p->sent, ms);
    fflush(stdout);
    mix_time spent = (host_now() - p->asked) / 1000, rest = p->interval_ms - spent;
    arm(p, rest > 0 && p->sent < p->count ? (long)rest : 0);
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    ping *p = user;
    if (ev->kind == MIX_TUNNEL_EVENT_PONG)
        on_pong(p, ev->round_trip);
    if (ev->kind == MIX_TUNNEL_EVENT_STATE && ev->state == MIX_TUNNEL_FAILED)
        p->status = ev->failure.code;
    if (ev->kind == MIX_TUNNEL_EVENT_STATE && ev->state == MIX_TUNNEL_FAILED)
        uv_stop(p->loop);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Figures of the whole run; the times are sorted now. */
static void report(ping *p) {
    mix_tunnel_stats s;
    mix_tunnel_get_stats(client_tunnel(p->client), &s);
    size_t n = p->received;
    qsort(p->times, n, sizeof *p->times, ascending);
    double least = n ? p->times[0] : 0, most = n ? p->times[n - 1] : 0;
    double median = n ? (p->times[n / 2] + p->times[(n - 1) / 2]) / 2 : 0,
           setup = (double)s.setup / 1000;
    if (p->json)
        printf("{\"sent\":%ld,\"received\":%zu,\"lost\":%ld,\"min_ms\":%.3f,\"median_ms\":%.3f,"
               "\"max_ms\":%.3f,\"setup_ms\":%.3f,"
               "\"packets\":{\"data\":%llu,\"retransmitted\":%llu,\"cover\":%llu,\"acknowledged\":%"
               "llu,\"replies\":%llu},"
               "\"surbs\":%u,\"gateway\":\"%s\",\"exit\":\"%s\"}\n",
               p->sent, n, p->lost, least, median, most, setup, (unsigned long long)s.data,
               (unsigned long long)s.retransmitted, (unsigned long long)s.cover,
               (unsigned long long)s.acknowledged, (unsigned long long)s.replies, s.surbs,
               s.gateway, s.exit);
    else
        printf("\n%ld sent, %zu answered, %ld lost; round trip min/median/max %.1f/%.1f/%.1f ms; "
               "ready after %.0f ms\n",
               p->sent, n, p->lost, least, median, most, setup);
    fflush(stdout);
}

static int run(ping *p) {
    int exit_status = client_up(p->client);
    if (exit_status != 0)
        return exit_status;
    mix_tunnel_stats s;
    mix_tunnel_get_stats(client_tunnel(p->client), &s);
    if (!p->json)
        printf("through gateway %s\nto exit %s\n", s.gateway, s.exit);
    uv_timer_init(p->loop, &p->timer);
    p->timer.data = p;
    next(p);
    uv_run(p->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&p->timer, NULL);
    report(p);
    client_down(p->client);
    if (!p->done)
        return p->status ? client_exit_status(p->status) : CLIENT_EXIT_SIGNAL;
    return p->received > 0 ? CLIENT_EXIT_OK : CLIENT_EXIT_TIMEOUT;
}

int command_ping(int argc, char **argv) {
    client_options o = {0};
    bool wants_help = false, json = false;
    arg_number count = {4, 1, COUNT_MOST}, interval = {1000, 0, 3600000},
               timeout = {10000, 1, 3600000};
    const arg_option options[] = {
        {"--count", ARG_NUMBER, &count, "N", "so many times (4)"},
        {"--interval", ARG_NUMBER, &interval, "MS", "from one to the next, in milliseconds (1000)"},
        {"--timeout", ARG_NUMBER, &timeout, "MS", "then an answer counts as lost (10000)"},
        {"--json", ARG_FLAG, &json, NULL, "one line of JSON with the figures"},
        CLIENT_OPTIONS(&o),
        {0},
    };
    if (!args_read("ping", options, argc, argv, NULL, &wants_help))
        return CLIENT_EXIT_USAGE;
    if (wants_help) {
        printf("usage: lwmix ping [OPTION …]\n\nBrings a tunnel up and measures how long it is to "
               "the exit and back.\n\n");
        args_help(stdout, options);
        printf("\n%s", client_exit_help);
        return 0;
    }
    uv_loop_t loop;
    ping *p = calloc(1, sizeof *p);
    if (!p) {
        fprintf(stderr, "lwmix ping: out of memory\n");
        return CLIENT_EXIT_OTHER;
    }
    uv_loop_init(&loop);
    p->loop = &loop;
    p->json = json;
    p->count = count.value;
    p->interval_ms = interval.value;
    p->timeout_ms = timeout.value;
    client_events events = {p, on_event};
    int exit_status = client_new(&p->client, &loop, "ping", &o, &events);
    if (exit_status == 0)
        exit_status = run(p);
    client_free(p->client);
    uv_loop_close(&loop);
    free(p);
    return exit_status;
}
