// SPDX-License-Identifier: Apache-2.0
// Runs a test or bench program built for wasm32-wasi: run-wasm.mjs PROGRAM.wasm [ARG…], with the working directory as its only folder.
import { readFile } from 'node:fs/promises';
import { argv, env, exit } from 'node:process';
import { setFlagsFromString } from 'node:v8';

// Node.js before 24 may crash when memory is collected within a call of WASI that takes V8's shortcut from WASM to C++: none is taken.
setFlagsFromString('--no-turbo-fast-api-calls');

process.removeAllListeners('warning'); // node:wasi is marked experimental; tests are all that use it
process.on('warning', (w) => { if (w.name !== 'ExperimentalWarning') console.error(w); });

const { WASI } = await import('node:wasi');
const [program, ...args] = argv.slice(2);
if (!program) {
    console.error('usage: run-wasm.mjs PROGRAM.wasm [ARG…]');
    exit(2);
}
const wasi = new WASI({ version: 'preview1', args: [program, ...args], env, preopens: { '.': '.' }, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
exit(wasi.start(instance));
