// SPDX-License-Identifier: Apache-2.0
// The page's tunnel: begun and ended by one button, its states and statistics handed to whoever shows them.
import {
    disconnectMixTunnel, MixError, onTunnelEvent, setupMixTunnel, type SetupMixTunnelOpts, type TunnelEvent, type TunnelState, type TunnelStats,
} from '@lwmix/mix-tunnel';
import { byId, h, say } from './dom.js';
import { milliseconds } from './format.js';
import { log } from './log.js';

/** How often statistics are asked for. */
export const SAMPLE_MS = 500;
/** Two minutes of them. */
export const SAMPLES_MOST = 240;

export interface Sample {
    /** Seconds since the start. */
    at: number;
    stats: TunnelStats;
    /** Bytes of bodies and messages that the page's tools had received. */
    payload: number;
}

export type Phase = 'directory' | 'gateway' | 'exit' | 'ready';
const PHASES: readonly Phase[] = ['directory', 'gateway', 'exit', 'ready'];
const PHASE_WORDS: Record<Phase, string> = {
    directory: 'Asking the directory who is there.', gateway: 'Connecting to an entry gateway.', exit: 'Calling an exit, through three mixes.', ready: 'Ready.',
};

type Listener = (sample: Sample | undefined) => void;
type StateListener = (state: TunnelState) => void;

export const samples: Sample[] = [];
const listeners: Listener[] = [];
const stateListeners: StateListener[] = [];
let payload = 0;
let beganAt = 0;
let current: TunnelState = { state: 'shutdown' };
let phaseAt: { phase: Phase; at: number } | undefined;

/** Called with each sample, and with undefined when a new tunnel begins. */
export function onSample(listener: Listener): void {
    listeners.push(listener);
}
export function onState(listener: StateListener): void {
    stateListeners.push(listener);
}
export function state(): TunnelState {
    return current;
}

/** What came out of the tunnel, for the plot of throughput. */
export function countPayload(bytes: number): void {
    payload += bytes;
}

export function describeError(error: unknown): string {
    if (error instanceof MixError) return `${error.message} (${error.code})`;
    return error instanceof Error ? error.message : String(error);
}

// ---- steps of setup ----

const steps = new Map([...document.querySelectorAll<HTMLElement>('#phases li')].map((li) => [li.dataset['phase'] as Phase, li]));

function markStep(phase: Phase, mark: 'now' | 'done' | 'failed' | '', ms?: number): void {
    const li = steps.get(phase);
    if (!li) return;
    li.className = mark;
    if (mark === 'now') li.setAttribute('aria-current', 'step');
    else li.removeAttribute('aria-current');
    const time = li.querySelector('b');
    if (time) say(time, ms === undefined ? '' : milliseconds(ms));
}

function enterPhase(phase: Phase): void {
    const now = performance.now();
    if (phaseAt) markStep(phaseAt.phase, 'done', now - phaseAt.at);
    phaseAt = { phase, at: now };
    for (const later of PHASES.slice(PHASES.indexOf(phase) + 1)) markStep(later, '');
    markStep(phase, phase === 'ready' ? 'done' : 'now', phase === 'ready' ? now - beganAt : undefined);
    log('debug', `phase: ${phase}`);
}

// ---- states ----

const status = byId('status');
const power = byId<HTMLButtonElement>('power');

function tellStatus(kind: string, text: string, more = ''): void {
    status.dataset['kind'] = kind;
    status.replaceChildren(text, ...(more ? [' ', h('span', {}, more)] : []));
}

function showState(next: TunnelState): void {
    current = next;
    document.body.dataset['tunnel'] = next.state;
    power.textContent = next.state === 'ready' ? 'Stop' : next.state === 'connecting' ? 'Cancel' : next.state === 'shutting_down' ? 'Stopping…' : 'Start';
    power.disabled = next.state === 'shutting_down';
    power.classList.toggle('primary', next.state === 'shutdown' || next.state === 'failed');
    switch (next.state) {
        case 'connecting':
            if (next.phase) {
                enterPhase(next.phase);
                tellStatus('busy', PHASE_WORDS[next.phase]);
            }
            break;
        case 'ready':
            if (next.degraded) {
                tellStatus('degraded', 'Mending.', `${next.degraded.message}. Requests wait meanwhile.`);
                log('warn', `degraded at ${next.degraded.phase}: ${next.degraded.message}`);
            } else {
                if (phaseAt?.phase !== 'ready') enterPhase('ready');
                else log('info', 'mended');
                tellStatus('ready', 'Ready.', 'What you fetch now goes through the mixnet.');
            }
            break;
        case 'shutting_down':
            tellStatus('busy', 'Saying goodbye to the exit.');
            break;
        case 'shutdown':
            tellStatus('off', 'Stopped.');
            log('info', 'the tunnel has ended');
            break;
        case 'failed': {
            const { reason } = next;
            const words = 'message' in reason && reason.message ? reason.message : reason.kind;
            if (phaseAt && phaseAt.phase !== 'ready') markStep(phaseAt.phase, 'failed', performance.now() - phaseAt.at);
            tellStatus('failed', 'Failed.', words);
            log('error', words);
        }
    }
    for (const listener of stateListeners) listener(next);
}

function takeSample(stats: TunnelStats): void {
    const sample: Sample = { at: (performance.now() - beganAt) / 1000, stats, payload };
    samples.push(sample);
    if (samples.length > SAMPLES_MOST) samples.shift();
    for (const listener of listeners) listener(sample);
}

function take(event: TunnelEvent): void {
    switch (event.kind) {
        case 'state':
            showState(event.state);
            takeSample(event.stats);
            break;
        case 'stats':
            if (current.state !== 'shutdown' && current.state !== 'failed') takeSample(event.stats);
            break;
        case 'refused':
            log('warn', `the exit does not let us reach ${event.destination}`);
            break;
        case 'notice':
            log('info', `the exit says: ${event.message}`);
    }
}

async function start(options: SetupMixTunnelOpts): Promise<void> {
    samples.length = 0;
    payload = 0;
    phaseAt = undefined;
    beganAt = performance.now();
    for (const phase of PHASES) markStep(phase, '');
    for (const listener of listeners) listener(undefined);
    try {
        await setupMixTunnel(options);
        log('info', `ready after ${milliseconds(performance.now() - beganAt)}`);
    } catch (error) {
        // One that failed, or was cancelled, has said so by its state. Else it did not even begin: an option is wrong.
        if (samples.length > 0) return;
        tellStatus('failed', 'Not started.', describeError(error));
        log('error', describeError(error));
    }
}

/** `options` is asked at each start. */
export function startTunnel(options: () => SetupMixTunnelOpts): void {
    onTunnelEvent(take, { statsMs: SAMPLE_MS });
    power.addEventListener('click', () => {
        const busy = current.state === 'ready' || current.state === 'connecting';
        if (!busy) void start(options());
        else disconnectMixTunnel().catch((error: unknown) => log('error', describeError(error)));
    });
}
