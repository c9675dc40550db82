/* SPDX-License-Identifier: Apache-2.0 */
/* lwmix mixnet ctl: one request to a running mixnet. */
#ifndef HOSTS_NATIVE_MIXNET_CTL_H
#define HOSTS_NATIVE_MIXNET_CTL_H

#include <stdbool.h>
#include <stddef.h>

/* argv from "ctl" on. Prints the answer; exit status 0, 1 when it says that something was wrong, 2
 * for wrong words or no mixnet there. */
int command_ctl(int argc, char **argv);

/* Where the mixnet of this folder listens; role as in daemon_options. False when the path is too
 * long. */
bool ctl_path(char *out, size_t size, const char *folder, const char *role);

#endif
