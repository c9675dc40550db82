// SPDX-License-Identifier: Apache-2.0
// The limits that take minutes, for make soak: a server that never answers, one that stops in the middle, a connection kept for an idle
// while. Closes with "patience: N passed, M failed".
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeReport, within } from './report.mjs';
import { pattern, sha256 } from './servers.mjs';
import { makeChains } from './sites/certificates.mjs';
import { SITE, openPlace } from './sites/place.mjs';
import { startWeb } from './sites/web.mjs';

const report = makeReport('patience');
const { check, same } = report;
const folder = mkdtempSync(join(tmpdir(), 'lwmix-patience-'));
const chains = makeChains(folder);
const web = await startWeb(chains.good);
const place = await openPlace({
    names: { 'site.example': SITE },
    ports: { [`${SITE}:80`]: `127.0.0.1:${web.ports.http}`, [`${SITE}:443`]: `127.0.0.1:${web.ports.https}` },
    root: chains.root,
});
const t = await place.driver([]); // at default pacing

/** What becomes of a page that is answered like this, and after how many seconds. */
async function wait(base, begin) {
    const door = web.door();
    const since = performance.now();
    const done = t.fetch(base + door.path);
    begin((await door.asked).response);
    const result = await within(done, `the end of ${door.path}`, 200_000);
    return { ...result, seconds: (performance.now() - since) / 1000 };
}

async function limits() {
    await Promise.all(['http://site.example', 'https://site.example'].flatMap((base) => [
        wait(base, () => {}).then((got) => {
            same(got.error?.code, 'MIX_ERR_HTTP_RESPONSE_TIMEOUT', 'no answer');
            check(got.seconds >= 120 && got.seconds < 130, 'after two minutes', got.seconds);
        }),
        wait(base, (response) => { response.writeHead(200, { 'content-length': 100 }); response.write('half'); }).then((got) => {
            same([got.error?.code, got.bytes], ['MIX_ERR_HTTP_IDLE', 4], 'half an answer');
            check(got.seconds >= 60 && got.seconds < 70, 'after a minute', got.seconds);
        }),
        wait(base, (response) => { response.writeHead(200); let n = 0; const timer = setInterval(() => (++n < 10 ? response.write('more') : (clearInterval(timer), response.end())), 10_000); }).then((got) => {
            same([got.error, got.bytes], [null, 36], 'an answer that comes slowly, but comes'); // over a minute and a half
        }),
    ]));
    same((await t.fetch('http://site.example/bytes?n=1000')).sha256, sha256(pattern(1000)), 'the tunnel goes on');
}

await report.run({ limits });
await place.close(report);
web.close();
rmSync(folder, { recursive: true, force: true });
report.close();
