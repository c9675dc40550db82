/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that requests and responses share; inside ipr/ only. */
#ifndef MIX_IPR_PARTS_H
#define MIX_IPR_PARTS_H

#include "ipr/bincode.h"
#include "ipr/wire.h"

void mix_ipr_read_time(mix_reader *r, mix_timestamp *t);
void mix_ipr_put_time(mix_buf *b, const mix_timestamp *t);
void mix_ipr_read_ips(mix_reader *r, mix_ipr_ips *ips);
void mix_ipr_put_ips(mix_buf *b, const mix_ipr_ips *ips);
/* bytes of a known length behind a length; a Recipient's two Ed25519 keys must be points. */
void mix_ipr_read_sized(mix_reader *r, uint8_t *out, size_t len);
void mix_ipr_read_recipient(mix_reader *r, uint8_t out[static MIX_IPR_RECIPIENT_LEN]);

#endif
