/* SPDX-License-Identifier: Apache-2.0 */
/* The validator against the definition of UTF-8 by code points. */
#include "base/utf8.h"

#include "testing.h"

/* Every sequence of up to three bytes, and those of four that matter, against the ranges of code
 * points. */
static bool is_character(const uint8_t *b, size_t len) {
    uint32_t c = b[0];
    size_t want = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (want != len)
        return false;
    c = len == 1 ? c : c & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (b[i] & 0x3f);
    }
    return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static void utf8_against_the_definition(void **state) {
    (void)state;
    static const uint8_t some[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            uint8_t s[4] = {(uint8_t)a, (uint8_t)b};
            assert_int_equal(mix_utf8_valid(mix_bytes_of(s, 1)), is_character(s, 1));
            assert_int_equal(mix_utf8_valid(mix_bytes_of(s, 2)),
                             is_character(s, 2) || (a < 0x80 && b < 0x80));
            for (size_t i = 0; a >= 0xc0 && i < sizeof some; i++) {
                s[2] = some[i];
                assert_int_equal(mix_utf8_valid(mix_bytes_of(s, 3)),
                                 is_character(s, 3) || (is_character(s, 2) && s[2] < 0x80));
                for (size_t k = 0; a >= 0xe0 && k < sizeof some; k++) {
                    s[3] = some[k];
                    assert_int_equal(mix_utf8_valid(mix_bytes_of(s, 4)),
                                     is_character(s, 4) || (is_character(s, 3) && s[3] < 0x80));
                }
            }
        }
    uint8_t text[40];
    for (size_t at = 0; at < sizeof text; at++) { /* a wrong byte is found at every place */
        memset(text, 'a', sizeof text);
        text[at] = 0xff;
        assert_false(mix_utf8_valid(MIX_BYTES(text)));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(utf8_against_the_definition),
};
MIX_TEST_MAIN(utf8_test, tests)
