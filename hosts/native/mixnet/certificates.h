/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority of the state folder's own, made once, and the server certificate that it signs for the directory and the
 * gateways: validator.nymtech.net, *.nym.test, localhost, 127.0.0.1, ::1. P-256, valid for ten years and one year. */
#ifndef HOSTS_NATIVE_MIXNET_CERTIFICATES_H
#define HOSTS_NATIVE_MIXNET_CERTIFICATES_H

#include "base/error.h"

/* Makes ca.pem, ca.key, server.pem and server.key where they are missing; a server certificate that ends within 30 days is made again.
 * MIX_ERR_CERTIFICATE, MIX_ERR_STATE_FOLDER. */
int certificates_open(const char *folder, mix_error *e);

#endif
