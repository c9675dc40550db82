/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef MIX_DNS_INTERNAL_H
#define MIX_DNS_INTERNAL_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/timers.h"
#include "dns/dns.h"
#include "mix/errors.h"

#include <ares.h>

enum {
    MIX_DNS_HOPS = 8,         /* aliases that are followed by asking again */
    MIX_DNS_TEXT_MAX = 65536, /* bytes of all texts of one answer */
    MIX_DNS_FDS = 64,
    MIX_DNS_PAD = 128, /* octets: RFC 8467 §4.1 */
    /* Header, name, type and class, OPT, padding: the longest name's question is 301 octets. */
    MIX_DNS_QUERY_MAX = 3 * MIX_DNS_PAD,
};

typedef struct server {
    ares_channel_t *channel;
    struct wanted {
        int fd;
        unsigned events; /* of the seam */
    } fds[MIX_DNS_FDS];
    size_t fd_count;
    size_t asks; /* under way, or owed */
} server;

typedef struct record {
    uint16_t type;
    uint32_t ttl;
    mix_address ip;
    size_t text; /* offset into the answer's texts */
} record;

/* What one answer says, in our own memory. */
typedef struct answer {
    int status;
    int64_t number; /* of a failure: the RCODE, or what the reply's failure says; its words are the
                       only text, if there is memory */
    uint32_t ttl;
    char canonical[MIX_DNS_NAME_MAX + 1];
    record *records;
    size_t count;
    mix_buf texts; /* each with its end */
} answer;

/* DNS over HTTPS: where a question's call is. */
typedef enum call_state {
    CALL_NONE,
    CALL_WANTED, /* drain() will give it */
    CALL_ASKED,
    CALL_DROPPED, /* drain() will say that it is cancelled */
} call_state;

/* A name and a type: being asked, or kept. */
typedef struct question {
    struct question *next;
    char name[MIX_DNS_NAME_MAX + 1];  /* lower case, without a final dot */
    char asked[MIX_DNS_NAME_MAX + 1]; /* the same, or what an alias named */
    uint16_t type;
    int hops;
    bool done;
    bool stale;   /* forgotten while something still points at it */
    bool waiting; /* for others to be answered: too many are being asked */
    bool doh;     /* asked over HTTPS */
    bool refresh; /* nobody waits for it, but it is asked to its end */
    call_state call;
    uint32_t number;  /* of the call */
    mix_time give_up; /* when the call is of no use any more */
    unsigned pending; /* callbacks of c-ares that will still come, or the call */
    unsigned asking;  /* those of them that belong to `asked`, and those owed */
    unsigned owed;    /* bits: servers that are still to be asked for `asked` */
    mix_time next_at; /* when the next of them is asked at the latest */
    unsigned lookups; /* that use it */
    mix_time expires;
    answer answer;
} question;

/* The argument of a callback. */
typedef struct ask {
    mix_dns *dns;
    server *server;
    question *question;
    int hops; /* the question's when it was asked */
} ask;

typedef struct lookup {
    struct lookup *next;
    uint32_t id;
    question *questions[2];
    size_t count;
    mix_time give_up; /* the time limit */
    mix_time settle;  /* some addresses are there: how long the other family is waited for */
    bool cached;
    mix_address number; /* family != 0: the name was a number */
} lookup;

struct mix_dns {
    mix_dns_config config;
    server servers[MIX_DNS_SERVERS];
    size_t server_count;
    question *questions;
    lookup *lookups, **lookups_end;
    uint32_t last_id;
    bool doh;
    char doh_host[MIX_DNS_NAME_MAX + 1]; /* empty: a number */
    uint32_t last_call;
    uint8_t query[MIX_DNS_QUERY_MAX]; /* the message last given */
    mix_time now;
    mix_dns_stats stats;
    /* The event last given. */
    mix_dns_record given[2 * MIX_DNS_RECORDS_MAX];
    char given_name[MIX_DNS_NAME_MAX + 1];
    answer given_answers[2];
};

/* A name that was checked to fit. */
static inline void mix_dns_copy(char out[static MIX_DNS_NAME_MAX + 1], const char *name) {
    memcpy(out, name, strlen(name) + 1);
}

/* Somebody waits for it, or it is to be kept. */
static inline bool mix_dns_is_wanted(const question *q) {
    return q->lookups > 0 || q->refresh;
}

/* dns.c: an answer for what the question asks now; takes its memory. */
void mix_dns_settle(mix_dns *d, question *q, answer *a, const char *alias);
/* ask.c */
int mix_dns_server_open(server *s, const mix_address *address);
/* Asks a question of the first server, or over HTTPS; or it waits until there is room. */
void mix_dns_ask(mix_dns *d, question *q);
/* Of the next one that is owed the question, if any is. */
void mix_dns_ask_next(mix_dns *d, question *q);
void mix_dns_ask_no_more(mix_dns *d, question *q); /* of those that are owed it */
/* Takes answers, and asks what is due. */
void mix_dns_ask_tick(mix_dns *d);
mix_time mix_dns_ask_deadline(const mix_dns *d);
/* doh.c */
int mix_dns_doh_init(mix_dns *d, const char *host);
bool mix_dns_doh_is_for(const mix_dns *d, const char *name, uint16_t type);
void mix_dns_doh_ask(mix_dns *d, question *q);
/* Calls that nobody waits for: some go on for the cache, more are cancelled. */
void mix_dns_doh_hush(mix_dns *d);
bool mix_dns_doh_waits(const mix_dns *d); /* drain() has something to give */
/* answer.c */
void mix_dns_answer_deinit(answer *a);
/* Reads what c-ares gave; *alias is what is to be asked next if the answer ends in an alias, else
 * empty. */
void mix_dns_answer_read(answer *out, char alias[static MIX_DNS_NAME_MAX + 1], ares_status_t status,
                         const ares_dns_record_t *in, const char *name, uint16_t type);
/* Of a failure: a number and words, which may be lost without memory. */
void mix_dns_answer_note(answer *a, int64_t number, const char *words);
bool mix_dns_same_name(const char *a, const char *b);
/* name.c: lower case and checked; MIX_ERR_DNS_NAME. */
int mix_dns_name(char out[static MIX_DNS_NAME_MAX + 1], const char *in);

#endif
