// SPDX-License-Identifier: Apache-2.0
// A response's body as far as it can be shown: text as text, pictures as pictures, the rest as numbers. Nothing of it is run.
import { h } from './dom.js';
import { bytes } from './format.js';

const TEXT_MOST = 64 * 1024;
const HEX_MOST = 512;
const TEXT_TYPES = /^(text\/|application\/(json|xml|javascript|ecmascript|x-www-form-urlencoded)|[a-z]+\/[a-z0-9.+-]*\+(json|xml))/i;

let shownUrl = '';

function hex(data: Uint8Array): string {
    const lines: string[] = [];
    for (let at = 0; at < Math.min(data.length, HEX_MOST); at += 16) {
        const part = [...data.subarray(at, Math.min(at + 16, HEX_MOST))];
        const numbers = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
        const signs = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
        lines.push(`${at.toString(16).padStart(6, '0')}  ${numbers.padEnd(47)}  ${signs}`);
    }
    return lines.join('\n');
}

function pretty(text: string, type: string): string {
    if (!/json/i.test(type)) return text;
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

function charset(type: string): string {
    return /charset="?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
}

function decode(data: Uint8Array, type: string): string {
    try {
        return new TextDecoder(charset(type)).decode(data);
    } catch {
        return new TextDecoder().decode(data);
    }
}

export function preview(data: Uint8Array<ArrayBuffer>, type: string): Node[] {
    if (shownUrl) URL.revokeObjectURL(shownUrl);
    shownUrl = '';
    if (data.length === 0) return [h('p', { class: 'hint' }, 'No body.')];
    if (/^image\//i.test(type)) {
        shownUrl = URL.createObjectURL(new Blob([data], { type }));
        return [h('img', { src: shownUrl, alt: `A picture of ${bytes(data.length)}` })];
    }
    const text = TEXT_TYPES.test(type);
    const cut = data.length > (text ? TEXT_MOST : HEX_MOST);
    const content = text ? pretty(decode(data.subarray(0, TEXT_MOST), type), cut ? '' : type) : hex(data);
    return [h('pre', {}, content), cut ? h('p', { class: 'hint' }, `The first ${bytes(text ? TEXT_MOST : HEX_MOST)} of ${bytes(data.length)}.`) : null].filter((node) => node !== null);
}
