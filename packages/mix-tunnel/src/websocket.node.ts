// SPDX-License-Identifier: Apache-2.0
// A WebSocket client for Node versions without one of their own: RFC 6455 without extensions, as much of it as gateways need.
import { createHash, randomBytes } from 'node:crypto';
import { request as plain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as secure } from 'node:https';
import type { Duplex } from 'node:stream';
import { textOf } from './errors.js';
import type { Link, LinkEvents } from './platform.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const FIN = 0x80;
const MASKED = 0x80;
/** No message of a gateway is near it. */
const MESSAGE_MOST = 16 * 1024 * 1024;
const HANDSHAKE_MS = 30_000;
const CLOSING_MS = 2_000;
const NO_STATUS = 1005;
const ABNORMAL = 1006;
const PROTOCOL_ERROR = 1002;
const BAD_TEXT = 1007;
const TOO_LARGE = 1009;

class Refused extends Error {
    readonly code: number;

    constructor(code: number, message: string) {
        super(message);
        this.code = code;
    }
}

export interface Frame { final: boolean; kind: number; data: Buffer }

/** A client's frame: masked (section 5.3). */
export function encodeFrame(kind: number, data: Uint8Array): Buffer {
    const long = data.length < 126 ? 0 : data.length < 65536 ? 2 : 8;
    const out = Buffer.allocUnsafe(2 + long + 4 + data.length);
    out[0] = FIN | kind;
    out[1] = MASKED | (long === 0 ? data.length : long === 2 ? 126 : 127);
    if (long === 2) out.writeUInt16BE(data.length, 2);
    if (long === 8) out.writeBigUInt64BE(BigInt(data.length), 2);
    const mask = randomBytes(4);
    mask.copy(out, 2 + long);
    const body = 6 + long;
    for (let i = 0; i < data.length; i++) out[body + i] = data[i]! ^ mask[i & 3]!;
    return out;
}

/** Frames out of a stream of bytes that comes in pieces. */
export class FrameReader {
    #pieces: Buffer[] = [];
    #length = 0;

    feed(piece: Buffer): void {
        this.#pieces.push(piece);
        this.#length += piece.length;
    }

