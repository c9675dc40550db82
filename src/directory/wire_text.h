/* SPDX-License-Identifier: Apache-2.0 */
/* The directory's texts for times, numbers and addresses (4-directory.md §3.2), shared by its JSON
 * and bincode forms. */
#ifndef MIX_DIRECTORY_WIRE_TEXT_H
#define MIX_DIRECTORY_WIRE_TEXT_H

#include "directory/wire.h"

enum { MIX_TIME_TEXT = 48, MIX_PERFORMANCE_TEXT = 24 };

/* RFC 3339 to microseconds since 1970, fractions below are cut. */
bool mix_time_parse_strict(int64_t *out, mix_bytes text);
/* "2026-11-22 20:00:00.25 +00:00:00" or RFC 3339; any other text is 1970, as it is for everyone
 * else. */
int64_t mix_time_parse_lenient(mix_bytes text);
/* Times outside of the years 0 to 9999 are written as their bounds. */
void mix_time_format_strict(char out[static MIX_TIME_TEXT], int64_t time);
void mix_time_format_human(char out[static MIX_TIME_TEXT], int64_t time);

/* A decimal in 0…1 with at most 18 decimals, in units of 10⁻¹⁸. */
bool mix_performance_parse(uint64_t *out, mix_bytes text);
void mix_performance_format(char out[static MIX_PERFORMANCE_TEXT], uint64_t performance);

/* Whether it is UTF-8 as RFC 3629 has it: JSON is checked by its parser, bincode is not. */
bool mix_is_utf8(mix_bytes text);

/* base58 of 32 bytes. */
bool mix_key_parse(uint8_t out[static MIX_KEY_LEN], mix_bytes text);
/* The same, and a point of the curve. */
bool mix_identity_parse(uint8_t out[static MIX_KEY_LEN], mix_bytes text);
enum { MIX_KEY_TEXT = 45 };
void mix_key_format(char out[static MIX_KEY_TEXT], const uint8_t key[static MIX_KEY_LEN]);

#endif
