// SPDX-License-Identifier: Apache-2.0
// Certificates for test servers, good and bad, made by the openssl command in a folder of their own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAY = 86_400_000;
const stamp = (ms) => new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14) + 'Z';

/** An authority's folder: issue() gives {key, cert} as PEM texts. What is there as NAME.pem and NAME.key can issue too. */
export function authority(folder) {
    mkdirSync(folder, { recursive: true });
    const path = (name) => join(folder, name);
    const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    writeFileSync(path('index.txt'), '');
    writeFileSync(path('index.txt.attr'), 'unique_subject = no\n');
    writeFileSync(path('ca.cnf'), ['[ca]', 'default_ca = here', '[here]', `database = ${path('index.txt')}`, `new_certs_dir = ${folder}`, 'rand_serial = yes',
        'policy = any', '[any]', 'commonName = supplied', ''].join('\n'));
    const now = Date.now();
    /** by: the issuer's name, or none for a self-signed one; from and until in days from now; key: its kind, and what is to be said of it. */
    return function issue(name, { by, subject = name, from = -1, until = 30, extensions = [], key = ['ec', 'ec_paramgen_curve:P-256'], digest = 'sha256' } = {}) {
        openssl('req', '-new', '-newkey', key[0], ...key.slice(1).flatMap((option) => ['-pkeyopt', option]), '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
        writeFileSync(path(`${name}.ext`), `${extensions.join('\n')}\n`);
        const signer = by ? ['-keyfile', `${by}.key`, '-cert', `${by}.pem`] : ['-selfsign', '-keyfile', `${name}.key`];
        openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-md', digest, '-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`, ...signer,
            '-startdate', stamp(now + from * DAY), '-enddate', stamp(now + until * DAY));
        return { key: readFileSync(path(`${name}.key`), 'utf8'), cert: readFileSync(path(`${name}.pem`), 'utf8') };
    };
}

export const CA = ['basicConstraints = critical, CA:TRUE', 'keyUsage = critical, keyCertSign, cRLSign', 'subjectKeyIdentifier = hash'];
export const leaf = (...names) => ['basicConstraints = critical, CA:FALSE', 'keyUsage = critical, digitalSignature', 'extendedKeyUsage = serverAuth',
    'authorityKeyIdentifier = keyid', `subjectAltName = ${names.join(', ')}`];

/**
 * The chains that test servers show, by the host name below bad.example that shows them; `root` is what clients are told to trust. A chain
 * is {key, cert} with the issuers behind the leaf, as TLS sends them.
 */
export function makeChains(folder) {
    const issue = authority(folder);
    const root = issue('root', { subject: 'Test root', extensions: CA });
    issue('stranger', { subject: 'Root that nobody knows', extensions: CA });
    const middle = issue('middle', { by: 'root', subject: 'Test intermediate', extensions: [...CA.with(0, 'basicConstraints = critical, CA:TRUE, pathlen:0')] });
    const bound = issue('bound', { by: 'root', subject: 'Only for other names', extensions: [...CA, 'nameConstraints = critical, permitted;DNS:elsewhere.example'] });
    const banned = issue('banned', { by: 'root', subject: 'Not for bad.example', extensions: [...CA, 'nameConstraints = critical, excluded;DNS:bad.example'] });
    const below = issue('below', { by: 'middle', subject: 'Below a pathlen of 0', extensions: CA });
    const clerk = issue('clerk', { by: 'root', subject: 'Not an authority', extensions: leaf('DNS:clerk.example') });
    const old = issue('old', { by: 'root', subject: 'Expired intermediate', from: -30, until: -1, extensions: CA });
    const make = (name, options, ...issuers) => {
        const made = issue(`leaf-${name}`, { subject: `${name}.bad.example`, extensions: leaf(`DNS:${name}.bad.example`), ...options });
        return { key: made.key, cert: [made.cert, ...issuers.map((i) => i.cert)].join('') };
    };
    return {
        root: root.cert,
        good: make('good', { by: 'middle', subject: 'site.example',
            extensions: leaf('DNS:site.example', 'DNS:*.site.example', 'DNS:*.bad.example', 'DNS:six.example', 'IP:93.184.216.34', 'IP:2606:2800:220:1::34') }, middle),
        bad: {
            expired: make('expired', { by: 'middle', from: -30, until: -1 }, middle),
            'not-yet': make('not-yet', { by: 'middle', from: 1 }, middle),
            'wrong-name': make('wrong-name', { by: 'middle', extensions: leaf('DNS:another.example') }, middle),
            'no-name': make('no-name', { by: 'middle', extensions: leaf('DNS:x').slice(0, 4) }, middle),
            'self-signed': make('self-signed', {}),
            stranger: make('stranger', { by: 'stranger' }),
            'no-intermediate': make('no-intermediate', { by: 'middle' }),
            'not-permitted': make('not-permitted', { by: 'bound' }, bound),
            excluded: make('excluded', { by: 'banned' }, banned),
            'too-long': make('too-long', { by: 'below' }, below, middle),
            'no-authority': make('no-authority', { by: 'clerk' }, clerk),
            'old-intermediate': make('old-intermediate', { by: 'old' }, old),
            'for-clients': make('for-clients', { by: 'middle', extensions: leaf('DNS:for-clients.bad.example').with(2, 'extendedKeyUsage = clientAuth') }, middle),
            'short-key': make('short-key', { by: 'middle', key: ['rsa', 'rsa_keygen_bits:1024'], extensions: leaf('DNS:short-key.bad.example').with(1, 'keyUsage = critical, digitalSignature, keyEncipherment') }, middle),
        },
    };
}
