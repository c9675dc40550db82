// SPDX-License-Identifier: Apache-2.0
// Servers that are there and say nothing: a listener whose queue is full (SYNs go unanswered), one that takes connections and is mute, a
// name server that reads questions and answers none.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';

// Node always accepts; a queue that stays full needs a listener that does not.
const FULL = `
import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0)
kept = []
for i in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); kept.append(c)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

/** Ports, and asked('mute' | 'dns'): resolves when somebody says something next. */
export async function startSilence() {
    const python = spawn('python3', ['-c', FULL], { stdio: ['pipe', 'pipe', 'inherit'] });
    process.once('exit', () => python.kill('SIGKILL'));
    const full = Number(await new Promise((resolve) => createInterface({ input: python.stdout }).once('line', resolve)));
    const waiting = { mute: [], dns: [] };
    const tell = (which, value) => waiting[which].splice(0).forEach((resolve) => resolve(value));
    const sockets = new Set();
    const mute = net.createServer((socket) => {
        sockets.add(socket);
        const closed = new Promise((resolve) => socket.on('close', resolve));
        socket.on('error', () => {});
        socket.once('data', () => tell('mute', { closed }));
    });
    await new Promise((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const dns = dgram.createSocket('udp4');
    dns.on('message', () => tell('dns'));
    await new Promise((resolve) => dns.bind(0, '127.0.0.1', resolve));
    return {
        full, mute: mute.address().port, dns: dns.address().port,
        asked: (which) => new Promise((resolve) => waiting[which].push(resolve)),
        close() {
            python.stdin.end();
            for (const socket of sockets) socket.destroy();
            mute.close();
            dns.close();
        },
    };
}
