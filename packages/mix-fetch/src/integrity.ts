// SPDX-License-Identifier: Apache-2.0
// Subresource integrity (https://www.w3.org/TR/SRI): whether bytes are the ones that the application expects.

const ALGORITHMS = ['sha256', 'sha384', 'sha512'] as const; // from weak to strong
type Algorithm = (typeof ALGORITHMS)[number];

/** The digests of the strongest algorithm named; empty when nothing known is named, which allows everything. */
export function strongest(metadata: string): { algorithm: Algorithm; digests: string[] } | undefined {
    const known = [...metadata.matchAll(/(?<=^|\s)(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?\S*)?(?=\s|$)/g)]
        .map(([, algorithm, digest]) => ({ algorithm: algorithm as Algorithm, digest: plain(digest ?? '') }));
    const algorithm = ALGORITHMS.filter((name) => known.some((one) => one.algorithm === name)).pop();
    if (!algorithm) return undefined;
    return { algorithm, digests: known.filter((one) => one.algorithm === algorithm).map((one) => one.digest) };
}

/** Resolves when the bytes match; else rejects with TypeError, as `fetch` does. */
export async function checkIntegrity(bytes: BufferSource, metadata: string): Promise<void> {
    const wanted = strongest(metadata);
    if (!wanted) return;
    const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
    if (!subtle) throw new TypeError('mixFetch: integrity cannot be checked here: this page is no secure context');
    const digest = new Uint8Array(await subtle.digest(wanted.algorithm.replace('sha', 'SHA-'), bytes));
    if (!wanted.digests.includes(plain(btoa(String.fromCharCode(...digest)))))
        throw new TypeError(`mixFetch: the response is not the one expected by integrity (${wanted.algorithm})`);
}

/** Both alphabets of base64 count, padded or not. */
function plain(digest: string): string {
    return digest.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
}
