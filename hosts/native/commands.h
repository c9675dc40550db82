/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of lwmix. Each takes argv from its own name on and returns the exit status: 0, 1 for
 * a failure at work, 2 for wrong options or a place that cannot be used. */
#ifndef HOSTS_NATIVE_COMMANDS_H
#define HOSTS_NATIVE_COMMANDS_H

int command_mixnet(int argc, char **argv);
int command_playground(int argc, char **argv);
/* Client commands: see client.h for their exit statuses. */
int command_fetch(int argc, char **argv);
int command_dns(int argc, char **argv);
int command_ws(int argc, char **argv);
int command_ping(int argc, char **argv);
int command_proxy(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
