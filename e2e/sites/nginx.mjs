// SPDX-License-Identifier: Apache-2.0
// nginx on loopback, IPv4 and IPv6: plain, TLS with HTTP/1.1 and 2, TLS 1.2 alone; its access log as events.
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { pattern } from '../servers.mjs';

const free = () => new Promise((resolve) => {
    const server = net.createServer().listen(0, '::', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

const listen = (port, how = '') => `listen 127.0.0.1:${port}${how}; listen [::1]:${port}${how};`;
const secure = (port, how, protocols, more = '') => `
    server {
        ${listen(port, ` ssl${how}`)}
        ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols ${protocols};
        ssl_session_cache shared:s${port}:1m; ssl_session_tickets on; ${more}
        include site.conf;
    }`;

function config(ports, log) {
    return `
daemon on; worker_processes 1; pid nginx.pid; error_log error.log warn; ${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 512; }
http {
    log_format line '$server_port $server_protocol $ssl_protocol $ssl_session_reused $ssl_curve $status $body_bytes_sent $connection $remote_addr $request_uri';
    access_log syslog:server=127.0.0.1:${log},nohostname line;
    client_max_body_size 20m; keepalive_timeout 120s; default_type application/octet-stream; client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server { ${listen(ports.http)} include site.conf; }
    ${secure(ports.https1, '', 'TLSv1.2 TLSv1.3')}
    ${secure(ports.https2, ' http2', 'TLSv1.2 TLSv1.3')}
    ${secure(ports.tls12, '', 'TLSv1.2')}
    ${secure(ports.once2, ' http2', 'TLSv1.3', 'keepalive_requests 1;')}
}`;
}

const SITE = `
root files; absolute_redirect off;
location /precompressed/ { gzip_static always; gunzip off; }
location ~ \\.br$ { add_header Content-Encoding br; }
location /gzip/ { alias files/; gzip on; gzip_min_length 0; gzip_http_version 1.0; gzip_types *; }
location /once/ { alias files/; keepalive_timeout 0; }
location /moved { return 301 /text; }
location /upload { dav_methods PUT DELETE; create_full_put_path on; client_body_in_file_only off; }
`;

/** Text that compresses. */
export const TEXT = 'Twas brillig, and the slithy toves did gyre and gimble in the wabe.\n'.repeat(400);
export const FILE_BYTES = 1_000_000;

/** In this folder, with this certificate; `line()` gives the next line of its log that a test of it allows. */
export async function startNginx(folder, { key, cert }) {
    const ports = { http: await free(), https1: await free(), https2: await free(), tls12: await free(), once2: await free() };
    const path = (name) => join(folder, name);
    mkdirSync(path('files/precompressed'), { recursive: true });
    mkdirSync(path('files/upload'), { recursive: true });
    writeFileSync(path('key.pem'), key);
    writeFileSync(path('cert.pem'), cert);
    writeFileSync(path('files/text'), TEXT);
    writeFileSync(path('files/text.br'), brotliCompressSync(TEXT));
    writeFileSync(path('files/precompressed/text.gz'), gzipSync(TEXT));
    writeFileSync(path('files/bytes'), pattern(FILE_BYTES));
    copyFileSync(path('files/bytes'), path('files/other'));
    writeFileSync(path('site.conf'), SITE);
    const log = dgram.createSocket('udp4');
    await new Promise((resolve) => log.bind(0, '127.0.0.1', resolve));
    const lines = [];
    let waiters = [];
    log.on('message', (message) => {
        const [port, http, tls, reused, curve, status, bytes, connection, from, uri] = String(message).replace(/^.*?nginx: /, '').split(' ');
        const line = { port: Number(port), http, tls, reused, curve, status: Number(status), bytes: Number(bytes), connection, from, uri };
        lines.push(line);
        waiters = waiters.filter((w) => !w(line));
    });
    writeFileSync(path('nginx.conf'), config(ports, log.address().port));
    const nginx = (...args) => spawnSync('nginx', ['-p', folder, '-c', path('nginx.conf'), '-e', path('error.log'), ...args], { encoding: 'utf8' });
    const started = nginx(); // it goes into the background when it listens
    if (started.status !== 0) throw new Error(`nginx: ${started.error ?? started.stderr}`);
    const pid = Number(readFileSync(path('nginx.pid'), 'utf8'));
    const stop = () => { try { process.kill(pid, 'SIGTERM'); } catch { /* it has gone */ } };
    process.once('exit', stop);
    return {
        ports, lines,
        /** The line about this path, now or when it comes. */
        line: (uri) => lines.find((l) => l.uri === uri) ?? new Promise((resolve) => waiters.push((l) => l.uri === uri && (resolve(l), true))),
        errors: () => readFileSync(path('error.log'), 'utf8'),
        close() {
            stop();
            log.close();
        },
    };
}
