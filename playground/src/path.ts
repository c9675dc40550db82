// SPDX-License-Identifier: Apache-2.0
// The path of a packet as a picture: you, entry, three layers of mixes, exit, site; and packets that move on it as often as the
// statistics say. A packet takes one mix of each layer, another for each packet, so which one a dot takes is drawn by lot here too.
import type { TunnelStats } from '@lwmix/mix-tunnel';
import { byId, svg } from './dom.js';
import { shorten } from './format.js';
import type { LocalNetwork, NetworkName, NetworkNode } from './network.js';
import { onSample, onState, SAMPLE_MS, state, type Sample } from './tunnel.js';

interface Point { x: number; y: number }
interface Leg { from: Point; over: Point; to: Point }
type Kind = 'real' | 'reply' | 'cover';
interface Pulse { dot: SVGCircleElement; legs: Leg[]; begins: number; takes: number }
interface Picture { you: Point; entry: Point; layers: Point[][]; exit: Point; site: Point; moving: SVGGElement; wide: boolean }

/** Dots a layer, however many mixes there are. */
const DOTS_MOST = 4;
const LEG_MS = 260;
const PULSES_MOST = 70;
const PULSES_A_SAMPLE = 7;

const host = byId('path');
const narrow = matchMedia('(max-width: 760px)');
const still = matchMedia('(prefers-reduced-motion: reduce)');
let picture: Picture | undefined;
let pulses: Pulse[] = [];
let running = false;
let local: LocalNetwork | undefined;
let network: NetworkName = 'local';
let shown: { gateway: string; exit: string; mixes: readonly number[] } = { gateway: '', exit: '', mixes: [0, 0, 0] };
let site = '';

// ---- names ----

function nodeOf(identity: string): NetworkNode | undefined {
    return network === 'local' ? local?.nodes.find((node) => node.identity === identity) : undefined;
}

/** An exit's address is client.encryption@gateway: the last is the node. */
function exitIdentity(address: string): string {
    return address.split('@')[1] ?? '';
}

function nameOf(identity: string): string {
    return nodeOf(identity)?.name ?? shorten(identity);
}

function mixesOf(layer: number): string[] {
    const known = network === 'local' ? (local?.nodes ?? []).filter((node) => node.layer === layer).map(({ name }) => name) : [];
    return known.length > 0 ? known : Array.from({ length: shown.mixes[layer - 1] ?? 0 }, () => '');
}

function layerWords(layer: number): string {
    const names = mixesOf(layer);
    if (names.length === 0) return `layer ${layer}`;
    if (names[0] !== '' && names.length <= (narrow.matches ? DOTS_MOST : 2)) return names.join(' · ');
    return `one of ${names.length}`;
}

// ---- the picture ----

interface Station { key: string; at: Point; title: string; name: string; words: string; full: string }

function line(a: Point, b: Point, kind = ''): SVGPathElement {
    return svg('path', { class: `way ${kind}`, d: `M${a.x} ${a.y} ${b.x} ${b.y}` });
}

function label({ at, title, name, words, full }: Station, wide: boolean): SVGGElement {
    const x = wide ? at.x : 128;
    const y = wide ? 194 : at.y - 9;
    const anchor = wide ? 'middle' : 'start';
    const text = (dy: number, kind: string, content: string): SVGTextElement => svg('text', { x, y: y + dy, class: kind, 'text-anchor': anchor }, content);
    const out = svg('g', {}, text(0, 'title', title), text(17, 'name', name), ...(wide ? [text(34, 'words', words)] : [text(33, 'words', words)]));
    if (full) out.append(svg('title', {}, full));
    return out;
}

function stations(): Station[] {
    const wide = !narrow.matches;
    const place = (i: number): Point => (wide ? { x: [70, 245, 425, 550, 675, 855, 1030][i] ?? 0, y: 92 } : { x: 62, y: 34 + i * 66 });
    const { gateway, exit } = shown;
    const entry = gateway ? nameOf(gateway) : '–';
    const last = exit ? nameOf(exitIdentity(exit)) : '–';
    return [
        { key: 'you', at: place(0), title: 'You', name: 'this page', words: 'builds every packet', full: '' },
        { key: 'entry', at: place(1), title: 'Entry gateway', name: entry, words: 'sees you, not what for', full: gateway },
        ...[1, 2, 3].map((layer) => ({ key: `layer${layer}`, at: place(layer + 1), title: `Mix ${layer}`, name: layerWords(layer),
            words: layer === 2 ? 'each knows its neighbours alone' : '', full: '' })),
        { key: 'exit', at: place(5), title: 'Exit', name: last, words: 'sees the site, not you', full: exit },
        { key: 'site', at: place(6), title: 'Site', name: site || '–', words: 'sees the exit', full: '' },
    ];
}

