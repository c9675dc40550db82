/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of clients (5-ipr.md §5.2). */
#include "ipr/parts.h"

#include "mix/errors.h"

/* Variant numbers on the wire, per version. */
static const uint8_t control_of[] = {[MIX_IPR_REQ_CONNECT] = 0, [MIX_IPR_REQ_DISCONNECT] = 1, [MIX_IPR_REQ_PING] = 2,
                                     [MIX_IPR_REQ_HEALTH] = 3};
static const uint8_t legacy_of[] = {[MIX_IPR_REQ_STATIC_CONNECT] = 0, [MIX_IPR_REQ_CONNECT] = 1, [MIX_IPR_REQ_DISCONNECT] = 2,
                                    [MIX_IPR_REQ_DATA] = 3, [MIX_IPR_REQ_PING] = 4, [MIX_IPR_REQ_HEALTH] = 5};
static const mix_ipr_request_kind control_kinds[] = {MIX_IPR_REQ_CONNECT, MIX_IPR_REQ_DISCONNECT, MIX_IPR_REQ_PING,
                                                     MIX_IPR_REQ_HEALTH};
static const mix_ipr_request_kind legacy_kinds[] = {MIX_IPR_REQ_STATIC_CONNECT, MIX_IPR_REQ_CONNECT, MIX_IPR_REQ_DISCONNECT,
                                                    MIX_IPR_REQ_DATA,           MIX_IPR_REQ_PING,    MIX_IPR_REQ_HEALTH};

static bool connects(mix_ipr_request_kind kind) {
    return kind == MIX_IPR_REQ_CONNECT || kind == MIX_IPR_REQ_STATIC_CONNECT;
}

static void put_timeout(mix_buf *out, const mix_ipr_request *q) {
    mix_buf_put_u8(out, q->has_timeout);
    if (q->has_timeout)
        mix_bin_put_varint(out, q->buffer_timeout);
}

static void read_timeout(mix_reader *r, mix_ipr_request *q) {
    q->has_timeout = mix_bin_bool(r);
    q->buffer_timeout = q->has_timeout ? mix_bin_varint(r, UINT64_MAX) : 0;
}

static void encode_current(mix_buf *out, const mix_ipr_request *q) {
    mix_bin_put_varint(out, q->provider);
    mix_buf_put_u8(out, q->kind != MIX_IPR_REQ_DATA);
    if (q->kind == MIX_IPR_REQ_DATA) {
        mix_bin_put_bytes(out, q->bundle);
        return;
    }
    mix_buf_put_u8(out, control_of[q->kind]);
    mix_bin_put_varint(out, q->id);
    if (q->kind == MIX_IPR_REQ_CONNECT)
        put_timeout(out, q);
    mix_ipr_put_time(out, &q->time);
}

static void put_double(mix_buf *out, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    mix_buf_put_u64(out, bits);
}

static double read_double(mix_reader *r) {
    uint64_t bits = mix_read_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool signs(const mix_ipr_request *q) {
    return q->version == 7 && (connects(q->kind) || q->kind == MIX_IPR_REQ_DISCONNECT);
}

static void encode_legacy(mix_buf *out, const mix_ipr_request *q) {
    const mix_ipr_legacy *l = &q->legacy;
    mix_buf_put_u8(out, legacy_of[q->kind]);
    if (q->kind == MIX_IPR_REQ_DATA) {
        mix_bin_put_bytes(out, q->bundle);
        return;
    }
    mix_bin_put_varint(out, q->id);
    if (q->kind == MIX_IPR_REQ_STATIC_CONNECT)
        mix_ipr_put_ips(out, &l->ips);
    mix_bin_put_bytes(out, MIX_BYTES(l->reply_to));
    if (connects(q->kind)) {
        mix_buf_put_u8(out, l->has_hops);
        if (l->has_hops)
            mix_buf_put_u8(out, l->hops);
        mix_buf_put_u8(out, l->has_delays);
        if (l->has_delays)
            put_double(out, l->delays);
        put_timeout(out, q);
    }
    if (q->version == 7)
        mix_ipr_put_time(out, &q->time);
    if (signs(q)) {
        mix_buf_put_u8(out, l->has_signature);
        if (l->has_signature)
            mix_bin_put_bytes(out, MIX_BYTES(l->signature));
    }
}

int mix_ipr_request_encode(mix_buf *out, const mix_ipr_request *q) {
    bool legacy = q->version == 6 || q->version == 7;
    if (!legacy && (q->version < 8 || q->version > 10))
        return MIX_ERR_IPR_VERSION;
    if (!legacy && q->kind == MIX_IPR_REQ_STATIC_CONNECT)
        return MIX_ERR_IPR_REQUEST;
    size_t mark = out->len;
    mix_buf_put_u8(out, q->version);
    if (legacy)
        encode_legacy(out, q);
    else
        encode_current(out, q);
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static void decode_current(mix_reader *r, mix_ipr_request *q) {
    q->provider = (uint8_t)mix_bin_varint(r, 2);
    if (mix_bin_varint(r, 1) == 0) {
        q->kind = MIX_IPR_REQ_DATA;
        q->bundle = mix_bin_bytes(r);
        return;
    }
    q->kind = control_kinds[mix_bin_varint(r, 3)];
    q->id = mix_bin_varint(r, UINT64_MAX);
    if (q->kind == MIX_IPR_REQ_CONNECT)
        read_timeout(r, q);
    mix_ipr_read_time(r, &q->time);
}

static void decode_legacy(mix_reader *r, mix_ipr_request *q) {
    mix_ipr_legacy *l = &q->legacy;
    q->kind = legacy_kinds[mix_bin_varint(r, 5)];
    if (q->kind == MIX_IPR_REQ_DATA) {
        q->bundle = mix_bin_bytes(r);
        return;
    }
    mix_bytes start = r->in;
    q->id = mix_bin_varint(r, UINT64_MAX);
    if (q->kind == MIX_IPR_REQ_STATIC_CONNECT)
        mix_ipr_read_ips(r, &l->ips);
    mix_ipr_read_recipient(r, l->reply_to);
    if (connects(q->kind)) {
        l->has_hops = mix_bin_bool(r);
        l->hops = l->has_hops ? mix_read_u8(r) : 0;
        l->has_delays = mix_bin_bool(r);
        l->delays = l->has_delays ? read_double(r) : 0;
        read_timeout(r, q);
    }
    if (q->version == 7)
        mix_ipr_read_time(r, &q->time);
    if (signs(q)) {
        l->signed_bytes = mix_bytes_slice(start, 0, start.len - r->in.len);
        l->has_signature = mix_bin_bool(r);
        if (l->has_signature)
            mix_ipr_read_sized(r, l->signature, sizeof l->signature);
    }
}

int mix_ipr_request_decode(mix_ipr_request *out, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_ipr_request q = {.version = mix_read_u8(&r)};
    if (r.bad)
        return MIX_ERR_IPR_REQUEST;
    if (q.version < 6 || q.version > 10)
        return MIX_ERR_IPR_VERSION;
    if (q.version >= 8)
        decode_current(&r, &q);
    else
        decode_legacy(&r, &q);
    if (r.bad || r.in.len > 0)
        return MIX_ERR_IPR_REQUEST;
    *out = q;
    return MIX_OK;
}
