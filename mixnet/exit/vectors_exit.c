/* SPDX-License-Identifier: Apache-2.0 */
/* The requests and conversations of testdata/ipr.json, made by the original's code, played to the
 * exit's router; and what the original's packet reader says of the packets in
 * testdata/ip_packets.json, with all their prefixes and many changed bytes. */
#include "mixnet/exit/router.h"

#include "mix/errors.h"
#include "vectors.h"

#include <stdlib.h>

enum { NUMBER = 0x1234 }; /* the addresses of the vectors: 10.0.18.52, fc00::1234 */
static const uint8_t TAG[MIXNET_TAG_LEN] = {1, 2, 3};
static const uint64_t STREAM = 0x0123456789abcdef;

/* Draws that make the pool give the vectors' addresses; keys of maps become zeros. */
static int draw(void *user, uint8_t *out, size_t len) {
    uint64_t k = NUMBER - MIXNET_POOL_FIRST;
    (void)user;
    memset(out, 0, len);
    if (len == sizeof k)
        memcpy(out, &k, len);
    return 0;
}
static int64_t no_time(void *user) {
    (void)user;
    return 0;
}
static const mix_env ENV = {.random = draw, .wall_time = no_time};

static mixnet_router *make(mix_vectors *v, const char *release, const mix_policy *policy) {
    mixnet_router *r = NULL;
    mixnet_router_config c = {.release = release, .policy = policy};
    VSTATUS(v, mixnet_router_new(&r, &c, &ENV), MIX_OK);
    return r;
}

/* As a client of this version sends it. */
static int send(mixnet_router *r, mix_bytes request, uint8_t version, mix_time now) {
    mix_buf b = {0};
    mix_bytes message = request;
    if (version >= 9) {
        mix_lp_encode(&b, STREAM, MIX_LP_DATA, 7, request);
        message = mix_buf_bytes(&b);
    }
    int status = mixnet_router_request(r, TAG, message, now);
    mix_buf_deinit(&b);
    return status;
}

static size_t replies(mixnet_router *r) {
    mixnet_router_reply reply;
    size_t n = 0;
    for (; mixnet_router_reply_peek(r, &reply); n++)
        mixnet_router_reply_pop(r);
    return n;
}

/* Takes the one reply that must be there out of its frame; its bytes are valid until the next call.
 */
static void expect(mix_vectors *v, mixnet_router *r, uint8_t version, mix_ipr_response_kind kind,
                   uint64_t id, mix_ipr_response *p) {
    mixnet_router_reply reply;
    mix_lp_frame f = {0};
    static uint8_t copy[2048];
    *p = (mix_ipr_response){0};
    if (!VCHECK(v, mixnet_router_reply_peek(r, &reply) && reply.bytes.len <= sizeof copy))
        return;
    memcpy(copy, reply.bytes.data, reply.bytes.len);
    reply.bytes.data = copy;
    VBYTES(v, mix_bytes_of(reply.tag, MIXNET_TAG_LEN), MIX_BYTES(TAG));
    mix_bytes body = reply.bytes;
    if (version >= 9) {
        VSTATUS(v, mix_lp_decode(&f, reply.bytes), MIX_OK);
        VCHECK(v, f.kind == MIX_LP_STREAM && f.stream_id == STREAM && f.type == MIX_LP_DATA &&
                      f.seq == 0);
        body = f.payload;
    }
    VSTATUS(v, mix_ipr_response_decode(p, body, version), MIX_OK);
    VCHECK(v, p->version == version && p->kind == kind && p->id == id && reply.limit == 10);
    mixnet_router_reply_pop(r);
    VCHECK(v, replies(r) == 0);
}

static void connect_first(mix_vectors *v, mixnet_router *r, uint8_t version) {
    mix_buf b = {0};
    mix_ipr_request q = {.version = version,
                         .provider = MIX_IPR_ROUTER,
                         .kind = MIX_IPR_REQ_CONNECT,
                         .id = 1,
                         .time = mix_timestamp_of(0)};
    mix_ipr_response p;
    VSTATUS(v, mix_ipr_request_encode(&b, &q), MIX_OK);
    VSTATUS(v, send(r, mix_buf_bytes(&b), version, 0), MIX_OK);
    expect(v, r, version, MIX_IPR_RES_CONNECT, 1, &p);
    mix_buf_deinit(&b);
}

static void check_success(mix_vectors *v, const mix_ipr_response *p) {
    mix_ipr_ips ips = mixnet_pool_ips(NUMBER);
    VCHECK(v, p->success && memcmp(&p->ips, &ips, sizeof ips) == 0 &&
                  p->mtu == (p->version == 10 ? 1500 : 0));
}

