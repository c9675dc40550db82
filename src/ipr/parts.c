/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps, address pairs, recipients. */
#include "ipr/parts.h"

#include "crypto/crypto.h"

static bool leap_year(int32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void mix_ipr_read_time(mix_reader *r, mix_timestamp *t) {
    t->year = mix_bin_i32(r);
    t->ordinal = (uint16_t)mix_bin_varint(r, UINT16_MAX);
    t->hour = mix_read_u8(r);
    t->minute = mix_read_u8(r);
    t->second = mix_read_u8(r);
    t->nanosecond = (uint32_t)mix_bin_varint(r, UINT32_MAX);
    t->offset_hours = (int8_t)mix_read_u8(r);
    t->offset_minutes = (int8_t)mix_read_u8(r);
    t->offset_seconds = (int8_t)mix_read_u8(r);
    if (t->year < -9999 || t->year > 9999 || t->ordinal < 1 || t->ordinal > (leap_year(t->year) ? 366 : 365) || t->hour > 23 ||
        t->minute > 59 || t->second > 59 || t->nanosecond > 999999999)
        r->bad = true;
}

void mix_ipr_put_time(mix_buf *b, const mix_timestamp *t) {
    mix_bin_put_i32(b, t->year);
    mix_bin_put_varint(b, t->ordinal);
    mix_buf_put_u8(b, t->hour);
    mix_buf_put_u8(b, t->minute);
    mix_buf_put_u8(b, t->second);
    mix_bin_put_varint(b, t->nanosecond);
    mix_buf_put_u8(b, (uint8_t)t->offset_hours);
    mix_buf_put_u8(b, (uint8_t)t->offset_minutes);
    mix_buf_put_u8(b, (uint8_t)t->offset_seconds);
}

enum { DAYS_TO_1970 = 719162 }; /* from the first day of year 1 */

/* Days from the first day of year 1 to the first of this year, in the Gregorian calendar carried back. */
static int64_t days_before_year(int64_t year) {
    int64_t y = year - 1, floors = 0;
    floors += y >= 0 ? y / 4 : -((3 - y) / 4);
    floors -= y >= 0 ? y / 100 : -((99 - y) / 100);
    floors += y >= 0 ? y / 400 : -((399 - y) / 400);
    return y * 365 + floors;
}

mix_timestamp mix_timestamp_of(int64_t wall) {
    int64_t day = wall / 86400000000, rest = wall % 86400000000;
    if (rest < 0) {
        rest += 86400000000;
        day--;
    }
    day += DAYS_TO_1970;
    int64_t year = day / 366 + 1; /* never too late; at most a few years too early */
    while (days_before_year(year + 1) <= day)
        year++;
    int64_t second = rest / 1000000;
    return (mix_timestamp){
        .year = (int32_t)year,
        .ordinal = (uint16_t)(day - days_before_year(year) + 1),
        .hour = (uint8_t)(second / 3600),
        .minute = (uint8_t)(second / 60 % 60),
        .second = (uint8_t)(second % 60),
        .nanosecond = (uint32_t)(rest % 1000000 * 1000),
    };
}

int64_t mix_timestamp_wall(const mix_timestamp *t) {
    int64_t day = days_before_year(t->year) + t->ordinal - 1 - DAYS_TO_1970;
    int64_t second = day * 86400 + (int64_t)t->hour * 3600 + t->minute * 60 + t->second;
    second -= (int64_t)t->offset_hours * 3600 + t->offset_minutes * 60 + t->offset_seconds;
    return second * 1000000 + t->nanosecond / 1000;
}

void mix_ipr_read_ips(mix_reader *r, mix_ipr_ips *ips) {
    mix_read_into(r, ips->v4, sizeof ips->v4);
    mix_read_into(r, ips->v6, sizeof ips->v6);
}

void mix_ipr_put_ips(mix_buf *b, const mix_ipr_ips *ips) {
    mix_buf_put(b, ips->v4, sizeof ips->v4);
    mix_buf_put(b, ips->v6, sizeof ips->v6);
}

void mix_ipr_read_sized(mix_reader *r, uint8_t *out, size_t len) {
    mix_bytes bytes = mix_bin_bytes(r);
    if (bytes.len != len) {
        r->bad = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, bytes.data, len);
}

void mix_ipr_read_recipient(mix_reader *r, uint8_t out[static MIX_IPR_RECIPIENT_LEN]) {
    mix_ipr_read_sized(r, out, MIX_IPR_RECIPIENT_LEN);
    if (!r->bad && (!mix_ed25519_is_point(out) || !mix_ed25519_is_point(out + 64)))
        r->bad = true;
}
