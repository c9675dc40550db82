/* SPDX-License-Identifier: Apache-2.0 */
/* Times, decimals, addresses and keys as the directory writes them. */
#include "directory/wire_text.h"

#include "base/text.h"

#include <stdio.h>

#define SECOND INT64_C(1000000)

/* What is left of a text; parsers move it on, or set bad. */
typedef struct scan {
    const uint8_t *at, *end;
    bool bad;
} scan;

static scan scan_of(mix_bytes text) {
    return (scan){.at = text.data, .end = text.len > 0 ? text.data + text.len : text.data};
}

static bool next_is(const scan *s, char c) {
    return s->at != s->end && *s->at == (uint8_t)c;
}

static void expect(scan *s, char c) {
    if (next_is(s, c))
        s->at++;
    else
        s->bad = true;
}

static int digit_at(const scan *s) {
    return s->at != s->end && *s->at >= '0' && *s->at <= '9' ? *s->at - '0' : -1;
}

/* Exactly n digits, at most max. */
static int number(scan *s, int n, int max) {
    int v = 0;
    for (int i = 0; i < n; i++) {
        int d = digit_at(s);
        if (d < 0) {
            s->bad = true;
            return 0;
        }
        v = v * 10 + d;
        s->at++;
    }
    if (v > max)
        s->bad = true;
    return v;
}

/* ".25": one to nine digits, as microseconds. */
static int64_t fraction(scan *s) {
    expect(s, '.');
    int64_t micros = 0, unit = SECOND;
    int digits = 0;
    for (; digit_at(s) >= 0; s->at++, digits++) {
        unit /= 10;
        micros += digit_at(s) * unit;
    }
    if (digits < 1 || digits > 9)
        s->bad = true;
    return micros;
}

/* Days since 1970 of a date of the Gregorian calendar, year 0 to 9999: years counted from March, so
 * that the leap day is the last of its year. */
