/* SPDX-License-Identifier: Apache-2.0 */
/* The exit's engine and its internet, tied together. */
#include "mixnet/service.h"

#include "base/alloc.h"
#include "base/log.h"
#include "mixnet/exit/exit.h"
#include "mixnet/internet.h"

#include "env.h"

#include <stdio.h>

enum { REFUSED_MAX = 16384 }; /* bytes of rules by hand */

struct service {
    mixnet_exit *exit;
    internet *internet;
    const mix_env *env;
    mixnet_service_keys keys;
    mix_bytes policy_text; /* the given one */
    mix_policy policy;
    mix_buf refused; /* lines by hand, in front of it */
    bool closed;
};

static void from_internet(void *user, mix_bytes packet) {
    service *s = user;
    mixnet_exit_from_internet(s->exit, packet, host_now());
}

/* The rules in force: those by hand first. */
static int make_policy(service *s, mix_policy *out, size_t *bad_line) {
    mix_buf text = {0};
    mix_buf_put_bytes(&text, mix_buf_bytes(&s->refused));
    if (s->policy_text.len > 0)
        mix_buf_put_bytes(&text, s->policy_text);
    else
        mix_buf_put_str(&text, "ExitPolicy accept *:*\n");
    int status = mix_buf_status(&text);
    if (status == MIX_OK)
        status = mix_policy_parse(out, mix_buf_bytes(&text), bad_line);
    mix_buf_deinit(&text);
    return status;
}

static int read_policy(service *s, const service_options *options, mix_error *e) {
    size_t line = 0;
    s->policy_text = options->policy;
    int status = make_policy(s, &s->policy, &line);
    return status == MIX_OK
               ? MIX_OK
               : mix_error_note(e, status, "mixnet", (int64_t)line, "exit policy, line %zu: %s",
                                line, mix_error_text(status));
}

static int change_policy(service *s) {
    mix_policy changed = {0};
    int status = make_policy(s, &changed, NULL);
    if (status != MIX_OK)
        return status;
    mix_policy_deinit(&s->policy);
    s->policy = changed;
    mixnet_exit_set_policy(s->exit, &s->policy);
    return MIX_OK;
}

int service_refuse(service *s, const mix_address *to) {
    char ip[MIX_ADDRESS_TEXT], line[MIX_ADDRESS_TEXT + 32], port[8] = "*";
    size_t before = s->refused.len;
    mix_ip_format(ip, to);
    if (to->port)
        snprintf(port, sizeof port, "%u", to->port);
    snprintf(line, sizeof line, "ExitPolicy reject %s:%s\n", ip, port);
    if (before + strlen(line) > REFUSED_MAX)
        return MIX_ERR_LIMIT;
    mix_buf_put_str(&s->refused, line);
    int status = mix_buf_status(&s->refused);
    if (status == MIX_OK)
        status = change_policy(s);
    if (status != MIX_OK)
        mix_buf_truncate(&s->refused, before);
    return status;
}

int service_allow(service *s) {
    mix_buf_truncate(&s->refused, 0);
    return change_policy(s);
}

internet *service_internet(service *s) {
    return s->internet;
}

mixnet_exit *service_exit(service *s) {
    return s->exit;
}

static int make_exit(service *s, const mixnet_member *member, const service_options *options,
                     mix_crypto *crypto, mix_sphinx *sphinx) {
    mixnet_exit_config config;
    int status = mixnet_member_router(crypto, member, &s->keys);
    if (status != MIX_OK)
        return status;
    mixnet_exit_config_init(&config);
    config.crypto = crypto;
    config.sphinx = sphinx;
    config.keys = &s->keys;
    config.gateway = member->identity;
    config.cover_off = options->no_cover;
    config.router.release = options->release;
    config.router.policy = &s->policy;
    config.router.allow_local = options->allow_local;
    config.router.mtu = options->mtu;
    return mixnet_exit_new(&s->exit, &config, s->env);
}

int service_new(service **out, uv_loop_t *loop, const mixnet_member *member,
                const service_options *options, mix_crypto *crypto, mix_sphinx *sphinx,
                const mix_env *env, mix_error *e) {
    service *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    s->env = env;
    internet_options net = {.resolve = options->resolve,
                            .resolves = options->resolve_count,
                            .forward = options->forward,
                            .forwards = options->forward_count,
                            .upstream_dns = options->upstream_dns,
                            .tun = options->tun,
                            .mtu = options->mtu};
    int status = read_policy(s, options, e);
    if (status == MIX_OK)
        status = make_exit(s, member, options, crypto, sphinx);
    if (status == MIX_OK)
        status = internet_new(&s->internet, loop, &net, env, from_internet, s, e);
    if (status != MIX_OK) {
        service_free(s);
        return status;
    }
    *out = s;
    return MIX_OK;
}

void service_close(service *s) {
    if (!s || s->closed)
        return;
    s->closed = true;
    internet_close(s->internet, NULL, NULL);
}

void service_free(service *s) {
    if (!s)
        return;
    internet_free(s->internet);
    mixnet_exit_free(s->exit);
    mix_policy_deinit(&s->policy);
    mix_buf_deinit(&s->refused);
    mix_wipe(&s->keys, sizeof s->keys);
    mix_free(s);
}

const uint8_t *service_identity(const service *s) {
    return s->keys.identity_public;
}

void service_network(service *s, const mix_topology *topology, const mix_rotation_info *clock,
                     mix_time now) {
    int status = mixnet_exit_set_topology(s->exit, topology, now);
    mixnet_exit_set_rotations(s->exit, clock, now);
    if (status != MIX_OK)
        mix_log(s->env, MIX_LOG_ERROR, "mixnet", "an exit cannot use the topology: %s",
                mix_error_text(status));
}

int service_feed(service *s, mix_bytes delivered, mix_time now) {
    int status = mixnet_exit_feed(s->exit, delivered, now);
    if (status < 0)
        mix_log(s->env, MIX_LOG_DEBUG, "mixnet", "an exit dropped a message: %s",
                mix_error_text(status));
    return status;
}

bool service_next(service *s, mix_packet *out, mix_time now) {
    mix_bytes packet;
    while (mixnet_exit_next(s->exit, &packet) == MIX_OK)
        internet_send(s->internet, packet);
    return mixnet_exit_drain(s->exit, out, now) == MIX_OK;
}

mix_time service_deadline(const service *s) {
    return mixnet_exit_deadline(s->exit);
}

void service_tick(service *s, mix_time now) {
    if (mixnet_exit_deadline(s->exit) <= now)
        (void)mixnet_exit_tick(s->exit, now);
}
