/* SPDX-License-Identifier: Apache-2.0 */
/* Responses of the router (5-ipr.md §5.3). */
#include "ipr/parts.h"

#include "mix/errors.h"

const char *mix_ipr_reason_text(mix_ipr_reason reason) {
    static const char *const texts[] = {
        [MIX_IPR_ALREADY_CONNECTED] = "client is already connected",
        [MIX_IPR_NO_ADDRESS] = "no available ip address",
        [MIX_IPR_NOT_CONNECTED] = "client is not connected",
        [MIX_IPR_MIXNET_TIMEOUT] = "client mixnet traffic timeout",
        [MIX_IPR_TUN_TIMEOUT] = "client tun traffic timeout",
        [MIX_IPR_IP_IN_USE] = "requested ip is already in use",
        [MIX_IPR_NYM_ADDRESS_IN_USE] = "requested nym-address is already in use",
        [MIX_IPR_OUT_OF_DATE] = "timestamp is out of date",
        [MIX_IPR_OTHER] = "other",
    };
    return texts[reason];
}

/* Which reasons exist where, in the order of their numbers; MIX_IPR_OTHER is always the last. */
typedef struct reason_list {
    uint8_t count;
    uint8_t reasons[4];
} reason_list;
static const reason_list unrequested = {3, {MIX_IPR_MIXNET_TIMEOUT, MIX_IPR_TUN_TIMEOUT, MIX_IPR_OTHER}};
static const reason_list connect_8 = {3, {MIX_IPR_ALREADY_CONNECTED, MIX_IPR_NO_ADDRESS, MIX_IPR_OTHER}};
static const reason_list connect_6 = {3, {MIX_IPR_NYM_ADDRESS_IN_USE, MIX_IPR_NO_ADDRESS, MIX_IPR_OTHER}};
static const reason_list static_6 = {3, {MIX_IPR_IP_IN_USE, MIX_IPR_NYM_ADDRESS_IN_USE, MIX_IPR_OTHER}};
static const reason_list static_7 = {4, {MIX_IPR_IP_IN_USE, MIX_IPR_NYM_ADDRESS_IN_USE, MIX_IPR_OUT_OF_DATE, MIX_IPR_OTHER}};
static const reason_list disconnect_any = {2, {MIX_IPR_NOT_CONNECTED, MIX_IPR_OTHER}};

static const reason_list *reasons_of(const mix_ipr_response *p) {
    switch (p->kind) {
    case MIX_IPR_RES_UNREQUESTED_DISCONNECT:
        return &unrequested;
    case MIX_IPR_RES_DISCONNECT:
        return &disconnect_any;
    case MIX_IPR_RES_STATIC_CONNECT:
        return p->version == 7 ? &static_7 : &static_6;
    default:
        return p->version >= 8 ? &connect_8 : &connect_6;
    }
}

/* --- writing --- */

static int put_reason(mix_buf *out, const mix_ipr_response *p) {
    const reason_list *list = reasons_of(p);
    for (uint8_t i = 0; i < list->count; i++) {
        if (list->reasons[i] != p->reason)
            continue;
        mix_buf_put_u8(out, i);
        if (p->reason == MIX_IPR_OTHER)
            mix_bin_put_bytes(out, p->text);
        return MIX_OK;
    }
    return MIX_ERR_IPR_RESPONSE;
}

static int put_reply(mix_buf *out, const mix_ipr_response *p) {
    mix_buf_put_u8(out, !p->success);
    if (!p->success)
        return put_reason(out, p);
    if (p->kind == MIX_IPR_RES_CONNECT) {
        mix_ipr_put_ips(out, &p->ips);
        if (p->version == 10)
            mix_bin_put_varint(out, p->mtu);
    }
    return MIX_OK;
}

static void put_health(mix_buf *out, const mix_ipr_response *p) {
    for (int i = 0; i < MIX_IPR_BUILD_FIELDS; i++)
        mix_bin_put_bytes(out, p->build[i]);
    mix_buf_put_u8(out, p->routable >= 0);
    if (p->routable >= 0)
        mix_buf_put_u8(out, p->routable > 0);
}