static int64_t days_of(int year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "2026-11-22<separator>20:00:00" as microseconds since 1970. */
static int64_t date_and_time(scan *s, char separator) {
    int year = number(s, 4, 9999);
    expect(s, '-');
    int month = number(s, 2, 12);
    expect(s, '-');
    int day = number(s, 2, 31);
    if (next_is(s, 't') && separator == 'T')
        separator = 't';
    expect(s, separator);
    int hour = number(s, 2, 23);
    expect(s, ':');
    int minute = number(s, 2, 59);
    expect(s, ':');
    int second = number(s, 2, 59);
    if (s->bad || month < 1 || day < 1 || day > days_in(year, month)) {
        s->bad = true;
        return 0;
    }
    return (days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * SECOND;
}

/* "+01:00", with seconds if so asked; how far that clock is ahead. */
static int64_t offset(scan *s, bool with_seconds) {
    int64_t sign = next_is(s, '-') ? -1 : 1;
    expect(s, sign < 0 ? '-' : '+');
    int seconds = number(s, 2, 23) * 3600;
    expect(s, ':');
    seconds += number(s, 2, 59) * 60;
    if (with_seconds) {
        expect(s, ':');
        seconds += number(s, 2, 59);
    }
    return sign * seconds * SECOND;
}

bool mix_time_parse_strict(int64_t *out, mix_bytes text) {
    scan s = scan_of(text);
    int64_t time = date_and_time(&s, 'T');
    if (next_is(&s, '.'))
        time += fraction(&s);
    if (next_is(&s, 'Z') || next_is(&s, 'z'))
        s.at++;
    else
        time -= offset(&s, false);
    if (s.bad || s.at != s.end)
        return false;
    *out = time;
    return true;
}

int64_t mix_time_parse_lenient(mix_bytes text) {
    int64_t time;
    if (mix_time_parse_strict(&time, text))
        return time;
    scan s = scan_of(text);
    time = date_and_time(&s, ' ');
    time += fraction(&s);
    expect(&s, ' ');
    time -= offset(&s, true);
    return s.bad || s.at != s.end ? 0 : time;
}

typedef struct civil {
    int year, month, day, hour, minute, second, micros;
} civil;

static civil civil_of(int64_t time) {
    const int64_t first = days_of(0, 1, 1) * 86400 * SECOND,
                  last = days_of(10000, 1, 1) * 86400 * SECOND - 1;
    time = time < first ? first : time > last ? last : time;
    int64_t seconds = time / SECOND - (time % SECOND < 0), micros = time - seconds * SECOND;
    int64_t days = seconds / 86400 - (seconds % 86400 < 0), of_day = seconds - days * 86400;
    int64_t since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t of_era = since - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    return (civil){
        .year = (int)(year + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(of_year - (153 * march_month + 2) / 5 + 1),
        .hour = (int)(of_day / 3600),
        .minute = (int)(of_day / 60 % 60),
        .second = (int)(of_day % 60),
        .micros = (int)micros,
    };
}

/* The fraction's digits without zeros at its end, at least `least` of them. */
static int format_fraction(char out[static 8], int micros, int least) {
    char digits[8];
    snprintf(digits, sizeof digits, "%06d", micros % 1000000);
    int n = 6;
    while (n > least && digits[n - 1] == '0')
        n--;
    return snprintf(out, 8, n > 0 ? ".%.*s" : "%.*s", n, digits);
}

void mix_time_format_strict(char out[static MIX_TIME_TEXT], int64_t time) {
    civil c = civil_of(time);
    char part[8];
    format_fraction(part, c.micros, 0);
    snprintf(out, MIX_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", c.year, c.month, c.day, c.hour,
             c.minute, c.second, part);
}

void mix_time_format_human(char out[static MIX_TIME_TEXT], int64_t time) {
    civil c = civil_of(time);
    char part[8];
    format_fraction(part, c.micros, 1);
    snprintf(out, MIX_TIME_TEXT, "%04d-%02d-%02d %02d:%02d:%02d%s +00:00:00", c.year, c.month,
             c.day, c.hour, c.minute, c.second, part);
}

bool mix_performance_parse(uint64_t *out, mix_bytes text) {
    scan s = scan_of(text);
    uint64_t whole = 0, part = 0;
    if (digit_at(&s) < 0)
        return false;
    for (; digit_at(&s) >= 0; s.at++)
        whole = whole > 1 ? 2
                          : whole * 10 +
                                (uint64_t)digit_at(&s); /* more than 1 is wrong, whatever follows */
    if (next_is(&s, '.')) {
        uint64_t unit = MIX_PERFORMANCE_ONE;
        s.at++;
        if (digit_at(&s) < 0)
            return false;
        for (; digit_at(&s) >= 0; s.at++) {
            unit /= 10;
            if (unit == 0)
                return false; /* a 19th decimal */
            part += (uint64_t)digit_at(&s) * unit;
        }
    }
    if (s.at != s.end || whole > 1 || (whole == 1 && part > 0))
        return false;
    *out = whole * MIX_PERFORMANCE_ONE + part;
    return true;
}

void mix_performance_format(char out[static MIX_PERFORMANCE_TEXT], uint64_t performance) {
    if (performance >= MIX_PERFORMANCE_ONE || performance == 0) {
        snprintf(out, MIX_PERFORMANCE_TEXT, performance == 0 ? "0" : "1");
        return;
    }
    int n = snprintf(out, MIX_PERFORMANCE_TEXT, "0.%018llu", (unsigned long long)performance);
    while (out[n - 1] == '0')
        out[--n] = 0;
}

uint32_t mix_performance_percent(uint64_t performance) {
    return (uint32_t)(performance / (MIX_PERFORMANCE_ONE / 100));
}

/* How many bytes follow the first one of a character, and the smallest character that needs them.
 */
static int utf8_tail(uint8_t first, uint32_t *bits, uint32_t *least) {
    int tail = first < 0x80       ? 0
               : first >> 5 == 6  ? 1
               : first >> 4 == 14 ? 2
               : first >> 3 == 30 ? 3
                                  : -1;
    static const uint32_t leasts[] = {0, 0x80, 0x800, 0x10000};
    *least = leasts[tail < 0 ? 0 : tail];
    *bits = tail <= 0 ? first : first & (0x3fu >> tail);
    return tail;
}

bool mix_is_utf8(mix_bytes text) {
    for (size_t i = 0; i < text.len; i++) {
        uint32_t character, least;
        int tail = utf8_tail(text.data[i], &character, &least);
        if (tail < 0 || (size_t)tail >= text.len - i)
            return false;
        for (; tail > 0; tail--) {
            uint8_t c = text.data[++i];
            if (c >> 6 != 2)
                return false;
            character = character << 6 | (c & 0x3f);
        }
        if (character < least || character > 0x10ffff ||
            (character >= 0xd800 && character <= 0xdfff))
            return false;
    }
    return true;
}

bool mix_key_parse(uint8_t out[static MIX_KEY_LEN], mix_bytes text) {
    return mix_base58_decode_exact(out, MIX_KEY_LEN, text) == MIX_OK;
}

bool mix_identity_parse(uint8_t out[static MIX_KEY_LEN], mix_bytes text) {
    uint8_t key[MIX_KEY_LEN];
    if (!mix_key_parse(key, text) || !mix_ed25519_is_point(key))
        return false;
    memcpy(out, key, sizeof key);
    return true;
}

void mix_key_format(char out[static MIX_KEY_TEXT], const uint8_t key[static MIX_KEY_LEN]) {
    mix_buf b = mix_buf_fixed(out, MIX_KEY_TEXT - 1);
    (void)mix_base58_encode(
        &b, mix_bytes_of(key, MIX_KEY_LEN)); /* 32 bytes have at most 44 characters */
    out[b.len] = 0;
}
