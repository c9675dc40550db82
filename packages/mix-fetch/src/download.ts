// SPDX-License-Identifier: Apache-2.0
// The body of a response as a byte stream: what comes from the tunnel waits here until it is read, and no more is asked for before.

/** Bytes that may wait on the page's side. */
export const WINDOW = 256 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;
type Controller = ReadableByteStreamController | ReadableStreamDefaultController<Bytes>;

export interface DownloadEvents {
    /** So many bytes were read: as many more may come. */
    read(bytes: number): void;
    /** The reader cancelled, or nobody can read any more. */
    abandoned(reason: unknown): void;
}

/** Ends what nobody can read any more: a stream keeps its source alive, and nothing else does. The value must not lead to it. */
const forgotten = new FinalizationRegistry<Download>((download) => download.drop());

/**
 * Who has a Download does not keep its stream alive, except while a read waits: so a response that the application has dropped
 * is collected, and the request ended.
 */
export class Download {
    readonly #events: DownloadEvents;
    readonly #queue: Bytes[] = [];
    /** The stream's controller while a read waits. */
    #waiting: Controller | undefined;
    #controller: WeakRef<Controller> | undefined;
    #end: { error?: unknown } | undefined;

    constructor(events: DownloadEvents) {
        this.#events = events;
    }

    /** To be called once. */
    stream(): ReadableStream<Bytes> {
        try {
            return this.#streamOf('bytes');
        } catch {
            return this.#streamOf(undefined); // WebKit without byte streams: a reader there cannot bring its own buffer
        }
    }

    #streamOf(type: 'bytes' | undefined): ReadableStream<Bytes> {
        const source = {
            type,
            start: (controller: Controller) => { this.#controller = new WeakRef(controller); },
            pull: (controller: Controller) => { this.#pull(controller); },
            cancel: (reason: unknown) => { this.#abandon(reason); },
        };
        const stream = new ReadableStream(source as UnderlyingByteSource, { highWaterMark: 0 }) as ReadableStream<Bytes>;
        // The source, not the stream: Chromium collects the JavaScript side of a stream that is still being read by its reader.
        forgotten.register(source, this);
        return stream;
    }

    push(data: Bytes): void {
        if (this.#end || data.byteLength === 0) return;
        this.#queue.push(data);
        this.#deliver();
    }

    /** All has come: the end follows what still waits. */
    finish(): void {
        this.#end ??= {};
        this.#deliver();
    }

    /** It broke off: what came before can still be read. */
    fail(error: unknown): void {
        this.#end ??= { error };
        this.#deliver();
    }

    /** An abort: what waits is dropped. */
    abort(reason: unknown): void {
        this.#queue.length = 0;
        this.#end = { error: reason };
        this.#deliver();
    }

    drop(): void {
        this.#abandon(new DOMException('The response was dropped without being read.', 'AbortError'));
    }

    #pull(controller: Controller): void {
        this.#waiting = controller;
        this.#deliver();
    }

    #deliver(): void {
        const controller = this.#waiting;
        const first = controller && this.#queue.shift();
        if (first) {
            this.#waiting = undefined;
            const { byteLength } = first;
            controller.enqueue(first);
            this.#events.read(byteLength);
        } else if (this.#end && this.#queue.length === 0) {
            this.#waiting = undefined;
            this.#settle(controller ?? this.#controller?.deref(), this.#end);
        }
    }

    #settle(controller: Controller | undefined, end: { error?: unknown }): void {
        this.#controller = undefined;
        if (!controller) return;
        if ('error' in end) return controller.error(end.error);
        controller.close();
        if ('byobRequest' in controller) controller.byobRequest?.respond(0);
    }

    #abandon(reason: unknown): void {
        const done = this.#end !== undefined;
        this.#queue.length = 0;
        this.#end ??= {};
        this.#waiting = undefined;
        this.#controller = undefined;
        if (!done) this.#events.abandoned(reason);
    }
}
