// SPDX-License-Identifier: Apache-2.0
// The page's side: one worker, started at the first call and shared by all packages on the page; channels to it.
import { wrap, type Remote } from 'comlink';
import { fromWire, mixError, textOf, toWire, type MixError } from './errors.js';
import type { Opening, Traffic, WebSocketNews, WireError, WorkerMessage } from './protocol.js';
import { checkOptions } from './options.js';
import { spawn as spawnHere, type Spawn, type Spawned } from './spawn.js';
import { teachComlink } from './wire.js';
import {
    EventKinds, type IMixTunnelWorker, type SetupMixTunnelOpts, type TunnelEvent, type TunnelEventOptions, type TunnelState, type TunnelStats,
} from './types.js';

export { proxy } from 'comlink';
export { fromWire };

/** A loaded worker. */
interface Running {
    worker: Spawned;
    remote: Remote<IMixTunnelWorker>;
}

/** State of the page, also when bundlers put this file in it twice. */
interface Shared {
    spawn: Spawn | undefined;
    running: Promise<Running> | undefined;
    setup: Promise<void> | undefined;
    listeners: Set<(event: TunnelEvent) => void>;
    /** What has to be told when the worker is lost. */
    open: Set<(error: MixError) => void>;
}

const KEY = Symbol.for('@lwmix/mix-tunnel 0.1');

function shared(): Shared {
    const global = globalThis as { [KEY]?: Shared };
    return global[KEY] ??= { spawn: undefined, running: undefined, setup: undefined, listeners: new Set(), open: new Set() };
}

teachComlink();

/** Another way to make the worker, for all that follows (inline.ts). */
export function spawnBy(spawn: Spawn): void {
    shared().spawn = spawn;
}

// ---- the worker ----

function loadError(reason: string): MixError {
    return mixError(`tunnel error: the worker could not be loaded: ${reason}`, { code: 'LOAD', phase: 'load' });
}

/** Resolves when the module is loaded; else the worker is ended. */
async function load(s: Shared): Promise<Running> {
    let worker: Spawned;
    try {
        worker = await (s.spawn ?? spawnHere)();
    } catch (error) {
        throw loadError(textOf(error));
    }
    let stage: 'loading' | 'loaded' | 'ended' = 'loading';
    const end = (): void => {
        stage = 'ended';
        worker.end();
    };
    await new Promise<void>((resolve, reject) => {
        worker.onMessage((data) => {
            const message = data as WorkerMessage;
            if (message?.kind === EventKinds.Loaded) resolve();
            else if (message?.kind === 'LoadFailed') reject(fromWire(message.error));
            else if (message?.kind === 'TunnelEvent') tell(s, message.event);
        });
        worker.onEnd((reason) => {
            if (stage === 'ended') return;
            if (stage === 'loaded') lose(s, reason);
            end();
            reject(loadError(reason));
        });
    }).catch((error: unknown) => {
        end();
        throw error;
    });
    stage = 'loaded';
    return { worker, remote: wrap<IMixTunnelWorker>(worker.endpoint) };
}

/** The worker is gone: whoever waits for it learns so, and the next call starts another. */
function lose(s: Shared, reason: string): void {
    s.running = undefined;
    const error = mixError(`tunnel error: the worker broke down: ${reason}`, { code: 'WORKER_LOST', phase: 'tunnel' });
    for (const take of [...s.open]) take(error);
}

function run(): Promise<Running> {
    const s = shared();
    if (s.running) return s.running;
    const running = load(s);
    s.running = running;
    running.catch(() => {
        if (s.running === running) s.running = undefined;
    });
    return running;
}

/** A call to the worker, which rejects when the worker is lost meanwhile. */
async function call<T>(act: (remote: Remote<IMixTunnelWorker>) => Promise<T>): Promise<T> {
    const s = shared();
    const { remote } = await run();
    let lost: (error: MixError) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
        lost = reject;
        s.open.add(lost);
    });
    try {
        return await Promise.race([act(remote), ended]);
    } finally {
        s.open.delete(lost);
    }
}

/** The worker, loaded but not set up. One a page. */
export async function getMixTunnel(): Promise<Remote<IMixTunnelWorker>> {
    return (await run()).remote;
}

// ---- setup and its end ----

