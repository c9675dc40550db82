/* SPDX-License-Identifier: Apache-2.0 */
/* Every entry of testdata/ipr.json, made by the original's code: read and compared, and written again byte for byte. */
#include "crypto/crypto.h"
#include "ipr/parts.h"
#include "ipr/policy.h"
#include "mix/errors.h"
#include "vectors.h"

#include <stdlib.h>

static void get_ips(mix_vectors *v, yyjson_val *o, mix_ipr_ips *ips) {
    mix_address a;
    const char *v4 = mix_vec_str(v, o, "ipv4"), *v6 = mix_vec_str(v, o, "ipv6");
    VSTATUS(v, mix_ip_parse(&a, mix_bytes_str(v4)), MIX_OK);
    memcpy(ips->v4, a.octets, 4);
    VSTATUS(v, mix_ip_parse(&a, mix_bytes_str(v6)), MIX_OK);
    memcpy(ips->v6, a.octets, 16);
}

static mix_timestamp get_time(mix_vectors *v, yyjson_val *o) {
    return (mix_timestamp){
        .year = (int32_t)yyjson_get_int(mix_vec(v, o, "year")),
        .ordinal = (uint16_t)mix_vec_u64(v, o, "ordinal"),
        .hour = (uint8_t)mix_vec_u64(v, o, "hour"),
        .minute = (uint8_t)mix_vec_u64(v, o, "minute"),
        .second = (uint8_t)mix_vec_u64(v, o, "second"),
        .nanosecond = (uint32_t)mix_vec_u64(v, o, "nanosecond"),
        .offset_hours = (int8_t)yyjson_get_int(mix_vec(v, o, "offset_hours")),
        .offset_minutes = (int8_t)yyjson_get_int(mix_vec(v, o, "offset_minutes")),
        .offset_seconds = (int8_t)yyjson_get_int(mix_vec(v, o, "offset_seconds")),
    };
}

static void check_time(mix_vectors *v, const mix_timestamp *got, yyjson_val *o) {
    mix_timestamp want = get_time(v, o);
    VCHECK(v, got->year == want.year && got->ordinal == want.ordinal && got->hour == want.hour && got->minute == want.minute &&
                  got->second == want.second && got->nanosecond == want.nanosecond && got->offset_hours == want.offset_hours);
    int64_t wall = (int64_t)(mix_vec_u64(v, o, "unix_nanos") / 1000);
    VCHECK(v, mix_timestamp_wall(got) == wall);
    mix_timestamp again = mix_timestamp_of(wall);
    VCHECK(v, again.year == want.year && again.ordinal == want.ordinal && again.second == want.second && again.hour == want.hour &&
                  again.minute == want.minute && again.nanosecond == want.nanosecond / 1000 * 1000);
}

/* --- primitives --- */

