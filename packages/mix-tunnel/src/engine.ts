// SPDX-License-Identifier: Apache-2.0
// The tunnel in the worker: a module and its host, brought together once a turn. What goes through it is in operations.ts.
import { Command, Kind, OK, State, STATS, type Out } from './abi.js';
import { Core, CoreBroken } from './core.js';
import { mixError, textOf, type MixError } from './errors.js';
import { errorOf, failureIn, phaseOf } from './failures.js';
import type { Host, Link, Storage } from './platform.js';
import { checkOptions, DEFAULT_CLIENT, settingsOf } from './options.js';
import type { Traffic } from './protocol.js';
import type { SetupMixTunnelOpts, SetupPhase, TunnelEvent, TunnelState, TunnelStateName, TunnelStats } from './types.js';

/** Something that lives on the tunnel: a request, lookup or WebSocket with a number of its own in the core. */
export interface Operation {
    /** An event of the core with its number. */
    event(out: Out): void;
    /** The tunnel is gone, or was never there. */
    fail(error: MixError): void;
}
export type OperationKind = keyof Traffic;

/** Names of mix_tunnel_state that are steps of setup. */
const PHASES: Partial<Record<number, SetupPhase>> = { [State.DIRECTORY]: 'directory', [State.GATEWAY]: 'gateway', [State.EXIT]: 'exit' };
const LONGEST_TIMER = 0x7fffffff;
/** What is read for a setup: include/mix/storage.h. */
const STORED = ['identity', 'directory'] as const;
/** Packets: as many as it takes until they are made at once. */
const REHEARSED = 8;
const LOG_ERROR = 1;
const LOG_WARN = 2;
const LOG_DEBUG = 4;
const PEER_STATES: Record<TunnelStateName, string> = {
    connecting: 'Connecting', ready: 'Ready', shutting_down: 'ShuttingDown', shutdown: 'Shutdown', failed: 'Failed',
};
const NO_STATS: TunnelStats = {
    state: 'connecting', phase: undefined, packets: { data: 0, retransmitted: 0, cover: 0, acknowledged: 0, replies: 0 },
    bytes: { sent: 0, received: 0 }, ip: { up: 0, down: 0, dropped: 0 }, frames: { reordered: 0, skipped: 0 },
    surbs: 0, queue: { waiting: 0, unacknowledged: 0 }, mixes: [0, 0, 0], roundTripMs: 0, gatewayRoundTripMs: 0, links: 0, exits: 0, setupMs: 0, gateway: '', exit: '', memory: 0,
};

function shutDown(): MixError {
    return mixError('tunnel error: tunnel not ready: Shutdown', { code: 'SHUT_DOWN', phase: 'tunnel' });
}

function storageError(error: unknown): MixError {
    return mixError(`tunnel error: storage error: ${textOf(error)}`, { code: 'STORAGE', phase: 'storage', cause: error });
}

/** Settles once. */
interface Waiter { resolve(): void; reject(error: MixError): void }

export class Engine {
    readonly #module: WebAssembly.Module;
    readonly #host: Host;
    readonly #tell: (event: TunnelEvent) => void;
    #core: Core | undefined;
    /** An instance that no tunnel has had yet. */
    #fresh: Promise<Core> | undefined;
    /** The fresh one, while it has a tunnel that nobody asked for. */
    #trial: Core | undefined;
    #rehearsed = 0;
    #rehearsal: ReturnType<typeof setTimeout> | undefined;
    #state: TunnelState = { state: 'connecting' };
    /** What the last tunnel ended with. */
    #why: MixError | undefined;
    #stats: TunnelStats = NO_STATS;
    /** From setup's call to the tunnel's end. */
    #active = false;
    /** Counts setups. */
    #run = 0;
    /** The core's tunnel runs: it says when it has ended. */
    #started = false;
    #setup: Waiter | undefined;
    #ending: Promise<void> | undefined;
    #ended: (() => void) | undefined;
    #storage: Storage | undefined;
    #writes: Promise<void> = Promise.resolve();
    #calls = new Map<number, () => void>();
    #link: { id: number; link: Link } | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    /** When it goes off, by the host's clock; Infinity: there is none. */
    #due = Infinity;
    #turning = false;
    #woken = false;
    readonly #operations: Record<OperationKind, Map<number, Operation>> = { fetch: new Map(), lookup: new Map(), websocket: new Map() };

