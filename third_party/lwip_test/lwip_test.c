/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the patched lwIP by rows of numbers: one upload over a link of five hops with random delays and losses, in
 * virtual time. Without the patches the rows with delay fail, by segments sent twice and by time. */
#include <math.h>
#include <string.h>

#include "lwip/init.h"
#include "lwip/ip4.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"

#define HOPS 5

enum { PLAIN, NO_SACK, LIES }; /* the far end: as it is, without SACK, with blocks that it made up */

typedef struct scenario {
    const char *name;
    double hop_ms;      /* mean delay of each hop, exponential */
    double loss;        /* share of packets that never arrive */
    int far_end;        /* PLAIN, NO_SACK or LIES */
    unsigned size;      /* bytes to send */
    unsigned max_ms;    /* all must have arrived by then */
    unsigned max_again; /* segments with data sent again beyond those that were lost; 7 are 1 % of a mega byte */
} scenario;

static const scenario scenarios[] = {
    {"no delay", 0, 0, PLAIN, 1 << 20, 60, 0},
    {"disorder", 15, 0, PLAIN, 1 << 20, 1800, 7},
    {"disorder, slow hops", 50, 0, PLAIN, 1 << 20, 5700, 7},
    {"disorder, no SACK", 15, 0, NO_SACK, 1 << 20, 1800, 1},
    {"disorder and loss", 15, 0.01, PLAIN, 1 << 20, 6600, 3},
    {"disorder and loss, no SACK", 15, 0.01, NO_SACK, 1 << 20, 9000, 3},
    {"heavy loss", 15, 0.1, PLAIN, 1 << 18, 10000, 3},
    {"a few bytes", 15, 0, PLAIN, 100, 400, 0},
    {"disorder, loss and lies in SACK blocks", 15, 0.01, LIES, 1 << 18, 30000, 200},
};

typedef struct packet {
    double at;
    unsigned long order;
    struct pbuf *p;
    struct packet *next;
} packet;

static double now_ms;
static packet *in_flight;
static unsigned long packets;
static uint32_t seed;
static const scenario *sc;
static struct netif ends[2];
static u32_t sent_up_to; /* by the client, to see what is sent again */
static unsigned sent_again, lost, received, written, damaged;

u32_t sys_now(void) {
    return (u32_t)now_ms;
}

static double uniform(void) { /* xorshift, never 0 */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed / 4294967297.0;
}

static uint32_t be32(const uint8_t *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint8_t *find_option(uint8_t *tcp, uint8_t kind) {
    int end = (tcp[12] >> 4) * 4;
    for (int i = 20; i < end; i += tcp[i] <= 1 ? 1 : tcp[i + 1])
        if (tcp[i] == kind)
            return tcp + i;
    return NULL;
}

static void spoil(uint8_t *tcp) {
    uint8_t *option;
    if (sc->far_end == NO_SACK && (tcp[13] & TCP_SYN) && (option = find_option(tcp, 4)) != NULL)
        option[0] = option[1] = 1; /* "SACK permitted" becomes nothing */
    if (sc->far_end == LIES && uniform() < 0.3 && (option = find_option(tcp, 5)) != NULL)
        for (int i = 2; i < option[1]; i++)
            option[i] = (i - 2) % 4 > 1 ? (uint8_t)(uniform() * 256) : option[i];
    if (sc->far_end == LIES && uniform() < 0.05 && (option = find_option(tcp, 5)) != NULL)
        option[1] = (uint8_t)(uniform() * 256);
}

static err_t link_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to) {
    (void)netif;
    (void)to;
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    uint8_t *ip = copy->payload, *tcp = ip + 20;
    unsigned data = copy->len - 20u - (tcp[12] >> 4) * 4u;
    int is_lost = uniform() < sc->loss;

    if (data > 0) {
        if ((int32_t)(be32(tcp + 4) + data - sent_up_to) <= 0 && sent_up_to != 0)
            sent_again++;
        else
            sent_up_to = be32(tcp + 4) + data;
        lost += (unsigned)is_lost;
    }
    spoil(tcp);
    if (is_lost) {
        pbuf_free(copy);
        return ERR_OK;
    }
    packet *new = malloc(sizeof *new), **at = &in_flight;
    *new = (packet){.at = now_ms + 0.001, .order = packets++, .p = copy};
    for (int i = 0; i < HOPS; i++)
        new->at -= sc->hop_ms * log(uniform());
    while (*at && ((*at)->at < new->at || ((*at)->at == new->at && (*at)->order < new->order)))
        at = &(*at)->next;
    new->next = *at;
    *at = new;
    return ERR_OK;
}