static void check_data(mix_vectors *v, mixnet_router *r, mix_bytes bundle) {
    mix_bytes packet, want;
    while (mix_bundle_take(&want, &bundle)) {
        VSTATUS(v, mixnet_router_next(r, &packet), MIX_OK);
        VBYTES(v, packet, want);
    }
    VSTATUS(v, mixnet_router_next(r, &packet), MIX_DONE);
    VCHECK(v, replies(r) == 0);
}

/* What becomes of one request that is taken, from a client that is connected or not. */
static void check_taken(mix_vectors *v, mixnet_router *r, mix_bytes in, const char *kind,
                        yyjson_val *fields, bool is_connected) {
    uint8_t version = in.data[0];
    bool data = !strcmp(kind, "data");
    uint64_t id = data ? 0 : mix_vec_u64(v, fields, "request_id");
    mix_bytes packet;
    mix_ipr_response p;
    if (is_connected)
        connect_first(v, r, version);
    VSTATUS(v, send(r, in, version, 1), MIX_OK);
    if (data) {
        check_data(v, r, is_connected ? mix_vec_hex(v, fields, "ip_packets") : (mix_bytes){0});
        return;
    }
    if (!strcmp(kind, "connect")) {
        expect(v, r, version, MIX_IPR_RES_CONNECT, id, &p);
        check_success(v, &p);
    } else if (!strcmp(kind, "disconnect")) {
        expect(v, r, version, MIX_IPR_RES_DISCONNECT, id, &p);
        VCHECK(v, p.success == is_connected && (p.success || p.reason == MIX_IPR_NOT_CONNECTED));
    } else if (!strcmp(kind, "ping")) {
        expect(v, r, version, MIX_IPR_RES_PONG, id, &p);
    } else {
        VCHECK(v, !strcmp(kind, "health"));
        expect(v, r, version, MIX_IPR_RES_HEALTH, id, &p);
        VBYTES(v, p.build[2], mix_bytes_str("1.37.0"));
        VCHECK(v, p.routable == -1);
    }
    VSTATUS(v, mixnet_router_next(r, &packet), MIX_DONE);
}

/* Nothing comes back, and nobody is connected by it. */
static void check_dropped(mix_vectors *v, mixnet_router *r, const uint8_t *tag, mix_bytes message,
                          int why) {
    mixnet_router_stats s;
    mix_bytes packet;
    VSTATUS(v, mixnet_router_request(r, tag, message, 1), why);
    mixnet_router_get_stats(r, &s);
    VCHECK(v, replies(r) == 0 && s.sessions == 0 && s.requests == 0);
    VSTATUS(v, mixnet_router_next(r, &packet), MIX_DONE);
}

static void check_request(mix_vectors *v, yyjson_val *entry) {
    mix_bytes in = mix_vec_hex(v, entry, "hex");
    uint8_t version = (uint8_t)mix_vec_u64(v, entry, "version");
    bool framed = version >= 9;
    mix_buf b = {0};
    mix_lp_encode(&b, STREAM, MIX_LP_OPEN, 0, in);
    for (int i = 0; i < 2 && version >= 8; i++) {
        mixnet_router *r = make(v, "1.37.0", NULL);
        check_taken(v, r, in, mix_vec_str(v, entry, "kind"), mix_vec(v, entry, "fields"), i);
        mixnet_router_free(r);
    }
    mixnet_router *now = make(v, "1.37.0", NULL), *before = make(v, "1.36.9", NULL);
    if (version >= 8) { /* an Open with content is as good as a Data frame */
        mix_bytes wrapped = framed ? mix_buf_bytes(&b) : in,
                  other = framed ? in : mix_buf_bytes(&b);
        check_dropped(v, now, NULL, wrapped, MIX_ERR_SENDER_UNKNOWN);
        check_dropped(v, now, TAG, other, MIX_ERR_IPR_VERSION);
        for (size_t cut = 0; cut < in.len; cut++) {
            mix_buf c = {0};
            mix_lp_encode(&c, STREAM, MIX_LP_DATA, 0, mix_bytes_slice(in, 0, cut));
            if (mixnet_router_request(now, TAG,
                                      framed ? mix_buf_bytes(&c) : mix_bytes_slice(in, 0, cut),
                                      1) == MIX_OK)
                VCHECK(v, framed && cut == 0);
            mix_buf_deinit(&c);
        }
        if (version == 10)
            check_dropped(v, before, TAG, wrapped, MIX_ERR_IPR_VERSION);
        else
            VSTATUS(v, mixnet_router_request(before, TAG, wrapped, 1), MIX_OK);
        VCHECK(v, replies(now) == 0);
    } else {
        check_dropped(v, now, TAG, in, MIX_ERR_IPR_VERSION);
        check_dropped(v, now, NULL, in, MIX_ERR_IPR_VERSION);
        check_dropped(v, now, TAG, mix_buf_bytes(&b), MIX_ERR_IPR_VERSION);
    }
    mix_buf_deinit(&b);
    mixnet_router_free(now);
    mixnet_router_free(before);
}

