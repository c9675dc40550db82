/* SPDX-License-Identifier: Apache-2.0 */
/* The local mixnet as one process: roles, links, listeners and time, tied together on one loop. */
#ifndef HOSTS_NATIVE_MIXNET_DAEMON_H
#define HOSTS_NATIVE_MIXNET_DAEMON_H

#include "mixnet/faults.h"
#include "mixnet/service.h"

typedef struct daemon_options {
    const char *folder;
    mixnet_plan plan;
    const char *role; /* NULL: all; else the name of one member, or "directory" */
    uint16_t directory_port, plain_directory_port; /* 0: free ones */
    bool noise;         /* nodes publish Noise keys, and speak Noise with each other */
    faults_rule faults; /* of all links */
    uint64_t seed;
    int metrics_port; /* −1: none; 0: a free one */
    bool until_eof;   /* ends when its stdin is closed */
    service_options service;
    const mix_env *env;
} daemon_options;

/* Runs until SIGTERM or SIGINT. Prints one line of JSON to stdout when everything listens. Exit
 * status: 0 after a signal, 1 when it broke down, 2 when it could not start (one line on stderr
 * says why). */
int daemon_run(const daemon_options *options);

#endif
