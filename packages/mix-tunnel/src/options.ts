// SPDX-License-Identifier: Apache-2.0
// The options of setup: which there are, of what type, in what range; and as settings for the core.
import { mixError, type MixError } from './errors.js';
import { Settings } from './settings.js';
import type { SetupMixTunnelOpts } from './types.js';

type Rule =
    | { kind: 'text'; check?: (value: string) => string | undefined }
    | { kind: 'flag' }
    | { kind: 'number'; most: number }
    | { kind: 'texts' };

const U32 = 0xffffffff;
const U8 = 255;
const RULES: { [name in keyof Required<SetupMixTunnelOpts>]: Rule } = {
    preferredIpr: { kind: 'text', check: checkExit },
    preferredGateway: { kind: 'text' },
    clientId: { kind: 'text', check: (value) => (value === '' ? "tunnel error: option 'clientId' must not be empty" : undefined) },
    forceTls: { kind: 'flag' },
    disablePoissonTraffic: { kind: 'flag' },
    disableCoverTraffic: { kind: 'flag' },
    disableCopies: { kind: 'flag' },
    openReplySurbs: { kind: 'number', most: U32 },
    dataReplySurbs: { kind: 'number', most: U32 },
    primaryDns: { kind: 'text', check: checkServer },
    fallbackDns: { kind: 'text', check: checkServer },
    storagePassphrase: { kind: 'text' },
    connectTimeoutMs: { kind: 'number', most: U32 },
    dnsTimeoutMs: { kind: 'number', most: U32 },
    tcpKeepaliveMs: { kind: 'number', most: U32 },
    tcpBufferSize: { kind: 'number', most: U32 },
    maxRedirects: { kind: 'number', most: U8 },
    debug: { kind: 'flag' },
    directories: { kind: 'texts' },
    dohUrl: { kind: 'text' },
    exitTimeoutMs: { kind: 'number', most: U32 },
    setupTimeoutMs: { kind: 'number', most: U32 },
    streamTimeoutMs: { kind: 'number', most: U32 },
    connectionsPerHost: { kind: 'number', most: U8 },
    userAgent: { kind: 'text' },
    trustedRoots: { kind: 'text' },
    ephemeral: { kind: 'flag' },
    storageFolder: { kind: 'text' },
};
const NAMES = Object.keys(RULES) as Array<keyof SetupMixTunnelOpts>;

export const DEFAULT_CLIENT = 'lwmix';
const DEFAULT_DNS = ['8.8.8.8:53', '1.1.1.1:53'] as const;
const DEFAULT_REDIRECTS = 5;

function optionError(message: string): MixError {
    return mixError(message, { code: 'OPTION', phase: 'options' });
}

/** The peer's words. */
function checkExit(value: string): string | undefined {
    return value.split('@').length === 2 ? undefined
        : "tunnel error: invalid IPR address: recipient is malformed - the string address does not contain exactly a single '@' character";
}

/** A number of IPv4, or of IPv6 in brackets, and a port. The peer's words. */
function checkServer(value: string): string | undefined {
    const parts = /^(?:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(value);
    const octets = parts?.slice(1, 5).filter((octet) => octet !== undefined).map(Number) ?? [];
    const good = parts && octets.every((octet) => octet <= 255) && Number(parts[5]) <= 65535;
    return good ? undefined : `tunnel error: invalid DNS resolver '${value}': invalid socket address syntax`;
}

function expectation(rule: Rule): string {
    switch (rule.kind) {
        case 'text': return 'a string';
        case 'flag': return 'a boolean';
        case 'number': return `an integer from 0 to ${rule.most}`;
        case 'texts': return 'an array of strings';
    }
}

function fits(rule: Rule, value: unknown): boolean {
    switch (rule.kind) {
        case 'text': return typeof value === 'string' && !value.includes('\0');
        case 'flag': return typeof value === 'boolean';
        case 'number': return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= rule.most;
        case 'texts': return Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));
    }
}

/** How a wrong value is told of: secrets and long texts are not repeated. */
function tellValue(value: unknown): string {
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
    return Array.isArray(value) ? 'such an array' : typeof value === 'object' ? 'an object' : `such a ${typeof value}`;
}

/** Only what is known and given: what cannot cross to the worker is not sent there. Throws `MixError` for what does not fit. */
export function checkOptions(opts: SetupMixTunnelOpts | null | undefined): SetupMixTunnelOpts {
    if (opts === undefined || opts === null) return {};
    if (typeof opts !== 'object') throw optionError(`tunnel error: the options must be an object, not ${tellValue(opts)}`);
    const out: Record<string, unknown> = {};
    for (const name of NAMES) {
        const value: unknown = opts[name];
        if (value === undefined || value === null) continue;
        const rule = RULES[name];
        if (!fits(rule, value)) throw optionError(`tunnel error: option '${name}' must be ${expectation(rule)}, not ${tellValue(value)}`);
        const complaint = rule.kind === 'text' ? rule.check?.(value as string) : undefined;
        if (complaint) throw optionError(complaint);
        out[name] = value;
    }
    return out as SetupMixTunnelOpts;
}

/** 0 means "at once" to the user and "the default" to the core. */
function milliseconds(value: number | undefined): number | undefined {
    return value === 0 ? 1 : value;
}

/** Checked options as settings of mix_tunnel_config. */
export function settingsOf(opts: SetupMixTunnelOpts): Settings {
    const settings = new Settings();
    for (const url of opts.directories ?? []) settings.put('directory', url);
    settings.put('dns_server', opts.primaryDns ?? DEFAULT_DNS[0]).put('dns_server', opts.fallbackDns ?? DEFAULT_DNS[1]);
    return settings
        .put('gateway', opts.preferredGateway)
        .put('exit', opts.preferredIpr)
        .put('plain_gateway', opts.forceTls === false ? true : undefined)
        .put('pacing_off', opts.disablePoissonTraffic)
        .put('cover_off', opts.disableCoverTraffic)
        .put('copies_off', opts.disableCopies)
        .put('forget', opts.ephemeral)
        .put('exit_timeout', milliseconds(opts.exitTimeoutMs))
        .put('connect_timeout', milliseconds(opts.connectTimeoutMs))
        .put('setup_timeout', milliseconds(opts.setupTimeoutMs))
        .put('passphrase', opts.storagePassphrase)
        .put('doh_url', opts.dohUrl)
        .put('dns_timeout', milliseconds(opts.dnsTimeoutMs))
        .put('stream_timeout', milliseconds(opts.streamTimeoutMs))
        .put('keepalive', opts.tcpKeepaliveMs === 0 ? -1 : opts.tcpKeepaliveMs)
        .put('max_redirects', (opts.maxRedirects ?? DEFAULT_REDIRECTS) || -1)
        .put('per_host', opts.connectionsPerHost || undefined)
        .put('user_agent', opts.userAgent)
        .put('roots', opts.trustedRoots);
}
