// SPDX-License-Identifier: Apache-2.0
// Headless Firefox for tests, driven by WebDriver BiDi: as much of Playwright's words (which cannot drive a Firefox as it is installed) as
// stage.mjs and tests need. Names lead where browser.mjs has Chromium's go, by a proxy of its own that remembers all others.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/** Nothing that Firefox does by itself; what it would do all the same ends at the proxy. */
const PREFERENCES = {
    'app.normandy.enabled': false,
    'app.update.disabledForTesting': true,
    'browser.aboutwelcome.enabled': false,
    'browser.newtabpage.enabled': false,
    'browser.region.network.url': '',
    'browser.safebrowsing.downloads.enabled': false,
    'browser.safebrowsing.malware.enabled': false,
    'browser.safebrowsing.phishing.enabled': false,
    'browser.safebrowsing.provider.google4.updateURL': '',
    'browser.safebrowsing.provider.mozilla.updateURL': '',
    'browser.search.update': false,
    'browser.shell.checkDefaultBrowser': false,
    'browser.startup.homepage_override.mstone': 'ignore',
    'browser.startup.page': 0,
    'datareporting.healthreport.uploadEnabled': false,
    'datareporting.policy.dataSubmissionEnabled': false,
    'dom.testing.testutils.enabled': true, // TestUtils.gc()
    'extensions.getAddons.cache.enabled': false,
    'extensions.systemAddon.update.enabled': false,
    'extensions.update.enabled': false,
    'media.gmp-manager.updateEnabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'network.dns.disablePrefetch': true,
    'network.http.speculative-parallel-limit': 0,
    'network.prefetch-next': false,
    'network.trr.mode': 5,
    'privacy.trackingprotection.enabled': false,
    'security.OCSP.enabled': 0,
    'services.settings.server': 'data:,#remote-settings-dummy/v1',
    'toolkit.telemetry.enabled': false,
    'toolkit.telemetry.server': 'data:,',
    'toolkit.telemetry.unified': false,
};

/** Where a name leads; undefined: nowhere. */
function placeOf(name, port, mixnet) {
    if (name === 'validator.nymtech.net') return new URL(mixnet.directory);
    if (name.endsWith('.nym.test')) return { hostname: '127.0.0.1', port };
    return undefined;
}