    constructor(module: WebAssembly.Module, host: Host, tell: (event: TunnelEvent) => void) {
        this.#module = module;
        this.#host = host;
        this.#tell = tell;
    }

    // ---- life ----

    /**
     * What a first setup costs besides, done before it can be called: the module starts, and makes a tunnel that nobody asked for, so OpenSSL
     * has begun and the browser has compiled what runs once. A failure is left to setup, which tries again and tells.
     */
    async prepare(): Promise<void> {
        try {
            const core = await this.#instance();
            if (core.setup(settingsOf({}).bytes()) === OK) this.#trial = core;
        } catch {
            this.#fresh = undefined;
        }
    }

    /**
     * The browser compiles what makes packets: a packet a task, so that nothing waits for long, before setup is called and while it waits for
     * the directory's first answer or for the gateway.
     */
    rehearse(): void {
        const core = this.#active ? this.#core : this.#trial;
        if (this.#active && !this.#started) return; // goes on when it has
        if (!core || this.#rehearsed >= REHEARSED) return this.#dropTrial();
        this.#rehearsed++;
        try {
            core.command(Command.REHEARSE, 0, 1);
        } catch (error) {
            if (!this.#trial) return this.#fault(error);
            this.#trial = this.#fresh = undefined;
            return;
        }
        this.#rehearseSoon();
    }

    #rehearseSoon(): void {
        clearTimeout(this.#rehearsal);
        this.#rehearsal = setTimeout(() => this.rehearse(), 1);
    }

    #dropTrial(): void {
        const core = this.#trial;
        this.#trial = undefined;
        try {
            core?.command(Command.FREE);
        } catch {
            this.#fresh = undefined;
        }
    }

    #instance(): Promise<Core> {
        const fresh = this.#fresh ??= Core.start(this.#module, this.#host);
        fresh.catch(() => { if (this.#fresh === fresh) this.#fresh = undefined; });
        return fresh;
    }

    get state(): TunnelState {
        return this.#state;
    }

    async setup(opts: SetupMixTunnelOpts | undefined): Promise<void> {
        const options = checkOptions(opts);
        if (this.#active)
            throw mixError('tunnel error: tunnel already initialised; setupMixTunnel can only be called once per WASM module instance',
                { code: 'ALREADY_SET_UP', phase: 'tunnel' });
        const run = ++this.#run;
        this.#active = true;
        this.#move({ state: 'connecting', phase: 'directory' });
        try {
            await this.#begin(options, run);
        } catch (error) {
            const panicked = error instanceof CoreBroken;
            const told = panicked ? this.#broken(error) : error as MixError;
            if (this.#active && this.#run === run) this.#end(told, 'failed', panicked);
            throw told;
        }
    }

    /** Storage, module, tunnel; resolves when it is ready. */
    async #begin(options: SetupMixTunnelOpts, run: number): Promise<void> {
        const starting = this.#core ? Promise.resolve(this.#core) : this.#instance(); // while the storage opens
        const storage = options.ephemeral ? undefined : await this.#openStorage(options);
        let stored: Array<Uint8Array | undefined> = [];
        let core: Core;
        try {
            if (storage) stored = await storage.read(STORED).catch((error: unknown) => { throw storageError(error); });
            core = await starting;
            if (!this.#active || this.#run !== run) throw shutDown(); // disconnected meanwhile
        } catch (error) {
            storage?.close();
            throw error;
        }
        this.#dropTrial();
        this.#core = core;
        this.#fresh = undefined;
        this.#storage = storage;
        core.command(Command.LOG_LEVEL, 0, options.debug ? LOG_DEBUG : LOG_ERROR);
        const settings = settingsOf(options).bytes();
        const status = core.setup(settings, stored[0], stored[1]);
        settings.fill(0); // the passphrase is in it
        for (const value of stored) value?.fill(0);
        if (status !== OK) {
            const phase = phaseOf(status);
            throw errorOf(core, failureIn(core, core.out()), phase === 'storage' ? phase : 'options');
        }
        const ready = new Promise<void>((resolve, reject) => { this.#setup = { resolve, reject }; });
        const started = core.command(Command.START);
        if (started !== OK) throw errorOf(core, { status: started, words: '', detail: 0 });
        this.#started = true;
        this.#turn();
        this.#rehearseSoon();
        await ready;
    }

    async #openStorage(options: SetupMixTunnelOpts): Promise<Storage> {
        try {
            return await this.#host.openStorage(options.clientId ?? DEFAULT_CLIENT, options.storageFolder);
        } catch (error) {
            throw storageError(error);
        }
    }

    disconnect(): Promise<void> {
        if (!this.#active) return Promise.resolve();
        if (this.#ending) return this.#ending;
        this.#ending = new Promise((resolve) => { this.#ended = resolve; });
        this.#move({ state: 'shutting_down' });
        const ending = this.#ending;
        if (this.#started) this.#act((core) => core.command(Command.STOP));
        else this.#end(shutDown(), 'shutdown');
        return ending;
    }

    /** The network is back, or may be another: pauses end. */
    nudge(): void {
        if (this.#started) this.#act((core) => core.command(Command.NUDGE));
    }

    #broken(error: CoreBroken): MixError {
        return mixError(`tunnel error: the module broke down: ${error.message}`, { code: 'WORKER_LOST', phase: 'tunnel', cause: error });
    }

    /** Everything that belongs to the tunnel goes; whoever waits learns why. */
    #end(error: MixError, into: 'shutdown' | 'failed', panicked = false): void {
        if (!this.#active) return;
        this.#active = this.#started = false;
        this.#why = into === 'failed' ? error : undefined;
        this.#takeStats();
        this.#disarm();
        for (const cancel of this.#calls.values()) cancel();
        this.#calls.clear();
        this.#link?.link.close();
        this.#link = undefined;
        for (const operations of Object.values(this.#operations)) {
            const all = [...operations.values()];
            operations.clear();
            for (const operation of all) operation.fail(error);
        }
        this.#free(panicked);
        const storage = this.#storage;
        this.#storage = undefined;
        if (storage) this.#writes = this.#writes.then(() => storage.close());
        if (into === 'shutdown') this.#move({ state: 'shutdown' });
        else if (panicked) this.#move({ state: 'failed', reason: { kind: 'task_panicked', message: error.message } });
        else this.#move({ state: 'failed', reason: { kind: 'error', code: error.code, phase: error.phase, message: error.message } });
        this.#setup?.reject(error);
        this.#setup = undefined;
        const ended = this.#ended;
        this.#ended = this.#ending = undefined;
        if (ended) void this.#writes.then(ended);
    }

    #free(panicked: boolean): void {
        try {
            if (!panicked) this.#core?.command(Command.FREE);
            else this.#core = undefined;
        } catch {
            this.#core = undefined; // the next setup takes a new instance
        }
    }

    #move(state: TunnelState): void {
        const before = this.#state;
        if (state.state === 'connecting' && before.state === 'connecting' && state.phase === before.phase) return;
        this.#state = state;
        this.#tell({ kind: 'state', state, stats: this.stats() });
    }

    // ---- turns ----

    /** Calls the core from outside of a turn; what that brings about follows soon, or at once. Undefined: there is no tunnel. */
    #act(call: (core: Core) => number, follow = (): void => this.wake()): number | undefined {
        const core = this.#core;
        if (!core || !this.#active) return undefined;
        try {
            const status = call(core);
            follow();
            return status;
        } catch (error) {
            this.#fault(error);
            return undefined;
        }
    }

    /** A turn soon: once for all calls of one task. */
    wake(): void {
        if (this.#turning || this.#woken) return;
        this.#woken = true;
        queueMicrotask(() => {
            this.#woken = false;
            this.#turn();
        });
    }

    #fault(error: unknown): void {
        if (error instanceof CoreBroken) this.#end(this.#broken(error), 'failed', true);
        else throw error;
    }

    /** Everything that can be done now; then the timer waits for the rest. */
    #turn(): void {
        const core = this.#core;
        if (!core || !this.#active || this.#turning) return;
        this.#turning = true;
        try {
            for (;;) {
                const kind = core.next(this.#link?.link.busy ?? false);
                if (kind === Kind.NOTHING) break;
                this.#take(kind, core.out(), core);
                if (!this.#active) return;
            }
            this.#arm(core);
        } catch (error) {
            this.#fault(error);
        } finally {
            this.#turning = false;
        }
    }

    #arm(core: Core): void {
        const due = core.deadline();
        if (due === this.#due) return;
        this.#disarm();
        if (due === Infinity) return;
        this.#due = due;
        this.#timer = setTimeout(() => {
            this.#due = Infinity;
            this.#turn();
        }, Math.min(Math.max(Math.ceil(due - this.#host.now()), 0), LONGEST_TIMER));
    }

    #disarm(): void {
        clearTimeout(this.#timer);
        this.#due = Infinity;
    }

    #take(kind: number, out: Out, core: Core): void {
        switch (kind) {
            case Kind.CALL: return this.#get(out.id, core.text(out.text), core.text(out.more));
            case Kind.CALL_CANCEL: return this.#cancel(out.id);
            case Kind.LINK_CONNECT: return this.#connect(out.id, core.text(out.text));
            case Kind.LINK_TEXT: return this.#send(out.id, core.textOf(out.data, out.len));
            case Kind.LINK_BINARY: return this.#send(out.id, core.view(out.data, out.len));
            case Kind.LINK_CLOSE: return this.#hangUp(out.id);
            case Kind.STATE: return this.#onState(out, core);
            case Kind.STORE: return this.#store(core.text(out.text), out.data === 0 ? undefined : core.copy(out.data, out.len));
            case Kind.REFUSED: return this.#tell({ kind: 'refused', destination: core.textOf(out.data, out.len) });
            case Kind.NOTICE: return this.#tell({ kind: 'notice', message: core.textOf(out.data, out.len) });
            case Kind.FETCH: return this.#operations.fetch.get(out.id)?.event(out);
            case Kind.DNS: return this.#operations.lookup.get(out.id)?.event(out);
            case Kind.WEBSOCKET: return this.#operations.websocket.get(out.id)?.event(out);
        }
    }

    #onState(out: Out, core: Core): void {
        const phase = PHASES[out.phase] ?? 'exit';
        const error = out.code === OK ? undefined : errorOf(core, failureIn(core, out));
        switch (out.state) {
            case State.READY:
                this.#move({ state: 'ready' });
                this.#setup?.resolve();
                this.#setup = undefined;
                return;
            case State.DEGRADED:
                return this.#move({ state: 'ready', degraded: { phase, code: error?.code ?? '', message: error?.message ?? '' } });
            case State.CLOSED:
                return this.#end(shutDown(), 'shutdown');
            case State.FAILED:
                return this.#end(error ?? mixError('tunnel error: the tunnel failed', { code: 'STATE', phase }), 'failed');
            case State.CLOSING:
                return;
            default:
                if (!this.#ending) this.#move({ state: 'connecting', phase: PHASES[out.state] ?? phase });
        }
    }

    // ---- what the tunnel wants of the host ----

    #get(id: number, url: string, accept: string): void {
        let status = 0;
        let type = '';
        const cancel = this.#host.get(url, accept, {
            head: (number, contentType) => {
                [status, type] = [number, contentType];
                this.#rehearsed = REHEARSED; // there is work
            },
            piece: (data) => this.#calls.has(id) && this.#act((core) => core.command(Command.ANSWER, id, status, `${type}\0`, data)) === OK,
            end: () => {
                if (this.#calls.delete(id)) this.#act((core) => core.command(Command.ANSWER_END, id, status, `${type}\0`));
            },
            failed: (reason) => {
                if (this.#calls.delete(id)) this.#act((core) => core.command(Command.ANSWER_FAILED, id, 0, reason));
            },
        });
        this.#calls.set(id, cancel);
    }

    #cancel(id: number): void {
        this.#calls.get(id)?.();
        this.#calls.delete(id);
    }

    #connect(id: number, url: string): void {
        const mine = (): boolean => this.#link?.id === id;
        this.#link?.link.close();
        const link = this.#host.connect(url, {
            opened: () => {
                this.#rehearsed = REHEARSED; // there is work
                if (mine()) this.#act((core) => core.command(Command.LINK_OPENED, id));
            },
            message: (data) => {
                const command = typeof data === 'string' ? Command.LINK_TEXT_CAME : Command.LINK_BINARY_CAME;
                if (mine()) this.#act((core) => core.command(command, id, 0, data), () => this.#turn()); // a task of its own
            },
            closed: (code, reason) => {
                if (!mine()) return;
                this.#link = undefined;
                this.#act((core) => core.command(Command.LINK_CLOSED, id, code, reason));
            },
            writable: () => this.wake(),
        });
        this.#link = { id, link };
    }

    #send(id: number, data: Uint8Array | string): void {
        if (this.#link?.id === id) this.#link.link.send(data);
    }

    #hangUp(id: number): void {
        if (this.#link?.id !== id) return;
        this.#link.link.close();
        this.#link = undefined;
    }

    #store(name: string, value: Uint8Array | undefined): void {
        const storage = this.#storage;
        if (!storage) return;
        this.#writes = this.#writes.then(() => storage.write(name, value)).catch((error: unknown) => {
            this.#host.log(LOG_WARN, 'host', `'${name}' cannot be stored: ${textOf(error)}`);
        });
    }

    // ---- operations ----

    /** Why nothing can be begun now. */
    notReady(): MixError {
        const { state } = this.#state;
        return state === 'connecting' ? mixError('tunnel not connected', { code: 'STATE', phase: 'tunnel' })
            : mixError(`tunnel error: tunnel not ready: ${PEER_STATES[state]}`,
                { code: state === 'failed' ? 'STATE' : 'SHUT_DOWN', phase: 'tunnel', cause: this.#why });
    }

    /** To read an event's texts from. */
    get core(): Core | undefined {
        return this.#core;
    }

    get ready(): boolean {
        return this.#state.state === 'ready' && this.#core !== undefined;
    }

    /** The command that begins an operation; throws `MixError`. Its number. */
    begin(kind: OperationKind, operation: Operation, command: number, number: number, ...input: Uint8Array[]): number {
        const core = this.#core;
        if (!this.ready || !core) throw this.notReady();
        const status = this.#act(() => core.command(command, 0, number, ...input));
        if (status === undefined) throw this.notReady();
        if (status !== OK) throw errorOf(core, { status, words: '', detail: 0 });
        const { id } = core.out();
        this.#operations[kind].set(id, operation);
        return id;
    }

    /** A command of an operation; the core to read the result from, or undefined: the tunnel is gone. */
    command(command: number, id: number, number = 0, ...input: Array<Uint8Array | string>): { status: number; core: Core; out: Out } | undefined {
        const core = this.#core;
        const status = this.#act((mine) => mine.command(command, id, number, ...input));
        return status === undefined || !core ? undefined : { status, core, out: core.out() };
    }

    /** No event comes for it any more. */
    forget(kind: OperationKind, id: number): void {
        this.#operations[kind].delete(id);
    }

    // ---- looking in ----

    #takeStats(): void {
        const core = this.#core;
        const name = this.#state.state;
        const phase = this.#state.state === 'connecting' ? this.#state.phase : undefined;
        try {
            if (!core || core.command(Command.STATS) !== OK) {
                this.#stats = { ...this.#stats, state: name, phase };
                return;
            }
        } catch {
            return;
        }
        const out = core.out();
        const values = core.doubles(out.data, STATS.length);
        const v = Object.fromEntries(STATS.map((key, i) => [key, values[i] ?? 0])) as Record<(typeof STATS)[number], number>;
        this.#stats = {
            state: name, phase,
            packets: { data: v.data, retransmitted: v.retransmitted, cover: v.cover, acknowledged: v.acknowledged, replies: v.replies },
            bytes: { sent: v.sentBytes, received: v.receivedBytes },
            ip: { up: v.ipUp, down: v.ipDown, dropped: v.ipDropped },
            frames: { reordered: v.reordered, skipped: v.skipped },
            surbs: v.surbs, queue: { waiting: v.waiting, unacknowledged: v.unacknowledged }, mixes: [v.mixes1, v.mixes2, v.mixes3],
            roundTripMs: v.roundTrip / 1000, gatewayRoundTripMs: v.gatewayRoundTrip / 1000,
            links: v.links, exits: v.exits, setupMs: v.setup / 1000,
            gateway: core.text(out.text), exit: core.text(out.more), memory: core.memorySize,
        };
    }

    stats(): TunnelStats {
        this.#takeStats();
        return this.#stats;
    }
}
