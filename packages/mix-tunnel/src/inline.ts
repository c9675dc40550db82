// SPDX-License-Identifier: Apache-2.0
// @lwmix/mix-tunnel/inline: for pages that cannot serve files beside the script. Import it before anything else of these packages uses
// the tunnel: from then on the worker is made of the texts in this file. The page's policy must let workers come from blob: URLs.
import { spawnBy } from './all.js';
import { browserWorker } from './spawn.js';

/** Put in when built: the worker as text, the module as base64 of gzip. */
declare const WORKER: string;
declare const MODULE: string;

function decode(text: string): ArrayBuffer {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes.buffer;
}

spawnBy(() => {
    const url = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
    const worker = browserWorker(new Worker(url, { type: 'module', name: 'mix-tunnel' }));
    const wasm = decode(MODULE);
    worker.post({ kind: 'Load', wasm }, [wasm]);
    worker.onMessage(() => URL.revokeObjectURL(url)); // it runs: the text is not needed any more
    return worker;
});

export * from './index.js';