/**
 * Brings the tunnel up. Rejects with a `MixError` that tells what failed, and with code `ALREADY_SET_UP` while a tunnel is up or
 * coming up. After a failure, or after `disconnectMixTunnel`, it may be called again.
 */
export async function setupMixTunnel(opts?: SetupMixTunnelOpts): Promise<void> {
    const s = shared();
    const options = checkOptions(opts);
    const setup = call((remote) => remote.setupMixTunnel(options));
    if (s.setup) return setup; // the worker says what is wrong with that
    s.setup = setup;
    try {
        await setup;
    } finally {
        s.setup = undefined;
    }
}

/** A tunnel that is up, or coming up, will do; else one is set up. */
export async function ensureTunnel(opts?: SetupMixTunnelOpts): Promise<void> {
    const s = shared();
    if (s.setup) return s.setup;
    if (s.running && (await getTunnelState()).state === 'ready') return;
    return s.setup ?? setupMixTunnel(opts);
}

/** Ends the tunnel; fine in any state. What is under way fails. */
export function disconnectMixTunnel(): Promise<void> {
    return call((remote) => remote.disconnectMixTunnel());
}

export function getTunnelState(): Promise<TunnelState> {
    return call<TunnelState>(async (remote) => remote.getTunnelState());
}

export function getTunnelStats(): Promise<TunnelStats> {
    return call((remote) => remote.getTunnelStats());
}

// ---- events ----

function tell(s: Shared, event: TunnelEvent): void {
    for (const listener of [...s.listeners]) {
        try {
            listener(event);
        } catch (error) {
            queueMicrotask(() => { throw error; }); // the listener's own fault: as an uncaught error
        }
    }
}

/** Calls back for each event, until the function returned is called or the signal aborts. Starts no worker by itself. */
export function onTunnelEvent(callback: (event: TunnelEvent) => void, options: TunnelEventOptions = {}): () => void {
    const s = shared();
    const listener = (event: TunnelEvent): void => callback(event);
    let timer: ReturnType<typeof setInterval> | undefined;
    const stop = (): void => {
        s.listeners.delete(listener);
        clearInterval(timer);
        options.signal?.removeEventListener('abort', stop);
    };
    if (options.signal?.aborted) return stop;
    s.listeners.add(listener);
    options.signal?.addEventListener('abort', stop);
    if (options.statsMs !== undefined) {
        timer = setInterval(() => {
            if (s.running) getTunnelStats().then((stats) => { if (s.listeners.has(listener)) listener({ kind: 'stats', stats }); }, () => {});
        }, Math.max(options.statsMs, 100));
        (timer as { unref?: () => void }).unref?.();
    }
    return stop;
}

// ---- channels ----

/** One request, lookup or WebSocket. */
export interface Channel<Command> {
    /** Ignored after `close`. */
    send(command: Command, transfer?: Transferable[]): void;
    /** After the last message or an `abort`; nothing comes any more. */
    close(): void;
}

/**
 * Begins an operation. Commands may be sent at once; `take` gets the news in order, never from within this call. When the worker
 * is lost or cannot be loaded, an `error` comes as the last one.
 */
export function open<O extends Opening>(
    opening: O, take: (news: Traffic[O['op']]['news']) => void, transfer: Transferable[] = [],
): Channel<Traffic[O['op']]['command']> {
    const s = shared();
    const { port1: mine, port2: theirs } = new MessageChannel();
    const close = (): void => {
        s.open.delete(lost);
        mine.onmessage = null;
        mine.close();
    };
    const lost = (error: MixError): void => {
        if (!s.open.has(lost)) return;
        close();
        take({ type: 'error', error: toWire(error) as WireError });
        if (opening.op === 'websocket') (take as (news: WebSocketNews) => void)({ type: 'close', code: 1006, reason: '', wasClean: false });
    };
    s.open.add(lost);
    mine.onmessage = (event: MessageEvent<Traffic[O['op']]['news']>) => take(event.data);
    run().then(({ worker }) => {
        if (s.open.has(lost)) worker.post({ kind: 'Open', opening, port: theirs }, [theirs, ...transfer]);
    }).catch(lost);
    return {
        send(command, transferred = []) {
            if (s.open.has(lost)) mine.postMessage(command, transferred);
        },
        close,
    };
}