    /** The next whole frame; throws what breaks the protocol. */
    next(): Frame | undefined {
        const head = this.#peek(2);
        if (!head) return undefined;
        const [first, second] = [head[0]!, head[1]!];
        const kind = first & 0x0f;
        if ((first & 0x70) !== 0) throw new Refused(PROTOCOL_ERROR, 'reserved bits are set');
        if ((second & MASKED) !== 0) throw new Refused(PROTOCOL_ERROR, 'a frame of the server is masked');
        const short = second & 0x7f;
        if (kind >= CLOSE && (short > 125 || (first & FIN) === 0)) throw new Refused(PROTOCOL_ERROR, 'a control frame is too long or fragmented');
        const long = short === 126 ? 2 : short === 127 ? 8 : 0;
        const whole = this.#peek(2 + long);
        if (!whole) return undefined;
        const length = long === 2 ? whole.readUInt16BE(2) : long === 8 ? Number(whole.readBigUInt64BE(2)) : short;
        if (length > MESSAGE_MOST) throw new Refused(TOO_LARGE, 'a frame is too large');
        if (this.#length < 2 + long + length) return undefined;
        const data = this.#take(2 + long + length).subarray(2 + long);
        return { final: (first & FIN) !== 0, kind, data };
    }

    /** So many bytes at the front, which stay. */
    #peek(count: number): Buffer | undefined {
        if (this.#length < count) return undefined;
        if (this.#pieces[0]!.length < count) this.#pieces = [Buffer.concat(this.#pieces)];
        return this.#pieces[0];
    }

    #take(count: number): Buffer {
        if (this.#pieces[0]!.length < count) this.#pieces = [Buffer.concat(this.#pieces)];
        const first = this.#pieces[0]!;
        this.#length -= count;
        if (first.length === count) this.#pieces.shift();
        else this.#pieces[0] = first.subarray(count);
        return first.subarray(0, count);
    }
}

class Client implements Link {
    readonly #events: LinkEvents;
    readonly #frames = new FrameReader();
    #request: ClientRequest | undefined;
    #socket: Duplex | undefined;
    #message: { kind: number; parts: Buffer[]; length: number } | undefined;
    #closing: NodeJS.Timeout | undefined;
    /** Nothing is told any more. */
    #done = false;
    #sentClose = false;
    #code = ABNORMAL;
    #reason = '';

    constructor(url: string, events: LinkEvents) {
        this.#events = events;
        try {
            this.#handshake(new URL(url));
        } catch (error) {
            queueMicrotask(() => this.#finish(textOf(error)));
        }
    }

    #handshake(url: URL): void {
        const key = randomBytes(16).toString('base64');
        const start = url.protocol === 'wss:' ? secure : plain;
        url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
        const request = start(url, {
            headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key }, agent: false,
        });
        this.#request = request;
        request.setTimeout(HANDSHAKE_MS, () => request.destroy(new Error('the gateway did not answer the handshake in time')));
        request.on('error', (error) => this.#finish(error.message));
        request.on('response', (response) => {
            response.resume();
            this.#finish(`the gateway answered ${response.statusCode}`);
        });
        request.on('upgrade', (response: IncomingMessage, socket: Duplex, rest: Buffer) => this.#upgraded(key, response, socket, rest));
        request.end();
    }

    #upgraded(key: string, response: IncomingMessage, socket: Duplex, rest: Buffer): void {
        const accept = createHash('sha1').update(key + GUID).digest('base64');
        if (this.#done || response.headers['sec-websocket-accept'] !== accept || response.headers['sec-websocket-extensions'] !== undefined) {
            socket.destroy();
            return this.#finish('the gateway answered the handshake wrongly');
        }
        this.#request?.setTimeout(0);
        this.#socket = socket;
        (socket as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
        socket.on('data', (piece: Buffer) => this.#read(piece));
        socket.on('drain', () => { if (!this.#done) this.#events.writable(); });
        socket.on('error', (error) => { this.#reason ||= error.message; });
        socket.on('end', () => socket.end());
        socket.on('close', () => this.#finish(this.#reason));
        this.#events.opened();
        if (rest.length > 0) this.#read(rest);
    }

    #read(piece: Buffer): void {
        this.#frames.feed(piece);
        try {
            for (let frame = this.#frames.next(); frame && !this.#socket?.destroyed; frame = this.#frames.next()) this.#take(frame);
        } catch (error) {
            if (!(error instanceof Refused)) throw error;
            this.#code = error.code;
            this.#reason = error.message;
            this.#sendClose(error.code);
            this.#socket?.destroy();
        }
    }

    #take({ final, kind, data }: Frame): void {
        switch (kind) {
            case PING: return void this.#socket?.write(encodeFrame(PONG, data));
            case PONG: return;
            case CLOSE: return this.#peerCloses(data);
            case TEXT:
            case BINARY:
                if (this.#message) throw new Refused(PROTOCOL_ERROR, 'a message begins within another');
                this.#message = { kind, parts: [], length: 0 };
                break;
            case 0:
                if (!this.#message) throw new Refused(PROTOCOL_ERROR, 'nothing is continued');
                break;
            default: throw new Refused(PROTOCOL_ERROR, 'a frame of an unknown kind');
        }
        const message = this.#message;
        message.parts.push(data);
        message.length += data.length;
        if (message.length > MESSAGE_MOST) throw new Refused(TOO_LARGE, 'a message is too large');
        if (!final) return;
        this.#message = undefined;
        const whole = message.parts.length === 1 ? data : Buffer.concat(message.parts);
        if (!this.#done) this.#events.message(message.kind === TEXT ? decodeText(whole) : whole);
    }

    #peerCloses(data: Buffer): void {
        this.#code = data.length >= 2 ? data.readUInt16BE(0) : NO_STATUS;
        this.#reason = data.subarray(2).toString('utf8');
        this.#sendClose(data.length >= 2 ? this.#code : undefined);
        this.#socket?.end();
    }

    #sendClose(code: number | undefined): void {
        if (this.#sentClose) return;
        this.#sentClose = true;
        const data = Buffer.alloc(code === undefined ? 0 : 2);
        if (code !== undefined) data.writeUInt16BE(code);
        this.#socket?.write(encodeFrame(CLOSE, data));
    }

    #finish(reason: string): void {
        clearTimeout(this.#closing);
        this.#request?.destroy();
        if (this.#done) return;
        this.#done = true;
        this.#events.closed(this.#socket ? this.#code : ABNORMAL, reason);
    }

    // ---- Link ----

    get busy(): boolean {
        return this.#socket?.writableNeedDrain ?? false;
    }

    send(data: Uint8Array | string): void {
        if (!this.#sentClose) this.#socket?.write(typeof data === 'string' ? encodeFrame(TEXT, Buffer.from(data)) : encodeFrame(BINARY, data));
    }

    close(): void {
        this.#done = true;
        if (!this.#socket) {
            this.#request?.destroy();
            return;
        }
        this.#sendClose(1000);
        this.#socket.end();
        this.#closing = setTimeout(() => this.#socket?.destroy(), CLOSING_MS);
        this.#closing.unref();
    }
}

function decodeText(data: Buffer): string {
    try {
        return new TextDecoder('utf-8', { fatal: true }).decode(data);
    } catch {
        throw new Refused(BAD_TEXT, 'a text is not UTF-8');
    }
}

export function linkBySocket(url: string, events: LinkEvents): Link {
    return new Client(url, events);
}
