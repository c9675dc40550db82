/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of an authenticated client: packets (§3.11), bandwidth (§3.13), encrypted requests
 * (§3.10). Each is answered with exactly one text; none ends the connection. Spec: 3-gateway.md. */
#include "mixnet/gateway/internal.h"

#include <stdio.h>

enum { FREE_GIB = 64 };
static const int64_t free_bytes = (int64_t)FREE_GIB << 30;

static int64_t wall_seconds(const mixnet_gateway *g) {
    int64_t wall = mixnet_gateway_wall(g), rest = wall % 1000000;
    return (wall - rest) / 1000000 - (rest < 0);
}

mixnet_account *mixnet_gateway_account(mixnet_gateway *g, conn *c) {
    mixnet_account *a = c->client ? &c->client->account : &c->own;
    if (a->available != 0 && mixnet_account_expired(a, wall_seconds(g))) {
        a->available = 0;
        g->clients.dirty |= c->client != NULL;
    }
    return a;
}

static void context_error(mixnet_gateway *g, conn *c, const char *detail) {
    mixnet_gateway_refuse(g, c, MIX_REFUSAL_CONTEXT, detail, 1);
}

/* ---- packets ---- */

static void bad_packet(mixnet_gateway *g, conn *c, int status, mix_bytes frame) {
    if (status == MIX_ERR_MEMORY || status == MIX_ERR_CRYPTO) {
        mixnet_gateway_broken(g, c, status);
        return;
    }
    mix_buf_truncate(&g->scratch, 0);
    status = mix_refusal_binary_encode(&g->scratch, status, frame, mix_buf_bytes(&g->plain));
    if (status == MIX_OK)
        mixnet_gateway_put_error(g, c, MIX_REFUSAL_BINARY, mix_buf_bytes(&g->scratch), 1);
    else
        mixnet_gateway_broken(g, c, status);
}

/* A full forwarder drops the packet in silence: the client's acknowledgements will tell. */
static void forward(mixnet_gateway *g, const mix_packet *p) {
    mix_buf_truncate(&g->scratch, 0);
    int status = mix_packet_encode_v2(&g->scratch, p);
    if (status == MIX_OK)
        status = mix_queue_push(&g->forward, mix_buf_bytes(&g->scratch), 0);
    g->stats.forwarder_full += status == MIX_BLOCKED;
    g->stats.no_memory += status == MIX_ERR_MEMORY;
    g->stats.packets += status == MIX_OK;
    g->stats.packet_bytes += status == MIX_OK ? p->packet.len : 0;
}

static void charge_and_forward(mixnet_gateway *g, conn *c, const mix_packet *p) {
    mixnet_account *a = mixnet_gateway_account(g, c);
    int64_t cost = (int64_t)p->packet.len;
    if (a->available < cost) {
        g->stats.no_bandwidth++;
        mixnet_gateway_put_text(g, c,
                                &(mix_text){.type = MIX_TEXT_TYPED_ERROR,
                                            .out_of_bandwidth = true,
                                            .required = cost,
                                            .amount = a->available});
        return;
    }
    a->available -= cost;
    g->clients.moved += c->client ? (uint64_t)cost : 0;
    forward(g, p);
    mixnet_gateway_put_text(g, c, &(mix_text){.type = MIX_TEXT_SENT, .amount = a->available});
}

static void serve_binary(mixnet_gateway *g, conn *c, mix_bytes message) {
    mix_gateway_frame frame;
    mix_packet packet;
    mix_buf_truncate(&g->plain, 0);
    int status = mix_gateway_frame_decode(&frame, MIX_TEXT_REQUEST, message);
    if (status == MIX_OK)
        status = mix_gateway_frame_open(&g->plain, g->crypto, c->key, &frame);
    if (status == MIX_OK)
        status = frame.kind == MIX_FRAME_PACKET_V1
                     ? mix_packet_decode_v1(&packet, mix_buf_bytes(&g->plain))
                     : mix_packet_decode_v2(&packet, mix_buf_bytes(&g->plain));
    if (status == MIX_OK)
        charge_and_forward(g, c, &packet);
    else
        bad_packet(g, c, status, message);
}

/* ---- texts ---- */

static void claim(mixnet_gateway *g, conn *c) {
    if (g->config.refuse_free) {
        mixnet_gateway_refuse(g, c, MIX_REFUSAL_NO_FREE_BANDWIDTH, "", 1);
        return;
    }
    mixnet_account *a = mixnet_gateway_account(g, c);
    a->available = a->available > INT64_MAX - free_bytes ? INT64_MAX : a->available + free_bytes;
    a->expires = mixnet_day_of(wall_seconds(g));
    g->clients.dirty |= c->client != NULL;
    g->stats.claims++;
    mixnet_gateway_put_text(g, c, &(mix_text){.type = MIX_TEXT_BANDWIDTH, .amount = a->available});
}

