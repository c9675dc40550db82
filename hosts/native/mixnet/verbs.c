/* SPDX-License-Identifier: Apache-2.0 */
/* The table, and what each word does. */
#include "mixnet/verbs.h"

#include "env.h"
#include "mixnet/exit/exit.h"
#include "mixnet/metrics.h"
#include "mixnet/runtime.h"

#include "base/log.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

struct verb_call {
    mixnetd *d;
    yyjson_val *in;
    yyjson_mut_doc *doc;
    yyjson_mut_val *out; /* the answer's object */
    mix_time now;
    char error[200];
};

__attribute__((format(printf, 2, 3))) static bool refuse(verb_call *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
    return false;
}

static void tell(verb_call *c, const char *name, uint64_t value) {
    yyjson_mut_obj_add_uint(c->doc, c->out, name, value);
}

/* --- parameters --- */

static const char *text_of(const verb_call *c, const char *name) {
    return yyjson_get_str(yyjson_obj_get(c->in, name)); /* NULL when it is not there */
}

/* Microseconds of a parameter in milliseconds; MIX_NEVER when it is not there. */
static mix_time until(const verb_call *c, const char *name) {
    yyjson_val *v = yyjson_obj_get(c->in, name);
    uint64_t ms = yyjson_get_uint(v), most = INT64_MAX / 4000;
    return v ? c->now + MIX_MS((mix_time)(ms < most ? ms : most)) : MIX_NEVER;
}

static bool any(const runtime *r) {
    (void)r;
    return true;
}

static bool is_gateway(const runtime *r) {
    return r->gateway != NULL;
}

static bool is_exit(const runtime *r) {
    return r->service != NULL;
}

/* The next member that the parameter names, from *at on; all that fit when it is not there. */
static runtime *next_member(verb_call *c, const char *parameter, bool (*fits)(const runtime *),
                            size_t *at) {
    const char *name = text_of(c, parameter);
    while (*at < c->d->count) {
        runtime *r = &c->d->running[(*at)++];
        if (fits(r) && (!name || strcmp(r->member->name, name) == 0))
            return r;
    }
    return NULL;
}

static bool check_member(verb_call *c, const char *parameter, bool (*fits)(const runtime *)) {
    size_t at = 0;
    const char *name = text_of(c, parameter);
    if (next_member(c, parameter, fits, &at))
        return true;
    return name ? refuse(c, "no %s '%s' runs here", parameter, name)
                : refuse(c, "no %s runs here", parameter);
}

/* IP, IP:PORT or [IP]:PORT; port 0: any. */
static bool get_destination(verb_call *c, const char *name, mix_address *out) {
    const char *text = text_of(c, name);
    if (mix_ip_parse(out, mix_bytes_str(text)) == MIX_OK || mix_address_parse(out, text) == MIX_OK)
        return true;
    return refuse(c, "%s: '%.60s' is neither an IP address nor one with a port", name, text);
}

/* --- gateways --- */

static bool cut(verb_call *c) {
    size_t at = 0;
    uint64_t count = 0;
    if (!check_member(c, "gateway", is_gateway))
        return false;
    for (runtime *r; (r = next_member(c, "gateway", is_gateway, &at)) != NULL;) {
        mixnet_gateway_stats s;
        mixnet_gateway_get_stats(r->gateway, &s);
        count += s.connections;
        r->cut_until = until(c, "ms");
        mixnet_gateway_kick(r->gateway, NULL, c->now);
    }
    tell(c, "connections", count);
    return true;
}

static bool restore(verb_call *c) {
    size_t at = 0;
    if (!check_member(c, "gateway", is_gateway))
        return false;
    for (runtime *r; (r = next_member(c, "gateway", is_gateway, &at)) != NULL;)
        r->cut_until = 0;
    return true;
}

