// SPDX-License-Identifier: Apache-2.0
// One instance of the module: its exports as methods, its memory as text and bytes. No knowledge of what they mean.
import { readOut, type Out } from './abi.js';
import { ERROR_NUMBERS } from './error-table.js';
import { textOf } from './errors.js';

/** What the module asks of its surroundings while it is called. */
export interface Surroundings {
    /** Fills with random bytes; throws if there are none. */
    random(out: Uint8Array): void;
    /** Milliseconds since 1970. */
    wallTime(): number;
    /** Milliseconds from any start, never back. */
    now(): number;
    /** Level 1…5: error, warn, info, debug, trace. */
    log(level: number, layer: string, text: string): void;
}

interface Exports {
    memory: WebAssembly.Memory;
    _initialize(): void;
    mix_output(): number;
    mix_input(len: number): number;
    mix_setup(len: number, identity: number, directory: number): number;
    mix_command(what: number, id: number, number: number, len: number, now: number): number;
    mix_next(now: number, busy: number): number;
    mix_deadline(): number;
    mix_error_name(status: number): number;
    mix_error_text(status: number): number;
}

/** The module trapped: nothing in it can be used any more. */
export class CoreBroken extends Error {
    override readonly name = 'CoreBroken';
}

/** Input: bytes, or text as UTF-8. */
export type Input = Uint8Array | string | undefined;

const RANDOM_MOST = 65536;
const NO_FILE = 8;
const NOTHING: Uint8Array = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Core {
    readonly #surroundings: Surroundings;
    #exports!: Exports;
    #output = 0;
    #bytes: Uint8Array = NOTHING;
    #view = new DataView(new ArrayBuffer(0));
    #broken: CoreBroken | undefined;

    private constructor(surroundings: Surroundings) {
        this.#surroundings = surroundings;
    }

    static async start(module: WebAssembly.Module, surroundings: Surroundings): Promise<Core> {
        const core = new Core(surroundings);
        const instance = await WebAssembly.instantiate(module, core.#imports());
        core.#exports = instance.exports as unknown as Exports;
        core.#exports._initialize();
        core.#output = core.#exports.mix_output();
        return core;
    }

    // ---- memory: views are taken again whenever it has grown ----

    #look(): void {
        if (this.#bytes.buffer === this.#exports.memory.buffer) return;
        this.#bytes = new Uint8Array(this.#exports.memory.buffer);
        this.#view = new DataView(this.#exports.memory.buffer);
    }

    /** Bytes in the module, until the next call. */
    view(at: number, len: number): Uint8Array {
        this.#look();
        return this.#bytes.subarray(at, at + len);
    }

    /** A copy of one's own. */
    copy(at: number, len: number): Uint8Array<ArrayBuffer> {
        this.#look();
        return this.#bytes.slice(at, at + len) as Uint8Array<ArrayBuffer>;
    }

    /** Bytes up to a zero. */
    #cString(at: number): Uint8Array {
        this.#look();
        return at === 0 ? NOTHING : this.#bytes.subarray(at, this.#bytes.indexOf(0, at));
    }

    text(at: number): string {
        return decoder.decode(this.#cString(at));
    }

    /** Text of HTTP headers: a byte is a character. */
    latin1(at: number): string {
        let text = '';
        for (const byte of this.#cString(at)) text += String.fromCharCode(byte);
        return text;
    }

    textOf(at: number, len: number): string {
        return decoder.decode(this.view(at, len));
    }

    /** So many doubles. */
    doubles(at: number, count: number): number[] {
        this.#look();
        return Array.from({ length: count }, (_, i) => this.#view.getFloat64(at + 8 * i, true));
    }

    get memorySize(): number {
        return this.#exports.memory.buffer.byteLength;
    }

    // ---- calls ----

    #call<T>(act: () => T): T {
        if (this.#broken) throw this.#broken;
        try {
            return act();
        } catch (error) {
            this.#broken = new CoreBroken(textOf(error), { cause: error });
            throw this.#broken;
        }
    }

    /** Puts parts into the input, one behind the other; their length, or −1: the module has no memory for them. */
    #put(parts: readonly Uint8Array[]): number {
        let len = 0;
        for (const part of parts) len += part.length;
        if (len === 0) return 0;
        let at = this.#exports.mix_input(len);
        if (at === 0) return -1;
        this.#look();
        for (const part of parts) {
            this.#bytes.set(part, at);
            at += part.length;
        }
        return len;
    }

    /** What the last `next`, `command` or `setup` left. */
    out(): Out {
        this.#look();
        return readOut(this.#view, this.#output);
    }

    setup(settings: Uint8Array, identity: Uint8Array = NOTHING, directory: Uint8Array = NOTHING): number {
        return this.#call(() => {
            const len = this.#put([settings, identity, directory]);
            return len < 0 ? ERROR_NUMBERS.MEMORY : this.#exports.mix_setup(len, identity.length, directory.length);
        });
    }

    command(what: number, id = 0, number = 0, ...input: Input[]): number {
        return this.#call(() => {
            const parts = input.map((part) => (typeof part === 'string' ? encoder.encode(part) : part ?? NOTHING));
            const len = this.#put(parts);
            return len < 0 ? ERROR_NUMBERS.MEMORY : this.#exports.mix_command(what, id, number, len, this.now());
        });
    }

    /** The kind of the next order or event; 0: none. */
    next(busy: boolean): number {
        return this.#call(() => this.#exports.mix_next(this.now(), busy ? 1 : 0));
    }

    /** When `next` has something without a cause from outside: milliseconds of the surroundings' clock; Infinity: never. */
    deadline(): number {
        return this.#call(() => this.#exports.mix_deadline()) / 1000;
    }

    errorName(status: number): string {
        return this.text(this.#exports.mix_error_name(status));
    }

    errorText(status: number): string {
        return this.text(this.#exports.mix_error_text(status));
    }

    /** Microseconds. */
    now(): number {
        return Math.floor(this.#surroundings.now() * 1000);
    }

    // ---- imports ----

    #imports(): WebAssembly.Imports {
        const { random, wallTime, log } = this.#surroundings;
        const mix = {
            random: (at: number, len: number): number => {
                this.#look();
                try {
                    for (let i = 0; i < len; i += RANDOM_MOST) random(this.#bytes.subarray(at + i, at + Math.min(len, i + RANDOM_MOST)));
                    return 0;
                } catch {
                    return 1;
                }
            },
            wall_time: () => wallTime() * 1000,
            log: (level: number, layer: number, layerLen: number, text: number, textLen: number) =>
                log(level, this.textOf(layer, layerLen), this.textOf(text, textLen)),
        };
        // There are no files: the C library asks once for folders, and third parties never get one.
        const wasi = new Proxy<Record<string, (...args: number[]) => number>>({
            proc_exit: (code) => { throw new Error(`the module ended itself with ${code ?? 0}`); },
        }, { get: (own, name) => own[String(name)] ?? (() => NO_FILE) });
        return { mix, wasi_snapshot_preview1: wasi as WebAssembly.ModuleImports };
    }
}
