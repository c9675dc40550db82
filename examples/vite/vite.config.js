// SPDX-License-Identifier: Apache-2.0
// Vite finds the worker and the module by itself. The development server must not bundle mix-tunnel beforehand: it would lose them.
export default {
    base: './',
    worker: { format: 'es' },
    optimizeDeps: { exclude: ['@lwmix/mix-tunnel', '@lwmix/mix-fetch', '@lwmix/mix-dns', '@lwmix/mix-websocket'] },
    server: { fs: { allow: ['..'] } }, // shared/ and node_modules/ are beside this folder
};
