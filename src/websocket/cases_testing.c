/* SPDX-License-Identifier: Apache-2.0 */
/* See the header. */
#include "websocket/cases_testing.h"

#define CLEAN "X:1000", "closing:1000: closed:1000:clean"
#define FRAME "X:1002", "error:WEBSOCKET_FRAME closed:1006"
#define UTF8 "X:1007", "error:WEBSOCKET_UTF8 closed:1006"
#define CODE "X:1002", "error:WEBSOCKET_CLOSE_FRAME closed:1006"

static const websocket_case framing[] = {
    {"T: X:1000", "T: " CLEAN},
    {"T*125 X:1000", "T*125 " CLEAN},
    {"T*126 X:1000", "T*126 " CLEAN},
    {"T*127 X:1000", "T*127 " CLEAN},
    {"T*128 X:1000", "T*128 " CLEAN},
    {"B: X:1000", "B: " CLEAN},
    {"B*125 X:1000", "B*125 " CLEAN},
    {"B*126 X:1000", "B*126 " CLEAN},
    {"B*127 X:1000", "B*127 " CLEAN},
    {"B:\xfe\xff\x80 X:1000", "B:\xfe\xff\x80 " CLEAN},
    {"T:a B:b T:c X:1000", "T:a B:b T:c " CLEAN},
    {"=817e007d", FRAME},               /* a length that fits the short form */
    {"=827f000000000000ffff", FRAME},   /* and one that fits 16 bits */
    {"=827f8000000000000001", FRAME},   /* the highest bit of 64 */
    {"=818537fa213d7f9f4d5158", FRAME}, /* masked */
};

static const websocket_case pings[] = {
    {"P X:1000", "O: " CLEAN},
    {"P:Hello,world! X:1000", "O:Hello,world! " CLEAN},
    {"P:\xff\xfe\xfd X:1000", "O:\xff\xfe\xfd " CLEAN},
    {"P*125 X:1000", "O*125 " CLEAN},
    {"P*126 X:1000", FRAME},
    {"O:unasked X:1000", "X:1000", "pong:unasked closing:1000: closed:1000:clean"},
    {"O:unasked P:asked X:1000", "O:asked X:1000", "pong:unasked closing:1000: closed:1000:clean"},
    {"O:1 O:2 P:3 O:4 X:1000", "O:3 X:1000",
     "pong:1 pong:2 pong:4 closing:1000: closed:1000:clean"},
    {"P:0 P:1 P:2 P:3 P:4 P:5 P:6 P:7 P:8 P:9 X:1000",
     "O:0 O:1 O:2 O:3 O:4 O:5 O:6 O:7 O:8 O:9 " CLEAN},
};

static const websocket_case reserved_bits[] = {
    {"=c10548656c6c6f", FRAME},
    {"T:a =a10548656c6c6f P", "T:a " FRAME},
    {"T:a =910548656c6c6f P", "T:a " FRAME},
    {"T:a =f10548656c6c6f P", "T:a " FRAME},
    {"=e2020102", FRAME},
    {"=b900", FRAME},
    {"=f800", FRAME},
    {"t:a =c001 C:b", FRAME},
};

static const websocket_case opcodes[] = {
    {"=8300", FRAME},
    {"=8400 P", FRAME},
    {"T:a =8500 P", "T:a " FRAME},
    {"T:a =8601aa P", "T:a " FRAME},
    {"=8700", FRAME},
    {"=8b00 P", FRAME},
    {"T:a =8c00 P", "T:a " FRAME},
    {"T:a =8d01aa P", "T:a " FRAME},
    {"=8e00", FRAME},
    {"=8f00", FRAME},
};

static const websocket_case fragments[] = {
    {"=0903616263 C:x", FRAME}, /* a ping in fragments */
    {"=0a03616263 C:x", FRAME},
    {"=080203e8", FRAME},
    {"t:frag C:ment X:1000", "T:fragment " CLEAN},
    {"t:frag P:ping C:ment X:1000", "O:ping T:fragment " CLEAN},
    {"t:a c:b P:1 c:c c:d P:2 C:e X:1000", "O:1 O:2 T:abcde " CLEAN},
    {"b:a c: c: C: X:1000", "B:a " CLEAN},
    {"t: c: C: X:1000", "T: " CLEAN},
    {"t: c:x C: X:1000", "T:x " CLEAN},
    {"C:alone T:x", FRAME},
    {"c:alone C:x T:x", FRAME},
    {"T:a C:b", "T:a " FRAME},
    {"t:a T:b", FRAME},
    {"t:a B:b", FRAME},
    {"b:a b:b", FRAME},
    {"t:a C:b c:c", "T:ab " FRAME},
    {"t:a O:x C:b X:1000", "T:ab X:1000", "pong:x closing:1000: closed:1000:clean"},
    {"t:unfinished X:1000", CLEAN},
};

