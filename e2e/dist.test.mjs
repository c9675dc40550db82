// SPDX-License-Identifier: Apache-2.0
// The release files of build/dist as their users take them: sums, source, the static command alone in a folder, the Debian packages
// through apt, the bill of materials. Closes with "dist: N passed, M failed, K skipped".
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BUILD } from './mixnet.mjs';
import { PACKAGES } from './packing.mjs';
import { suite } from './runner.mjs';
import { pattern, sha256, startSite } from './servers.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(BUILD, 'dist');
const VERSION = readFileSync(join(ROOT, 'VERSION'), 'utf8').trim();
const scratch = mkdtempSync(join(tmpdir(), 'lwmix-dist-test-'));
const out = (tool, args, options) => execFileSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], ...options });
const isRoot = process.getuid() === 0;
const architecture = out('dpkg', ['--print-architecture']).trim();
const deb = (name) => join(DIST, `${name}_${VERSION}_${architecture}.deb`);
const machine = out('uname', ['-m']).trim();
const { test, skip, run } = suite('dist');

test('the files, and their sums', async () => {
    const wanted = [`liblwmix-dev_${VERSION}_${architecture}.deb`, `lwmix-${VERSION}-linux-${machine}.tar.gz`, `lwmix-${VERSION}.cdx.json`,
        ...PACKAGES.map((name) => `lwmix-${name}-${VERSION}.tgz`), `lwmix_${VERSION}_${architecture}.deb`];
    if (existsSync(join(ROOT, '.git'))) wanted.push(`lwmix-${VERSION}.tar.gz`);
    assert.deepEqual(readdirSync(DIST).sort(), [...wanted, 'SHA256SUMS'].sort());
    const sums = readFileSync(join(DIST, 'SHA256SUMS'), 'utf8').trim().split('\n').map((line) => line.split('  '));
    assert.deepEqual(sums.map(([, name]) => name).sort(), wanted.sort());
    for (const [sum, name] of sums) assert.equal(createHash('sha256').update(readFileSync(join(DIST, name))).digest('hex'), sum, name);
});

test('the source archive has what is committed', async () => {
    const archive = join(DIST, `lwmix-${VERSION}.tar.gz`);
    if (!existsSync(archive)) return;
    const names = out('tar', ['-tzf', archive]).trim().split('\n').filter((name) => !name.endsWith('/'));
    const committed = out('git', ['ls-tree', '-r', '--name-only', 'HEAD'], { cwd: ROOT }).trim().split('\n');
    assert.deepEqual(names.map((name) => name.replace(`lwmix-${VERSION}/`, '')).sort(), committed.sort());
});

test('version: one, everywhere', async () => {
    const { status, stdout } = spawnSync('node', ['tools/version.mjs'], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    for (const name of PACKAGES) {
        const its = JSON.parse(out('tar', ['-xzOf', join(DIST, `lwmix-${name}-${VERSION}.tgz`), 'package/package.json']));
        assert.equal(its.version, VERSION, name);
    }
    for (const name of ['lwmix', 'liblwmix-dev']) assert.equal(out('dpkg-deb', ['-f', deb(name), 'Version']).trim(), VERSION, name);
});

/** The static command in a folder in which nothing else is: as root that folder is all that it sees. */
function alone() {
    const folder = join(scratch, 'alone');
    for (const path of ['dev', 'tmp']) mkdirSync(join(folder, path), { recursive: true });
    out('tar', ['-xzf', join(DIST, `lwmix-${VERSION}-linux-${machine}.tar.gz`), '-C', folder, '--strip-components=1']);
    const command = (args) => (isRoot ? ['chroot', [folder, '/lwmix', ...args]] : [join(folder, 'lwmix'), args]);
    if (isRoot) out('mknod', ['-m', '444', join(folder, 'dev/urandom'), 'c', '1', '9']);
    return { folder, root: isRoot ? '' : folder, spawn: (args) => spawn(...command(args), { stdio: ['ignore', 'pipe', 'pipe'] }) };
}

/** What a program printed, its error output and its status. */
async function ended(child) {
    const parts = [];
    let err = '';
    child.stdout.on('data', (part) => parts.push(part));
    child.stderr.on('data', (part) => { err += part; });
    const code = await new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal)));
    return { code, out: Buffer.concat(parts), err };
}

