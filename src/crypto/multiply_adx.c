/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplication by tables on x86-64 with ADX, BMI2 and AVX2, for which the build file compiles
 * this file alone. */
#define MIX_FIELD_ADX 1
#include "crypto/multiply.c"
