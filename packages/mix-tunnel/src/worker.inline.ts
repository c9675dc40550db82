// SPDX-License-Identifier: Apache-2.0
// The worker in a browser, made from text: the module comes by the first message, as gzip.
import { host } from './host.browser.js';
import type { LoadMessage } from './protocol.js';
import { selfBorder } from './border.js';
import { serve } from './serve.js';

const arrived = new Promise<ArrayBuffer>((resolve) => {
    self.addEventListener('message', (event: MessageEvent<LoadMessage>) => {
        if (event.data?.kind === 'Load') resolve(event.data.wasm);
    });
});

async function load(): Promise<WebAssembly.Module> {
    const plain = new Blob([await arrived]).stream().pipeThrough(new DecompressionStream('gzip'));
    return WebAssembly.compileStreaming(new Response(plain, { headers: { 'content-type': 'application/wasm' } }));
}

void serve(selfBorder, host, load);
