/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix ping: brings a tunnel up and measures round trips to the exit and back. */
#include "client.h"
#include "commands.h"
#include "env.h"
#include "report.h"

#include <math.h>
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
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put_ms(yyjson_mut_doc *doc, const char *name, double ms) {
    (void)yyjson_mut_obj_add_real(doc, yyjson_mut_doc_get_root(doc), name, round(ms * 1000) / 1000);
}

static void put_packets(yyjson_mut_doc *doc, const mix_tunnel_stats *s) {
    yyjson_mut_val *packets = yyjson_mut_obj(doc);
    (void)yyjson_mut_obj_add_uint(doc, packets, "data", s->data);
    (void)yyjson_mut_obj_add_uint(doc, packets, "retransmitted", s->retransmitted);
    (void)yyjson_mut_obj_add_uint(doc, packets, "cover", s->cover);
    (void)yyjson_mut_obj_add_uint(doc, packets, "acknowledged", s->acknowledged);
    (void)yyjson_mut_obj_add_uint(doc, packets, "replies", s->replies);
    (void)yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), "packets", packets);
}

/* Figures of the whole run; the times are sorted now. The exit status. */
static int tell(ping *p) {
    mix_tunnel_stats s;
    mix_tunnel_get_stats(client_tunnel(p->client), &s);
    size_t n = p->received;
    qsort(p->times, n, sizeof *p->times, ascending);
    double least = n ? p->times[0] : 0, most = n ? p->times[n - 1] : 0;
    double median = n ? (p->times[n / 2] + p->times[(n - 1) / 2]) / 2 : 0;
    double setup = (double)s.setup / 1000;
    if (!p->json) {
        printf("\n%ld sent, %zu answered, %ld lost; round trip min/median/max %.1f/%.1f/%.1f ms; "
               "ready after %.0f ms\n",
               p->sent, n, p->lost, least, median, most, setup);
        return fflush(stdout) == 0 ? 0 : CLIENT_EXIT_OTHER;
    }
    yyjson_mut_doc *doc = report_new();
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    (void)yyjson_mut_obj_add_sint(doc, root, "sent", p->sent);
    (void)yyjson_mut_obj_add_uint(doc, root, "received", n);
    (void)yyjson_mut_obj_add_sint(doc, root, "lost", p->lost);
    put_ms(doc, "min_ms", least);
    put_ms(doc, "median_ms", median);
    put_ms(doc, "max_ms", most);
    put_ms(doc, "setup_ms", setup);
    put_packets(doc, &s);
    (void)yyjson_mut_obj_add_uint(doc, root, "surbs", s.surbs);
    report_put(doc, root, "gateway", s.gateway);
    report_put(doc, root, "exit", s.exit);
    return report_print(doc, "ping") ? 0 : CLIENT_EXIT_OTHER;
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
    exit_status = client_run(p->client, &p->done);
    uv_close((uv_handle_t *)&p->timer, NULL);
    int told = tell(p);
    client_down(p->client);
    if (exit_status == 0)
        exit_status = told;
    return exit_status == 0 && p->received == 0 ? CLIENT_EXIT_TIMEOUT : exit_status;
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
