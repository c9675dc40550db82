// SPDX-License-Identifier: Apache-2.0
// For type tests: a line that compiles only when two types are the same.

export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** `sameType<Same<A, B>>()`. */
export function sameType<Holds extends true>(holds?: Holds): void {
    void holds;
}