static void put_primitive(mix_vectors *v, mix_buf *b, const char *type, yyjson_val *value, mix_bytes in) {
    const char *text = yyjson_is_str(value) ? yyjson_get_str(value) : "";
    mix_reader r = {.in = in};
    if (!strcmp(type, "u64") || !strcmp(type, "u32") || !strcmp(type, "u16")) {
        uint64_t max = type[1] == '6' ? UINT64_MAX : type[1] == '3' ? UINT32_MAX : UINT16_MAX, want = strtoull(text, NULL, 10);
        VCHECK(v, mix_bin_varint(&r, max) == want);
        mix_bin_put_varint(b, want);
    } else if (!strcmp(type, "i32")) {
        int32_t want = (int32_t)strtol(text, NULL, 10);
        VCHECK(v, mix_bin_i32(&r) == want);
        mix_bin_put_i32(b, want);
    } else if (!strcmp(type, "u8") || !strcmp(type, "i8")) {
        uint8_t want = (uint8_t)strtol(text, NULL, 10);
        VCHECK(v, mix_read_u8(&r) == want);
        mix_buf_put_u8(b, want);
    } else if (!strcmp(type, "f64")) {
        double want = strtod(text, NULL), got;
        uint64_t bits = mix_read_u64(&r);
        memcpy(&got, &bits, sizeof got);
        VCHECK(v, got >= want && got <= want);
        mix_buf_put_u64(b, bits);
    } else if (!strncmp(type, "option_", 7)) {
        bool some = mix_bin_bool(&r);
        VCHECK(v, some == !yyjson_is_null(value));
        mix_buf_put_u8(b, some);
        if (some) {
            uint8_t got = mix_read_u8(&r);
            VCHECK(v, got == (yyjson_is_bool(value) ? yyjson_get_bool(value) : yyjson_get_uint(value)));
            mix_buf_put_u8(b, got);
        }
    } else if (!strcmp(type, "string")) {
        mix_bytes got = mix_bin_text(&r);
        VBYTES(v, got, mix_bytes_of(text, yyjson_get_len(value)));
        mix_bin_put_bytes(b, got);
    } else if (!strcmp(type, "bytes")) {
        mix_bytes got = mix_bin_bytes(&r);
        VBYTES(v, got, mix_vec_hex_value(v, value));
        mix_bin_put_bytes(b, got);
    } else if (!strcmp(type, "recipient")) {
        uint8_t got[MIX_IPR_RECIPIENT_LEN];
        mix_ipr_read_recipient(&r, got);
        VBYTES(v, MIX_BYTES(got), mix_vec_hex_value(v, value));
        mix_bin_put_bytes(b, MIX_BYTES(got));
    } else if (!strcmp(type, "timestamp")) {
        mix_timestamp got;
        mix_ipr_read_time(&r, &got);
        check_time(v, &got, value);
        mix_ipr_put_time(b, &got);
    } else if (!strcmp(type, "ip_pair")) {
        mix_ipr_ips got, want;
        mix_ipr_read_ips(&r, &got);
        get_ips(v, value, &want);
        VCHECK(v, memcmp(&got, &want, sizeof got) == 0);
        mix_ipr_put_ips(b, &got);
    } else {
        VFAIL(v, "a type that the test knows");
    }
    VCHECK(v, !r.bad && r.in.len == 0);
}

static void primitives(mix_vectors *v) {
    size_t i, n;
    yyjson_val *p;
    yyjson_arr_foreach(mix_vec(v, v->root, "primitives"), i, n, p) {
        const char *type = mix_vec_str(v, p, "type");
        mix_vectors_at(v, "primitives[%zu] %s", i, type);
        mix_bytes in = mix_vec_hex(v, p, "hex");
        mix_buf b = {0};
        put_primitive(v, &b, type, mix_vec(v, p, "value"), in);
        VBYTES(v, mix_buf_bytes(&b), in);
        for (size_t cut = 0; cut < in.len && !strcmp(type, "timestamp"); cut++) {
            mix_reader r = {.in = mix_bytes_of(in.data, cut)};
            mix_timestamp t;
            mix_ipr_read_time(&r, &t);
            VCHECK(v, r.bad);
        }
        mix_buf_deinit(&b);
        mix_vectors_sweep(v);
    }
}

/* --- requests --- */

static mix_ipr_request_kind request_kind(const char *name) {
    static const struct {
        const char *name;
        mix_ipr_request_kind kind;
    } rows[] = {{"data", MIX_IPR_REQ_DATA}, {"connect", MIX_IPR_REQ_CONNECT}, {"dynamic_connect", MIX_IPR_REQ_CONNECT},
                {"static_connect", MIX_IPR_REQ_STATIC_CONNECT}, {"disconnect", MIX_IPR_REQ_DISCONNECT},
                {"ping", MIX_IPR_REQ_PING}, {"health", MIX_IPR_REQ_HEALTH}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strcmp(rows[i].name, name))
            return rows[i].kind;
    }
    abort();
}

static bool given(yyjson_val *fields, const char *key) {
    yyjson_val *value = yyjson_obj_get(fields, key);
    return value && !yyjson_is_null(value);
}

