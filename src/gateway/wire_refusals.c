/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up what a gateway's sentence means. */
#include "gateway/wire_refusals.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct row {
    const char *text;
    mix_refusal_match match;
    mix_remedy remedy;
    int error;
} row;

#define ROW(name, match, error, remedy, text)                                                      \
    {text, MIX_REFUSAL_##match, MIX_REMEDY_##remedy, MIX_ERR_##error},
static const row rows[] = {
    MIX_REFUSAL_TABLE(ROW){"", MIX_REFUSAL_WHOLE, MIX_REMEDY_RECONNECT, MIX_ERR_GATEWAY_REFUSED}};
#undef ROW

const char *mix_refusal_text(mix_refusal r) {
    return rows[r].text;
}
int mix_refusal_error(mix_refusal r) {
    return rows[r].error;
}
mix_remedy mix_refusal_remedy(mix_refusal r) {
    return rows[r].remedy;
}

static mix_refusal find_once(mix_bytes text) {
    for (size_t i = 0; i < MIX_REFUSAL_UNKNOWN; i++) {
        size_t len = strlen(rows[i].text);
        bool fits = rows[i].match == MIX_REFUSAL_WHOLE ? text.len == len : text.len >= len;
        if (fits && memcmp(text.data, rows[i].text, len) == 0)
            return (mix_refusal)i;
    }
    return MIX_REFUSAL_UNKNOWN;
}

mix_refusal mix_refusal_find(mix_bytes text) {
    mix_refusal known = MIX_REFUSAL_UNKNOWN, r;
    /* Each round takes a known beginning off, so it ends. */
    while (text.len > 0 && (r = find_once(text)) != MIX_REFUSAL_UNKNOWN) {
        known = r;
        if (rows[r].match != MIX_REFUSAL_AROUND)
            break;
        text = mix_bytes_slice(text, strlen(rows[r].text), text.len);
    }
    return known;
}

/* What is wrong with a mix packet of this kind, as the original says it. */
static void packet_detail(char *out, size_t len, int status, uint8_t kind, mix_bytes plain) {
    mix_reader r = {.in = plain};
    uint8_t type = mix_read_u8(&r), rotation = kind == 2 ? mix_read_u8(&r) : 0,
            family = mix_read_u8(&r);
    size_t front = (family == 4 ? 7 : 19) - 1;
    if (r.bad)
        status = MIX_ERR_TRUNCATED;
    if (status == MIX_ERR_TRUNCATED)
        (void)snprintf(out, len, "too few bytes provided to recover from bytes");
    else if (status == MIX_ERR_FRAME_TYPE)
        (void)snprintf(out, len,
                       "provided packet mode is invalid: %u is not a valid packet type tag", type);
    else if (status == MIX_ERR_FRAME_ROTATION)
        (void)snprintf(
            out, len,
            "provided key rotation is invalid: %u is not a valid encoding of a sphinx key rotation",
            rotation);
    else if (status == MIX_ERR_SPHINX_SIZE && r.in.len >= front)
        (void)snprintf(out, len,
                       "received request had an invalid packet size: %zu does not correspond with "
                       "any known packet size",
                       r.in.len - front);
    else
        (void)snprintf(out, len, "address field was incorrectly encoded");
}

int mix_refusal_binary_encode(mix_buf *out, int status, mix_bytes frame, mix_bytes plain) {
    char detail[112] = "";
    mix_refusal r = MIX_REFUSAL_BINARY_PACKET;
    uint8_t kind = frame.len > 0 ? frame.data[0] : 0;
    if (status == MIX_ERR_GATEWAY_FRAME_SHORT)
        r = MIX_REFUSAL_BINARY_SHORT;
    else if (status == MIX_ERR_GATEWAY_FRAME_FLAG)
        r = MIX_REFUSAL_BINARY_FLAG;
    else if (status == MIX_ERR_AEAD)
        r = MIX_REFUSAL_SEAL;
    else if (status == MIX_ERR_GATEWAY_FRAME_KIND)
        r = MIX_REFUSAL_BINARY_KIND;
    if (r == MIX_REFUSAL_BINARY_KIND)
        (void)snprintf(detail, sizeof detail, "%u", kind);
    else if (r == MIX_REFUSAL_BINARY_PACKET)
        packet_detail(detail, sizeof detail, status, kind, plain);
    size_t mark = out->len;
    mix_buf_put_str(out, rows[MIX_REFUSAL_BINARY].text);
    mix_buf_put_str(out, rows[r].text);
    mix_buf_put_str(out, detail);
    status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* ---- the two times of the clock's text: "2023-11-14 9:13:21.0 +00:00:00" ---- */

typedef struct date {
    int64_t year;
    unsigned month, day, hour, minute, second;
} date;

/* Days since 1970 of a day in the Gregorian calendar, counted in years that start in March. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400,
            of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static date date_of(int64_t seconds) {
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    date d = {.hour = (unsigned)(rest / 3600),
              .minute = (unsigned)(rest / 60 % 60),
              .second = (unsigned)(rest % 60)};
    d.year = 1970 + days / 366 - (days < 0); /* not later than the true year */
    while (days_of(d.year + 1, 1, 1) <= days)
        d.year++;
    for (d.month = 1; d.month < 12 && days_of(d.year, d.month + 1, 1) <= days;)
        d.month++;
    d.day = (unsigned)(days - days_of(d.year, d.month, 1)) + 1;
    return d;
}

static void put_time(mix_buf *out, int64_t microseconds) {
    int64_t seconds = microseconds / 1000000, fraction = microseconds % 1000000;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    date d = date_of(seconds);
    char text[96], digits[8];
    (void)snprintf(digits, sizeof digits, "%06" PRId64, fraction);
    for (size_t n = 6; n > 1 && digits[n - 1] == '0'; n--)
        digits[n - 1] = 0;
    (void)snprintf(text, sizeof text, "%04" PRId64 "-%02u-%02u %u:%02u:%02u.%s +00:00:00", d.year,
                   d.month, d.day, d.hour, d.minute, d.second, digits);
    mix_buf_put_str(out, text);
}

static const char between[] = " whilst the server time is ";

int mix_refusal_clock_encode(mix_buf *out, uint64_t received, int64_t server) {
    const uint64_t last = 253402300799; /* of the year 9999 */
    size_t mark = out->len;
    mix_buf_put_str(out, rows[MIX_REFUSAL_CLOCK].text);
    put_time(out, (int64_t)(received < last ? received : last) * 1000000);
    mix_buf_put_str(out, between);
    put_time(out, server);
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* A number of least to most digits, and the character behind it. */
static unsigned read_number(mix_reader *r, size_t least, size_t most, char behind) {
    unsigned n = 0;
    size_t digits = 0;
    for (; digits < most && digits < r->in.len && r->in.data[digits] >= '0' &&
           r->in.data[digits] <= '9';
         digits++)
        n = n * 10 + (unsigned)(r->in.data[digits] - '0');
    mix_skip(r, digits);
    r->bad |= digits < least || mix_read_u8(r) != (uint8_t)behind;
    return n;
}

bool mix_refusal_clock_decode(int64_t *server, mix_bytes text) {
    size_t front = strlen(rows[MIX_REFUSAL_CLOCK].text), gap = sizeof between - 1, at = front;
    while (at + gap <= text.len && memcmp(text.data + at, between, gap) != 0)
        at++;
    mix_reader r = {.in = mix_bytes_slice(text, at + gap, text.len)};
    date d = {.year = read_number(&r, 4, 4, '-')};
    d.month = read_number(&r, 2, 2, '-');
    d.day = read_number(&r, 2, 2, ' ');
    d.hour = read_number(&r, 1, 2, ':');
    d.minute = read_number(&r, 2, 2, ':');
    d.second = read_number(&r, 2, 2, '.');
    (void)read_number(&r, 1, 9, ' ');
    if (r.bad || !mix_bytes_equal(r.in, mix_bytes_str("+00:00:00")) || d.year < 1970 ||
        d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 || d.hour > 23 || d.minute > 59 ||
        d.second > 60)
        return false;
    *server = days_of(d.year, d.month, d.day) * 86400 + d.hour * 3600 + d.minute * 60 + d.second;
    return true;
}
