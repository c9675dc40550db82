// SPDX-License-Identifier: Apache-2.0
// Links and examples of the documentation, and the API reference (api-docs.mjs). Every relative link and anchor, and every path of this repository in code marks, exists; every code
// block of README.md, docs/*.md and packages/*/README.md is run or compiled, as its language says:
//   sh       run in a shell, against a local mixnet (docs/session.mjs)        console  the same, and what it prints is compared
//   js       run by Node; a comment "// → TEXT" is a line that it prints      ts       type-checked        html     opened in Chromium
//   c        compiled within a function                                       json     parsed              text, diff   nothing: a picture, a listing
// Names of the packages that a block uses and does not import are imported for it; where it sets a tunnel up, the tests' directory and
// certificate authority are added to the options. A block whose first line is a comment "not run by the tests: WHY" is counted as skipped.
//   docs-test.mjs [FILE…]      Closes with "docs: N passed, M failed, K skipped".
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD, startMixnet } from '../e2e/mixnet.mjs';
import { openBrowser, servePage } from '../e2e/browser.mjs';
import { makeCertificate } from '../e2e/web.mjs';
import { writeDocs } from './api-docs.mjs';
import { readMarkdown } from './docs/markdown.mjs';
import { openSession } from './docs/session.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { WebSocketServer } = createRequire(join(ROOT, 'e2e/package.json'))('ws');
const ADDRESS = '93.184.216.34';
const NAMES = ['example.com', 'site.example'];
const started = performance.now();
let passed = 0;
let failed = 0;
let skipped = 0;
function check(what, holds, detail = '') {
    if (holds) passed++;
    else {
        failed++;
        console.log(`FAILED ${what}${detail ? `: ${detail}` : ''}`);
    }
}
const attempt = (what, act) => act().then(() => check(what, true), (error) => check(what, false, error.message));

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' }).split('\n')
    .filter((file) => file && existsSync(join(ROOT, file)));
const pages = new Map(files.map((file) => [file, readMarkdown(readFileSync(join(ROOT, file), 'utf8'))]));
const isRun = (file) => /^(README\.md|docs\/[^/]+\.md|packages\/[^/]+\/README\.md)$/.test(file);
const asked = process.argv.slice(2);
const wanted = (file) => asked.length === 0 || asked.includes(file);

// ---- links ----

