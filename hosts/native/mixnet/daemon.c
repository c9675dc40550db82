/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: what comes in is given to a role at once; what comes out of roles is moved once a
 * turn of the loop. */
#include "mixnet/daemon.h"

#include "env.h"
#include "files.h"
#include "mixnet/certificates.h"
#include "mixnet/ctl.h"
#include "mixnet/metrics.h"
#include "mixnet/runtime.h"
#include "mixnet/state.h"
#include "mixnet/verbs.h"

#include "base/alloc.h"
#include "base/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define READY_FILE "ready.json"

enum { SAVE_EVERY_MS = 1000, SAVE_AGAIN_MS = 5000, FILES_WANTED = 16384 };

static int64_t wall_now(const mixnetd *d) {
    return d->env->wall_time(d->env->user);
}

static size_t number_of(const mixnetd *d, const mix_address *a) {
    for (size_t i = 0; i < d->network->count; i++) {
        const mix_address *b = &d->network->members[i].address;
        if (a->port == b->port && a->family == b->family &&
            memcmp(a->octets, b->octets, sizeof a->octets) == 0)
            return i;
    }
    return d->network->count;
}

static bool wanted(const mixnetd *d, const char *role) {
    return !d->options->role || strcmp(d->options->role, role) == 0;
}

/* --- events from below --- */

static void on_frame(void *user, size_t owner, const mix_frame *frame) {
    runtime *r = &((mixnetd *)user)->running[owner];
    r->frames[frame->size == MIX_SIZE_REGULAR ? 0 : frame->size == MIX_SIZE_ACK ? 1 : 2]++;
    if (r->stopped)
        r->stopped_frames++;
    else
        (void)mixnet_node_feed(r->node, frame, host_now()); /* what is dropped is counted there */
}

/* Whoever connects from the address of a member has to speak Noise, as the directory says; others
 * don't (1-sphinx.md §2.3). */
static int noise_in(void *user, size_t owner, const mix_address *from, mixnet_link_noise *out) {
    const mixnetd *d = user;
    for (size_t i = 0; d->network->noise && i < d->network->count; i++) {
        const mix_address *a = &d->network->members[i].address;
        if (a->family == from->family && memcmp(a->octets, from->octets, sizeof a->octets) == 0)
            return mixnet_member_noise(d->crypto, d->running[owner].member, out->secret);
    }
    return MIX_DONE;
}

/* The members of this process share connections: those are opened with the key of its first. */
static int noise_out(void *user, const mix_address *to, mixnet_link_noise *out) {
    const mixnetd *d = user;
    size_t i = d->network->noise ? number_of(d, to) : d->network->count;
    if (i == d->network->count)
        return MIX_DONE;
    int status = mixnet_member_noise_public(d->crypto, &d->network->members[i], out->peer);
    return status == MIX_OK ? mixnet_member_noise(d->crypto, d->running[0].member, out->secret)
                            : status;
}

static void on_request(void *user, long owner, const mixnet_request *request,
                       mixnet_answer *answer) {
    mixnetd *d = user;
    if (owner == WEB_METRICS)
        metrics_answer(d, request, answer);
    else if (mixnet_directory_answer(d->network, d->crypto, wall_now(d), request, answer) != MIX_OK)
        *answer = (mixnet_answer){.status = 500};
}

static bool on_opened(void *user, size_t owner, uint64_t connection) {
    runtime *r = &((mixnetd *)user)->running[owner];
    mix_time now = host_now();
    if (now < r->cut_until) {
        r->cut_refused++;
        return false;
    }
    return mixnet_gateway_opened(r->gateway, connection, now) == MIX_OK;
}

static void on_message(void *user, size_t owner, uint64_t connection, mixnet_ws_kind kind,
                       mix_bytes message) {
    mixnetd *d = user;
    (void)mixnet_gateway_feed(d->running[owner].gateway, connection, kind, message, host_now());
}

