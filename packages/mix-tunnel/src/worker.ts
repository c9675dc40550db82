// SPDX-License-Identifier: Apache-2.0
// The worker in a browser, with the module in a file beside it.
import { selfBorder } from './border.js';
import { host } from './host.browser.js';
import { loadFrom, serve } from './serve.js';

void serve(selfBorder, host, () => loadFrom(new URL('./lwmix.wasm', import.meta.url)));