/* Tickets are read, so that errors are told apart, but none is worth anything here. */
static void ticket(mixnet_gateway *g, conn *c, const mix_text *t) {
    mix_ticket content;
    mix_buf_truncate(&g->plain, 0);
    int status = mix_text_open(&g->plain, g->crypto, c->key, t);
    mix_refusal detail = MIX_REFUSAL_UNKNOWN;
    if (status == MIX_ERR_AEAD)
        detail = MIX_REFUSAL_SEAL;
    else if (status == MIX_ERR_ARGUMENT ||
             (status == MIX_OK && mix_ticket_decode(&content, mix_buf_bytes(&g->plain)) != MIX_OK))
        detail = MIX_REFUSAL_TICKET_DATA;
    if (detail != MIX_REFUSAL_UNKNOWN)
        mixnet_gateway_refuse(g, c, MIX_REFUSAL_BINARY, mix_refusal_text(detail), 1);
    else if (status != MIX_OK)
        mixnet_gateway_broken(g, c, status);
    else
        context_error(g, c, "this gateway takes no tickets");
}

static void sealed_request(mixnet_gateway *g, conn *c, const mix_text *t) {
    mix_inner request;
    mix_buf_truncate(&g->plain, 0);
    int status = mix_text_open(&g->plain, g->crypto, c->key, t);
    if (status == MIX_OK)
        status = mix_inner_decode(&request, MIX_TEXT_REQUEST, mix_buf_bytes(&g->plain), NULL);
    if (status == MIX_ERR_MEMORY || status == MIX_ERR_CRYPTO) {
        mixnet_gateway_broken(g, c, status);
        return;
    }
    if (status != MIX_OK) {
        mixnet_gateway_refuse(g, c, MIX_REFUSAL_SEALED_TEXT, "", 1);
        return;
    }
    if (request.type == MIX_INNER_FORGET_ME && request.client)
        mixnet_gateway_forget(g, c->identity);
    mix_inner answer = {.type = request.type == MIX_INNER_FORGET_ME ? MIX_INNER_FORGET_ME_ACK
                                                                    : MIX_INNER_REMEMBER_ME_ACK};
    mix_buf_truncate(&g->plain, 0);
    mix_buf_truncate(&g->text, 0);
    status = mix_inner_encode(&g->plain, &answer);
    if (status == MIX_OK)
        status = mix_text_seal(&g->text, g->crypto, g->env, c->key, MIX_TEXT_SEALED_RESPONSE,
                               mix_buf_bytes(&g->plain));
    if (status == MIX_OK)
        mixnet_gateway_put(g, c, MIXNET_WS_TEXT, mix_buf_bytes(&g->text));
    else
        mixnet_gateway_broken(g, c, status);
}

static void illegal(mixnet_gateway *g, conn *c, const char *name) {
    char detail[112];
    (void)snprintf(detail, sizeof detail,
                   "received illegal message of type %s in an authenticated client", name);
    context_error(g, c, detail);
}

static void serve_text(mixnet_gateway *g, conn *c, mix_bytes message) {
    mix_text t;
    mix_error e = {0};
    int status = mix_text_decode(&t, &g->scratch, MIX_TEXT_REQUEST, message, &e);
    if (status == MIX_ERR_MEMORY) {
        mixnet_gateway_broken(g, c, status);
        return;
    }
    if (status != MIX_OK) {
        mixnet_gateway_refuse(g, c, MIX_REFUSAL_TEXT, e.words, 1);
        return;
    }
    switch (t.type) {
    case MIX_TEXT_ASK_PROTOCOL:
        mixnet_gateway_put_text(
            g, c, &(mix_text){.type = MIX_TEXT_PROTOCOL, .version = MIX_GATEWAY_VERSION});
        return;
    case MIX_TEXT_CLAIM:
        claim(g, c);
        return;
    case MIX_TEXT_SEALED_REQUEST:
        sealed_request(g, c, &t);
        return;
    case MIX_TEXT_TICKET:
        ticket(g, c, &t);
        return;
    case MIX_TEXT_UPGRADE:
        context_error(g, c, "this gateway knows no upgrade mode");
        return;
    case MIX_TEXT_REGISTER:
        illegal(g, c, "RegisterHandshakeInitRequest");
        return;
    case MIX_TEXT_AUTHENTICATE_OLD:
        illegal(g, c, "Authenticate");
        return;
    case MIX_TEXT_CREDENTIAL:
    case MIX_TEXT_CREDENTIAL_2:
        context_error(g, c, "coconut credential are not longer supported");
        return;
    default: /* authenticateV2; a request can be nothing else */
        mixnet_gateway_refuse(g, c, MIX_REFUSAL_UNKNOWN_TEXT, "", 1);
        return;
    }
}

void mixnet_gateway_serve(mixnet_gateway *g, conn *c, mixnet_ws_kind kind, mix_bytes message) {
    if (kind == MIXNET_WS_TEXT)
        serve_text(g, c, message);
    else
        serve_binary(g, c, message);
}
