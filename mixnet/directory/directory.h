/* SPDX-License-Identifier: Apache-2.0 */
/* The directory role: answers the requests of clients and nodes from one description of the network. Stateless: all answers of one
 * moment agree, since all come from the same network and clock. Spec: 4-directory.md §2–§5, §11, §13. */
#ifndef MIXNET_DIRECTORY_DIRECTORY_H
#define MIXNET_DIRECTORY_DIRECTORY_H

#include "base/buf.h"
#include "mixnet/network/network.h"

typedef struct mixnet_request {
    mix_bytes method; /* "GET", "OPTIONS", … */
    mix_bytes path;   /* "/api/v1/…", without the query */
    mix_bytes query;  /* "page=0&output=bincode", may be empty */
    mix_bytes body;   /* of a POST */
} mixnet_request;

typedef struct mixnet_answer {
    int status;
    const char *content_type; /* NULL: no body */
    mix_buf body;             /* the caller's to free */
} mixnet_answer;

enum { MIXNET_DIRECTORY_BODY_MAX = 65536 }; /* of a request; the host refuses larger ones */

/* Headers that go with every answer, preflights included (§1.1): "name: value" lines. */
extern const char *const mixnet_directory_headers[];

/* Always gives an answer: 200, 204 for a preflight, 400 with the reason, 404, 405. MIX_ERR_MEMORY, MIX_ERR_CRYPTO: none could be made (500). */
int mixnet_directory_answer(const mixnet_network *net, mix_crypto *crypto, int64_t wall, const mixnet_request *q, mixnet_answer *out);

#endif