static mix_ipr_request request_of(mix_vectors *v, yyjson_val *entry) {
    yyjson_val *f = mix_vec(v, entry, "fields");
    mix_ipr_request q = {.version = (uint8_t)mix_vec_u64(v, entry, "version"), .kind = request_kind(mix_vec_str(v, entry, "kind"))};
    mix_ipr_legacy *l = &q.legacy;
    if (given(f, "protocol"))
        q.provider = (uint8_t)mix_vec_u64(v, mix_vec(v, f, "protocol"), "service_provider_type");
    if (given(f, "request_id"))
        q.id = mix_vec_u64(v, f, "request_id");
    if ((q.has_timeout = given(f, "buffer_timeout")))
        q.buffer_timeout = mix_vec_u64(v, f, "buffer_timeout");
    if (given(f, "timestamp"))
        q.time = get_time(v, mix_vec(v, f, "timestamp"));
    if (given(f, "ip_packets"))
        q.bundle = mix_vec_hex(v, f, "ip_packets");
    if (given(f, "ips"))
        get_ips(v, mix_vec(v, f, "ips"), &l->ips);
    if (given(f, "reply_to"))
        memcpy(l->reply_to, mix_vec_hex(v, f, "reply_to").data, sizeof l->reply_to);
    if ((l->has_hops = given(f, "reply_to_hops")))
        l->hops = (uint8_t)mix_vec_u64(v, f, "reply_to_hops");
    if ((l->has_delays = given(f, "reply_to_avg_mix_delays")))
        l->delays = yyjson_get_num(mix_vec(v, f, "reply_to_avg_mix_delays"));
    if (given(f, "signed_bytes"))
        l->signed_bytes = mix_vec_hex(v, f, "signed_bytes");
    if ((l->has_signature = given(f, "signature")))
        memcpy(l->signature, mix_vec_hex(v, f, "signature").data, sizeof l->signature);
    return q;
}

static void compare_requests(mix_vectors *v, const mix_ipr_request *got, const mix_ipr_request *want) {
    const mix_ipr_legacy *g = &got->legacy, *w = &want->legacy;
    VCHECK(v, got->version == want->version && got->provider == want->provider && got->kind == want->kind);
    VCHECK(v, got->id == want->id && got->has_timeout == want->has_timeout && got->buffer_timeout == want->buffer_timeout);
    VBYTES(v, got->bundle, want->bundle);
    VBYTES(v, MIX_BYTES(g->reply_to), MIX_BYTES(w->reply_to));
    VCHECK(v, g->has_hops == w->has_hops && g->hops == w->hops && g->has_delays == w->has_delays);
    VCHECK(v, g->delays >= w->delays && g->delays <= w->delays && memcmp(&g->ips, &w->ips, sizeof g->ips) == 0);
    VBYTES(v, g->signed_bytes, w->signed_bytes);
    VCHECK(v, g->has_signature == w->has_signature && memcmp(g->signature, w->signature, sizeof g->signature) == 0);
}

static void requests(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "requests"), i, n, entry) {
        mix_vectors_at(v, "requests %s", mix_vec_str(v, entry, "name"));
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        mix_ipr_request want = request_of(v, entry), got;
        if (VSTATUS(v, mix_ipr_request_decode(&got, in), MIX_OK)) {
            compare_requests(v, &got, &want);
            if (given(mix_vec(v, entry, "fields"), "timestamp"))
                check_time(v, &got.time, mix_vec(v, mix_vec(v, entry, "fields"), "timestamp"));
            if (got.legacy.has_signature) {
                mix_crypto *crypto;
                VSTATUS(v, mix_crypto_new(&crypto), MIX_OK);
                VSTATUS(v, mix_ed25519_verify(crypto, got.legacy.reply_to, got.legacy.signature, got.legacy.signed_bytes), MIX_OK);
                mix_crypto_free(crypto);
            }
        }
        mix_buf b = {0};
        VSTATUS(v, mix_ipr_request_encode(&b, &want), MIX_OK);
        VBYTES(v, mix_buf_bytes(&b), in);
        for (size_t cut = 0; cut < in.len; cut++) /* one check for all cuts: none of them reads as a request */
            if (mix_ipr_request_decode(&got, mix_bytes_of(in.data, cut)) == MIX_OK)
                VFAIL(v, "a shortened request is refused");
        mix_buf_deinit(&b);
        mix_vectors_sweep(v);
    }
}