/** Where the dots of a layer are, around its middle, across the path. */
function spread(at: Point, n: number, wide: boolean): Point[] {
    const step = wide ? Math.min(46, 150 / Math.max(n - 1, 1)) : 24;
    return Array.from({ length: n }, (_, i) => {
        const off = (i - (n - 1) / 2) * step;
        return wide ? { x: at.x, y: at.y + off } : { x: at.x + off, y: at.y };
    });
}

function describe(all: Station[]): string {
    const names = all.map(({ title, name }) => `${title}${name === '–' ? '' : `: ${name}`}`);
    return `The path: ${names.join(', ')}.`;
}

function build(): void {
    const wide = !narrow.matches;
    const all = stations();
    const at = (key: string): Point => (all.find((station) => station.key === key) as Station).at;
    const layers = [1, 2, 3].map((layer) => spread(at(`layer${layer}`), Math.min(Math.max(mixesOf(layer).length, 1), DOTS_MOST), wide));
    const [one, two, three] = layers as [Point[], Point[], Point[]];
    const ways = svg('g', { class: 'ways' });
    const moving = svg('g', { class: 'moving' });
    ways.append(line(at('you'), at('entry'), 'link'));
    for (const a of one) ways.append(line(at('entry'), a));
    for (const a of one) for (const b of two) ways.append(line(a, b));
    for (const b of two) for (const c of three) ways.append(line(b, c));
    for (const c of three) ways.append(line(c, at('exit')));
    ways.append(line(at('exit'), at('site'), 'open'));
    const knots = svg('g', { class: 'knots' });
    const tags = svg('g');
    for (const [i, layer] of layers.entries()) {
        const names = mixesOf(i + 1);
        layer.forEach((p, k) => {
            knots.append(svg('circle', { class: 'mix', cx: p.x, cy: p.y, r: 7 }, svg('title', {}, names[k] || `a mix of layer ${i + 1}`)));
            if (wide && names.length > 2 && names.length <= DOTS_MOST) tags.append(svg('text', { x: p.x, y: p.y + 20, class: 'tag', 'text-anchor': 'middle' }, names[k]));
        });
    }
    for (const key of ['you', 'entry', 'exit', 'site']) {
        const p = at(key);
        knots.append(key === 'you' || key === 'site' ? svg('rect', { class: key, x: p.x - 13, y: p.y - 13, width: 26, height: 26, rx: 7 })
            : svg('circle', { class: key, cx: p.x, cy: p.y, r: 13 }));
    }
    const drawing = svg('svg', { viewBox: wide ? '0 0 1100 236' : '0 0 360 480', role: 'img', 'aria-label': describe(all), class: wide ? 'wide' : 'narrow' },
        ways, moving, knots, tags, ...all.map((station) => label(station, wide)));
    for (const pulse of pulses) pulse.dot.remove();
    pulses = [];
    picture = { you: at('you'), entry: at('entry'), layers, exit: at('exit'), site: at('site'), moving, wide };
    host.replaceChildren(drawing);
}

// ---- packets on it ----

function pick<T>(all: T[]): T {
    return all[Math.floor(Math.random() * all.length)] as T;
}