/** All that is not on loopback by number goes through here: the mixnet by its names, nothing else. */
async function startNames(mixnet) {
    const strangers = [];
    const server = http.createServer((request, response) => {
        strangers.push(request.url);
        response.writeHead(502).end();
    });
    server.on('connect', (request, socket, head) => {
        const { hostname, port } = new URL(`http://${request.url}`);
        const place = placeOf(hostname, port || 80, mixnet);
        socket.on('error', () => {});
        if (!place) {
            strangers.push(request.url);
            return socket.end('HTTP/1.1 502 Nowhere\r\n\r\n');
        }
        const onward = net.connect(place.port, place.hostname, () => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n');
            onward.write(head);
            onward.pipe(socket).pipe(onward);
        });
        for (const one of [socket, onward]) one.setNoDelay(true);
        onward.on('error', () => socket.destroy());
        onward.on('close', () => socket.destroy());
        socket.on('close', () => onward.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: server.address().port, strangers, close: () => { server.closeAllConnections(); server.close(); } };
}

/** The browser's end of WebDriver BiDi: commands with answers, and events. */
class Bidi extends EventEmitter {
    #socket;
    #last = 0;
    #open = new Map();

    static async connect(url) {
        const bidi = new Bidi();
        bidi.setMaxListeners(0); // some for each page
        bidi.#socket = new WebSocket(url, { perMessageDeflate: false });
        bidi.#socket.on('message', (data) => bidi.#take(JSON.parse(data)));
        bidi.#socket.on('close', () => bidi.#fail(new Error('Firefox is gone')));
        await once(bidi.#socket, 'open');
        return bidi;
    }

    #take({ type, id, method, params, result, error, message }) {
        if (type === 'event') return void this.emit(method, params);
        const { resolve, reject } = this.#open.get(id);
        this.#open.delete(id);
        if (type === 'success') resolve(result);
        else reject(new Error(`${error}: ${message}`));
    }

    #fail(error) {
        for (const { reject } of this.#open.values()) reject(error);
        this.#open.clear();
    }

    send(method, params = {}) {
        const id = ++this.#last;
        return new Promise((resolve, reject) => {
            this.#open.set(id, { resolve, reject });
            this.#socket.send(JSON.stringify({ id, method, params }));
        });
    }

    close() {
        this.#socket.close();
    }
}

/** A value of the page, from how BiDi writes it. */
function valueOf({ type, value }) {
    switch (type) {
        case 'undefined': return undefined;
        case 'null': return null;
        case 'number': return typeof value === 'string' ? Number(value) : value;
        case 'string': case 'boolean': return value;
        case 'array': return value.map(valueOf);
        case 'object': return Object.fromEntries(value.map(([key, one]) => [key, valueOf(one)]));
        default: return {}; // as Playwright has it
    }
}

/** Events: console (a message with type() and text()), pageerror (an error), worker. Workers have nothing but url(). */
class Page extends EventEmitter {
    #bidi;
    #context;
    #id;
    #window;
    #workers = new Map();
    #listeners;

    constructor(bidi, context, id) {
        super();
        this.#bidi = bidi;
        this.#context = context;
        this.#id = id;
        this.#listeners = {
            'log.entryAdded': (entry) => this.#logged(entry),
            'script.realmCreated': (realm) => this.#realmCreated(realm),
            'script.realmDestroyed': ({ realm }) => this.#workers.delete(realm),
        };
        for (const [event, listener] of Object.entries(this.#listeners)) bidi.on(event, listener);
    }

    #logged({ source, type, method, level, text, stackTrace }) {
        if (source.context !== this.#id) return;
        if (type === 'console') this.emit('console', { type: () => method ?? level, text: () => text });
        else this.emit('pageerror', Object.assign(new Error(text), { stack: `${text} ${JSON.stringify(stackTrace?.callFrames?.[0] ?? '')}` }));
    }

    #realmCreated(realm) {
        if (realm.type === 'window' && realm.context === this.#id && realm.sandbox === undefined) this.#window = realm.realm;
        if (realm.type !== 'dedicated-worker' || !realm.owners.includes(this.#window)) return;
        const worker = { url: () => realm.origin }; // of a worker, Firefox tells its whole address there
        this.#workers.set(realm.realm, worker);
        this.emit('worker', worker);
    }

    /** Runs a function in the page; the argument crosses as JSON, the result whole. */
    async evaluate(act, argument = null) {
        const { type, result, exceptionDetails } = await this.#bidi.send('script.callFunction', {
            functionDeclaration: `async (json) => (${act})(JSON.parse(json))`, arguments: [{ type: 'string', value: JSON.stringify(argument) }],
            awaitPromise: true, target: { context: this.#id },
        });
        if (type === 'success') return valueOf(result);
        const { url, lineNumber } = exceptionDetails.stackTrace?.callFrames?.[0] ?? {};
        throw new Error(`in the page: ${exceptionDetails.text} (${url}:${lineNumber})`);
    }

    context() {
        return this.#context;
    }

    workers() {
        return [...this.#workers.values()];
    }

    async goto(url) {
        await this.#bidi.send('browsingContext.navigate', { context: this.#id, url, wait: 'complete' });
    }

    async close() {
        for (const [event, listener] of Object.entries(this.#listeners)) this.#bidi.off(event, listener);
        await this.#bidi.send('browsingContext.close', { context: this.#id });
    }
}

/** Storage of its own, and pages that share it. */
class Context {
    #bidi;
    #id;
    #pages = new Map();
    #routes = new Map();

    constructor(bidi, id) {
        this.#bidi = bidi;
        this.#id = id;
    }

    async newPage() {
        const { context } = await this.#bidi.send('browsingContext.create', { type: 'tab', userContext: this.#id });
        const page = new Page(this.#bidi, this, context);
        this.#pages.set(context, page);
        return page;
    }

    async setOffline(offline) {
        await this.#bidi.send('emulation.setNetworkConditions', { networkConditions: offline ? { type: 'offline' } : null, userContexts: [this.#id] });
    }

    // The pattern is as Playwright has it, of one file's name in any folder. A route can be fulfilled with a status.
    async route(pattern, act) {
        const file = pattern.replace(/^\*\*\//, '/');
        const take = ({ context, isBlocked, request: { request, url } }) => {
            if (!isBlocked || !this.#pages.has(context)) return;
            if (!new URL(url).pathname.endsWith(file)) this.#bidi.send('network.continueRequest', { request });
            else act({ fulfill: ({ status }) => this.#bidi.send('network.provideResponse', { request, statusCode: status }) });
        };
        this.#bidi.on('network.beforeRequestSent', take);
        const { subscription } = await this.#bidi.send('session.subscribe', { events: ['network.beforeRequestSent'], userContexts: [this.#id] });
        const { intercept } = await this.#bidi.send('network.addIntercept', { phases: ['beforeRequestSent'], contexts: [...this.#pages.keys()] });
        this.#routes.set(pattern, async () => {
            await this.#bidi.send('network.removeIntercept', { intercept });
            await this.#bidi.send('session.unsubscribe', { subscriptions: [subscription] });
            this.#bidi.off('network.beforeRequestSent', take);
        });
    }

    async unroute(pattern) {
        await this.#routes.get(pattern)?.();
        this.#routes.delete(pattern);
    }

    async close() {
        for (const page of this.#pages.values()) await page.close().catch(() => {}); // one that the test has closed
        await this.#bidi.send('browser.removeUserContext', { userContext: this.#id });
    }
}

/** Opens Firefox with a profile of its own; `preferences` are set besides. `strangers` has what it asked for and did not get. */
export async function openFirefox(mixnet, preferences = {}) {
    const names = await startNames(mixnet);
    const profile = mkdtempSync(join(tmpdir(), 'lwmix-firefox-'));
    const proxy = Object.fromEntries(['http', 'ssl'].flatMap((kind) => [[`network.proxy.${kind}`, '127.0.0.1'], [`network.proxy.${kind}_port`, names.port]]));
    const all = { ...PREFERENCES, 'network.proxy.type': 1, ...proxy, ...preferences };
    writeFileSync(join(profile, 'user.js'), Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
    const child = spawn(process.env.FIREFOX ?? '/usr/bin/firefox-esr', ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
        { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1', MOZ_REMOTE_SETTINGS_DEVTOOLS: '1' } });
    const kill = () => child.kill('SIGKILL'); // a test that breaks leaves nothing running
    process.once('exit', kill);
    const ended = once(child, 'exit');
    const said = [];
    const url = await new Promise((resolve, reject) => {
        createInterface({ input: child.stderr }).on('line', (line) => {
            said.push(line);
            const [, url] = /WebDriver BiDi listening on (\S+)/.exec(line) ?? [];
            if (url) resolve(url);
        });
        child.on('error', reject);
        child.on('exit', (code, signal) => reject(new Error(`Firefox ended with ${code ?? signal}: ${said.join('\n')}`)));
    });
    const bidi = await Bidi.connect(`${url}/session`);
    const { capabilities } = await bidi.send('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    await bidi.send('session.subscribe', { events: ['log.entryAdded', 'script.realmCreated', 'script.realmDestroyed'] });
    return {
        version: capabilities.browserVersion,
        strangers: names.strangers,
        async newContext() {
            const { userContext } = await bidi.send('browser.createUserContext');
            return new Context(bidi, userContext);
        },
        async close() {
            await bidi.send('browser.close');
            await ended;
            bidi.close();
            process.off('exit', kill);
            names.close();
            rmSync(profile, { recursive: true, force: true });
        },
    };
}
