/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a hostile name server: first two bytes the type that was asked for, then the message.
 * Read as c-ares would give it, and by the engine as a resolver's answer over HTTPS, to the
 * question for a.test and to all that its aliases lead to. */
#include "dns/internal.h"

#include "sockets/sockets.h"
#include "testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        __builtin_trap();
}

static void read_it(mix_bytes in, uint16_t type) {
    ares_dns_record_t *message = NULL;
    char alias[MIX_DNS_NAME_MAX + 1];
    answer a;
    if (ares_dns_parse(in.data, in.len, 0, &message) != ARES_SUCCESS)
        message = NULL;
    mix_dns_answer_read(&a, alias, message ? ARES_SUCCESS : ARES_EBADRESP, message, "a.test", type);
    check(a.count <= MIX_DNS_RECORDS_MAX && (a.status == MIX_OK) == (a.count > 0));
    check(a.texts.len <= MIX_DNS_TEXT_MAX);
    mix_dns_answer_deinit(&a);
    ares_dns_record_destroy(message);
}

static void feed_it(mix_bytes in, uint16_t type) {
    static mix_test_env env;
    static mix_dns *d;
    mix_time now = MIX_SECONDS(1);
    uint32_t id;
    mix_dns_call c;
    mix_dns_event ev;
    unsigned calls = 0;
    if (!d) {
        mix_test_env_init(&env, 1);
        check(mix_sockets_begin(&env.env) == MIX_OK);
        check(mix_dns_new(&d, &(mix_dns_config){.doh = "192.0.2.53"}) == MIX_OK);
    }
    if (mix_dns_query(d, &id, "a.test", type, now) != MIX_OK)
        return;
    while (mix_dns_drain(d, &c, now) == MIX_OK) {
        check(!c.cancel && c.message.len % MIX_DNS_PAD == 0 && ++calls <= MIX_DNS_HOPS + 1);
        mix_dns_feed(d, c.number,
                     &(mix_dns_reply){.message = in, .age = in.len > 5 ? in.data[5] : 0}, now);
    }
    mix_dns_tick(d, now);
    check(mix_dns_next(d, &ev, now) == MIX_OK && ev.id == id);
    check((ev.status == MIX_OK) == (ev.count > 0) && ev.failure.code == ev.status);
    for (size_t i = 0; i < ev.count; i++)
        check(ev.records[i].type == type && strlen(ev.records[i].text) < MIX_DNS_TEXT_MAX);
    mix_dns_forget(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    read_it(mix_bytes_of(data + 2, size - 2), mix_get_u16(data));
    feed_it(mix_bytes_of(data + 2, size - 2), mix_get_u16(data));
    return 0;
}