/* NULL in *out for "all". */
static bool get_client(verb_call *c, uint8_t storage[static MIX_KEY_LEN], const uint8_t **out) {
    const char *text = text_of(c, "client");
    *out = NULL;
    if (!text || strcmp(text, "all") == 0)
        return true;
    *out = storage;
    if (mix_base58_decode_exact(storage, MIX_KEY_LEN, mix_bytes_str(text)) == MIX_OK)
        return true;
    return refuse(c, "client: '%.60s' is neither an identity (base58, 32 bytes) nor 'all'", text);
}

static bool kick(verb_call *c) {
    uint8_t storage[MIX_KEY_LEN];
    const uint8_t *identity;
    size_t at = 0;
    if (!check_member(c, "gateway", is_gateway) || !get_client(c, storage, &identity))
        return false;
    for (runtime *r; (r = next_member(c, "gateway", is_gateway, &at)) != NULL;)
        mixnet_gateway_kick(r->gateway, identity, c->now);
    return true;
}

static bool forget_client(verb_call *c) {
    uint8_t storage[MIX_KEY_LEN];
    const uint8_t *identity;
    size_t at = 0, before = 0, after = 0;
    mixnet_gateway_stats s;
    if (!check_member(c, "gateway", is_gateway) || !get_client(c, storage, &identity))
        return false;
    for (runtime *r; (r = next_member(c, "gateway", is_gateway, &at)) != NULL;) {
        mixnet_gateway_get_stats(r->gateway, &s);
        before += s.clients;
        mixnetd_forget(c->d, r, identity);
        mixnet_gateway_get_stats(r->gateway, &s);
        after += s.clients;
    }
    tell(c, "clients", before - after);
    return true;
}

/* --- nodes --- */

static bool set_stopped(verb_call *c, bool stopped) {
    size_t at = 0;
    if (!check_member(c, "node", any))
        return false;
    next_member(c, "node", any, &at)->stopped = stopped;
    return true;
}

static bool stop(verb_call *c) {
    return set_stopped(c, true);
}

static bool start(verb_call *c) {
    return set_stopped(c, false);
}

static bool rotate(verb_call *c) {
    mix_error e = {0};
    if (mixnetd_rotate(c->d, &e) != MIX_OK)
        return refuse(c, "%s", e.words);
    tell(c, "epoch", c->d->epoch);
    tell(c, "rotation", mix_rotation_id_at(&c->d->network->clock, c->d->epoch));
    return true;
}

/* --- exits --- */

static bool exhaust_surbs(verb_call *c) {
    size_t at = 0, count = 0;
    if (!check_member(c, "exit", is_exit))
        return false;
    for (runtime *r; (r = next_member(c, "exit", is_exit, &at)) != NULL;)
        count += mixnet_exit_exhaust(service_exit(r->service));
    tell(c, "surbs", count);
    return true;
}

static bool forget_session(verb_call *c) {
    size_t at = 0, count = 0;
    mix_address ip;
    const char *text = text_of(c, "ip");
    bool all = !text || strcmp(text, "all") == 0;
    if (!check_member(c, "exit", is_exit))
        return false;
    if (!all && mix_ip_parse(&ip, mix_bytes_str(text)) != MIX_OK)
        return refuse(c, "ip: '%.60s' is neither an IP address nor 'all'", text);
    for (runtime *r; (r = next_member(c, "exit", is_exit, &at)) != NULL;)
        count += mixnet_exit_forget(service_exit(r->service), all ? NULL : &ip);
    tell(c, "sessions", count);
    return true;
}

static bool refuse_destination(verb_call *c) {
    size_t at = 0;
    mix_address to;
    if (!check_member(c, "exit", is_exit) || !get_destination(c, "destination", &to))
        return false;
    for (runtime *r; (r = next_member(c, "exit", is_exit, &at)) != NULL;) {
        int status = service_refuse(r->service, &to);
        if (status != MIX_OK)
            return refuse(c, "%s: %s", r->member->name, mix_error_text(status));
    }
    return true;
}

