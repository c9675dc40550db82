/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the HTTP directory: which requests to make, what follows from the answers. Above:
 * the tunnel. Below: the host's HTTP. Bytes: wire.c. Spec: 4-directory.md.
 *
 * At the start all requests that do not depend on each other go out at once: the three of the
 * topology (which are also what entry gateways and exits are chosen from), the key rotation and, if
 * wanted, the nodes' descriptions. After that the three are repeated about every 300 s. A failed
 * request is tried again, with the next base URL if there are several; answers that do not belong
 * together are asked for once more at once.
 *
 * A run can begin with what an earlier one had stored (config.stored, the event STORE): then
 * nothing is asked for until that run's next refresh would have come, where everything is, or until
 * mix_directory_renew. A stored value is taken only if it is whole, of the same URLs, less than 300
 * s old, and holds what config asks for; else it is as if there were none.
 *
 * Bounds: bodies, pages, nodes and time are limited, whatever the directory sends; lists are read
 * as they come in. */
#ifndef MIX_DIRECTORY_DIRECTORY_H
#define MIX_DIRECTORY_DIRECTORY_H

#include "directory/select.h"

typedef struct mix_directory mix_directory;

enum { MIX_DIRECTORY_URLS_MAX = 8, MIX_DIRECTORY_URL_LEN_MAX = 512 };

typedef struct mix_directory_config {
    const char *const *urls; /* bases such as "https://validator.nymtech.net/api/", with or without
                                the last '/'; copied */
    size_t url_count;        /* 1 to MIX_DIRECTORY_URLS_MAX; the first is used while it answers */
    bool tls;                /* entry gateways by wss only */
    bool bincode;            /* ask for lists in bincode; what comes is read in either form */
    bool exits;              /* ask for the nodes' descriptions at the start */
    const uint8_t
        *preferred_gateway; /* 32 bytes: the only entry gateway to offer; NULL: any. Copied */
    const mix_recipient *preferred_exit; /* the only exit to offer; NULL: any. Copied */
    bool stores;                         /* STORE events are wanted */
    mix_bytes stored; /* what the last one brought, of this run or another; empty: nothing */
    const uint8_t
        *entry; /* 32 bytes: the gateway in use; a stored value must know it. NULL: none */
} mix_directory_config;

/* Starts. Borrows env for life. MIX_ERR_ARGUMENT, MIX_ERR_MEMORY. */
int mix_directory_new(mix_directory **out, const mix_directory_config *config, const mix_env *env,
                      mix_time now);
void mix_directory_free(
    mix_directory *d); /* NULL is fine; requests under way are the host's to end */

typedef struct mix_directory_call {
    bool cancel;     /* end request id, its answer is not wanted any more; nothing else is set */
    uint64_t id;     /* never 0 */
    const char *url; /* GET it, without credentials; valid until the next call on d */
    const char
        *accept; /* the Accept header; send no Content-Type: it would cost browsers a preflight */
} mix_directory_call;
/* To below: the next thing to do, or MIX_DONE. */
int mix_directory_drain(mix_directory *d, mix_directory_call *out, mix_time now);

typedef struct mix_directory_answer {
    uint64_t id;
    const char
        *failure; /* there is no answer, or it broke off: a few words why. NULL: there is one */
    int status;   /* of HTTP, after redirects; as the next, the same with every piece */
    mix_bytes content_type; /* empty: none */
    mix_bytes body;         /* the next piece, decoded (gzip …), of any length */
    bool last;              /* nothing follows */
} mix_directory_answer;
/* From below. What follows from it comes as events or calls; answers to unknown ids are ignored.
 * MIX_OK, or MIX_ERR_LIMIT when no more of this answer is wanted (a cancel call follows as well).
 */
int mix_directory_feed(mix_directory *d, const mix_directory_answer *a, mix_time now);

typedef enum mix_directory_event_kind {
    MIX_DIRECTORY_TOPOLOGY = 1, /* there is a (new) topology */
    MIX_DIRECTORY_LOST,   /* none for too long: the topology is withdrawn, nothing can be sent until
                             the next one */
    MIX_DIRECTORY_EXITS,  /* the descriptions are there: exits can be chosen */
    MIX_DIRECTORY_FAILED, /* see part; it goes on trying, later and later, up to every 300 s */
    MIX_DIRECTORY_STORE,  /* after each new topology, when exits and key rotation are known too */
} mix_directory_event_kind;

