/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a running mixnet: one table, as Prometheus text and as JSON. */
#ifndef HOSTS_NATIVE_MIXNET_METRICS_H
#define HOSTS_NATIVE_MIXNET_METRICS_H

#include "mixnet/directory/directory.h"
#include "mixnet/runtime.h"

#include <yyjson.h>

/* GET /metrics: text format 0.0.4. Anything else: 404 or 405. */
void metrics_answer(mixnetd *d, const mixnet_request *request, mixnet_answer *answer);
/* Adds the figures of the process and of a member (NULL: of all) to an object; false when memory is
 * short. */
bool metrics_json(mixnetd *d, const runtime *member, yyjson_mut_doc *doc, yyjson_mut_val *out);

#endif
