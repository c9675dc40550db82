/* SPDX-License-Identifier: Apache-2.0 */
#include "mixnet/service.h"

struct service {
    int nothing;
};
int service_new(service **out, uv_loop_t *loop, const mixnet_member *member, const service_options *options, mix_crypto *crypto,
                mix_sphinx *sphinx, const mix_env *env, void (*wake)(void *user), void *user, mix_error *e) {
    (void)loop; (void)member; (void)options; (void)crypto; (void)sphinx; (void)env; (void)wake; (void)user; (void)e;
    *out = 0;
    return 0;
}
void service_close(service *s) { (void)s; }
void service_free(service *s) { (void)s; }
const uint8_t *service_identity(const service *s) { (void)s; return 0; }
void service_topology(service *s, const mix_topology *topology, mix_time now) { (void)s; (void)topology; (void)now; }
int service_feed(service *s, mix_bytes delivered, mix_time now) { (void)s; (void)delivered; (void)now; return 0; }
bool service_next(service *s, mix_packet *out, mix_time now) { (void)s; (void)out; (void)now; return false; }
mix_time service_deadline(const service *s) { (void)s; return MIX_NEVER; }
void service_tick(service *s, mix_time now) { (void)s; (void)now; }
