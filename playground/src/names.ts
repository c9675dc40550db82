// SPDX-License-Identifier: Apache-2.0
// The tool that looks names up, and shows records with their time to live.
import { mixDNS, type DnsRecordType } from '@lwmix/mix-dns';
import { byId, h, say } from './dom.js';
import { milliseconds } from './format.js';
import { log } from './log.js';
import { describeError } from './tunnel.js';

const TYPES: DnsRecordType[] = ['A', 'AAAA', 'CNAME', 'MX', 'TXT', 'NS', 'SOA', 'SRV', 'CAA', 'HTTPS', 'PTR'];
const FIRST: DnsRecordType[] = ['A', 'AAAA'];

const name = byId<HTMLInputElement>('dns-name');
const send = byId<HTMLButtonElement>('dns-send');
const status = byId('dns-status');
const records = byId('dns-records');

function chosen(): DnsRecordType[] {
    return [...byId('dns-types').querySelectorAll<HTMLInputElement>('input:checked')].map(({ value }) => value as DnsRecordType);
}

async function submit(): Promise<void> {
    const types = chosen();
    byId('dns-result').hidden = false;
    byId('dns-result').dataset['busy'] = 'true';
    send.disabled = true;
    status.className = '';
    say(status, 'Asking, through the exit…');
    records.replaceChildren();
    const began = performance.now();
    try {
        if (types.length === 0) throw new TypeError('No type of records is chosen.');
        const answer = await mixDNS(name.value.trim(), { types });
        const took = milliseconds(performance.now() - began);
        const alias = answer.canonical && answer.canonical !== name.value.trim() ? `, an alias of ${answer.canonical}` : '';
        const words = `${answer.records.length} record${answer.records.length === 1 ? '' : 's'} in ${took}${answer.cached ? ', from the cache' : ''}${alias}`;
        status.className = 'good';
        say(status, words);
        records.replaceChildren(...answer.records.map(({ type, ttl, text }) =>
            h('tr', {}, h('th', { scope: 'row' }, type), h('td', { class: 'num right' }, `${ttl} s`), h('td', { class: 'mono' }, text))));
        log('info', `${name.value.trim()} ${types.join(', ')}: ${words}`);
    } catch (error) {
        status.className = 'bad';
        say(status, describeError(error));
        log('error', `${name.value.trim()} ${types.join(', ')}: ${describeError(error)}`);
    } finally {
        send.disabled = false;
        byId('dns-result').dataset['busy'] = 'false';
    }
}

export function startNames(): void {
    byId('dns-types').append(...TYPES.map((type) => h('label', { class: 'tick' }, h('input', { type: 'checkbox', value: type, checked: FIRST.includes(type) }), h('span', {}, type))));
    byId<HTMLFormElement>('dns-form').addEventListener('submit', (event) => {
        event.preventDefault();
        void submit();
    });
}
