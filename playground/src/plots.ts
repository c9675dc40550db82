// SPDX-License-Identifier: Apache-2.0
// Live plots, and the figures above them: what the tunnel's statistics say, twice a second.
import type { TunnelStats } from '@lwmix/mix-tunnel';
import uPlot from 'uplot';
import { byId, h, say } from './dom.js';
import { bytes, count, milliseconds } from './format.js';
import { onSample, SAMPLE_MS, SAMPLES_MOST, samples, type Sample } from './tunnel.js';

interface Series { label: string; colour: string; value(now: Sample, before: Sample): number | null }
interface Chart { id: string; title: string; unit: string; series: Series[]; show(value: number): string }

const seconds = (now: Sample, before: Sample): number => Math.max(now.at - before.at, 0.05);
/** Growth of a counter in a second. */
const rate = (read: (stats: TunnelStats) => number) => (now: Sample, before: Sample): number =>
    Math.max(read(now.stats) - read(before.stats), 0) / seconds(now, before);

const one = (value: number): string => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));

const CHARTS: Chart[] = [
    { id: 'packets', title: 'Packets a second', unit: '/s', show: one, series: [
        { label: 'data', colour: '--real', value: rate(({ packets }) => packets.data + packets.retransmitted) },
        { label: 'cover', colour: '--cover', value: rate(({ packets }) => packets.cover) },
        { label: 'acknowledged', colour: '--ack', value: rate(({ packets }) => packets.acknowledged) },
    ] },
    { id: 'throughput', title: 'Throughput', unit: 'kB/s', show: one, series: [
        { label: 'wire up', colour: '--cover', value: (now, before) => rate(({ bytes: b }) => b.sent)(now, before) / 1000 },
        { label: 'wire down', colour: '--ack', value: (now, before) => rate(({ bytes: b }) => b.received)(now, before) / 1000 },
        { label: 'payload', colour: '--real', value: (now, before) => Math.max(now.payload - before.payload, 0) / seconds(now, before) / 1000 },
    ] },
    { id: 'surbs', title: 'Reply blocks at the exit', unit: '', show: count, series: [
        { label: 'in stock', colour: '--reply', value: ({ stats }) => stats.surbs },
    ] },
    { id: 'rtt', title: 'Round trip', unit: 'ms', show: one, series: [
        { label: 'exit', colour: '--real', value: ({ stats }) => stats.roundTripMs || null }, // 0: not yet measured
        { label: 'gateway', colour: '--cover', value: ({ stats }) => stats.gatewayRoundTripMs || null },
    ] },
    { id: 'queue', title: 'Queue', unit: 'packets', show: count, series: [
        { label: 'waiting to leave', colour: '--reply', value: ({ stats }) => stats.queue.waiting },
        { label: 'unacknowledged', colour: '--ack', value: ({ stats }) => stats.queue.unacknowledged },
    ] },
];

interface Figure { label: string; stat: string; title: string; show(stats: TunnelStats): string; exact(stats: TunnelStats): number }
const FIGURES: Figure[] = [
    { label: 'Data', stat: 'packets.data', title: 'Packets of yours that left', show: (s) => count(s.packets.data), exact: (s) => s.packets.data },
    { label: 'Cover', stat: 'packets.cover', title: 'Packets that left so that nobody sees when you speak', show: (s) => count(s.packets.cover), exact: (s) => s.packets.cover },
    { label: 'Acknowledged', stat: 'packets.acknowledged', title: 'Packets of yours that arrived', show: (s) => count(s.packets.acknowledged), exact: (s) => s.packets.acknowledged },
    { label: 'Again', stat: 'packets.retransmitted', title: 'Packets sent again, since no acknowledgement came', show: (s) => count(s.packets.retransmitted), exact: (s) => s.packets.retransmitted },
    { label: 'Answers', stat: 'packets.replies', title: 'Packets that came from the exit', show: (s) => count(s.packets.replies), exact: (s) => s.packets.replies },
    { label: 'Sent', stat: 'bytes.sent', title: 'To the gateway, cover included', show: (s) => bytes(s.bytes.sent), exact: (s) => s.bytes.sent },
    { label: 'Received', stat: 'bytes.received', title: 'From the gateway', show: (s) => bytes(s.bytes.received), exact: (s) => s.bytes.received },
    { label: 'Memory', stat: 'memory', title: 'Of the module', show: (s) => bytes(s.memory), exact: (s) => s.memory },
    { label: 'Set up in', stat: 'setupMs', title: 'From start to ready', show: (s) => (s.setupMs > 0 ? milliseconds(s.setupMs) : '–'), exact: (s) => s.setupMs },
];