static bool allow_destinations(verb_call *c) {
    size_t at = 0;
    if (!check_member(c, "exit", is_exit))
        return false;
    for (runtime *r; (r = next_member(c, "exit", is_exit, &at)) != NULL;) {
        int status = service_allow(r->service);
        if (status != MIX_OK)
            return refuse(c, "%s: %s", r->member->name, mix_error_text(status));
    }
    return true;
}

/* --- links --- */

static bool get_node(verb_call *c, const char *name, size_t *out) {
    const char *text = text_of(c, name);
    *out = FAULTS_ANY;
    for (size_t i = 0; text && i < c->d->network->count; i++) {
        if (strcmp(c->d->network->members[i].name, text) == 0)
            *out = i;
    }
    return !text || *out != FAULTS_ANY || refuse(c, "%s: there is no node '%.40s'", name, text);
}

static bool fault(verb_call *c) {
    size_t from, to;
    faults_rule rule = {0};
    mix_error e = {0};
    if (!get_node(c, "from", &from) || !get_node(c, "to", &to))
        return false;
    for (size_t i = 0; faults_names[i]; i++) {
        yyjson_val *v = yyjson_obj_get(c->in, faults_names[i]);
        char number[32];
        if (!v)
            continue;
        snprintf(number, sizeof number, "%g", yyjson_get_num(v));
        if (faults_set(&rule, faults_names[i], yyjson_is_str(v) ? yyjson_get_str(v) : number, &e) !=
            MIX_OK)
            return refuse(c, "%s", e.words);
    }
    if (!rule.set)
        return refuse(c, "fault needs one of delay, loss, reorder, duplicate, corrupt");
    int status = faults_apply(c->d->faults, from, to, &rule);
    return status == MIX_OK || refuse(c, "%s", mix_error_text(status));
}

static bool clear_faults(verb_call *c) {
    faults_clear(c->d->faults);
    return true;
}

static bool stats(verb_call *c) {
    size_t at = 0;
    const char *node = text_of(c, "node");
    if (node && !check_member(c, "node", any))
        return false;
    const runtime *r = node ? next_member(c, "node", any, &at) : NULL;
    return metrics_json(c->d, r, c->doc, c->out) || refuse(c, "out of memory");
}

/* --- the table --- */

#define TEXT(name) {name, VERB_TEXT, false}
#define TEXT_IF(name) {name, VERB_TEXT, true}
#define EITHER_IF(name) {name, VERB_EITHER, true}
const verb verbs[] = {
    {"cut",
     {TEXT_IF("gateway"), {"ms", VERB_NUMBER, true}},
     "end all client connections and refuse new ones, until restored or for so long",
     cut},
    {"restore", {TEXT_IF("gateway")}, "take clients again", restore},
    {"kick",
     {TEXT_IF("gateway"), TEXT_IF("client")},
     "end the connection of a client, or all; they may come back at once",
     kick},
    {"forget-client",
     {TEXT("gateway"), TEXT("client")},
     "forget a client (its identity in base58) or 'all' of them",
     forget_client},
    {"stop", {TEXT("node")}, "a mix, gateway or exit drops every frame, as if it had gone", stop},
    {"start", {TEXT("node")}, "it works again", start},
    {"rotate", {{0}}, "end the running key rotation now", rotate},
    {"exhaust-surbs",
     {TEXT_IF("exit")},
     "throw away the reply blocks of all clients, and what waits for them",
     exhaust_surbs},
    {"forget-session",
     {TEXT("exit"), TEXT("ip")},
     "forget the client that has this address, or 'all', without a word",
     forget_session},
    {"refuse",
     {TEXT("exit"), TEXT("destination")},
     "refuse IP or IP:PORT from now on",
     refuse_destination},
    {"allow", {TEXT_IF("exit")}, "allow again what was refused by hand", allow_destinations},
    {"fault",
     {TEXT_IF("from"), TEXT_IF("to"), EITHER_IF("delay"), EITHER_IF("loss"), EITHER_IF("reorder"),
      EITHER_IF("duplicate"), EITHER_IF("corrupt")},
     "what goes wrong from one node to another (of all, when not named): delay=MS[,JITTER], the "
     "others a share from 0 to 1",
     fault},
    {"clear-faults", {{0}}, "nothing goes wrong any more, whatever the options said", clear_faults},
    {"stats", {TEXT_IF("node")}, "all figures, or those of one node", stats},
    {0},
};

