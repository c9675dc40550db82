// SPDX-License-Identifier: Apache-2.0
// Comlink on either side of the border, with errors that keep their class and code.
import { transferHandlers, type TransferHandler } from 'comlink';
import { fromWire, MixError, toWire } from './errors.js';
import type { WireError } from './protocol.js';

interface Thrown { value: unknown }
type Serialized = { isMixError: true; value: WireError } | { isMixError?: undefined };

/** Comlink's own handler keeps name, message and stack of an error; this one keeps what a `MixError` has besides. */
export function teachComlink(): void {
    const own = transferHandlers.get('throw') as TransferHandler<Thrown, Serialized>;
    const taught: TransferHandler<Thrown, Serialized> = {
        canHandle: own.canHandle,
        serialize(thrown) {
            return thrown.value instanceof MixError ? [{ isMixError: true, value: toWire(thrown.value) }, []] : own.serialize(thrown);
        },
        deserialize(serialized) {
            if (serialized.isMixError) throw fromWire(serialized.value);
            return own.deserialize(serialized);
        },
    };
    transferHandlers.set('throw', taught);
}
