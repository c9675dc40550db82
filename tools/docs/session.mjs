// SPDX-License-Identifier: Apache-2.0
// A shell in which the examples of one document run, one after the other, in a folder of their own. `lwmix` there is the command built here,
// which uses the tests' mixnet where the example names none; `make` only says what it would do. What goes on running (a mixnet, a proxy) is
// waited for until it is ready, and ended at the end.
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const LIMIT_MS = 45_000;

/** Lines that belong together: those that end with a backslash, and all of a here-document. */
function commandsOf(text) {
    const out = [];
    let open = '';
    for (const line of text.split('\n')) {
        open += open ? `\n${line}` : line;
        if (open.endsWith('\\')) continue;
        if (open.trim() && !open.trim().startsWith('#')) out.push(open);
        open = '';
    }
    return out;
}

const quiet = (command) => command.replace(/\s+#\s.*$/, '').trim();
const staysUp = (command) => /^(build\/)?lwmix (mixnet(?! ctl)|proxy|playground)\b/.test(command) && !/--help/.test(command);

export function openSession({ folder, root, lwmix, mixnet, ca, prefix, ports }) {
    const bin = join(folder, 'bin');
    const home = join(folder, 'home');
    const net = join(folder, 'net');
    for (const path of [bin, join(home, 'build'), join(home, 'folder')]) mkdirSync(path, { recursive: true });
    const script = (name, text) => {
        writeFileSync(join(bin, name), `#!/bin/bash\n${text}`);
        chmodSync(join(bin, name), 0o755);
    };
    script('lwmix', `case $1 in
fetch | dns | ws | ping | proxy)
    more=()
    [[ " $* " = *" --network "* || " $* " = *" --help "* ]] || more+=(--network '${mixnet}')
    [[ " $* " = *" --cacert "* ]] || more+=(--cacert '${ca}')
    [[ $1 != proxy || " $* " = *" --listen "* ]] || more+=(--listen 127.0.0.1:0)
    exec '${lwmix}' "$1" "\${more[@]}" "\${@:2}" ;;
*) exec '${lwmix}' "$@" ;;
esac
`);
    script('make', `exec /usr/bin/env -u MAKEFLAGS PATH=/usr/bin:/bin make -n -C '${root}' "$@" > /dev/null\n`);
    cpSync(join(bin, 'lwmix'), join(home, 'build/lwmix'));
    for (const file of ['fetch.c', 'host.c', 'host.h']) cpSync(join(root, 'examples/c', file), join(home, file));
    writeFileSync(join(home, 'folder/file'), 'something\n');
    writeFileSync(join(home, 'program.c'), '#include <mix/tunnel.h>\nint main(void) { mix_tunnel_free(0); return 0; }\n');
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: home, LANG: 'C.UTF-8', CURL_CA_BUNDLE: ca, PKG_CONFIG_PATH: join(prefix, 'lib/pkgconfig') };
    const running = [];
    let proxy = '127.0.0.1:0'; // until it has said which
    /** What an example says, with the places of this run. */
    const here = (text) => text.replaceAll('/tmp/net', net).replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.http}`)
        .replaceAll('127.0.0.1:8443', `127.0.0.1:${ports.https}`).replaceAll('127.0.0.1:1080', proxy);

    function start(command) {
        const child = spawn('bash', ['-c', `exec ${here(quiet(command).replace(/&$/, ''))}`], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
        let err = '';
        child.stderr.on('data', (part) => { err += part; });
        const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
        running.push({ child, ended, command });
        const ready = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
        return Promise.race([ready, ended.then((code) => { throw new Error(`${command}: ended with ${code}: ${err.slice(-1000)}`); })]).then((line) => {
            proxy = JSON.parse(line).proxy ?? proxy;
            return `${line}\n`;
        });
    }

    /** What it prints. `loose`: also when it fails, with what it says about that. */
    function run(command, loose = false) {
        return new Promise((resolve, reject) => {
            const child = spawn('bash', ['-euo', 'pipefail', '-c', here(command)], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
            let out = '';
            let err = '';
            child.stdout.on('data', (part) => { out += part; });
            child.stderr.on('data', (part) => { err += part; });
            child.on('close', (code, signal) => {
                if (code === 0 || loose) resolve(loose ? out + err : out);
                else reject(new Error(`${command}: ended with ${code ?? signal}: ${(out + err).slice(-1500)}`));
            });
        });
    }

    const act = (command, loose) => (staysUp(quiet(command)) ? start(command) : run(command, loose));
    return {
        net, here,
        /** Runs each command; rejects with the first that fails. */
        async shell(text) {
            for (const command of commandsOf(text)) await act(command);
        },
        /** Lines "$ COMMAND" and what they print; "…" in it stands for anything. */
        async console(text) {
            for (const part of text.split(/^\$ /m).slice(1)) {
                const [command, ...wanted] = part.trimEnd().split('\n');
                const got = (await act(command, true)).trimEnd();
                const pattern = wanted.join('\n').replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^]*?');
                if (!new RegExp(`^${pattern}$`).test(got)) throw new Error(`${command} printed\n${got}\nin place of\n${wanted.join('\n')}`);
            }
        },
        async close() {
            for (const { child } of running) child.kill('SIGTERM');
            for (const { ended, command } of running) {
                const code = await ended;
                if (code !== 0) throw new Error(`${command}: ended with ${code}`);
            }
        },
    };
}
