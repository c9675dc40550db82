/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix bench: what a tunnel does, in figures; paced and unpaced. */
#include "bench.h"

#include "commands.h"
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACED, UNPACED, MODES, ITEMS_MOST = 32 };
static const char *const mode_names[] = {"paced", "unpaced"};

typedef struct item {
    const char *name, *unit;
    bool there[MODES];
    double value[MODES];
} item;

typedef struct table {
    bool json, progress, well;
    int mode;
    item items[ITEMS_MOST];
    size_t count;
} table;

static void clear_progress(const table *t) {
    if (t->progress)
        fprintf(stderr, "\r\033[K");
}

static void on_begin(void *user, const char *name) {
    const table *t = user;
    if (t->progress)
        fprintf(stderr, "\r\033[Klwmix bench: %s, %s …", mode_names[t->mode], name);
}

static void on_figure(void *user, const char *name, double value, const char *unit) {
    table *t = user;
    size_t i = 0;
    while (i < t->count && strcmp(t->items[i].name, name) != 0)
        i++;
    if (i == ITEMS_MOST)
        return;
    t->count = i == t->count ? i + 1 : t->count;
    item *it = &t->items[i];
    it->name = name;
    it->unit = unit;
    it->there[t->mode] = true;
    it->value[t->mode] = value;
    if (!t->json)
        return;
    yyjson_mut_doc *doc = report_new();
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    report_put(doc, root, "bench", name);
    report_put(doc, root, "mode", mode_names[t->mode]);
    (void)yyjson_mut_obj_add_real(doc, root, "value", round(value * 1000) / 1000);
    report_put(doc, root, "unit", unit);
    clear_progress(t);
    t->well &= report_print(doc, "bench");
}

static void print_cell(const item *it, int mode) {
    int digits = it->value[mode] < 10 ? 3 : it->value[mode] < 100 ? 1 : 0;
    if (it->there[mode])
        printf("%10.*f", digits, it->value[mode]);
    else
        printf("%10s", "");
}

static void print_table(const table *t) {
    bool used[MODES] = {false};
    for (size_t i = 0; i < t->count; i++)
        for (int m = 0; m < MODES; m++)
            used[m] |= t->items[i].there[m];
    printf("%-20s", "");
    for (int m = 0; m < MODES; m++)
        if (used[m])
            printf("%10s", mode_names[m]);
    printf("\n");
    for (size_t i = 0; i < t->count; i++) {
        printf("%-20s", t->items[i].name);
        for (int m = 0; m < MODES; m++)
            if (used[m])
                print_cell(&t->items[i], m);
        printf("  %s\n", t->items[i].unit);
    }
}

static int run(bench_plan *plan, table *t) {
    bench_out out = {t, on_begin, on_figure};
    bool unpaced_only = plan->client.no_pacing, no_cover = plan->client.no_cover;
    int status = 0;
    for (t->mode = unpaced_only ? UNPACED : PACED; t->mode < MODES && status == 0; t->mode++) {
        plan->client.no_pacing = t->mode == UNPACED;
        plan->client.no_cover = no_cover || t->mode == UNPACED;
        status = bench_run(plan, &out);
        clear_progress(t);
    }
    if (!t->json && t->count > 0)
        print_table(t);
    return status == 0 && (!t->well || fflush(stdout) != 0) ? CLIENT_EXIT_STORAGE : status;
}

static int run_own(bench_plan *plan, table *t) {
    bench_site site;
    if (t->progress)
        fprintf(stderr, "lwmix bench: starting a mixnet on this machine …");
    int status = bench_site_start(&site);
    clear_progress(t);
    if (status != 0)
        return status;
    plan->client.network = site.folder;
    status = run(plan, t);
    bench_site_stop(&site);
    return status;
}

static void help(const arg_option *options) {
    printf(
        "usage: lwmix bench [URL] [OPTION …]\n\n"
        "Measures a tunnel, with the usual pacing and without. Without URL: to a mixnet and a site "
        "that run on this machine\n"
        "for as long. With it: to that site, which is got some 20 times, through the network that "
        "the options name.\n\n");
    args_help(stdout, options);
    printf(
        "\nsetup: until the tunnel is ready. ping: to the exit and back. first_request: a page by "
        "name, with the lookup and\n"
        "all connections; warm_request: the next one. parallel_6: six at a time, to the end of the "
        "last. websocket_echo: 100\n"
        "bytes there and back. cpu_download, cpu_upload: seconds that the client computes for a "
        "megabyte.\n\n%s",
        client_exit_help);
}

int command_bench(int argc, char **argv) {
    bench_plan plan = {0};
    table t = {.well = true};
    arg_list words = {0};
    bool wants_help = false;
    const arg_option options[] = {
        {"--quick", ARG_FLAG, &plan.quick, NULL, "fewer rounds, and no more than 100 kB"},
        {"--upload", ARG_TEXT, &plan.upload, "URL", "with URL: POST 100 kB and 1 MB there"},
        {"--websocket", ARG_TEXT, &plan.websocket, "URL",
         "with URL: this WebSocket sends back what comes"},
        {"--json", ARG_FLAG, &t.json, NULL, "write a line of JSON for each figure"},
        CLIENT_OPTIONS(&plan.client),
        {0},
    };
    if (!args_read("bench", options, argc, argv, &words, &wants_help))
        return CLIENT_EXIT_USAGE;
    if (wants_help) {
        help(options);
        return 0;
    }
    plan.url = words.count > 0 ? words.items[0] : NULL;
    t.progress = isatty(STDERR_FILENO) && !plan.client.verbose && !plan.client.very_verbose;
    const char *wrong = NULL;
    if (words.count > 1)
        wrong = "one URL at most";
    else if (!plan.url && (plan.client.network || plan.client.directory))
        wrong = "a URL is needed, of a site that the network's exits reach";
    else if (!plan.url && (plan.upload || plan.websocket))
        wrong = "--upload and --websocket go with a URL";
    if (wrong) {
        fprintf(stderr, "lwmix bench: %s; try 'lwmix bench --help'\n", wrong);
        return CLIENT_EXIT_USAGE;
    }
    return plan.url ? run(&plan, &t) : run_own(&plan, &t);
}
