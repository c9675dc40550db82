// SPDX-License-Identifier: Apache-2.0
// Release files from what is built, into build/dist: npm tarballs, source, the static command, Debian packages, the bill of materials, sums.
//   dist.mjs [OUT]      `make dist` builds first. The same source gives the same bytes, wherever and whenever it is built (make dist-check):
// the only time in the files is SOURCE_DATE_EPOCH, by default the commit's, in an unpacked source archive that of the file VERSION.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { PACKAGES, pack } from '../e2e/packing.mjs';
import { debianOf, partsOf, TERMS } from './licences.mjs';
import { disagreements, version } from './version.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = process.argv[2] ?? join(ROOT, 'build/dist');
const NATIVE = join(ROOT, 'build/native');
const VERSION = version();
const run = (tool, args, options) => execFileSync(tool, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], ...options });
const PAGE = join(ROOT, 'build/playground');
/** What is in the playground's page besides the parts: a plot library, and what the module has of Debian's. */
const PAGE_PARTS = [...debianOf('wasm'), ['uplot', 'MIT', [join(ROOT, 'playground/node_modules/uplot/LICENSE')]]];
const inGit = existsSync(join(ROOT, '.git'));
process.env.SOURCE_DATE_EPOCH ??= inGit ? run('git', ['log', '-1', '--format=%ct']).trim() : String(Math.floor(statSync(join(ROOT, 'VERSION')).mtimeMs / 1000));
const EPOCH = process.env.SOURCE_DATE_EPOCH;
process.umask(0o022);

const stage = mkdtempSync(join(tmpdir(), 'lwmix-dist-'));
const put = (file, content) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
};
const gzip = (content) => gzipSync(content, { level: 9 }); // Node writes no time and no name into it
const write = (name, content) => writeFileSync(join(OUT, name), content);
/** A folder as .tar.gz, with nothing of this machine in it. */
const tarball = (folder) => gzip(run('tar', ['--sort=name', '--format=ustar', `--mtime=@${EPOCH}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go+r,go-w',
    '-cf', '-', '-C', dirname(folder), basename(folder)], { encoding: 'buffer' }));

/** The parts' licences below FOLDER/licences, as `make install` puts them, and Debian's for what is linked in from there. */
function putLicences(folder, entries) {
    for (const [name, , files] of entries)
        for (const file of files) put(join(folder, 'licences', name, basename(file)), readFileSync(file));
}

/** What `make install` gives, below FOLDER/usr. */
function install(folder) {
    run('cmake', ['--install', NATIVE, '--strip', '--prefix', '/usr'], { env: { ...process.env, DESTDIR: folder } });
    for (const page of ['man1/lwmix.1', 'man3/lwmix.3']) {
        const file = join(folder, 'usr/share/man', page);
        put(`${file}.gz`, gzip(readFileSync(file)));
        rmSync(file);
    }
}

function source() {
    if (!inGit) return console.log('dist: no source archive: this is one, unpacked');
    if (run('git', ['status', '--porcelain']).trim() !== '') console.log('dist: what is not committed is not in the source archive');
    const name = `lwmix-${VERSION}`;
    write(`${name}.tar.gz`, gzip(run('git', ['archive', '--format=tar', `--prefix=${name}/`, 'HEAD'], { encoding: 'buffer' })));
}

/** One file that runs on any Linux of this kind of processor, with its manual and licences. */
function command() {
    const machine = run('uname', ['-m']).trim();
    const folder = join(stage, `lwmix-${VERSION}-linux-${machine}`);
    mkdirSync(folder);
    run('strip', ['-o', join(folder, 'lwmix'), join(NATIVE, 'lwmix-static')]);
    chmodSync(join(folder, 'lwmix'), 0o755);
    for (const file of ['LICENSE', 'CHANGELOG.md', 'docs/man/lwmix.1']) cpSync(join(ROOT, file), join(folder, basename(file)));
    cpSync(PAGE, join(folder, 'playground'), { recursive: true });
    putLicences(folder, [...partsOf('native'), ...debianOf('native'), ...PAGE_PARTS]);
    put(join(folder, 'licences/README'), 'The licences of what is linked into lwmix. glibc and glib are under the LGPL: to relink lwmix with another version of them,\n' +
        `build it from its source, lwmix-${VERSION}.tar.gz, with \`make dist\`.\n`);
    write(`${basename(folder)}.tar.gz`, tarball(folder));
}

const COPYRIGHT = () => `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: lwmix
Comment: The texts of all licences are in /usr/share/doc/lwmix/licences.

Files: *
Copyright: the authors of lwmix
License: Apache-2.0
 On Debian systems, the text of the licence is in /usr/share/common-licenses/Apache-2.0.

${[...partsOf('native'), ...PAGE_PARTS].map(([name, terms]) => `Files: linked-in/${name}/*
Copyright: see /usr/share/doc/lwmix/licences/${name}
License: ${terms.replaceAll(/[()]/g, '')}
 The text is in /usr/share/doc/lwmix/licences/${name}.
`).join('\n')}`;

/** Everything below a folder, in order. */
const filesOf = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1)).sort();