static bool on_write(void *user, size_t owner, uint64_t connection, mixnet_gateway_out *out) {
    mixnetd *d = user;
    return mixnet_gateway_drain(d->running[owner].gateway, connection, out, host_now()) == MIX_OK;
}

static void on_closed(void *user, size_t owner, uint64_t connection) {
    mixnetd *d = user;
    if (d->running[owner].gateway)
        mixnet_gateway_closed(d->running[owner].gateway, connection, host_now());
}

/* --- epochs --- */

static int set_keys(mixnetd *d, runtime *r, uint32_t rotation, bool first_epoch) {
    uint8_t secret[MIX_KEY_LEN];
    int status = mixnet_member_sphinx(d->crypto, r->member, rotation, secret);
    if (status == MIX_OK)
        status = mixnet_node_set_key(r->node, true, rotation, secret);
    uint32_t other = first_epoch && rotation > 0
                         ? rotation - 1
                         : rotation + 1; /* the old one for an epoch, then the next one */
    if (status == MIX_OK)
        status = mixnet_member_sphinx(d->crypto, r->member, other, secret);
    if (status == MIX_OK)
        status = mixnet_node_set_key(r->node, false, other, secret);
    mix_wipe(secret, sizeof secret);
    return status;
}

/* Keys and routes of the running epoch. */
static int enter_epoch(mixnetd *d) {
    const mix_rotation_info *clock = &d->network->clock;
    mix_topology *topology;
    uint32_t rotation = mix_rotation_id_at(clock, d->epoch);
    bool first = mix_rotation_id_at(clock, d->epoch - 1) != rotation;
    int status = mixnet_network_topology(d->network, d->crypto, wall_now(d), &topology);
    if (status != MIX_OK)
        return status;
    for (size_t i = 0; i < d->count && status == MIX_OK; i++) {
        status = set_keys(d, &d->running[i], rotation, first);
        if (d->running[i].service)
            service_network(d->running[i].service, topology, clock, host_now());
    }
    mix_topology_free(d->topology);
    d->topology = topology;
    mix_log(d->env, MIX_LOG_INFO, "mixnet", "epoch %u, rotation %u", d->epoch, rotation);
    return status;
}

static mix_time next_epoch(const mixnetd *d, mix_time now) {
    const mix_rotation_info *c = &d->network->clock;
    int64_t wall = wall_now(d),
            next = c->epoch_start + ((int64_t)(d->epoch - c->epoch) + 1) * c->epoch_length;
    return now + (next > wall ? next - wall : 0);
}

static void follow_epochs(mixnetd *d) {
    uint32_t epoch = mix_rotation_epoch_at(&d->network->clock, wall_now(d));
    if (epoch == d->epoch)
        return;
    d->epoch = epoch;
    if (enter_epoch(d) != MIX_OK)
        mix_log(d->env, MIX_LOG_ERROR, "mixnet", "the keys of epoch %u cannot be made", epoch);
}

int mixnetd_rotate(mixnetd *d, mix_error *e) {
    mixnet_network_rotate(d->network, wall_now(d));
    d->epoch = mix_rotation_epoch_at(&d->network->clock, wall_now(d));
    int status = enter_epoch(d);
    if (status != MIX_OK)
        return mix_error_note(e, status, "mixnet", 0, "the keys of epoch %u cannot be made: %s",
                              d->epoch, mix_error_text(status));
    return wanted(d, "directory") ? state_save(d->options->folder, d->network, e) : MIX_OK;
}

/* --- the turn --- */

static void save_clients(mixnetd *d, runtime *r) {
    char name[MIXNET_NAME_MAX + 16];
    mix_buf table = {0};
    snprintf(name, sizeof name, "clients-%s", r->member->name);
    r->save_at = MIX_NEVER;
    int error = mixnet_gateway_save(r->gateway, &table) == MIX_OK
                    ? host_file_write(d->options->folder, name, mix_buf_bytes(&table), 0600)
                    : ENOMEM;
    if (error) {
        mix_log(d->env, MIX_LOG_ERROR, "mixnet", "%s cannot be saved, and stays as it was: %s",
                name, strerror(error));
        r->save_at = host_now() + MIX_MS(SAVE_AGAIN_MS);
    }
    mix_buf_deinit_wiped(&table);
}

