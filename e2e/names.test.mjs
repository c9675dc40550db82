// SPDX-License-Identifier: Apache-2.0
// Names by DNS over HTTPS: `lwmix dns` and `lwmix fetch` with --doh through a local mixnet, whose own DNS knows nothing but where the
// resolver is; and name servers of which one is silent. Closes with "names: N passed, M failed".
import dgram from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issue, startResolver } from './doh.mjs';
import { control, lwmix, startMixnet } from './mixnet.mjs';
import { makeReport } from './report.mjs';
import { pattern, sha256, startSite } from './servers.mjs';

const SITE = '93.184.216.34';
const RESOLVER = '93.184.216.35';
const SILENT = '93.184.216.40'; // a name server that only listens
const CLOSED = '93.184.216.41'; // none at all
const DOH = 'https://doh.example/dns-query';

const report = makeReport('names');
const check = (what, holds, detail) => report.check(holds, what, detail);

const folder = mkdtempSync(join(tmpdir(), 'lwmix-mixnet-')); // its authority must be there before the forwards' ports are known
await (await startMixnet([], { state: folder })).stop();
const site = await startSite();
const silent = dgram.createSocket('udp4');
let unanswered = 0;
silent.on('message', () => { unanswered++; });
await new Promise((resolve) => silent.bind(0, '127.0.0.1', resolve));
const resolver = await startResolver(issue(folder, ['doh.example']), { 'site.example': [SITE], 'two.example': [SITE, RESOLVER] });
const mixnet = await startMixnet(['--resolve', `doh.example=${RESOLVER}`, '--forward', `${RESOLVER}:443=127.0.0.1:${resolver.port}`,
    '--forward', `${SITE}:80=127.0.0.1:${site.port}`, '--forward', `${SILENT}:53=127.0.0.1:${silent.address().port}`,
    '--forward', `${CLOSED}:53=127.0.0.1:${site.port}`], { state: folder });
const options = ['--network', folder, '--no-pacing', '--no-cover', '--doh', DOH];

/** How many questions the exit's own DNS had so far. */
const askedByUdp = async () => {
    const { internet_dns_answers: answers, internet_dropped: dropped } = (await control(folder, { do: 'stats' })).exit1.exit;
    return answers + dropped.dns_bad;
};

/** What a command asked of the resolver, and of the exit's DNS. */
async function watched(run) {
    const before = await askedByUdp();
    resolver.log.length = resolver.sessions = 0;
    const result = await run();
    return { result, udp: (await askedByUdp()) - before, asked: resolver.log.map((l) => `${l.name}/${l.type}`).sort() };
}

/** A and AAAA of doh.example, of two name servers at most: nothing else may go by UDP. */
const onlyBootstrap = (udp) => udp >= 2 && udp <= 4;

/** A page by a name that the exit's DNS does not know. */
async function fetches() {
    const { result, udp, asked } = await watched(() => lwmix(['fetch', 'http://site.example/bytes?n=20000', ...options]));
    check('fetch by a name of the resolver', result.code === 0 && sha256(result.out) === sha256(pattern(20000)), { code: result.code, err: result.err });
    check('both families were asked there', String(asked) === 'site.example/1,site.example/28', asked);
    check('and nowhere else', onlyBootstrap(udp), udp);
    check('on one connection', resolver.sessions === 1, resolver.sessions);
    for (const l of resolver.log) {
        check('as RFC 8484 has it', l.method === 'POST' && l.path === '/dns-query' && l.media === 'application/dns-message' && l.id === 0, l);
        check('padded, and nobody\'s', l.length === 128 && l.agent === undefined, l);
    }
}

async function refuses(what, status, words, url = 'http://site.example/') {
    const { result, udp } = await watched(() => lwmix(['fetch', url, ...options]));
    check(what, result.code === status && result.out.length === 0 && words.test(result.err) && onlyBootstrap(udp), { ...result, udp });
}

async function failures() {
    await refuses('no such name', 8, /there is no such host name: nobody\.example/, 'http://nobody.example/');
    await refuses('a name of the exit\'s DNS', 8, /no such host name/, 'http://example.com/');
    resolver.answer = (stream) => { stream.respond({ ':status': 503 }); stream.end(); };
    await refuses('the resolver is busy', 8, /site\.example: doh\.example answered 503/);
    resolver.answer = (stream) => { stream.respond({ ':status': 200, 'content-type': 'text/html' }); stream.end('<p>Hello'); };
    await refuses('not a resolver', 8, /answered with text\/html/);
    resolver.answer = (stream) => stream.session.destroy();
    await refuses('it hangs up', 8, /doh\.example/);
    resolver.answer = null;
}

async function lookups() {
    const { result, udp, asked } = await watched(() => lwmix(['dns', 'two.example', 'A', ...options]));
    check('dns: exit status', result.code === 0, { code: result.code, err: result.err });
    check('dns: both addresses', [SITE, RESOLVER].every((ip) => String(result.out).includes(ip)), String(result.out));
    check('dns: asked there alone', String(asked) === 'two.example/1' && onlyBootstrap(udp), { asked, udp });
    const none = await lwmix(['dns', 'nobody.example', 'A', ...options]);
    check('dns: no such name', none.code === 8 && /nobody\.example/.test(none.err), { ...none, out: String(none.out) });
    const bad = await lwmix(['dns', 'two.example', '--network', folder, '--doh', 'http://doh.example/']);
    check('dns: not https', bad.code === 2 && /doh_url 'http:\/\/doh\.example\/' is not an https URL/.test(bad.err), bad.err);
}

async function silence() {
    const ask = ['dns', 'doh.example', 'A', '--network', folder, '--no-pacing', '--no-cover', '--dns'];
    const begun = Date.now();
    const alone = await lwmix([...ask, SILENT, '--dns-timeout', '2']);
    check('a silent name server alone', alone.code === 12 && /did not answer in time: doh\.example/.test(alone.err), { ...alone, out: String(alone.out) });
    check('within its time limit', Date.now() - begun < 10_000, Date.now() - begun); // 10 s is the limit of those who set none
    check('asked and asked again', unanswered >= 2, unanswered);
    const closed = await lwmix([...ask, CLOSED]);
    check('a machine without a name server', closed.code === 8 && /the name servers failed: doh\.example/.test(closed.err), { ...closed, out: String(closed.out) });
    let answer;
    for (let i = 0; i < 3 && !(answer?.ms < 1000 && unanswered === 1); i++) { // the first resend comes after 1 s; on a busy machine the answer may too
        unanswered = 0;
        const both = await lwmix([...ask, SILENT, '--dns', '9.9.9.9', '--json']);
        answer = both.code === 0 ? JSON.parse(both.out) : both;
    }
    check('beside another one costs nothing', answer.ms < 1000 && answer.records?.[0]?.text === RESOLVER && unanswered === 1, { answer, unanswered });
}

try {
    await fetches();
    await failures();
    await lookups();
    await silence();
} finally {
    const end = await mixnet.stop();
    check('the mixnet ends well', end.code === 0, end);
    resolver.close();
    silent.close();
    site.close();
    rmSync(folder, { recursive: true, force: true });
}
report.close();
