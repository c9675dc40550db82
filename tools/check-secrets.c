/* SPDX-License-Identifier: Apache-2.0 */
/* Run under valgrind by check-secrets.sh: secrets are marked as undefined memory, so that memcheck reports each branch and each
 * address that depends on one. */
#include "crypto/curve.h"
#include "crypto/scalar.h"
#include "crypto/table.h"

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#define SECRET(x) VALGRIND_MAKE_MEM_UNDEFINED(&(x), sizeof(x))
#define PUBLIC(x) VALGRIND_MAKE_MEM_DEFINED(&(x), sizeof(x))

int main(int argc, char **argv) {
    (void)argv;
    uint8_t key[32] = {9}, secrets[3][32], scalars[3][32], out[3][32], want[32], again[32];
    mix_curve_table *table;
    if (mix_curve_table_new(&table, key) != 0)
        return 2;
    const mix_curve_table *tables[3] = {table, table, table};
    for (size_t i = 0; i < sizeof secrets; i++)
        secrets[i / 32][i % 32] = (uint8_t)(i * 37 + 11);
    mix_x25519(want, secrets[0], key);
    SECRET(secrets);
    if (argc > 1 && secrets[0][0] == 1) /* proof that this finds something */
        puts("a branch on a secret");
    for (size_t i = 0; i < 3; i++)
        mix_scalar_from_clamped(scalars[i], secrets[i]);
    mix_scalar_mul_clamped(scalars[2], scalars[1], secrets[2]);
    mix_curve_multiply_portable(out, tables, (const uint8_t(*)[32])scalars, 3);
#ifdef MIX_CURVE_ADX /* valgrind knows the instructions, though it says that the processor lacks them */
    memset(out, 0, sizeof out);
    mix_curve_multiply_adx(out, tables, (const uint8_t(*)[32])scalars, 3);
#endif
    mix_x25519_unclamped(again, scalars[0], key);
    bool good = mix_scalar_to_clamped(secrets[1], scalars[1]);
    PUBLIC(good);
    PUBLIC(out);
    PUBLIC(again);
    mix_curve_table_free(table);
    return good && memcmp(out[0], want, 32) == 0 && memcmp(again, want, 32) == 0 ? 0 : 2;
}
