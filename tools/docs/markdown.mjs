// SPDX-License-Identifier: Apache-2.0
// What tools/docs-test.mjs wants to know of a Markdown file: its code blocks, links, anchors, and the paths of this repository that it names.

/** GitHub's anchor of a heading. */
function slug(heading) {
    return heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');
}

/**
 * {blocks, links, anchors, paths}. A block has language, text and the line it begins in; language is null where four spaces make it, '' where a
 * fence names none.
 */
export function readMarkdown(text) {
    const blocks = [];
    const links = [];
    const anchors = new Map();
    const paths = [];
    let block = null;
    let inList = false;
    let blank = true;
    text.split('\n').forEach((line, i) => {
        if (block?.fence) {
            if (line.trim().startsWith(block.fence)) block = null;
            else block.lines.push(line);
            return;
        }
        const fence = line.match(/^ {0,3}(`{3,})\s*(\S*)/);
        if (fence) {
            blocks.push(block = { fence: fence[1], language: fence[2], line: i + 1, lines: [] });
            return;
        }
        if (/^( {4}|\t)/.test(line) && !inList && (block || blank)) {
            if (!block) blocks.push(block = { language: null, line: i + 1, lines: [] });
            block.lines.push(line.slice(4));
            return;
        }
        if (line.trim() === '') {
            blank = true;
            return;
        }
        block = null;
        if (/^ {0,3}([-*+]|\d+\.)\s/.test(line)) inList = true;
        else if (/^\S/.test(line) && blank) inList = false;
        blank = false;
        const heading = line.match(/^#{1,6}\s+(.*)$/);
        if (heading) {
            const its = slug(heading[1]);
            const times = anchors.get(its) ?? 0;
            anchors.set(its, times + 1);
            if (times > 0) anchors.set(`${its}-${times}`, 1);
        }
        for (const [, code] of line.matchAll(/`([^`]+)`/g)) paths.push({ path: code, line: i + 1 });
        const bare = line.replace(/`[^`]*`/g, (code) => code.replace(/./g, '_'));
        for (const [, one, other] of bare.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)) links.push({ target: one ?? other, line: i + 1 });
    });
    return { blocks: blocks.map(({ language, line, lines }) => ({ language, line, text: `${lines.join('\n').trimEnd()}\n` })), links, anchors: new Set(anchors.keys()), paths };
}