function deb(name, folder, fields, description) {
    const files = filesOf(folder);
    const size = files.reduce((sum, file) => sum + Math.ceil(statSync(join(folder, file)).size / 1024), 0);
    const architecture = run('dpkg', ['--print-architecture']).trim();
    const control = { Package: name, Version: VERSION, Section: 'net', Priority: 'optional', Architecture: architecture, 'Installed-Size': size,
        Maintainer: 'The lwmix authors <authors@lwmix.invalid>', ...fields, Description: description };
    put(join(folder, 'DEBIAN/control'), `${Object.entries(control).map(([field, value]) => `${field}: ${value}`).join('\n')}\n`);
    put(join(folder, 'DEBIAN/md5sums'), files.map((file) => `${createHash('md5').update(readFileSync(join(folder, file))).digest('hex')}  ${file}\n`).join(''));
    run('chmod', ['-R', 'u+rwX,go+rX,go-w', folder]);
    run('find', [folder, '-exec', 'touch', '-h', '-d', `@${EPOCH}`, '{}', '+']);
    run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', folder, join(OUT, `${name}_${VERSION}_${architecture}.deb`)]);
}

/** The shared libraries' packages that a program needs, as Debian writes them. */
function dependencies(program) {
    const folder = join(stage, 'shlibdeps');
    put(join(folder, 'debian/control'), 'Source: lwmix\n\nPackage: lwmix\nArchitecture: any\n');
    return run('dpkg-shlibdeps', ['-O', program], { cwd: folder }).trim().replace('shlibs:Depends=', '');
}

function debs() {
    const [all, dev] = [join(stage, 'lwmix'), join(stage, 'liblwmix-dev')];
    install(all);
    const move = (path) => {
        mkdirSync(dirname(join(dev, path)), { recursive: true });
        renameSync(join(all, path), join(dev, path));
    };
    for (const path of ['usr/lib', 'usr/include', 'usr/share/man/man3']) move(path);
    mkdirSync(join(dev, 'usr/share/doc/liblwmix-dev'), { recursive: true });
    renameSync(join(all, 'usr/share/doc/lwmix/examples'), join(dev, 'usr/share/doc/liblwmix-dev/examples'));
    rmSync(join(all, 'usr/share/doc/lwmix/LICENSE'));
    putLicences(join(all, 'usr/share/doc/lwmix'), PAGE_PARTS);
    for (const [folder, name] of [[all, 'lwmix'], [dev, 'liblwmix-dev']]) {
        put(join(folder, 'usr/share/doc', name, 'copyright'), COPYRIGHT());
        put(join(folder, 'usr/share/doc', name, 'changelog.gz'), gzip(readFileSync(join(ROOT, 'CHANGELOG.md'))));
    }
    cpSync(join(all, 'usr/share/doc/lwmix/licences'), join(dev, 'usr/share/doc/liblwmix-dev/licences'), { recursive: true });
    deb('lwmix', all, { Depends: dependencies(join(all, 'usr/bin/lwmix')) }, `mixnet tunnel for the command line
 Fetches URLs, looks names up, opens WebSockets and serves SOCKS5 and HTTP through a
 mixnet: an entry gateway, three mixes and an exit, with cover traffic, so that nobody on
 the way learns who talks to whom. Contains a whole mixnet for one machine.`);
    deb('liblwmix-dev', dev, { Section: 'libdevel', Depends: 'libc6-dev | libc-dev', Suggests: `lwmix (= ${VERSION}), pkg-config` }, `mixnet tunnel as a C library
 A static library that does no I/O of its own: bytes and the time go in, bytes, events and
 a deadline come out. With headers, manual and an example.`);
}

const wrong = disagreements();
if (wrong.length > 0) throw new Error(wrong.join('\n'));
for (const file of [join(PAGE, 'index.html'), join(NATIVE, 'lwmix-static'), join(NATIVE, 'liblwmix.a'), ...PACKAGES.map((name) => join(ROOT, 'packages', name, 'dist/LICENSE'))])
    if (!existsSync(file)) throw new Error(`dist: ${file} is missing: run make dist`);
if ([...partsOf('native'), ...partsOf('wasm')].some(([name]) => !TERMS.has(name))) throw new Error('dist: third_party/licences.list lacks a part');
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
try {
    for (const name of PACKAGES) run('chmod', ['-R', 'u+rwX,go+rX,go-w', ...['dist', 'README.md', 'package.json'].map((file) => join(ROOT, 'packages', name, file))]);
    pack(OUT);
    source();
    command();
    debs();
    write(`lwmix-${VERSION}.cdx.json`, run('node', ['tools/sbom.mjs']));
    const names = readdirSync(OUT).sort();
    write('SHA256SUMS', names.map((name) => `${createHash('sha256').update(readFileSync(join(OUT, name))).digest('hex')}  ${name}\n`).join(''));
    for (const name of names) console.log(`dist: ${String(statSync(join(OUT, name)).size).padStart(9)} ${name}`);
    console.log(`dist: in ${OUT}, with SHA256SUMS`);
} finally {
    rmSync(stage, { recursive: true, force: true });
}
