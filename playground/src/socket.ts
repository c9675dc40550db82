// SPDX-License-Identifier: Apache-2.0
// The WebSocket console.
import { MixWebSocket } from '@lwmix/mix-websocket';
import { byId, h, say } from './dom.js';
import { bytes, milliseconds } from './format.js';
import { log } from './log.js';
import { showSite } from './path.js';
import { countPayload, describeError } from './tunnel.js';

const LINES_MOST = 500;

const url = byId<HTMLInputElement>('socket-url');
const protocols = byId<HTMLInputElement>('socket-protocols');
const button = byId<HTMLButtonElement>('socket-open');
const text = byId<HTMLInputElement>('socket-text');
const binary = byId<HTMLInputElement>('socket-binary');
const send = byId<HTMLButtonElement>('socket-send');
const status = byId('socket-status');
const lines = byId('socket-lines');

let socket: MixWebSocket | undefined;
let sentAt = 0;

function add(kind: 'out' | 'in' | 'note', what: string, note: string): void {
    const mark = { out: '→', in: '←', note: '·' }[kind];
    const words = { out: 'sent', in: 'received', note: '' }[kind];
    lines.append(h('li', { class: kind }, h('b', { 'aria-hidden': 'true' }, mark), words ? h('span', { class: 'hidden' }, `${words}: `) : null, h('span', {}, what), h('small', {}, note)));
    while (lines.childElementCount > LINES_MOST) lines.firstElementChild?.remove();
    const view = lines.parentElement as HTMLElement;
    view.scrollTop = view.scrollHeight;
}

function show(kind: string, words: string): void {
    const open = socket?.readyState === MixWebSocket.OPEN;
    status.className = kind;
    say(status, words);
    button.textContent = socket ? 'Close' : 'Connect';
    button.classList.toggle('primary', !socket);
    text.disabled = send.disabled = !open;
}

function onMessage(data: unknown): void {
    const length = typeof data === 'string' ? new TextEncoder().encode(data).length : (data as ArrayBuffer).byteLength;
    countPayload(length);
    const after = sentAt > 0 ? `, ${milliseconds(performance.now() - sentAt)} after the last one sent` : '';
    sentAt = 0;
    add('in', typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer, 0, Math.min(length, 64))].map((b) => b.toString(16).padStart(2, '0')).join(' '),
        `${bytes(length)}${typeof data === 'string' ? '' : ', binary'}${after}`);
}

function connect(): void {
    const began = performance.now();
    const wanted = protocols.value.split(/[\s,]+/).filter((word) => word !== '');
    const mine = new MixWebSocket(url.value.trim(), wanted);
    socket = mine;
    showSite(url.value.trim().replace(/^ws/, 'http'));
    show('', 'Connecting…');
    mine.onopen = () => {
        const words = `Open after ${milliseconds(performance.now() - began)}${mine.protocol ? `, ${mine.protocol}` : ''}`;
        show('good', words);
        log('info', `WebSocket ${mine.url}: ${words}`);
        text.focus();
    };
    mine.onmessage = ({ data }) => onMessage(data);
    mine.onerror = (event) => {
        const words = 'error' in event ? describeError(event.error) : 'an error';
        add('note', words, '');
        log('error', `WebSocket ${mine.url}: ${words}`);
    };
    mine.onclose = ({ code, reason, wasClean }) => {
        if (socket === mine) socket = undefined;
        const words = `Closed: ${code}${reason ? `, ${reason}` : ''}${wasClean ? '' : ', not cleanly'}`;
        show(wasClean ? '' : 'bad', words);
        log('info', `WebSocket ${mine.url}: ${words}`);
    };
}

async function say_(): Promise<void> {
    const mine = socket;
    if (!mine || mine.readyState !== MixWebSocket.OPEN) return;
    const words = text.value;
    const data = binary.checked ? new TextEncoder().encode(words) : words;
    text.value = '';
    sentAt = performance.now();
    add('out', words, `${bytes(new TextEncoder().encode(words).length)}${binary.checked ? ', binary' : ''}`);
    try {
        await mine.send(data);
    } catch (error) {
        add('note', describeError(error), '');
    }
}

export function startSocket(): void {
    byId<HTMLFormElement>('socket-form').addEventListener('submit', (event) => {
        event.preventDefault();
        try {
            if (socket) {
                show('', 'Closing…');
                socket.close().catch((error: unknown) => log('error', describeError(error)));
            } else connect();
        } catch (error) {
            socket = undefined;
            show('bad', describeError(error));
        }
    });
    byId<HTMLFormElement>('socket-say').addEventListener('submit', (event) => {
        event.preventDefault();
        void say_();
    });
}
