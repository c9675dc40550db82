/* SPDX-License-Identifier: Apache-2.0 */
/* Names of network interfaces, which wasi-libc lacks: there are none, and the functions are never linked. */
#ifndef COMPAT_NET_IF_H
#define COMPAT_NET_IF_H
#define IF_NAMESIZE 16
#define IFNAMSIZ IF_NAMESIZE
unsigned int if_nametoindex(const char *name);
char *if_indextoname(unsigned int index, char *name);
#endif
