/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP's clock: run only when it has something to do, and when that is. lwIP would have its TCP
 * timer called 40 times a second for as long as any connection lives; here deadline() computes the
 * next tick at which a connection has something to do, and the ticks that lie before it are made up
 * for when anything happens at all. */
#include "tcpip/internal.h"

#include <lwip/sys.h>

#define FAST MIX_MS(TCP_TMR_INTERVAL)
#define SLOW (2 * FAST)
/* After a longer gap (a machine that slept) the clock jumps, and only this much is run tick by
 * tick. */
#define MOST_BEHIND MIX_SECONDS(60)
/* The same table as lwIP's own, which is private. */
static const uint8_t persist_backoff[] = {3, 6, 12, 24, 48, 96, 120};

static const mix_tcpip *clock_of; /* whose time sys_now() tells: lwIP's globals make one instance */

u32_t sys_now(void) {
    return clock_of ? (u32_t)(clock_of->now / 1000) : 0;
}

void tcp_timer_needed(void) { /* lwIP tells here that a connection began: deadline() sees it */
}

uint32_t mix_tcpip_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
                       uint16_t remote_port) {
    mix_address a = mix_tcpip_from_lwip_address(local, local_port),
                b = mix_tcpip_from_lwip_address(remote, remote_port);
    uint8_t in[2 * MIX_ADDRESS_MAX];
    mix_buf buf = mix_buf_fixed(in, sizeof in);
    mix_address_encode(&buf, &a);
    mix_address_encode(&buf, &b);
    uint32_t hash = (uint32_t)mix_siphash(clock_of->secret, buf.data, buf.len);
    return (uint32_t)(clock_of->now / 4) +
           hash; /* RFC 6528, section 3: a timer of 4 µs and a keyed hash of the connection */
}

/* lwIP repeats a SYN at one pace; each should wait twice as long as the one before. */
static void back_off(mix_tcpip *t) {
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++) {
        socket *s = t->sockets[i];
        if (!s || !s->connecting || !s->tcp || s->tcp->nrtx == s->syns)
            continue;
        s->syns = s->tcp->nrtx;
        s->tcp->rto = (s16_t)LWIP_MIN(2 * s->tcp->rto, (int)(MIX_SECONDS(10) / SLOW));
    }
}

static void tick_once(mix_tcpip *t) {
    tcp_fasttmr();
    if (t->slow_next) {
        tcp_slowtmr();
        back_off(t);
    }
    t->slow_next = !t->slow_next;
    t->fast_at += FAST;
    t->stats.ticks++;
}

void mix_tcpip_advance(mix_tcpip *t, mix_time now) {
    clock_of = t;
    if (now > t->now)
        t->now = now;
    if (t->now - t->fast_at > MOST_BEHIND) {
        mix_time jumps = (t->now - t->fast_at - MOST_BEHIND) / SLOW;
        tcp_ticks += (u32_t)jumps;
        t->fast_at += jumps * SLOW;
    }
    if (!tcp_active_pcbs && !tcp_tw_pcbs &&
        t->fast_at <= t->now) { /* nothing to run: the clock alone moves on */
        mix_time jumps = (t->now - t->fast_at) / SLOW;
        tcp_ticks += (u32_t)jumps;
        t->fast_at += jumps * SLOW;
    }
    while (t->fast_at <= t->now)
        tick_once(t);
}

/* When the n-th slow tick from now comes; n from 1. */
static mix_time slow_at(const mix_tcpip *t, mix_time n) {
    return t->fast_at + (t->slow_next ? 0 : FAST) + (n - 1) * SLOW;
}

/* The first fast tick at or after a time of sys_now(). */
static mix_time fast_after(const mix_tcpip *t, u32_t ms) {
    mix_time wait = (mix_time)(s32_t)(ms - sys_now()) * 1000 + t->now / 1000 * 1000 - t->fast_at;
    return wait <= 0 ? t->fast_at : t->fast_at + (wait + FAST - 1) / FAST * FAST;
}

/* When the first segment would be found lost (tcp_rack_is_lost() of the patch says how), if nothing
 * more arrives. */
