/* SPDX-License-Identifier: Apache-2.0 */
/* wasi-libc has no setjmp.h; libcurl and c-ares only include it. Nothing is declared, so a use does not compile. */
