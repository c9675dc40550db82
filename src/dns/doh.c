/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over HTTPS (RFC 8484): questions as messages for whoever makes the requests, and what came
 * of them. */
#include "dns/internal.h"

enum {
    ORPHANS = 16, /* calls that may go on without anybody who waits: their answers are kept */
    OPT = 41,
    OPT_PADDING = 12,
};

int mix_dns_doh_init(mix_dns *d, const char *host) {
    mix_address number;
    d->doh = true;
    return mix_ip_parse(&number, mix_bytes_str(host)) == MIX_OK ? MIX_OK
                                                                : mix_dns_name(d->doh_host, host);
}

bool mix_dns_doh_is_for(const mix_dns *d, const char *name, uint16_t type) {
    bool address = type == ARES_REC_TYPE_A || type == ARES_REC_TYPE_AAAA;
    return d->doh && !(address && strcmp(name, d->doh_host) == 0);
}

static void end_call(question *q) {
    q->call = CALL_NONE;
    q->pending = q->asking = 0;
}

void mix_dns_doh_ask(mix_dns *d, question *q) {
    q->pending = q->asking = 1;
    q->call = CALL_WANTED;
    q->number = ++d->last_call;
    d->stats.questions++;
}

void mix_dns_doh_hush(mix_dns *d) {
    size_t orphans = 0;
    for (question *q = d->questions; q; q = q->next) {
        if (q->call == CALL_NONE || q->call == CALL_DROPPED || q->lookups > 0)
            continue;
        bool wanted = q->call == CALL_WANTED;
        if (!wanted && ++orphans <= ORPHANS && d->now < q->give_up)
            continue;
        q->done = q->stale = true;
        q->answer.status = MIX_ERR_DNS_TIMEOUT;
        if (wanted)
            end_call(q);
        else
            q->call = CALL_DROPPED;
    }
}

bool mix_dns_doh_waits(const mix_dns *d) {
    for (const question *q = d->questions; q; q = q->next)
        if (q->call == CALL_WANTED || q->call == CALL_DROPPED)
            return true;
    return false;
}

/* RFC 8484 §4.1: with id 0, so that equal questions are equal. RFC 7830, 8467: padded, so that its
 * length does not tell the name's. The name is checked: labels of 1 to 63 octets. */
static mix_bytes encode_query(mix_dns *d, const question *q) {
    mix_buf out = mix_buf_fixed(d->query, sizeof d->query);
    const uint16_t head[] = {0, 0x0100 /* RD */, 1, 0, 0, 1};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        mix_buf_put_u16(&out, head[i]);
    for (const char *label = q->asked; *label;) {
        size_t len = strcspn(label, ".");
        mix_buf_put_u8(&out, (uint8_t)len);
        mix_buf_put(&out, label, len);
        label += len + (label[len] == '.');
    }
    mix_buf_put_u8(&out, 0);
    mix_buf_put_u16(&out, q->type);
    mix_buf_put_u16(&out, ARES_CLASS_IN);
    size_t bare = out.len + 11 + 4, padding = (MIX_DNS_PAD - bare % MIX_DNS_PAD) % MIX_DNS_PAD;
    mix_buf_put_u8(&out, 0); /* of the root */
    mix_buf_put_u16(&out, OPT);
    mix_buf_put_u16(&out, 4096); /* the largest datagram: means nothing here */
    mix_buf_put_u32(&out, 0);
    mix_buf_put_u16(&out, (uint16_t)(4 + padding));
    mix_buf_put_u16(&out, OPT_PADDING);
    mix_buf_put_u16(&out, (uint16_t)padding);
    mix_buf_put_zeros(&out, padding);
    return mix_buf_bytes(&out);
}

int mix_dns_drain(mix_dns *d, mix_dns_call *out, mix_time now) {
    question *first = NULL;
    d->now = now > d->now ? now : d->now;
    for (question *q = d->questions; q; q = q->next)
        if ((q->call == CALL_WANTED || q->call == CALL_DROPPED) &&
            (!first || q->number < first->number))
            first = q;
    if (!first)
        return MIX_DONE;
    *out = (mix_dns_call){.number = first->number, .cancel = first->call == CALL_DROPPED};
    if (out->cancel) {
        end_call(first);
        return MIX_OK;
    }
    first->call = CALL_ASKED;
    out->message = encode_query(d, first);
    out->give_up = first->give_up;
    return MIX_OK;
}

/* Whether it is an answer, to just this question: TLS says who speaks, this says that they listen.
 */
static bool fits(const ares_dns_record_t *in, const question *q) {
    const char *name;
    ares_dns_rec_type_t type;
    ares_dns_class_t class;
    unsigned flags = ares_dns_record_get_flags(in);
    return (flags & ARES_FLAG_QR) && !(flags & ARES_FLAG_TC) && ares_dns_record_get_id(in) == 0 &&
           ares_dns_record_get_opcode(in) == ARES_OPCODE_QUERY &&
           ares_dns_record_query_cnt(in) == 1 &&
           ares_dns_record_query_get(in, 0, &name, &type, &class) == ARES_SUCCESS &&
           (uint16_t)type == q->type && class == ARES_CLASS_IN && mix_dns_same_name(name, q->asked);
}

static ares_status_t status_of(const ares_dns_record_t *in) {
    switch (ares_dns_record_get_rcode(in)) {
    case ARES_RCODE_NOERROR:
        return ares_dns_record_rr_cnt(in, ARES_SECTION_ANSWER) > 0 ? ARES_SUCCESS : ARES_ENODATA;
    case ARES_RCODE_FORMERR:
        return ARES_EFORMERR;
    case ARES_RCODE_SERVFAIL:
        return ARES_ESERVFAIL;
    case ARES_RCODE_NXDOMAIN:
        return ARES_ENOTFOUND;
    case ARES_RCODE_NOTIMP:
        return ARES_ENOTIMP;
    default:
        return ARES_EREFUSED;
    }
}

static void read_reply(answer *out, char alias[static MIX_DNS_NAME_MAX + 1], const question *q,
                       const mix_dns_reply *reply) {
    ares_dns_record_t *in = NULL;
    ares_status_t status = ares_dns_parse(reply->message.data, reply->message.len, 0, &in);
    if (status == ARES_SUCCESS && !fits(in, q)) {
        ares_dns_record_destroy(in);
        in = NULL;
        status = ARES_EBADRESP;
    } else if (status == ARES_SUCCESS) {
        status = status_of(in);
    } else if (status != ARES_ENOMEM) {
        status = ARES_EBADRESP;
    }
    mix_dns_answer_read(out, alias, status, in, q->asked, q->type);
    ares_dns_record_destroy(in);
    /* RFC 8484 §5.1; 0 would mean of a negative answer that it does not say. */
    if (out->ttl > 0)
        out->ttl = out->ttl > reply->age ? out->ttl - reply->age : 1;
}

void mix_dns_feed(mix_dns *d, uint32_t number, const mix_dns_reply *reply, mix_time now) {
    question *q = d->questions;
    char alias[MIX_DNS_NAME_MAX + 1] = "";
    answer a;
    d->now = now > d->now ? now : d->now;
    while (q && (q->call == CALL_NONE || q->call == CALL_WANTED || q->number != number))
        q = q->next;
    if (!q)
        return;
    bool dropped = q->call == CALL_DROPPED;
    end_call(q);
    if (dropped)
        return;
    if (reply->failure) {
        a = (answer){.status = reply->failure->code};
        mix_dns_answer_note(&a, reply->failure->number, reply->failure->words);
    } else {
        read_reply(&a, alias, q, reply);
    }
    mix_dns_settle(d, q, &a, alias);
}