typedef enum mix_directory_part {
    MIX_DIRECTORY_PART_TOPOLOGY = 0, /* a topology that is in use stays in use */
    MIX_DIRECTORY_PART_EXITS, /* not tried again by itself: mix_directory_ask_exits. Of a preferred
                                 exit only the release stays unknown */
} mix_directory_part;

typedef struct mix_directory_event {
    mix_directory_event_kind kind;
    /* Of TOPOLOGY. It stays valid until the next TOPOLOGY or LOST event *after* the one that
     * replaces it: whoever uses it has time to change over while that one is handled. */
    const mix_topology *topology;
    mix_directory_part part; /* of FAILED */
    mix_error error;         /* of FAILED */
    bool stored;             /* of FAILED: what a stored value told of this part stays in use */
    mix_bytes value;         /* of STORE, for the next run; valid until the next call on d */
} mix_directory_event;
/* To above: the next event, or MIX_DONE. */
int mix_directory_next(mix_directory *d, mix_directory_event *ev);
mix_time mix_directory_deadline(const mix_directory *d);
int mix_directory_tick(mix_directory *d, mix_time now);

/* Refreshes the topology now, unless that is under way; and asks for the descriptions, unless they
 * are under way or not older than a minute. */
void mix_directory_refresh(mix_directory *d, mix_time now);
void mix_directory_ask_exits(mix_directory *d, mix_time now);

/* What is known comes from a stored value, all or a part of it. */
bool mix_directory_is_stored(const mix_directory *d);
/* What a stored value led to does not work: all is asked for anew, unless that is under way.
 * Whether there is something to wait for: false when nothing known is from a stored value, or when
 * asking was in vain. */
bool mix_directory_renew(mix_directory *d, mix_time now);
/* Answers that replace a stored value's are under way: of the topology, or for EXITS of either. */
bool mix_directory_renewing(const mix_directory *d, mix_directory_part part);
/* Whether this exit is one of those to choose from, or the preferred one. */
bool mix_directory_offers(const mix_directory *d, const mix_recipient *exit);

/* The key rotation's reference, NULL until it is known. Valid until mix_directory_free; its content
 * may change. */
const mix_rotation_info *mix_directory_rotation(const mix_directory *d);

/* Entry gateways in the order in which to try them (§7): at random, those that failed lately
 * behind, and last those that would leave no exit but themselves. Without TLS several URLs of one
 * gateway may follow each other. At most max rows. MIX_ERR_NO_ENTRY, MIX_ERR_PREFERRED_GATEWAY
 * (noted), MIX_ERR_STATE without a topology, MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mix_directory_entries(mix_directory *d, mix_entry *out, size_t max, size_t *count, mix_error *e,
                          mix_time now);
/* Today's URL of the gateway that is known from an earlier session; errors as above. */
int mix_directory_entry(mix_directory *d, mix_entry *out,
                        const uint8_t identity[static MIX_KEY_LEN], mix_error *e);

/* Exits in the order in which to try them (§9): at random by performance, those that failed lately
 * behind, and last the entry gateway in use (entry, or NULL): it would see both ends. Only exits
 * that packets can be routed to. A preferred exit is the only row, whether known or not. At most
 * max rows. MIX_ERR_NO_EXIT (noted), MIX_ERR_STATE without topology or descriptions,
 * MIX_ERR_RANDOM, MIX_ERR_MEMORY. */
int mix_directory_exits(mix_directory *d, const uint8_t *entry, mix_exit *out, size_t max,
                        size_t *count, mix_error *e, mix_time now);

/* What came of a choice; remembered for a while (choice.h). */
void mix_directory_entry_failed(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN],
                                mix_time now);
void mix_directory_entry_works(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN]);
void mix_directory_exit_failed(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN],
                               mix_time now);
void mix_directory_exit_works(mix_directory *d, const uint8_t identity[static MIX_KEY_LEN]);

#endif
