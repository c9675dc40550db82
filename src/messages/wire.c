/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, lists of reply SURBs and fragment headers as bytes, in both directions. */
#include "messages/wire.h"

#include "mix/errors.h"
#include "traffic/payload.h"

#include <assert.h>

enum {
    REPLY_SURB_LEN_V1 = MIX_SURB_KEY_LEN + MIX_SPHINX_HEADER_LEN + MIX_SPHINX_ADDRESS_LEN +
                        4 * MIX_LIONESS_KEY_LEN, /* 1164 */
    REPLY_SURB_BASE = MIX_SURB_KEY_LEN + MIX_SPHINX_HEADER_LEN + MIX_SPHINX_ADDRESS_LEN,
    SURB_REQUEST_LEN = MIX_RECIPIENT_LEN + 4,
    REPLY_DATA = 0,
    REPLY_SURB_REQUEST = 1,
};

static const uint32_t TOP_BIT = (uint32_t)1 << 31;

/* Lists of SURBs (§3.1) */

mix_bytes mix_surb_list_at(const mix_surb_list *list, size_t i) {
    return mix_bytes_slice(list->surbs, i * list->surb_len, list->surb_len);
}

static void encode_list(mix_buf *out, const mix_surb_list *list) {
    assert(list->surbs.len == list->count * list->surb_len);
    if (list->version == 1) {
        mix_buf_put_u32(out, list->count);
    } else {
        assert(list->count <= MIX_SURB_LIST_MOST);
        mix_buf_put_u16(out, (uint16_t)list->count);
        mix_buf_put_u8(out, list->hops);
        mix_buf_put_u8(out, (uint8_t)list->rotation);
    }
    mix_buf_put_bytes(out, list->surbs);
}

static int decode_list(mix_surb_list *out, mix_reader *r, uint8_t version) {
    mix_surb_list list = {.version = version};
    if (version == 1) {
        list.count = mix_read_u32(r);
        list.hops = 4;
        list.surb_len = REPLY_SURB_LEN_V1;
    } else {
        list.count = mix_read_u16(r);
        list.hops = mix_read_u8(r);
        uint8_t rotation = mix_read_u8(r);
        if (!r->bad && rotation > MIX_ROTATION_EVEN)
            return MIX_ERR_SURB_LIST_ROTATION;
        list.rotation = (mix_rotation)rotation;
        list.surb_len = REPLY_SURB_BASE + (size_t)list.hops * MIX_SPHINX_SEED_LEN;
    }
    if (r->bad)
        return MIX_ERR_SURB_LIST_HEADER;
    if (list.count > r->in.len / list.surb_len)
        return MIX_ERR_SURB_LIST_COUNT;
    list.surbs = mix_read_bytes(r, list.count * list.surb_len);
    for (size_t i = 0; i < list.count; i++) {
        mix_bytes surb = mix_surb_list_at(&list, i);
        int status = mix_surb_check(mix_bytes_slice(surb, MIX_SURB_KEY_LEN, surb.len));
        if (status != MIX_OK)
            return status;
    }
    *out = list;
    return MIX_OK;
}

/* Messages (§3) */

/* The content tags of a repliable message: the kinds in order for lists of version 1, then for
 * version 2. */
static uint8_t repliable_tag(mix_nym_content content, uint8_t list_version) {
    assert(content <= MIX_NYM_HEARTBEAT && (list_version == 1 || list_version == 2));
    return (uint8_t)((uint8_t)content + 3 * (list_version - 1));
}

static void put_repliable_header(mix_buf *out, const uint8_t tag[static MIX_SENDER_TAG_LEN],
                                 uint8_t content_tag) {
    mix_buf_put_u8(out, MIX_NYM_REPLIABLE);
    mix_buf_put(out, tag, MIX_SENDER_TAG_LEN);
    mix_buf_put_u8(out, content_tag);
}

void mix_nym_encode_repliable_front(mix_buf *out, mix_nym_content content,
                                    const uint8_t tag[static MIX_SENDER_TAG_LEN], uint16_t count,
                                    uint8_t hops, mix_rotation rotation) {
    put_repliable_header(out, tag, repliable_tag(content, 2));
    mix_buf_put_u16(out, count);
    mix_buf_put_u8(out, count > 0 ? hops : 0);
    mix_buf_put_u8(out, count > 0 ? (uint8_t)rotation : 0);
}

static void encode_reply(mix_buf *out, const mix_nym_message *m) {
    mix_buf_put_u8(out, MIX_NYM_REPLY);
    if (m->content == MIX_NYM_SURB_REQUEST) {
        mix_buf_put_u8(out, REPLY_SURB_REQUEST);
        mix_recipient_encode(out, &m->recipient);
        mix_buf_put_u32(out, m->amount);
    } else {
        assert(m->content == MIX_NYM_DATA && m->data.len > 0);
        mix_buf_put_u8(out, REPLY_DATA);
        mix_buf_put_bytes(out, m->data);
    }
}

void mix_nym_encode(mix_buf *out, const mix_nym_message *m) {
    switch (m->type) {
    case MIX_NYM_PLAIN:
        assert(m->content == MIX_NYM_DATA);
        mix_buf_put_u8(out, MIX_NYM_PLAIN);
        mix_buf_put_bytes(out, m->data);
        break;
    case MIX_NYM_REPLIABLE:
        put_repliable_header(out, m->tag, repliable_tag(m->content, m->surbs.version));
        encode_list(out, &m->surbs);
        if (m->content == MIX_NYM_DATA)
            mix_buf_put_bytes(out, m->data);
        break;
    case MIX_NYM_REPLY:
        encode_reply(out, m);
        break;
    }
}

