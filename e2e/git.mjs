// SPDX-License-Identifier: Apache-2.0
// A git repository for tests, and git's own server program behind an HTTP server (the smart protocol).
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A bare repository `name` below folder with a few commits; the hash of its last commit. */
export function makeRepository(folder, name, files) {
    const work = join(folder, 'work');
    const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@site.test', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@site.test' };
    const git = (...args) => execFileSync('git', ['-C', work, ...args],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, HOME: folder, ...identity } }).trim();
    mkdirSync(work, { recursive: true });
    git('init', '-q', '-b', 'main');
    for (const [file, content] of Object.entries(files)) {
        writeFileSync(join(work, file), content);
        git('add', file);
        git('commit', '-q', '-m', file);
    }
    execFileSync('git', ['clone', '-q', '--bare', work, join(folder, name)], { env: { PATH: process.env.PATH, HOME: folder } });
    return git('rev-parse', 'HEAD');
}

/** Answers a request below /git/ by `git http-backend` (a CGI program). */
export function answerGit(folder, request, response) {
    const url = new URL(request.url, 'http://x');
    const child = spawn('git', ['http-backend'], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: {
            PATH: process.env.PATH, HOME: folder, GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', REMOTE_ADDR: '127.0.0.1',
            PATH_INFO: url.pathname.replace(/^\/git/, ''), QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method,
            CONTENT_TYPE: request.headers['content-type'] ?? '', HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
            GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
        },
    });
    child.stdin.on('error', () => {});
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    child.stdout.on('data', function first(chunk) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        child.stdout.off('data', first);
        const fields = head.subarray(0, end).toString().split('\r\n').map((line) => line.split(/:\s*/, 2));
        const status = fields.find(([name]) => name.toLowerCase() === 'status');
        response.writeHead(status ? parseInt(status[1], 10) : 200, Object.fromEntries(fields.filter((f) => f !== status)));
        response.write(head.subarray(end + 4));
        child.stdout.pipe(response);
    });
    child.on('close', () => response.end());
}
