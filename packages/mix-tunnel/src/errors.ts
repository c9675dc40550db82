// SPDX-License-Identifier: Apache-2.0
// Errors with a stable code and the phase in which they were born. Callers match on `code`.
import { ERROR_NUMBERS } from './error-table.js';
import type { WireError } from './protocol.js';
import type { MixPhase } from './types.js';

/** Errors that the core does not know: of options, of loading, of the host. */
export type HostErrorCode =
    /** An option of setup is of the wrong type or out of its range. */
    | 'OPTION'
    /** `setupMixTunnel` while a tunnel is up or coming up. */
    | 'ALREADY_SET_UP'
    /** Worker or module could not be loaded. */
    | 'LOAD'
    /** The worker ended, or the module in it broke down. */
    | 'WORKER_LOST'
    /** The browser's or Node's storage failed. */
    | 'STORAGE'
    /** The tunnel was shut down before the operation was done. */
    | 'SHUT_DOWN';

export type MixErrorCode = keyof typeof ERROR_NUMBERS | HostErrorCode;

export interface MixErrorInit {
    code: MixErrorCode;
    phase: MixPhase;
    /** Default: what the table says of the code. */
    number?: number | undefined;
    detail?: number | undefined;
    cause?: unknown;
}

/** What everything in these packages rejects with, but for the platform's own TypeErrors and AbortErrors. */
export class MixError extends Error {
    override readonly name: string = 'MixError';
    readonly code: MixErrorCode;
    readonly phase: MixPhase;
    /** Number in the core's table of errors, negative; 0: it is not the core's. */
    readonly number: number;
    /** An HTTP status, a TLS alert, a close code; else 0. */
    readonly detail: number;

    constructor(message: string, init: MixErrorInit) {
        super(message, init.cause === undefined ? undefined : { cause: init.cause });
        this.code = init.code;
        this.phase = init.phase;
        this.number = init.number ?? (ERROR_NUMBERS as Partial<Record<MixErrorCode, number>>)[init.code] ?? 0;
        this.detail = init.detail ?? 0;
    }
}

/** Options, loading, storage, directory, gateway, exit: no tunnel, or no longer one. */
export class MixTunnelError extends MixError { override readonly name = 'MixTunnelError'; }
/** A name was not found, or the name servers failed. */
export class MixDnsError extends MixError { override readonly name = 'MixDnsError'; }
/** No connection, or it broke. */
export class MixConnectError extends MixError { override readonly name = 'MixConnectError'; }
/** TLS, above all the server's certificate. */
export class MixTlsError extends MixError { override readonly name = 'MixTlsError'; }
/** A request or its answer. */
export class MixFetchError extends MixError { override readonly name = 'MixFetchError'; }
/** A WebSocket's handshake, messages or end. */
export class MixWebSocketError extends MixError { override readonly name = 'MixWebSocketError'; }

function classOf(phase: MixPhase): new (message: string, init: MixErrorInit) => MixError {
    switch (phase) {
        case 'dns': return MixDnsError;
        case 'connect': return MixConnectError;
        case 'tls': return MixTlsError;
        case 'http': return MixFetchError;
        case 'websocket': return MixWebSocketError;
        default: return MixTunnelError;
    }
}

/** The class that fits the phase. */
export function mixError(message: string, init: MixErrorInit): MixError {
    return new (classOf(init.phase))(message, init);
}

export function fromWire(wire: WireError): MixError {
    const cause = wire.cause === undefined ? undefined : new Error(wire.cause);
    return mixError(wire.message, { code: wire.code as MixErrorCode, phase: wire.phase, number: wire.number, detail: wire.detail, cause });
}

/** Of a `MixError`; anything else was not foreseen, and is told as the worker's. */
export function toWire(error: unknown): WireError {
    if (error instanceof MixError) {
        const { code, number, phase, message, detail, cause } = error;
        return { code, number, phase, message, detail, ...(cause === undefined ? {} : { cause: textOf(cause) }) };
    }
    return { code: 'WORKER_LOST', number: 0, phase: 'tunnel', message: `tunnel error: ${textOf(error)}`, detail: 0 };
}

export function textOf(value: unknown): string {
    return value instanceof Error ? value.message : String(value);
}