/* --- responses --- */

static mix_ipr_reason reason_of(const char *name) {
    static const struct {
        const char *name;
        mix_ipr_reason reason;
    } rows[] = {{"client_already_connected", MIX_IPR_ALREADY_CONNECTED}, {"no_available_ip", MIX_IPR_NO_ADDRESS},
                {"client_not_connected", MIX_IPR_NOT_CONNECTED}, {"requested_nym_address_not_connected", MIX_IPR_NOT_CONNECTED},
                {"client_mixnet_traffic_timeout", MIX_IPR_MIXNET_TIMEOUT}, {"client_tun_traffic_timeout", MIX_IPR_TUN_TIMEOUT},
                {"requested_ip_already_in_use", MIX_IPR_IP_IN_USE},
                {"requested_nym_address_already_in_use", MIX_IPR_NYM_ADDRESS_IN_USE},
                {"out_of_date_timestamp", MIX_IPR_OUT_OF_DATE}, {"other", MIX_IPR_OTHER}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strcmp(rows[i].name, name))
            return rows[i].reason;
    }
    abort();
}

static void reason_into(mix_vectors *v, mix_ipr_response *p, yyjson_val *o) {
    p->reason = reason_of(mix_vec_str(v, o, "kind"));
    if (p->reason == MIX_IPR_OTHER)
        p->text = mix_bytes_str(mix_vec_str(v, o, "text"));
}

static void reply_into(mix_vectors *v, mix_ipr_response *p, yyjson_val *reply) {
    yyjson_val *success = yyjson_obj_get(reply, "success");
    p->success = success != NULL;
    if (!success) {
        reason_into(v, p, mix_vec(v, reply, "failure"));
    } else if (yyjson_is_obj(success)) {
        get_ips(v, success, &p->ips);
        if (given(success, "mtu"))
            p->mtu = (uint16_t)mix_vec_u64(v, success, "mtu");
    }
}

static void health_into(mix_vectors *v, mix_ipr_response *p, yyjson_val *f) {
    static const char *const names[] = {"binary_name", "build_timestamp", "build_version", "commit_sha", "commit_timestamp",
                                        "commit_branch", "rustc_version", "rustc_channel", "cargo_profile", "cargo_triple"};
    yyjson_val *info = mix_vec(v, f, "build_info");
    for (int i = 0; i < MIX_IPR_BUILD_FIELDS; i++)
        p->build[i] = mix_bytes_str(mix_vec_str(v, info, names[i]));
    p->routable = given(f, "routable") ? mix_vec_bool(v, f, "routable") : -1;
}

static void info_into(mix_vectors *v, mix_ipr_response *p, yyjson_val *f) {
    yyjson_val *reply = mix_vec(v, f, "reply");
    const char *kind = mix_vec_str(v, reply, "kind");
    p->level = (uint8_t)mix_vec_u64(v, f, "level");
    if (!strcmp(kind, "version_mismatch")) {
        p->info = MIX_IPR_INFO_VERSION;
        p->info_request_version = (uint8_t)mix_vec_u64(v, reply, "request_version");
        p->info_response_version = (uint8_t)mix_vec_u64(v, reply, "response_version");
    } else {
        bool generic = !strcmp(kind, "generic");
        p->info = generic ? MIX_IPR_INFO_GENERIC : MIX_IPR_INFO_REFUSED;
        p->text = mix_bytes_str(mix_vec_str(v, reply, generic ? "msg" : "dst"));
    }
}