static mix_time loss_at(const mix_tcpip *t, const struct tcp_pcb *pcb) {
    u32_t age =
        pcb->srtt_ms == 0 ? LWIP_TCP_RTO_TIME : LWIP_MAX(pcb->srtt_ms + 6 * pcb->rttvar_ms, 100U);
    mix_time first = MIX_NEVER;
    if (!pcb->rack_valid || pcb->state < ESTABLISHED)
        return MIX_NEVER;
    for (const struct tcp_seg *seg = pcb->unacked; seg;
         seg = (pcb->flags & TF_SACK) ? seg->next : NULL) {
        if (seg->delivered || (s32_t)(pcb->rack_newest - seg->sent_at) <= 0)
            continue;
        mix_time at = fast_after(t, seg->sent_at + (age << LWIP_MIN(seg->sends - 1, 3)) + 1);
        if (at < first)
            first = at;
    }
    return first;
}

static mix_time keepalive_at(const mix_tcpip *t, const struct tcp_pcb *pcb) {
    if (!ip_get_option(pcb, SOF_KEEPALIVE) ||
        (pcb->state != ESTABLISHED && pcb->state != CLOSE_WAIT))
        return MIX_NEVER;
    u32_t due = pcb->keep_idle + pcb->keep_cnt_sent * pcb->keep_intvl, idle = tcp_ticks - pcb->tmr;
    if (pcb->keep_cnt_sent >= pcb->keep_cnt)
        due = pcb->keep_idle + pcb->keep_cnt * pcb->keep_intvl;
    due = due / TCP_SLOW_INTERVAL + 1;
    return slow_at(t, due > idle ? (mix_time)(due - idle) : 1);
}

/* The retransmission or persist timer; a segment that found no memory waits for the next slow tick.
 */
static mix_time retransmission_at(const mix_tcpip *t, const struct tcp_pcb *pcb) {
    if (pcb->persist_backoff > 0) {
        int left = persist_backoff[LWIP_MIN(pcb->persist_backoff, sizeof persist_backoff) - 1] -
                   pcb->persist_cnt;
        return slow_at(t, left > 1 ? left : 1);
    }
    if (pcb->rtime >= 0)
        return slow_at(t, pcb->rto > pcb->rtime ? pcb->rto - pcb->rtime : 1);
    return pcb->unsent && !t->held ? slow_at(t, 1) : MIX_NEVER;
}

static mix_time pcb_deadline(const mix_tcpip *t, const struct tcp_pcb *pcb) {
    mix_time at = mix_earlier(retransmission_at(t, pcb), keepalive_at(t, pcb));
    if ((pcb->flags & (TF_ACK_DELAY | TF_CLOSEPEND)) || pcb->refused_data)
        return mix_earlier(at, t->fast_at);
    return mix_earlier(at, loss_at(t, pcb));
}

/* The end of our patience with a stream, which is shorter than lwIP's. */
static mix_time patience(const mix_tcpip *t, const socket *s) {
    if (!s->tcp)
        return s->connecting ? s->refused_at : MIX_NEVER;
    if (s->connecting)
        return s->progress + t->config.connect_timeout;
    return s->tcp->unacked || s->tcp->unsent ? s->progress + t->config.stall_timeout : MIX_NEVER;
}

mix_time mix_tcpip_deadline(const mix_tcpip *t) {
    mix_time at = MIX_NEVER;
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
        at = mix_earlier(at, pcb_deadline(t, pcb));
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++)
        if (t->sockets[i])
            at = mix_earlier(at, patience(t, t->sockets[i]));
    return at;
}

static int end_of_patience(const socket *s) {
    if (!s->connecting)
        return MIX_ERR_TCP_STALLED;
    return s->tcp ? MIX_ERR_TCP_TIMEOUT : MIX_ERR_TCP_REFUSED;
}

int mix_tcpip_tick(mix_tcpip *t, mix_time now) {
    mix_tcpip_advance(t, now);
    for (int i = 0; i < MIX_TCPIP_SOCKETS; i++) {
        socket *s = t->sockets[i];
        if (s && patience(t, s) <= t->now)
            mix_tcpip_fail(t, s, end_of_patience(s));
    }
    return MIX_OK;
}
