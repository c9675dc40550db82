// SPDX-License-Identifier: Apache-2.0
// The examples, each built as its folder says from the packages as they are packed, and opened in headless Chromium.
// Closes with "bundlers: N passed, M failed".
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { policy } from '../examples/csp/policy.mjs';
import { openBrowser, servePage } from './browser.mjs';
import { startMixnet } from './mixnet.mjs';
import { pack, unpackInto } from './packing.mjs';
import { suite, within } from './runner.mjs';
import { startSite } from './servers.mjs';
import { ADDRESS, NAME } from './stage.mjs';

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));
const WANTED = `${NAME} is ${ADDRESS}\n404 Not Found\nnothing here`;
const { test, run } = suite('bundlers');
const scratch = mkdtempSync(join(tmpdir(), 'lwmix-bundlers-'));
const site = await startSite();
const mixnet = await startMixnet(['--resolve', `${NAME}=${ADDRESS}`, '--forward', `${ADDRESS}:80=127.0.0.1:${site.port}`]);
const browser = await openBrowser(mixnet);
unpackInto(EXAMPLES, pack(scratch));

function build(script) {
    const result = spawnSync('npm', ['run', '--silent', script], { cwd: EXAMPLES, encoding: 'utf8' });
    assert.equal(result.status, 0, result.stdout + result.stderr);
}

/** Opens a page of an example and uses it; `inspect` looks at the page and its requests then. */
async function use(url, inspect = () => {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const troubles = [];
    try {
        const tab = await context.newPage();
        const requests = [];
        tab.on('pageerror', (error) => troubles.push(error.stack));
        tab.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
        context.on('request', (request) => requests.push(new URL(request.url()).pathname));
        await tab.goto(url);
        const output = tab.evaluate(() => new Promise((resolve) => {
            const element = document.querySelector('output');
            new MutationObserver(() => { if (element.textContent.length > 1) resolve(element.textContent); }).observe(element, { childList: true });
        }));
        await tab.fill('input[name=url]', `http://${NAME}/nothing`);
        await tab.click('button');
        assert.equal(await within(output, `an answer; so far: ${troubles.join('\n')}`, 60_000), WANTED);
        assert.deepEqual(troubles, []);
        assert.equal(await tab.textContent('#state'), 'ready');
        assert.equal(tab.workers().length, 1);
        await inspect(tab, requests);
    } finally {
        await context.close();
    }
}

async function useFiles(folders, path, { inspect, ...options } = {}) {
    const server = await servePage({}, { folders, ...options });
    try {
        return await use(new URL(path, server.url).href, inspect);
    } finally {
        server.close();
    }
}

for (const name of ['vite', 'webpack', 'esbuild']) {
    test(`${name}: built and opened`, async () => {
        build(name);
        await useFiles({ '/app/': join(EXAMPLES, name, 'dist') }, '/app/index.html');
    });
}

test('vite: the development server', async () => {
    const bin = join(createRequire(join(EXAMPLES, 'package.json')).resolve('vite/package.json'), '../bin/vite.js');
    const server = spawn(process.execPath, [bin, 'vite', '--host', '127.0.0.1', '--port', '0', '--clearScreen', 'false'],
        { cwd: EXAMPLES, env: { ...process.env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
        const url = await new Promise((resolve, reject) => {
            createInterface({ input: server.stdout }).on('line', (line) => { if (/http:\S+/.test(line)) resolve(line.match(/http:\S+/)[0]); });
            server.on('exit', () => reject(new Error('the development server ended')));
        });
        await use(url);
    } finally {
        server.kill('SIGTERM');
    }
});

test('plain: a script of type module and an import map', () => useFiles({ '/examples/': EXAMPLES }, '/examples/plain/index.html'));

test('csp: under a strict policy', async () => {
    build('csp');
    await useFiles({ '/app/': join(EXAMPLES, 'csp/dist') }, '/app/index.html', {
        headers: { 'content-security-policy': policy },
        async inspect(tab) {
            const blocked = await tab.evaluate(() => new Promise((resolve) => { // the policy is really there
                document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective));
                document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.injected = true' }));
            }));
            assert.equal(blocked, 'script-src-elem');
        },
    });
});

test('inline: everything in one file, for pages that cannot serve others', async () => {
    const bundle = join(scratch, 'inline');
    cpSync(join(EXAMPLES, 'esbuild/index.html'), join(bundle, 'index.html'));
    writeFileSync(join(scratch, 'app.js'), `import '@lwmix/mix-tunnel/inline';\nimport ${JSON.stringify(join(EXAMPLES, 'shared/app.js'))};\n`);
    const esbuild = createRequire(join(EXAMPLES, 'package.json'))('esbuild');
    await esbuild.build({ entryPoints: [join(scratch, 'app.js')], outdir: bundle, bundle: true, minify: true, format: 'esm', nodePaths: [join(EXAMPLES, 'node_modules')], logLevel: 'error' });
    await useFiles({ '/app/': bundle }, '/app/index.html', {
        inspect: (tab, requests) => assert.deepEqual(requests.filter((path) => path.startsWith('/app/')), ['/app/index.html', '/app/app.js']),
    });
});

await run({ lines: () => mixnet.log().slice(-1000) });
await browser.close();
site.close();
await mixnet.stop();
rmSync(scratch, { recursive: true, force: true });