static mix_ipr_response response_of(mix_vectors *v, yyjson_val *entry) {
    yyjson_val *f = mix_vec(v, entry, "fields");
    const char *kind = mix_vec_str(v, entry, "kind");
    mix_ipr_response p = {.version = (uint8_t)mix_vec_u64(v, entry, "version")};
    if (given(f, "request_id"))
        p.id = mix_vec_u64(v, f, "request_id");
    if (given(f, "reply_to"))
        memcpy(p.reply_to, mix_vec_hex(v, f, "reply_to").data, sizeof p.reply_to);
    if (!strcmp(kind, "data")) {
        p.kind = MIX_IPR_RES_DATA;
        p.bundle = mix_vec_hex(v, f, "ip_packet");
    } else if (!strcmp(kind, "unrequested_disconnect")) {
        p.kind = MIX_IPR_RES_UNREQUESTED_DISCONNECT;
        reason_into(v, &p, mix_vec(v, f, "reason"));
    } else if (!strcmp(kind, "pong")) {
        p.kind = MIX_IPR_RES_PONG;
    } else if (!strcmp(kind, "health")) {
        p.kind = MIX_IPR_RES_HEALTH;
        health_into(v, &p, f);
    } else if (!strcmp(kind, "info")) {
        p.kind = MIX_IPR_RES_INFO;
        info_into(v, &p, f);
    } else {
        p.kind = !strcmp(kind, "disconnect") ? MIX_IPR_RES_DISCONNECT
                 : !strcmp(kind, "static_connect") ? MIX_IPR_RES_STATIC_CONNECT : MIX_IPR_RES_CONNECT;
        reply_into(v, &p, mix_vec(v, f, "reply"));
    }
    return p;
}

static void compare_responses(mix_vectors *v, const mix_ipr_response *got, const mix_ipr_response *want) {
    VCHECK(v, got->version == want->version && got->kind == want->kind && got->id == want->id);
    VCHECK(v, got->success == want->success && got->reason == want->reason && got->mtu == want->mtu);
    VCHECK(v, memcmp(&got->ips, &want->ips, sizeof got->ips) == 0 && got->routable == want->routable);
    VCHECK(v, got->info == want->info && got->level == want->level && got->info_request_version == want->info_request_version &&
                  got->info_response_version == want->info_response_version);
    VBYTES(v, got->text, want->text);
    VBYTES(v, got->bundle, want->bundle);
    VBYTES(v, MIX_BYTES(got->reply_to), MIX_BYTES(want->reply_to));
    for (int i = 0; got->kind == MIX_IPR_RES_HEALTH && i < MIX_IPR_BUILD_FIELDS; i++)
        VBYTES(v, got->build[i], want->build[i]);
}

static void responses(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "responses"), i, n, entry) {
        mix_vectors_at(v, "responses %s", mix_vec_str(v, entry, "name"));
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        mix_ipr_response want = response_of(v, entry), got;
        if (VSTATUS(v, mix_ipr_response_decode(&got, in, 0), MIX_OK))
            compare_responses(v, &got, &want);
        mix_buf b = {0};
        VSTATUS(v, mix_ipr_response_encode(&b, &want), MIX_OK);
        VBYTES(v, mix_buf_bytes(&b), in);
        for (size_t cut = 0; cut < in.len; cut++)
            if (mix_ipr_response_decode(&got, mix_bytes_of(in.data, cut), 0) == MIX_OK)
                VFAIL(v, "a shortened response is refused");
        mix_buf_deinit(&b);
        mix_vectors_sweep(v);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "decode_cases"), i, n, entry) {
        const char *shape = mix_vec_str(v, entry, "shape");
        mix_vectors_at(v, "decode_cases %s", mix_vec_str(v, entry, "what"));
        mix_bytes in = mix_vec_hex(v, entry, "hex");
        mix_ipr_request q;
        mix_ipr_response p;
        int status = !strcmp(shape, "request_v8_shape")    ? mix_ipr_request_decode(&q, in)
                     : !strcmp(shape, "response_v8_shape") ? mix_ipr_response_decode(&p, in, 8)
                                                           : mix_ipr_response_decode(&p, in, 10);
        VCHECK(v, (status == MIX_OK) == mix_vec_bool(v, entry, "accepted"));
        mix_vectors_sweep(v);
    }
}

