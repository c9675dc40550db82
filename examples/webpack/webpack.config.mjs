// SPDX-License-Identifier: Apache-2.0
// Nothing here is about lwmix, but that index.html goes beside the bundle.
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
mkdirSync(`${here}dist`, { recursive: true });
copyFileSync(`${here}index.html`, `${here}dist/index.html`);

export default {
    mode: 'production',
    context: here,
    entry: '../shared/app.js',
    output: { path: `${here}dist`, filename: 'main.js', publicPath: 'auto' },
    performance: { hints: false },
};
