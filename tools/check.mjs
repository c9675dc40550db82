// SPDX-License-Identifier: Apache-2.0
// Rules that no compiler sees: which folder includes what, what the core leaves undefined, what the WASM module imports, sizes of
// functions and files, licence lines, format. One line for each breach; closes with "check: N passed, M failed".
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { disagreements } from './version.mjs';

/** Top down: a folder of src/ includes only folders to its right. */
const ORDER = ['tunnel', 'fetch', 'websocket', 'http', 'dns', 'tls', 'sockets', 'tcpip', 'ipr', 'messages', 'traffic', 'sphinx', 'gateway',
    'directory', 'crypto', 'base'];
/** Who may include a third party's headers (tests aside). */
const THIRD = [
    [/^openssl\//, ['crypto', 'tls', 'mixnet', 'hosts']],
    [/^blake3\.h$/, ['crypto']],
    [/^fiat\//, ['crypto']],
    [/^curl\//, ['http']],
    [/^ares/, ['dns']],
    [/^lwip\//, ['tcpip']],
    [/^yyjson\.h$/, ['gateway', 'directory', 'mixnet', 'hosts', 'tests']],
    [/^(uv|libwebsockets)\.h$/, ['hosts', 'examples']],
    [/^slirp\//, ['hosts']],
];
/** The C library's headers that the core may include: none of them can do I/O, tell time or draw randomness in our use. */
const CORE_HEADERS = /^(assert|float|inttypes|limits|math|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|errno|ctype)\.h$/;
/** What the seam of src/sockets answers instead of the system: types, constants and prototypes come from these. */
const SEAM_HEADERS = /^(fcntl|netdb|poll|time|unistd|netinet\/in|netinet\/tcp|sys\/(ioctl|select|socket|time))\.h$/;
/** Folders that clang-format has been through. */
const FORMATTED = /^(bench|examples|hosts\/native|sim)\//;
const LONGEST_FUNCTION = 70;
const LONGEST_FILE = 800;

let passed = 0;
let failed = 0;
function check(holds, breach) {
    if (holds) passed++;
    else {
        failed++;
        console.log(`check: ${breach}`);
    }
}
/** Without what is to be checked nothing is well. */
function isThere(file, how) {
    check(existsSync(file), `${file} is missing: run ${how} first`);
    return existsSync(file);
}
const read = (file) => readFileSync(file, 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' }).split('\n')
    .filter((f) => f && existsSync(f));
const sources = files.filter((f) => /\.(c|h)$/.test(f));
const isTest = (file) => /_(test|fuzz|bench)\.[ch]$/.test(file) || /(^|\/)vectors_[^/]*\.[ch]$/.test(file) || /_testing\.[ch]$/.test(file);

/** DEPS of src/FOLDER as its build file names them. */
function depsOf(folder) {
    const file = `src/${folder}/CMakeLists.txt`;
    const layer = existsSync(file) && read(file).match(/mix_layer\(\s*NAME\s+\w+([\s\S]*?)\)/);
    const deps = layer && layer[1].match(/DEPS([\s\S]*?)(THIRD|SOURCES|$)/);
    return deps ? deps[1].trim().split(/\s+/).filter(Boolean) : [];
}

function checkIncludes() {
    for (const file of sources) {
        const top = file.split('/')[0];
        if (top === 'third_party') continue;
        const folder = top === 'src' ? file.split('/')[1] : top;
        for (const [, quote, header] of read(file).matchAll(/^\s*#\s*include\s+(["<])([^">]+)[">]/gm)) {
            const third = THIRD.find(([pattern]) => pattern.test(header));
            if (third && !isTest(file)) check(third[1].includes(folder), `${file} includes <${header}>: only ${third[1].join(', ')} may`);
            if (top !== 'src' || isTest(file)) continue;
            const target = header.split('/')[0];
            if (quote === '"' && ORDER.includes(target) && target !== folder) {
                check(ORDER.indexOf(target) > ORDER.indexOf(folder), `${file} includes "${header}", which lies above it`);
                check(depsOf(folder).includes(target), `${file} includes "${header}", but src/${folder}/CMakeLists.txt does not name ${target} in DEPS`);
            } else if (quote === '<' && !third) {
                check(CORE_HEADERS.test(header) || folder === 'sockets' && SEAM_HEADERS.test(header), `${file} includes <${header}>: the core does no I/O, reads no clock, draws no randomness`);
            }
        }
        if (top === 'mixnet' && !isTest(file)) {
            for (const [, header] of read(file).matchAll(/^\s*#\s*include\s+"([a-z]+\/[^"]+)"/gm)) {
                const target = header.split('/')[0];
                if (!ORDER.includes(target)) continue;
                const allowed = ['base', 'crypto'].includes(target) || /(^|\/)(wire|topology|rotation)[a-z_]*\.h$/.test(header) ||
                    target === 'sphinx' || (file.startsWith('mixnet/exit/') && ['messages', 'traffic', 'ipr', 'directory'].includes(target));
                check(allowed, `${file} includes "${header}": mixnet/ uses wire files, sphinx/, crypto/ and base/; the exit also messages/ and traffic/`);
            }
        }
    }
}

function nm(args) {
    return execFileSync('llvm-nm-19', args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] }).split('\n');
}

/** What libmix_*.a leave undefined must be defined in another of them, in a third party, or be on tools/symbols.txt. */
function checkSymbols() {
    const libraries = ORDER.map((f) => `build/native/src/${f}/libmix_${f}.a`).filter((file) => isThere(file, 'make build'));
    if (libraries.length === 0) return;
    const listed = new Set(read('tools/symbols.txt').split('\n').map((l) => l.replace(/#.*/, '').trim()).filter(Boolean));
    const third = ['openssl/lib/libcrypto.a', 'openssl/lib/libssl.a', 'blake3/lib/libblake3.a', 'fiat/lib/libfiat.a', 'yyjson/lib/libyyjson.a', 'curl/lib/libcurl.a',
        'c-ares/lib/libcares.a', 'nghttp2/lib/libnghttp2.a', 'zlib/lib/libz.a', 'brotli/lib/libbrotlidec.a', 'zstd/lib/libzstd.a']
        .map((f) => `build/third_party/native/${f}`).filter(existsSync);
    const defined = new Set();
    for (const line of nm(['--defined-only', '--extern-only', ...libraries, ...third])) {
        const name = line.trim().split(/\s+/)[2];
        if (name) defined.add(name);
    }
    for (const library of libraries) {
        for (const line of nm(['--undefined-only', '-A', library])) {
            const name = line.trim().split(/\s+/).at(-1);
            if (!name || defined.has(name)) continue;
            const object = line.split(':').at(-2) ?? line;
            check(listed.has(name), `${basename(library)} (${object.trim()}) leaves '${name}' undefined: not on tools/symbols.txt`);
        }
    }
}

/** The same for the libraries that would do I/O if they could: outside themselves and the seam, only tools/symbols-third.txt. */
function checkThirdSymbols() {
    const names = ['curl/lib/libcurl.a', 'c-ares/lib/libcares.a', 'nghttp2/lib/libnghttp2.a', 'zlib/lib/libz.a', 'brotli/lib/libbrotlidec.a',
        'zstd/lib/libzstd.a'];
    const folder = 'build/third_party/native';
    const libraries = names.map((n) => `${folder}/${n}`).filter((file) => isThere(file, 'make build'));
    const seam = 'build/native/src/sockets/libmix_sockets.a';
    if (libraries.length < names.length || !isThere(seam, 'make build')) return;
    const listed = new Set(read('tools/symbols-third.txt').split('\n').map((l) => l.replace(/#.*/, '').trim()).filter(Boolean));
    const openssl = ['libcrypto.a', 'libssl.a'].map((n) => `${folder}/openssl/lib/${n}`);
    const defined = new Set(nm(['--defined-only', '--extern-only', seam, ...libraries, ...openssl]).map((l) => l.trim().split(/\s+/)[2]));
    for (const library of libraries) {
        for (const name of new Set(nm(['--undefined-only', library]).map((l) => l.trim().split(/\s+/)).filter((p) => p.length === 2).map((p) => p[1])))
            check(defined.has(name) || listed.has(name), `${basename(library)} leaves '${name}' undefined: not on tools/symbols-third.txt`);
    }
}

/** The module imports exactly what hosts/wasm/imports.txt lists. */
function checkImports() {
    const file = 'build/wasm/lwmix.wasm';
    if (!isThere(file, 'make wasm')) return;
    const listed = new Set(read('hosts/wasm/imports.txt').split('\n').map((l) => l.replace(/#.*/, '').trim()).filter(Boolean));
    const imports = new Set(WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(file))).map((i) => `${i.module}.${i.name}`));
    for (const name of imports) check(listed.has(name), `${file} imports ${name}, which hosts/wasm/imports.txt does not list`);
    for (const name of listed) check(imports.has(name), `hosts/wasm/imports.txt lists ${name}, which ${file} does not import`);
}

/** What a page loads before the tunnel is there, in bytes: the module, and the JavaScript of mix-tunnel without it. */
const BUDGET = { module: 2_600_000, moduleGzip: 1_050_000, scriptsGzip: 40_000 };
function checkBudget() {
    const dist = 'packages/mix-tunnel/dist';
    if (!isThere(`${dist}/lwmix.wasm`, 'make packages')) return;
    const module = readFileSync(`${dist}/lwmix.wasm`);
    const scripts = ['index.js', 'all.js', 'worker.js'].map((file) => readFileSync(`${dist}/${file}`));
    const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
    const size = { module: module.length, moduleGzip: gzip(module), scriptsGzip: scripts.reduce((sum, file) => sum + gzip(file), 0) };
    for (const [name, most] of Object.entries(BUDGET)) {
        console.log(`check: size of ${name}: ${size[name]} of ${most}`);
        check(size[name] <= most, `${name} has ${size[name]} bytes, more than ${most}`);
    }
}

/** Exceptions: lines "FILE[:FUNCTION] reason" of tools/sizes.txt. */
function checkSizes() {
    const excused = new Map(read('tools/sizes.txt').split('\n').filter((l) => l && !l.startsWith('#'))
        .map((l) => [l.split(' ')[0], l.slice(l.indexOf(' ') + 1)]));
    for (const file of sources) {
        const lines = read(file).split('\n');
        check(lines.length - 1 <= LONGEST_FILE || excused.get(file), `${file} has ${lines.length - 1} lines, more than ${LONGEST_FILE}`);
        let name = null;
        let start = 0;
        lines.forEach((line, i) => {
            const opens = /^[A-Za-z_].*\b([A-Za-z_]\w*)\s*\([^;]*$/.exec(line);
            if (opens && name === null) [name, start] = [opens[1], i];
            else if (/^[;}]/.test(line) || /;\s*$/.test(line) && /^[A-Za-z_]/.test(line)) {
                if (line.startsWith('}') && name !== null) {
                    const length = i - start + 1;
                    check(length <= LONGEST_FUNCTION || excused.get(`${file}:${name}`), `${file}: ${name} has ${length} lines, more than ${LONGEST_FUNCTION}`);
                }
                name = null;
            }
        });
    }
}

function checkLicence() {
    for (const file of files) {
        if (!/\.(c|h|mjs|js|ts|sh|cmake)$|(^|\/)(CMakeLists\.txt|Makefile)$/.test(file) || file.startsWith('testdata/')) continue;
        check(read(file).slice(0, 200).includes('SPDX-License-Identifier: Apache-2.0'), `${file} has no SPDX-License-Identifier line`);
    }
}

/** As clang-format writes them; `make format` does it for all of our C. */
function checkFormat() {
    const ours = sources.filter((file) => FORMATTED.test(file));
    const { status, error, stderr } = spawnSync('clang-format-19', ['--dry-run', '-Werror', ...ours], { encoding: 'utf8' });
    const wrong = [...new Set([...(stderr ?? '').matchAll(/^(\S+?):\d+:\d+: error: /gm)].map((match) => match[1]))];
    check(ours.length > 0 && status === 0, `not as clang-format has it (make format): ${wrong.join(', ') || error || stderr}`);
}

checkIncludes();
checkSymbols();
checkThirdSymbols();
checkImports();
checkBudget();
checkSizes();
checkLicence();
checkFormat();
check(disagreements().length === 0, disagreements().join('; '));
console.log(`check: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
