/* SPDX-License-Identifier: Apache-2.0 */
/* The seam: BSD sockets over tcpip/, against which libcurl and c-ares are compiled
 * (third_party/seam.syms). Always non-blocking; clock, randomness, names, files and environment
 * that those libraries ask for are answered here too: from what is given, or not at all. Above:
 * dns, http, tunnel. Below: tcpip.
 *
 * The C library's names have no context argument, so this is the second of the two folders with a
 * global: one stack at a time. */
#ifndef MIX_SOCKETS_SOCKETS_H
#define MIX_SOCKETS_SOCKETS_H

#include "mix/env.h"
#include "tcpip/tcpip.h"

/* The env that clocks and randomness come from, before any library is started. Borrows env until
 * mix_sockets_end(). MIX_ERR_RANDOM; MIX_ERR_LIMIT: they are in use already. */
int mix_sockets_begin(const mix_env *env);
void mix_sockets_end(void);
/* Begins anew after the host's randomness failed; else it does nothing. MIX_ERR_RANDOM. */
int mix_sockets_renew(void);
/* Sockets are opened on this stack from now on; NULL: on none. Descriptors of sockets of
 * the one before, which may be freed then, answer as after a reset until they are closed, and are
 * not used again. Borrows t. */
void mix_sockets_attach(mix_tcpip *t);
/* What the libraries' clocks tell from now on; never goes back. Within one turn each reading is 1
 * µs after the one before: libcurl runs what is due now until nothing is, and on a clock that stood
 * still that would be for ever. */
void mix_sockets_set_time(mix_time now);
mix_time mix_sockets_now(void); /* the last reading, without moving it */
/* The host refused randomness to a library that cannot be told: what it got was drawn from a keyed
 * generator, and the tunnel must end. */
bool mix_sockets_random_failed(void);

enum { MIX_SOCKETS_IN = 1, MIX_SOCKETS_OUT = 2, MIX_SOCKETS_ERR = 4 };
unsigned
mix_sockets_ready(int fd); /* bits of what would not block now; ERR for what is no open socket */
int mix_sockets_status(
    int fd); /* what ended it, one of tcpip's errors, or MIX_OK; MIX_ERR_TCP_MOVED: it was of a
             stack before; MIX_ERR_ARGUMENT: no open socket */
int mix_sockets_close(int fd);   /* as close(): 0, or −1 for what is no open socket */
unsigned mix_sockets_open(void); /* how many there are */
/* Grows whenever a socket is opened, closed, or takes or gives something: who runs a library and
 * sees it unchanged knows that nothing came of it. */
uint64_t mix_sockets_moved(void);
/* Packets of all sockets that wait to leave the stack; 0 without one. */
size_t mix_sockets_unsent(void);
/* A struct sockaddr of either family, as a library handed it out; MIX_ERR_ADDRESS. */
int mix_sockets_address(mix_address *out, const void *sockaddr);

#endif