/* --- frames, bundles, conversation --- */

static void frames(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "lp_frames"), i, n, entry) {
        mix_vectors_at(v, "lp_frames[%zu]", i);
        mix_bytes in = mix_vec_hex(v, entry, "hex"), payload = mix_vec_hex(v, entry, "payload");
        uint64_t id = mix_vec_u64(v, entry, "stream_id");
        uint32_t seq = (uint32_t)mix_vec_u64(v, entry, "sequence_num");
        mix_lp_type type = (mix_lp_type)mix_vec_u64(v, entry, "msg_type");
        mix_buf b = {0};
        mix_lp_encode(&b, id, type, seq, payload);
        VBYTES(v, mix_buf_bytes(&b), in);
        mix_lp_frame f;
        VSTATUS(v, mix_lp_decode(&f, in), MIX_OK);
        VCHECK(v, f.kind == MIX_LP_STREAM && f.stream_id == id && f.type == type && f.seq == seq);
        VBYTES(v, f.payload, payload);
        mix_buf_deinit(&b);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "lp_parse"), i, n, entry) {
        mix_vectors_at(v, "lp_parse %s", mix_vec_str(v, entry, "what"));
        yyjson_val *parsed = mix_vec(v, entry, "parsed"), *header = mix_vec(v, parsed, "header");
        mix_lp_frame f = {.kind = 99};
        int status = mix_lp_decode(&f, mix_vec_hex(v, entry, "hex"));
        if (yyjson_is_null(header)) {
            VSTATUS(v, status, MIX_ERR_LP_NONE);
            continue;
        }
        yyjson_val *attributes = mix_vec(v, parsed, "attributes");
        if (yyjson_is_str(attributes)) {
            VSTATUS(v, status, MIX_ERR_LP_TYPE);
            continue;
        }
        VSTATUS(v, status, MIX_OK);
        VCHECK(v, f.kind == mix_vec_u64(v, header, "kind"));
        if (yyjson_is_obj(attributes))
            VCHECK(v, f.stream_id == mix_vec_u64(v, attributes, "stream_id") && f.type == mix_vec_u64(v, attributes, "msg_type") &&
                          f.seq == mix_vec_u64(v, attributes, "sequence_num"));
    }
    mix_vectors_sweep(v);
}

static void bundle_steps(mix_vectors *v, yyjson_val *steps) {
    mix_bundler w = {0};
    size_t k, m;
    yyjson_val *step;
    yyjson_arr_foreach(steps, k, m, step) {
        static uint8_t packet[UINT16_MAX];
        mix_buf out = {0};
        if (!strcmp(mix_vec_str(v, step, "op"), "flush")) {
            VSTATUS(v, mix_bundler_flush(&w, &out), MIX_OK);
        } else {
            size_t len = (size_t)mix_vec_u64(v, step, "len");
            memset(packet, (int)mix_vec_u64(v, step, "fill"), len);
            VSTATUS(v, mix_bundler_put(&w, &out, mix_bytes_of(packet, len)), MIX_OK);
        }
        VBYTES(v, mix_buf_bytes(&out), mix_vec_hex(v, step, "emitted"));
        mix_buf_deinit(&out);
    }
    mix_bundler_deinit(&w);
    mix_vectors_sweep(v);
}

static void bundles(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "bundle_decode"), i, n, entry) {
        mix_vectors_at(v, "bundle_decode[%zu]", i);
        mix_bytes in = mix_vec_hex(v, entry, "hex"), packet;
        yyjson_val *packets = mix_vec(v, entry, "packets");
        size_t count = 0;
        while (mix_bundle_take(&packet, &in) && count < yyjson_arr_size(packets))
            VBYTES(v, packet, mix_vec_hex_value(v, yyjson_arr_get(packets, count++)));
        VCHECK(v, count == yyjson_arr_size(packets));
        VBYTES(v, in, mix_vec_hex(v, entry, "leftover"));
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "bundle_encode"), i, n, entry) {
        mix_vectors_at(v, "bundle_encode[%zu]", i);
        bundle_steps(v, entry);
    }
}

