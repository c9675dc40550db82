// SPDX-License-Identifier: Apache-2.0
// The strictest Content-Security-Policy under which the tunnel works. It goes with every file: a worker obeys the one of its own file.
export const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'", // the module is compiled in the worker; no script is made from text
    "worker-src 'self'",
    // the module's file, the directory, and gateways, which are many and change
    "connect-src 'self' https://validator.nymtech.net wss:",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
].join('; ');
