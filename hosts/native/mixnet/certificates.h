/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority of the state folder's own, made once, and the server certificate that it
 * signs for the directory and the gateways: validator.nymtech.net, *.nym.test, localhost,
 * 127.0.0.1, ::1, and addresses besides. P-256, valid for ten years and one year. */
#ifndef HOSTS_NATIVE_MIXNET_CERTIFICATES_H
#define HOSTS_NATIVE_MIXNET_CERTIFICATES_H

#include "base/address.h"
#include "base/error.h"

enum { CERTIFICATES_IPS = 16 };
/* Makes ca.pem, ca.key, server.pem and server.key where they are missing; a server certificate that
 * ends within 30 days, or lacks one of these addresses (so many at most), is made again.
 * MIX_ERR_CERTIFICATE, MIX_ERR_STATE_FOLDER. */
int certificates_open(const char *folder, const mix_address *ips, size_t count, mix_error *e);

#endif