const verb *verbs_find(const char *name) {
    for (const verb *v = verbs; v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v;
    }
    return NULL;
}

/* --- requests --- */

static bool has_kind(yyjson_val *value, verb_kind kind) {
    return (kind != VERB_NUMBER && yyjson_is_str(value)) ||
           (kind == VERB_NUMBER && yyjson_is_uint(value)) ||
           (kind == VERB_EITHER && yyjson_is_num(value));
}

static bool check_field(verb_call *c, const verb *v, const char *name, yyjson_val *value) {
    static const char *const kinds[] = {
        [VERB_TEXT] = "text", [VERB_NUMBER] = "number from 0", [VERB_EITHER] = "text or number"};
    if (strcmp(name, "do") == 0)
        return true;
    for (size_t i = 0; i < VERB_PARAMETERS && v->parameters[i].name; i++) {
        if (strcmp(v->parameters[i].name, name) != 0)
            continue;
        if (has_kind(value, v->parameters[i].kind))
            return true;
        return refuse(c, "%s: '%s' is a %s", v->name, name, kinds[v->parameters[i].kind]);
    }
    return refuse(c, "%s takes no '%.40s'", v->name, name);
}

static bool check_fields(verb_call *c, const verb *v) {
    yyjson_obj_iter each;
    yyjson_obj_iter_init(c->in, &each);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each)) != NULL;) {
        if (!check_field(c, v, yyjson_get_str(key), yyjson_obj_iter_get_val(key)))
            return false;
    }
    for (size_t i = 0; i < VERB_PARAMETERS && v->parameters[i].name; i++) {
        if (!v->parameters[i].optional && !yyjson_obj_get(c->in, v->parameters[i].name))
            return refuse(c, "%s needs '%s'", v->name, v->parameters[i].name);
    }
    return true;
}

static bool run(verb_call *c) {
    if (!yyjson_is_obj(c->in))
        return refuse(c, "a request is an object of JSON on one line");
    const char *word = text_of(c, "do");
    if (!word)
        return refuse(c, "a request says what to do: {\"do\":\"…\"}");
    const verb *v = verbs_find(word);
    if (!v)
        return refuse(c, "'%.40s' cannot be done", word);
    return check_fields(c, v) && v->run(c);
}

void verbs_answer(void *user, mix_bytes request, mix_buf *answer) {
    mixnetd *d = user;
    yyjson_doc *in = yyjson_read((const char *)request.data, request.len, 0);
    verb_call c = {
        .d = d, .in = yyjson_doc_get_root(in), .doc = yyjson_mut_doc_new(NULL), .now = host_now()};
    c.out = yyjson_mut_obj(c.doc);
    yyjson_mut_doc_set_root(c.doc, c.out);
    yyjson_mut_val *ok = yyjson_mut_true(c.doc);
    yyjson_mut_obj_add_val(c.doc, c.out, "ok", ok);
    bool done = run(&c);
    if (!done) {
        yyjson_mut_set_bool(ok, false);
        yyjson_mut_obj_add_str(c.doc, c.out, "error", c.error);
    }
    mix_log(d->env, MIX_LOG_INFO, "mixnet", "by hand: %.*s%s%s",
            (int)(request.len < 120 ? request.len : 120), (const char *)request.data,
            done ? "" : ": ", c.error);
    char *text = yyjson_mut_write(c.doc, 0, NULL);
    mix_buf_put_str(answer, text ? text : "{\"ok\":false,\"error\":\"out of memory\"}");
    free(text);
    yyjson_mut_doc_free(c.doc);
    yyjson_doc_free(in);
}
