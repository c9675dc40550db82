// SPDX-License-Identifier: Apache-2.0
// The events of a WebSocket, and `on…` handlers.
import type { MixError } from '@lwmix/mix-tunnel';

/** An `error` event that says why. */
export class MixErrorEvent extends Event {
    readonly error: MixError;
    readonly message: string;

    constructor(error: MixError) {
        super('error');
        this.error = error;
        this.message = error.message;
    }
}

/** For hosts without a CloseEvent (Node below 23). */
class OwnCloseEvent extends Event {
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;

    constructor(type: string, { code = 0, reason = '', wasClean = false }: CloseEventInit = {}) {
        super(type);
        this.code = code;
        this.reason = reason;
        this.wasClean = wasClean;
    }
}

export function closeEvent(init: CloseEventInit): CloseEvent {
    const Here = (globalThis as { CloseEvent?: typeof CloseEvent }).CloseEvent ?? (OwnCloseEvent as unknown as typeof CloseEvent);
    return new Here('close', init);
}

export interface MixWebSocketEventMap {
    open: Event;
    message: MessageEvent<string | ArrayBuffer | Blob>;
    error: MixErrorEvent;
    close: CloseEvent;
}

export type Handler<Type extends keyof MixWebSocketEventMap> = ((this: EventTarget, event: MixWebSocketEventMap[Type]) => unknown) | null;

/** Handlers of one target: each takes its place among the listeners when it is first set, as HTML says (section 8.1.8.1). */
export class Handlers {
    readonly #target: EventTarget;
    readonly #set = new Map<string, (event: never) => unknown>();
    readonly #listening = new Set<string>();

    constructor(target: EventTarget) {
        this.#target = target;
    }

    get<Type extends keyof MixWebSocketEventMap>(type: Type): Handler<Type> {
        return (this.#set.get(type) as Handler<Type> | undefined) ?? null;
    }

    set<Type extends keyof MixWebSocketEventMap>(type: Type, handler: Handler<Type>): void {
        if (typeof handler !== 'function') {
            this.#set.delete(type);
            if (this.#listening.delete(type)) this.#target.removeEventListener(type, this.#call);
            return;
        }
        this.#set.set(type, handler as (event: never) => unknown);
        if (this.#listening.has(type)) return;
        this.#listening.add(type);
        this.#target.addEventListener(type, this.#call);
    }

    readonly #call = (event: Event): void => {
        this.#set.get(event.type)?.call(this.#target, event as never);
    };
}
