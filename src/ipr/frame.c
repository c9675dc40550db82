/* SPDX-License-Identifier: Apache-2.0 */
/* Stream frames and bundles (5-ipr.md §5.4, §5.5). */
#include "ipr/wire.h"

#include "mix/errors.h"

void mix_lp_encode(mix_buf *out, uint64_t stream_id, mix_lp_type type, uint32_t seq, mix_bytes payload) {
    mix_buf_put_u16le(out, MIX_LP_STREAM);
    mix_buf_put_u64(out, stream_id);
    mix_buf_put_u8(out, (uint8_t)type);
    mix_buf_put_u32(out, seq);
    mix_buf_put_u8(out, 0); /* reserved */
    mix_buf_put_bytes(out, payload);
}

int mix_lp_decode(mix_lp_frame *out, mix_bytes in) {
    mix_reader r = {.in = in};
    mix_lp_frame f = {.kind = mix_read_u16le(&r)};
    f.stream_id = mix_read_u64(&r);
    f.type = mix_read_u8(&r);
    f.seq = mix_read_u32(&r);
    mix_skip(&r, 1); /* reserved */
    f.payload = r.in;
    if (r.bad || f.kind > MIX_LP_STREAM)
        return MIX_ERR_LP_NONE;
    if (f.kind == MIX_LP_STREAM && f.type > MIX_LP_DATA)
        return MIX_ERR_LP_TYPE;
    if (f.kind != MIX_LP_STREAM)
        f = (mix_lp_frame){.kind = f.kind, .payload = f.payload};
    *out = f;
    return MIX_OK;
}

void mix_bundle_put(mix_buf *out, mix_bytes packet) {
    mix_buf_put_u16(out, (uint16_t)packet.len);
    mix_buf_put_bytes(out, packet);
}

bool mix_bundle_take(mix_bytes *packet, mix_bytes *in) {
    mix_reader r = {.in = *in};
    mix_bytes p = mix_read_bytes(&r, mix_read_u16(&r));
    if (r.bad)
        return false;
    *packet = p;
    *in = r.in;
    return true;
}

int mix_bundler_flush(mix_bundler *b, mix_buf *out) {
    size_t mark = out->len;
    mix_buf_put_bytes(out, mix_buf_bytes(&b->waiting));
    int status = mix_buf_status(out);
    if (status == MIX_OK)
        b->waiting.len = 0;
    else
        mix_buf_truncate(out, mark);
    return status;
}

int mix_bundler_put(mix_bundler *b, mix_buf *out, mix_bytes packet) {
    size_t need = packet.len + MIX_BUNDLE_PREFIX, mark = out->len, waited = b->waiting.len;
    bool alone = waited == 0 && need > MIX_BUNDLE_MAX;
    bool flush = waited > 0 && waited + need > MIX_BUNDLE_MAX;
    if (packet.len > UINT16_MAX)
        return MIX_ERR_ARGUMENT;
    mix_buf *to = alone ? out : &b->waiting;
    if (!mix_buf_reserve(to, need)) { /* so that nothing fails below */
        mix_buf_truncate(to, to->len);
        return MIX_ERR_MEMORY;
    }
    if (flush) {
        int status = mix_bundler_flush(b, out);
        if (status != MIX_OK)
            return status;
    }
    mix_bundle_put(to, packet);
    int status = mix_buf_status(to);
    if (status != MIX_OK)
        mix_buf_truncate(to, alone ? mark : to->len);
    return status;
}

void mix_bundler_deinit(mix_bundler *b) {
    mix_buf_deinit(&b->waiting);
}