/** `lwmix playground` finds its page beside itself. */
async function playground(start) {
    const child = start(['playground', '--listen', '127.0.0.1:0']);
    const end = ended(child);
    const line = await Promise.race([new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)), end]);
    assert.equal(typeof line, 'string', line.err);
    const page = await fetch(JSON.parse(line).page);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /playground/);
    child.kill('SIGTERM');
    assert.equal((await end).code, 0);
}

test('the static command needs nothing beside it', async () => {
    const place = alone();
    const headers = out('readelf', ['-ldW', join(place.folder, 'lwmix')]);
    assert.doesNotMatch(headers, /INTERP|NEEDED/);
    const told = await ended(place.spawn(['--version']));
    assert.equal(told.out.toString(), `lwmix ${VERSION}\n`, told.err);
    const site = await startSite();
    const state = `${place.root}/state`;
    const mixnet = place.spawn(['mixnet', '--state', state, '--resolve', 'site.example=93.184.216.34', '--forward', `93.184.216.34:80=127.0.0.1:${site.port}`]);
    const end = new Promise((resolve) => mixnet.on('exit', (code) => resolve(code)));
    try {
        await Promise.race([new Promise((resolve) => createInterface({ input: mixnet.stdout }).once('line', resolve)), end]);
        const page = await ended(place.spawn(['fetch', '--network', state, 'http://site.example/bytes?n=50000']));
        assert.equal(page.code, 0, page.err);
        assert.equal(sha256(page.out), sha256(pattern(50000)));
        const direct = await ended(place.spawn(['fetch', '--directory', 'https://localhost:1/api/', 'http://site.example/']));
        assert.match(direct.err, /the directory could not be reached/); // names without a shared library: no crash
    } finally {
        mixnet.kill('SIGTERM');
        site.close();
    }
    assert.equal(await end, 0);
    // Where it lies a program learns from /proc, which that folder has not.
    await playground((args) => spawn(join(place.folder, 'lwmix'), args, { stdio: ['ignore', 'pipe', 'pipe'] }));
});

test('no release file tells where it was built', async () => {
    const folder = join(scratch, 'told');
    for (const name of ['lwmix', 'liblwmix-dev']) out('dpkg-deb', ['-x', deb(name), folder]);
    for (const name of readdirSync(DIST).filter((file) => /gz$/.test(file) && file !== `lwmix-${VERSION}.tar.gz`)) out('tar', ['-xzf', join(DIST, name), '-C', folder]);
    const telling = spawnSync('grep', ['-rlaF', ROOT, folder], { encoding: 'utf8' });
    assert.equal(telling.status, 1, telling.stdout);
});

test('Debian packages: what they say and hold', async () => {
    const fields = out('dpkg-deb', ['-f', deb('lwmix')]);
    assert.match(fields, /^Depends: .*libc6 \(>= [\d.]+\).*libuv1/m);
    for (const name of ['lwmix', 'liblwmix-dev']) {
        const folder = join(scratch, name);
        out('dpkg-deb', ['-R', deb(name), folder]);
        out('md5sum', ['--quiet', '--strict', '-c', 'DEBIAN/md5sums'], { cwd: folder });
        for (const file of ['copyright', 'changelog.gz', 'licences/openssl/LICENSE.txt']) assert.ok(existsSync(join(folder, 'usr/share/doc', name, file)), `${name}: ${file}`);
        for (const line of out('dpkg-deb', ['-c', deb(name)]).trim().split('\n')) assert.match(line, /^[-d]rw.r-.r-. root\/root /, line);
    }
    assert.ok(statSync(join(scratch, 'lwmix/usr/bin/lwmix')).mode & 0o111);
});

