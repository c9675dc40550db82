// SPDX-License-Identifier: Apache-2.0
// For tests: the tunnel's end of a channel, played by the test.
import type { Opening, Traffic } from '../mix-tunnel/src/protocol.js';

type Kind = Opening['op'];

/** One operation as the tunnel sees it. */
export class Played<Op extends Kind> {
    readonly commands: Traffic[Op]['command'][] = [];
    closed = false;
    #awaited: ((command: Traffic[Op]['command']) => void) | undefined;

    constructor(readonly opening: Traffic[Op]['opening'], readonly transfer: Transferable[], readonly tell: (news: Traffic[Op]['news']) => void) {}

    send(command: Traffic[Op]['command']): void {
        if (this.closed) return;
        this.commands.push(command);
        this.#awaited?.(command);
        this.#awaited = undefined;
    }

    /** The next command that has not been taken. */
    async next(): Promise<Traffic[Op]['command']> {
        if (this.commands.length === 0) await new Promise<void>((resolve) => { this.#awaited = () => resolve(); });
        return this.commands.shift()!;
    }
}

export interface Fake<Op extends Kind> {
    open(opening: Traffic[Op]['opening'], take: (news: Traffic[Op]['news']) => void, transfer?: Transferable[]): {
        send(command: Traffic[Op]['command']): void;
        close(): void;
    };
    readonly opened: Played<Op>[];
    /** The next operation that is opened. */
    next(): Promise<Played<Op>>;
}

export function fake<Op extends Kind>(): Fake<Op> {
    const opened: Played<Op>[] = [];
    let told = 0;
    let awaited: (() => void) | undefined;
    return {
        opened,
        open(opening, take, transfer = []) {
            const played = new Played<Op>(opening, transfer, (news) => { if (!played.closed) take(news); });
            opened.push(played);
            awaited?.();
            return { send: (command) => played.send(command), close: () => { played.closed = true; } };
        },
        async next() {
            while (opened.length <= told) await new Promise<void>((resolve) => { awaited = resolve; });
            return opened[told++]!;
        },
    };
}

export const wireError = (code: string, phase: 'dns' | 'http' | 'websocket' | 'connect' | 'load' = 'http') => ({ code, number: -1, phase, message: `HTTP error: ${code}`, detail: 0 });
