/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot of all figures, then rows over it. */
#include "mixnet/metrics.h"

#include "env.h"

#include "base/alloc.h"
#include "mixnet/internet.h"
#include "mixnet/exit/exit.h"

#include <stdarg.h>
#include <string.h>

typedef struct member_figures {
    const runtime *of;
    mixnet_node_stats node;
    mixnet_gateway_stats gateway;
    mixnet_exit_stats exit;
    internet_stats internet;
    size_t surbs;
    uint64_t frames[RUNTIME_SIZES], stopped_frames, cut_refused;
    size_t stopped, cut;
} member_figures;

typedef struct process_figures {
    links_stats links;
    web_stats web;
    faults_stats faults;
    uint64_t epoch, rotation, memory, cpu;
} process_figures;

typedef enum scope { OF_NODES, OF_GATEWAYS, OF_EXITS, OF_PROCESS } scope;
static const char *const scopes[] = {"node", "gateway", "exit", ""};

typedef struct row {
    scope scope;
    const char *name, *label, *value, *help;
    bool gauge;
    size_t offset, size;
} row;

#define M(n, g, l, v, f, h)                                                                        \
    {OF_NODES, n, l, v, h, g, offsetof(member_figures, f), sizeof(((member_figures *)0)->f)},
#define G(n, g, l, v, f, h)                                                                        \
    {OF_GATEWAYS, n, l, v, h, g, offsetof(member_figures, f), sizeof(((member_figures *)0)->f)},
#define X(n, g, l, v, f, h)                                                                        \
    {OF_EXITS, n, l, v, h, g, offsetof(member_figures, f), sizeof(((member_figures *)0)->f)},
#define P(n, g, l, v, f, h)                                                                        \
    {OF_PROCESS, n, l, v, h, g, offsetof(process_figures, f), sizeof(((process_figures *)0)->f)},
static const row rows[] = {
#include "mixnet/metrics_table.h"
};
enum { ROWS = sizeof rows / sizeof *rows };

/* --- the snapshot --- */

static void look_at_exit(member_figures *f, mixnet_exit *exit) {
    mixnet_exit_client client;
    mixnet_exit_get_stats(exit, &f->exit);
    for (size_t at = 0; mixnet_exit_each(exit, &at, &client);)
        f->surbs += client.surbs;
}

static void look_at(member_figures *f, const runtime *r, mix_time now) {
    f->of = r;
    mixnet_node_get_stats(r->node, &f->node);
    if (r->gateway)
        mixnet_gateway_get_stats(r->gateway, &f->gateway);
    if (r->service) {
        look_at_exit(f, service_exit(r->service));
        f->internet = internet_stats_of(service_internet(r->service));
    }
    memcpy(f->frames, r->frames, sizeof f->frames);
    f->stopped_frames = r->stopped_frames;
    f->cut_refused = r->cut_refused;
    f->stopped = r->stopped;
    f->cut = now < r->cut_until;
}