static void framed(mix_vectors *v, yyjson_val *entry, const char *key, mix_lp_type type, uint32_t seq, mix_bytes payload) {
    mix_buf b = {0};
    mix_lp_encode(&b, mix_vec_u64(v, entry, "stream_id"), type, seq, payload);
    VBYTES(v, mix_buf_bytes(&b), mix_vec_hex(v, entry, key));
    mix_buf_deinit(&b);
}

static void conversation(mix_vectors *v) {
    size_t i, n;
    yyjson_val *entry;
    yyjson_arr_foreach(mix_vec(v, v->root, "conversation"), i, n, entry) {
        mix_vectors_at(v, "conversation[%zu]", i);
        uint8_t version = (uint8_t)mix_vec_u64(v, entry, "version");
        uint64_t id = mix_vec_u64(v, entry, "request_id");
        mix_buf b = {0}, bundle = {0};
        framed(v, entry, "open", MIX_LP_OPEN, 0, (mix_bytes){0});
        mix_ipr_request connect = {.version = version, .provider = MIX_IPR_ROUTER, .kind = MIX_IPR_REQ_CONNECT, .id = id,
                                   .time = get_time(v, mix_vec(v, entry, "timestamp"))};
        VSTATUS(v, mix_ipr_request_encode(&b, &connect), MIX_OK);
        framed(v, entry, "connect_request", MIX_LP_DATA, 0, mix_buf_bytes(&b));
        mix_ipr_response ok = {.version = version, .kind = MIX_IPR_RES_CONNECT, .id = id, .success = true};
        get_ips(v, mix_vec(v, entry, "ips"), &ok.ips);
        ok.mtu = given(entry, "mtu") ? (uint16_t)mix_vec_u64(v, entry, "mtu") : 0;
        mix_buf_truncate(&b, 0);
        VSTATUS(v, mix_ipr_response_encode(&b, &ok), MIX_OK);
        framed(v, entry, "connect_response", MIX_LP_DATA, 0, mix_buf_bytes(&b));
        mix_bundle_put(&bundle, mix_vec_hex(v, entry, "ip_packet"));
        mix_ipr_request data = {.version = 9, .provider = MIX_IPR_ROUTER, .kind = MIX_IPR_REQ_DATA, .bundle = mix_buf_bytes(&bundle)};
        mix_buf_truncate(&b, 0);
        VSTATUS(v, mix_ipr_request_encode(&b, &data), MIX_OK);
        framed(v, entry, "data_request", MIX_LP_DATA, 1, mix_buf_bytes(&b));
        mix_ipr_response down = {.version = version, .kind = MIX_IPR_RES_DATA, .bundle = mix_buf_bytes(&bundle)};
        mix_buf_truncate(&b, 0);
        VSTATUS(v, mix_ipr_response_encode(&b, &down), MIX_OK);
        framed(v, entry, "data_response", MIX_LP_DATA, 1, mix_buf_bytes(&b));
        mix_ipr_response blocked = {.version = 9, .kind = MIX_IPR_RES_INFO, .info = MIX_IPR_INFO_REFUSED, .level = 1,
                                    .text = mix_bytes_str("8.8.8.8:53")};
        mix_buf_truncate(&b, 0);
        VSTATUS(v, mix_ipr_response_encode(&b, &blocked), MIX_OK);
        framed(v, entry, "blocked_response", MIX_LP_DATA, 0, mix_buf_bytes(&b));
        mix_buf_deinit(&b);
        mix_buf_deinit(&bundle);
        mix_vectors_sweep(v);
    }
}

/* --- filter --- */

static void check_formatted(mix_vectors *v, const mix_policy *p, const char *want) {
    mix_buf b = {0};
    mix_policy_format(&b, p);
    VBYTES(v, mix_buf_bytes(&b), mix_bytes_str(want));
    mix_buf_deinit(&b);
}