const taken = ['lwmix', 'liblwmix-dev'].filter((name) => spawnSync('dpkg-query', ['-W', name]).status === 0);
if (!isRoot) skip('Debian packages through apt', 'not root');
else if (taken.length > 0) skip('Debian packages through apt', `${taken.join(' and ')} is installed here already`);
else test('Debian packages: apt takes them, they work, apt removes them', async () => {
    const apt = (...args) => out('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    const folder = join(scratch, 'debs');
    mkdirSync(folder);
    for (const name of ['lwmix', 'liblwmix-dev']) cpSync(deb(name), join(folder, `${name}.deb`));
    try {
        apt('install', '--no-install-recommends', join(folder, 'lwmix.deb'), join(folder, 'liblwmix-dev.deb'));
        assert.equal(out('/usr/bin/lwmix', ['--version']), `lwmix ${VERSION}\n`);
        assert.equal(out('dpkg', ['--verify', 'lwmix', 'liblwmix-dev']).split('\n').filter((line) => line && !line.includes('/usr/share/')).join(), ''); // a slim machine leaves manuals out
        await playground((args) => spawn('/usr/bin/lwmix', args, { stdio: ['ignore', 'pipe', 'pipe'] }));
        const program = join(scratch, 'version.c');
        writeFileSync(program, '#include <mix/errors.h>\n#include <stdio.h>\nint main(void) { puts(mix_error_name(MIX_OK)); return 0; }\n');
        out('cc', [program, ...out('pkg-config', ['--cflags', '--libs', 'lwmix']).trim().split(/\s+/), '-o', join(scratch, 'version')]);
        assert.equal(out('pkg-config', ['--modversion', 'lwmix']).trim(), VERSION);
        assert.match(out(join(scratch, 'version'), []), /OK/);
    } finally {
        apt('purge', 'lwmix', 'liblwmix-dev');
    }
    assert.ok(!existsSync('/usr/bin/lwmix') && !existsSync('/usr/share/lwmix') && !existsSync('/usr/lib/liblwmix.a'));
}, { ms: 300_000 });

test('the bill of materials names every part, its version and its terms', async () => {
    const bill = JSON.parse(readFileSync(join(DIST, `lwmix-${VERSION}.cdx.json`), 'utf8'));
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.equal(bill.metadata.component.version, VERSION);
    const parts = readFileSync(join(ROOT, 'third_party/parts.list'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(/\s+/));
    for (const [name, version, , sum] of parts.filter(([name], i) => parts.findIndex(([other]) => other === name) === i)) {
        const its = bill.components.find((component) => component['bom-ref'] === `part:${name}`);
        assert.deepEqual([its?.version, its?.hashes[0].content], [version, sum], name);
    }
    for (const name of ['comlink', 'wasi-libc', 'libc6-dev', 'libglib2.0-dev']) assert.ok(bill.components.some((component) => component.name === name), name);
    for (const component of bill.components) {
        const [terms] = component.licenses;
        assert.match(terms.license?.id ?? terms.expression, /^[\w. ()-]+$/, component.name);
    }
    assert.equal(new Set(bill.components.map((component) => component['bom-ref'])).size, bill.components.length);
    const notices = out('tar', ['-xzOf', join(DIST, `lwmix-mix-tunnel-${VERSION}.tgz`), 'package/dist/THIRD-PARTY.txt']);
    for (const name of bill.components.filter((component) => component.properties[0].value.includes('lwmix.wasm')).map((component) => component['bom-ref'].replace(/^\w+:/, '')))
        assert.ok(notices.includes(`\n${name}: `), `${name} in THIRD-PARTY.txt`);
});

await run();
rmSync(scratch, { recursive: true, force: true });