static const websocket_case utf8[] = {
    {"T:Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!! X:1000",
     "T:Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!! " CLEAN},
    {"t:\xce\xba\xe1 c:\xbd C:\xb9\xcf\x83 X:1000",
     "T:\xce\xba\xe1\xbd\xb9\xcf\x83 " CLEAN}, /* cut within a character */
    {"t:\xf0 c: P c:\x9f\x98 C:\x80 X:1000", "O: T:\xf0\x9f\x98\x80 " CLEAN},
    {"T:\xce\xba\xed\xa0\x80"
     "edited",
     UTF8},                                      /* a surrogate */
    {"t:\xce\xba\xf4\x90 c:\x80\x80 C:x", UTF8}, /* beyond U+10FFFF, known at its second byte */
    {"t:abc c:\xff", UTF8},                      /* within a message that is not finished */
    {"=8105"
     "616263ff",
     UTF8},               /* and within a frame that is not */
    {"T:\xe2\x82", UTF8}, /* ends within a character */
    {"t:\xe2\x82 C:", UTF8},
    {"t:\xe2\x82 C:x", UTF8},
    {"T:\xc0\xaf", UTF8},
    {"T:\xc1\xbf", UTF8},
    {"T:\xe0\x80\xaf", UTF8},
    {"T:\xe0\x9f\xbf", UTF8}, /* overlong */
    {"T:\xf0\x80\x80\xaf", UTF8},
    {"T:\xf0\x8f\xbf\xbf", UTF8},
    {"T:\xf8\x88\x80\x80\x80", UTF8},
    {"T:\xfc\x84\x80\x80\x80\x80", UTF8},
    {"T:\xfe", UTF8},
    {"T:\xff", UTF8},
    {"T:\x80", UTF8},
    {"T:\xbf", UTF8},
    {"T:\xed\xa0\x80", UTF8},
    {"T:\xed\xad\xbf", UTF8},
    {"T:\xed\xbf\xbf", UTF8},
    {"T:\xed\xa0\x80\xed\xb0\x80", UTF8},
    {"T:\xf4\x90\x80\x80", UTF8},
    {"T:\xf7\xbf\xbf\xbf", UTF8},
    {"T:\x7f X:1000", "T:\x7f " CLEAN},
    {"T:\xc2\x80 X:1000", "T:\xc2\x80 " CLEAN},
    {"T:\xdf\xbf X:1000", "T:\xdf\xbf " CLEAN},
    {"T:\xe0\xa0\x80 X:1000", "T:\xe0\xa0\x80 " CLEAN},
    {"T:\xed\x9f\xbf X:1000", "T:\xed\x9f\xbf " CLEAN},
    {"T:\xee\x80\x80 X:1000", "T:\xee\x80\x80 " CLEAN},
    {"T:\xef\xbf\xbe X:1000", "T:\xef\xbf\xbe " CLEAN},
    {"T:\xef\xbf\xbf X:1000", "T:\xef\xbf\xbf " CLEAN},
    {"T:\xf0\x90\x80\x80 X:1000", "T:\xf0\x90\x80\x80 " CLEAN},
    {"T:\xf4\x8f\xbf\xbf X:1000", "T:\xf4\x8f\xbf\xbf " CLEAN},
    {"B:\xed\xa0\x80 X:1000", "B:\xed\xa0\x80 " CLEAN}, /* bytes may be anything */
};

static const websocket_case closing[] = {
    {"T:a X:1000", "T:a " CLEAN},
    {"X:1000 X:1000", CLEAN},
    {"X:1000 P T:late", CLEAN},
    {"X:1000 =ff00", CLEAN},
    {"t:a X:1000 C:b", CLEAN},
    {"X", "X", "closing:1005: closed:1005:clean"},
    {"=880103", CODE},
    {"X:1000:bye", "X:1000", "closing:1000:bye closed:1000:clean"},
    {"X:1000:\xe2\x82\xac", "X:1000", "closing:1000:\xe2\x82\xac closed:1000:clean"},
    {"X:1000:"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "012",
     "X:1000",
     "closing:1000:"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "012 closed:1000:clean"},
    {"X:1000:"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123456789"
     "0123",
     FRAME},
    {"X:1000:\xff", UTF8},
    {"X:1000:\xe2\x82", UTF8},
    {"T:a", "T:a", "error:WEBSOCKET_LOST closed:1006"},
    {"=81054865", "", "error:WEBSOCKET_LOST closed:1006"},
};

#define SECTION(rows) {rows, sizeof(rows) / sizeof *(rows)}
const websocket_section websocket_sections[WEBSOCKET_SECTIONS] = {
    [WEBSOCKET_FRAMING] = SECTION(framing),
    [WEBSOCKET_PINGS] = SECTION(pings),
    [WEBSOCKET_RESERVED_BITS] = SECTION(reserved_bits),
    [WEBSOCKET_OPCODES] = SECTION(opcodes),
    [WEBSOCKET_FRAGMENTS] = SECTION(fragments),
    [WEBSOCKET_UTF8] = SECTION(utf8),
    [WEBSOCKET_CLOSING] = SECTION(closing),
};