function straight(points: Point[]): Leg[] {
    return points.slice(1).map((to, i) => {
        const from = points[i] as Point;
        return { from, to, over: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
    });
}

/** Beside the path, where it leads back. */
function bow(p: Picture, from: Point, to: Point): Leg {
    return { from, to, over: p.wide ? { x: (from.x + to.x) / 2, y: p.entry.y + 128 } : { x: p.entry.x - 92, y: (from.y + to.y) / 2 } };
}

/** Every packet enters at layer 1 and leaves at layer 3, on its way back as well. `onward`: what is in it goes on to the site. */
function legs(p: Picture, kind: Kind, onward: boolean): Leg[] {
    const [one, two, three] = p.layers.map(pick) as [Point, Point, Point];
    if (kind === 'real') return straight([p.you, p.entry, one, two, three, p.exit, ...(onward ? [p.site] : [])]);
    if (kind === 'reply') return [bow(p, p.exit, one), ...straight([one, two, three]), bow(p, three, p.entry), ...straight([p.entry, p.you])];
    return [...straight([p.you, p.entry, one, two, three]), bow(p, three, p.entry), ...straight([p.entry, p.you])];
}

function launch(kind: Kind, delay: number, onward: boolean): void {
    if (!picture || pulses.length >= PULSES_MOST) return;
    const way = legs(picture, kind, onward);
    const dot = svg('circle', { class: `pulse ${kind}`, r: kind === 'cover' ? 3 : 4, visibility: 'hidden' });
    picture.moving.append(dot);
    pulses.push({ dot, legs: way, begins: performance.now() + delay, takes: way.length * LEG_MS });
    if (!running) {
        running = true;
        requestAnimationFrame(move);
    }
}

function place({ dot, legs: way, begins, takes }: Pulse, now: number): boolean {
    const share = (now - begins) / takes;
    if (share < 0) return true;
    if (share >= 1) {
        dot.remove();
        return false;
    }
    const scaled = share * way.length;
    const leg = way[Math.floor(scaled)] as Leg;
    const t = scaled % 1;
    const u = 1 - t;
    dot.setAttribute('cx', String(u * u * leg.from.x + 2 * u * t * leg.over.x + t * t * leg.to.x));
    dot.setAttribute('cy', String(u * u * leg.from.y + 2 * u * t * leg.over.y + t * t * leg.to.y));
    dot.setAttribute('visibility', 'visible');
    return true;
}

function move(now: number): void {
    pulses = pulses.filter((pulse) => place(pulse, now));
    running = pulses.length > 0;
    if (running) requestAnimationFrame(move);
}

/** As many dots as packets of this kind have left since the last sample, up to a few. */
function pulseFor(before: TunnelStats, now: TunnelStats): void {
    if (still.matches || document.hidden) return;
    const grown: [Kind, number][] = [
        ['real', now.packets.data + now.packets.retransmitted - before.packets.data - before.packets.retransmitted],
        ['reply', now.packets.replies - before.packets.replies],
        ['cover', now.packets.cover - before.packets.cover],
    ];
    // Reply blocks and signs of life end at the exit; IP packets go on.
    const share = (now.ip.up - before.ip.up) / Math.max(now.packets.data - before.packets.data, 1);
    for (const [kind, n] of grown) {
        const dots = Math.min(n, PULSES_A_SAMPLE);
        for (let i = 0; i < dots; i++) launch(kind, SAMPLE_MS * (i + Math.random()) / dots, Math.random() < share);
    }
}

// ---- what changes it ----

/** The site that a tool is at. */
export function showSite(url: string): void {
    try {
        site = new URL(url).hostname;
    } catch {
        return;
    }
    build();
}

/** Of which no node is known yet, and the site that its tools begin with. */
export function showNetwork(name: NetworkName, url: string): void {
    network = name;
    shown = { gateway: '', exit: '', mixes: [0, 0, 0] };
    site = new URL(url).hostname;
    build();
}

/** Nothing is drawn before `showNetwork`. */
export function startPath(config: LocalNetwork | undefined): void {
    local = config;
    let before: Sample | undefined;
    narrow.addEventListener('change', build);
    onSample((sample) => {
        if (sample) {
            const { gateway, exit, mixes } = sample.stats;
            const known = { gateway: gateway || shown.gateway, exit: exit || shown.exit, mixes: mixes.some((n) => n > 0) ? mixes : shown.mixes };
            if (known.gateway !== shown.gateway || known.exit !== shown.exit || known.mixes.join() !== shown.mixes.join()) {
                shown = known;
                build();
            }
            if (before && state().state !== 'shutdown') pulseFor(before.stats, sample.stats);
        } else {
            shown = { gateway: '', exit: '', mixes: [0, 0, 0] };
            build();
        }
        before = sample;
    });
    onState(({ state: name }) => { host.dataset['state'] = name; });
}