static void requests(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "requests"), i, n, entry) {
        mix_vectors_at(v, "%s", mix_vec_str(v, entry, "name"));
        check_request(v, entry);
        mix_vectors_sweep(v);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "decode_cases"), i, n, entry) {
        if (strcmp(mix_vec_str(v, entry, "shape"), "request_v8_shape") != 0)
            continue;
        mix_vectors_at(v, "decode_cases %s", mix_vec_str(v, entry, "what"));
        mixnet_router *r = make(v, "1.37.0", NULL);
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        VCHECK(v, (send(r, in, in.data[0], 0) == MIX_OK) == mix_vec_bool(v, entry, "accepted"));
        mixnet_router_free(r);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "lp_parse"), i, n, entry) {
        mix_vectors_at(v, "lp_parse %s", mix_vec_str(v, entry, "what"));
        mixnet_router *r = make(v, "1.37.0", NULL);
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        yyjson_val *parsed = mix_vec(v, entry, "parsed");
        int status = mixnet_router_request(r, TAG, in, 0);
        if (yyjson_is_str(yyjson_obj_get(parsed, "attributes")))
            VSTATUS(v, status, MIX_ERR_LP_TYPE);
        else if (yyjson_is_obj(yyjson_obj_get(parsed, "attributes")))
            VCHECK(v, (status == MIX_OK) ==
                          (in.len == MIX_LP_HEADER_LEN)); /* the others hold no requests */
        else /* no stream frame: a plain message, of which one is a request */
            VCHECK(v, (status == MIX_OK) == (in.len > 0 && in.data[0] == 8));
        VCHECK(v, replies(r) == 0);
        mixnet_router_free(r);
    }
}

/* --- whole conversations, byte for byte --- */

static void check_reply(mix_vectors *v, mixnet_router *r, mix_bytes want, uint32_t limit) {
    mixnet_router_reply reply;
    if (!VCHECK(v, mixnet_router_reply_peek(r, &reply)))
        return;
    VBYTES(v, reply.bytes, want);
    VCHECK(v, reply.limit == limit);
    mixnet_router_reply_pop(r);
    VCHECK(v, !mixnet_router_reply_peek(r, &reply));
}

static void converse(mix_vectors *v, yyjson_val *entry) {
    mixnet_router *r = make(v, "1.37.0", NULL);
    mix_bytes packet, answer = mix_vec_hex(v, entry, "ip_packet");
    static uint8_t down[64];
    VSTATUS(v, mixnet_router_request(r, TAG, mix_vec_hex(v, entry, "open"), 0), MIX_OK);
    VCHECK(v, replies(r) == 0);
    VSTATUS(v, mixnet_router_request(r, TAG, mix_vec_hex(v, entry, "connect_request"), 0), MIX_OK);
    check_reply(v, r, mix_vec_hex(v, entry, "connect_response"), 10);
    VSTATUS(v, mixnet_router_request(r, TAG, mix_vec_hex(v, entry, "data_request"), MIX_MS(5)),
            MIX_OK);
    VSTATUS(v, mixnet_router_next(r, &packet), MIX_OK);
    VBYTES(v, packet, answer);
    /* The vectors send the same packet down, though it is addressed to 8.8.8.8: the router needs
     * the client's address there. */
    VCHECK(v, answer.len <= sizeof down);
    memcpy(down, answer.data, answer.len);
    mix_ipr_ips ips = mixnet_pool_ips(NUMBER);
    memcpy(down + 16, ips.v4, 4);
    mixnet_router_from_internet(r, mix_bytes_of(down, answer.len), MIX_MS(6));
    VCHECK(v, replies(r) == 0 && mixnet_router_deadline(r) == MIX_MS(20));
    mixnet_router_tick(r, MIX_MS(20));
    mix_buf want = {0};
    mix_buf_put_bytes(&want, mix_vec_hex(v, entry, "data_response"));
    memcpy(want.data + want.len - answer.len, down, answer.len);
    check_reply(v, r, mix_buf_bytes(&want), 0);
    mix_buf_deinit(&want);
    mixnet_router_free(r);
}