static void put_info(mix_buf *out, const mix_ipr_response *p) {
    mix_buf_put_u8(out, (uint8_t)p->info);
    if (p->info == MIX_IPR_INFO_VERSION) {
        mix_buf_put_u8(out, p->info_request_version);
        mix_buf_put_u8(out, p->info_response_version);
    } else {
        mix_bin_put_bytes(out, p->text);
    }
    mix_buf_put_u8(out, p->level);
}

static const uint8_t control_of[] = {[MIX_IPR_RES_CONNECT] = 0, [MIX_IPR_RES_DISCONNECT] = 1, [MIX_IPR_RES_UNREQUESTED_DISCONNECT] = 2,
                                     [MIX_IPR_RES_PONG] = 3,    [MIX_IPR_RES_HEALTH] = 4,     [MIX_IPR_RES_INFO] = 5};
static const uint8_t legacy_of[] = {[MIX_IPR_RES_STATIC_CONNECT] = 0, [MIX_IPR_RES_CONNECT] = 1, [MIX_IPR_RES_DISCONNECT] = 2,
                                    [MIX_IPR_RES_UNREQUESTED_DISCONNECT] = 3, [MIX_IPR_RES_DATA] = 4, [MIX_IPR_RES_PONG] = 5,
                                    [MIX_IPR_RES_HEALTH] = 6, [MIX_IPR_RES_INFO] = 7};
static const mix_ipr_response_kind control_kinds[] = {MIX_IPR_RES_CONNECT, MIX_IPR_RES_DISCONNECT, MIX_IPR_RES_UNREQUESTED_DISCONNECT,
                                                      MIX_IPR_RES_PONG,    MIX_IPR_RES_HEALTH,     MIX_IPR_RES_INFO};
static const mix_ipr_response_kind legacy_kinds[] = {
    MIX_IPR_RES_STATIC_CONNECT, MIX_IPR_RES_CONNECT, MIX_IPR_RES_DISCONNECT, MIX_IPR_RES_UNREQUESTED_DISCONNECT,
    MIX_IPR_RES_DATA,           MIX_IPR_RES_PONG,    MIX_IPR_RES_HEALTH,     MIX_IPR_RES_INFO};

static int put_body(mix_buf *out, const mix_ipr_response *p) {
    switch (p->kind) {
    case MIX_IPR_RES_CONNECT:
    case MIX_IPR_RES_STATIC_CONNECT:
    case MIX_IPR_RES_DISCONNECT:
        return put_reply(out, p);
    case MIX_IPR_RES_UNREQUESTED_DISCONNECT:
        return put_reason(out, p);
    case MIX_IPR_RES_HEALTH:
        put_health(out, p);
        return MIX_OK;
    case MIX_IPR_RES_INFO:
        put_info(out, p);
        return MIX_OK;
    default:
        return MIX_OK;
    }
}

static void put_head(mix_buf *out, const mix_ipr_response *p, bool legacy) {
    mix_buf_put_u8(out, p->version);
    if (legacy) {
        mix_buf_put_u8(out, legacy_of[p->kind]);
    } else {
        mix_buf_put_u8(out, p->kind != MIX_IPR_RES_DATA);
        if (p->kind != MIX_IPR_RES_DATA)
            mix_buf_put_u8(out, control_of[p->kind]);
    }
    if (p->kind == MIX_IPR_RES_DATA) {
        mix_bin_put_bytes(out, p->bundle);
        return;
    }
    if (p->kind != MIX_IPR_RES_UNREQUESTED_DISCONNECT)
        mix_bin_put_varint(out, p->id);
    if (legacy)
        mix_bin_put_bytes(out, MIX_BYTES(p->reply_to));
}

