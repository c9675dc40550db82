/* SPDX-License-Identifier: Apache-2.0 */
/* The exit's engine and its internet, tied together. */
#include "mixnet/service.h"

#include "base/alloc.h"
#include "base/log.h"
#include "mixnet/exit/exit.h"
#include "mixnet/internet.h"

#include "env.h"

struct service {
    mixnet_exit *exit;
    internet *internet;
    const mix_env *env;
    mixnet_service_keys keys;
    mix_policy policy;
    bool closed;
};

static void from_internet(void *user, mix_bytes packet) {
    service *s = user;
    mixnet_exit_from_internet(s->exit, packet, host_now());
}

static int read_policy(service *s, const service_options *options, mix_error *e) {
    size_t line = 0;
    if (options->policy.len == 0)
        return MIX_OK;
    int status = mix_policy_parse(&s->policy, options->policy, &line);
    return status == MIX_OK ? MIX_OK : mix_error_note(e, status, "mixnet", (int64_t)line, "exit policy, line %zu: %s", line, mix_error_text(status));
}

static int make_exit(service *s, const mixnet_member *member, const service_options *options, mix_crypto *crypto, mix_sphinx *sphinx) {
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
    config.router.policy = options->policy.len > 0 ? &s->policy : NULL;
    config.router.allow_local = options->allow_local;
    config.router.mtu = options->mtu;
    return mixnet_exit_new(&s->exit, &config, s->env);
}

int service_new(service **out, uv_loop_t *loop, const mixnet_member *member, const service_options *options, mix_crypto *crypto,
                mix_sphinx *sphinx, const mix_env *env, mix_error *e) {
    service *s = mix_alloc_zero(1, sizeof *s);
    if (!s)
        return MIX_ERR_MEMORY;
    s->env = env;
    internet_options net = {.resolve = options->resolve, .resolves = options->resolve_count, .forward = options->forward,
                            .forwards = options->forward_count, .upstream_dns = options->upstream_dns, .tun = options->tun,
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
    mix_wipe(&s->keys, sizeof s->keys);
    mix_free(s);
}

const uint8_t *service_identity(const service *s) {
    return s->keys.identity_public;
}

void service_network(service *s, const mix_topology *topology, const mix_rotation_info *clock, mix_time now) {
    int status = mixnet_exit_set_topology(s->exit, topology, now);
    mixnet_exit_set_rotations(s->exit, clock, now);
    if (status != MIX_OK)
        mix_log(s->env, MIX_LOG_ERROR, "mixnet", "an exit cannot use the topology: %s", mix_error_text(status));
}

int service_feed(service *s, mix_bytes delivered, mix_time now) {
    int status = mixnet_exit_feed(s->exit, delivered, now);
    if (status < 0)
        mix_log(s->env, MIX_LOG_DEBUG, "mixnet", "an exit dropped a message: %s", mix_error_text(status));
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
