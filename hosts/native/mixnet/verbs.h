/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked on the control socket: one table for the daemon, which does it, and for `lwmix
 * mixnet ctl`, which asks. */
#ifndef HOSTS_NATIVE_MIXNET_VERBS_H
#define HOSTS_NATIVE_MIXNET_VERBS_H

#include "base/buf.h"

#include <stdbool.h>

typedef struct verb_call verb_call;

typedef enum verb_kind { VERB_TEXT, VERB_NUMBER, VERB_EITHER } verb_kind;

enum { VERB_PARAMETERS = 7 };
typedef struct verb {
    const char *name;
    struct verb_parameter {
        const char *name;
        verb_kind kind;
        bool optional;
    } parameters[VERB_PARAMETERS]; /* in the order in which ctl takes them */
    const char *help;
    bool (*run)(verb_call *c); /* false: c tells why */
} verb;
extern const verb verbs[];                /* ends with a row without name */
const verb *verbs_find(const char *name); /* or NULL */

/* {"do":"cut","gateway":"gateway1"} → {"ok":true,…} or {"ok":false,"error":"…"}; user is the
 * daemon. */
void verbs_answer(void *user, mix_bytes request, mix_buf *answer);

#endif
