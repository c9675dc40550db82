// SPDX-License-Identifier: Apache-2.0
// Compiles only while the public types are as promised.
import { sameType, type Same } from '../../testing/types.js';
import { MixWebSocket, type MixWebSocketReadyState } from '@lwmix/mix-websocket';
import type { MixError } from '@lwmix/mix-tunnel';

export function neverRun(): void {
    const socket = new MixWebSocket('wss://x', ['a'], { headers: { origin: '' } });
    const state: MixWebSocketReadyState = socket.readyState;
    sameType<Same<typeof MixWebSocket.CLOSING, 2>>();
    sameType<Same<ReturnType<typeof socket.send>, Promise<void>>>();
    socket.onmessage = (event) => sameType<Same<typeof event.data, string | ArrayBuffer | Blob>>();
    socket.addEventListener('error', (event) => sameType<Same<typeof event.error, MixError>>());
    socket.addEventListener('close', ({ code, reason, wasClean }) => void [code.toFixed(), reason.length, wasClean === true]);
    socket.addEventListener('something else', () => {}, { once: true });
    const target: EventTarget = socket;
    const list: string[] = socket.protocols;
    // @ts-expect-error read only
    socket.readyState = 1;
    // @ts-expect-error no such data
    void socket.send(5);
    void [state, target, list];
}