static int decode_repliable(mix_nym_message *m, mix_reader *r) {
    mix_read_into(r, m->tag, sizeof m->tag);
    uint8_t tag = mix_read_u8(r);
    if (r->bad)
        return MIX_ERR_MESSAGE_TRUNCATED;
    if (tag > repliable_tag(MIX_NYM_HEARTBEAT, 2))
        return MIX_ERR_MESSAGE_CONTENT_TAG;
    if (r->in.len == 0)
        return MIX_ERR_MESSAGE_CONTENT;
    m->content = (mix_nym_content)(tag % 3);
    int status = decode_list(&m->surbs, r, (uint8_t)(1 + tag / 3));
    if (status == MIX_OK && m->content == MIX_NYM_DATA)
        m->data = r->in; /* behind the lists of other kinds anything is ignored */
    return status;
}

static int decode_reply(mix_nym_message *m, mix_reader *r) {
    uint8_t tag = mix_read_u8(r);
    if (r->bad)
        return MIX_ERR_MESSAGE_TRUNCATED;
    if (tag > REPLY_SURB_REQUEST)
        return MIX_ERR_MESSAGE_CONTENT_TAG;
    if (r->in.len == 0)
        return MIX_ERR_MESSAGE_CONTENT;
    if (tag == REPLY_DATA) {
        m->data = r->in;
        return MIX_OK;
    }
    m->content = MIX_NYM_SURB_REQUEST;
    if (r->in.len != SURB_REQUEST_LEN)
        return MIX_ERR_SURB_REQUEST;
    int status = mix_recipient_decode(&m->recipient, mix_read_bytes(r, MIX_RECIPIENT_LEN));
    m->amount = mix_read_u32(r);
    return status;
}

int mix_nym_decode(mix_nym_message *out, mix_bytes in) {
    mix_reader r = {.in = in};
    if (in.len == 0)
        return MIX_ERR_MESSAGE_EMPTY;
    uint8_t type = mix_read_u8(&r);
    mix_nym_message m = {.content = MIX_NYM_DATA};
    int status = MIX_OK;
    switch (type) {
    case MIX_NYM_PLAIN:
        m.data = r.in;
        break;
    case MIX_NYM_REPLIABLE:
        status = decode_repliable(&m, &r);
        break;
    case MIX_NYM_REPLY:
        status = decode_reply(&m, &r);
        break;
    default:
        status = MIX_ERR_MESSAGE_TYPE;
    }
    m.type = (mix_nym_type)type;
    if (status == MIX_OK)
        *out = m;
    return status;
}

/* Fragments (§5.1) */

size_t mix_fragment_header_len(const mix_fragment *f) {
    return f->previous || f->next ? MIX_FRAGMENT_LINKED_LEN : MIX_FRAGMENT_HEADER_LEN;
}

void mix_fragment_encode_header(mix_buf *out, const mix_fragment *f) {
    assert(f->set > 0 && f->set < TOP_BIT && f->current > 0 && f->current <= f->total);
    assert(!f->previous || (f->current == 1 && !f->next));
    assert(!f->next || f->current == MIX_FRAGMENT_SET_MOST);
    uint32_t link = f->previous ? f->previous : f->next;
    mix_buf_put_u32(out, f->set | TOP_BIT);
    mix_buf_put_u8(out, f->total);
    mix_buf_put_u8(out, f->current);
    if (link)
        mix_buf_put_u32(out, link | TOP_BIT);
    else
        mix_buf_put_u8(out, 0);
}

static int decode_link(mix_fragment *f, mix_reader *r) {
    uint32_t word = mix_read_u32(r);
    if (r->bad)
        return MIX_ERR_FRAGMENT_TRUNCATED;
    if (!(word & TOP_BIT))
        return MIX_ERR_FRAGMENT_LINK_MARK;
    uint32_t link = word & ~TOP_BIT;
    if (link == 0 || link == f->set)
        return MIX_ERR_FRAGMENT_LINK_SET;
    if (f->current == 1)
        f->previous = link;
    else if (f->current == MIX_FRAGMENT_SET_MOST)
        f->next = link;
    else
        return MIX_ERR_FRAGMENT_LINK_PLACE;
    return MIX_OK;
}

int mix_fragment_decode(mix_fragment *out, mix_bytes in) {
    mix_reader r = {.in = in};
    uint32_t word = mix_read_u32(&r);
    mix_fragment f = {.set = word & ~TOP_BIT, .total = mix_read_u8(&r)};
    f.current = mix_read_u8(&r);
    if (r.bad || r.in.len == 0)
        return MIX_ERR_FRAGMENT_TRUNCATED;
    if (!(word & TOP_BIT))
        return MIX_ERR_FRAGMENT_MARK;
    if (f.set == 0)
        return MIX_ERR_FRAGMENT_SET;
    if (f.current == 0 || f.current > f.total)
        return MIX_ERR_FRAGMENT_POSITION;
    if (r.in.data[0] == 0) {
        mix_skip(&r, 1);
    } else {
        int status = decode_link(&f, &r);
        if (status != MIX_OK)
            return status;
    }
    f.payload = r.in;
    *out = f;
    return MIX_OK;
}

void mix_fragment_id_encode(uint8_t out[static MIX_FRAGMENT_ID_LEN], uint32_t set,
                            uint8_t current) {
    mix_put_u32(out, set);
    out[4] = current;
}

bool mix_cover_is(mix_bytes contents) {
    mix_bytes mark = mix_bytes_str(MIX_COVER_MARK);
    return mix_bytes_equal(mix_bytes_slice(contents, 0, mark.len), mark);
}
