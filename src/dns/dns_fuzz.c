/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a hostile name server: first two bytes the type that was asked for, then the message.
 */
#include "dns/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ares_dns_record_t *message = NULL;
    char alias[MIX_DNS_NAME_MAX + 1];
    answer a;
    if (size < 2)
        return 0;
    uint16_t type = (uint16_t)(data[0] << 8 | data[1]);
    if (ares_dns_parse(data + 2, size - 2, 0, &message) != ARES_SUCCESS)
        message = NULL;
    mix_dns_answer_read(&a, alias, message ? ARES_SUCCESS : ARES_EBADRESP, message, "a.test", type);
    if (a.count > MIX_DNS_RECORDS_MAX || a.texts.len > MIX_DNS_TEXT_MAX ||
        (a.status == MIX_OK) != (a.count > 0))
        __builtin_trap();
    mix_dns_answer_deinit(&a);
    ares_dns_record_destroy(message);
    return 0;
}