static void converse_blocked(mix_vectors *v, yyjson_val *entry) {
    mix_policy policy = {0};
    VSTATUS(v, mix_policy_parse(&policy, mix_bytes_str("ExitPolicy reject *:*"), NULL), MIX_OK);
    mixnet_router_config c = {.policy = &policy, .quiet = true};
    mixnet_router *r = NULL;
    mix_bytes packet;
    VSTATUS(v, mixnet_router_new(&r, &c, &ENV), MIX_OK);
    VSTATUS(v, mixnet_router_request(r, TAG, mix_vec_hex(v, entry, "connect_request"), 0), MIX_OK);
    VCHECK(v, replies(r) == 1);
    VSTATUS(v, mixnet_router_request(r, TAG, mix_vec_hex(v, entry, "data_request"), 0), MIX_OK);
    check_reply(v, r, mix_vec_hex(v, entry, "blocked_response"), 10);
    VSTATUS(v, mixnet_router_next(r, &packet), MIX_DONE);
    mixnet_router_tick(r, MIX_SECONDS(1));
    VCHECK(v, replies(r) == 0);
    mixnet_router_free(r);
    mix_policy_deinit(&policy);
}

/* --- packets --- */

static char kind_of(mix_bytes packet) {
    static const char letters[] = {[MIXNET_IP_OTHER] = '?',
                                   [MIXNET_IP_TCP] = 't',
                                   [MIXNET_IP_UDP] = 'u',
                                   [MIXNET_IP_ICMP4] = 'i',
                                   [MIXNET_IP_ICMP6] = 'j'};
    mixnet_ip ip;
    return mixnet_ip_parse(&ip, packet) ? letters[ip.kind] : '-';
}

static void check_letter(mix_vectors *v, mix_bytes packet, char want, size_t which) {
    char got = kind_of(packet);
    if (!VCHECK(v, got == want))
        fprintf(stderr, "  case %zu: '%c' instead of '%c'\n", which, got, want);
}

static void check_addresses(mix_vectors *v, yyjson_val *entry, mix_bytes in) {
    mixnet_ip ip;
    mix_address want;
    yyjson_val *port = mix_vec(v, entry, "port");
    if (!VCHECK(v, mixnet_ip_parse(&ip, in)))
        return;
    VCHECK(v, ip.destination.port == (yyjson_is_null(port) ? 0 : yyjson_get_uint(port)));
    ip.source.port = ip.destination.port = 0;
    VSTATUS(v, mix_ip_parse(&want, mix_bytes_str(mix_vec_str(v, entry, "source"))), MIX_OK);
    VCHECK(v, memcmp(&want, &ip.source, sizeof want) == 0);
    VSTATUS(v, mix_ip_parse(&want, mix_bytes_str(mix_vec_str(v, entry, "destination"))), MIX_OK);
    VCHECK(v, memcmp(&want, &ip.destination, sizeof want) == 0);
    mix_address again;
    VCHECK(v, mixnet_ip_destination(&again, in) && memcmp(&again, &want, sizeof want) == 0);
    VCHECK(v, ip.header + ip.transport.len == in.len);
}

static void packets(mix_vectors *v) {
    size_t i, n, k, m;
    yyjson_val *entry, *x;
    yyjson_arr_foreach(mix_vec(v, v->root, "packets"), i, n, entry) {
        mix_vectors_at(v, "packet '%s'", mix_vec_str(v, entry, "what"));
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        const char *prefixes = mix_vec_str(v, entry, "prefixes"),
                   *flips = mix_vec_str(v, entry, "flips");
        check_letter(v, in, mix_vec_str(v, entry, "kind")[0], 0);
        if (kind_of(in) != '-')
            check_addresses(v, entry, in);
        for (size_t len = 0; len <= in.len; len++) {
            uint8_t *copy =
                malloc(len + 1); /* of its own length, so that a read past the end is seen */
            memcpy(copy, in.data ? in.data : copy, len);
            check_letter(v, mix_bytes_of(copy, len), prefixes[len], len);
            free(copy);
        }
        uint8_t changed[256];
        for (size_t at = 0; at < in.len; at++) {
            yyjson_arr_foreach(mix_vec(v, v->root, "xors"), k, m, x) {
                memcpy(changed, in.data, in.len);
                changed[at] ^= (uint8_t)yyjson_get_uint(x);
                check_letter(v, mix_bytes_of(changed, in.len), flips[at * m + k], at);
            }
        }
        mix_vectors_sweep(v);
    }
}

int main(void) {
    mix_vectors v, p;
    size_t i, n;
    yyjson_val *entry;
    mix_vectors_open(&p, "exit_packets", "ip_packets.json");
    packets(&p);
    int failed = mix_vectors_close(&p);
    mix_vectors_open(&v, "exit", "ipr.json");
    requests(&v);
    yyjson_arr_foreach(mix_vec(&v, v.root, "conversation"), i, n, entry) {
        mix_vectors_at(&v, "conversation[%zu]", i);
        converse(&v, entry);
        converse_blocked(&v, entry);
        mix_vectors_sweep(&v);
    }
    return mix_vectors_close(&v) || failed;
}
