/* SPDX-License-Identifier: Apache-2.0 */
/* The roles of mix node and gateway. */
#include "net.h"

#include "base/alloc.h"
#include "mix/errors.h"

#include <assert.h>

/* Node i has the address 10.0.0.i. */
static mix_address address_of(size_t index) {
    return (mix_address){.family = 4, .port = 1789, .octets = {10, 0, 0, (uint8_t)index}};
}

static void send(sim_node *from, const mix_address *to, mix_bytes packet) {
    if (to->octets[3] >= from->net->count) {
        from->refused++;
        return;
    }
    sim_link_send(&from->out, to->octets[3], packet);
}

static void send_later(void *user, uint64_t to, mix_bytes packet) {
    mix_address address = address_of((size_t)to);
    send(user, &address, packet);
}

/* ---- gateway: the last hop ---- */

static sim_account *account_of(sim_node *gateway, const uint8_t identity[static MIX_KEY_LEN]) {
    sim_net *n = gateway->net;
    for (size_t i = 0; i < n->accounts_len; i++) {
        sim_account *a = &n->accounts[i];
        if (a->gateway == gateway && memcmp(a->identity, identity, MIX_KEY_LEN) == 0)
            return a;
    }
    return NULL;
}

static void deliver(sim_account *a, mix_bytes message) {
    if (!a->down.cut) {
        sim_link_send(&a->down, 0, message);
        return;
    }
    mix_buf_put_u32(&a->stored, (uint32_t)message.len);
    mix_buf_put_bytes(&a->stored, message);
}

static void deliver_again(void *user, uint64_t number, mix_bytes message) {
    (void)number;
    deliver(user, message);
}

/* 1-sphinx.md §2.6: the message to its client, then the acknowledgement on its way, without delay.
 */
static int finish(sim_node *node, const mix_sphinx_result *r, mix_bytes payload,
                  size_t packet_len) {
    mix_bytes plaintext, ack = {0}, message;
    mix_packet_size size;
    mix_address first_hop;
    sim_account *a = account_of(node, r->destination);
    int status = mix_sphinx_unpad(&plaintext, payload);
    if (status == MIX_OK)
        status = mix_packet_size_of(&size, packet_len);
    if (status != MIX_OK || !a)
        return status != MIX_OK ? status : MIX_ERR_NO_ROUTE;
    message = plaintext;
    if (size != MIX_SIZE_ACK)
        status = mix_surb_ack_split(&first_hop, &ack, &message, plaintext);
    if (status != MIX_OK)
        return status;
    deliver(a, message);
    if (size != MIX_SIZE_ACK)
        send(node, &first_hop, ack);
    node->finished++;
    return MIX_OK;
}

/* ---- all nodes ---- */

static void open_packet(sim_node *node, mix_bytes packet) {
    sim_net *n = node->net;
    mix_sphinx_result r;
    mix_buf out = {0};
    mix_address next;
    int status = mix_sphinx_process(n->crypto, &r, &out, node->secret, packet);
    if (status == MIX_OK && r.version == MIX_SPHINX_V258)
        n->opened_258++;
    else
        n->opened_others += status == MIX_OK;
    if (status == MIX_OK && r.kind == MIX_SPHINX_FINAL) {
        status = finish(node, &r, mix_buf_bytes(&out), packet.len);
    } else if (status == MIX_OK) {
        status = mix_address_decode(&next, NULL, MIX_BYTES(r.next_address));
        if (status == MIX_OK) {
            node->forwarded++;
            sim_at(&n->sim, n->sim.now + (mix_time)(r.delay_ns / 1000), send_later, node,
                   next.octets[3], mix_buf_bytes(&out));
        }
    }
    mix_buf_deinit(&out);
    node->refused += status != MIX_OK;
    n->lost_for_memory += status == MIX_ERR_MEMORY || status == MIX_ERR_CRYPTO;
}

static void from_node(void *user, uint64_t to, mix_bytes packet) {
    sim_net *n = user;
    if (!n->nodes[to].dead)
        open_packet(&n->nodes[to], packet);
}

