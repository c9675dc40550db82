// SPDX-License-Identifier: Apache-2.0
// Writes packages/mix-tunnel/src/error-table.ts from include/mix/errors.h; packages/mix-tunnel/build.mjs runs it.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const target = new URL('packages/mix-tunnel/src/error-table.ts', root);
const rows = [...readFileSync(new URL('include/mix/errors.h', root), 'utf8').matchAll(/\bE\((\w+), (\d+), (\w+), "([^"]*)"\)/g)];
const text = `// SPDX-License-Identifier: Apache-2.0
// Made by tools/error-table.mjs from include/mix/errors.h.

/** Errors of the core: name and number. */
export const ERROR_NUMBERS = {
${rows.map(([, name, number, , words]) => `    /** ${words} */\n    ${name}: -${number},\n`).join('')}} as const;
`;
writeFileSync(target, text);