/** What is drawn: seconds, then one row of numbers a series. The first sample has nothing before it. */
export function rows(chart: Chart): (number | null)[][] {
    const out: (number | null)[][] = [[], ...chart.series.map(() => [])];
    for (let i = 1; i < samples.length; i++) {
        const now = samples[i] as Sample;
        const before = samples[i - 1] as Sample;
        if (now.at - before.at < SAMPLE_MS / 5000) continue; // a state's sample just after a timed one: no rate to speak of
        out[0]?.push(now.at);
        chart.series.forEach((series, k) => out[k + 1]?.push(series.value(now, before)));
    }
    return out;
}

interface Drawn { chart: Chart; plot: uPlot; box: HTMLElement; figure: HTMLElement; values: HTMLElement[] }

function token(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(chart: Chart, width: number): uPlot.Options {
    const axis = { stroke: token('--muted'), font: '11px ui-sans-serif, system-ui, sans-serif', grid: { stroke: token('--line'), width: 1 }, ticks: { show: false } };
    return {
        width, height: 112, padding: [6, 14, 0, 0], cursor: { show: false }, legend: { show: false },
        scales: { x: { time: false, range: (_, __, most) => [Math.max(0, most - SAMPLES_MOST * SAMPLE_MS / 1000), Math.max(most, 20)] },
            y: { range: (_, __, most) => [0, most > 0 ? most * 1.15 : 1] } },
        axes: [{ ...axis, size: 20, space: 60, values: (_, all) => all.map((s) => `${s} s`) }, { ...axis, size: 42, space: 28 }],
        series: [{}, ...chart.series.map(({ label, colour }) => ({ label, stroke: token(colour), width: 1.6, points: { show: false } }))],
    };
}

function draw(chart: Chart, into: HTMLElement): Drawn {
    const values: HTMLElement[] = [];
    const legend = h('ul', { class: 'legend' }, ...chart.series.map(({ label, colour }) => {
        const value = h('b', { class: 'num' }, '–');
        values.push(value);
        return h('li', { class: colour.slice(2) }, label, ' ', value);
    }));
    const box = h('div', { class: 'plot', 'aria-hidden': 'true' });
    const figure = h('figure', { 'data-plot': chart.id }, h('figcaption', {}, h('h3', {}, chart.title, chart.unit ? h('small', {}, ` ${chart.unit}`) : null), legend), box);
    into.append(figure);
    const plot = new uPlot(options(chart, box.clientWidth || 320), rows(chart) as uPlot.AlignedData, box);
    return { chart, plot, box, figure, values };
}

let drawn: Drawn[] = [];
const figures = new Map<string, HTMLElement>();

function update(): void {
    for (const { chart, plot, values } of drawn) {
        const data = rows(chart);
        plot.setData(data as uPlot.AlignedData);
        values.forEach((element, k) => {
            const last = data[k + 1]?.at(-1);
            say(element, last === undefined || last === null ? '–' : chart.show(last));
        });
    }
    const stats = samples.at(-1)?.stats;
    for (const figure of FIGURES) {
        const element = figures.get(figure.stat);
        if (!element) continue;
        say(element, stats ? figure.show(stats) : '–');
        element.dataset['value'] = stats ? String(figure.exact(stats)) : '';
    }
}

/** Colours are drawn into the canvas: new ones, new plots. */
export function redraw(): void {
    if (drawn.length === 0) return;
    for (const { plot } of drawn) plot.destroy();
    const into = byId('plots');
    into.replaceChildren();
    drawn = CHARTS.map((chart) => draw(chart, into));
    update();
}

export function startPlots(): void {
    const list = byId('figures');
    for (const { label, stat, title } of FIGURES) {
        const value = h('dd', { class: 'num', 'data-stat': stat }, '–');
        figures.set(stat, value);
        list.append(h('div', { title }, h('dt', {}, label), value));
    }
    const into = byId('plots');
    drawn = CHARTS.map((chart) => draw(chart, into));
    let width = 0;
    new ResizeObserver(() => {
        const now = drawn[0]?.box.clientWidth ?? 0;
        if (now === 0 || now === width) return;
        width = now;
        for (const { plot, box } of drawn) plot.setSize({ width: box.clientWidth, height: 112 });
    }).observe(into);
    onSample(update);
    update();
}
