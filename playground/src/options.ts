// SPDX-License-Identifier: Apache-2.0
// A field for every option of setup. A table makes the form; the compiler sees to it that none is missing.
import type { SetupMixTunnelOpts } from '@lwmix/mix-tunnel';
import { byId, h } from './dom.js';

type Kind = 'text' | 'secret' | 'long' | 'list' | 'flag' | 'number';
interface Field { kind: Kind; group: string; label: string; hint: string; usual: string }
const field = (group: string, kind: Kind, label: string, usual: string, hint = ''): Field => ({ kind, group, label, usual, hint });

/** Options that mean nothing in a browser. */
type Elsewhere = 'storageFolder';
const FIELDS: Record<Exclude<keyof SetupMixTunnelOpts, Elsewhere>, Field> = {
    disablePoissonTraffic: field('Traffic', 'flag', 'No pacing', 'off', 'Packets leave when they are there: faster, and observers see when you speak.'),
    disableCoverTraffic: field('Traffic', 'flag', 'No cover traffic', 'off', 'No loops back to you.'),
    disableCopies: field('Traffic', 'flag', 'No copies', 'off', 'Packets are not sent twice in place of cover.'),
    openReplySurbs: field('Traffic', 'number', 'Reply blocks with the first packet', 'follows the traffic', 'Accepted for compatibility; has no effect.'),
    dataReplySurbs: field('Traffic', 'number', 'Reply blocks with data', 'follows the traffic', 'Accepted for compatibility; has no effect.'),
    preferredGateway: field('Nodes', 'text', 'Entry gateway', 'chosen', 'An identity.'),
    preferredIpr: field('Nodes', 'text', 'Exit', 'chosen', 'identity.encryption@gateway'),
    directories: field('Nodes', 'list', 'Directories', 'the network’s', 'Addresses, one a line; tried in turn.'),
    forceTls: field('Nodes', 'flag', 'Gateways by wss alone', 'on; off for the local mixnet'),
    primaryDns: field('Names', 'text', 'Name server', '8.8.8.8:53', 'ip:port'),
    fallbackDns: field('Names', 'text', 'Second name server', '1.1.1.1:53', 'Both are asked, the first answer counts.'),
    dohUrl: field('Names', 'text', 'Names over HTTPS', 'not', 'https://…/dns-query'),
    dnsTimeoutMs: field('Names', 'number', 'Time for a lookup, ms', '10000'),
    maxRedirects: field('Requests', 'number', 'Redirects at most', '5'),
    connectionsPerHost: field('Requests', 'number', 'Connections a host', '6'),
    streamTimeoutMs: field('Requests', 'number', 'Time for TCP and TLS, ms', '30000'),
    tcpKeepaliveMs: field('Requests', 'number', 'Keepalive of idle connections, ms', '60000', '0 turns it off.'),
    tcpBufferSize: field('Requests', 'number', 'TCP buffer, bytes', 'grows with the traffic', 'Accepted for compatibility; has no effect.'),
    userAgent: field('Requests', 'text', 'User-Agent', 'lwmix'),
    trustedRoots: field('Requests', 'long', 'More certificates to trust', 'the local mixnet’s own', 'PEM'),
    connectTimeoutMs: field('Setup', 'number', 'Time for all exits, ms', '60000'),
    exitTimeoutMs: field('Setup', 'number', 'Time for one exit, ms', '10000'),
    setupTimeoutMs: field('Setup', 'number', 'Time for all of setup, ms', '180000'),
    clientId: field('Identity', 'text', 'Client', 'playground', 'Names the storage.'),
    storagePassphrase: field('Identity', 'secret', 'Passphrase of the storage', 'none'),
    ephemeral: field('Identity', 'flag', 'Store nothing', 'off; on for the local mixnet'),
    debug: field('Identity', 'flag', 'Tell more on the console', 'off'),
};
type Name = keyof typeof FIELDS;
const NAMES = Object.keys(FIELDS) as Name[];

const inputOf = (name: Name): HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement => byId(`option-${name}`);

function control(name: Name, { kind, usual, hint }: Field): HTMLElement {
    const common = { id: `option-${name}`, 'aria-describedby': hint ? `hint-${name}` : undefined };
    switch (kind) {
        case 'flag': return h('select', common, h('option', { value: '' }, `usual: ${usual}`), h('option', { value: 'true' }, 'on'), h('option', { value: 'false' }, 'off'));
        case 'long':
        case 'list': return h('textarea', { ...common, rows: 2, spellcheck: 'false', placeholder: usual });
        case 'number': return h('input', { ...common, type: 'number', min: 0, step: 1, placeholder: usual });
        case 'secret': return h('input', { ...common, type: 'password', autocomplete: 'new-password', placeholder: usual });
        case 'text': return h('input', { ...common, type: 'text', spellcheck: 'false', autocapitalize: 'off', placeholder: usual });
    }
}

/** Only what is filled in. */
export function givenOptions(): SetupMixTunnelOpts {
    const out: Record<string, unknown> = {};
    for (const name of NAMES) {
        const text = inputOf(name).value;
        if (text.trim() === '') continue;
        switch (FIELDS[name].kind) {
            case 'flag': out[name] = text === 'true'; break;
            case 'number': out[name] = Number(text); break;
            case 'list': out[name] = text.split('\n').map((line) => line.trim()).filter((line) => line !== ''); break;
            default: out[name] = text;
        }
    }
    return out as SetupMixTunnelOpts;
}

/** `needed`: what the network asks for; the form's go over it. */
export function code(needed: SetupMixTunnelOpts): string {
    const all: Record<string, unknown> = { ...needed, ...givenOptions() };
    const lines = Object.entries(all).map(([name, value]) => {
        const told = name === 'storagePassphrase' ? '…' : name === 'trustedRoots' ? 'PEM' : value;
        return `  ${name}: ${JSON.stringify(told)},`;
    });
    return lines.length > 0 ? `await setupMixTunnel({\n${lines.join('\n')}\n});` : 'await setupMixTunnel();';
}

export function startOptions(needed: () => SetupMixTunnelOpts): { refresh(): void } {
    const form = byId<HTMLFormElement>('options-form');
    const output = byId<HTMLOutputElement>('options-code');
    const groups = [...new Set(NAMES.map((name) => FIELDS[name].group))];
    byId('options-fields').append(...groups.map((group) => h('fieldset', {}, h('legend', {}, group), h('div', { class: 'fields' }, ...NAMES.filter((name) => FIELDS[name].group === group)
        .map((name) => h('div', { class: 'field' }, h('label', { for: `option-${name}` }, FIELDS[name].label), control(name, FIELDS[name]),
            FIELDS[name].hint ? h('small', { id: `hint-${name}` }, FIELDS[name].hint) : null))))));
    const refresh = (): void => { output.textContent = code(needed()); };
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', refresh);
    byId('options-reset').addEventListener('click', () => {
        form.reset();
        refresh();
    });
    refresh();
    return { refresh };
}