static err_t end_init(struct netif *netif) {
    netif->output = link_output;
    netif->mtu = 1420;
    return ERR_OK;
}

static uint8_t pattern(unsigned at) {
    return (uint8_t)(at * 2654435761u >> 24);
}

static void fill(struct tcp_pcb *pcb) {
    uint8_t chunk[4096];
    while (written < sc->size) {
        unsigned n = LWIP_MIN(sc->size - written, LWIP_MIN(sizeof chunk, tcp_sndbuf(pcb)));
        for (unsigned i = 0; i < n; i++)
            chunk[i] = pattern(written + i);
        if (n == 0 || tcp_write(pcb, chunk, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK)
            break;
        written += n;
    }
    tcp_output(pcb);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len) {
    (void)arg;
    (void)len;
    fill(pcb);
    return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)arg;
    fill(pcb);
    return err;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    if (p == NULL)
        return err;
    for (const struct pbuf *q = p; q; q = q->next)
        for (unsigned i = 0; i < q->len; i++)
            damaged += ((uint8_t *)q->payload)[i] != pattern(received++);
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_accepted(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)arg;
    tcp_recv(pcb, on_received);
    return err;
}

static void step(double *tick) {
    if (in_flight == NULL || in_flight->at > *tick) {
        now_ms = *tick;
        *tick += TCP_TMR_INTERVAL;
        tcp_tmr();
        return;
    }
    packet *first = in_flight;
    in_flight = first->next;
    now_ms = first->at;
    ip4_input(first->p, &ends[0]);
    free(first);
}

/* Returns 1 if the row holds; prints what happened if not, or always with -v. */
static int run(const scenario *s, uint32_t start, int verbose) {
    sc = s;
    seed = start;
    now_ms = 1000;
    sent_up_to = sent_again = lost = received = written = damaged = 0;
    double tick = now_ms + TCP_TMR_INTERVAL, limit = now_ms + 4.0 * s->max_ms;
    struct tcp_pcb *far = tcp_new(), *near = tcp_new();
    tcp_bind(far, netif_ip_addr4(&ends[1]), 80);
    far = tcp_listen(far);
    tcp_accept(far, on_accepted);
    tcp_bind(near, netif_ip_addr4(&ends[0]), 0);
    tcp_sent(near, on_sent);
    tcp_connect(near, netif_ip_addr4(&ends[1]), 80, on_connected);
    while (received < s->size && now_ms < limit)
        step(&tick);

    unsigned ms = (unsigned)(now_ms - 1000), again = sent_again > lost ? sent_again - lost : 0;
    int holds = received == s->size && damaged == 0 && ms <= s->max_ms && again <= s->max_again;
    if (!holds || verbose)
        printf("%s, seed %u: %u of %u bytes (%u damaged) in %u ms of %u; lost %u, sent again beyond those %u of %u\n", s->name,
               start, received, s->size, damaged, ms, s->max_ms, lost, again, s->max_again);
    while (in_flight) {
        packet *first = in_flight;
        in_flight = first->next;
        pbuf_free(first->p);
        free(first);
    }
    tcp_close(far);
    while (tcp_active_pcbs)
        tcp_abort(tcp_active_pcbs);
    return holds;
}

int main(int argc, char **argv) {
    int verbose = argc > 1 && strcmp(argv[1], "-v") == 0, bad = 0;
    ip4_addr_t addr, mask;
    lwip_init();
    IP4_ADDR(&mask, 255, 255, 255, 0);
    for (int i = 0; i < 2; i++) {
        IP4_ADDR(&addr, 10, 0, 0, (u8_t)(i + 1));
        netif_add(&ends[i], &addr, &mask, IP4_ADDR_ANY4, NULL, end_init, ip_input);
        netif_set_up(&ends[i]);
        netif_set_link_up(&ends[i]);
    }
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        for (uint32_t s = 1; s <= 5; s++)
            bad |= !run(&scenarios[i], s, verbose);
    if (!bad)
        puts("all rows hold");
    return bad;
}