void mixnetd_forget(mixnetd *d, runtime *r, const uint8_t *identity) {
    mixnet_gateway_forget(r->gateway, identity);
    save_clients(d, r);
}

static void move_gateway(mixnetd *d, runtime *r, mix_time now) {
    mix_packet packet;
    mixnet_gateway_ready_conn ready;
    mixnet_gateway_tick(r->gateway, now);
    while (mixnet_gateway_next(r->gateway, &packet) == MIX_OK)
        (void)mixnet_node_send(r->node, &packet, now);
    while (mixnet_gateway_ready(r->gateway, &ready) == MIX_OK)
        web_ready(d->web, ready.conn, ready.give_up);
    if (mixnet_gateway_dirty(r->gateway) && r->save_at == MIX_NEVER)
        r->save_at = now + MIX_MS(SAVE_EVERY_MS);
    if (r->save_at <= now)
        save_clients(d, r);
}

static void move_service(runtime *r, mix_time now) {
    mix_packet packet;
    service_tick(r->service, now);
    while (service_next(r->service, &packet, now))
        (void)mixnet_node_send(r->node, &packet, now);
}

const mix_time lateness_bounds[LATENESS_BUCKETS - 1] = {
    500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};

static void note_lateness(lateness *l, mix_time late) {
    size_t i = 0;
    while (i < LATENESS_BUCKETS - 1 && late > lateness_bounds[i])
        i++;
    l->count[i]++;
    l->sum += (uint64_t)late;
}

static void send_frame(mixnetd *d, runtime *r, const mixnet_node_out *out, mix_time now) {
    size_t to = faults_any(d->faults) ? number_of(d, &out->next) : d->network->count;
    note_lateness(&r->late, now - out->due);
    if (to < d->network->count)
        (void)faults_feed(d->faults, (size_t)(r->member - d->network->members), to, out->frame,
                          now);
    else
        (void)links_send(d->links, &out->next, out->frame);
}

static void move_faults(mixnetd *d, mix_time now) {
    faults_out out;
    while (faults_drain(d->faults, &out, now) == MIX_OK)
        (void)links_send(d->links, &d->network->members[out.to].address, out.frame);
}

static void move_node(mixnetd *d, runtime *r, mix_time now) {
    mixnet_node_final final;
    mixnet_node_out out;
    while (mixnet_node_next(r->node, &final) == MIX_OK) {
        if (r->service && memcmp(final.destination, service_identity(r->service), MIX_KEY_LEN) == 0)
            (void)service_feed(r->service, final.message, now);
        else if (r->gateway)
            (void)mixnet_gateway_deliver(r->gateway, final.destination, final.message, now);
    }
    while (mixnet_node_drain(r->node, &out, now) == MIX_OK) {
        if (r->stopped)
            r->stopped_frames++;
        else
            send_frame(d, r, &out, now);
    }
}

static mix_time earlier(mix_time a, mix_time b) {
    return a < b ? a : b;
}

static mix_time deadline(const mixnetd *d, mix_time now) {
    mix_time at = earlier(next_epoch(d, now), faults_deadline(d->faults));
    for (size_t i = 0; i < d->count; i++) {
        const runtime *r = &d->running[i];
        at = earlier(at, earlier(mixnet_node_deadline(r->node), r->save_at));
        if (r->gateway)
            at = earlier(at, mixnet_gateway_deadline(r->gateway));
        if (r->service)
            at = earlier(at, service_deadline(r->service));
    }
    return at;
}

