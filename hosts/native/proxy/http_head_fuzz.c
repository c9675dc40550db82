/* SPDX-License-Identifier: Apache-2.0 */
/* What clients and servers send by HTTP: what is written for the next hop is a head that reads the
 * same again and has no field of this hop; bodies end at the same byte, however they are cut. */
#include "proxy/http_head.h"

#include "mix/errors.h"
#include "proxy/http_text.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(mix_bytes head) {
    http_field f;
    bool bad = false;
    (void)http_next_line(&head);
    while (http_next_field(&head, &f, &bad)) {
        assert(!http_is(f.name, "proxy-authorization") && !http_is(f.name, "upgrade"));
        assert(!http_is(f.name, "keep-alive") && !http_is(f.name, "te"));
        if (http_is(f.name, "connection"))
            assert(http_is(f.value, "close"));
    }
    assert(!bad && head.len == 0);
}

static void check_end(mix_bytes head) {
    size_t looked = 0, len = 0;
    if (head.len >= HTTP_HEAD_MOST)
        return;
    assert(http_head_end(head, &looked, &len) == MIX_OK && len == head.len);
}

static void check_request(mix_bytes head) {
    http_request r;
    const char *why;
    if (http_request_read(&r, head, &why) != 0 || r.connect)
        return;
    mix_buf out = {0};
    http_request_write(&out, &r, r.keep);
    check_end(mix_buf_bytes(&out));
    check_fields(mix_buf_bytes(&out));
    mix_buf_deinit(&out);
}

static void check_answer(mix_bytes head, const char *method) {
    http_request asked = {.method = mix_bytes_str(method), .minor = 1};
    http_answer a, again;
    if (http_answer_read(&a, head, &asked) != MIX_OK)
        return;
    mix_buf out = {0};
    http_answer_write(&out, &a, a.keep);
    check_end(mix_buf_bytes(&out));
    check_fields(mix_buf_bytes(&out));
    assert(http_answer_read(&again, mix_buf_bytes(&out), &asked) == MIX_OK);
    assert(again.framing == a.framing && again.length == a.length * (a.has_length ? 1 : 0));
    mix_buf_deinit(&out);
}

static void check_body(mix_bytes in, http_framing framing, uint64_t length) {
    http_body whole = http_body_begin(framing, length), cut = whole;
    size_t used = 0, one = 0, at = 0;
    int status = http_body_feed(&whole, in, &used), piecewise = MIX_OK;
    assert(used <= in.len && (status != MIX_OK || whole.done || used == in.len));
    while (at < in.len && !cut.done && piecewise == MIX_OK) {
        piecewise = http_body_feed(&cut, mix_bytes_slice(in, at, 1), &one);
        at += one;
    }
    assert(piecewise == status && cut.done == whole.done && at == used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mix_bytes in = mix_bytes_of(data, size);
    size_t looked = 0, len = 0, blank = http_blank(in);
    mix_buf text = {0};
    if (http_head_end(in, &looked, &len) == MIX_OK && blank == 0) {
        mix_bytes head = mix_bytes_slice(in, 0, len), rest = mix_bytes_slice(in, len, size);
        size_t bytewise = 0, found = 0;
        for (size_t n = 0; n <= len && size < 4096; n++)
            if (http_head_end(mix_bytes_of(data, n), &bytewise, &found) == MIX_OK)
                assert(found == len && n == len);
        check_request(head);
        check_answer(head, "GET");
        check_answer(head, "HEAD");
        check_body(rest, HTTP_LENGTH, size / 2);
        check_body(rest, HTTP_CHUNKED, 0);
    }
    check_body(in, HTTP_CHUNKED, 0);
    (void)http_basic(&text, in);
    mix_buf_deinit(&text);
    return 0;
}
