// SPDX-License-Identifier: Apache-2.0
// Statuses and failures of the core as errors: code, phase, words.
import type { Out } from './abi.js';
import type { Core } from './core.js';
import { mixError, type MixError, type MixErrorCode } from './errors.js';
import type { MixPhase } from './types.js';

/** By the number's hundred (include/mix/errors.h). */
export function phaseOf(status: number): MixPhase {
    const number = -status;
    if (number >= 540 && number < 550) return 'storage';
    if (number === 610 || number === 611) return 'gateway';
    if (number === 612) return 'exit';
    switch (Math.floor(number / 100)) {
        case 5: return 'gateway';
        case 6: return 'directory';
        case 7: return 'exit';
        case 8: return 'connect';
        case 9: return 'dns';
        case 10: return 'tls';
        case 11: return 'http';
        case 12: return 'websocket';
        default: return 'tunnel';
    }
}

/** The peer's prefixes. */
const PREFIX: Partial<Record<MixPhase, string>> = { dns: 'DNS error', connect: 'IO error', tls: 'IO error', http: 'HTTP error', websocket: 'WebSocket error' };

export interface Failure { status: number; words: string; detail: number }

export function failureIn(core: Core, out: Out): Failure {
    return { status: out.code, words: core.text(out.words), detail: out.number };
}

export function errorOf(core: Core, failure: Failure, phase: MixPhase = phaseOf(failure.status)): MixError {
    const code = core.errorName(failure.status).replace(/^MIX_ERR_/, '') as MixErrorCode;
    const prefix = code === 'HTTP_URL' ? 'URL error' : PREFIX[phase] ?? 'tunnel error';
    const text = core.errorText(failure.status);
    return mixError(`${prefix}: ${text}${failure.words ? `: ${failure.words}` : ''}`, { code, phase, number: failure.status, detail: failure.detail });
}
