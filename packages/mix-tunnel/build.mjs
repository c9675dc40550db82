// SPDX-License-Identifier: Apache-2.0
// What dist/ of mix-tunnel has: one file with everything on the page's side (all.js), of which index.js and internal.js hand on their
// part; the worker; the module.
export async function build(tools) {
    tools.types();
    await tools.browser('all');
    await tools.node('all');
    for (const entry of ['index', 'internal']) tools.handOn(entry, 'all', await tools.names(entry));
}