static void look_at_process(process_figures *f, const mixnetd *d) {
    uv_rusage_t used;
    size_t memory = 0;
    links_get_stats(d->links, &f->links);
    web_get_stats(d->web, &f->web);
    faults_get_stats(d->faults, &f->faults);
    f->epoch = d->epoch;
    f->rotation = mix_rotation_id_at(&d->network->clock, d->epoch);
    if (uv_resident_set_memory(&memory) == 0)
        f->memory = memory;
    if (uv_getrusage(&used) == 0)
        f->cpu = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                 (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static bool fits(const row *r, const runtime *m) {
    return r->scope == OF_NODES || (r->scope == OF_GATEWAYS && m->gateway) ||
           (r->scope == OF_EXITS && m->service);
}

static uint64_t figure(const row *r, const void *figures) {
    uint32_t small;
    uint64_t large;
    if (r->size == sizeof small) {
        memcpy(&small, (const uint8_t *)figures + r->offset, sizeof small);
        return small;
    }
    memcpy(&large, (const uint8_t *)figures + r->offset, sizeof large);
    return large;
}

/* --- text --- */

__attribute__((format(printf, 2, 3))) static void put(mix_buf *out, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    mix_buf_put_str(out, line);
}

static const char *role_of(const runtime *m) {
    static const char *const names[] = {
        [MIXNET_MIX] = "mix", [MIXNET_GATEWAY] = "gateway", [MIXNET_EXIT] = "exit"};
    return names[m->member->kind];
}

static void put_name(mix_buf *out, const row *r) {
    put(out, "lwmix_%s%s%s%s", scopes[r->scope], *scopes[r->scope] ? "_" : "", r->name,
        r->gauge ? "" : "_total");
}

static void put_head(mix_buf *out, const row *r) {
    put(out, "# HELP ");
    put_name(out, r);
    put(out, " %s\n# TYPE ", r->help);
    put_name(out, r);
    put(out, " %s\n", r->gauge ? "gauge" : "counter");
}

static void put_row(mix_buf *out, const row *r, const runtime *m, uint64_t value) {
    put_name(out, r);
    if (m)
        put(out, "{node=\"%s\",role=\"%s\"", m->member->name, role_of(m));
    if (r->label)
        put(out, "%s%s=\"%s\"", m ? "," : "{", r->label, r->value);
    put(out, "%s %llu\n", m || r->label ? "}" : "", (unsigned long long)value);
}

/* What a gateway counts by the sentence that it gave. */
static void put_sentences(mix_buf *out, const member_figures *members, size_t count) {
    put(out, "# HELP lwmix_gateway_refused_total answers that refuse\n# TYPE "
             "lwmix_gateway_refused_total counter\n");
    for (size_t i = 0; i < count; i++) {
        for (size_t s = 0; members[i].of->gateway && s < MIX_REFUSAL_UNKNOWN; s++)
            put(out, "lwmix_gateway_refused_total{node=\"%s\",reason=\"%.200s\"} %llu\n",
                members[i].of->member->name, mix_refusal_text((mix_refusal)s),
                (unsigned long long)members[i].gateway.refused[s]);
    }
    put(out, "# HELP lwmix_gateway_closed_total connections ended by the gateway\n# TYPE "
             "lwmix_gateway_closed_total counter\n");
    for (size_t i = 0; i < count; i++) {
        for (size_t s = 0; members[i].of->gateway && s < MIXNET_CLOSES; s++)
            put(out, "lwmix_gateway_closed_total{node=\"%s\",reason=\"%s\"} %llu\n",
                members[i].of->member->name, mixnet_close_text((mixnet_close)s),
                (unsigned long long)members[i].gateway.closed[s]);
    }
}

static void put_lateness(mix_buf *out, const runtime *m) {
    const lateness *l = &m->late;
    uint64_t sum = 0;
    for (size_t i = 0; i < LATENESS_BUCKETS; i++) {
        char bound[24] = "+Inf";
        sum += l->count[i];
        if (i + 1 < LATENESS_BUCKETS)
            snprintf(bound, sizeof bound, "%g", (double)lateness_bounds[i] / 1e6);
        put(out, "lwmix_node_lateness_seconds_bucket{node=\"%s\",role=\"%s\",le=\"%s\"} %llu\n",
            m->member->name, role_of(m), bound, (unsigned long long)sum);
    }
    put(out, "lwmix_node_lateness_seconds_sum{node=\"%s\",role=\"%s\"} %.6f\n", m->member->name,
        role_of(m), (double)l->sum / 1e6);
    put(out, "lwmix_node_lateness_seconds_count{node=\"%s\",role=\"%s\"} %llu\n", m->member->name,
        role_of(m), (unsigned long long)sum);
}

static void put_all(mix_buf *out, const process_figures *process, const member_figures *members,
                    size_t count) {
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        if (i == 0 || r->scope != r[-1].scope || strcmp(r->name, r[-1].name) != 0)
            put_head(out, r);
        if (r->scope == OF_PROCESS)
            put_row(out, r, NULL, figure(r, process));
        for (size_t m = 0; r->scope != OF_PROCESS && m < count; m++) {
            if (fits(r, members[m].of))
                put_row(out, r, members[m].of, figure(r, &members[m]));
        }
    }
    put_sentences(out, members, count);
    put(out, "# HELP lwmix_node_lateness_seconds how long after its time a packet left the node\n"
             "# TYPE lwmix_node_lateness_seconds histogram\n");
    for (size_t m = 0; m < count; m++)
        put_lateness(out, members[m].of);
}

static member_figures *look(const mixnetd *d, process_figures *process) {
    member_figures *members = mix_alloc_zero(d->count ? d->count : 1, sizeof *members);
    mix_time now = host_now();
    for (size_t i = 0; members && i < d->count; i++)
        look_at(&members[i], &d->running[i], now);
    *process = (process_figures){0};
    look_at_process(process, d);
    return members;
}

void metrics_answer(mixnetd *d, const mixnet_request *request, mixnet_answer *answer) {
    process_figures process;
    *answer = (mixnet_answer){.status = 404};
    if (!mix_bytes_equal(request->path, mix_bytes_str("/metrics")))
        return;
    answer->status = 405;
    if (!mix_bytes_equal(request->method, mix_bytes_str("GET")))
        return;
    member_figures *members = look(d, &process);
    if (members)
        put_all(&answer->body, &process, members, d->count);
    bool ok = members && mix_buf_status(&answer->body) == MIX_OK;
    mix_free(members);
    if (!ok)
        mix_buf_deinit(&answer->body);
    answer->status = ok ? 200 : 500;
    answer->content_type = ok ? "text/plain; version=0.0.4; charset=utf-8" : NULL;
}

/* --- JSON --- */

/* {"packets":{"received":1}} or {"waiting":0} */
static bool add_row(yyjson_mut_doc *doc, yyjson_mut_val *out, const row *r, uint64_t value) {
    if (!r->label)
        return yyjson_mut_obj_add_uint(doc, out, r->name, value);
    yyjson_mut_val *group = yyjson_mut_obj_get(out, r->name);
    if (!group)
        group = yyjson_mut_obj_add_obj(doc, out, r->name);
    return group && yyjson_mut_obj_add_uint(doc, group, r->value, value);
}

/* A member's figures; those of its role as a gateway or exit under that name, since names come
 * again. */
static bool add_member(yyjson_mut_doc *doc, yyjson_mut_val *out, const member_figures *m) {
    yyjson_mut_val *of[] = {out, NULL, NULL, NULL};
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        if (r->scope == OF_PROCESS || !fits(r, m->of))
            continue;
        if (!of[r->scope])
            of[r->scope] = yyjson_mut_obj_add_obj(doc, out, scopes[r->scope]);
        if (!of[r->scope] || !add_row(doc, of[r->scope], r, figure(r, m)))
            return false;
    }
    return true;
}

bool metrics_json(mixnetd *d, const runtime *member, yyjson_mut_doc *doc, yyjson_mut_val *out) {
    process_figures process;
    member_figures *members = look(d, &process);
    bool ok = members != NULL;
    yyjson_mut_val *of_process = member || !ok ? NULL : yyjson_mut_obj_add_obj(doc, out, "process");
    for (size_t i = 0; of_process && i < ROWS; i++) {
        if (rows[i].scope == OF_PROCESS)
            ok = ok && add_row(doc, of_process, &rows[i], figure(&rows[i], &process));
    }
    for (size_t i = 0; ok && i < d->count; i++) {
        if (member && member != &d->running[i])
            continue;
        yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, out, d->running[i].member->name);
        ok = o && add_member(doc, o, &members[i]);
    }
    mix_free(members);
    return ok;
}