int mix_ipr_response_encode(mix_buf *out, const mix_ipr_response *p) {
    bool legacy = p->version == 6 || p->version == 7;
    if (!legacy && (p->version < 8 || p->version > 10))
        return MIX_ERR_IPR_VERSION;
    if (!legacy && p->kind == MIX_IPR_RES_STATIC_CONNECT)
        return MIX_ERR_IPR_RESPONSE;
    size_t mark = out->len;
    put_head(out, p, legacy);
    int status = put_body(out, p);
    status = status == MIX_OK ? mix_buf_status(out) : status;
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* --- reading --- */

static void read_reason(mix_reader *r, mix_ipr_response *p) {
    const reason_list *list = reasons_of(p);
    p->reason = (mix_ipr_reason)list->reasons[mix_bin_varint(r, list->count - 1u)];
    if (p->reason == MIX_IPR_OTHER)
        p->text = mix_bin_text(r);
}

static void read_reply(mix_reader *r, mix_ipr_response *p) {
    p->success = mix_bin_varint(r, 1) == 0;
    if (!p->success) {
        read_reason(r, p);
    } else if (p->kind == MIX_IPR_RES_CONNECT) {
        mix_ipr_read_ips(r, &p->ips);
        if (p->version == 10)
            p->mtu = (uint16_t)mix_bin_varint(r, UINT16_MAX);
    }
}

static void read_health(mix_reader *r, mix_ipr_response *p) {
    for (int i = 0; i < MIX_IPR_BUILD_FIELDS; i++)
        p->build[i] = mix_bin_text(r);
    p->routable = mix_bin_bool(r) ? mix_bin_bool(r) : -1;
}

static void read_info(mix_reader *r, mix_ipr_response *p) {
    p->info = (mix_ipr_info)mix_bin_varint(r, MIX_IPR_INFO_REFUSED);
    if (p->info == MIX_IPR_INFO_VERSION) {
        p->info_request_version = mix_read_u8(r);
        p->info_response_version = mix_read_u8(r);
    } else {
        p->text = mix_bin_text(r);
    }
    p->level = (uint8_t)mix_bin_varint(r, 2);
}

static void read_body(mix_reader *r, mix_ipr_response *p) {
    switch (p->kind) {
    case MIX_IPR_RES_CONNECT:
    case MIX_IPR_RES_STATIC_CONNECT:
    case MIX_IPR_RES_DISCONNECT:
        read_reply(r, p);
        break;
    case MIX_IPR_RES_UNREQUESTED_DISCONNECT:
        read_reason(r, p);
        break;
    case MIX_IPR_RES_HEALTH:
        read_health(r, p);
        break;
    case MIX_IPR_RES_INFO:
        read_info(r, p);
        break;
    default:
        break;
    }
}

int mix_ipr_response_decode(mix_ipr_response *out, mix_bytes in, uint8_t shape) {
    mix_reader r = {.in = in};
    mix_ipr_response p = {.version = mix_read_u8(&r)};
    uint8_t version = p.version;
    if (r.bad)
        return MIX_ERR_IPR_RESPONSE;
    p.version = shape ? shape : version;
    if (p.version < 6 || p.version > 10)
        return MIX_ERR_IPR_VERSION;
    bool legacy = p.version < 8;
    if (legacy)
        p.kind = legacy_kinds[mix_bin_varint(&r, 7)];
    else
        p.kind = mix_bin_varint(&r, 1) == 0 ? MIX_IPR_RES_DATA : control_kinds[mix_bin_varint(&r, 5)];
    if (p.kind == MIX_IPR_RES_DATA) {
        p.bundle = mix_bin_bytes(&r);
    } else {
        if (p.kind != MIX_IPR_RES_UNREQUESTED_DISCONNECT)
            p.id = mix_bin_varint(&r, UINT64_MAX);
        if (legacy)
            mix_ipr_read_recipient(&r, p.reply_to);
        read_body(&r, &p);
    }
    if (r.bad || r.in.len > 0)
        return MIX_ERR_IPR_RESPONSE;
    p.version = version;
    *out = p;
    return MIX_OK;
}
