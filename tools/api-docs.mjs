// SPDX-License-Identifier: Apache-2.0
// The API reference from its sources: comments and declarations of include/mix/*.h, and of what packages/*/dist/index.d.ts exports.
//   api-docs.mjs [OUT]      writes OUT (build/docs)/README.md and api/*.md, the same as .html, and lists what has no words about it.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from './version.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['mix-tunnel', 'mix-fetch', 'mix-dns', 'mix-websocket'];

// ---- C ----

/** A comment's words. */
const words = (comment) => comment.replace(/^\/\*+ ?|\s*\*+\/$/g, '').split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd()).join('\n').trim();

/** What a declaration declares: functions, types, macros. */
function namesOf(code) {
    const bare = code.replace(/\/\*[\s\S]*?\*\//g, '');
    const type = bare.match(/^typedef\b[\s\S]*?(\w+)\s*;\s*$/) ?? bare.match(/^(?:enum|struct)\s+(\w+)/) ?? bare.match(/^#define\s+(\w+)/);
    if (type) return [type[1]];
    return [...bare.matchAll(/\b(mix_\w+)\s*\(/g)].map((match) => match[1]).slice(0, 1);
}

/** Cuts a header at depth 0 into comments, declarations and empty lines. */
function* pieces(text) {
    let i = 0;
    while (i < text.length) {
        const rest = text.slice(i);
        const gap = rest.match(/^(\s*\n)+/);
        if (gap) {
            yield { kind: 'gap', blank: gap[0].match(/\n/g).length > 1 };
            i += gap[0].length;
            continue;
        }
        let end;
        let kind = 'code';
        if (rest.startsWith('/*')) {
            kind = 'comment';
            end = rest.indexOf('*/') + 2;
        } else if (rest.startsWith('#')) {
            end = rest.search(/[^\\]\n/) + 1;
        } else {
            let depth = 0;
            let at = 0;
            for (; at < rest.length; at++) {
                if (rest.startsWith('/*', at)) at = rest.indexOf('*/', at) + 1;
                else if ('{('.includes(rest[at])) depth++;
                else if ('})'.includes(rest[at])) depth--;
                else if (rest[at] === ';' && depth === 0) break;
            }
            end = at + 1;
            const tail = rest.slice(end).match(/^ *\/\*[\s\S]*?\*\//); // a comment behind it belongs to it
            if (tail) end += tail[0].length;
        }
        yield { kind, text: rest.slice(0, end).trim() };
        i += Math.max(end, 1);
    }
}

/** {title, intro, items: [{names, words, code, section}]} of a header. */
function readHeader(name) {
    const text = readFileSync(join(ROOT, 'include/mix', name), 'utf8').replace(/^#ifdef __cplusplus\n[\s\S]*?#endif\n/gm, '');
    let intro = '';
    let comment = '';
    let section = '';
    const items = [];
    for (const piece of pieces(text)) {
        if (piece.kind === 'gap') {
            if (piece.blank) comment = '';
        } else if (piece.kind === 'comment') {
            const its = words(piece.text);
            if (/^SPDX/.test(its)) continue;
            const title = its.match(/^-{2,} *(.*?) *-{2,}$/);
            if (title) section = title[1];
            else if (!intro) intro = its;
            else comment = its;
        } else if (/^#(ifndef|define MIX_\w+_H$|include|if|endif|undef)/m.test(piece.text)) {
            comment = '';
        } else {
            const names = namesOf(piece.text);
            const last = items.at(-1);
            if (names.length === 0 || /^MIX_ERROR(S_|_TABLE|_NAME_)/.test(names[0])) { // the latter make the table
                comment = '';
                continue;
            }
            const forward = /^typedef struct \w+ \w+;$/.test(piece.text);
            if (last && comment === '' && last.open && !forward) { // one comment over several
                last.names.push(...names);
                last.code += `\n${piece.text}`;
            } else {
                items.push({ names, words: comment, code: piece.text, section, open: true });
            }
            comment = '';
            continue;
        }
        if (piece.kind === 'gap' && piece.blank && items.length > 0) items.at(-1).open = false;
    }
    const rows = [...text.matchAll(/^ +E\((\w+), (\d+), (\w+), "(.*?)"\)/gm)].map(([, its, number, ends, phrase]) => [`MIX_ERR_${its}`, `−${number}`, ends.toLowerCase(), phrase]);
    return { title: `mix/${name}`, intro, items, ...(rows.length > 0 ? { table: { head: ['code', 'number', 'ends', 'text'], rows } } : {}) };
}

// ---- TypeScript ----

const declarations = new Map();

/** Where an import of a declaration file leads: a file of packages/*\/dist, or null for what is not ours. */
function fileOf(specifier, from) {
    if (specifier.startsWith('.')) return join(dirname(from), specifier.replace(/\.js$/, '.d.ts'));
    const [, name, entry] = specifier.match(/^@lwmix\/(mix-\w+)(?:\/(\w+))?$/) ?? [];
    return name ? join(ROOT, 'packages', name, 'dist', `${entry ?? 'index'}.d.ts`) : null;
}

/** The end of a statement at the start of this text: a brace where a block ends it, else a semicolon. */
function endOfStatement(text) {
    const block = /^(export )?(declare )?(abstract )?(interface|class|enum)\b/.test(text);
    let depth = 0;
    for (let at = 0; at < text.length; at++) {
        if (text.startsWith('/*', at)) at = text.indexOf('*/', at) + 1;
        else if (text.startsWith('//', at)) at = text.indexOf('\n', at);
        else if ('{(['.includes(text[at])) depth++;
        else if ('})]'.includes(text[at])) {
            depth--;
            if (depth === 0 && block && text[at] === '}') return at + 1;
        } else if (text[at] === ';' && depth === 0) return at + 1;
    }
    return text.length;
}

/** What a declaration file exports: name → {words, code, file}, or {from, name} where it is another's. */
function exportsOf(file) {
    if (declarations.has(file)) return declarations.get(file);
    const found = new Map();
    declarations.set(file, found);
    const text = readFileSync(file, 'utf8');
    let comment = '';
    for (let i = 0; i < text.length;) {
        const rest = text.slice(i);
        const space = rest.match(/^\s+|^\/\/.*\n/)?.[0].length;
        if (space) {
            i += space;
            continue;
        }
        if (rest.startsWith('/*')) {
            const end = rest.indexOf('*/') + 2;
            comment = words(rest.slice(0, end));
            i += end;
            continue;
        }
        const end = endOfStatement(rest);
        const code = rest.slice(0, end);
        const list = code.match(/^export (?:type )?\{([^}]*)\} from '([^']+)'/);
        const all = code.match(/^export (?:type )?\* from '([^']+)'/);
        const own = code.match(/^export (?:declare )?(?:abstract )?(?:const )?(?:function|class|interface|type|enum|const)\s+(\w+)/) ?? code.match(/^export declare const (\w+)/);
        if (list) {
            for (const part of list[1].split(',').map((item) => item.trim().replace(/^type /, '')).filter(Boolean)) {
                const [name, as] = part.split(/ as /);
                found.set(as ?? name, { from: fileOf(list[2], file), name, package: list[2] });
            }
        } else if (all) for (const name of exportsOf(fileOf(all[1], file)).keys()) found.set(name, { from: fileOf(all[1], file), name });
        else if (own) found.set(own[1], { words: comment, file, code: code.replace(/^export (declare )?/, '') });
        comment = '';
        i += end;
    }
    return found;
}

/** Where a name comes from in the end. */
function resolve(file, name) {
    const its = exportsOf(file).get(name);
    if (!its) throw new Error(`api-docs: ${file} does not export ${name}`);
    if (its.code !== undefined) return its;
    return its.from ? resolve(its.from, its.name) : { words: `From the package \`${its.package}\`.`, code: '', file };
}

function readPackage(name) {
    const file = join(ROOT, 'packages', name, 'dist/index.d.ts');
    if (!existsSync(file)) throw new Error(`api-docs: ${file} is missing: run make packages first`);
    const items = [...exportsOf(file).keys()].map((exported) => {
        const its = resolve(file, exported);
        const home = its.file.match(/packages\/(mix-\w+)\/dist/)[1];
        const shown = home !== name && exportsOf(join(ROOT, 'packages', home, 'dist/index.d.ts')).has(exported);
        return { names: [exported], words: its.words, code: its.code, home: shown ? home : undefined };
    });
    const readme = readFileSync(join(ROOT, 'packages', name, 'README.md'), 'utf8');
    return { title: `@lwmix/${name}`, intro: readme.split('\n\n')[1], items: items.sort((one, other) => (one.names[0] < other.names[0] ? -1 : 1)) };
}

// ---- pages ----

const anchor = (name) => name.toLowerCase();
const html = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
/** What a page says about an item that another package defines. */
const elsewhere = (item) => item.home !== undefined;

function markdown({ title, intro, items, table }, language) {
    const out = [`# ${title}`, '', intro.replace(/\]\(\.\.\/(mix-\w+)\)/g, ']($1.md)'), '', items.flatMap((item) => item.names).map((name) => `[\`${name}\`](#${anchor(name)})`).join(' · '), ''];
    let section = '';
    for (const item of items) {
        if (item.section && item.section !== section) out.push(`## ${section = item.section}`, '');
        for (const name of item.names) out.push(`### ${name}`, '');
        if (elsewhere(item)) {
            out.push(`As in [@lwmix/${item.home}](${item.home}.md#${anchor(item.names[0])}).`, '');
            continue;
        }
        if (item.words) out.push(item.words, '');
        if (item.code) out.push(`\`\`\`${language}`, item.code, '```', '');
    }
    if (table) out.push('## All of them', '', ...[table.head, table.head.map(() => '---'), ...table.rows].map((row) => `| ${row.join(' | ')} |`), '');
    return `${out.join('\n')}\n`;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;background:#fff}
pre{background:#f4f5f7;padding:.8rem;overflow-x:auto;border-radius:6px;font-size:14px}code,h3{font-family:ui-monospace,monospace}
p.words{white-space:pre-line}a{color:#0b5cad}th,td{text-align:left;padding:.1rem .8rem .1rem 0}h3{margin:2rem 0 .3rem}
@media(prefers-color-scheme:dark){body{background:#14171a;color:#e4e7ea}pre{background:#20252b}a{color:#7db9f5}}`;
const pageOf = (title, body) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${html(title)}</title><style>${STYLE}</style>
${body}
</html>
`;

function webPage({ title, intro, items, table }) {
    const link = (name) => `<a href="#${anchor(name)}"><code>${name}</code></a>`;
    const plain = intro.replace(/\[`?([^\]`]*)`?\]\([^)]*\)/g, '$1');
    const body = [`<p><a href="../README.html">API</a></p><h1>${title}</h1>`, `<p class="words">${html(plain)}</p>`, `<p>${items.flatMap((item) => item.names).map(link).join(' · ')}</p>`];
    let section = '';
    for (const item of items) {
        if (item.section && item.section !== section) body.push(`<h2>${html(section = item.section)}</h2>`);
        for (const name of item.names) body.push(`<h3 id="${anchor(name)}">${name}</h3>`);
        if (elsewhere(item)) body.push(`<p>As in <a href="${item.home}.html#${anchor(item.names[0])}">@lwmix/${item.home}</a>.</p>`);
        else body.push(...(item.words ? [`<p class="words">${html(item.words)}</p>`] : []), ...(item.code ? [`<pre>${html(item.code)}</pre>`] : []));
    }
    const cells = (row, tag) => `<tr>${row.map((cell) => `<${tag}>${html(cell)}</${tag}>`).join('')}</tr>`;
    if (table) body.push('<h2>All of them</h2>', `<table>${cells(table.head, 'th')}\n${table.rows.map((row) => cells(row, 'td')).join('\n')}</table>`);
    return pageOf(`${title}: lwmix ${version()}`, body.join('\n'));
}

/** All pages: [file, model, language]. */
export function models() {
    const headers = readdirSync(join(ROOT, 'include/mix')).filter((name) => name.endsWith('.h')).sort((a, b) => (a === 'tunnel.h' ? -1 : b === 'tunnel.h' ? 1 : a < b ? -1 : 1));
    return [...headers.map((name) => [`c-${name.replace('.h', '')}`, readHeader(name), 'c']), ...PACKAGES.map((name) => [name, readPackage(name), 'ts'])];
}

export function writeDocs(out, pages = models()) {
    rmSync(join(out, 'api'), { recursive: true, force: true });
    mkdirSync(join(out, 'api'), { recursive: true });
    for (const [file, model, language] of pages) {
        writeFileSync(join(out, 'api', `${file}.md`), markdown(model, language));
        writeFileSync(join(out, 'api', `${file}.html`), webPage(model));
    }
    const line = (text) => text.replace(/\[`?([^\]`]*)`?\]\([^)]*\)/g, '$1').split(/\.\s/)[0].replaceAll('\n', ' ');
    const groups = [['In C', 'c'], ['In JavaScript and TypeScript', 'ts']];
    writeFileSync(join(out, 'README.md'), [`# API of lwmix ${version()}`, '', ...groups.flatMap(([title, language]) => [`## ${title}`, '',
        ...pages.filter((page) => page[2] === language).map(([file, model]) => `- [${model.title}](api/${file}.md): ${line(model.intro)}`), ''])].join('\n'));
    writeFileSync(join(out, 'README.html'), pageOf(`API of lwmix ${version()}`, `<h1>API of lwmix ${version()}</h1>` + groups.map(([title, language]) => `<h2>${title}</h2><ul>` +
        pages.filter((page) => page[2] === language).map(([file, model]) => `<li><a href="api/${file}.html"><code>${model.title}</code></a>: ${html(line(model.intro))}`).join('\n') + '</ul>').join('\n')));
    return pages;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const out = process.argv[2] ?? join(ROOT, 'build/docs');
    const pages = writeDocs(out);
    const silent = pages.flatMap(([, model]) => model.items.filter((item) => !elsewhere(item) && !item.words && !/\/\*/.test(item.code)).map((item) => `${model.title}: ${item.names.join(', ')}`));
    console.log(`docs: ${pages.length} pages, ${pages.reduce((sum, [, model]) => sum + model.items.reduce((n, item) => n + item.names.length, 0), 0)} names, in ${join(out, 'README.html')}`);
    if (silent.length > 0) console.log(`docs: ${silent.length} have no words of their own (-v lists them)${process.argv.includes('-v') ? `:\n${silent.join('\n')}` : ''}`);
}
