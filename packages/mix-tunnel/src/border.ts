// SPDX-License-Identifier: Apache-2.0
// A browser's worker's end of its channel to the page.
import type { Border } from './serve.js';

export const selfBorder: Border = {
    postMessage: (message, transfer) => self.postMessage(message, { transfer: transfer ?? [] }),
    addEventListener: (type, listener) => self.addEventListener(type, listener),
    removeEventListener: (type, listener) => self.removeEventListener(type, listener),
    onMessage: (take) => self.addEventListener('message', (event: MessageEvent<unknown>) => take(event.data)),
};
