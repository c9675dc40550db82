// SPDX-License-Identifier: Apache-2.0
// The worker's side of the border: loads the module, then answers Comlink's calls and the page's openings.
import { expose, type Endpoint } from 'comlink';
import { Handles, mixDNS, mixFetch } from './compat.js';
import { Engine } from './engine.js';
import { mixError, textOf, toWire } from './errors.js';
import type { Host } from './platform.js';
import { begin } from './operations.js';
import type { NetworkMessage, OpenMessage, Opening, Traffic, WorkerMessage } from './protocol.js';
import { EventKinds, type IMixTunnelWorker } from './types.js';
import { teachComlink } from './wire.js';

/** The worker's end of its channel to the page. */
export interface Border extends Endpoint {
    onMessage(take: (data: unknown) => void): void;
}

/** One operation on a port: closed with the last message, from either side. */
function serveOne(engine: Engine, { opening, port }: OpenMessage): void {
    const handle = begin<Opening>(engine, opening, (news, transfer) => {
        port.postMessage(news, transfer);
        if (isLast(opening, news)) port.close();
    });
    port.onmessage = (event: MessageEvent<Traffic[Opening['op']]['command']>) => {
        handle(event.data);
        if (event.data.type === 'abort') port.close();
    };
    port.addEventListener('close', () => handle({ type: 'abort' })); // the page has dropped it without a word
}

function isLast(opening: Opening, news: Traffic[Opening['op']]['news']): boolean {
    if (opening.op === 'websocket') return news.type === 'close';
    return news.type === 'end' || news.type === 'answer' || news.type === 'error';
}

function methodsOf(engine: Engine): IMixTunnelWorker {
    const handles = new Handles(engine);
    return {
        setupMixTunnel: (opts) => engine.setup(opts),
        disconnectMixTunnel: () => engine.disconnect(),
        getTunnelState: async () => engine.state,
        getTunnelStats: async () => engine.stats(),
        mixFetch: (url, init) => mixFetch(engine, url, init),
        mixDNS: (hostname) => mixDNS(engine, hostname),
        mixWebSocket: (url, protocols, onEvent) => handles.open(url, protocols, onEvent),
        wsSend: (id, data) => handles.send(id, data),
        wsClose: (id, code, reason) => handles.close(id, code, reason),
    };
}

/** Tells `Loaded` when everything may be called, or `LoadFailed` and why. */
export async function serve(border: Border, host: Host, load: () => Promise<WebAssembly.Module>): Promise<void> {
    const post = (message: WorkerMessage): void => border.postMessage(message);
    try {
        teachComlink();
        const engine = new Engine(await load(), host, (event) => post({ kind: 'TunnelEvent', event }));
        await engine.prepare();
        border.onMessage((data) => {
            const message = data as OpenMessage | NetworkMessage | null;
            if (message?.kind === 'Open') serveOne(engine, message);
            else if (message?.kind === 'Network') engine.nudge();
        });
        expose(methodsOf(engine), border);
        post({ kind: EventKinds.Loaded, args: { loaded: true } });
        setTimeout(() => engine.rehearse()); // after what has come meanwhile
    } catch (error) {
        post({ kind: 'LoadFailed', error: toWire(mixError(`tunnel error: the module could not be loaded: ${textOf(error)}`, { code: 'LOAD', phase: 'load', cause: error })) });
    }
}

/** A module from a URL, compiled while it arrives where the server names its type. */
export async function loadFrom(url: URL): Promise<WebAssembly.Module> {
    const response = await fetch(url, { credentials: 'same-origin' });
    if (!response.ok) throw new Error(`${url.href} answered ${response.status}`);
    const type = response.headers.get('content-type') ?? '';
    return type.startsWith('application/wasm') ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