static void on_timer(uv_timer_t *timer) {
    (void)timer; /* it only ends the wait */
}

static void on_turn(uv_prepare_t *handle) {
    mixnetd *d = handle->data;
    if (d->stopping)
        return;
    mix_time now = host_now();
    follow_epochs(d);
    for (size_t i = 0; i < d->count; i++) {
        runtime *r = &d->running[i];
        move_node(d, r, now); /* messages for the others first … */
        if (r->gateway)
            move_gateway(d, r, now);
        if (r->service)
            move_service(r, now);
        move_node(d, r, now); /* … then what they made of them leaves too */
    }
    move_faults(d, now);
    links_flush(d->links);
    mix_time wait = deadline(d, now) - now;
    uv_update_time(&d->loop);
    uv_timer_start(&d->timer, on_timer, wait <= 0 ? 0 : (uint64_t)((wait + 999) / 1000), 0);
}

/* --- start --- */

static int fail(mixnetd *d, int status, const char *what) {
    if (d->error.code == MIX_OK)
        mix_error_note(&d->error, status, "mixnet", 0, "%s: %s", what, mix_error_text(status));
    return status;
}

static int start_gateway(mixnetd *d, runtime *r) {
    mixnet_gateway_config config = {0};
    char name[MIXNET_NAME_MAX + 16];
    mix_buf table = {0};
    int status = mixnet_member_identity(d->crypto, r->member, config.seed);
    if (status == MIX_OK)
        status = mixnet_gateway_new(&r->gateway, &config, d->crypto, d->env);
    mix_wipe(&config, sizeof config);
    snprintf(name, sizeof name, "clients-%s", r->member->name);
    int error = status == MIX_OK ? host_file_read(d->options->folder, name, &table) : 0;
    if (error && error != ENOENT)
        status = mix_error_note(&d->error, MIX_ERR_STATE_FOLDER, "mixnet", error, "%s/%s: %s",
                                d->options->folder, name, strerror(error));
    if (status == MIX_OK && !error)
        status = mixnet_gateway_load(r->gateway, mix_buf_bytes(&table), &d->error);
    mix_buf_deinit_wiped(&table);
    char host[MIX_ADDRESS_TEXT];
    mix_ip_format(host, &r->member->address);
    if (status == MIX_OK)
        status =
            web_listen(d->web, (long)(r - d->running), host, &r->member->ws_port, false, &d->error);
    if (status == MIX_OK)
        status =
            web_listen(d->web, (long)(r - d->running), host, &r->member->wss_port, true, &d->error);
    return status;
}

static int start_member(mixnetd *d, mixnet_member *m) {
    runtime *r = &d->running[d->count];
    *r = (runtime){.member = m, .save_at = MIX_NEVER};
    mixnet_node_config config = {.mix = m->kind == MIXNET_MIX, .final = m->kind != MIXNET_MIX};
    int status = mixnet_node_new(&r->node, &config, d->crypto, d->env);
    if (status != MIX_OK)
        return fail(d, status, m->name);
    d->count++;
    status = links_listen(d->links, (size_t)(r - d->running), &m->address, &d->error);
    if (status == MIX_OK && m->kind != MIXNET_MIX)
        status = start_gateway(d, r);
    if (status == MIX_OK && m->kind == MIXNET_EXIT)
        status = service_new(&r->service, &d->loop, m, &d->options->service, d->crypto, d->sphinx,
                             d->env, &d->error);
    return status == MIX_OK ? MIX_OK : fail(d, status, m->name);
}

