// SPDX-License-Identifier: Apache-2.0
// What `make install` puts into a folder, used as a stranger would: the examples are compiled with what pkg-config says and run through a
// local mixnet; the manual pages know every option and every function. Closes with "install: N passed, M failed".
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD, run as runToEnd, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';

const report = makeReport('install');
const check = (what, holds, detail) => report.check(holds, what, detail);
const run = (tool, args, options) => spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
const source = fileURLToPath(new URL('..', import.meta.url));
const built = existsSync(join(BUILD, 'native/CMakeCache.txt')) ? join(BUILD, 'native') : BUILD;
const stage = mkdtempSync(join(tmpdir(), 'lwmix-install-'));
const root = join(stage, 'moved'); // the tree is moved after it was installed: nothing may know where it was

function declaredFunctions() {
    const folder = join(root, 'include/mix');
    return [...new Set(readdirSync(folder).flatMap((name) =>
        [...readFileSync(join(folder, name), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/\b(mix_\w+)\(/g)].map((match) => match[1])))].sort();
}

function install() {
    const installed = run('cmake', ['--install', built, '--strip', '--prefix', '/opt/lwmix'], { env: { ...process.env, DESTDIR: join(stage, 'dest') } });
    check('it installs', installed.status === 0, installed.stderr);
    renameSync(join(stage, 'dest/opt/lwmix'), root);
    const version = run(join(root, 'bin/lwmix'), ['--version']);
    check('the command runs', version.status === 0 && /^lwmix \d+\.\d+\.\d+\n$/.test(version.stdout), version);
    const config = run('pkg-config', ['--modversion', 'lwmix'], { env: environment() });
    check('pkg-config knows the same version', `lwmix ${config.stdout}` === version.stdout, config);
    for (const name of ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket']) {
        const its = JSON.parse(readFileSync(join(source, `packages/${name}/package.json`), 'utf8')).version;
        check(`${name} has it too`, `lwmix ${its}\n` === version.stdout, its);
    }
    const symbols = run('nm', ['-g', '--defined-only', join(root, 'lib/liblwmix.a')]).stdout.split('\n').map((line) => line.split(' ')[2]).filter(Boolean);
    check('only the functions of the headers are visible', symbols.sort().join() === declaredFunctions().join(), symbols);
}

const environment = () => ({ ...process.env, PKG_CONFIG_PATH: join(root, 'lib/pkgconfig') });
const flags = (...args) => execFileSync('pkg-config', args, { encoding: 'utf8', env: environment() }).trim().split(/\s+/).filter(Boolean);

/** libwebsockets as the system has it, else the one that this repository was built with. */
function libwebsockets() {
    if (run('pkg-config', ['--exists', 'libwebsockets']).status === 0) return flags('--cflags', '--libs', 'libwebsockets');
    const third = join(source, 'build/third_party/native');
    return [`-isystem${third}/libwebsockets/include`, `-isystem${third}/openssl/include`, '-Wl,--start-group', `${third}/libwebsockets/lib/libwebsockets.a`,
        `${third}/openssl/lib/libssl.a`, `${third}/openssl/lib/libcrypto.a`, '-Wl,--end-group', ...flags('--libs', 'libuv')];
}

function compile() {
    const examples = ['fetch.c', 'host.c'].map((name) => join(root, 'share/doc/lwmix/examples', name));
    check('the host has less than 150 lines', readFileSync(examples[1], 'utf8').split('\n').length - 1 < 150, examples[1]);
    for (const compiler of ['cc', 'clang-19']) {
        const result = run(compiler, ['-Wall', '-Werror', ...examples, ...flags('--cflags', '--libs', 'lwmix'), ...libwebsockets(), '-o', join(stage, `fetch-${compiler}`)]);
        check(`${compiler} compiles the example`, result.status === 0 && result.stderr === '', result.stderr);
    }
    const headers = readdirSync(join(root, 'include/mix'));
    for (const [compiler, suffix, standard] of [['cc', 'c', 'c11'], ['c++', 'cpp', 'c++20']]) {
        for (const header of headers) {
            const file = join(stage, `one.${suffix}`);
            writeFileSync(file, `#include <mix/${header}>\n`);
            const result = run(compiler, [`-std=${standard}`, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only', ...flags('--cflags', 'lwmix'), file]);
            check(`${header} stands alone in ${standard}`, result.status === 0, result.stderr);
        }
    }
}

/** All that is in front of a value or a sentence in the lines of a help: "-o, --output". */
const optionsOf = (text) => [...text.matchAll(/^ {2}(-{1,2}[^\s,]+)(?:, (--\S+))?/gm)].flatMap((match) => [match[1], match[2]]).filter(Boolean);

function manuals() {
    const page = join(root, 'share/man/man1/lwmix.1');
    const text = readFileSync(page, 'utf8').replace(/\\e/g, '\\');
    const common = text.slice(text.indexOf('.Sh COMMON OPTIONS'), text.indexOf('.Sh EXIT STATUS'));
    for (const command of ['fetch', 'dns', 'ws', 'proxy', 'ping', 'bench', 'verify', 'playground']) {
        const start = text.indexOf(`.Ss lwmix ${command}`);
        const section = text.slice(start, text.indexOf('.S', start + 5)) + (['verify', 'playground'].includes(command) ? '' : common);
        const known = new Set([...section.matchAll(/^\.It (.*)$/gm)].flatMap((m) => [...m[1].matchAll(/Fl (\S+)/g)].map((f) => `-${f[1]}`)));
        const help = optionsOf(run(join(root, 'bin/lwmix'), [command, '--help']).stdout);
        const missing = help.filter((option) => !known.has(option));
        const invented = [...known].filter((option) => !help.includes(option));
        check(`lwmix.1 has the options of ${command}`, help.length >= 5 && missing.length === 0 && invented.length === 0, { missing, invented });
    }
    const api = readFileSync(join(root, 'share/man/man3/lwmix.3'), 'utf8');
    const unknown = declaredFunctions().filter((name) => !new RegExp(`\\b${name}\\b`).test(api));
    const gone = [...new Set(api.match(/\bmix_\w+(?= ?[,.]?\n)/g))].filter((name) => new RegExp(`\\.Fn ${name}\\b`).test(api) && !declaredFunctions().includes(name));
    check('lwmix.3 has the functions of the headers', unknown.length === 0 && gone.length === 0, { unknown, gone });
    for (const name of ['man1/lwmix.1', 'man3/lwmix.3']) {
        const result = run('groff', ['-mdoc', '-Tascii', '-ww', join(root, 'share/man', name)]);
        check(`${name} is good mdoc`, result.status === 0 && result.stderr === '' && result.stdout.length > 2000, result.error ?? result.stderr);
    }
}

const fetch = (compiler, ...args) => runToEnd(join(stage, `fetch-${compiler}`), args);

async function use() {
    const site = http.createServer((request, response) => response.end(pattern(50000)));
    await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
    const mixnet = await startMixnet(['--resolve', 'site.example=93.184.216.34', '--forward', `93.184.216.34:80=127.0.0.1:${site.address().port}`]);
    try {
        const page = await fetch('cc', 'http://site.example/', mixnet.directory_http);
        check('the example fetches', page.code === 0 && sha256(page.out) === sha256(pattern(50000)) && /\nready\n/.test(page.err), { ...page, out: page.out.length });
        const other = await fetch('clang-19', 'http://nobody.example/', mixnet.directory_http);
        check('and tells why not', other.code === 1 && other.out.length === 0 && /no such host name/.test(other.err), other);
    } finally {
        const end = await mixnet.stop();
        check('the mixnet ends well', end.code === 0, end);
        site.closeAllConnections();
        site.close();
    }
    const nowhere = await fetch('cc', 'http://site.example/', 'http://127.0.0.1:1/');
    check('without a directory', nowhere.code === 1 && /directory could not be reached/.test(nowhere.err), nowhere);
}

try {
    install();
    compile();
    manuals();
    await use();
} finally {
    rmSync(stage, { recursive: true, force: true });
}
report.close();
