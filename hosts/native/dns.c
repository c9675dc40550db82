/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix dns: a name looked up through the tunnel. */
#include "base/address.h"
#include "client.h"
#include "commands.h"
#include "env.h"
#include "mix/dns.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_LONGEST = 256 };

typedef struct question {
    client *client;
    char name[NAME_LONGEST];
    uint16_t type; /* 0: addresses of both kinds */
    bool json, brief, done;
    uint32_t id;
    mix_time asked;
    int exit_status;
} question;

/* Where addresses are mapped to names (RFC 1035 §3.5, RFC 3596 §2.5). */
static void reverse(char out[static NAME_LONGEST], const mix_address *a) {
    const uint8_t *o = a->octets;
    size_t n = 0;
    if (a->family == 4) {
        snprintf(out, NAME_LONGEST, "%u.%u.%u.%u.in-addr.arpa", o[3], o[2], o[1], o[0]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        n += (size_t)snprintf(out + n, NAME_LONGEST - n, "%x.%x.", o[i] & 15u, o[i] >> 4u);
    snprintf(out + n, NAME_LONGEST - n, "ip6.arpa");
}

static const char *type_text(char out[static 16], uint16_t type) {
    const char *name = mix_record_type_name(type);
    snprintf(out, 16, "TYPE%u", type);
    return name ? name : out;
}

static void print_json(question *q, const mix_tunnel_event *ev) {
    const mix_dns_answer *a = ev->dns;
    char type[16];
    yyjson_mut_doc *doc = report_new();
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *records = yyjson_mut_arr(doc);
    report_put(doc, root, "name", q->name);
    report_put(doc, root, "type", q->type ? type_text(type, q->type) : "A+AAAA");
    report_put(doc, root, "canonical", a && a->canonical && a->canonical[0] ? a->canonical : NULL);
    (void)yyjson_mut_obj_add_uint(doc, root, "ttl", a ? a->ttl : 0);
    (void)yyjson_mut_obj_add_bool(doc, root, "cached", a && a->cached);
    for (size_t i = 0; a && i < a->count; i++) {
        yyjson_mut_val *record = yyjson_mut_arr_add_obj(doc, records);
        report_put(doc, record, "type", type_text(type, a->records[i].type));
        (void)yyjson_mut_obj_add_uint(doc, record, "ttl", a->records[i].ttl);
        report_put(doc, record, "text", a->records[i].text);
    }
    (void)yyjson_mut_obj_add_val(doc, root, "records", records);
    (void)yyjson_mut_obj_add_real(doc, root, "ms", (double)(host_now() - q->asked) / 1000);
    report_put_failure(doc, root, &ev->failure);
    if (!report_print(doc, "dns"))
        q->exit_status = CLIENT_EXIT_OTHER;
}

/* A record's text is a stranger's. */
static void print_clean(const char *text) {
    for (; *text; text++)
        putchar(client_clean(*text));
}

static void print_lines(const question *q, const mix_dns_answer *a) {
    const char *name = a->canonical && a->canonical[0] ? a->canonical : q->name;
    char type[16];
    for (size_t i = 0; i < a->count; i++) {
        if (!q->brief) {
            print_clean(name);
            printf("\t%u\t%s\t", a->records[i].ttl, type_text(type, a->records[i].type));
        }
        print_clean(a->records[i].text);
        putchar('\n');
    }
    fflush(stdout);
}

static void answer(question *q, const mix_tunnel_event *ev) {
    q->done = true;
    if (q->json)
        print_json(q, ev);
    if (ev->failure.code != MIX_OK)
        q->exit_status = client_complain("dns", NULL, &ev->failure);
    else if (!q->json)
        print_lines(q, ev->dns);
}

static void on_event(void *user, const mix_tunnel_event *ev) {
    question *q = user;
    if (ev->kind == MIX_TUNNEL_EVENT_DNS && ev->id == q->id && !q->done)
        answer(q, ev);
}

static void ask(question *q) {
    mix_tunnel *t = client_tunnel(q->client);
    q->asked = host_now();
    int status =
        q->type ? mix_tunnel_query(t, &q->id, q->name, q->type, q->asked)
                : mix_tunnel_lookup(t, &q->id, q->name, MIX_LOOKUP_IP4 | MIX_LOOKUP_IP6, q->asked);
    if (status == MIX_OK)
        return;
    mix_tunnel_event ev = {.failure = {.code = status, .layer = "dns"}};
    snprintf(ev.failure.words, sizeof ev.failure.words, "%.150s", q->name);
    answer(q, &ev);
}

static int run(question *q, const client_options *o) {
    uv_loop_t loop;
    client_events events = {q, on_event};
    uv_loop_init(&loop);
    int exit_status = client_new(&q->client, &loop, "dns", o, &events);
    if (exit_status == 0) {
        exit_status = client_up(q->client);
        if (exit_status == 0) {
            ask(q);
            exit_status = client_run(q->client, &q->done);
        } else if (q->json && exit_status != CLIENT_EXIT_SIGNAL) {
            print_json(q, &(mix_tunnel_event){.failure = *client_failure(q->client)});
        }
        client_down(q->client);
    }
    client_free(q->client);
    uv_loop_close(&loop);
    return exit_status ? exit_status : q->exit_status;
}

/* "AAAA", "TYPE65", "65"; 0: none. */
static uint16_t read_type(const char *text) {
    uint16_t type = mix_record_type(text);
    const char *digits = strncmp(text, "TYPE", 4) == 0 ? text + 4 : text;
    if (type || !*digits || strlen(digits) > 5 || strspn(digits, "0123456789") != strlen(digits))
        return type;
    long number = strtol(digits, NULL, 10);
    return number <= UINT16_MAX ? (uint16_t)number : 0;
}

static int read_question(question *q, const arg_list *words) {
    mix_address number;
    const char *name = words->items[0];
    if (words->count == 0 || words->count > 2) {
        fprintf(stderr,
                "lwmix dns: a name and perhaps a type are needed; try 'lwmix dns --help'\n");
        return CLIENT_EXIT_USAGE;
    }
    q->type = words->count == 2 ? read_type(words->items[1]) : 0;
    if (words->count == 2 && !q->type) {
        fprintf(stderr,
                "lwmix dns: '%s' is no type of records that is known by name; numbers are fine\n",
                words->items[1]);
        return CLIENT_EXIT_USAGE;
    }
    if (!name[0] || strlen(name) >= sizeof q->name) {
        fprintf(stderr, "lwmix dns: %s: '%.60s'\n", mix_error_text(MIX_ERR_DNS_NAME), name);
        return CLIENT_EXIT_USAGE;
    }
    snprintf(q->name, sizeof q->name, "%s", name);
    if (q->type && q->type == mix_record_type("PTR") &&
        mix_ip_parse(&number, mix_bytes_str(name)) == MIX_OK)
        reverse(q->name, &number);
    return 0;
}

int command_dns(int argc, char **argv) {
    client_options o = {0};
    question q = {0};
    arg_list words = {0};
    bool wants_help = false;
    const arg_option options[] = {
        {"--short", ARG_FLAG, &q.brief, NULL, "only what the records say"},
        {"--json", ARG_FLAG, &q.json, NULL, "one line of JSON"},
        CLIENT_OPTIONS(&o),
        {0},
    };
    if (!args_read("dns", options, argc, argv, &words, &wants_help))
        return CLIENT_EXIT_USAGE;
    if (wants_help) {
        printf("usage: lwmix dns NAME [TYPE] [OPTION …]\n\n"
               "Looks a name up through the mixnet: its addresses, or records of a type (A, AAAA, "
               "CNAME, MX, TXT, NS, SOA,\n"
               "SRV, PTR, CAA, HTTPS, or a number). PTR takes an IP number too.\n\n");
        args_help(stdout, options);
        printf("\n%s", client_exit_help);
        return 0;
    }
    int exit_status = read_question(&q, &words);
    return exit_status ? exit_status : run(&q, &o);
}
