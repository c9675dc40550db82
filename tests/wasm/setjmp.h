/* SPDX-License-Identifier: Apache-2.0 */
/* wasi-libc has no setjmp; the stand-in for cmocka does without. */