static int start_roles(mixnetd *d) {
    int status = MIX_OK;
    for (size_t i = 0; i < d->network->count && status == MIX_OK; i++) {
        if (wanted(d, d->network->members[i].name))
            status = start_member(d, &d->network->members[i]);
    }
    char host[MIX_ADDRESS_TEXT];
    mix_ip_format(host, &d->options->plan.host);
    if (status == MIX_OK && wanted(d, "directory"))
        status = web_listen(d->web, WEB_DIRECTORY, host, &d->directory_port, true, &d->error);
    if (status == MIX_OK && wanted(d, "directory"))
        status =
            web_listen(d->web, WEB_DIRECTORY, host, &d->plain_directory_port, false, &d->error);
    if (status == MIX_OK && d->options->metrics_port >= 0)
        status = web_listen(d->web, WEB_METRICS, "127.0.0.1", &d->metrics_port, false, &d->error);
    return status;
}

static int check_role(mixnetd *d) {
    const char *role = d->options->role;
    if (!role || strcmp(role, "directory") == 0 || mixnet_network_find(d->network, role))
        return MIX_OK;
    return mix_error_note(&d->error, MIX_ERR_ARGUMENT, "mixnet", 0,
                          "--role: the network has no '%.40s'", role);
}

static int start_control(mixnetd *d) {
    char path[CONTROL_PATH_MAX + 2];
    if (!ctl_path(path, sizeof path, d->options->folder, d->options->role))
        return mix_error_note(&d->error, MIX_ERR_LISTEN, "mixnet", 0,
                              "%.80s…: the path is too long for a socket", d->options->folder);
    return control_new(&d->control, &d->loop, path, verbs_answer, d, &d->error);
}

static bool listed(const mix_address *list, size_t count, const mix_address *ip) {
    for (size_t i = 0; i < count; i++) {
        if (list[i].family == ip->family &&
            memcmp(list[i].octets, ip->octets, sizeof ip->octets) == 0)
            return true;
    }
    return false;
}

/* For all addresses that TLS is spoken at. */
static int open_certificates(mixnetd *d) {
    mix_address ips[CERTIFICATES_IPS] = {d->options->plan.host};
    size_t count = 1;
    for (size_t i = 0; i < d->network->count && count < CERTIFICATES_IPS; i++) {
        const mixnet_member *m = &d->network->members[i];
        if (m->kind != MIXNET_MIX && !listed(ips, count, &m->address))
            ips[count++] = m->address;
    }
    return certificates_open(d->options->folder, ips, count, &d->error);
}

static int start(mixnetd *d) {
    const daemon_options *o = d->options;
    web_events events = {d, on_request, on_opened, on_message, on_write, on_closed};
    int status = mix_crypto_new(&d->crypto);
    if (status == MIX_OK)
        status = mix_sphinx_new(&d->sphinx, d->crypto, d->env);
    if (status != MIX_OK)
        return fail(d, status, "crypto");
    status = state_open(o->folder, &o->plan, d->network, d->crypto, d->env, &d->error);
    if (status == MIX_OK)
        status = check_role(d);
    if (status == MIX_OK)
        status = start_control(d);
    if (status == MIX_OK)
        status = open_certificates(d);
    if (status != MIX_OK)
        return status;
    d->network->noise |= o->noise;
    status = links_new(&d->links, &d->loop,
                       &(links_config){on_frame, {noise_in, noise_out}, d, d->crypto, d->env});
    if (status == MIX_OK)
        status = web_new(&d->web, &d->loop, o->folder, &events, d->env);
    if (status == MIX_OK)
        status = faults_new(&d->faults, d->network->count, o->seed);
    if (status == MIX_OK && o->faults.set)
        status = faults_apply(d->faults, FAULTS_ANY, FAULTS_ANY, &o->faults);
    if (status != MIX_OK)
        return fail(d, status, "listeners");
    status = start_roles(d);
    if (status != MIX_OK)
        return status;
    d->epoch = mix_rotation_epoch_at(&d->network->clock, wall_now(d));
    status = enter_epoch(d);
    if (status != MIX_OK)
        return fail(d, status, "keys");
    return state_save(o->folder, d->network,
                      &d->error); /* the ports, for clients and for the next start */
}

/* --- the ready line --- */

