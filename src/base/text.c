/* SPDX-License-Identifier: Apache-2.0 */
/* base58, base64 and hexadecimal. Not constant time: public keys and addresses pass here, no secrets. */
#include "base/text.h"

#include "mix/errors.h"

static const char base58_alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_of(const char *alphabet, uint8_t c) {
    const char *p = c ? strchr(alphabet, c) : NULL;
    return p ? (int)(p - alphabet) : -1;
}

/* digits[0..*used) is a little-endian number in base `base`: times `factor`, plus `carry`. */
static void times_plus(uint8_t *digits, size_t *used, unsigned base, unsigned factor, unsigned carry) {
    for (size_t i = 0; i < *used; i++) {
        unsigned v = digits[i] * factor + carry;
        digits[i] = (uint8_t)(v % base);
        carry = v / base;
    }
    while (carry > 0) {
        digits[(*used)++] = (uint8_t)(carry % base);
        carry /= base;
    }
}

static size_t leading(mix_bytes in, uint8_t value) {
    size_t n = 0;
    while (n < in.len && in.data[n] == value)
        n++;
    return n;
}

int mix_base58_encode(mix_buf *out, mix_bytes in) {
    if (in.len > MIX_BASE58_LONGEST)
        return MIX_ERR_LIMIT;
    uint8_t digits[MIX_BASE58_LONGEST * 138 / 100 + 2];
    size_t used = 0;
    for (size_t i = 0; i < in.len; i++)
        times_plus(digits, &used, 58, 256, in.data[i]);
    size_t mark = out->len, zeros = leading(in, 0);
    uint8_t *p = zeros + used > 0 ? mix_buf_space(out, zeros + used) : NULL;
    if (p) {
        memset(p, '1', zeros);
        for (size_t i = 0; i < used; i++)
            p[zeros + i] = (uint8_t)base58_alphabet[digits[used - 1 - i]];
    }
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_base58_decode(mix_buf *out, mix_bytes text) {
    if (text.len > MIX_BASE58_LONGEST * 138 / 100 + 1)
        return MIX_ERR_LIMIT;
    uint8_t digits[MIX_BASE58_LONGEST * 138 / 100 + 2];
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        int d = digit_of(base58_alphabet, text.data[i]);
        if (d < 0)
            return MIX_ERR_BASE58_CHAR;
        times_plus(digits, &used, 256, 58, (unsigned)d);
    }
    size_t mark = out->len, zeros = leading(text, '1');
    uint8_t *p = zeros + used > 0 ? mix_buf_space(out, zeros + used) : NULL;
    if (p) {
        memset(p, 0, zeros);
        for (size_t i = 0; i < used; i++)
            p[zeros + i] = digits[used - 1 - i];
    }
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_base58_decode_exact(uint8_t *out, size_t len, mix_bytes text) {
    uint8_t storage[MIX_BASE58_LONGEST * 138 / 100 + 2];
    mix_buf b = mix_buf_fixed(storage, sizeof storage);
    int status = mix_base58_decode(&b, text);
    if (status == MIX_ERR_LIMIT || (status == MIX_OK && b.len != len))
        return MIX_ERR_BASE58_LENGTH;
    if (status == MIX_OK && len > 0)
        memcpy(out, b.data, len);
    return status;
}

int mix_base64_encode(mix_buf *out, mix_bytes in) {
    size_t mark = out->len;
    if (in.len > SIZE_MAX / 2)
        return MIX_ERR_LIMIT;
    uint8_t *p = in.len > 0 ? mix_buf_space(out, (in.len + 2) / 3 * 4) : NULL;
    for (size_t i = 0; p && i < in.len; i += 3, p += 4) {
        size_t left = in.len - i;
        uint32_t v = (uint32_t)in.data[i] << 16;
        v |= left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0;
        v |= left > 2 ? in.data[i + 2] : 0;
        p[0] = (uint8_t)base64_alphabet[v >> 18];
        p[1] = (uint8_t)base64_alphabet[v >> 12 & 63];
        p[2] = left > 1 ? (uint8_t)base64_alphabet[v >> 6 & 63] : '=';
        p[3] = left > 2 ? (uint8_t)base64_alphabet[v & 63] : '=';
    }
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

/* Four characters to up to three bytes; returns how many, or -1. */
static int base64_group(uint8_t out[static 3], const uint8_t in[static 4], bool last) {
    int pad = !last || in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = i >= 4 - pad ? 0 : digit_of(base64_alphabet, in[i]);
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
    }
    if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
        return -1;
    out[0] = (uint8_t)(v >> 16);
    out[1] = (uint8_t)(v >> 8);
    out[2] = (uint8_t)v;
    return 3 - pad;
}

int mix_base64_decode(mix_buf *out, mix_bytes text) {
    if (text.len % 4 != 0)
        return MIX_ERR_BASE64;
    size_t mark = out->len;
    int status = MIX_OK;
    for (size_t i = 0; i < text.len && status == MIX_OK; i += 4) {
        uint8_t bytes[3];
        int n = base64_group(bytes, text.data + i, i + 4 == text.len);
        if (n < 0) {
            status = MIX_ERR_BASE64;
        } else {
            mix_buf_put(out, bytes, (size_t)n);
            status = mix_buf_status(out);
        }
    }
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

int mix_hex_encode(mix_buf *out, mix_bytes in) {
    size_t mark = out->len;
    if (in.len > SIZE_MAX / 2)
        return MIX_ERR_LIMIT;
    uint8_t *p = in.len > 0 ? mix_buf_space(out, in.len * 2) : NULL;
    for (size_t i = 0; p && i < in.len; i++) {
        p[2 * i] = (uint8_t)"0123456789abcdef"[in.data[i] >> 4];
        p[2 * i + 1] = (uint8_t)"0123456789abcdef"[in.data[i] & 15];
    }
    int status = mix_buf_status(out);
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mix_hex_decode(mix_buf *out, mix_bytes text) {
    if (text.len % 2 != 0)
        return MIX_ERR_HEX;
    size_t mark = out->len;
    uint8_t *p = text.len > 0 ? mix_buf_space(out, text.len / 2) : NULL;
    int status = mix_buf_status(out);
    for (size_t i = 0; p && i < text.len && status == MIX_OK; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            status = MIX_ERR_HEX;
        else
            p[i / 2] = (uint8_t)(high << 4 | low);
    }
    if (status != MIX_OK)
        mix_buf_truncate(out, mark);
    return status;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool mix_text_same(mix_bytes a, const char *b) {
    size_t i = 0;
    while (i < a.len && b[i] && lower(a.data[i]) == lower((uint8_t)b[i]))
        i++;
    return i == a.len && b[i] == 0;
}
