// SPDX-License-Identifier: Apache-2.0
// A body that streams to the tunnel, never more than the tunnel has asked for.
import { chunk } from './body.js';

const PIECE = 64 * 1024;

export interface UploadEvents {
    /** The buffer is the receiver's. */
    chunk(data: Uint8Array<ArrayBuffer>): void;
    end(): void;
    failed(error: unknown): void;
}

export class Upload {
    readonly #events: UploadEvents;
    readonly #reader: ReadableStreamDefaultReader<unknown>;
    #credit = 0;
    #wake: (() => void) | undefined;
    #over = false;

    constructor(stream: ReadableStream<unknown>, events: UploadEvents) {
        this.#events = events;
        this.#reader = stream.getReader();
    }

    start(): void {
        this.#run().then(
            () => { if (!this.#over) this.#events.end(); },
            (error: unknown) => {
                const told = this.#over;
                this.stop(error);
                if (!told) this.#events.failed(error);
            });
    }

    allow(bytes: number): void {
        this.#credit += bytes;
        this.#wake?.();
    }

    /** No more is wanted. */
    stop(reason: unknown): void {
        if (this.#over) return;
        this.#over = true;
        this.#wake?.();
        this.#reader.cancel(reason).catch(() => {}); // the source's own trouble: the request is over anyhow
    }

    async #run(): Promise<void> {
        for (;;) {
            await this.#room();
            if (this.#over) return;
            const { done, value } = await this.#reader.read();
            if (done || this.#over) return;
            await this.#send(chunk(value));
        }
    }

    async #send(data: Uint8Array): Promise<void> {
        for (let at = 0; at < data.byteLength;) {
            await this.#room();
            if (this.#over) return;
            const piece = data.slice(at, at + Math.min(PIECE, this.#credit)) as Uint8Array<ArrayBuffer>; // the chunk is the application's: a copy
            at += piece.byteLength;
            this.#credit -= piece.byteLength;
            this.#events.chunk(piece);
        }
    }

    async #room(): Promise<void> {
        while (this.#credit <= 0 && !this.#over) await new Promise<void>((resolve) => { this.#wake = resolve; });
        this.#wake = undefined;
    }
}