static void print_key(FILE *out, const char *name, const uint8_t key[static MIX_KEY_LEN]) {
    char storage[64];
    mix_buf text = mix_buf_fixed(storage, sizeof storage);
    (void)mix_base58_encode(&text, mix_bytes_of(key, MIX_KEY_LEN));
    fprintf(out, "\"%s\":\"%.*s\"", name, (int)text.len, (char *)text.data);
}

static void print_router(FILE *out, mixnetd *d, const mixnet_member *m) {
    char storage[160];
    mix_buf text = mix_buf_fixed(storage, sizeof storage);
    mixnet_service_keys keys;
    if (mixnet_member_router(d->crypto, m, &keys) != MIX_OK)
        return;
    (void)mix_base58_encode(&text, MIX_BYTES(keys.identity_public));
    mix_buf_put_u8(&text, '.');
    (void)mix_base58_encode(&text, MIX_BYTES(keys.encryption_public));
    mix_buf_put_u8(&text, '@');
    (void)mix_base58_encode(&text, MIX_BYTES(m->identity));
    fprintf(out, "\"exit\":\"%.*s\",", (int)text.len, (char *)text.data);
    mix_wipe(&keys, sizeof keys);
}

/* An address as URLs have it; of one that means all of the machine's, loopback. */
static void format_host(char out[static MIX_ADDRESS_TEXT], const mix_address *ip) {
    static const uint8_t all[16];
    char text[MIX_ADDRESS_TEXT];
    bool any = memcmp(ip->octets, all, ip->family == 4 ? 4 : 16) == 0;
    mix_ip_format(text, ip);
    if (ip->family == 4)
        snprintf(out, MIX_ADDRESS_TEXT, "%s", any ? "127.0.0.1" : text);
    else
        snprintf(out, MIX_ADDRESS_TEXT, "[%.*s]", MIX_ADDRESS_TEXT - 3, any ? "::1" : text);
}

static void write_ready(FILE *out, mixnetd *d) {
    const mixnet_member *gateway = NULL, *exit = NULL;
    for (size_t i = d->count; i-- > 0;) {
        const mixnet_member *m = d->running[i].member;
        gateway = m->kind == MIXNET_GATEWAY ? m : gateway;
        exit = m->kind == MIXNET_EXIT ? m : exit;
    }
    char host[MIX_ADDRESS_TEXT];
    format_host(host, &d->options->plan.host);
    fprintf(out, "{\"ready\":true,");
    if (d->directory_port)
        fprintf(out,
                "\"directory\":\"https://%s:%u/api/\",\"directory_http\":\"http://%s:%u/api/\",",
                host, d->directory_port, host, d->plain_directory_port);
    fprintf(out, "\"ca\":\"%s/ca.pem\",", d->options->folder);
    if (gateway) {
        format_host(host, &gateway->address);
        print_key(out, "gateway", gateway->identity);
        fprintf(out, ",\"gateway_ws\":\"ws://%s:%u\",\"gateway_wss\":\"wss://%s:%u\",", host,
                gateway->ws_port, gateway->hostname[0] ? gateway->hostname : host,
                gateway->wss_port);
    }
    if (exit)
        print_router(out, d, exit);
    if (d->metrics_port)
        fprintf(out, "\"metrics\":\"http://127.0.0.1:%u/metrics\",", d->metrics_port);
    fprintf(out, "\"pid\":%ld}\n", (long)getpid());
}

/* On stdout, and for clients with --network in a file of the folder that has the directory's
 * address. */
static void tell_ready(mixnetd *d) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    write_ready(out, d);
    fclose(out);
    int error = d->directory_port
                    ? host_file_write(d->options->folder, READY_FILE, mix_bytes_of(text, len), 0600)
                    : 0;
    if (error)
        mix_log(d->env, MIX_LOG_ERROR, "mixnet", "%s cannot be written: %s", READY_FILE,
                strerror(error));
    d->told_ready = d->directory_port != 0;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    free(text);
}