static void filter(mix_vectors *v) {
    size_t i, n, k, m;
    yyjson_val *entry, *check;
    mix_address a;
    yyjson_arr_foreach(mix_vec(v, v->root, "is_global_ip"), i, n, entry) {
        const char *ip = mix_vec_str(v, entry, "ip");
        mix_vectors_at(v, "is_global_ip %s", ip);
        VSTATUS(v, mix_ip_parse(&a, mix_bytes_str(ip)), MIX_OK);
        VCHECK(v, mix_ip_is_global(&a) == mix_vec_bool(v, entry, "global"));
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "exit_policy"), i, n, entry) {
        mix_policy p = {0};
        mix_vectors_at(v, "exit_policy[%zu]", i);
        VSTATUS(v, mix_policy_parse(&p, mix_bytes_str(mix_vec_str(v, entry, "text")), NULL), MIX_OK);
        check_formatted(v, &p, mix_vec_str(v, entry, "formatted"));
        yyjson_arr_foreach(mix_vec(v, entry, "checks"), k, m, check) {
            yyjson_val *allows = mix_vec(v, check, "allows");
            VSTATUS(v, mix_ip_parse(&a, mix_bytes_str(mix_vec_str(v, check, "ip"))), MIX_OK);
            a.port = (uint16_t)mix_vec_u64(v, check, "port");
            VCHECK(v, mix_policy_match(&p, &a) == (yyjson_is_null(allows) ? -1 : yyjson_get_bool(allows)));
        }
        mix_policy_deinit(&p);
    }
    yyjson_arr_foreach(mix_vec(v, v->root, "exit_policy_lines"), i, n, entry) {
        mix_policy p = {0};
        size_t line = 0;
        const char *text = mix_vec_str(v, entry, "line");
        mix_vectors_at(v, "exit_policy_lines '%s'", text);
        if (mix_vec_bool(v, entry, "ok")) {
            VSTATUS(v, mix_policy_parse(&p, mix_bytes_str(text), &line), MIX_OK);
            check_formatted(v, &p, mix_vec_str(v, entry, "formatted"));
        } else {
            VSTATUS(v, mix_policy_parse(&p, mix_bytes_str(text), &line), MIX_ERR_POLICY);
            VCHECK(v, line == 1 && p.count == 0);
        }
        mix_policy_deinit(&p);
    }
    mix_policy open = {0};
    mix_vectors_at(v, "exit_policy_open");
    VSTATUS(v, mix_policy_parse(&open, mix_bytes_str(mix_vec_str(v, mix_vec(v, v->root, "exit_policy_open"), "formatted")), NULL), MIX_OK);
    VSTATUS(v, mix_ip_parse(&a, mix_bytes_str("1.1.1.1")), MIX_OK);
    a.port = 25;
    VCHECK(v, mix_policy_match(&open, &a) == 1);
    mix_policy_deinit(&open);
}

static void constants(mix_vectors *v) {
    yyjson_val *c = mix_vec(v, v->root, "constants");
    mix_vectors_at(v, "constants");
    VCHECK(v, mix_vec_u64(v, c, "LP_HEADER_SIZE") == MIX_LP_HEADER_LEN);
    VCHECK(v, mix_vec_u64(v, c, "LP_KIND_SPHINX_STREAM") == MIX_LP_STREAM);
    VCHECK(v, mix_vec_u64(v, c, "LP_MSG_OPEN") == MIX_LP_OPEN && mix_vec_u64(v, c, "LP_MSG_DATA") == MIX_LP_DATA);
    VCHECK(v, mix_vec_u64(v, c, "MAX_PACKET_SIZE") == MIX_BUNDLE_MAX);
}

int main(void) {
    mix_vectors v;
    mix_vectors_open(&v, "ipr", "ipr.json");
    constants(&v);
    primitives(&v);
    requests(&v);
    responses(&v);
    frames(&v);
    bundles(&v);
    conversation(&v);
    filter(&v);
    return mix_vectors_close(&v);
}
