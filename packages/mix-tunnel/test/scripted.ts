// SPDX-License-Identifier: Apache-2.0
// For tests: the module from the build, and a host that does what the test says.
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import type { Answer, Host, Link, LinkEvents, Storage } from '../src/platform.js';

/** The tests are bundled into build/packages-test/mix-tunnel. */
export const MODULE = new WebAssembly.Module(readFileSync(new URL('../../../packages/mix-tunnel/dist/lwmix.wasm', import.meta.url)));

export interface Get { url: string; accept: string; answer: Answer; cancelled: boolean }

export class Scripted implements Host {
    clock = 1000;
    readonly gets: Get[] = [];
    readonly links: Array<{ url: string; events: LinkEvents }> = [];
    readonly lines: string[] = [];
    readonly stored = new Map<string, Uint8Array>();
    /** The names of each reading. */
    readonly reads: Array<readonly string[]> = [];
    openStorages = 0;
    storageError: Error | undefined;
    readError: Error | undefined;
    /** Set: the module breaks down at its next look at the time of day. */
    trap = false;
    #awaited: (() => void) | undefined;

    random(out: Uint8Array): void {
        webcrypto.getRandomValues(out);
    }

    wallTime(): number {
        if (this.trap) throw new Error('no time of day');
        return Date.UTC(2026, 10, 1) + this.clock;
    }

    now(): number {
        return this.clock;
    }

    log(_level: number, layer: string, text: string): void {
        this.lines.push(`${layer}: ${text}`);
    }

    connect(url: string, events: LinkEvents): Link {
        this.links.push({ url, events });
        return { busy: false, send() {}, close() {} };
    }

    get(url: string, accept: string, answer: Answer): () => void {
        const get: Get = { url, accept, answer, cancelled: false };
        this.gets.push(get);
        this.#awaited?.();
        return () => { get.cancelled = true; };
    }

    /** Resolves when so many requests have been made in all. */
    async asked(count: number): Promise<void> {
        while (this.gets.length < count) await new Promise<void>((resolve) => { this.#awaited = resolve; });
    }

    async openStorage(): Promise<Storage> {
        if (this.storageError) throw this.storageError;
        this.openStorages++;
        return {
            read: async (names) => {
                this.reads.push(names);
                if (this.readError) throw this.readError;
                return names.map((name) => this.stored.get(name)?.slice());
            },
            write: async (name, value) => void (value ? this.stored.set(name, value) : this.stored.delete(name)),
            close: () => { this.openStorages--; },
        };
    }
}

/** A host's members are called without it. */
export function hostOf(scripted: Scripted): Host {
    return new Proxy(scripted, {
        get(target, name) {
            const member: unknown = Reflect.get(target, name);
            return typeof member === 'function' ? member.bind(target) as unknown : member;
        },
    });
}