/* --- end --- */

static void stop(mixnetd *d) {
    if (d->stopping)
        return;
    d->stopping = true;
    if (d->told_ready)
        (void)host_file_remove(d->options->folder, READY_FILE);
    for (size_t i = 0; i < d->count; i++) {
        runtime *r = &d->running[i];
        if (r->gateway && (r->save_at != MIX_NEVER || mixnet_gateway_dirty(r->gateway)))
            save_clients(d, r);
        service_close(r->service);
    }
    control_close(d->control);
    web_close(d->web);
    links_close(d->links);
    uv_close((uv_handle_t *)&d->parent, NULL);
    uv_close((uv_handle_t *)&d->timer, NULL);
    uv_close((uv_handle_t *)&d->turn, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number) {
    mixnetd *d = handle->data;
    mix_log(d->env, MIX_LOG_INFO, "mixnet", "signal %d: ending", number);
    uv_stop(&d->loop); /* libwebsockets wants to be taken down from outside the loop */
}

static void on_parent_space(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    static char space[256];
    (void)handle;
    (void)wanted;
    *out = uv_buf_init(space, sizeof space);
}

static void on_parent(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    mixnetd *d = stream->data;
    (void)buf;
    if (len >= 0)
        return; /* nothing that it could tell us */
    uv_read_stop(stream);
    mix_log(d->env, MIX_LOG_INFO, "mixnet", "stdin was closed: ending");
    uv_stop(&d->loop);
}

static int watch_parent(mixnetd *d) {
    d->parent.data = d;
    int error = uv_pipe_open(&d->parent, 0);
    if (!error)
        error = uv_read_start((uv_stream_t *)&d->parent, on_parent_space, on_parent);
    return error ? mix_error_note(&d->error, MIX_ERR_ARGUMENT, "mixnet", error,
                                  "--until-eof: stdin: %s", uv_strerror(error))
                 : MIX_OK;
}

static void free_all(mixnetd *d) {
    for (size_t i = 0; i < d->count; i++) {
        service_free(d->running[i].service);
        mixnet_gateway_free(d->running[i].gateway);
        d->running[i].gateway = NULL;
        mixnet_node_free(d->running[i].node);
    }
    control_free(d->control);
    web_free(d->web);
    faults_free(d->faults);
    links_free(d->links);
    mix_topology_free(d->topology);
    mix_sphinx_free(d->sphinx);
    mix_crypto_free(d->crypto);
    mixnet_network_wipe(d->network);
    free(d->network);
    free(d);
}

/* As many connections as the system lets us have. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int daemon_run(const daemon_options *options) {
    mixnetd *d = calloc(1, sizeof *d);
    if (!d || !(d->network = calloc(1, sizeof *d->network))) {
        fprintf(stderr, "lwmix mixnet: out of memory\n");
        free(d);
        return 2;
    }
    d->options = options;
    d->env = options->env;
    d->directory_port = options->directory_port;
    d->plain_directory_port = options->plain_directory_port;
    d->metrics_port = (uint16_t)(options->metrics_port > 0 ? options->metrics_port : 0);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    uv_loop_init(&d->loop);
    uv_timer_init(&d->loop, &d->timer);
    uv_prepare_init(&d->loop, &d->turn);
    d->turn.data = d;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, i ? SIGINT : SIGTERM);
    }
    uv_pipe_init(&d->loop, &d->parent, 0);
    int status = options->until_eof ? watch_parent(d) : MIX_OK;
    if (status == MIX_OK)
        status = start(d);
    if (status == MIX_OK) {
        uv_prepare_start(&d->turn, on_turn);
        tell_ready(d);
        uv_run(&d->loop, UV_RUN_DEFAULT);
    } else {
        fprintf(stderr, "lwmix mixnet: %s\n", d->error.words);
    }
    stop(d);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
    free_all(d);
    return status == MIX_OK ? 0 : 2;
}