const TOP = new Set(readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name));
function checkLinks(file, { links, paths }) {
    for (const { target, line } of links) {
        if (/^(https?|mailto):/.test(target)) {
            check(`${file}:${line}: ${target}`, URL.canParse(target));
            continue;
        }
        const [path, anchor] = target.split('#');
        const to = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path))).replace(/\/$/, '');
        check(`${file}:${line}: ${target}`, existsSync(join(ROOT, to)) && !to.startsWith('..'), 'there is no such file');
        if (anchor === undefined) continue;
        const its = pages.get(existsSync(join(ROOT, to)) && statSync(join(ROOT, to)).isDirectory() ? join(to, 'README.md') : to);
        check(`${file}:${line}: ${target}`, its === undefined || its.anchors.has(anchor), `${to} has no heading of that name`);
    }
    for (const { path, line } of paths) {
        if (!/^[\w.-]+(\/[\w.-]+)+$/.test(path) || !TOP.has(path.split('/')[0]) || /^(build|bin)\//.test(path)) continue;
        if (/\/(dist|node_modules)\//.test(path)) continue; // made, not kept
        check(`${file}:${line}: ${path}`, existsSync(join(ROOT, path)), 'there is no such file');
    }
}

// ---- the reference ----

/** Every function of the headers and every name that the packages export has its place there, and its own links lead somewhere. */
async function checkReference(out) {
    writeDocs(out);
    const api = new Map(['README.md', ...readdirSync(join(out, 'api')).filter((name) => name.endsWith('.md')).map((name) => `api/${name}`)]
        .map((file) => [file, readMarkdown(readFileSync(join(out, file), 'utf8'))]));
    const inC = new Set([...api].filter(([file]) => /api\/c-/.test(file)).flatMap(([, page]) => [...page.anchors]));
    for (const header of readdirSync(join(ROOT, 'include/mix'))) {
        const text = readFileSync(join(ROOT, 'include/mix', header), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
        for (const [, name] of text.matchAll(/\b(mix_\w+)\(/g)) check(`${name} is in the reference`, inC.has(name));
    }
    for (const name of ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket']) {
        for (const exported of Object.keys(await import(join(ROOT, 'packages', name, 'dist/node/index.mjs'))))
            check(`${exported} of ${name} is in the reference`, api.get(`api/${name}.md`).anchors.has(exported.toLowerCase()));
    }
    const options = readFileSync(join(ROOT, 'packages/mix-tunnel/dist/types.d.ts'), 'utf8').match(/interface SetupMixTunnelOpts \{([\s\S]*?)\n\}/)[1];
    const told = readFileSync(join(ROOT, 'packages/mix-tunnel/README.md'), 'utf8');
    for (const [, name] of options.matchAll(/^ +(\w+)\?:/gm)) check(`option ${name} is in the README of mix-tunnel`, told.includes(`\`${name}\``));
    const numbers = new Set([...readFileSync(join(ROOT, 'docs/migration.md'), 'utf8').matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, list]) => list.split(', ')));
    for (const [, number] of readFileSync(join(ROOT, 'e2e/weaknesses.mjs'), 'utf8').matchAll(/test\('6\.12\.(\d+) /g)) check(`weakness ${number} is in docs/migration.md`, numbers.has(number));
    for (const [file, { links, anchors }] of api) {
        for (const { target, line } of links.filter(({ target }) => !/^https?:/.test(target))) {
            const [path, anchor] = target.split('#');
            const to = path === '' ? anchors : api.get(normalize(join(dirname(file), path)))?.anchors;
            check(`reference: ${file}:${line}: ${target}`, to !== undefined && (anchor === undefined || to.has(anchor)));
        }
    }
}

// ---- blocks ----

/** Site of the examples: says something, takes whatever is sent, speaks WebSocket. */
async function startSite() {
    const { ca, cert, key } = makeCertificate(NAMES);
    const answer = (request, response) => {
        request.resume();
        request.on('end', () => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello through five hops\n'));
    };
    const servers = [http.createServer(answer), https.createServer({ cert, key }, answer)];
    for (const server of servers) {
        const sockets = new WebSocketServer({ server });
        sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    const [plain, secure] = servers.map((server) => server.address().port);
    return { ca, ports: { http: plain, https: secure }, close() { for (const server of servers) { server.closeAllConnections(); server.close(); } } };
}

const OFFERED = {
    '@lwmix/mix-tunnel': ['setupMixTunnel', 'disconnectMixTunnel', 'getTunnelState', 'getTunnelStats', 'onTunnelEvent', 'MixError'],
    '@lwmix/mix-fetch': ['createMixFetch', 'getFetchTiming', 'mixFetch'],
    '@lwmix/mix-dns': ['mixDNS'],
    '@lwmix/mix-websocket': ['MixWebSocket'],
};
const declares = (text, name) => new RegExp(`(import|const|let)\\s*\\{[^}]*\\b${name}\\b[^}]*\\}|(const|let|class|function)\\s+${name}\\b`).test(text);
/** The block with the options of this run in each setup. */
const withOptions = (text, options) => text.replace(/\b(setupMixTunnel|createMixFetch)\(\s*(\)|\{)/g,
    (_, call, next) => `${call}(${next === ')' ? `${options})` : `{ ...${options}, `}`);

/** A js block as a module that runs alone. */
function moduleOf(text, options) {
    const body = withOptions(text, 'TEST');
    if (/\brequire\(/.test(text)) return { name: 'block.cjs', text: `const TEST = ${options};\n${body}` };
    const imports = Object.entries(OFFERED).map(([from, names]) => [from, names.filter((name) => new RegExp(`\\b${name}\\b`).test(text) && !declares(text, name))]);
    const setsUp = /\b(setupMixTunnel|createMixFetch)\(/.test(text);
    const head = imports.filter(([, names]) => names.length > 0).map(([from, names]) => `import { ${names.join(', ')} } from '${from}';\n`).join('') +
        (setsUp ? '' : "import { setupMixTunnel as bringUp } from '@lwmix/mix-tunnel';\n");
    return { name: 'block.mjs', text: `${head}const TEST = ${options};\n${setsUp ? '' : 'await bringUp(TEST);\n'}${body}` };
}

function openPlace(site, mixnet, scratch) {
    const prefix = join(scratch, 'prefix');
    const third = join(ROOT, 'build/third_party/native');
    const options = { ephemeral: true, directories: [mixnet.directory_http], forceTls: false, trustedRoots: site.ca, disablePoissonTraffic: true, disableCoverTraffic: true };
    const modules = join(scratch, 'node_modules/@lwmix');
    mkdirSync(modules, { recursive: true });
    for (const name of ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket']) symlinkSync(join(ROOT, 'packages', name), join(modules, name));
    writeFileSync(join(scratch, 'ca.pem'), site.ca);
    let count = 0;
    const folder = () => {
        const path = join(scratch, `block-${count++}`);
        mkdirSync(path);
        return path;
    };
    const tsc = [join(ROOT, 'packages/node_modules/typescript/bin/tsc'), '--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable', '--types', ''];
    let browser;
    return {
        session: (name) => openSession({ folder: join(scratch, name.replaceAll('/', '-')), root: ROOT, lwmix: join(BUILD, 'lwmix'), mixnet: mixnet.folder, ca: join(scratch, 'ca.pem'), prefix, ports: site.ports }),
        /** liblwmix as make install puts it, and libwebsockets as this repository has it, for the example in C. */
        install() {
            execFileSync('cmake', ['--install', join(BUILD, 'native'), '--prefix', prefix], { stdio: ['ignore', 'ignore', 'pipe'] });
            writeFileSync(join(prefix, 'lib/pkgconfig/libwebsockets.pc'), `Name: libwebsockets\nDescription: of the build\nVersion: 4\nRequires: libuv\nCflags: -I${third}/libwebsockets/include -I${third}/openssl/include\n` +
                `Libs: -Wl,--start-group ${third}/libwebsockets/lib/libwebsockets.a ${third}/openssl/lib/libssl.a ${third}/openssl/lib/libcrypto.a -Wl,--end-group\n`);
        },
        async js(text, session) {
            const path = folder();
            const { name, text: module } = moduleOf(session.here(text), JSON.stringify(options));
            writeFileSync(join(path, name), module);
            const child = spawn(process.execPath, ['--require', join(ROOT, 'e2e/names.cjs'), join(path, name)], { cwd: path, timeout: 45_000, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_NO_WARNINGS: '1' } });
            let [out, err] = ['', ''];
            child.stdout.on('data', (part) => { out += part; });
            child.stderr.on('data', (part) => { err += part; });
            const code = await new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal)));
            if (code !== 0 || err !== '') throw new Error(`ended with ${code}: ${(out + err).slice(-1500)}`);
            const lines = out.split('\n');
            for (const [, line] of text.matchAll(/\/\/ → (.*)$/gm)) if (!lines.includes(line.trim())) throw new Error(`did not print '${line.trim()}' but\n${out}`);
        },
        async ts(text) {
            const file = join(folder(), 'block.mts');
            writeFileSync(file, text);
            const result = spawnSync(process.execPath, [...tsc, file], { cwd: dirname(file), encoding: 'utf8' });
            if (result.status !== 0) throw new Error(result.stdout);
        },
        async html(text) {
            browser ??= await openBrowser(mixnet);
            const document = withOptions(text, JSON.stringify({ ...options, directories: undefined, forceTls: true }));
            const page = await servePage({}, { folders: { '/node_modules/@lwmix/': join(ROOT, 'packages') }, routes: { '/block.html': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(document), '/favicon.ico': (_, response) => response.writeHead(204).end() } });
            try {
                const tab = await browser.newPage();
                const troubles = [];
                tab.on('pageerror', (error) => troubles.push(error.message));
                tab.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
                await tab.goto(`${page.url}block.html`);
                await tab.waitForFunction(() => document.querySelector('output').textContent.includes('hello through five hops'), null, { timeout: 30_000 })
                    .catch((error) => { throw new Error(`${error.message} ${troubles.join('; ')}`); });
                await tab.close();
            } finally {
                page.close();
            }
        },
        async c(text) {
            const file = join(folder(), 'block.c');
            const names = ['mix_tunnel *t', 'const mix_env *env', 'const mix_tunnel_event *ev', 'mix_time now'];
            const more = /\buint32_t id\b/.test(text) ? '' : 'uint32_t id = 0;\n';
            const piece = /\bpiece\[/.test(text) ? '' : 'uint8_t piece[4096];\nsize_t len;\n';
            writeFileSync(file, `#include <mix/fetch.h>\n#include <mix/tunnel.h>\n#include <stdio.h>\nvoid block(${names.join(', ')});\nvoid block(${names.join(', ')}) {\n` +
                `(void)t, (void)env, (void)ev, (void)now;\n${more}${piece}{\n${text}}\n}\n`);
            const result = spawnSync('cc', ['-std=c11', '-Wall', '-Wextra', '-Werror', '-Wno-unused-but-set-variable', '-Wno-unused-variable', '-fsyntax-only', `-I${ROOT}include`, file], { encoding: 'utf8' });
            if (result.status !== 0) throw new Error(result.stderr);
        },
        async json(text) { JSON.parse(text); },
        close: () => browser?.close(),
    };
}

const NOTHING = new Set(['text', 'diff']);
const counts = new Map();

async function runBlocks(file, { blocks }, place) {
    const session = place.session(file);
    try {
        for (const { language, line, text } of blocks) {
            const what = `${file}:${line}: ${language}`;
            const why = text.match(/^(?:#|\/\/|<!--) *not run by the tests: (.*)/)?.[1];
            if (language === null || language === '') check(`${file}:${line}`, false, 'a code block that names no language (text for pictures)');
            else if (why) {
                skipped++;
                console.log(`skipped ${what}: ${why}`);
            } else if (NOTHING.has(language)) counts.set(language, (counts.get(language) ?? 0) + 1);
            else {
                counts.set(language, (counts.get(language) ?? 0) + 1);
                const act = { sh: () => session.shell(text), console: () => session.console(text) }[language] ?? (place[language] && (() => place[language](text, session)));
                if (act) await attempt(what, act);
                else check(what, false, 'no such language is known here');
            }
        }
    } finally {
        await attempt(`${file}: what it started ends well`, () => session.close());
    }
}

for (const [file, page] of pages) if (wanted(file)) checkLinks(file, page);
const links = passed + failed;
const scratch = mkdtempSync(join(tmpdir(), 'lwmix-docs-'));
if (asked.length === 0) await checkReference(join(scratch, 'reference'));
const site = await startSite();
const mixnet = await startMixnet(NAMES.flatMap((name) => ['--resolve', `${name}=${ADDRESS}`]).concat(['--forward', `${ADDRESS}:80=127.0.0.1:${site.ports.http}`, '--forward', `${ADDRESS}:443=127.0.0.1:${site.ports.https}`]));
const place = openPlace(site, mixnet, scratch);
try {
    place.install();
    const queue = [...pages].filter(([file]) => isRun(file) && wanted(file));
    await Promise.all([1, 2].map(async () => {
        for (let next = queue.shift(); next; next = queue.shift()) await runBlocks(...next, place);
    }));
} finally {
    await place.close();
    check('the mixnet ends well', (await mixnet.stop()).code === 0);
    site.close();
    rmSync(scratch, { recursive: true, force: true });
}
console.log(`docs: ${links} links and paths; blocks: ${[...counts].map(([language, n]) => `${n} ${language}`).join(', ')}; ${((performance.now() - started) / 1000).toFixed(1)} s`);
console.log(`docs: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 ? 1 : 0);