void sim_net_forward(sim_node *gateway, const mix_packet *packet) {
    if (!gateway->dead)
        send(gateway, &packet->next_hop, packet->packet);
}

static void from_client(void *user, uint64_t number, mix_bytes in) {
    sim_account *a = user;
    mix_packet p;
    (void)number;
    int status = mix_packet_decode_v2(&p, in);
    if (status == MIX_OK)
        sim_net_forward(a->gateway, &p);
    a->gateway->refused += status != MIX_OK;
}

/* ---- the network ---- */

static int make_node(sim_net *n, size_t i) {
    sim_node *node = &n->nodes[i];
    mix_test_env keys;
    mix_test_env_init(&keys, mix_test_random(&n->sim.chance));
    node->net = n;
    bool is_mix = i < MIX_LAYERS * n->cfg.per_layer;
    node->entry.id = (uint32_t)i + 1;
    node->entry.role = is_mix ? (mix_role)(MIX_ROLE_LAYER1 + i / n->cfg.per_layer) : MIX_ROLE_ENTRY;
    int status = mix_random(&keys.env, node->secret, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mix_random(&keys.env, node->seed, MIX_KEY_LEN);
    if (status == MIX_OK)
        status = mix_ed25519_public(n->crypto, node->entry.identity, node->seed);
    mix_x25519_public(node->entry.sphinx_key, node->secret);
    mix_address at = address_of(i);
    mix_address_pad(node->entry.address, sizeof node->entry.address, &at);
    sim_link_init(&node->out, &n->sim, &n->cfg.hop, from_node, n);
    return status;
}

int sim_net_init(sim_net *n, const sim_net_config *cfg, uint64_t seed) {
    assert(cfg->per_layer > 0 && cfg->per_layer <= SIM_PER_LAYER_MAX);
    memset(n, 0, sizeof *n);
    n->cfg = *cfg;
    sim_init(&n->sim, seed);
    n->count = MIX_LAYERS * cfg->per_layer + SIM_GATEWAYS;
    int status = mix_crypto_new(&n->crypto);
    mix_node entries[SIM_NODES_MAX];
    for (size_t i = 0; status == MIX_OK && i < n->count; i++) {
        status = make_node(n, i);
        entries[i] = n->nodes[i].entry;
    }
    return status == MIX_OK ? mix_topology_new(&n->topology, entries, n->count, 3, 72) : status;
}

void sim_net_deinit(sim_net *n) {
    for (size_t i = 0; i < n->accounts_len; i++)
        mix_buf_deinit(&n->accounts[i].stored);
    mix_topology_free(n->topology);
    mix_crypto_free(n->crypto);
    sim_deinit(&n->sim);
}

sim_account *sim_net_connect(sim_net *n, size_t gateway, const uint8_t identity[static MIX_KEY_LEN],
                             sim_action *to_client, void *user) {
    assert(n->accounts_len < SIM_ACCOUNTS_MAX);
    sim_account *a = &n->accounts[n->accounts_len++];
    memset(a, 0, sizeof *a);
    a->gateway = sim_net_gateway(n, gateway);
    memcpy(a->identity, identity, MIX_KEY_LEN);
    sim_link_init(&a->up, &n->sim, &n->cfg.access, from_client, a);
    sim_link_init(&a->down, &n->sim, &n->cfg.access, to_client, user);
    a->down.returned = deliver_again;
    a->down.returned_user = a;
    return a;
}

void sim_account_cut(sim_account *a) {
    sim_link_cut(&a->up);
    sim_link_cut(&a->down);
}

void sim_account_mend(sim_account *a) {
    sim_link_mend(&a->up);
    sim_link_mend(&a->down);
    mix_reader r = {.in = mix_buf_bytes(&a->stored)};
    while (r.in.len > 0) {
        size_t len = mix_read_u32(&r);
        sim_link_send(&a->down, 0, mix_read_bytes(&r, len));
    }
    mix_buf_truncate(&a->stored, 0);
}
