// SPDX-License-Identifier: Apache-2.0
// What tests of the packages stand on: a local mixnet, a web behind it, a browser (BROWSER: chromium, or firefox), and pages that import the
// packages.
import { fileURLToPath } from 'node:url';
import { openBrowser, servePage } from './browser.mjs';
import { openFirefox } from './firefox.mjs';
import { control, startMixnet } from './mixnet.mjs';
import { startWeb } from './web.mjs';

/** The browser that is tested in. */
export const BROWSER = process.env.BROWSER ?? 'chromium';
const BROWSERS = {
    chromium: {
        open: openBrowser,
        async collect(tab) {
            const cdp = await tab.context().newCDPSession(tab);
            await cdp.send('HeapProfiler.collectGarbage');
            await cdp.detach();
        },
    },
    firefox: { open: openFirefox, collect: (tab) => tab.evaluate(() => TestUtils.gc()) },
};
if (!BROWSERS[BROWSER]) throw new Error(`BROWSER must be ${Object.keys(BROWSERS).join(' or ')}, not '${BROWSER}'`);

/** Names and addresses of the test's web: public ones that lead to loopback. */
export const NAME = 'site.example';
export const OTHER = 'other.example';
export const SHORT = 'short.example'; // its address holds for a second
export const ADDRESS = '93.184.216.34';
export const OTHER_ADDRESS = '93.184.216.35';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Import maps: the peer's names lead to the peer, or to ours. */
export const PEER = {
    '@nymproject/mix-tunnel': '@nymproject/mix-tunnel/dist/esm/index.js',
    '@nymproject/mix-fetch': '@nymproject/mix-fetch/dist/index.js',
    '@nymproject/mix-dns': '@nymproject/mix-dns/dist/index.js',
    '@nymproject/mix-websocket': '@nymproject/mix-websocket/dist/index.js',
    comlink: 'comlink/dist/esm/comlink.mjs',
};
const ours = (scope) => Object.fromEntries(['tunnel', 'fetch', 'dns', 'websocket'].map((name) => [`${scope}/mix-${name}`, `/packages/mix-${name}/dist/index.js`]));
export const OURS = { ...ours('@lwmix'), '@lwmix/mix-tunnel/internal': '/packages/mix-tunnel/dist/internal.js' };
export const OURS_AS_PEER = { ...OURS, ...ours('@nymproject') };

/** Serves pages that can import all of these. */
export function serveModules(imports, options = {}) {
    return servePage(imports, { ...options, folders: { '/e2e/': folder('.'), '/packages/': folder('../packages'), ...options.folders } });
}

/** `args` go to `lwmix mixnet`. */
export async function startStage({ args = [], imports = OURS, page: pageOptions, browser: name = BROWSER } = {}) {
    const web = await startWeb([NAME, OTHER]);
    const forwards = [ADDRESS, OTHER_ADDRESS].flatMap((ip) => ['--forward', `${ip}:80=127.0.0.1:${web.port}`, '--forward', `${ip}:443=127.0.0.1:${web.securePort}`]);
    const mixnet = await startMixnet(['--resolve', `${NAME}=${ADDRESS}`, '--resolve', `${OTHER}=${OTHER_ADDRESS}`, '--resolve', `${SHORT}=${ADDRESS},1`, ...forwards, ...args]);
    const page = await serveModules(imports, pageOptions);
    const browser = await BROWSERS[name].open(mixnet);
    const lines = [];
    return {
        web,
        seen: web.seen,
        mixnet,
        browser,
        page,
        /** What the pages wrote to their console, and the end of the mixnet's log. */
        lines: () => [...lines.splice(0).slice(-30), mixnet.log().slice(-1500)].join('\n'),
        /** Tells the mixnet to do something; its answer. */
        async tell(words) {
            const answer = await control(mixnet.folder, words);
            if (!answer.ok) throw new Error(`the mixnet refused ${JSON.stringify(words)}: ${answer.error}`);
            return answer;
        },
        /** A page with storage of its own; `load` says where its packages are. */
        async tab({ scope = '@lwmix', context } = {}) {
            const tab = await (context ?? await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
            tab.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));
            tab.on('pageerror', (error) => lines.push(`uncaught: ${error.stack}`));
            await tab.goto(page.url);
            await tab.evaluate(prepare, { scope, ca: web.ca, name: NAME });
            return tab;
        },
        /** Has the page's garbage collected. */
        collect: BROWSERS[name].collect,
        async close() {
            await browser.close();
            page.close();
            web.close();
            await mixnet.stop();
        },
    };
}

/** In the page: `mix` has the packages, and words for tests. */
async function prepare({ scope, ca, name }) {
    const parts = ['tunnel', 'fetch', 'dns', 'websocket'];
    const modules = await Promise.all(parts.map((part) => import(`${scope}/mix-${part}`)));
    globalThis.mix = Object.fromEntries(parts.map((part, i) => [part, modules[i]]));
    Object.assign(globalThis, {
        fast: { disablePoissonTraffic: true, disableCoverTraffic: true, trustedRoots: ca },
        site: `http://${name}`,
        secure: `https://${name}`,
        hash: async (bytes) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((b) => b.toString(16).padStart(2, '0')).join(''),
        /** What a promise rejected with, as plain members. */
        failure: (promise) => promise.then(() => 'resolved', (error) => ({ name: error.name, code: error.code, phase: error.phase, message: error.message,
            mix: error instanceof mix.tunnel.MixError, error: error instanceof Error })),
        event: (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true })),
        /** Resolves with the next tunnel event that is wanted. */
        tunnelEvent: (wanted) => new Promise((resolve) => {
            const stop = mix.tunnel.onTunnelEvent((event) => {
                if (!wanted(event)) return;
                stop();
                resolve(event);
            });
        }),
    });
}
