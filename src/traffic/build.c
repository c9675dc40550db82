/* SPDX-License-Identifier: Apache-2.0 */
/* Packets put together: acknowledgement in front, sealed fragment behind, Sphinx around, first hop
 * before it all. */
#include "traffic/build.h"

#include "base/alloc.h"
#include "mix/errors.h"
#include "traffic/route.h"

void mix_builder_deinit(mix_builder *b) {
    mix_buf_deinit_wiped(&b->plain);
    mix_buf_deinit(&b->packet);
}

static void begin(mix_builder *b) {
    mix_buf_truncate(&b->plain, 0);
    mix_buf_truncate(&b->packet, 0);
}

/* The route of an acknowledgement: back to ourselves (§7). */
static int draw_ack_route(mix_builder *b, mix_sphinx_route *route, uint64_t *expected,
                          mix_way *way) {
    const mix_client_keys *keys = b->cfg->keys;
    return mix_route_draw(route, expected, way, &(mix_route_source){b->topology, b->reach, b->env},
                          keys->gateway, keys->identity_public, b->cfg->ack_delay);
}

/* §7: first hop, ack packet; its header is built already. */
static int put_ack(mix_builder *b, const mix_sphinx_job *job,
                   const uint8_t id[static MIX_FRAGMENT_ID_LEN]) {
    const mix_traffic_config *cfg = b->cfg;
    uint8_t content[MIX_ACK_PLAINTEXT_LEN];
    int status = mix_ack_seal(cfg->crypto, b->env, content, cfg->keys->ack_key, id);
    if (status == MIX_OK)
        status = mix_sphinx_seal(cfg->sphinx, &b->packet, job, mix_payload_len(MIX_SIZE_ACK),
                                 MIX_BYTES(content));
    if (status == MIX_OK)
        status =
            mix_surb_ack_encode(&b->plain, job->route->hop[0].address, mix_buf_bytes(&b->packet));
    mix_buf_truncate(&b->packet, 0);
    return status;
}

/* §9: what goes to the gateway. */
static int put_mix_packet(mix_builder *b, mix_buf *out,
                          const uint8_t first_hop[static MIX_SPHINX_ADDRESS_LEN],
                          mix_rotation rotation) {
    mix_packet p = {
        .type = MIX_PACKET_TYPE_MIX, .rotation = rotation, .packet = mix_buf_bytes(&b->packet)};
    int status =
        mix_address_decode(&p.next_hop, NULL, mix_bytes_of(first_hop, MIX_SPHINX_ADDRESS_LEN));
    if (status != MIX_OK)
        return status;
    return b->cfg->packet_form == 1 ? mix_packet_encode_v1(out, &p) : mix_packet_encode_v2(out, &p);
}

typedef struct forward {
    mix_packet_size size;
    uint16_t version;
    const mix_recipient *to;
    mix_bytes content;
    const uint8_t *id;
} forward;

static int build_forward(mix_builder *b, mix_buf *out, const forward *f, uint64_t *expected,
                         mix_way *way) {
    const mix_traffic_config *cfg = b->cfg;
    mix_sphinx_route route[2];
    uint64_t delay[2] = {0};
    begin(b);
    *way = (mix_way){0};
    int status = mix_route_draw(&route[0], &delay[0], way,
                                &(mix_route_source){b->topology, b->reach, b->env}, f->to->gateway,
                                f->to->identity, cfg->hop_delay);
    if (status == MIX_OK)
        status = draw_ack_route(b, &route[1], &delay[1], way);
    if (status != MIX_OK)
        return status;
    mix_sphinx_job jobs[2] = {{.route = &route[0], .version = f->version},
                              {.route = &route[1], .version = f->version}};
    status = mix_sphinx_headers(cfg->sphinx, jobs, 2);
    if (status == MIX_OK)
        status = put_ack(b, &jobs[1], f->id);
    if (status == MIX_OK)
        status =
            mix_payload_seal_forward(cfg->crypto, b->env, &b->plain, f->to->encryption, f->content);
    if (status == MIX_OK)
        status = mix_sphinx_seal(cfg->sphinx, &b->packet, &jobs[0], mix_payload_len(f->size),
                                 mix_buf_bytes(&b->plain));
    if (status == MIX_OK)
        status = put_mix_packet(b, out, route[0].hop[0].address,
                                mix_rotation_of(b->topology->rotation_id));
    mix_wipe(jobs, sizeof jobs);
    *expected = delay[0] + delay[1];
    return status;
}

static int build_reply(mix_builder *b, mix_buf *out, mix_entry *e) {
    const mix_traffic_config *cfg = b->cfg;
    mix_sphinx_route route;
    uint64_t delay = 0;
    begin(b);
    e->way = (mix_way){0};
    int status = draw_ack_route(b, &route, &delay, &e->way);
    if (status != MIX_OK)
        return status;
    mix_sphinx_job job = {.route = &route, .version = MIX_SPHINX_V259};
    uint8_t first_hop[MIX_SPHINX_ADDRESS_LEN];
    status = mix_sphinx_headers(cfg->sphinx, &job, 1);
    if (status == MIX_OK)
        status = put_ack(b, &job, e->event.id);
    if (status == MIX_OK)
        status = mix_payload_seal_reply(cfg->crypto, &b->plain, e->surb_key, e->event.bytes);
    if (status == MIX_OK)
        status = mix_surb_use(cfg->sphinx, &b->packet, first_hop, e->surb,
                              mix_payload_len(e->event.size), mix_buf_bytes(&b->plain));
    if (status == MIX_OK)
        status = put_mix_packet(b, out, first_hop, e->surb_rotation);
    mix_wipe(&job, sizeof job);
    /* §9: the delays inside a SURB are unknown to its user, so the mean of each stands for them. */
    e->expected = (uint64_t)cfg->hop_delay * 1000 * MIX_LAYERS + delay;
    return status;
}

int mix_build_entry(mix_builder *b, mix_buf *out, mix_entry *e) {
    if (e->is_reply)
        return build_reply(b, out, e);
    forward f = {e->event.size, MIX_SPHINX_V259, &e->recipient, e->event.bytes, e->event.id};
    return build_forward(b, out, &f, &e->expected, &e->way);
}

int mix_build_copy(mix_builder *b, mix_buf *out, mix_entry *e) {
    uint8_t id[MIX_FRAGMENT_ID_LEN];
    uint64_t expected;
    memcpy(id, e->event.id, sizeof id);
    id[0] |= MIX_ACK_OF_COPY;
    forward f = {e->event.size, MIX_SPHINX_V259, &e->recipient, e->event.bytes, id};
    return build_forward(b, out, &f, &expected, &e->copy_way);
}

int mix_build_cover(mix_builder *b, mix_buf *out) {
    static const uint8_t no_id[MIX_FRAGMENT_ID_LEN] = {0};
    uint8_t content[1611] = MIX_COVER_MARK "\x01";
    mix_recipient self = mix_client_recipient(b->cfg->keys);
    forward f = {MIX_SIZE_REGULAR, b->cfg->cover_version, &self, MIX_BYTES(content), no_id};
    uint64_t expected;
    mix_way way;
    int status = build_forward(b, out, &f, &expected, &way);
    if (status == MIX_OK)
        mix_covers_add(&b->covers, b->plain.data + MIX_SURB_ACK_LEN);
    return status;
}
